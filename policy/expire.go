package policy

import (
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/timer"
)

// Expirer is a table whose entries expire: dict.Expiring.
type Expirer interface {
	// Expire removes what is old enough, and says whether it has looked at
	// everything.
	Expire(now float64) (done bool)
}

// Expire arms the timer that expires a table's entries, as Zeek does for a
// global table: it is due at the first packet, and then every
// table_expire_interval (Val.cc, TableVal::CheckExpireAttr and DoExpire). It is
// called when the policy is loaded, for each table in the order of their
// declaration, since the order of timers of equal times depends on it.
func (c *Context) Expire(t Expirer) {
	tm := &timer.Timer{}
	tm.Fire = func(now float64, expiring bool) {
		if expiring {
			return
		}
		next := c.tableInterval.Get()
		if !t.Expire(now) {
			next = c.tableDelay.Get()
		}
		c.Timers.Add(tm, c.Now()+next)
	}
	c.Timers.Add(tm, 1)
}

// Start is the time of the first packet, 0 before it; with Now it is the clock
// of expiring tables.
func (c *Context) Start() float64 { return c.start }

// SetStart is for the engine: it is called with the first packet's time.
func (c *Context) SetStart(t float64) { c.start = t }

// DeclareOptions is for the engine: it declares the options that belong to the
// script layer itself.
func (c *Context) DeclareOptions(o *redef.Registry) {
	c.Options = o
	c.tableInterval = o.Interval("table_expire_interval", 10, "how often tables are looked through for entries to expire")
	c.tableDelay = o.Interval("table_expire_delay", 0.01, "pause before the rest of a large table is looked through")
	c.tableStep = o.Count("table_incremental_step", 5000, "how many entries of a table are looked at a time")
}

// TableStep is table_incremental_step.
func (c *Context) TableStep() int { return int(c.tableStep.Get()) }
