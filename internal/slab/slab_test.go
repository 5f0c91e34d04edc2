package slab

import (
	"fmt"
	"testing"
)

func TestValuesAreZeroAndApart(t *testing.T) {
	var s Of[[3]int]
	seen := map[*[3]int]bool{}
	for range 1000 {
		v := s.New()
		if *v != [3]int{} || seen[v] {
			t.Fatalf("%v, seen before: %v", *v, seen[v])
		}
		seen[v] = true
		*v = [3]int{1, 2, 3}
	}
}

func TestSlicesDoNotGrowIntoTheNext(t *testing.T) {
	var s Of[int]
	for _, n := range []int{3, 0, 5000, 1} {
		a := s.Slice(n)
		b := s.Slice(1)
		if len(a) != n || cap(a) != n {
			t.Fatalf("%d: length %d, capacity %d", n, len(a), cap(a))
		}
		_ = append(a, 7)
		if b[0] != 0 {
			t.Fatalf("%d: the next value is %d", n, b[0])
		}
	}
}

func TestTextsStayAsTheyAre(t *testing.T) {
	var s Text
	var got, want []string
	for i := range 500 {
		b := fmt.Appendf(nil, "%0*d", i, i)
		got, want = append(got, s.String(b)), append(want, string(b))
		clear(b)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%q, want %q", got[i], want[i])
		}
	}
}

func TestTextThatOutgrowsItsRoom(t *testing.T) {
	var s Text
	a := s.Take(append(s.Room(3), make([]byte, 5000)...))
	b := s.String([]byte("next"))
	if len(a) != 5000 || a[0] != 0 || b != "next" {
		t.Errorf("%d octets, then %q", len(a), b)
	}
}

func TestFewAllocations(t *testing.T) {
	var s Of[[64]byte]
	var text Text
	b := []byte("twenty octets of it.")
	ten := func() {
		for range 10 {
			s.New()
			text.String(b)
		}
	}
	if n := testing.AllocsPerRun(1000, ten); n > 1 {
		t.Errorf("%v allocations for ten values and texts", n)
	}
}

func TestBuffersAreLentAgainUpToALimit(t *testing.T) {
	var b Buffers
	b.Give(nil)
	buf := b.Append(nil, []byte("text"))
	b.Give(buf)
	if again := b.Append(nil, []byte("more")); string(again) != "more" || &again[0] != &buf[0] {
		t.Error("another buffer, or not an empty one")
	}
	for range 10 {
		b.Give(make([]byte, keepBuffers/4))
	}
	if b.kept != keepBuffers {
		t.Errorf("%d octets are kept", b.kept)
	}
	for range 5 {
		b.Append(nil, make([]byte, keepBuffers/4))
	}
	if b.kept != 0 {
		t.Errorf("%d octets of no buffer", b.kept)
	}
}

func TestBuffersThatGrowKeepWhatIsInThem(t *testing.T) {
	var b Buffers
	for _, step := range []int{1, 255, 256, 257, 5000, keepBuffers + 1} {
		for range 2 { // of new buffers, and of those that were given back
			var buf, want []byte
			for len(want) < 3*keepBuffers/2 && len(want) < 400*step {
				data := make([]byte, step)
				for i := range data {
					data[i] = byte(len(want) + i*i)
				}
				buf, want = b.Append(buf, data), append(want, data...)
			}
			if string(buf) != string(want) {
				t.Fatalf("%d octets at a time: other octets", step)
			}
			b.Give(buf)
		}
	}
	if b.kept > keepBuffers {
		t.Errorf("%d octets are kept", b.kept)
	}
}
