package pattern

import (
	"errors"
	"fmt"
)

// ErrTooLarge is wrapped by the error for a pattern whose text, nesting or automaton exceeds the limits of this package.
var ErrTooLarge = errors.New("the pattern is too large")

// SyntaxError says where a pattern is wrong and what was expected. Offset counts octets from the beginning of the text that
// was given to the function.
type SyntaxError struct {
	Offset int
	Msg    string

	tooLarge bool
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.Msg) }

// Unwrap gives ErrTooLarge when a limit is the reason.
func (e *SyntaxError) Unwrap() error {
	if e.tooLarge {
		return ErrTooLarge
	}
	return nil
}

const (
	maxText    = 1 << 17
	maxNesting = 10000
	maxStates  = 60000
)

// The alphabet: octets, then what Zeek feeds before the first and after the last octet. Zeek: NFA.h.
const (
	symBOL     = 256
	symEOL     = 257
	numSymbols = 258
	symEpsilon = 259 // can be written as \403: matches nothing, anywhere
)

// symbolSet holds symbols 0 to numSymbols-1.
type symbolSet [5]uint64

func (s *symbolSet) add(sym int)      { s[sym>>6] |= 1 << (sym & 63) }
func (s *symbolSet) has(sym int) bool { return s[sym>>6]&(1<<(sym&63)) != 0 }

// octetsNotIn is a negated class: it never takes the two extra symbols.
func octetsNotIn(s symbolSet) symbolSet {
	var r symbolSet
	for i := range 4 {
		r[i] = ^s[i]
	}
	return r
}

type nodeOp uint8

const (
	opEmpty  nodeOp = iota
	opSet           // one symbol of sets[set]
	opCat           // kids, one after the other
	opAlt           // one of kids
	opRepeat        // kids[0], min to max times; max < 0: no end
)

type node struct {
	op       nodeOp
	set      int
	min, max int
	kids     []*node
}

var emptyNode = &node{op: opEmpty}

// parser is the grammar of one regular expression by recursive descent. Where the moment of reading matters (flags), it is
// that of a parser that looks ahead only when it must. Zeek: re-parse.y.
type parser struct {
	scanner
	tok       token
	peeked    bool
	depth     int
	multiline bool // the dot takes newlines, as in signatures
}

// parseRegexp reads a whole regular expression, without slashes.
func parseRegexp(text string, multiline bool) (*node, []symbolSet, *SyntaxError) {
	if len(text) > maxText {
		return nil, nil, &SyntaxError{Offset: maxText, Msg: "the text of the pattern is too long", tooLarge: true}
	}
	p := &parser{multiline: multiline}
	p.text = text
	p.classes = map[string]int{}
	p.setIndex = map[symbolSet]int{}
	for i := range len(text) {
		if text[i] == '\n' || text[i] == 0 {
			return nil, nil, &SyntaxError{Offset: i, Msg: "a pattern holds no newline and no NUL; write \\n or \\x00"}
		}
	}
	n := p.alternatives()
	if t := p.peek(); p.err == nil && t.kind != tokEOF {
		p.unexpected(t, "the end of the pattern")
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return n, p.sets, nil
}

func (p *parser) peek() token {
	if !p.peeked {
		p.tok, p.peeked = p.scanner.next(), true
	}
	return p.tok
}

func (p *parser) take() token {
	t := p.peek()
	p.peeked = false
	return t
}

func (p *parser) unexpected(t token, expected string) {
	found := "the end"
	if t.kind != tokEOF && t.pos < len(p.text) {
		found = fmt.Sprintf("%q", p.text[t.pos])
	}
	p.fail(t.pos, "found "+found+"; expected "+expected)
}

// alternatives: only the first one may be empty, so (|a) is a pattern and (a|) is not.
func (p *parser) alternatives() *node {
	if p.depth++; p.depth > maxNesting {
		p.err = &SyntaxError{Offset: p.pos, Msg: "too many groups in each other", tooLarge: true}
		return emptyNode
	}
	defer func() { p.depth-- }()

	first := emptyNode
	if t := p.peek(); !t.is('|') && !t.is(')') && t.kind != tokEOF {
		first = p.series()
	}
	if !p.peek().is('|') {
		return first
	}
	alt := &node{op: opAlt, kids: []*node{first}}
	for p.peek().is('|') {
		p.take()
		alt.kids = append(alt.kids, p.series())
	}
	return alt
}

func (p *parser) series() *node {
	cat := &node{op: opCat}
	for p.err == nil {
		t := p.peek()
		if t.kind == tokEOF || t.is('|') || t.is(')') {
			break
		}
		cat.kids = append(cat.kids, p.singleton())
	}
	switch len(cat.kids) {
	case 0:
		p.unexpected(p.peek(), "something to match (only the first alternative may be empty)")
		return emptyNode
	case 1:
		return cat.kids[0]
	}
	return cat
}

func (p *parser) singleton() *node {
	n := p.atom()
	for p.err == nil {
		t := p.peek()
		switch {
		case t.is('*'):
			n = &node{op: opRepeat, min: 0, max: -1, kids: []*node{n}}
		case t.is('+'):
			n = &node{op: opRepeat, min: 1, max: -1, kids: []*node{n}}
		case t.is('?'):
			n = &node{op: opRepeat, min: 0, max: 1, kids: []*node{n}}
		case t.is('{'):
			p.take()
			n = p.counts(n, t.pos)
			continue
		default:
			return n
		}
		p.take()
	}
	return n
}

// counts reads {n}, {n,} or {n,m} after its brace.
func (p *parser) counts(n *node, pos int) *node {
	t := p.take()
	if t.kind != tokNumber {
		p.unexpected(t, "a number after {")
		return n
	}
	r := &node{op: opRepeat, min: t.value, max: t.value, kids: []*node{n}}
	if t = p.take(); t.is(',') {
		r.max = -1
		if t = p.take(); t.kind == tokNumber {
			if r.max = t.value; r.max < r.min {
				p.fail(pos, "bad repetition: the upper bound is below the lower")
			}
			t = p.take()
		}
	}
	if !t.is('}') {
		p.unexpected(t, "}")
	}
	return r
}

func (p *parser) atom() *node {
	t := p.take()
	switch {
	case t.kind == tokChar:
		return p.symbol(t.value)
	case t.kind == tokClass:
		return &node{op: opSet, set: t.value}
	case t.kind == tokIgnoreCase, t.kind == tokSingleLine, t.is('('):
		n := p.alternatives()
		if c := p.take(); !c.is(')') {
			p.unexpected(c, ")")
		}
		switch t.kind {
		case tokIgnoreCase:
			p.ignoreCase = false
		case tokSingleLine:
			p.singleLine = false
		}
		return n
	case t.is('['):
		return p.class()
	case t.is('"'):
		// In quotes nothing is special and case always counts.
		cat := &node{op: opCat}
		for {
			c := p.take()
			if c.kind != tokChar {
				break // the closing quote, or the end with its error
			}
			cat.kids = append(cat.kids, p.symbol(c.value))
		}
		if len(cat.kids) == 0 {
			return emptyNode
		}
		return cat
	case t.is('.'):
		var s symbolSet
		if !p.singleLine && !p.multiline {
			s.add('\n')
		}
		return p.setNode(octetsNotIn(s))
	case t.is('^'):
		return p.symbol(symBOL)
	case t.is('$'):
		return p.symbol(symEOL)
	}
	p.unexpected(t, "something to match")
	return emptyNode
}

// class reads a bracket expression after its opening bracket.
func (p *parser) class() *node {
	spelling := p.pending
	var s symbolSet
	negated := false
	t := p.take()
	if t.is('^') {
		negated = true
		t = p.take()
	}
	for !t.is(']') && p.err == nil {
		switch t.kind {
		case tokNamed:
			c := &namedClasses[t.value]
			for i := range 128 {
				b := byte(i)
				if c.has(b) || p.ignoreCase && (c.name == "lower" || c.name == "upper") && isAlpha(b) {
					s.add(i)
				}
			}
		case tokChar:
			if !p.inSymbols(t) {
				break
			}
			if p.peek().is('-') {
				p.take()
				last := p.take()
				if last.kind != tokChar {
					p.unexpected(last, "the end of the range")
					break
				}
				p.addRange(&s, t, last)
			} else {
				s.add(t.value)
				if p.ignoreCase && isLetter(t.value) {
					s.add(t.value ^ 0x20)
				}
			}
		default:
			p.unexpected(t, "a character, a range or ]")
		}
		t = p.take()
	}
	if negated {
		s = octetsNotIn(s)
	}
	n := p.setNode(s)
	p.classes[spelling] = n.set
	return n
}

func (p *parser) inSymbols(t token) bool {
	if t.value < numSymbols {
		return true
	}
	p.fail(t.pos, "octal escape above \\377")
	return false
}

func (p *parser) addRange(s *symbolSet, from, to token) {
	switch {
	case !p.inSymbols(to):
	case from.value > to.value:
		p.fail(from.pos, "negative range in a character class")
	case p.ignoreCase && (isLetter(from.value) || isLetter(to.value)):
		if !isLetter(from.value) || !isLetter(to.value) || from.value&0x20 != to.value&0x20 {
			p.fail(from.pos, "ambiguous range in a character class that ignores case; expected letters of one case at both ends")
			return
		}
		for c := from.value; c <= to.value; c++ {
			s.add(c)
			s.add(c ^ 0x20)
		}
	default:
		for c := from.value; c <= to.value; c++ {
			s.add(c)
		}
	}
}

func isLetter(sym int) bool { return sym < 128 && isAlpha(byte(sym)) }

func (p *parser) symbol(sym int) *node {
	if sym == symEpsilon {
		return emptyNode
	}
	var s symbolSet
	s.add(sym)
	return p.setNode(s)
}

func (p *parser) setNode(s symbolSet) *node { return &node{op: opSet, set: p.setOf(s)} }
