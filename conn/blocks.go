package conn

import (
	"slices"

	"github.com/gzeek/gzeek/internal/slab"
)

// block is a stored piece of one stream: [seq, upper) in relative sequence
// numbers. data is nil once the piece was delivered: only its range still
// counts, for overlaps, for the limits, and for whether something is pending.
type block struct {
	seq, upper uint64
	data       []byte
}

// blockList holds the pieces of one stream in order, without overlap. As in
// Zeek the first octets that came win, and pieces are kept until they are
// acknowledged (Reassem.cc, DataBlockList).
//
// Pieces come in order and leave in order, so the list is a slice with a
// moving head; pieces that come out of order are put in their place. So that
// hostile streams of many tiny pieces in reverse order don't cost quadratic
// time, the list is cut into runs of bounded length.
type blockList struct {
	runs [][]block // none empty; ascending
	head int       // blocks of runs[0] before head are gone
	n    int
	size uint64 // sum of the lengths, delivered pieces included

	began *firstRun // what the list began with
}

const maxRun = 256

// firstRun is the list that nearly all streams get along with.
type firstRun struct {
	list   [1][]block
	blocks [8]block
}

// firstRuns gives them out, and takes them back when streams are done.
type firstRuns struct {
	free []*firstRun
	more slab.Of[firstRun]
}

// keepRuns is how many are kept at most.
const keepRuns = 4096

// begin gives a list that never held anything its first memory.
func (l *blockList) begin(s *firstRuns) {
	if l.runs != nil {
		return
	}
	f := l.began
	if n := len(s.free); f == nil && n > 0 {
		f = s.free[n-1]
		s.free = s.free[:n-1]
	} else if f == nil {
		f = s.more.New()
	}
	l.began = f
	f.list[0] = f.blocks[:0]
	l.runs = f.list[:0]
}

// end empties the list for good.
func (l *blockList) end(s *firstRuns) {
	if f := l.began; f != nil {
		*f = firstRun{} // others of its block are not to keep its octets
		if len(s.free) < keepRuns {
			s.free = append(s.free, f)
		}
	}
	*l = blockList{}
}

func (l *blockList) empty() bool { return l.n == 0 }

func (l *blockList) clear() {
	if l.began != nil {
		*l.began = firstRun{}
	}
	*l = blockList{began: l.began}
}

// first returns the first block; the list must not be empty.
func (l *blockList) first() *block { return &l.runs[0][l.head] }

// last returns the last block; the list must not be empty.
func (l *blockList) last() *block {
	r := l.runs[len(l.runs)-1]
	return &r[len(r)-1]
}

// popFirst drops the first block.
func (l *blockList) popFirst() {
	b := l.first()
	l.size -= b.upper - b.seq
	b.data = nil
	l.n--
	l.head++
	if l.head < len(l.runs[0]) {
		return
	}
	l.head = 0
	if len(l.runs) == 1 {
		l.runs[0] = l.runs[0][:0]
		l.runs = l.runs[:0]
		return
	}
	l.runs = slices.Delete(l.runs, 0, 1)
}

// pos is a place in the list.
type pos struct{ run, i int }

func (l *blockList) at(p pos) *block {
	if p.run >= len(l.runs) || p.i >= len(l.runs[p.run]) {
		return nil
	}
	return &l.runs[p.run][p.i]
}

func (l *blockList) next(p pos) pos {
	if p.i+1 < len(l.runs[p.run]) {
		return pos{p.run, p.i + 1}
	}
	return pos{p.run + 1, 0}
}

// search returns the place of the first block that ends beyond seq, the end of
// the list if there is none.
func (l *blockList) search(seq uint64) pos {
	run, _ := slices.BinarySearchFunc(l.runs, seq, func(r []block, s uint64) int {
		if r[len(r)-1].upper <= s {
			return -1
		}
		return 1
	})
	if run == len(l.runs) {
		return pos{run, 0}
	}
	from := 0
	if run == 0 {
		from = l.head
	}
	i, _ := slices.BinarySearchFunc(l.runs[run][from:], seq, func(b block, s uint64) int {
		if b.upper <= s {
			return -1
		}
		return 1
	})
	return pos{run, from + i}
}

// insertAt puts b before place p and returns its place.
func (l *blockList) insertAt(p pos, b block) pos {
	l.n++
	l.size += b.upper - b.seq
	if p.run >= len(l.runs) { // at the end
		if k := len(l.runs); k > 0 && len(l.runs[k-1]) < maxRun {
			l.runs[k-1] = append(l.runs[k-1], b)
			return pos{k - 1, len(l.runs[k-1]) - 1}
		} else if k == 1 && l.head > maxRun/2 {
			// Most of the only run is gone: move the rest to its beginning.
			r := l.runs[0]
			m := copy(r, r[l.head:])
			clear(r[m:])
			l.runs[0] = append(r[:m], b)
			l.head = 0
			return pos{0, m}
		} else if k == 0 && cap(l.runs) > 0 && cap(l.runs[:1][0]) > 0 {
			l.runs = l.runs[:1] // the array of the run that was emptied last
			l.runs[0] = append(l.runs[0][:0], b)
			return pos{0, 0}
		}
		l.runs = append(l.runs, append(make([]block, 0, 8), b))
		return pos{len(l.runs) - 1, 0}
	}
	if p.run == 0 && p.i == l.head && l.head > 0 {
		l.head--
		l.runs[0][l.head] = b
		return pos{0, l.head}
	}
	r := slices.Insert(l.runs[p.run], p.i, b)
	l.runs[p.run] = r
	if len(r) <= maxRun {
		return p
	}
	if p.run == 0 && l.head > 0 {
		m := copy(r, r[l.head:])
		clear(r[m:])
		l.runs[0] = r[:m]
		p.i -= l.head
		l.head = 0
		return p
	}
	half := len(r) / 2
	tail := append(make([]block, 0, maxRun), r[half:]...)
	clear(r[half:])
	l.runs[p.run] = r[:half]
	l.runs = slices.Insert(l.runs, p.run+1, tail)
	if p.i >= half {
		return pos{p.run + 1, p.i - half}
	}
	return p
}

// insert stores what of [seq, seq+len(data)) is not there yet. It copies data.
func (l *blockList) insert(seq uint64, data []byte) {
	upper := seq + uint64(len(data))
	p := l.search(seq)
	for seq < upper {
		b := l.at(p)
		if b == nil || upper <= b.seq {
			l.insertAt(p, block{seq, upper, slices.Clone(data)})
			return
		}
		if seq < b.seq {
			n, to := b.seq-seq, b.seq
			p = l.insertAt(p, block{seq, to, slices.Clone(data[:n])})
			data, seq = data[n:], to
			p = l.next(p)
			continue
		}
		if upper <= b.upper {
			return
		}
		data, seq = data[b.upper-seq:], b.upper
		p = l.next(p)
	}
}

// appendDelivered notes a piece that follows the last one and that the caller
// delivers itself.
func (l *blockList) appendDelivered(seq, upper uint64) {
	l.insertAt(pos{len(l.runs), 0}, block{seq: seq, upper: upper})
}
