package magic

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxStates bounds an automaton, and so the memory of a careless rule. What
// would need more never matches: a test sees to it that no rule does.
const maxStates = 1 << 13

// dfa tells where the earliest match of a pattern ends, with one table look-up
// an octet. A state is made when something leads to it, an entry of its row when
// it is first asked for: heads of files reach few of the thousands that there
// are, and to make all takes longer than to read a small capture.
type dfa struct {
	class   [256]uint8 // octet to column
	classes []class

	// Rows, one a state: where the columns' octets lead, as the index of that
	// state's row. The column behind the last is the row's exit.
	next  []uint32
	start uint32

	nfa    nfa
	final  int
	states [][]int           // the states of nfa that a state stands for, those with an octet only
	number map[string]uint32 // the same, as text, to the state's row

	// Scratch of closure and intern.
	mark     []bool
	todo     []int
	raw, set []int
	key      []byte
}

// class is octets that no part of the pattern tells apart.
type class struct {
	octet byte // one of them
	size  int
}

// What stands in a row beside the places of other rows. dead is the place of
// the first one, the second is accepted; it is behind unknown, since a row has
// at least two entries.
const (
	dead    = 0 // nothing can match any more
	unknown = 1 // not asked for yet
)

// Exits: 1 + the only octet that leads out of the state, or one of these.
const (
	noExit      = 0 // there are others
	unknownExit = ^uint32(0)
)

// accepted is the row of the state in which a match ends, and the width of rows.
func (d *dfa) accepted() uint32 { return uint32(len(d.classes) + 1) }

// find returns the end of the earliest match at or behind from, or -1.
func (d *dfa) find(b []byte, from int) int {
	accepted := d.accepted()
	next := d.next
	s := d.start
	for i := from; i < len(b); i++ {
		t := next[s+uint32(d.class[b[i]])]
		if t == s {
			// Inside of a comment, say: most of the head may be skipped.
			exit := next[s+accepted-1]
			if exit == unknownExit {
				exit = d.exit(s)
				next = d.next
			}
			if exit != noExit {
				skip := bytes.IndexByte(b[i+1:], byte(exit-1))
				if skip < 0 {
					return -1
				}
				i += skip
			}
			continue
		}
		if t <= accepted {
			switch t {
			case accepted:
				return i + 1
			case dead:
				return -1
			}
			d.step(s, d.class[b[i]])
			next = d.next
			i--
			continue
		}
		s = t
	}
	return -1
}

// step finds out where the octets of a column lead from the state with row s.
func (d *dfa) step(s uint32, column uint8) uint32 {
	c := d.classes[column].octet
	d.raw = d.raw[:0]
	for _, n := range d.states[s/d.accepted()] {
		if d.nfa[n].set.has(c) {
			d.raw = append(d.raw, d.nfa[n].out)
		}
	}
	t := d.intern(d.raw)
	d.next[s+uint32(column)] = t
	return t
}

// exit finds out the exit of the state with row s.
func (d *dfa) exit(s uint32) uint32 {
	exit, exits := uint32(noExit), 0
	for column, c := range d.classes {
		t := d.next[s+uint32(column)]
		if t == unknown {
			t = d.step(s, uint8(column))
		}
		if t != s {
			exit = 1 + uint32(c.octet)
			exits += c.size
		}
	}
	if exits != 1 {
		exit = noExit
	}
	d.next[s+d.accepted()-1] = exit
	return exit
}

// intern returns the row of the state that stands for states of the nfa, which
// it makes if need be.
func (d *dfa) intern(from []int) uint32 {
	if len(from) == 0 {
		return dead
	}
	if d.closure(from) {
		return d.accepted()
	}
	d.key = d.key[:0]
	for _, s := range d.set {
		d.key = binary.LittleEndian.AppendUint32(d.key, uint32(s))
	}
	if row, ok := d.number[string(d.key)]; ok {
		return row
	}
	if len(d.states) == maxStates {
		return dead
	}
	row := d.addState(slices.Clone(d.set))
	d.number[string(d.key)] = row
	return row
}

// addState adds a state whose row isn't known.
func (d *dfa) addState(set []int) (row uint32) {
	row = uint32(len(d.next))
	d.states = append(d.states, set)
	for range d.classes {
		d.next = append(d.next, unknown)
	}
	d.next = append(d.next, unknownExit)
	return row
}

// closure turns states of the nfa into the sorted ones with an octet that they
// lead to, in d.set, or reports that the end is among them.
func (d *dfa) closure(from []int) (done bool) {
	clear(d.mark)
	d.set = d.set[:0]
	d.todo = append(d.todo[:0], from...)
	for len(d.todo) > 0 {
		s := d.todo[len(d.todo)-1]
		d.todo = d.todo[:len(d.todo)-1]
		if d.mark[s] {
			continue
		}
		d.mark[s] = true
		if s == d.final {
			return true
		}
		if d.nfa[s].out >= 0 {
			d.set = append(d.set, s)
		}
		d.todo = append(append(d.todo, d.nfa[s].first[:d.nfa[s].n]...), d.nfa[s].more...)
	}
	slices.Sort(d.set)
	return false
}

// automaton is a dfa that is begun when first needed, since few files need any.
type automaton struct {
	pattern  *node
	anywhere bool
	dfa      *dfa
}

// find is that of the dfa.
func (a *automaton) find(b []byte, from int) int {
	if a.dfa == nil {
		a.dfa = newDFA(a.pattern, a.anywhere)
	}
	return a.dfa.find(b, from)
}

// nfa is a pattern as states with steps without an octet (Thompson).
type nfa []nfaState

type nfaState struct {
	set   set
	out   int    // where an octet of set leads; -1: the state has no octet
	first [2]int // where the state leads without an octet, more if these don't do
	n     int    // of first
	more  []int
}

func (a *nfa) state() int {
	*a = append(*a, nfaState{out: -1})
	return len(*a) - 1
}

// skip has a state lead to another without an octet.
func (a nfa) skip(from, to int) {
	s := &a[from]
	if s.n < len(s.first) {
		s.first[s.n] = to
		s.n++
		return
	}
	s.more = append(s.more, to)
}

// add builds n from state from and returns the state behind it.
func (a *nfa) add(n *node, from int) int {
	switch n.kind {
	case octet:
		// A state of its own, since from may have another octet already.
		s, to := a.state(), a.state()
		a.skip(from, s)
		(*a)[s].set, (*a)[s].out = n.set, to
		return to
	case row:
		for _, s := range n.subs {
			from = a.add(s, from)
		}
		return from
	case either:
		to := a.state()
		for _, s := range n.subs {
			end := a.add(s, from)
			a.skip(end, to)
		}
		return to
	}
	for range n.min {
		from = a.add(n.subs[0], from)
	}
	if n.max == unbounded {
		loop := a.state()
		a.skip(from, loop)
		end := a.add(n.subs[0], loop)
		a.skip(end, loop)
		return loop
	}
	to := a.state()
	for range n.max - n.min {
		a.skip(from, to)
		from = a.add(n.subs[0], from)
	}
	a.skip(from, to)
	return to
}

// newDFA begins an automaton for n; with anywhere, a match may begin behind any
// number of other octets.
func newDFA(n *node, anywhere bool) *dfa {
	if anywhere {
		n = &node{kind: row, subs: []*node{{kind: repeat, subs: []*node{octetNode(anyOctet)}, max: unbounded}, n}}
	}
	d := &dfa{number: map[string]uint32{}}
	first := d.nfa.state()
	d.final = d.nfa.add(n, first)
	d.mark = make([]bool, len(d.nfa))
	d.split()
	d.addState(nil) // dead
	d.addState(nil) // accepted
	d.start = d.intern([]int{first})
	return d
}

// split puts octets that no set of the nfa tells apart into one class.
func (d *dfa) split() {
	distinct := map[set]bool{}
	var list []set
	for i := range d.nfa {
		s := d.nfa[i].set
		if !distinct[s] {
			distinct[s] = true
			list = append(list, s)
		}
	}
	numbers := map[string]uint8{}
	signature := make([]byte, len(list))
	for c := range 256 {
		for i := range list {
			signature[i] = 0
			if list[i].has(byte(c)) {
				signature[i] = 1
			}
		}
		k, ok := numbers[string(signature)]
		if !ok {
			k = uint8(len(d.classes))
			numbers[string(signature)] = k
			d.classes = append(d.classes, class{octet: byte(c)})
		}
		d.classes[k].size++
		d.class[c] = k
	}
}
