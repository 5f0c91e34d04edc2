// Package timer is Zeek's timer manager: timers that run on network time, in an
// array heap whose order of equal times is Zeek's (Timer.cc, PriorityQueue.cc).
//
// The heap is not stable, and equal times happen (several SYNs of one
// microsecond), so the order in which they fire depends on every timer that is
// in the array. Therefore all timers of a run, whoever arms them, are in one
// Manager.
//
// A Manager belongs to one goroutine.
package timer

// A Timer is an entry of the heap. Embed it in, or point to it from, what is
// timed; it can be armed again once it is idle. The zero value is idle.
type Timer struct {
	at  float64
	pos int // index in the heap plus 1; 0 when idle
	// Do is what runs when the time has come.
	Do Action
}

// Action is what a timer is for: a pointer to what is timed, which costs no
// allocation, or a Func.
type Action interface {
	// Fire runs when the time has come. now is the clock of the manager, not
	// the timer's own time; expiring says that the run ends and all timers are
	// popped whatever their time (Timer.cc, TimerMgr::Expire).
	Fire(now float64, expiring bool)
}

// Func is a function as an Action.
type Func func(now float64, expiring bool)

// Fire calls f.
func (f Func) Fire(now float64, expiring bool) { f(now, expiring) }

// Armed says whether the timer waits in a heap.
func (t *Timer) Armed() bool { return t.pos > 0 }

// At returns the time for which the timer was armed last.
func (t *Timer) At() float64 { return t.at }

// entry is a place in the heap. The time is here and not with the timer alone:
// to compare two is most of the work, and with many timers each one that has to
// be asked is a line that no cache holds.
type entry struct {
	at float64
	t  *Timer
}

// Manager is the heap and its clock.
type Manager struct {
	heap  []entry
	now   float64
	armed uint64
}

// Now returns the time of the last Advance.
func (m *Manager) Now() float64 { return m.now }

// Len returns the number of armed timers.
func (m *Manager) Len() int { return len(m.heap) }

// Armed returns how many timers were ever armed.
func (m *Manager) Armed() uint64 { return m.armed }

// Next returns the earliest time, and whether there is a timer at all.
func (m *Manager) Next() (float64, bool) {
	if len(m.heap) == 0 {
		return 0, false
	}
	return m.heap[0].at, true
}

// Add arms t for the time at (seconds since the epoch), which may be past: it
// then runs at the next Advance. t must be idle.
func (m *Manager) Add(t *Timer, at float64) {
	if t.pos != 0 {
		panic("timer: Add of an armed timer")
	}
	t.at = at
	m.armed++
	m.heap = append(m.heap, entry{})
	m.up(len(m.heap)-1, entry{at, t})
}

// Cancel takes t out of the heap; an idle timer is left alone.
//
// As in Zeek the entry is first moved to the root as if it were the earliest,
// then popped: that decides the order of the others with equal times.
func (m *Manager) Cancel(t *Timer) {
	if t.pos == 0 {
		return
	}
	for i := t.pos - 1; i > 0; {
		parent := (i - 1) / 2
		m.put(i, m.heap[parent])
		i = parent
	}
	t.pos = 0
	m.dropFirst()
}

// again is how many timers more than there were may run in one Advance without a
// limit. Those that are armed for no later than now by others that ran go on for
// ever otherwise, as they do in Zeek: a period of nothing is all it takes.
const again = 1000

// Advance sets the clock and runs what is due, at most limit timers; below 0 it
// is all. It returns how many ran.
func (m *Manager) Advance(now float64, limit int) int {
	m.now = now
	n := 0
	if limit < 0 {
		limit = len(m.heap) + again
	}
	for n < limit && len(m.heap) > 0 && m.heap[0].at <= now {
		m.pop().Do.Fire(now, false)
		n++
	}
	return n
}

// Expire pops every timer, in heap order, whatever its time.
func (m *Manager) Expire() {
	for len(m.heap) > 0 {
		m.pop().Do.Fire(m.now, true)
	}
}

func (m *Manager) pop() *Timer {
	first := m.heap[0].t
	first.pos = 0
	m.dropFirst()
	return first
}

// dropFirst closes the gap at the root: the last entry sinks from there.
func (m *Manager) dropFirst() {
	last := len(m.heap) - 1
	e := m.heap[last]
	m.heap[last] = entry{}
	m.heap = m.heap[:last]
	if last > 0 {
		m.down(0, e)
	}
}

func (m *Manager) put(i int, e entry) {
	m.heap[i] = e
	e.t.pos = i + 1
}

// up lets e rise from the gap i.
func (m *Manager) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 2
		if !(m.heap[parent].at > e.at) {
			break
		}
		m.put(i, m.heap[parent])
		i = parent
	}
	m.put(i, e)
}

// down lets e sink from the gap i. Of two children with equal times the right one
// is taken, and only a strictly earlier child moves up.
func (m *Manager) down(i int, e entry) {
	for {
		child := 2*i + 1
		if child >= len(m.heap) {
			break
		}
		if right := child + 1; right < len(m.heap) && !(m.heap[child].at < m.heap[right].at) {
			child = right
		}
		if !(m.heap[child].at < e.at) {
			break
		}
		m.put(i, m.heap[child])
		i = child
	}
	m.put(i, e)
}
