package dict

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

type clock struct{ now, start float64 }

func (c *clock) Now() float64   { return c.now }
func (c *clock) Start() float64 { return c.start }

func (c *clock) at(now float64) *clock {
	if c.start == 0 {
		c.start = now
	}
	c.now = now
	return c
}

const first = 1700000000.5

func TestEntriesExpireByWholeSeconds(t *testing.T) {
	for _, x := range []struct {
		kind        Expiry
		touch, read float64 // seconds after the first packet, 0: not
		lives, gone float64
	}{
		// Made 0.9 s after the first packet: second 0, so it may go 10 s after that.
		{CreateExpire, 0, 0, 10, 10.1},
		{CreateExpire, 5.5, 7, 10, 10.1},
		{WriteExpire, 5.5, 7, 15, 15.1},
		{ReadExpire, 5.5, 7.9, 17, 17.1},
		{ReadExpire, 5.5, 0, 15, 15.1},
	} {
		c := (&clock{}).at(first)
		tab := NewExpiring[string, int](testKeys(t), HashString, c, x.kind, 10)
		c.at(first + 0.9)
		tab.Set("k", 1)
		if x.touch > 0 {
			c.at(first + x.touch)
			tab.Set("k", 2)
		}
		if x.read > 0 {
			c.at(first + x.read)
			if !tab.Has("k") {
				t.Error("lost")
			}
		}
		var removed []string
		tab.OnRemoved = func(k string, v int) { removed = append(removed, fmt.Sprint(k, v)) }
		c.at(first + x.lives)
		if !tab.Expire(c.now, 5000) || tab.Len() != 1 {
			t.Errorf("%+v: gone early", x)
		}
		c.at(first + x.gone)
		if !tab.Expire(c.now, 5000) || tab.Len() != 0 || len(removed) != 1 {
			t.Errorf("%+v: still there, removed %v", x, removed)
		}
	}
}

func TestEntriesMadeBeforeTheFirstPacketCountFromIt(t *testing.T) {
	c := &clock{}
	tab := NewExpiring[string, int](testKeys(t), HashString, c, CreateExpire, 10)
	tab.Set("k", 1)
	tab.Expire(1, 5000) // no packet yet
	c.at(first)
	tab.Expire(first+10, 5000)
	if tab.Len() != 1 {
		t.Error("gone early")
	}
	tab.Expire(first+10.5, 5000)
	if tab.Len() != 0 {
		t.Error("still there")
	}
}

func TestExpireFunctionProlongsAndDeletes(t *testing.T) {
	c := (&clock{}).at(first)
	tab := NewExpiring[string, int](testKeys(t), HashString, c, CreateExpire, 0)
	for _, k := range []string{"keep", "go", "drop"} {
		tab.Set(k, 0)
	}
	tab.OnExpire = func(k string, v *int) float64 {
		*v++
		switch k {
		case "keep":
			return 30.7
		case "drop":
			tab.Delete(k)
		}
		return 0
	}
	c.at(first + 5)
	if !tab.Expire(c.now, 5000) || tab.Len() != 1 {
		t.Fatalf("%d left", tab.Len())
	}
	// trunc(5 - 0 + 30.7) = 35
	tab.Expire(c.at(first+35).now, 5000)
	if v, _ := tab.Get("keep"); v != 1 {
		t.Errorf("asked again after %v calls", v)
	}
	tab.Expire(c.at(first+35.2).now, 5000)
	if v, _ := tab.Get("keep"); v != 2 {
		t.Errorf("not asked again: %v", v)
	}
	tab.OnExpire = func(string, *int) float64 { tab.Clear(); return 1 }
	if !tab.Expire(c.at(first+100).now, 5000) || tab.Len() != 0 || tab.d.iterating != 0 {
		t.Error("cleared by its own expire function")
	}
}

func TestExpiryGoesInTableOrderByStepsOf5000(t *testing.T) {
	c := (&clock{}).at(first)
	tab := NewExpiring[string, int](testKeys(t), HashString, c, CreateExpire, 10)
	const n = 12000
	for i := range n {
		tab.Set(fmt.Sprint("k", i), i)
	}
	var order, got []string
	for k := range tab.All() {
		order = append(order, k)
	}
	tab.OnExpire = func(k string, _ *int) float64 { got = append(got, k); return 5 }
	c.at(first + 20)
	for i, want := range []struct {
		done bool
		n    int
	}{{false, 5000}, {false, 10000}, {true, n}} {
		if done := tab.Expire(c.now, 5000); done != want.done || len(got) != want.n {
			t.Errorf("run %d: done %v after %d", i, done, len(got))
		}
	}
	if !slices.Equal(got, order) {
		t.Error("not the order of the table")
	}
	// With removals each entry still goes once, as they pull others back.
	got = nil
	tab.OnExpire = func(k string, _ *int) float64 { got = append(got, k); return 0 }
	c.at(first + 100)
	for !tab.Expire(c.now, 5000) {
	}
	slices.Sort(got)
	slices.Sort(order)
	if !slices.Equal(got, order) || tab.Len() != 0 {
		t.Errorf("%d expired of %d, %d left", len(got), n, tab.Len())
	}
	check(t, &tab.d)
}

// FuzzExpiring changes the table between and during the steps of a run: nothing
// may be lost, and what was there all the time goes.
func FuzzExpiring(f *testing.F) {
	f.Add([]byte("aAbBcCdDeEfFgGhHiIjJkKlLmMnN0123456789"))
	f.Add([]byte("\x01\x11\x21\x31\x41\x51\x02\x03\x12\x13\x22\x23\x61\x71\x81\x91\xa1"))
	keys := testKeys(f)
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 2000 {
			return
		}
		c := (&clock{}).at(first)
		tab := NewExpiring[string, int](keys, HashString, c, CreateExpire, 1)
		want := map[string]int{}
		tab.OnExpire = func(k string, v *int) float64 {
			if len(k)%3 == 0 {
				return 2
			}
			if *v%5 == 0 {
				other := k + "'"
				tab.Set(other, 1)
				want[other] = 1
			}
			return 0
		}
		tab.OnRemoved = func(k string, v int) {
			if old, ok := want[k]; !ok || old != v {
				t.Fatalf("%s: removed with %d, had %d", k, v, old)
			}
			delete(want, k)
		}
		for i, op := range ops {
			k := fmt.Sprint(op >> 3)
			switch op & 7 {
			case 0, 1, 2, 3:
				tab.Set(k, i)
				want[k] = i
			case 4:
				if _, ok := want[k]; tab.Delete(k) != ok {
					t.Fatalf("Delete(%s)", k)
				}
				delete(want, k)
			case 5:
				if v, ok := tab.Get(k); ok != (want[k] == v && ok) {
					t.Fatalf("Get(%s)", k)
				}
			case 6:
				tab.Expire(c.now, 3)
			case 7:
				c.at(c.now + 1.5)
			}
			check(t, &tab.d)
		}
		got := map[string]int{}
		for k, v := range tab.All() {
			got[k] = v
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
