package conn

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The list must hold what a plain map of octets would: first octets win, no
// overlap, ascending, and the sum of lengths is right, whatever the order.
func TestBlocksHoldFirstOctetsInOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var l blockList
		want := map[uint64]byte{}
		low := uint64(1)
		for range 400 {
			if r.IntN(12) == 0 && !l.empty() {
				b := l.first()
				for s := b.seq; s < b.upper; s++ {
					delete(want, s)
				}
				low = b.upper
				l.popFirst()
				continue
			}
			seq := low + r.Uint64N(3000)
			data := make([]byte, 1+r.IntN(5))
			for i := range data {
				data[i] = byte(r.Uint32())
				if _, ok := want[seq+uint64(i)]; !ok {
					want[seq+uint64(i)] = data[i]
				}
			}
			l.insert(seq, data)
		}
		check(t, &l, want)
	}
}

func check(t *testing.T, l *blockList, want map[uint64]byte) {
	t.Helper()
	n, blocks, last := 0, 0, uint64(0)
	for p := (pos{0, l.head}); ; p = l.next(p) {
		b := l.at(p)
		if b == nil {
			break
		}
		blocks++
		if b.seq < last || b.upper <= b.seq || len(b.data) != int(b.upper-b.seq) {
			t.Fatalf("block [%d,%d) with %d octets after %d", b.seq, b.upper, len(b.data), last)
		}
		last = b.upper
		for i, c := range b.data {
			if w, ok := want[b.seq+uint64(i)]; !ok || w != c {
				t.Fatalf("octet %d is %d, want %d (%v)", b.seq+uint64(i), c, w, ok)
			}
			n++
		}
	}
	if n != len(want) || blocks != l.n || uint64(n) != l.size {
		t.Fatalf("%d octets in %d blocks, want %d; list says %d and %d", n, blocks, len(want), l.size, l.n)
	}
}

// Tiny segments in reverse order are the worst case for a plain slice: it
// would move everything for each. The list stays near linear.
func TestReversedTinySegmentsAreNotQuadratic(t *testing.T) {
	var l blockList
	one := []byte{'x'}
	for i := 300_000; i > 0; i-- {
		l.insert(uint64(2*i), one)
	}
	if l.n != 300_000 || l.first().seq != 2 || l.last().seq != 600_000 {
		t.Errorf("%d blocks from %d to %d", l.n, l.first().seq, l.last().seq)
	}
	for _, r := range l.runs {
		if len(r) > maxRun {
			t.Fatalf("a run of %d", len(r))
		}
	}
}

func TestServerBannerIsFoundOnlyAtTheBeginning(t *testing.T) {
	for in, want := range map[string]bool{
		"220 x": true, "220-x": true, " \r\n220\tx": true, "220": false, "2200": false, "x220 ": false, "220\n": true,
	} {
		for cut := range len(in) {
			var m serverMatcher
			m.feed([]byte(in[:cut]))
			m.feed([]byte(in[cut:]))
			if m.matched != want {
				t.Errorf("%q cut at %d: %v", in, cut, m.matched)
			}
		}
	}
}

func TestClientGreetingIsFoundAtAnyLineStart(t *testing.T) {
	for in, want := range map[string]bool{
		"EHLO x": true, "hElo": true, "  ehlo": true, "x\nEHLO": true, "x\r\n \t helo": true, "xEHLO": false,
		"HEEHLO": false, "EEHLO": false, "NOOP EHLO": false, "\n\nEHLO": true, "HELHELO\nHELO": true, "EHL\nO": false, "H\x65LO": true,
		"\x08HLO": false, "HEL/": false,
	} {
		for cut := range len(in) {
			var m clientMatcher
			m.feed([]byte(in[:cut]))
			m.feed([]byte(in[cut:]))
			if m.matched != want {
				t.Errorf("%q cut at %d: %v", in, cut, m.matched)
			}
		}
	}
}

func TestBlocksAppendKeepsNoData(t *testing.T) {
	var l blockList
	for i := range uint64(1000) {
		l.appendDelivered(i*10+1, i*10+11)
		if i%3 == 2 {
			for !l.empty() {
				l.popFirst()
			}
		}
	}
	if l.n != 1 || l.size != 10 || !bytes.Equal(l.first().data, nil) {
		t.Errorf("%d blocks of %d octets", l.n, l.size)
	}
}
