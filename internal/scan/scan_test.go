package scan

import (
	"bytes"
	"strings"
	"testing"
)

// TestEachLineEndIsFoundAtEachPlace: each octet alone, at each place, beside each of
// some others that would carry or borrow.
func TestEachLineEndIsFoundAtEachPlace(t *testing.T) {
	for _, other := range []byte{1, '\n' + 1, '\r' - 1, ' ', 'A', 0x7f, 0x80, 0xff} {
		for n := range 72 { // two vectors, a word and some
			data := bytes.Repeat([]byte{other}, n)
			if got := LineEnd(data, 0); got != n {
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
						if got := LineEnd(data, from); got != want {
							t.Fatalf("%d octets %#x with %#x at %d, from %d: ends at %d", n, other, c, place, from, got)
						}
					}
				}
				data[place] = other
			}
		}
	}
}

func TestWhatIsNotPlainIsFoundAtEachPlace(t *testing.T) {
	for n := range 72 { // two vectors, a word and some
		data := []byte(strings.Repeat("a \t~!", n))[:n]
		if got := NotPlain(data, 0); got != n {
			t.Fatalf("%q: ends at %d", data, got)
		}
		for place := range n {
			was := data[place]
			for c := range 256 {
				data[place] = byte(c)
				want := n
				if c == '=' || c > '~' || c < ' ' && c != '\t' {
					want = place
				}
				for _, from := range []int{0, place / 2, place} {
					if got := NotPlain(data, from); got != want {
						t.Fatalf("%q from %d: ends at %d, want %d", data, from, got, want)
					}
				}
			}
			data[place] = was
		}
	}
}

func TestDotsBetweenDigitsAreFoundAtEachPlace(t *testing.T) {
	for n := range 110 {
		s := bytes.Repeat([]byte{'x'}, n)
		if at := DotInNumber(s, 1); at >= 0 {
			t.Fatalf("%q has one at %d", s, at)
		}
		for place := range n {
			for _, c := range []byte("./09:") {
				for _, text := range []string{"1.2", "x.2", "1.x", "...", "0.9"} {
					copy(s[place:], text)
					s[n-1] = c
					for _, from := range []int{1, place/2 + 1, place + 1} {
						want := -1
						for i := from; i < n-1; i++ {
							if s[i] == '.' && isDigit(s[i-1]) && isDigit(s[i+1]) {
								want = i
								break
							}
						}
						if at := DotInNumber(s, from); at != want {
							t.Fatalf("%q from %d: %d, want %d", s, from, at, want)
						}
					}
				}
			}
			for i := range s {
				s[i] = "x.1"[(i*7+place)%3]
			}
		}
	}
}

func TestEachOctetIsMarkedAlone(t *testing.T) {
	for _, mark := range []struct {
		name string
		word func(uint64) uint64
		want func(byte) bool
	}{
		{"controls", controls, func(c byte) bool { return c <= '\r' }},
		{"notPrintable", notPrintable, func(c byte) bool { return c < ' ' || c > '~' || c == '=' }},
	} {
		for c := range 256 {
			for _, other := range []byte{0, '\n', '\r', ' ', 'A', '+', '=', 0x7f, 0x80, 0xff} {
				for place := range 8 {
					word := uint64(other) * Each
					word = word&^(0xff<<(8*place)) | uint64(c)<<(8*place)
					got := mark.word(word)
					for i := range 8 {
						o := byte(word >> (8 * i))
						want := byte(0)
						if mark.want(o) {
							want = 0x80
						}
						if byte(got>>(8*i)) != want {
							t.Fatalf("%s: octet %#x of %#x is marked %#x", mark.name, o, word, byte(got>>(8*i)))
						}
					}
				}
			}
		}
	}
}
