package policy

import (
	"slices"

	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/timer"
)

// Expirer is a table whose entries expire: dict.Expiring.
type Expirer interface {
	// Expire removes what is old enough of the next step entries, and says
	// whether it has looked at everything.
	Expire(now float64, step int) (done bool)
	// Expires says whether anything expires at all: a negative timeout means no.
	Expires() bool
}

// Expire has a table's entries expire, as Zeek does for a global table: its
// timer is due at the first packet, and then every table_expire_interval
// (Val.cc, TableVal::CheckExpireAttr and DoExpire). It is called when the
// policy is loaded, for each table in the order of their declaration: timers of
// equal times fire in an order that depends on all timers there are.
func (c *Context) Expire(t Expirer) {
	c.tables = append(c.tables, table{c.Policy(), t})
}

// table is an expiring table and the policy that has it.
type table struct {
	policy string
	t      Expirer
}

// scriptTables are the expiring tables of one script.
type scriptTables struct {
	policy  string
	n       int
	expires bool
}

// zeekTables are the expiring tables of Zeek's default scripts in the order in
// which these are loaded: how many each has, and whether they expire by default.
// Where gzeek has no such policy, or it is not loaded, timers without a purpose
// take their place in the heap.
//
// That there are 26 of them whose timers come again is measured, on captures in
// which many timers have equal times. The scripts account for 26, of which those
// of intel, whose timeout is negative, should by their source not come again; and
// Zeek's storage framework has a timer of 15 seconds (storage/Manager.cc). With
// these two as the source has them the captures come out worse.
var zeekTables = []scriptTables{
	{"base/frameworks/notice/main", 1, true},
	{"base/frameworks/notice/weird", 3, true},
	{"base/frameworks/signatures", 7, true},
	{"base/frameworks/software", 2, true},
	{"base/frameworks/intel", 3, true}, // see below
	{"base/frameworks/tunnels", 1, true},
	{"base/frameworks/netcontrol", 2, true}, // its openflow plugin
	{"base/protocols/dhcp", 1, true},
	{"base/protocols/ftp", 1, true},
	{"base/files/x509", 4, true},
	{"base/protocols/irc", 1, true},
}

// ArmTables is for the engine: it arms the timers of all tables, once the
// policies are loaded.
func (c *Context) ArmTables() {
	for _, z := range zeekTables {
		mine := 0
		for _, t := range c.tables {
			if t.policy == z.policy {
				c.armTable(t.policy, t.t)
				mine++
			}
		}
		for ; mine < z.n && !c.Bare; mine++ {
			c.armTable(z.policy, nothing(z.expires))
		}
	}
	for _, t := range c.tables {
		if !slices.ContainsFunc(zeekTables, func(z scriptTables) bool { return z.policy == t.policy }) {
			c.armTable(t.policy, t.t)
		}
	}
	c.tables = nil
}

// nothing is a table that stays empty.
type nothing bool

func (nothing) Expire(float64, int) bool { return true }
func (n nothing) Expires() bool          { return bool(n) }

func (c *Context) armTable(policy string, t Expirer) {
	tm := &timer.Timer{}
	tm.Do = timer.Func(func(now float64, expiring bool) {
		if expiring || !t.Expires() {
			return
		}
		next := c.tableInterval.Get()
		// What expires may be told to the policy.
		c.Events.Guard(policy, "an expiring table", func() {
			if !t.Expire(now, c.tableStepNow()) {
				next = c.tableDelay.Get()
			}
		})
		c.Timers.Add(tm, c.Now()+next)
	})
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

// tableStepNow is table_incremental_step, of which Zeek keeps an int (NetVar.cc):
// with none, or fewer, a table that has entries is looked at for ever.
func (c *Context) tableStepNow() int { return int(int32(c.tableStep.Get())) }
