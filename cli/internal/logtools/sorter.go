package logtools

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"slices"
)

// sorter orders lines by time, equal times as they came. What doesn't fit into
// memory goes to temporary files, each of them in order, which are merged.
type sorter struct {
	limit int // bytes of lines in memory
	text  []byte
	lines []sortedLine
	runs  []*os.File
}

type sortedLine struct {
	time   float64
	at, to int // in text
}

const sorterMemory = 128 << 20

// add takes a copy of a line.
func (s *sorter) add(time float64, line []byte) error {
	at := len(s.text)
	s.text = append(s.text, line...)
	s.lines = append(s.lines, sortedLine{time, at, len(s.text)})
	if len(s.text)+24*len(s.lines) < s.limit {
		return nil
	}
	return s.spill()
}

func (s *sorter) sort() {
	slices.SortStableFunc(s.lines, func(a, b sortedLine) int { return cmp.Compare(a.time, b.time) })
}

// spill writes what is in memory to a file that is gone when it is closed.
func (s *sorter) spill() error {
	f, err := os.CreateTemp("", "gzeek-cat-")
	if err != nil {
		return err
	}
	s.runs = append(s.runs, f)
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	s.sort()
	w := bufio.NewWriterSize(f, 1<<20)
	var head [12]byte
	for _, l := range s.lines {
		binary.LittleEndian.PutUint64(head[:], math.Float64bits(l.time))
		binary.LittleEndian.PutUint32(head[8:], uint32(l.to-l.at))
		w.Write(head[:])
		w.Write(s.text[l.at:l.to])
	}
	s.text, s.lines = s.text[:0], s.lines[:0]
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// drain gives all lines in order and forgets them.
func (s *sorter) drain(write func(line []byte) error) error {
	if len(s.runs) == 0 {
		s.sort()
		for _, l := range s.lines {
			if err := write(s.text[l.at:l.to]); err != nil {
				return err
			}
		}
		s.text, s.lines = s.text[:0], s.lines[:0]
		return nil
	}
	defer s.close()
	if err := s.spill(); err != nil {
		return err
	}
	var h runHeap
	for i, f := range s.runs {
		r := &run{r: bufio.NewReaderSize(f, 256<<10), number: i}
		if ok, err := r.next(); err != nil {
			return err
		} else if ok {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		if err := write(h[0].line); err != nil {
			return err
		}
		ok, err := h[0].next()
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
	}
	return nil
}

// close drops the temporary files.
func (s *sorter) close() {
	for _, f := range s.runs {
		f.Close()
	}
	s.runs = nil
}

// run is a temporary file being read.
type run struct {
	r      *bufio.Reader
	number int
	time   float64
	line   []byte
}

func (r *run) next() (bool, error) {
	var head [12]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	r.time = math.Float64frombits(binary.LittleEndian.Uint64(head[:]))
	n := int(binary.LittleEndian.Uint32(head[8:]))
	r.line = slices.Grow(r.line[:0], n)[:n]
	_, err := io.ReadFull(r.r, r.line)
	return err == nil, err
}

// runHeap has the run with the earliest line first.
type runHeap []*run

func (h runHeap) Len() int { return len(h) }
func (h runHeap) Less(i, j int) bool {
	return h[i].time < h[j].time || (h[i].time == h[j].time && h[i].number < h[j].number)
}
func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)   { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
