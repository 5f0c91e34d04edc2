package bro2011

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

// writer2011 is the name of the log writer for the layout of 2011.
const writer2011 = "Log::WRITER_BRO_2011"

// loadLayout declares Log::bro_2011_header. With it every log of the run that
// would be written in today's layout is written in that of the snapshot.
func loadLayout(c *policy.Context) {
	on := c.Options.Bool("Log::bro_2011_header", false, "write logs in the layout of Bro of June 2011")
	// After every stream has been created and has its filters.
	c.Events.ZeekInit.Handle(c.Policy(), -1000, func(*struct{}) {
		if !on.Get() {
			return
		}
		c.Logs.RegisterWriter(writer2011, newLayoutWriter)
		for _, s := range c.Logs.Streams() {
			for _, name := range s.Filters() {
				f, ok := s.Filter(name)
				if !ok || f.Writer != "" && f.Writer != zeeklog.WriterASCII {
					continue
				}
				f.Writer = writer2011
				if err := s.AddFilter(f); err != nil {
					panic(event.ScriptError{Msg: err.Error()})
				}
			}
		}
	})
}

// noticeColumns are those of notice.log in the snapshot. It had a victim and a
// tag, which no notice has today, and none of the columns that came later.
var noticeColumns = []string{"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p",
	"victim", "note", "msg", "sub", "src", "dst", "p", "n", "tag", "actions"}

// layoutWriter writes a log as the snapshot did: one line of names, no types and
// no end; nothing but an unset value, an empty text and an empty set as "-"; no
// escape but of octets that are not printable ASCII.
type layoutWriter struct {
	info  zeeklog.WriterInfo
	names []string
	from  []int // which value of a record stands in a column, -1 for none
	name  string
	file  *os.File
	out   *bufio.Writer
	buf   []byte
}

func newLayoutWriter(info zeeklog.WriterInfo) (zeeklog.Writer, error) {
	w := &layoutWriter{info: info}
	for _, c := range info.Columns {
		w.names = append(w.names, c.Name)
	}
	if info.Stream == "Notice::LOG" {
		w.names = noticeColumns
	}
	for _, n := range w.names {
		w.from = append(w.from, slices.IndexFunc(info.Columns, func(c zeeklog.Column) bool { return c.Name == n }))
	}
	w.name = info.Path + "." + info.Options.Suffix
	if dir := info.Options.DefaultLogdir; dir != "" && !filepath.IsAbs(w.name) {
		w.name = filepath.Join(dir, w.name)
	}
	return w, w.open()
}

func (w *layoutWriter) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(w.info.Options.Dir, name)
}

func (w *layoutWriter) open() error {
	f, err := os.Create(w.path(w.name))
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", w.name, err)
	}
	w.file, w.out = f, bufio.NewWriterSize(f, 64<<10)
	_, err = w.out.WriteString("# " + strings.Join(w.names, "\t") + "\n")
	return err
}

func (w *layoutWriter) Write(rec []zeeklog.Value) error {
	if w.file == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	b := w.buf[:0]
	for k, from := range w.from {
		if k > 0 {
			b = append(b, '\t')
		}
		if from < 0 {
			b = append(b, '-')
		} else {
			b = appendLayout(b, &rec[from])
		}
	}
	w.buf = append(b, '\n')
	_, err := w.out.Write(w.buf)
	return err
}

// appendLayout writes a value.
func appendLayout(b []byte, v *zeeklog.Value) []byte {
	switch v.Kind() {
	case zeeklog.Bool:
		if v.AsBool() {
			return append(b, 'T')
		}
		return append(b, 'F')
	case zeeklog.Count, zeeklog.Port:
		return strconv.AppendUint(b, v.AsCount(), 10)
	case zeeklog.Int:
		return strconv.AppendInt(b, v.AsInt(), 10)
	case zeeklog.Time, zeeklog.Double, zeeklog.Interval:
		return appendDouble(b, v.AsFloat())
	case zeeklog.Addr:
		return append(b, policy.FmtAddr(v.AsAddr())...)
	case zeeklog.Subnet:
		p := v.AsSubnet()
		return strconv.AppendInt(append(append(b, policy.FmtAddr(p.Addr())...), '/'), int64(p.Bits()), 10)
	case zeeklog.Set, zeeklog.Vector:
		n := v.Len()
		if n == 0 {
			return append(b, '-')
		}
		for k := range n {
			if k > 0 {
				b = append(b, ',')
			}
			b = appendLayout(b, v.Elem(k))
		}
		return b
	}
	if s := v.AsString(); s != "" {
		return appendPrintable(b, s)
	}
	return append(b, '-')
}

// appendDouble is C's %.15g, with ".0" where that shows a whole number.
func appendDouble(b []byte, f float64) []byte {
	n := len(b)
	b = strconv.AppendFloat(b, f, 'g', 15, 64)
	for _, c := range b[n:] {
		if c != '-' && (c < '0' || c > '9') {
			return b
		}
	}
	return append(b, ".0"...)
}

const hexDigits = "0123456789abcdef"

// appendPrintable writes octets that are not printable ASCII as \xhh. The
// snapshot put NUL octets behind such an escape, one or two; these are left out.
func appendPrintable(b []byte, s string) []byte {
	for k := range len(s) {
		if c := s[k]; c < ' ' || c > '~' {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

func (w *layoutWriter) Flush() error {
	if w.file == nil {
		return nil
	}
	return w.out.Flush()
}

func (w *layoutWriter) Rotate(base string, _ bool) (newName, oldName string, err error) {
	if w.file == nil {
		return "", "", nil
	}
	if err := w.Close(); err != nil {
		return "", "", err
	}
	newName = base + "." + w.info.Options.Suffix
	return newName, w.name, os.Rename(w.path(w.name), w.path(newName))
}

func (w *layoutWriter) Close() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.out.Flush(), w.file.Close())
	w.file, w.out = nil, nil
	return err
}
