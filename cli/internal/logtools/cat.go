package logtools

import (
	"container/heap"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gzeek/gzeek/zeeklog"
)

// Cat is the command "gzeek cat", also called "gzeek merge".
func Cat(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTool("cat", `gzeek cat [flags] [FILE...]

Prints several logs as one, ordered by the time of their rows; a row without a
time stays behind the row before it. Files may be rotated, compressed, text and
JSON, and have different columns. What doesn't fit into memory is sorted in
temporary files.
`, stdin, stdout, stderr)
	column := t.flags.String("time", "ts", "the column to order by")
	inOrder := t.flags.Bool("in-order", false, "one file after the other, as given")
	stream := t.flags.Bool("stream", false, "do not sort within files: always go on with the file whose next row is the earliest")
	to := t.flags.String("to", "", "format: tsv or json (default: that of the first file)")
	names, status := t.parse(args)
	if status >= 0 {
		return status
	}
	if *to != "" && *to != "tsv" && *to != "json" {
		return t.usageError("unknown format %q", *to)
	}
	m := &merger{t: t, column: *column, to: *to}
	if !*stream && !*inOrder {
		m.sorter = &sorter{limit: sorterMemory}
		defer m.sorter.close()
	}
	if err := m.run(inputs(names), *inOrder); err != nil {
		return t.fail(err)
	}
	return t.status()
}

// merger is cat at work.
type merger struct {
	t      *tool
	column string
	to     string
	files  []*source // a heap, the earliest row first

	sorter  *sorter // nil writes rows as they come
	line    []byte
	sink    *logSink
	layout  layout
	scratch []zeeklog.Value
	header  *zeeklog.Header // whose rows can be copied as they are
	path    string
}

// source is an open file with its next row.
type source struct {
	*logFile
	number int // its place among the arguments
	time   float64

	header *zeeklog.Header // that at holds for
	at     int
}

// Len, Less, Swap, Push and Pop make files a heap.
func (m *merger) Len() int { return len(m.files) }

// Less orders by time, then by place.
func (m *merger) Less(i, j int) bool {
	a, b := m.files[i], m.files[j]
	if a.time != b.time {
		return a.time < b.time
	}
	return a.number < b.number
}

// Swap swaps two files.
func (m *merger) Swap(i, j int) { m.files[i], m.files[j] = m.files[j], m.files[i] }

// Push is for package heap.
func (m *merger) Push(x any) { m.files = append(m.files, x.(*source)) }

// Pop is for package heap.
func (m *merger) Pop() any {
	last := m.files[len(m.files)-1]
	m.files = m.files[:len(m.files)-1]
	return last
}

func (m *merger) run(names []string, inOrder bool) error {
	defer func() {
		for _, f := range m.files {
			f.close()
		}
	}()
	if inOrder {
		for i, n := range names {
			f, err := m.t.open(n)
			if err != nil {
				return err
			}
			s := &source{logFile: f, number: i}
			m.files = []*source{s}
			for m.next(s) {
				if err := m.print(s, n); err != nil {
					return err
				}
			}
			s.close()
			m.files = nil
			if err := s.Err(); err != nil {
				return err
			}
		}
		return m.end()
	}
	for i, n := range names {
		f, err := m.t.open(n)
		if err != nil {
			return err
		}
		s := &source{logFile: f, number: i, time: math.Inf(-1)}
		if m.next(s) {
			m.files = append(m.files, s)
			// All columns that are known by now make one header.
			m.layout.add(s.Record())
			continue
		}
		f.close()
		if err := s.Err(); err != nil {
			return err
		}
	}
	heap.Init(m)
	for len(m.files) > 0 {
		s := m.files[0]
		if err := m.print(s, names[s.number]); err != nil {
			return err
		}
		if m.next(s) {
			heap.Fix(m, 0)
			continue
		}
		if err := s.Err(); err != nil {
			return err
		}
		heap.Pop(m)
		s.close()
	}
	return m.end()
}

// next reads the next row of a file and its time.
func (m *merger) next(s *source) bool {
	if !s.Next() {
		return false
	}
	rec := s.Record()
	if h := rec.Header(); h != s.header || h.ASCII.JSON {
		s.header, s.at = h, rec.Index(m.column)
	}
	if s.at >= 0 {
		if v := rec.Value(s.at); v.Kind() == zeeklog.Time || v.Kind() == zeeklog.Double {
			s.time = v.AsFloat()
		}
	}
	return true
}

// print writes one row.
func (m *merger) print(s *source, name string) error {
	rec := s.Record()
	h := rec.Header()
	grown, widened := m.layout.add(rec)
	if m.sink == nil {
		if m.to == "" {
			if m.to = "tsv"; h.ASCII.JSON {
				m.to = "json"
			}
		}
		opt := zeeklog.DefaultConfig().ASCII
		if h.ASCII.JSON == (m.to == "json") {
			opt = h.ASCII
			opt.IncludeMeta = !opt.JSON
		}
		opt.JSON = m.to == "json"
		opt.TSV = false
		m.sink = &logSink{out: m.t.stdout, opt: opt, now: time.Now, open: h.Open}
		if m.path = h.Path; m.path == "" {
			m.path = pathOfFile(name)
		}
		grown = true
	}
	if grown || widened {
		if err := m.drain(); err != nil {
			return err
		}
		if err := m.sink.begin(m.path, m.layout.cols); err != nil {
			return err
		}
		m.scratch = make([]zeeklog.Value, len(m.layout.cols))
		m.header = nil
	}
	line := rec.Bytes()
	if !m.canCopy(rec, h) {
		m.layout.place(m.scratch, rec)
		m.line = m.sink.enc.AppendRow(m.line[:0], m.scratch)
		line = m.line[:len(m.line)-1]
	}
	if m.sorter == nil {
		return m.sink.raw(line)
	}
	return m.sorter.add(s.time, line)
}

// drain writes the rows that are being sorted.
func (m *merger) drain() error {
	if m.sorter == nil {
		return nil
	}
	return m.sorter.drain(m.sink.raw)
}

// canCopy tells whether the row's line is already as it would be written.
func (m *merger) canCopy(rec *zeeklog.Record, h *zeeklog.Header) bool {
	if m.sink.opt.JSON || h.ASCII.JSON {
		return m.sink.opt.JSON && h.ASCII.JSON && h.ASCII.JSONTimestamps == m.sink.opt.JSONTimestamps
	}
	if h == m.header {
		return true
	}
	a, b := h.ASCII, m.sink.opt
	if a.Separator != b.Separator || a.SetSeparator != b.SetSeparator || a.EmptyField != b.EmptyField || a.UnsetField != b.UnsetField ||
		a.MetaPrefix != b.MetaPrefix || !slices.Equal(h.Columns, m.layout.cols) {
		return false
	}
	m.header = h
	return true
}

func (m *merger) end() error {
	if m.sink == nil {
		return nil
	}
	if err := m.drain(); err != nil {
		return err
	}
	if err := m.sink.end(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
