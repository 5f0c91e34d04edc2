package event

import "slices"

// Hook is a hook of Zeek: its bodies run at once, not from the queue, and each
// may end it. A is what they get.
type Hook[A any] struct {
	name   string
	q      *Queue
	bodies []hookBody[A]
}

type hookBody[A any] struct {
	policy   string
	priority int
	fn       func(A) bool
}

// NewHook returns a hook without bodies.
func NewHook[A any](q *Queue, name string) *Hook[A] { return &Hook[A]{name: name, q: q} }

// Used says whether there is any body.
func (h *Hook[A]) Used() bool { return len(h.bodies) > 0 }

// Add registers a body for a policy. Bodies run by falling priority, those of
// one priority in the order of registration. A body that returns false ends the
// hook: Zeek's break.
func (h *Hook[A]) Add(policy string, priority int, fn func(A) bool) {
	i := len(h.bodies)
	for i > 0 && h.bodies[i-1].priority < priority {
		i--
	}
	h.bodies = slices.Insert(h.bodies, i, hookBody[A]{policy, priority, fn})
}

// Run runs the bodies, and says whether none ended it.
func (h *Hook[A]) Run(a A) bool {
	for i := range h.bodies {
		if !h.invoke(&h.bodies[i], a) {
			return false
		}
	}
	return true
}

// invoke runs one body. An error ends that body only and is no break (Func.cc,
// ScriptFunc::Invoke).
func (h *Hook[A]) invoke(b *hookBody[A], a A) (goOn bool) {
	defer func() {
		if r := recover(); r != nil {
			goOn = true
			h.q.failed(h.name, b.policy, r)
		}
	}()
	return b.fn(a)
}
