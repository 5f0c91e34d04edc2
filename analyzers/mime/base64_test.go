package mime

import (
	"bytes"
	stdbase64 "encoding/base64"
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

func TestVectorsDecodeLinesAsTheLibraryDoes(t *testing.T) {
	if !hasVectors {
		t.Skip("no vectors here")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for width := 32; width <= 256; width += 4 {
		const lines = 5
		var text, want []byte
		for range lines {
			octets := make([]byte, width/4*3)
			for i := range octets {
				octets[i] = byte(rng.Uint32())
			}
			text = append(stdbase64.StdEncoding.AppendEncode(text, octets), "\r\n"...)
			want = append(want, octets...)
		}
		out := make([]byte, len(want)+8)
		for most := range lines + 2 {
			clear(out)
			n := min(most, lines)
			got := decodeVectors(&out[0], &text[0], len(text), width, most)
			if got != n || !bytes.Equal(out[:n*width/4*3], want[:n*width/4*3]) {
				t.Fatalf("width %d: %d lines of %d, octets\n%x, want\n%x", width, got, n, out, want)
			}
		}
		if n := decodeVectors(&out[0], &text[0], len(text)-1, width, lines); n != lines-1 {
			t.Errorf("width %d: %d lines of %d, the last without its LF", width, n, lines)
		}
		for range 100 {
			at := rng.IntN(len(text))
			c := byte(rng.Uint32())
			if in := at % (width + 2); in < width && bytes.IndexByte([]byte(alphabet), c) >= 0 || text[at] == c {
				continue
			}
			odd := bytes.Clone(text)
			odd[at] = c
			good := at / (width + 2)
			clear(out)
			if n := decodeVectors(&out[0], &odd[0], len(odd), width, lines); n != good || !bytes.Equal(out[:n*width/4*3], want[:n*width/4*3]) {
				t.Fatalf("width %d, octet %#x at %d: %d lines, want %d", width, c, at, n, good)
			}
		}
	}
}
