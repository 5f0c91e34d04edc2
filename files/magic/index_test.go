package magic

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write index.go anew from rules.txt")

// TestIndexIsThatOfTheRules compares index.go with what the rules say. After a
// change of rules.txt: go test ./files/magic -run Index -update
func TestIndexIsThatOfTheRules(t *testing.T) {
	m := newMatcher(t)
	programs := make([]program, len(m.rules))
	for i, r := range m.rules {
		var err error
		if programs[i], err = m.compile(r.pattern); err != nil {
			t.Fatalf("rule for %s, strength %d: %v", r.Type, r.Strength, err)
		}
	}
	probes, rest, err := index(programs)
	if err != nil {
		t.Fatal(err)
	}
	want, err := indexSource(probes, rest)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("index.go", want, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile("index.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("index.go isn't the index of rules.txt; make it anew: go test ./files/magic -run Index -update")
	}
}

// indexSource is the text of index.go.
func indexSource(probes []probe, rest ruleSet) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("// Code generated from rules.txt by go test -run Index -update; DO NOT EDIT.\n\npackage magic\n\n")
	set := func(r ruleSet) {
		b.WriteString("{")
		for i, w := range r {
			if w != 0 {
				fmt.Fprintf(&b, "%d: %#x, ", i, w)
			}
		}
		b.WriteString("}")
	}
	b.WriteString("// rest are the rules about which no probe tells anything.\nvar rest = ruleSet")
	set(rest)
	b.WriteString("\n\nvar probes = [...]probe{\n")
	for _, p := range probes {
		fmt.Fprintf(&b, "{at: %d, table: \"\" +\n", p.at)
		for rows := range slices.Chunk([]byte(p.table), 32) {
			b.WriteString("\"")
			for _, n := range rows {
				fmt.Fprintf(&b, `\x%02x`, n)
			}
			b.WriteString("\" +\n")
		}
		b.Truncate(b.Len() - len(" +\n"))
		b.WriteString(", sets: []ruleSet{\n")
		for _, r := range p.sets {
			set(r)
			b.WriteString(",\n")
		}
		b.WriteString("}},\n")
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}

// index sorts the programs into probes; those that no place tells anything
// about are the rest.
func index(programs []program) (probes []probe, rest ruleSet, err error) {
	possible := map[int]*[256]ruleSet{}
	var places []int
	note := func(rule, at int, s *set) {
		if possible[at] == nil {
			possible[at] = new([256]ruleSet)
			places = append(places, at)
		}
		for c := range 256 {
			if s.has(byte(c)) {
				possible[at][c].add(rule)
			}
		}
	}
	for i, p := range programs {
		switch first := &p[0]; {
		case first.min != first.max:
			rest.add(i)
		case first.auto != nil:
			// It begins at octet 0: compile makes no gap of a fixed one.
			var s set
			first.auto.pattern.firstOctets(&s)
			note(i, 0, &s)
		default:
			for j := range first.texts {
				at, s := first.texts[j].telling()
				note(i, at, &s)
			}
		}
	}
	for _, at := range places {
		pr := probe{at: at}
		var table [256]byte
		for c := range 256 {
			r := possible[at][c]
			n := slices.Index(pr.sets, r)
			if n < 0 {
				if n = len(pr.sets); n == 256 {
					return nil, rest, fmt.Errorf("octet %d tells too many rules apart", at)
				}
				pr.sets = append(pr.sets, r)
			}
			table[c] = uint8(n)
		}
		pr.table = string(table[:])
		probes = append(probes, pr)
	}
	return probes, rest, nil
}

// telling is the place of t that excludes most data and what may be there: the
// first octet if that excludes enough, since a probe more costs every head.
func (t *text) telling() (at int, s set) {
	const enough = 8
	s, best := anyOctet, 256
	for i := range t.steps {
		st := &t.steps[i]
		size, here := 1, set{}
		if st.literal != nil {
			here.add(st.literal[0])
		} else {
			here = st.set
			size, _ = here.size()
		}
		if st.at == 0 && size <= enough {
			return 0, here
		}
		if size < best {
			best, at, s = size, st.at, here
		}
	}
	return at, s
}

// firstOctets adds the octets that n can begin with to s.
func (n *node) firstOctets(s *set) {
	switch n.kind {
	case octet:
		for i := range s {
			s[i] |= n.set[i]
		}
	case row:
		for _, sub := range n.subs {
			sub.firstOctets(s)
			if !sub.nullable() {
				return
			}
		}
	default:
		for _, sub := range n.subs {
			sub.firstOctets(s)
		}
	}
}

func (r *ruleSet) add(i int) { r[i/64] |= 1 << (i % 64) }
