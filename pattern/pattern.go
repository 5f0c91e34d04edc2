package pattern

import (
	"fmt"
	"sync"
)

// Pattern is a compiled pattern. It is immutable and safe for concurrent use.
type Pattern struct {
	exactText, anywhereText string

	exact, anywhere *dfa

	reverseOnce sync.Once
	reverse     *dfa
}

// Compile compiles one regular expression without slashes, as Zeek compiles the text between them. An error is a
// [*SyntaxError], whose offset counts in re.
func Compile(re string) (*Pattern, error) { return compileLiteral(re) }

// MustCompile is [Parse] for patterns that are part of the program; it panics on an error.
func MustCompile(text string) *Pattern {
	p, err := Parse(text)
	if err != nil {
		panic(fmt.Sprintf("pattern.MustCompile(%q): %v", text, err))
	}
	return p
}

// The texts that a pattern is wrapped in decide what it does at the edges: == may skip the two edge symbols, in skips any
// octets before. They are textual as in Zeek, so that /a)|(b/ is a pattern. Zeek: RE.cc, AddExactPat, AddAnywherePat.
const (
	exactPrefix    = "^?("
	exactSuffix    = ")$?"
	anywherePrefix = `^?(.|\n)*(`
	anywhereSuffix = ")"
)

func compileLiteral(re string) (*Pattern, error) {
	t, before := literalTexts(re, false, false)
	p, err := compileTexts(t.exact, t.anywhere)
	if err != nil {
		err.Offset = min(max(err.Offset-before, 0), len(re))
		return nil, err
	}
	return p, nil
}

func compileTexts(exact, anywhere string) (*Pattern, *SyntaxError) {
	p := &Pattern{exactText: exact, anywhereText: anywhere}
	var err *SyntaxError
	if p.exact, err = compileForward(exact, false); err != nil {
		return nil, err
	}
	if p.anywhere, err = compileForward(anywhere, false); err != nil {
		return nil, err
	}
	return p, nil
}

func compileForward(text string, multiline bool) (*dfa, *SyntaxError) {
	root, sets, serr := parseRegexp(text, multiline)
	if serr != nil {
		return nil, serr
	}
	n, serr := newNFA(root, sets)
	if serr != nil {
		return nil, serr
	}
	return newForward(n), nil
}

// Add is Zeek's p += q. It matches what /p/ | /q/ does; its text is another one, with q first.
// Zeek: Val.cc, PatternVal::AddTo.
func Add(p, q *Pattern) (*Pattern, error) {
	r, err := compileTexts(
		"("+exactPrefix+q.exactText+exactSuffix+")|("+exactPrefix+p.exactText+exactSuffix+")",
		"("+anywherePrefix+q.exactText+anywhereSuffix+")|("+anywherePrefix+p.exactText+anywhereSuffix+")")
	if err != nil {
		return nil, err
	}
	return r, nil
}

func mergedText(p, op, q string) string { return "(" + p + ")" + op + "(" + q + ")" }

// String is the pattern as Zeek prints it: /^?(foo)$?/ for /foo/.
func (p *Pattern) String() string { return "/" + p.exactText + "/" }

// ExactText is the regular expression that == uses, AnywhereText the one of in. The two are Zeek's hash key of a pattern.
func (p *Pattern) ExactText() string    { return p.exactText }
func (p *Pattern) AnywhereText() string { return p.anywhereText }

// MatchExactly is Zeek's b == p.
func (p *Pattern) MatchExactly(b []byte) bool {
	m := p.exact
	n := m.n
	d := m.to(m.start.Load(), n.classOf[symBOL])
	for _, c := range b {
		if d.flags&flagDead != 0 {
			return false
		}
		d = m.to(d, n.classOf[c])
	}
	return d.flags&flagDead == 0 && m.to(d, n.classOf[symEOL]).flags&flagAccept != 0
}

// MatchAnywhere is Zeek's p in b. In an empty b only a pattern is found that asks for its end: /.*/ in "" is F.
func (p *Pattern) MatchAnywhere(b []byte) bool {
	m := p.anywhere
	n := m.n
	d := m.to(m.start.Load(), n.classOf[symBOL])
	for _, c := range b {
		if d.flags&flagDead != 0 {
			return false
		}
		if d = m.to(d, n.classOf[c]); d.flags&flagAccept != 0 {
			return true
		}
	}
	return d.flags&flagDead == 0 && m.to(d, n.classOf[symEOL]).flags&flagAccept != 0
}

// MatchPrefix is the length of the longest match at the beginning of b, -1 if there is none. bol and eol say whether the
// beginning and the end of b are those of the input, for ^ and $. Zeek: RE.cc, LongestMatch.
func (p *Pattern) MatchPrefix(b []byte, bol, eol bool) int {
	n, _ := p.exact.longest(b, bol, eol)
	return n
}

// longest also says how many octets it read.
func (m *dfa) longest(b []byte, bol, eol bool) (length, read int) {
	classOf := &m.n.classOf
	d := m.start.Load()
	if bol {
		if d = m.to(d, classOf[symBOL]); d.flags&flagDead != 0 {
			return -1, 0
		}
	}
	length = -1
	if d.flags&flagAccept != 0 {
		length = 0
	}
	for i, c := range b {
		k := classOf[c]
		next := d.next[k].Load()
		if next == nil {
			next = m.compute(d, k)
		}
		d = next
		if d.flags != 0 {
			if d.flags&flagDead != 0 {
				return length, i
			}
			length = i + 1
		}
	}
	if eol && m.to(d, classOf[symEOL]).flags&flagAccept != 0 {
		return len(b), len(b)
	}
	return length, len(b)
}

func (p *Pattern) reverseDFA() *dfa {
	p.reverseOnce.Do(func() { p.reverse = newReverse(p.exact.n) })
	return p.reverse
}
