package magic

import (
	"encoding/binary"
	"errors"
)

// maxStates bounds an automaton, and so the memory of a careless rule.
const maxStates = 1 << 13

// dfa tells where the earliest match of a pattern ends. It is complete when
// built: matching writes nothing and takes one table look-up an octet.
type dfa struct {
	class   [256]uint8 // octet to column
	classes int        // columns of a row
	next    []uint16   // row of the state * classes + column
	start   uint16     // state
}

// The first two states of every dfa.
const (
	dead     = 0 // nothing can match any more
	accepted = 1 // a match ends here
)

// find returns the end of the earliest match at or behind from, or -1.
func (d *dfa) find(b []byte, from int) int {
	s := int(d.start)
	for i := from; i < len(b); i++ {
		s = int(d.next[s*d.classes+int(d.class[b[i]])])
		if s <= accepted {
			if s == accepted {
				return i + 1
			}
			return -1
		}
	}
	return -1
}

// nfa is a pattern as states with steps without an octet (Thompson).
type nfa struct {
	sets []set
	out  []int   // where a state's octet leads; -1: the state has no octet
	skip [][]int // where a state leads without an octet
}

func (a *nfa) state() int {
	a.sets = append(a.sets, set{})
	a.out = append(a.out, -1)
	a.skip = append(a.skip, nil)
	return len(a.out) - 1
}

// add builds n from state from and returns the state behind it.
func (a *nfa) add(n *node, from int) int {
	switch n.kind {
	case octet:
		// A state of its own, since from may have another octet already.
		s, to := a.state(), a.state()
		a.skip[from] = append(a.skip[from], s)
		a.sets[s], a.out[s] = n.set, to
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
			a.skip[end] = append(a.skip[end], to)
		}
		return to
	}
	for range n.min {
		from = a.add(n.subs[0], from)
	}
	if n.max == unbounded {
		loop := a.state()
		a.skip[from] = append(a.skip[from], loop)
		end := a.add(n.subs[0], loop)
		a.skip[end] = append(a.skip[end], loop)
		return loop
	}
	to := a.state()
	for range n.max - n.min {
		a.skip[from] = append(a.skip[from], to)
		from = a.add(n.subs[0], from)
	}
	a.skip[from] = append(a.skip[from], to)
	return to
}

var errTooManyStates = errors.New("pattern needs too many states")

// newDFA compiles n; with anywhere, a match may begin behind any number of
// other octets.
func newDFA(n *node, anywhere bool) (*dfa, error) {
	if anywhere {
		n = &node{kind: row, subs: []*node{{kind: repeat, subs: []*node{octetNode(anyOctet)}, max: unbounded}, n}}
	}
	a := &nfa{}
	first := a.state()
	final := a.add(n, first)

	d := &dfa{}
	reps := d.split(a.sets)

	// closure turns states into the sorted ones with an octet that they lead
	// to, or reports that final is among them.
	mark := make([]bool, len(a.out))
	closure := func(states []int) (_ []int, final_ bool) {
		clear(mark)
		for len(states) > 0 {
			s := states[len(states)-1]
			states = states[:len(states)-1]
			if mark[s] {
				continue
			}
			mark[s] = true
			states = append(states, a.skip[s]...)
		}
		if mark[final] {
			return nil, true
		}
		var kept []int
		for s, m := range mark {
			if m && a.out[s] >= 0 {
				kept = append(kept, s)
			}
		}
		return kept, false
	}

	number := map[string]uint16{}
	var states [][]int
	var key []byte
	intern := func(raw []int) (uint16, error) {
		if len(raw) == 0 {
			return dead, nil
		}
		kept, final := closure(raw)
		if final {
			return accepted, nil
		}
		key = key[:0]
		for _, s := range kept {
			key = binary.LittleEndian.AppendUint32(key, uint32(s))
		}
		if s, ok := number[string(key)]; ok {
			return s, nil
		}
		if len(states) == maxStates {
			return 0, errTooManyStates
		}
		s := uint16(len(states))
		number[string(key)] = s
		states = append(states, kept)
		return s, nil
	}
	states = append(states, nil, nil) // dead, accepted
	var err error
	if d.start, err = intern([]int{first}); err != nil {
		return nil, err
	}
	d.next = make([]uint16, 2*d.classes)
	var raw []int
	for s := 2; s < len(states); s++ {
		for _, c := range reps {
			raw = raw[:0]
			for _, t := range states[s] {
				if a.sets[t].has(c) {
					raw = append(raw, a.out[t])
				}
			}
			to, err := intern(raw)
			if err != nil {
				return nil, err
			}
			d.next = append(d.next, to)
		}
	}
	return d, nil
}

// split puts octets that no set tells apart into one class and returns one
// octet of each class.
func (d *dfa) split(sets []set) (reps []byte) {
	distinct := map[set]bool{}
	var list []set
	for _, s := range sets {
		if !distinct[s] {
			distinct[s] = true
			list = append(list, s)
		}
	}
	classes := map[string]uint8{}
	signature := make([]byte, len(list))
	for c := range 256 {
		for i := range list {
			signature[i] = 0
			if list[i].has(byte(c)) {
				signature[i] = 1
			}
		}
		k, ok := classes[string(signature)]
		if !ok {
			k = uint8(len(reps))
			classes[string(signature)] = k
			reps = append(reps, byte(c))
		}
		d.class[c] = k
	}
	d.classes = len(reps)
	return reps
}
