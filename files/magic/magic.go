package magic

import (
	"cmp"
	_ "embed"
	"fmt"
	"math/bits"
	"slices"
)

//go:embed rules.txt
var rulesText string

// Match is a type that the data may have.
type Match struct {
	Type     string // MIME type, in lower case but for Zeek's "text/PGP"
	Strength int    // higher is surer; may be negative
}

// Matcher names MIME types. It doesn't change after [New]: any number of
// goroutines may use one.
type Matcher struct {
	// Rules, the strongest first, those of equal strength by type: the first
	// that holds is the answer.
	rules    []Match
	programs []program

	probes []probe
	rest   ruleSet
}

// New compiles the rules that come with the package. An error is a mistake in
// them, not in the caller's doing.
func New() (*Matcher, error) { return compileRules(rulesText) }

func compileRules(text string) (*Matcher, error) {
	rules, err := parseRules(text)
	if err != nil {
		return nil, fmt.Errorf("magic: rules.txt: %w", err)
	}
	if len(rules) > maxRules {
		return nil, fmt.Errorf("magic: rules.txt: more than %d rules", maxRules)
	}
	slices.SortStableFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(b.Strength, a.Strength), cmp.Compare(a.Type, b.Type))
	})
	m := &Matcher{}
	for _, r := range rules {
		p, err := compile(r.pattern)
		if err != nil {
			return nil, fmt.Errorf("magic: rules.txt: rule for %s, strength %d: %w", r.Type, r.Strength, err)
		}
		m.rules = append(m.rules, r.Match)
		m.programs = append(m.programs, p)
	}
	if m.probes, m.rest, err = index(m.programs); err != nil {
		return nil, fmt.Errorf("magic: rules.txt: %w", err)
	}
	return m, nil
}

// candidates are the rules that a look at a few octets doesn't exclude.
func (m *Matcher) candidates(b []byte) ruleSet {
	c := m.rest
	for i := range m.probes {
		p := &m.probes[i]
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
// octets (default_file_bof_buffer_size). It doesn't allocate and takes time
// proportional to len(b). b is borrowed during the call.
func (m *Matcher) Best(b []byte) string {
	c := m.candidates(b)
	for w, set := range c {
		for ; set != 0; set &= set - 1 {
			i := w*64 + bits.TrailingZeros64(set)
			if m.programs[i].holds(b) {
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
	c := m.candidates(b)
	start := len(dst)
	for w, set := range c {
		for ; set != 0; set &= set - 1 {
			i := w*64 + bits.TrailingZeros64(set)
			if len(dst) > start && dst[len(dst)-1] == m.rules[i] {
				continue // several rules may say the same
			}
			if m.programs[i].holds(b) {
				dst = append(dst, m.rules[i])
			}
		}
	}
	return dst
}
