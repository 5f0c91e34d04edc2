package policy_test

import (
	"fmt"
	"testing"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/timer"
)

// Val.cc, TableVal::DoExpire: so many entries are looked at in one run, and the
// rest after table_expire_delay.
func TestTablesAreLookedThroughInSteps(t *testing.T) {
	for _, x := range []struct {
		step string
		want string // entries left at 100, 110.00, 110.02, ..., of 5 that are too old at 110
	}{
		{"5000", "[5 0 0 0 0]"},
		{"5", "[5 0 0 0 0]"},
		{"2", "[5 3 1 0 0]"},
		{"1", "[5 4 3 2 1]"},
		{"0", "[5 5 5 5 5]"},
		{"4294967295", "[5 5 5 5 5]"}, // -1 as int
		{"4294967298", "[5 3 1 0 0]"},
	} {
		c := policy.NewContext()
		c.Keys, c.Events, c.Timers = seed.New([seed.Count]uint32{}), event.NewEvents(), &timer.Manager{}
		c.DeclareOptions(redef.New(c.Keys))
		c.Bare = true
		table := dict.NewExpiring[string, int](c.Keys, dict.HashString, c, dict.CreateExpire, 5)
		c.Expire(table)
		c.ArmTables()
		if err := c.Options.Apply(nil, "table_incremental_step="+x.step); err != nil {
			t.Fatal(err)
		}
		var left []int
		at := func(now float64) {
			c.Events.Now = now
			c.Timers.Advance(now, 300)
			left = append(left, table.Len())
		}
		c.SetStart(100)
		c.Events.Now = 100
		c.Timers.Advance(100, 300)
		for i := range 5 {
			table.Set(fmt.Sprint(i), i)
		}
		at(100)
		for i := range 4 {
			at(110 + float64(i)*0.02)
		}
		if got := fmt.Sprint(left); got != x.want {
			t.Errorf("step %s: left %s, want %s", x.step, got, x.want)
		}
	}
}
