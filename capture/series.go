package capture

import (
	"io"
	"os"
	"sync/atomic"
)

// OpenFiles opens several files that are read one after the other as one run.
// The first is opened at once; a later one that is missing or foreign ends the
// run when it is reached, so that nothing of the earlier ones is lost.
func OpenFiles(opts Options, names ...string) (Source, error) {
	filter := NewFilter(opts.Filter)
	if len(names) == 0 {
		return nil, &Error{Offset: -1, Problem: "no capture file given"}
	}
	first, err := openFile(names[0], filter)
	if err != nil {
		return nil, err
	}
	if len(names) == 1 {
		return first, nil
	}
	s := &series{names: names[1:], filter: filter}
	s.cur.Store(first)
	for _, n := range names {
		if st, err := os.Stat(n); n != "-" && err == nil && st.Mode().IsRegular() {
			s.size += st.Size()
		} else {
			s.size = 0 // unknown
			break
		}
	}
	return s, nil
}

type series struct {
	names  []string
	filter *Filter
	cur    atomic.Pointer[file]
	done   Stats
	number uint64 // packets of the files before
	pos    atomic.Int64
	size   int64
	err    error
}

func (s *series) Next(f *Frame) error {
	for {
		if s.err != nil {
			return s.err
		}
		err := s.cur.Load().Next(f)
		if err == nil {
			f.Number += s.number
			return nil
		}
		s.advance(err)
	}
}

func (s *series) ReadBatch(b *Batch) error {
	for {
		if s.err != nil {
			b.Frames = b.Frames[:0]
			return s.err
		}
		err := s.cur.Load().ReadBatch(b)
		if err == nil {
			for i := range b.Frames {
				b.Frames[i].Number += s.number
			}
			return nil
		}
		s.advance(err)
	}
}

// advance opens the next file if the current one is at its end.
func (s *series) advance(err error) {
	if err != io.EOF || len(s.names) == 0 {
		s.err = err
		return
	}
	cur := s.cur.Load()
	next, err := openFile(s.names[0], s.filter)
	s.names = s.names[1:]
	if err != nil {
		s.err = err
		return
	}
	s.done.add(cur.Stats())
	s.number += cur.rd.count()
	s.pos.Add(cur.Pos())
	s.cur.Store(next)
	cur.Close()
}

func (s *series) Stats() Stats {
	st := s.done
	st.add(s.cur.Load().Stats())
	return st
}

func (s *series) Pos() int64 {
	return s.pos.Load() + s.cur.Load().Pos()
}

func (s *series) Size() int64 { return s.size }

func (s *series) Close() error {
	if s.err == nil {
		s.err = os.ErrClosed
	}
	return s.cur.Load().Close()
}
