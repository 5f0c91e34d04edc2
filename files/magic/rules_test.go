package magic

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEveryRuleOfZeek asks about examples of each of Zeek's 374 rules and about
// near misses of them. The answers are those of an independent evaluator, which
// interprets Zeek's own expressions and agrees with Zeek on every head of
// mime_types.json.gz.
func TestEveryRuleOfZeek(t *testing.T) {
	m := newMatcher(t)
	f, err := os.Open("testdata/rules.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Rule    string
			Data    []byte
			Matches []string
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		rules[c.Rule] = true
		var got []string
		for _, g := range m.Match(c.Data) {
			got = append(got, fmt.Sprintf("%s %d", g.Type, g.Strength))
		}
		if !slices.Equal(got, c.Matches) {
			t.Errorf("%s: %q\n got %v\nwant %v", c.Rule, c.Data, got, c.Matches)
		}
		want := ""
		if len(c.Matches) > 0 {
			want, _, _ = strings.Cut(c.Matches[0], " ")
		}
		if got := m.Best(c.Data); got != want {
			t.Errorf("%s: Best(%q) = %q, want %q", c.Rule, c.Data, got, want)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(rules) != 374 {
		t.Errorf("examples of %d rules, want 374", len(rules))
	}
}

func TestEveryAutomatonIsSmall(t *testing.T) {
	m := newMatcher(t)
	for i := range m.rules {
		for _, s := range m.program(i) {
			if s.auto == nil {
				continue
			}
			d := newDFA(s.auto.pattern, s.auto.anywhere)
			for row := 2 * d.accepted(); row < uint32(len(d.next)); row += d.accepted() {
				d.exit(row)
			}
			if n := len(d.next); n > 1<<15 {
				t.Errorf("%v: table of %d entries", m.rules[i], n)
			}
		}
	}
}

// ends tells where matches of n in b that begin at from may end: the meaning of
// the notation, without any of the ways in which programs are faster.
func ends(n *node, b []byte, from map[int]bool) map[int]bool {
	to := map[int]bool{}
	switch n.kind {
	case octet:
		for i := range from {
			if i < len(b) && n.set.has(b[i]) {
				to[i+1] = true
			}
		}
	case row:
		for _, s := range n.subs {
			from = ends(s, b, from)
		}
		return from
	case either:
		for _, s := range n.subs {
			for i := range ends(s, b, from) {
				to[i] = true
			}
		}
	case repeat:
		for k := 0; len(from) > 0 && (n.max == unbounded || k <= n.max); k++ {
			if k >= n.min {
				fresh := false
				for i := range from {
					fresh = fresh || !to[i]
					to[i] = true
				}
				if !fresh {
					break
				}
			}
			from = ends(n.subs[0], b, from)
		}
	}
	return to
}

func FuzzMatchIsWhatTheNotationMeans(f *testing.F) {
	m := newMatcher(f)
	patterns := make([]*node, len(m.rules))
	for i, r := range m.rules {
		n, err := parsePattern(r.pattern, m.defs)
		if err != nil {
			f.Fatal(err)
		}
		patterns[i] = n
	}
	for i, h := range readHeads(f) {
		if i%8 == 0 && len(h.Data) < 300 {
			f.Add(h.Data)
		}
	}
	f.Add([]byte("<!-- a -- > --> <?xml x?>?> \r\n<!-- --><FEED a=1 xmlns=http://www.w3.org/2005/Atom"))
	f.Add([]byte("x--- a\n+++ b\n--- \n@@ P1234  5"))
	f.Add([]byte("`;[ [[\x00V\x00e\x00R\x00s\x00i\x00o\x00n\x00]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 600)]
		want := map[Match]bool{}
		for i, n := range patterns {
			if len(ends(n, b, map[int]bool{0: true})) > 0 {
				want[m.rules[i].Match] = true
			}
		}
		got := m.Match(b)
		if len(got) != len(want) {
			t.Errorf("%d matches, want %d", len(got), len(want))
		}
		for i, g := range got {
			if !want[g] {
				t.Errorf("%v doesn't hold", g)
			}
			if i > 0 && (got[i-1].Strength < g.Strength || got[i-1].Strength == g.Strength && got[i-1].Type >= g.Type) {
				t.Errorf("%v before %v", got[i-1], g)
			}
		}
		best := ""
		if len(got) > 0 {
			best = got[0].Type
		}
		if b := m.Best(b); b != best {
			t.Errorf("Best is %q, the first match %q", b, best)
		}
	})
}

func FuzzRulesAreReadOrRefused(f *testing.F) {
	f.Add("let a = ( \"x\" | [^0d a-z] )\ntext/x\t-3\t@a* .{2,9} i\"AbC\" w\"z\" 00ff?\n")
	f.Add("x/y\t1\t(\n")
	f.Add("x/y\t1\t[\"\n")
	f.Add("x/y\t1\t00{2,1}\n")
	f.Add("x/y\t1\t.* 00 .{1,3} 01\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		if m, err := readRules(text); err == nil {
			for i, r := range m.rules {
				if _, err := m.compile(r.pattern); err != nil && m.program(i).holds([]byte(text)) {
					t.Error("a rule that can't be compiled holds")
				}
			}
		}
	})
}

func TestMistakesInRulesAreReported(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"x/y\t1", "want type, strength and pattern"},
		{"x/y\tone\t00", "strength"},
		{"x/y\t1\t( 00", "( without )"},
		{"x/y\t1\t00 )", "unexpected ')'"},
		{"x/y\t1\t[00", "[ without ]"},
		{"x/y\t1\t[ ]", "empty set"},
		{"x/y\t1\t[10-0f]", "bad range"},
		{"x/y\t1\t\"a", "bad quotation"},
		{"x/y\t1\t00{2,1}", "bad repetition"},
		{"x/y\t1\t00{-6}", "bad repetition"},
		{"x/y\t1\t00{2", "{ without }"},
		{"x/y\t1\t0", "unexpected '0'"},
		{"x/y\t1\t@none", "@none is not defined"},
		{"let x 00", "let without ="},
		{"x/y\t1\t00* .{0,3}", "holds for everything"},
		{"x/y\t1\t.* 00 .{1,3} 01", "bounded gap"},
	} {
		m, err := readRules(c.text)
		for i := 0; err == nil && i < len(m.rules); i++ {
			_, err = m.compile(m.rules[i].pattern)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestBestDoesNotAllocate(t *testing.T) {
	m := newMatcher(t)
	for name, head := range benchHeads() {
		dst := make([]Match, 0, 64)
		m.Best(head) // what is built once
		m.AppendMatches(dst, head)
		if n := testing.AllocsPerRun(20, func() {
			m.Best(head)
			m.AppendMatches(dst, head)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestNewCompilesNoRule(t *testing.T) {
	m := newMatcher(t)
	for i := range m.rules {
		if m.rules[i].program != nil {
			t.Errorf("%v is compiled", m.rules[i].Match)
		}
	}
	m.Best([]byte("%PDF-1.7"))
	compiled := 0
	for i := range m.rules {
		if m.rules[i].program != nil {
			compiled++
		}
	}
	if compiled == 0 || compiled > 20 {
		t.Errorf("%d of %d rules were compiled for a head", compiled, len(m.rules))
	}
}
