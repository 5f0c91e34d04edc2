package pattern

// newReverse makes the automaton that reads an input from right to left and knows at each octet whether a match that takes at
// least this octet begins there. It exists for hostile inputs alone: trying the forward automaton at every offset takes
// quadratic time when attempts run far and fail. Before reading an input it has read the end symbol.
//
// Its states are sets of the nfa's reading states from which what was read leads to acceptance.
func newReverse(n *nfa) *dfa {
	m := &dfa{n: n}
	m.keep = func(s int32) bool { return n.states[s].set >= 0 }

	into := make([][]int32, len(n.states)) // which states go to a state
	link := func(from, to int32) {
		if to >= 0 {
			into[to] = append(into[to], from)
		}
	}
	for i := range n.states {
		link(int32(i), n.states[i].out)
		if n.states[i].out1 != n.states[i].out {
			link(int32(i), n.states[i].out1)
		}
	}

	reached, again := newStateSet(len(n.states)), newStateSet(len(n.states)) // used under the lock
	back := func(seeds []int32) {
		reached.clear()
		for _, s := range seeds {
			reached.add(s)
		}
		for i := 0; i < len(reached.list); i++ {
			for _, p := range into[reached.list[i]] {
				if n.states[p].set == readsNothing {
					reached.add(p)
				}
			}
		}
	}
	var seeds []int32
	m.step = func(from []int32, c int, to *stateSet) {
		seeds = append(append(seeds[:0], from...), acceptState)
		back(seeds)
		for _, s := range reached.list {
			for _, p := range into[s] {
				if n.reads(p, c) {
					to.add(p)
				}
			}
		}
	}
	bol := int(n.classOf[symBOL])
	m.flagsOf = func(states []int32) uint8 {
		var f uint8
		back(states)
		if reached.has(n.start) {
			f |= flagMatchHere
		}
		// One step over the beginning symbol, without new ends: an empty match is none.
		again.clear()
		for _, s := range reached.list {
			for _, p := range into[s] {
				if n.reads(p, bol) {
					again.add(p)
				}
			}
		}
		back(again.list)
		if reached.has(n.start) {
			f |= flagMatchHereBOL
		}
		return f
	}
	m.begin(func(to *stateSet) { m.step(nil, int(n.classOf[symEOL]), to) })
	return m
}
