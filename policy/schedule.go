package policy

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
)

// scheduled is the event behind Schedule.
type scheduled struct {
	policy string
	fn     func()
}

// Schedule runs fn after a delay in seconds, as an event: when a packet moves
// the clock there, the event is queued before the packet's own, and handled
// after it (Zeek's schedule statement). Once the run is ending nothing is
// scheduled any more, but what was scheduled before still runs.
func (c *Context) Schedule(delay float64, fn func()) {
	if c.ending {
		return
	}
	policy := c.Policy()
	t := &timer.Timer{}
	t.Do = timer.Func(func(float64, bool) { c.after(policy, fn) })
	c.Timers.Add(t, c.Now()+delay)
}

// After runs fn as an event of its own, behind those that are queued already.
func (c *Context) After(fn func()) { c.after(c.Policy(), fn) }

func (c *Context) after(policy string, fn func()) {
	if c.scheduled == nil {
		c.scheduled = event.Declare[scheduled](c.Events.Queue, "gzeek_scheduled")
		c.scheduled.Handle("gzeek", 0, func(s *scheduled) { c.Events.Guard(s.policy, "a scheduled function", s.fn) })
	}
	c.scheduled.Enqueue(scheduled{policy, fn})
}

// SetEnding is for the engine: the input has ended.
func (c *Context) SetEnding() { c.ending = true }
