package magic

import (
	_ "embed"
	"fmt"
	"math/bits"
)

//go:embed rules.txt
var rulesText string

// Match is a type that the data may have.
type Match struct {
	Type     string // MIME type, in lower case but for Zeek's "text/PGP"
	Strength int    // higher is surer; may be negative
}

// Matcher names MIME types. It belongs to one goroutine: rules are compiled when
// they are first needed.
type Matcher struct {
	// Rules, the strongest first, those of equal strength by type: the first
	// that holds is the answer.
	rules []rule
	defs  map[string]*node
}

// New reads the rules that come with the package. An error is a mistake in
// them, not in the caller's doing.
func New() (*Matcher, error) {
	m, err := readRules(rulesText)
	if err != nil {
		return nil, fmt.Errorf("magic: rules.txt: %w", err)
	}
	return m, nil
}

// program returns the compiled pattern of a rule. What can't be compiled never
// holds: a test sees to it that all rules can.
func (m *Matcher) program(i int) program {
	r := &m.rules[i]
	if r.program == nil {
		r.program = program{{}}
		if p, err := m.compile(r.pattern); err == nil {
			r.program = p
		}
	}
	return r.program
}

// maxRules bounds the number of rules.
const maxRules = 512

// ruleSet is a set of rules, by their number.
type ruleSet [maxRules / 64]uint64

// probe is a place of the data that says early which rules can hold. index.go
// has the probes of all rules.
type probe struct {
	at    int
	table string    // for the octet there the number of one of sets
	sets  []ruleSet // rules that are possible then
}

// candidates are the rules that a look at a few octets doesn't exclude.
func candidates(b []byte) ruleSet {
	c := rest
	for i := range probes {
		p := &probes[i]
		if p.at >= len(b) {
			continue
		}
		s := &p.sets[p.table[b[p.at]]]
		for j := range c {
			c[j] |= s[j]
		}
	}
	return c
}

// Best names the type of a file that begins with b: that of the strongest rule
// that holds, the alphabetically smallest of equally strong ones, "" if no rule
// holds. It looks at all of b, so the caller cuts it: Zeek offers the first 4096
// octets (default_file_bof_buffer_size). It allocates only what is compiled and
// takes time proportional to len(b). b is borrowed during the call.
func (m *Matcher) Best(b []byte) string {
	c := candidates(b)
	for w, set := range c {
		for ; set != 0; set &= set - 1 {
			i := w*64 + bits.TrailingZeros64(set)
			if m.program(i).holds(b) {
				return m.rules[i].Type
			}
		}
	}
	return ""
}

// Match returns all types that some rule gives, the strongest first, equally
// strong ones in alphabetical order, each at most once per strength; nil if
// there is none. The first is what [Matcher.Best] returns. See there for b.
//
// The mime_types that Zeek hands to scripts hold one type per strength only,
// the last of its strength in this list (file_analysis/Manager.cc,
// GenMIMEMatchesVal).
func (m *Matcher) Match(b []byte) []Match {
	return m.AppendMatches(nil, b)
}

// AppendMatches appends what [Matcher.Match] returns to dst.
func (m *Matcher) AppendMatches(dst []Match, b []byte) []Match {
	c := candidates(b)
	start := len(dst)
	for w, set := range c {
		for ; set != 0; set &= set - 1 {
			i := w*64 + bits.TrailingZeros64(set)
			if len(dst) > start && dst[len(dst)-1] == m.rules[i].Match {
				continue // several rules may say the same
			}
			if m.program(i).holds(b) {
				dst = append(dst, m.rules[i].Match)
			}
		}
	}
	return dst
}
