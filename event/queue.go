package event

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/gzeek/gzeek/internal/slab"
)

// Queue is the event queue of one run, and its clock.
type Queue struct {
	// Now is the network time in seconds since the epoch: the time of the
	// newest packet. It never goes back.
	Now float64

	// OnError hears of a handler body that ended with a ScriptError or a
	// panic. The other bodies of the event still run, as in Zeek (Func.cc,
	// ScriptFunc::Invoke). It must not be nil once handlers run.
	OnError func(HandlerError)

	// MaxPanics is how many panics (ScriptErrors are none) a policy may have
	// before it is turned off: none of its bodies runs any more. 0 is no limit.
	MaxPanics uint64

	owners  map[string]*owner
	running *owner // whose body runs now; nil outside of them

	pending  []item
	done     uint64 // events dispatched
	topics   []Descriptor
	arena    arena
	dispatch int // nesting depth of Drain
	spare    [][]item
}

// item is one enqueued event.
type item interface{ run() }

// A ScriptError is panicked by a handler body for what Zeek calls a run-time
// error of a script: it ends that body only.
type ScriptError struct{ Msg string }

func (e ScriptError) Error() string { return e.Msg }

// HandlerError says which handler body failed, and how.
type HandlerError struct {
	Event  string
	Policy string // who registered the body
	Err    error
	Stack  []byte // nil for a ScriptError
	// Off says that this was the policy's last panic: it is turned off.
	Off bool
}

func (e HandlerError) Error() string {
	return fmt.Sprintf("%s: handler of %s: %v", e.Policy, e.Event, e.Err)
}

// owner is a policy as the queue knows it: who registers bodies.
type owner struct {
	name   string
	panics uint64
	off    bool
}

func (q *Queue) owner(name string) *owner {
	o := q.owners[name]
	if o == nil {
		if q.owners == nil {
			q.owners = make(map[string]*owner)
		}
		o = &owner{name: name}
		q.owners[name] = o
	}
	return o
}

// Running names the policy whose body runs now, "" outside of bodies.
func (q *Queue) Running() string {
	if q.running == nil {
		return ""
	}
	return q.running.name
}

// Off says that a policy was turned off because it panicked too often.
func (q *Queue) Off(policy string) bool { return q.owner(policy).off }

// NewQueue returns an empty queue at time 0.
func NewQueue() *Queue { return &Queue{} }

// Bytes copies b into memory that lives until the queue is empty again. An
// analyzer calls it for what it puts into an event from a buffer that it
// reuses before the next drain.
func (q *Queue) Bytes(b []byte) []byte { return q.arena.copy(b) }

// Dispatched returns how many events have been handled.
func (q *Queue) Dispatched() uint64 { return q.done }

// Len returns the number of events that wait.
func (q *Queue) Len() int { return len(q.pending) }

// Idle says that no event waits and none is being handled.
func (q *Queue) Idle() bool { return q.dispatch == 0 && len(q.pending) == 0 }

// Drain runs what is queued, and then what was queued meanwhile: two
// generations. A third one stays for the next call. It may be called while
// handlers run: it then takes what has been queued since.
func (q *Queue) Drain() {
	q.dispatch++
	for round := 0; round < 2 && len(q.pending) > 0; round++ {
		batch := q.pending
		q.pending = q.take()
		for i, it := range batch {
			it.run()
			batch[i] = nil
		}
		q.done += uint64(len(batch))
		q.spare = append(q.spare, batch[:0])
	}
	q.dispatch--
	if q.Idle() {
		q.arena.reset()
	}
}

// DrainAll drains until nothing is left; only the end of a run does so.
func (q *Queue) DrainAll() {
	for len(q.pending) > 0 {
		q.Drain()
	}
}

func (q *Queue) take() []item {
	if n := len(q.spare); n > 0 {
		s := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return s
	}
	return make([]item, 0, 64)
}

// Descriptor describes a declared event.
type Descriptor struct {
	Name     string
	Params   []string // "is_orig: bool", in order; the connection first where there is one
	Handlers func() []HandlerInfo
}

// HandlerInfo describes one registered body.
type HandlerInfo struct {
	Policy   string
	Priority int
}

// Topics lists the declared events in the order of their declaration.
func (q *Queue) Topics() []Descriptor { return slices.Clone(q.topics) }

// A Topic is one event type: its name, its handlers, and the free list of its
// queue items, so that raising an event allocates nothing in the steady state.
type Topic[E any] struct {
	q      *Queue
	name   string
	bodies []body[E]
	free   []*node[E]
	nodes  slab.Of[node[E]]
}

type body[E any] struct {
	owner    *owner
	priority int
	fn       func(*E)
}

type node[E any] struct {
	t  *Topic[E]
	ev E
}

// Declare adds an event type to q. Params are documentation and the argument
// names of listings.
func Declare[E any](q *Queue, name string, params ...string) *Topic[E] {
	t := &Topic[E]{q: q, name: name}
	q.topics = append(q.topics, Descriptor{Name: name, Params: params, Handlers: func() []HandlerInfo {
		infos := make([]HandlerInfo, len(t.bodies))
		for i, b := range t.bodies {
			infos[i] = HandlerInfo{b.owner.name, b.priority}
		}
		return infos
	}})
	return t
}

// Name returns the event's Zeek name.
func (t *Topic[E]) Name() string { return t.name }

// Handle registers a body. Higher priorities run first, equal ones in the
// order of registration. Policy is who registers it, for errors and listings.
func (t *Topic[E]) Handle(policy string, priority int, fn func(*E)) {
	i := len(t.bodies)
	for i > 0 && t.bodies[i-1].priority < priority {
		i--
	}
	t.bodies = slices.Insert(t.bodies, i, body[E]{t.q.owner(policy), priority, fn})
}

// Wanted says whether anybody handles the event. Who raises it asks first: an
// event without a body is not made at all.
func (t *Topic[E]) Wanted() bool { return len(t.bodies) > 0 }

// Enqueue puts the event into the queue, if anybody handles it.
func (t *Topic[E]) Enqueue(ev E) {
	if len(t.bodies) == 0 {
		return
	}
	var n *node[E]
	if k := len(t.free); k > 0 {
		n = t.free[k-1]
		t.free = t.free[:k-1]
		n.ev = ev
	} else {
		n = t.nodes.New()
		n.t, n.ev = t, ev
	}
	t.q.pending = append(t.q.pending, n)
}

// Call runs the bodies at once, outside the queue (a Zeek function call or
// hook rather than an event).
func (t *Topic[E]) Call(ev *E) {
	for i := 0; i < len(t.bodies); {
		i = t.runFrom(i, ev)
	}
}

func (n *node[E]) run() {
	t := n.t
	t.Call(&n.ev)
	var zero E
	n.ev = zero
	t.free = append(t.free, n)
}

// runFrom runs the bodies from the i-th on, to the end or to one that panics,
// and returns where to go on: a panic ends one body only. One recover serves
// all bodies of an event, since it costs as much as several empty bodies.
func (t *Topic[E]) runFrom(i int, ev *E) (next int) {
	q, before := t.q, t.q.running
	next = i
	defer func() {
		q.running = before
		if r := recover(); r != nil {
			q.failed(t.name, t.bodies[next].owner, r)
			next++
		}
	}()
	for ; next < len(t.bodies); next++ {
		if b := &t.bodies[next]; !b.owner.off {
			q.running = b.owner
			b.fn(ev)
		}
	}
	return next
}

// Guard runs fn as a body of the policy, where a policy's function is called
// from outside of its bodies; what names the place for errors. It says whether
// fn came to its end: it doesn't if it panics, which is reported like that of a
// body, or if the policy is off.
func (q *Queue) Guard(policy, what string, fn func()) (ok bool) {
	o, before := q.owner(policy), q.running
	if o.off {
		return false
	}
	defer func() {
		q.running = before
		if r := recover(); r != nil {
			q.failed(what, o, r)
		}
	}()
	q.running = o
	fn()
	return true
}

// failed reports what a body of an event or a hook has panicked with.
func (q *Queue) failed(name string, o *owner, r any) {
	e := HandlerError{Event: name, Policy: o.name}
	if se, ok := r.(ScriptError); ok {
		e.Err = se
	} else {
		e.Err = fmt.Errorf("panic: %v", r)
		e.Stack = debug.Stack()
		o.panics++
		if q.MaxPanics > 0 && o.panics >= q.MaxPanics && !o.off {
			o.off, e.Off = true, true
		}
	}
	if q.OnError == nil {
		panic(e)
	}
	q.OnError(e)
}

// arena hands out copies that all die together.
type arena struct {
	block []byte
}

const arenaBlock = 64 << 10

func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(b) > cap(a.block)-len(a.block) {
		// The old block lives as long as events point into it.
		a.block = make([]byte, 0, max(arenaBlock, len(b)))
	}
	n := len(a.block)
	a.block = append(a.block, b...)
	return a.block[n:len(a.block):len(a.block)]
}

func (a *arena) reset() { a.block = a.block[:0] }
