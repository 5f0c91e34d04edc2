package mime

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"
)

// Each octet of the line decides, whatever it is.
func TestOneOctetBeyondTheAlphabetIsSeen(t *testing.T) {
	for place := range 16 {
		for c := range 256 {
			line := []byte("AAAAAAAAAAAAAAAA")
			line[place] = byte(c)
			if got, want := allBase64(line), sextet[c] <= 63; got != want {
				t.Fatalf("%q: %v, want %v", line, got, want)
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
