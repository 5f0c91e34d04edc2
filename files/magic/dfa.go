package magic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
)

// maxStates bounds an automaton, and so the memory of a careless rule.
const maxStates = 1 << 13

// dfa tells where the earliest match of a pattern ends. It is complete when
// built: matching writes nothing and takes one table look-up an octet.
type dfa struct {
	class   [256]uint8 // octet to column
	classes int        // columns for octets; a row has one more, its exit

	// Rows, one a state: where the columns' octets lead, as the index of that
	// state's row. The exit is 1 + the only octet that leads out of the state,
	// 0 if there are others.
	next  []uint32
	start uint32
}

// The first two states of every dfa.
const (
	dead     = 0 // nothing can match any more
	accepted = 1 // a match ends here
)

// find returns the end of the earliest match at or behind from, or -1.
func (d *dfa) find(b []byte, from int) int {
	accept := uint32(d.classes + 1)
	s := d.start
	for i := from; i < len(b); i++ {
		t := d.next[s+uint32(d.class[b[i]])]
		if t == s {
			// Inside of a comment, say: most of the head may be skipped.
			if exit := d.next[s+uint32(d.classes)]; exit != 0 {
				skip := bytes.IndexByte(b[i+1:], byte(exit-1))
				if skip < 0 {
					return -1
				}
				i += skip
			}
			continue
		}
		if t <= accept {
			if t == accept {
				return i + 1
			}
			return -1
		}
		s = t
	}
	return -1
}

// automaton is a dfa that is built when first needed, since few files need
// any and building all takes longer than a small capture.
type automaton struct {
	pattern  *node
	anywhere bool
	once     sync.Once
	dfa      *dfa
	err      error
}

func (a *automaton) build() { a.dfa, a.err = newDFA(a.pattern, a.anywhere) }

// find is that of the dfa. A pattern that is too big for a dfa never matches:
// a test sees to it that none of the rules is.
func (a *automaton) find(b []byte, from int) int {
	a.once.Do(a.build)
	if a.err != nil {
		return -1
	}
	return a.dfa.find(b, from)
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
	reps, sizes := d.split(a.sets)

	// closure turns states into the sorted ones with an octet that they lead
	// to, or reports that final is among them.
	mark := make([]bool, len(a.out))
	var todo []int
	closure := func(from []int) (kept []int, done bool) {
		clear(mark)
		todo = append(todo[:0], from...)
		for len(todo) > 0 {
			s := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if mark[s] {
				continue
			}
			mark[s] = true
			todo = append(todo, a.skip[s]...)
		}
		if mark[final] {
			return nil, true
		}
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
		kept, done := closure(raw)
		if done {
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
	start, err := intern([]int{first})
	if err != nil {
		return nil, err
	}
	width := uint32(d.classes + 1)
	d.start = uint32(start) * width
	d.next = make([]uint32, 2*width)
	var raw []int
	for s := 2; s < len(states); s++ {
		var exit uint32
		exits := 0
		for col, c := range reps {
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
			d.next = append(d.next, uint32(to)*width)
			if int(to) != s {
				exit = 1 + uint32(c)
				exits += sizes[col]
			}
		}
		if exits != 1 {
			exit = 0
		}
		d.next = append(d.next, exit)
	}
	return d, nil
}

// split puts octets that no set tells apart into one class and returns one
// octet of each class and the classes' sizes.
func (d *dfa) split(sets []set) (reps []byte, sizes []int) {
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
			sizes = append(sizes, 0)
		}
		sizes[k]++
		d.class[c] = k
	}
	d.classes = len(reps)
	return reps, sizes
}
