package logtools

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gzeek/gzeek/zeeklog"
)

// rowSink takes rows of one layout at a time.
type rowSink interface {
	// begin starts a layout; it is called again when columns come up later, or
	// a type turns out to be another one.
	begin(path string, cols []zeeklog.Column) error
	row(rec []zeeklog.Value) error
	end() error
}

// layout collects columns. New ones are put where their row has them: behind
// the column before them.
type layout struct {
	cols  []zeeklog.Column
	sure  []bool // the type was seen in a value, not only guessed
	index map[string]int
}

// add takes the columns of a row and tells whether there are new ones, and
// whether types have changed.
func (l *layout) add(rec *zeeklog.Record) (grown, widened bool) {
	at := 0
	for i, c := range rec.Columns() {
		// In JSON, null and [] show no type.
		sure := true
		if rec.Header().ASCII.JSON {
			v := rec.Value(i)
			sure = v.IsSet() && (!c.Type.IsContainer() || v.Len() > 0)
		}
		j, ok := l.index[c.Name]
		if !ok {
			l.cols = slices.Insert(l.cols, at, c)
			l.sure = slices.Insert(l.sure, at, sure)
			l.reindex()
			at++
			grown = true
			continue
		}
		at = j + 1
		if !sure {
			continue
		}
		t := c.Type
		if l.sure[j] {
			t = widen(l.cols[j].Type, t)
		}
		l.sure[j] = true
		if t != l.cols[j].Type {
			l.cols[j].Type = t
			widened = true
		}
	}
	return grown, widened
}

func (l *layout) reindex() {
	l.index = make(map[string]int, len(l.cols))
	for i, c := range l.cols {
		l.index[c.Name] = i
	}
}

// widen gives a type that holds values of both.
func widen(a, b zeeklog.Type) zeeklog.Type {
	switch {
	case a == b:
		return a
	case a.IsContainer() && b.IsContainer():
		return zeeklog.Type{Kind: a.Kind, Elem: widen(zeeklog.T(a.Elem), zeeklog.T(b.Elem)).Kind}
	case isNumeric(a) && isNumeric(b):
		if a.Kind == zeeklog.Double || b.Kind == zeeklog.Double {
			return zeeklog.T(zeeklog.Double)
		}
		return zeeklog.T(zeeklog.Int)
	}
	return zeeklog.T(zeeklog.String)
}

func isNumeric(t zeeklog.Type) bool {
	return t.Kind == zeeklog.Count || t.Kind == zeeklog.Int || t.Kind == zeeklog.Double
}

// place puts the values of a record into a row of the layout.
func (l *layout) place(row []zeeklog.Value, rec *zeeklog.Record) {
	for i := range row {
		row[i].SetUnset()
	}
	for i, c := range rec.Columns() {
		row[l.index[c.Name]] = *rec.Value(i)
	}
}

// logSink writes a log of Zeek's, text or JSON.
type logSink struct {
	out io.Writer
	opt zeeklog.ASCII
	now func() time.Time

	enc   *zeeklog.Encoder
	buf   []byte
	close bool // a footer is due
	open  string
}

func (s *logSink) begin(path string, cols []zeeklog.Column) error {
	s.footer()
	s.enc = zeeklog.NewEncoder(s.opt, path, slices.Clone(cols))
	open := s.open
	if open == "" {
		open = s.stamp()
	}
	s.buf = s.enc.AppendHeader(s.buf, open)
	s.close = true
	return nil
}

func (s *logSink) stamp() string { return s.now().Format("2006-01-02-15-04-05") }

func (s *logSink) footer() {
	if s.close {
		s.buf = s.enc.AppendFooter(s.buf, s.stamp())
	}
	s.close = false
}

func (s *logSink) row(rec []zeeklog.Value) error {
	s.buf = s.enc.AppendRow(s.buf, rec)
	return s.flush(cutBuffer)
}

// raw writes a line as it is.
func (s *logSink) raw(line []byte) error {
	s.buf = append(append(s.buf, line...), '\n')
	return s.flush(cutBuffer)
}

func (s *logSink) flush(limit int) error {
	if len(s.buf) < limit {
		return nil
	}
	_, err := s.out.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

func (s *logSink) end() error {
	s.footer()
	return s.flush(0)
}

// csvSink writes comma separated values with a line of names.
type csvSink struct {
	buf   *bufio.Writer
	w     *csv.Writer
	iso   bool
	cells []string
	begun bool
}

func newCSVSink(out io.Writer, iso bool) *csvSink {
	b := bufio.NewWriterSize(out, cutBuffer)
	return &csvSink{buf: b, w: csv.NewWriter(b), iso: iso}
}

func (s *csvSink) begin(_ string, cols []zeeklog.Column) error {
	if s.begun {
		if len(cols) != len(s.cells) {
			return errNewColumns
		}
		return nil
	}
	s.begun = true
	s.cells = s.cells[:0]
	for _, c := range cols {
		s.cells = append(s.cells, c.Name)
	}
	return s.w.Write(s.cells)
}

var errNewColumns = fmt.Errorf("a column comes up after the first %d rows; this format cannot take it any more (convert to JSON or text)", layoutRows)

func (s *csvSink) row(rec []zeeklog.Value) error {
	s.cells = s.cells[:0]
	var b []byte
	for i := range rec {
		v := &rec[i]
		if s.iso && v.Kind() == zeeklog.Time {
			b = v.AsTime().AppendFormat(b[:0], isoMicros)
		} else {
			b = zeeklog.AppendPrintable(b[:0], string(v.AppendText(nil)))
		}
		s.cells = append(s.cells, string(b))
	}
	return s.w.Write(s.cells)
}

const isoMicros = "2006-01-02T15:04:05.000000Z"

func (s *csvSink) end() error {
	s.w.Flush()
	if err := s.w.Error(); err != nil {
		return err
	}
	return s.buf.Flush()
}

// formatOf guesses an output format by a file's name.
func formatOf(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch {
	case strings.HasSuffix(name, ".json"), strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".jsonl"):
		return "json"
	case strings.HasSuffix(name, ".csv"):
		return "csv"
	case strings.HasSuffix(name, ".parquet"):
		return "parquet"
	case strings.HasSuffix(name, ".log"), strings.HasSuffix(name, ".tsv"):
		return "tsv"
	}
	return ""
}
