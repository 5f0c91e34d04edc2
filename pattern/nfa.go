package pattern

import "math/bits"

// nfa is the automaton of one regular expression, read-only once built. State 0 accepts; other states either read one symbol
// of a set and go to out, or read nothing and go to out and out1.
//
// Symbols that no set tells apart share a class; the tables of the automata are indexed by class.
type nfa struct {
	states   []nfaState
	start    int32
	classOf  [numSymbols]uint16
	classes  int
	setClass [][]uint64 // per set: which classes it holds, as bits
}

type nfaState struct {
	set  int32 // index of the set, or a negative kind
	out  int32
	out1 int32 // -1: none
}

const (
	readsNothing = -1
	accepts      = -2
)

const acceptState = 0

func newNFA(root *node, sets []symbolSet) (*nfa, *SyntaxError) {
	b := nfaBuilder{states: []nfaState{{set: accepts, out: -1, out1: -1}}}
	start := b.build(root, acceptState)
	if b.steps < 0 {
		return nil, &SyntaxError{Msg: "the pattern needs too many states", tooLarge: true}
	}
	n := &nfa{states: b.states, start: start}
	n.partition(sets)
	return n, nil
}

type nfaBuilder struct {
	states []nfaState
	steps  int
}

// build makes the states for n whose end leads to next, and returns where it begins. Steps are limited beside states, since
// repetitions of nothing would need time and no state.
func (b *nfaBuilder) build(n *node, next int32) int32 {
	if b.steps < 0 {
		return next
	}
	if b.steps++; b.steps > 4*maxStates || len(b.states) > maxStates {
		b.steps = -1
		return next
	}
	switch n.op {
	case opSet:
		return b.add(nfaState{set: int32(n.set), out: next, out1: -1})
	case opCat:
		for i := len(n.kids) - 1; i >= 0; i-- {
			next = b.build(n.kids[i], next)
		}
		return next
	case opAlt:
		start := b.build(n.kids[len(n.kids)-1], next)
		for i := len(n.kids) - 2; i >= 0; i-- {
			start = b.add(nfaState{set: readsNothing, out: b.build(n.kids[i], next), out1: start})
		}
		return start
	case opRepeat:
		kid := n.kids[0]
		if n.max < 0 {
			loop := b.add(nfaState{set: readsNothing, out1: next})
			b.states[loop].out = b.build(kid, loop)
			next = loop
			if n.min > 0 { // the last of the required ones is the loop's own
				next = b.states[loop].out
			}
			for i := 1; i < n.min && b.steps >= 0; i++ {
				next = b.build(kid, next)
			}
			return next
		}
		for i := n.min; i < n.max && b.steps >= 0; i++ {
			next = b.add(nfaState{set: readsNothing, out: b.build(kid, next), out1: next})
		}
		for i := 0; i < n.min && b.steps >= 0; i++ {
			next = b.build(kid, next)
		}
		return next
	}
	return next
}

func (b *nfaBuilder) add(s nfaState) int32 {
	b.states = append(b.states, s)
	return int32(len(b.states) - 1)
}

// partition finds the classes of symbols.
func (n *nfa) partition(sets []symbolSet) {
	n.classes = 1
	for i := range sets {
		split := make(map[uint16]uint16, n.classes) // class before -> class of its members inside the set
		outside := make([]bool, n.classes)
		for sym := range numSymbols {
			if !sets[i].has(sym) {
				outside[n.classOf[sym]] = true
			}
		}
		before := n.classes
		for sym := range numSymbols {
			c := n.classOf[sym]
			if !sets[i].has(sym) || int(c) >= before || !outside[c] {
				continue // a class that lies inside the set whole stays
			}
			to, ok := split[c]
			if !ok {
				to = uint16(n.classes)
				split[c] = to
				n.classes++
			}
			n.classOf[sym] = to
		}
	}
	n.setClass = make([][]uint64, len(sets))
	for i := range sets {
		n.setClass[i] = make([]uint64, (n.classes+63)/64)
		for sym := range numSymbols {
			if sets[i].has(sym) {
				c := n.classOf[sym]
				n.setClass[i][c>>6] |= 1 << (c & 63)
			}
		}
	}
}

// reads says whether state s reads symbols of class c.
func (n *nfa) reads(s int32, c int) bool {
	set := n.states[s].set
	return set >= 0 && n.setClass[set][c>>6]&(1<<(c&63)) != 0
}

// stateSet is a set of automaton states with constant time insert, test and clear.
type stateSet struct {
	member []uint64
	list   []int32
}

func newStateSet(n int) *stateSet {
	return &stateSet{member: make([]uint64, (n+63)/64)}
}

func (s *stateSet) add(x int32) bool {
	w, bit := x>>6, uint64(1)<<(x&63)
	if s.member[w]&bit != 0 {
		return false
	}
	s.member[w] |= bit
	s.list = append(s.list, x)
	return true
}

func (s *stateSet) has(x int32) bool { return s.member[x>>6]&(1<<(x&63)) != 0 }

func (s *stateSet) clear() {
	for _, x := range s.list {
		s.member[x>>6] = 0
	}
	s.list = s.list[:0]
}

// appendSorted appends the members that keep accepts, ascending.
func (s *stateSet) appendSorted(dst []int32, keep func(int32) bool) []int32 {
	for w, m := range s.member {
		for m != 0 {
			x := int32(w<<6 + bits.TrailingZeros64(m))
			m &= m - 1
			if keep(x) {
				dst = append(dst, x)
			}
		}
	}
	return dst
}
