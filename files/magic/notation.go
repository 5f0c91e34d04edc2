package magic

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/internal/slab"
)

// set is a set of octets.
type set [4]uint64

func (s *set) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *set) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *set) addRange(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s.add(byte(c))
	}
}

func (s *set) negate() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// size is the number of octets in s; least is the smallest of them.
func (s *set) size() (n int, least byte) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			n += bits.OnesCount64(s[i])
			least = byte(i*64 + bits.TrailingZeros64(s[i]))
		}
	}
	return n, least
}

var anyOctet = set{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

type kind uint8

const (
	octet  kind = iota // one octet of set
	row                // subs, one after the other
	either             // one of subs
	repeat             // subs[0], min to max times
)

// unbounded is the max of a repetition without an upper bound.
const unbounded = -1

// node is a part of a pattern, as the notation of rules.txt writes it.
type node struct {
	kind     kind
	set      set
	subs     []*node
	min, max int
}

func octetNode(s set) *node { return &node{kind: octet, set: s} }

// octets is a row of the octets of s.
func (p *parser) octets(s string) *node {
	n := p.nodes.New()
	n.kind, n.subs = row, p.lists.Slice(len(s))
	for i := range n.subs {
		n.subs[i] = p.nodes.New()
		n.subs[i].set.add(s[i])
	}
	return n
}

// nullable reports whether n describes the empty string too.
func (n *node) nullable() bool {
	switch n.kind {
	case row:
		for _, s := range n.subs {
			if !s.nullable() {
				return false
			}
		}
		return true
	case either:
		for _, s := range n.subs {
			if s.nullable() {
				return true
			}
		}
		return false
	case repeat:
		return n.min == 0 || n.subs[0].nullable()
	}
	return false
}

// rule is one line of rules.txt.
type rule struct {
	Match
	pattern string  // in the notation
	program program // nil until it is needed
}

// readRules reads rules in the notation that rules.txt explains, but for their
// patterns, and puts them in order.
func readRules(text string) (*Matcher, error) {
	m := &Matcher{rules: make([]rule, 0, maxRules), defs: map[string]*node{}}
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		if line == "" || line[0] == '#' {
			continue
		}
		if err := m.readLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if len(m.rules) > maxRules {
		return nil, fmt.Errorf("more than %d rules", maxRules)
	}
	slices.SortStableFunc(m.rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(b.Strength, a.Strength), cmp.Compare(a.Type, b.Type))
	})
	return m, nil
}

func (m *Matcher) readLine(line string) error {
	if name, ok := strings.CutPrefix(line, "let "); ok {
		name, pattern, ok := strings.Cut(name, "=")
		if !ok {
			return errors.New("let without =")
		}
		n, err := parsePattern(pattern, m.defs)
		m.defs[strings.TrimSpace(name)] = n
		return err
	}
	mimeType, rest, _ := strings.Cut(line, "\t")
	number, pattern, ok := strings.Cut(rest, "\t")
	if !ok {
		return errors.New("want type, strength and pattern")
	}
	strength, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("strength: %w", err)
	}
	m.rules = append(m.rules, rule{Match: Match{mimeType, strength}, pattern: pattern})
	return nil
}

// compile compiles a pattern that may use the definitions.
func (m *Matcher) compile(pattern string) (program, error) {
	n, err := parsePattern(pattern, m.defs)
	if err != nil {
		return nil, err
	}
	return compile(n)
}

type parser struct {
	text string
	pos  int
	defs map[string]*node

	nodes slab.Of[node]
	lists slab.Of[*node]
}

func parsePattern(text string, defs map[string]*node) (*node, error) {
	p := &parser{text: text, defs: defs}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.text) {
		return nil, p.errorf("unexpected %q", p.text[p.pos])
	}
	return n, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("column %d: %s", p.pos+1, fmt.Sprintf(format, args...))
}

// peek is the next octet, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) blanks() {
	for p.peek() == ' ' {
		p.pos++
	}
}

func (p *parser) alternatives() (*node, error) {
	var subs []*node
	for {
		n, err := p.parts()
		if err != nil {
			return nil, err
		}
		subs = append(subs, n)
		if p.peek() != '|' {
			break
		}
		p.pos++
	}
	if len(subs) == 1 {
		return subs[0], nil
	}
	return &node{kind: either, subs: subs}, nil
}

func (p *parser) parts() (*node, error) {
	n := p.nodes.New()
	n.kind = row
	for {
		p.blanks()
		if c := p.peek(); c == 0 || c == '|' || c == ')' {
			break
		}
		part, err := p.part()
		if err != nil {
			return nil, err
		}
		n.subs = p.lists.Append(n.subs, part)
	}
	switch len(n.subs) {
	case 0:
		return nil, p.errorf("nothing here")
	case 1:
		return n.subs[0], nil
	}
	return n, nil
}

// times reads a bound of a repetition.
func times(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err
}

func (p *parser) part() (*node, error) {
	n, err := p.plainPart()
	if err != nil {
		return nil, err
	}
	lo, hi := 1, 1
	switch p.peek() {
	case '*':
		lo, hi = 0, unbounded
	case '+':
		lo, hi = 1, unbounded
	case '?':
		lo, hi = 0, 1
	case '{':
		inside, _, ok := strings.Cut(p.text[p.pos+1:], "}")
		if !ok {
			return nil, p.errorf("{ without }")
		}
		from, to, isRange := strings.Cut(inside, ",")
		if lo, err = times(from); err != nil {
			return nil, p.errorf("bad repetition {%s}", inside)
		}
		hi = lo
		if isRange && to == "" {
			hi = unbounded
		} else if isRange {
			if hi, err = times(to); err != nil || hi < lo {
				return nil, p.errorf("bad repetition {%s}", inside)
			}
		}
		p.pos += len(inside) + 1
	default:
		return n, nil
	}
	p.pos++
	return &node{kind: repeat, subs: []*node{n}, min: lo, max: hi}, nil
}

func (p *parser) plainPart() (*node, error) {
	switch c := p.peek(); {
	case c == '.':
		p.pos++
		return octetNode(anyOctet), nil
	case c == '(':
		p.pos++
		n, err := p.alternatives()
		if err != nil {
			return nil, err
		}
		if p.peek() != ')' {
			return nil, p.errorf("( without )")
		}
		p.pos++
		return n, nil
	case c == '[':
		return p.setPart()
	case c == '@':
		end := p.pos + 1
		for end < len(p.text) && (isLower(p.text[end]) || isDigit(p.text[end])) {
			end++
		}
		n := p.defs[p.text[p.pos+1:end]]
		if n == nil {
			return nil, p.errorf("%s is not defined", p.text[p.pos:end])
		}
		p.pos = end
		return n, nil
	case c == '"', (c == 'i' || c == 'w') && strings.HasPrefix(p.text[p.pos+1:], `"`):
		if c != '"' {
			p.pos++
		}
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if c == 'w' {
			s = strings.Join(strings.Split(s, ""), "\x00") + "\x00"
		}
		n := p.octets(s)
		if c == 'i' {
			for i := range len(s) {
				if isLower(s[i] | 0x20) {
					n.subs[i].set.add(s[i] ^ 0x20)
				}
			}
		}
		return n, nil
	default:
		var s []byte
		for {
			b, ok := p.hex()
			if !ok {
				break
			}
			s = append(s, b)
		}
		if len(s) == 0 {
			return nil, p.errorf("unexpected %q", c)
		}
		return p.octets(string(s)), nil
	}
}

// quoted takes a non-empty text in quotes.
func (p *parser) quoted() (string, error) {
	s, _, ok := strings.Cut(p.text[p.pos+1:], `"`)
	if !ok || s == "" {
		return "", p.errorf("bad quotation")
	}
	p.pos += len(s) + 2
	return s, nil
}

// hex takes two hexadecimal digits.
func (p *parser) hex() (byte, bool) {
	if p.pos+2 > len(p.text) {
		return 0, false
	}
	v, err := strconv.ParseUint(p.text[p.pos:p.pos+2], 16, 8)
	if err != nil {
		return 0, false
	}
	p.pos += 2
	return byte(v), true
}

func (p *parser) setPart() (*node, error) {
	n := &node{kind: octet}
	p.pos++
	negated := p.peek() == '^'
	if negated {
		p.pos++
	}
	for {
		p.blanks()
		switch c := p.peek(); {
		case c == 0:
			return nil, p.errorf("[ without ]")
		case c == ']':
			p.pos++
			if negated {
				n.set.negate()
			}
			if size, _ := n.set.size(); size == 0 {
				return nil, p.errorf("empty set")
			}
			return n, nil
		case c == '"':
			s, err := p.quoted()
			if err != nil {
				return nil, err
			}
			for i := range len(s) {
				n.set.add(s[i])
			}
		case p.named(&n.set):
		default:
			lo, ok := p.hex()
			if !ok {
				return nil, p.errorf("unexpected %q in a set", c)
			}
			hi := lo
			if p.peek() == '-' {
				p.pos++
				if hi, ok = p.hex(); !ok || hi < lo {
					return nil, p.errorf("bad range")
				}
			}
			n.set.addRange(lo, hi)
		}
	}
}

// named takes the name of a set and adds that to s.
func (p *parser) named(s *set) bool {
	rest := p.text[p.pos:]
	name := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
	switch name {
	case "blank":
		s.add(' ')
		s.add('\t')
	case "space":
		s.add(' ')
		s.addRange('\t', '\r')
	case "digit":
		s.addRange('0', '9')
	case "alpha":
		s.addRange('a', 'z')
		s.addRange('A', 'Z')
	case "print":
		s.addRange(' ', '~')
	default:
		return false
	}
	p.pos += len(name)
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
