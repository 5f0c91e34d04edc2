package mime

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func TestVectorsFindEachOctetThatIsNotBase64(t *testing.T) {
	if !hasVectors {
		t.Skip("no vectors here")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for width := 32; width <= 130; width += 1 + rng.IntN(7) {
		var good []byte
		for range 3 {
			for range width {
				good = append(good, alphabet[rng.IntN(len(alphabet))])
			}
			good = append(good, "\r\n"...)
		}
		if n := linesVectors(&good[0], len(good), width); n != 3 {
			t.Fatalf("width %d: %d lines of 3", width, n)
		}
		if n := linesVectors(&good[0], len(good)-1, width); n != 2 {
			t.Fatalf("width %d: %d lines of 2 and one without its LF", width, n)
		}
		for at := width + 2; at < 2*(width+2); at++ {
			for c := range 256 {
				data := bytes.Clone(good)
				data[at] = byte(c)
				want := 1
				if at < 2*width+2 && bytes.IndexByte([]byte(alphabet), byte(c)) >= 0 || data[at] == good[at] {
					want = 3
				}
				if n := linesVectors(&data[0], len(data), width); n != want {
					t.Fatalf("width %d, octet %#x at %d: %d lines, want %d", width, c, at, n, want)
				}
			}
		}
	}
}

func TestShortAndLongTextsAreBase64OrNot(t *testing.T) {
	for n := 1; n < 40; n++ {
		text := bytes.Repeat([]byte{'A'}, n)
		if !allBase64(text) {
			t.Errorf("%q is none", text)
		}
		for i := range text {
			for c := range 256 {
				text[i] = byte(c)
				if got, want := allBase64(text), bytes.IndexByte([]byte(alphabet), byte(c)) >= 0; got != want {
					t.Fatalf("%q: %v", text, got)
				}
			}
			text[i] = 'A'
		}
	}
}
