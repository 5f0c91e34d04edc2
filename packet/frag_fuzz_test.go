package packet

import (
	"bytes"
	"testing"
)

// A datagram that is cut anywhere, whose pieces come in any order and some twice,
// is put together as it was; one of which a piece is missing isn't.
func FuzzFragments(f *testing.F) {
	f.Add([]byte("some octets of a datagram, which is to be cut"), []byte{1, 2, 1}, []byte{2, 0, 1, 0}, false)
	f.Add(bytes.Repeat([]byte("0123456789abcdef"), 40), []byte{8, 9, 20}, []byte{3, 2, 1, 0}, true)
	f.Add(bytes.Repeat([]byte("x"), 200), []byte{8}, []byte{1, 1, 1}, false)
	f.Fuzz(func(t *testing.T, data, cuts, order []byte, v6 bool) {
		if len(data) == 0 || len(data) > 60000 || len(cuts) > 50 || len(order) > 200 {
			return
		}
		var pieces []piece
		at := 0
		for _, c := range cuts {
			n := int(c) * 8 // offsets count eights
			if n == 0 || at+n >= len(data) {
				break
			}
			pieces = append(pieces, piece{at, true, string(data[at : at+n])})
			at += n
		}
		pieces = append(pieces, piece{at, false, string(data[at:])})
		if len(pieces) == 1 {
			return // no fragment
		}
		r := newRig(DefaultOptions())
		come, want := map[int]bool{}, 0
		for i, o := range order {
			k := int(o) % len(pieces)
			b := pieces[k].v4()
			if v6 {
				b = pieces[k].v6(200)
			}
			r.frame(float64(1+i), dltRaw, b, len(b))
			if come[k] = true; len(come) == len(pieces) {
				clear(come) // what follows belongs to another datagram
				want++
			}
		}
		if r.Stats().Panics != 0 {
			t.Fatal("panic")
		}
		got := 0
		for _, p := range r.tb.opened {
			if !p.IP.Reassembled {
				continue
			}
			got++
			if !bytes.Equal(p.IP.Payload, data) {
				t.Fatalf("%d octets were put together, but are others than the %d that were cut", len(p.IP.Payload), len(data))
			}
		}
		if got != want {
			t.Fatalf("%d datagrams, want %d", got, want)
		}
		if waiting := r.Stats().Fragments; (waiting == 0) != (len(come) == 0) {
			t.Fatalf("%d datagrams wait, pieces %v", waiting, come)
		}
	})
}
