package cli

import "testing"

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 800}, {1 << 20, 800}, {8 << 20, 600}, {12 << 20, 400}, {20 << 20, 200}, {48 << 20, 100}, {90 << 20, 100}, {2 << 30, 100},
	} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("%d octets alive: %d %%, want %d", c.live, got, c.want)
		}
	}
}
