package pattern

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// maxCacheBytes bounds what the states of one automaton may take (roughly: tables and sets). When it is reached the cache is
// dropped and begins anew; who walks an old state goes on with it, and it is freed with its last walker.
const maxCacheBytes = 4 << 20

// dfa is a deterministic automaton that is made of an nfa as inputs ask for it. Walkers read transitions without a lock; a
// missing one is computed under the lock and published by an atomic store.
type dfa struct {
	n *nfa
	// step fills to with the states after from has read class c.
	step func(from []int32, c int, to *stateSet)
	// flagsOf says what is to be known about a set of states.
	flagsOf func(states []int32) uint8
	// keep says which states make the identity of a set.
	keep func(int32) bool

	start atomic.Pointer[dfaState]
	dead  *dfaState // the empty set, if it is a dead end; never in the cache

	mu      sync.Mutex
	cache   map[string]*dfaState
	bytes   int
	scratch *stateSet
	sorted  []int32
	key     []byte
}

type dfaState struct {
	next   []atomic.Pointer[dfaState] // by class; nil: not computed yet
	states []int32                    // ascending
	flags  uint8
}

const (
	flagAccept uint8 = 1 << iota
	flagDead
	// of the reverse automaton:
	flagMatchHere    // a match begins here
	flagMatchHereBOL // a match begins here if the beginning is signalled
)

// to is the state after d reads a symbol of class c.
func (m *dfa) to(d *dfaState, c uint16) *dfaState {
	if n := d.next[c].Load(); n != nil {
		return n
	}
	return m.compute(d, c)
}

//go:noinline
func (m *dfa) compute(d *dfaState, c uint16) *dfaState {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := d.next[c].Load(); n != nil {
		return n
	}
	m.scratch.clear()
	m.step(d.states, int(c), m.scratch)
	n := m.intern()
	d.next[c].Store(n)
	return n
}

// begin sets the first state from scratch.
func (m *dfa) begin(fill func(to *stateSet)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cache = map[string]*dfaState{}
	m.scratch = newStateSet(len(m.n.states))
	fill(m.scratch)
	m.start.Store(m.intern())
}

// intern returns the state for the set in scratch. The lock is held.
func (m *dfa) intern() *dfaState {
	m.sorted = m.scratch.appendSorted(m.sorted[:0], m.keep)
	if len(m.sorted) == 0 && m.dead != nil {
		return m.dead
	}
	m.key = appendKey(m.key[:0], m.sorted)
	if d, ok := m.cache[string(m.key)]; ok {
		return d
	}
	cost := 200 + 8*m.n.classes + 8*len(m.sorted)
	if m.bytes+cost > maxCacheBytes && len(m.cache) > 1 {
		// The first state leads to all others; so that these can go, it is made anew too.
		first := m.start.Load()
		again := &dfaState{next: make([]atomic.Pointer[dfaState], m.n.classes), states: first.states, flags: first.flags}
		m.cache = map[string]*dfaState{string(appendKey(nil, first.states)): again}
		m.bytes = 200 + 8*m.n.classes + 8*len(first.states)
		m.start.Store(again)
	}
	m.bytes += cost
	d := &dfaState{next: make([]atomic.Pointer[dfaState], m.n.classes), states: append([]int32(nil), m.sorted...)}
	d.flags = m.flagsOf(d.states)
	m.cache[string(m.key)] = d
	return d
}

func appendKey(dst []byte, states []int32) []byte {
	for _, s := range states {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(s))
	}
	return dst
}

// newForward makes the automaton that reads the input from left to right.
func newForward(n *nfa) *dfa {
	m := &dfa{n: n}
	m.dead = &dfaState{flags: flagDead}
	m.keep = func(s int32) bool { return n.states[s].set != readsNothing }
	var todo []int32 // used under the lock
	follow := func(s int32, to *stateSet) {
		todo = append(todo[:0], s)
		for len(todo) > 0 {
			s := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if s < 0 || !to.add(s) {
				continue
			}
			if st := &n.states[s]; st.set == readsNothing {
				todo = append(todo, st.out1, st.out)
			}
		}
	}
	m.step = func(from []int32, c int, to *stateSet) {
		for _, s := range from {
			if n.reads(s, c) {
				follow(n.states[s].out, to)
			}
		}
	}
	m.flagsOf = func(states []int32) uint8 {
		if states[0] == acceptState { // ascending
			return flagAccept
		}
		return 0
	}
	m.begin(func(to *stateSet) { follow(n.start, to) })
	return m
}
