package cli

import "testing"

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 400}, {1 << 20, 400}, {8 << 20, 300}, {12 << 20, 200}, {20 << 20, 100}, {24 << 20, 100}, {48 << 20, 50}, {200 << 20, 50}, {2 << 30, 100},
	} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("%d octets alive: %d %%, want %d", c.live, got, c.want)
		}
	}
}
