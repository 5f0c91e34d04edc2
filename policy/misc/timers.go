package misc

import (
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/timer"
)

// loadTimers arms the timers with which Zeek looks after itself: it flushes its
// logs, keeps its threads alive, looks at its packet filter.
// gzeek does these things otherwise or not at all. But timers of equal times,
// two tunnelled connections of one packet for instance, time out in an order
// that depends on every timer that is in the heap.
func loadTimers(c *policy.Context) error {
	flush := c.Options.Interval("Log::flush_interval", 1, "")
	init, name := c.Events.ZeekInit, c.Policy()
	init.Handle(name, 5, func(*struct{}) {
		every(c, flush.Get(), flush.Get) // logging/Manager.cc, with the first stream
	})
	init.Handle(name, 0, func(*struct{}) { repeat(c, 1) }) // Broker::log_batch_interval
	if c.Bare {
		return nil
	}
	init.Handle(name, -6, func(*struct{}) {
		// threading/Manager.cc, with the writer of packet_filter.log.
		every(c, 1, func() float64 { return 1 })
		// The packet filter framework begins with an event.
		c.After(func() { repeat(c, 300) })
	})
	return nil
}

// every arms a timer for a time, and from then on again and again.
func every(c *policy.Context, first float64, interval func() float64) {
	t := &timer.Timer{}
	t.Do = timer.Func(func(_ float64, expiring bool) {
		if !expiring {
			c.Timers.Add(t, c.Now()+interval())
		}
	})
	c.Timers.Add(t, c.Now()+first)
}

// repeat schedules an event that schedules itself.
func repeat(c *policy.Context, interval float64) {
	c.Schedule(interval, func() { repeat(c, interval) })
}
