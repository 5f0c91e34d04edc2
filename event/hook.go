package event

import "slices"

// Hook is a hook of Zeek: its bodies run at once, not from the queue. A is what
// they get.
type Hook[A any] struct {
	name   string
	q      *Queue
	bodies []hookBody[A]
}

type hookBody[A any] struct {
	owner    *owner
	priority int
	fn       func(A) bool
}

// NewHook returns a hook without bodies.
func NewHook[A any](q *Queue, name string) *Hook[A] { return &Hook[A]{name: name, q: q} }

// Used says whether there is any body.
func (h *Hook[A]) Used() bool { return len(h.bodies) > 0 }

// Add registers a body for a policy. Bodies run by falling priority, those of
// one priority in the order of registration. What it means that a body returns
// false depends on how the hook is run.
func (h *Hook[A]) Add(policy string, priority int, fn func(A) bool) {
	i := len(h.bodies)
	for i > 0 && h.bodies[i-1].priority < priority {
		i--
	}
	h.bodies = slices.Insert(h.bodies, i, hookBody[A]{h.q.owner(policy), priority, fn})
}

// Run runs the bodies until one returns false (Zeek's break), and says whether
// none did.
func (h *Hook[A]) Run(a A) bool {
	for i := 0; i < len(h.bodies); {
		next, pass := h.runFrom(i, a)
		if !pass {
			return false
		}
		i = next
	}
	return true
}

// RunAll runs all bodies, and says whether none returned false.
func (h *Hook[A]) RunAll(a A) bool {
	all := true
	for i := 0; i < len(h.bodies); {
		next, pass := h.runFrom(i, a)
		all = all && pass
		i = next
	}
	return all
}

// runFrom runs the bodies from the i-th on, to the end or to one that returns
// false or panics, and returns where to go on. An error ends one body only and
// is no break (Func.cc, ScriptFunc::Invoke).
func (h *Hook[A]) runFrom(i int, a A) (next int, pass bool) {
	q, before := h.q, h.q.running
	next, pass = i, true
	defer func() {
		q.running = before
		if r := recover(); r != nil {
			pass = true
			q.failed(h.name, h.bodies[next].owner, r)
			next++
		}
	}()
	for next < len(h.bodies) && pass {
		if b := &h.bodies[next]; !b.owner.off {
			q.running = b.owner
			pass = b.fn(a)
		}
		next++
	}
	return next, pass
}
