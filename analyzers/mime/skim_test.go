package mime

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"
)

// TestWordsMarkOctets: each octet alone, at each place, beside each of some
// others that would carry or borrow.
func TestWordsMarkOctets(t *testing.T) {
	for _, mark := range []struct {
		name string
		word func(uint64) uint64
		want func(byte) bool
	}{
		{"allBase64", func(w uint64) uint64 {
			// One octet is marked if it is the one that makes the difference.
			var m uint64
			for i := range 8 {
				b := []byte("AAAAAAAAAAAAAAAA")
				b[i] = byte(w >> (8 * i))
				if !allBase64(b) {
					m |= 0x80 << (8 * i)
				}
			}
			return m
		}, func(c byte) bool { return sextet[c] > 63 }},
		{"notPrintable", notPrintable, func(c byte) bool { return c < ' ' || c > '~' || c == '=' }},
	} {
		for c := range 256 {
			for _, other := range []byte{0, '\n', '\r', ' ', 'A', '+', '=', 0x7f, 0x80, 0xff} {
				for place := range 8 {
					word := uint64(other) * each
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

// TestSkimBase64StopsAtOddOctets: wherever in a line of any length.
func TestSkimBase64StopsAtOddOctets(t *testing.T) {
	for n := 4; n <= 168; n += 4 {
		line := strings.Repeat("Q", n) + "\r\n"
		for i := range n {
			data := []byte(line + line + line)
			data[n+2+i] = "\x00\n\r-.=\x80"[i%7]
			if used, _ := skimBase64(data); used != n+2 {
				t.Fatalf("length %d, octet %d: %d octets", n, i, used)
			}
		}
		if used, decoded := skimBase64([]byte(line + line + line)); used != 3*(n+2) || decoded != 9*n/4 {
			t.Fatalf("length %d: %d octets, %d decoded", n, used, decoded)
		}
	}
}

func BenchmarkSkimBase64(b *testing.B) {
	data := make([]byte, 0, 1448)
	for i := uint32(1); len(data)+78 <= 1448; i++ {
		for range 76 {
			i = bits.RotateLeft32(i, 7)*2654435761 + 1
			var w [4]byte
			binary.LittleEndian.PutUint32(w[:], i)
			data = append(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[w[3]>>2])
		}
		data = append(data, "\r\n"...)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		skimBase64(data)
	}
}

func TestPlainQuotedPrintableEndsAtEachOtherOctet(t *testing.T) {
	for n := range 72 { // two vectors, a word and some
		data := []byte(strings.Repeat("a \t~!", n))[:n]
		if got := qpPlainUntil(data, 0); got != n {
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
					if got := qpPlainUntil(data, from); got != want {
						t.Fatalf("%q from %d: ends at %d, want %d", data, from, got, want)
					}
				}
			}
			data[place] = was
		}
	}
}
