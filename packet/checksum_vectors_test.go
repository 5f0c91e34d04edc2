package packet

import (
	"math/rand/v2"
	"testing"
)

func TestVectorsAddLikeWords(t *testing.T) {
	if !hasVectors {
		t.Skip("no vectors here")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, 64*(1+rng.IntN(1100)))
		fill := rng.IntN(3)
		for i := range b {
			switch fill {
			case 0:
				b[i] = byte(rng.Uint32())
			case 1:
				b[i] = 0xff
			}
		}
		var want uint64
		for i := 0; i < len(b); i += 2 {
			want += uint64(b[i]) | uint64(b[i+1])<<8
		}
		if got := fold(sumVectors(&b[0], len(b))); got != fold(want) {
			t.Fatalf("%d octets: %#x, want %#x", len(b), got, fold(want))
		}
	}
}
