package contentline

import (
	"bytes"
	"testing"
)

// TestPlainUntilFindsEachEnd: each octet alone, at each place, beside each of
// some others that would carry or borrow.
func TestPlainUntilFindsEachEnd(t *testing.T) {
	for _, other := range []byte{1, '\n' + 1, '\r' - 1, ' ', 'A', 0x7f, 0x80, 0xff} {
		for n := range 72 { // two vectors, a word and some
			data := bytes.Repeat([]byte{other}, n)
			if got := PlainUntil(data, 0); got != n {
				t.Fatalf("%d octets %#x end at %d", n, other, got)
			}
			for place := range n {
				for c := range 256 {
					data[place] = byte(c)
					want := n
					if c == 0 || c == '\r' || c == '\n' {
						want = place
					}
					for _, from := range []int{0, place / 2, place} {
						if got := PlainUntil(data, from); got != want {
							t.Fatalf("%d octets %#x with %#x at %d, from %d: ends at %d", n, other, c, place, from, got)
						}
					}
				}
				data[place] = other
			}
		}
	}
}

// Octets beyond ASCII don't look like line ends, which would only cost time.
func TestControlsMarksNothingElse(t *testing.T) {
	for c := range uint64(256) {
		want := uint64(0)
		if c <= '\r' {
			want = top
		}
		if got := controls(c * each); got != want {
			t.Errorf("%#x: %#x", c, got)
		}
	}
}
