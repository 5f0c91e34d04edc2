package conn

import (
	"slices"
	"testing"
)

func TestVLANsMayBelongToTheKey(t *testing.T) {
	for _, keys := range []bool{false, true} {
		w := newWire(t)
		w.tb.opts.VLANKeys = keys
		// 0x0102 comes behind 0x0201 where the low octet is first.
		for _, vlan := range []uint16{0x0102, 0x0201, 0x0102} {
			w.vlan = vlan
			w.segment(4001, true, 0x02, 1000, 0, 0)
		}
		want := 1
		if keys {
			want = 2
		}
		if w.tb.Len() != want {
			t.Errorf("VLANs in keys: %v; %d connections", keys, w.tb.Len())
		}
		var order []uint16
		all := slices.Collect(w.tb.all())
		slices.SortFunc(all, w.tb.byKey)
		for _, c := range all {
			order = append(order, c.rec.Vlan)
			if (c.current() == c) == keys {
				t.Errorf("VLANs in keys: %v; by its id the connection is %v", keys, c.current())
			}
		}
		if keys && !slices.Equal(order, []uint16{0x0201, 0x0102}) {
			t.Errorf("order %x", order)
		}
		for _, c := range all {
			w.tb.remove(c)
		}
		if w.tb.Len() != 0 || len(w.tb.conns) != 0 {
			t.Errorf("%d connections are left", w.tb.Len())
		}
	}
}
