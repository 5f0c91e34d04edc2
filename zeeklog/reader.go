package zeeklog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Problem is something wrong with one line of a log.
type Problem struct {
	Name string // of the log, as given in ReaderOptions
	Line int64  // from 1
	Msg  string
}

// Error gives "name:line: message".
func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.Name, p.Line, p.Msg) }

// ReaderOptions says how to read a log. The zero value suits most.
type ReaderOptions struct {
	// Name stands in messages; "" is "-".
	Name string
	// Strict ends the reading at the first problem. Else bad lines are
	// skipped, counted, and told to OnProblem.
	Strict    bool
	OnProblem func(*Problem)
	// MaxLine bounds the memory for a line, in bytes; longer lines are a
	// problem. 0 is 64 MiB, which no record of Zeek exceeds by default.
	MaxLine int
	// Columns are those of logs without a header (LogAscii::include_meta=F).
	// If nil, such logs have columns named 1, 2, ... of kind Any.
	Columns []Column
	// Separators are for logs without a header; a header has its own.
	// The zero value is DefaultConfig().ASCII.
	Separators ASCII
	// TSV says that the first line holds the names of the columns, as the
	// filter option "tsv" makes it.
	TSV bool
	// Types gives the type of a column of a JSON log, which has none. nil is
	// [KnownType].
	Types func(column string) (Type, bool)
}

// Bounds for what a line, however hostile, can make the reader hold.
const (
	maxColumns  = 4096    // of a log, and names remembered
	maxElements = 1 << 20 // of a set or vector
)

// Header is what the lines before the rows say.
type Header struct {
	// ASCII holds the separators, and for JSON the form of times as the first
	// row has it.
	ASCII   ASCII
	Path    string // "" if unknown
	Open    string // text of #open, "" if there is none
	Columns []Column
	// Missing tells that the log has no header lines.
	Missing bool

	crlf bool // lines end with CR LF, which Zeek never writes
	text *textFormat
}

// Record is one row. It and all that it gives is borrowed until the next call
// of Next.
type Record struct {
	r      *Reader
	h      *Header
	line   []byte
	number int64
	cols   []Column
	vals   []Value
	raw    [][]byte // TSV: the fields as they stand in the line
	parsed []bool   // TSV: vals[i] holds raw[i]
}

// Reader reads a log row by row. See [Open] for files.
type Reader struct {
	src lineSource
	opt ReaderOptions

	header   *Header
	json     bool
	started  bool
	rec      Record
	js       jsonState
	arena    []byte // unescaped text of the current row
	closed   string // text of the last #close
	err      error
	rows     int64
	problems int64
}

// NewReader makes a reader for an uncompressed log; see [Decompress].
func NewReader(r io.Reader, opt ReaderOptions) *Reader {
	if opt.Name == "" {
		opt.Name = "-"
	}
	if opt.MaxLine <= 0 {
		opt.MaxLine = 64 << 20
	}
	if opt.Separators.Separator == "" {
		opt.Separators = DefaultConfig().ASCII
	}
	if opt.Types == nil {
		opt.Types = KnownType
	}
	return &Reader{src: lineSource{r: r, max: opt.MaxLine}, opt: opt}
}

// Header gives the header that the current record stands under, or before the
// first record nil. It changes where files were concatenated.
func (r *Reader) Header() *Header { return r.header }

// Record gives the row that Next has found.
func (r *Reader) Record() *Record { return &r.rec }

// Err gives what ended the reading, nil at the end of the log.
func (r *Reader) Err() error { return r.err }

// Rows counts the rows so far, Problems the lines with something wrong.
func (r *Reader) Rows() int64 { return r.rows }

// Problems counts the lines that were skipped and the fields that could not be
// read.
func (r *Reader) Problems() int64 { return r.problems }

// Line gives the number of the current line, from 1.
func (r *Reader) Line() int64 { return r.src.number }

// CloseTime gives the text of the last #close line read, "" if there was none
// yet: a log without one is still being written, or its writer crashed.
func (r *Reader) CloseTime() string { return r.closed }

// problem reports; it tells whether reading may go on.
func (r *Reader) problem(format string, args ...any) bool {
	return r.problemAt(r.src.number, fmt.Sprintf(format, args...))
}

func (r *Reader) problemAt(line int64, msg string) bool {
	r.problems++
	p := &Problem{Name: r.opt.Name, Line: line, Msg: msg}
	if r.opt.Strict && r.err == nil {
		r.err = p
	}
	if r.opt.OnProblem != nil {
		r.opt.OnProblem(p)
	}
	return !r.opt.Strict
}

// Next reads the next row and tells whether there was one.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	for {
		line, err := r.src.next()
		switch {
		case err == nil:
		case err == io.EOF:
			return false
		case errors.Is(err, ErrLineTooLong):
			if !r.problem("line longer than %d bytes", r.opt.MaxLine) {
				return false
			}
			continue
		case errors.Is(err, io.ErrUnexpectedEOF):
			// A compressed file that was cut off: what came before is good.
			r.problem("compressed data ends too early")
			return false
		default:
			r.err = fmt.Errorf("%s:%d: %w", r.opt.Name, r.src.number+1, err)
			return false
		}
		if !r.started {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			if len(line) == 0 {
				continue
			}
			if !r.start(line) {
				continue
			}
		}
		if ok, stop := r.take(line); stop {
			return false
		} else if ok {
			r.rows++
			return true
		}
	}
}

// start looks at the first line and tells whether it is part of the log.
func (r *Reader) start(line []byte) bool {
	r.json = isJSONLine(line)
	if r.json || metaPrefixOf(line) != "" {
		r.started = true
		return true
	}
	if line[0] == '#' && !r.opt.TSV && r.opt.Columns == nil {
		// A comment, like the first line of BTest's baselines. A header may
		// also lack its first line.
		if !bytes.HasPrefix(line, []byte("#fields\t")) {
			return false
		}
		r.beginHeader("#", []byte(`\x09`), bytes.HasSuffix(line, []byte("\r")))
		r.started = true
		return true
	}
	r.started = true
	// No header at all.
	h := &Header{ASCII: r.opt.Separators, Columns: r.opt.Columns, Missing: true}
	h.ASCII.IncludeMeta = false
	if r.opt.TSV {
		h.ASCII.IncludeMeta, h.ASCII.TSV = true, true
		h.Columns = nil
	} else if h.Columns == nil {
		n := bytes.Count(line, []byte(h.ASCII.Separator)) + 1
		for i := range min(n, maxColumns) {
			h.Columns = append(h.Columns, Column{Name: fmt.Sprint(i + 1), Type: T(Any)})
		}
	}
	h.crlf = bytes.HasSuffix(line, []byte("\r"))
	h.ready()
	r.header = h
	return true
}

func isJSONLine(line []byte) bool {
	t := bytes.TrimLeft(line, " \t\r")
	return len(t) > 0 && t[0] == '{'
}

// metaPrefixOf tells how header lines begin, if this is the first one:
// "#separator \x09". The prefix may have been configured.
func metaPrefixOf(line []byte) string {
	const key = "separator "
	i := bytes.Index(line[:min(len(line), 32+len(key))], []byte(key))
	if i <= 0 || bytes.ContainsAny(line[:i], " \t") {
		return ""
	}
	return string(line[:i])
}

// take handles one line: whether it was a row, and whether to stop.
func (r *Reader) take(line []byte) (row, stop bool) {
	crlf := r.header != nil && r.header.crlf && bytes.HasSuffix(line, []byte("\r"))
	if crlf {
		line = line[:len(line)-1]
	}
	if h := r.header; h != nil && h.ASCII.TSV && len(h.Columns) == 0 {
		for _, n := range bytes.SplitN(line, []byte(h.ASCII.Separator), maxColumns) {
			h.Columns = append(h.Columns, Column{Name: string(n), Type: T(Any)})
		}
		return false, false
	}
	if len(line) == 0 {
		return false, false
	}
	prefix := ""
	if r.header != nil && !r.header.Missing {
		prefix = r.header.ASCII.MetaPrefix
	}
	if line[0] == '#' || r.header == nil || (prefix != "" && line[0] == prefix[0]) {
		if p := metaPrefixOf(line); p != "" && (r.header == nil || p == prefix || p == "#") {
			r.beginHeader(p, line[len(p)+len("separator "):], crlf)
			return false, false
		}
	}
	if prefix != "" && !r.json && bytes.HasPrefix(line, []byte(prefix)) {
		return false, !r.metaLine(line[len(prefix):])
	}
	if r.json {
		ok := r.parseJSON(line)
		return ok, r.err != nil
	}
	if r.header == nil || len(r.header.Columns) == 0 {
		return false, !r.problem("row before a #fields line")
	}
	ok := r.splitRow(line)
	return ok, r.err != nil
}

func (r *Reader) beginHeader(prefix string, sep []byte, crlf bool) {
	h := &Header{ASCII: DefaultConfig().ASCII}
	h.ASCII.MetaPrefix = prefix
	h.crlf = crlf || bytes.HasSuffix(sep, []byte("\r"))
	h.ASCII.Separator = unescapeAll(string(bytes.TrimSuffix(sep, []byte("\r"))))
	if h.ASCII.Separator == "" {
		h.ASCII.Separator = "\t"
	}
	r.json = false
	h.ready()
	r.header = h
}

// metaLine takes a line of the header after its prefix; it tells whether to go on.
func (r *Reader) metaLine(line []byte) bool {
	h := r.header
	key, value, ok := strings.Cut(string(line), h.ASCII.Separator)
	if !ok {
		return true // a comment
	}
	switch key {
	case "set_separator":
		h.ASCII.SetSeparator = unescapeAll(value)
	case "empty_field":
		h.ASCII.EmptyField = unescapeAll(value)
	case "unset_field":
		h.ASCII.UnsetField = unescapeAll(value)
	case "path":
		h.Path = unescapeAll(value)
	case "open":
		h.Open = value
	case "close":
		r.closed = value
	case "fields":
		if n := strings.Count(value, h.ASCII.Separator) + 1; n > maxColumns {
			return r.problem("%d columns, more than %d", n, maxColumns)
		}
		if len(h.Columns) > 0 {
			// Fields anew without a new #separator: an old concatenation.
			next := *h
			next.Columns, next.text = nil, nil
			h = &next
			r.header = h
		}
		for _, n := range strings.Split(value, h.ASCII.Separator) {
			h.Columns = append(h.Columns, Column{Name: n, Type: T(String)})
		}
	case "types":
		types := strings.Split(value, h.ASCII.Separator)
		if len(types) != len(h.Columns) {
			if !r.problem("%d types for %d fields", len(types), len(h.Columns)) {
				return false
			}
		}
		for i := range min(len(types), len(h.Columns)) {
			t, err := ParseType(types[i])
			if err != nil {
				if !r.problem("%s", err) {
					return false
				}
				t = T(Any)
			}
			h.Columns[i].Type = t
		}
	}
	h.ready()
	return true
}

// ready works out what reading rows needs.
func (h *Header) ready() { h.text = newTextFormat(&h.ASCII) }

// unescapeAll undoes \xHH and \\ of a header line.
func unescapeAll(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return string(appendUnescaped(nil, []byte(s)))
}

// appendUnescaped undoes \xHH and \\. Zeek: src/util.cc, get_unescaped_string.
func appendUnescaped(b, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		s = s[i:]
		switch {
		case s[1] == '\\':
			b = append(b, '\\')
			s = s[2:]
		case s[1] == 'x' && len(s) >= 4 && hexValue(s[2]) >= 0 && hexValue(s[3]) >= 0:
			b = append(b, byte(hexValue(s[2])<<4|hexValue(s[3])))
			s = s[4:]
		default:
			b = append(b, '\\')
			s = s[1:]
		}
	}
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// splitRow cuts a row into its fields; their values wait until asked for.
func (r *Reader) splitRow(line []byte) bool {
	h := r.header
	rec := &r.rec
	n := len(h.Columns)
	rec.prepare(r, h, line, n)
	rec.cols = h.Columns
	sep := h.ASCII.Separator
	i := 0
	rest := line
	for i < n-1 {
		var at int
		if len(sep) == 1 {
			at = bytes.IndexByte(rest, sep[0])
		} else {
			at = bytes.Index(rest, []byte(sep))
		}
		if at < 0 {
			break
		}
		rec.raw[i] = rest[:at]
		rest = rest[at+len(sep):]
		i++
	}
	rec.raw[i] = rest
	i++
	if i < n || bytes.Contains(rest, []byte(sep)) {
		got := bytes.Count(line, []byte(sep)) + 1
		r.problem("%d fields instead of %d", got, n)
		return false
	}
	return true
}

// prepare makes room for n values.
func (rec *Record) prepare(r *Reader, h *Header, line []byte, n int) {
	rec.r, rec.h, rec.line, rec.number = r, h, line, r.src.number
	r.arena = r.arena[:0]
	if cap(rec.vals) < n {
		rec.vals = append(rec.vals[:cap(rec.vals)], make([]Value, n-cap(rec.vals))...)
	}
	if cap(rec.raw) < n {
		rec.raw = make([][]byte, n)
	}
	if cap(rec.parsed) < n {
		rec.parsed = make([]bool, n)
	}
	rec.vals, rec.raw, rec.parsed = rec.vals[:n], rec.raw[:n], rec.parsed[:n]
	clear(rec.parsed)
}

// Header gives the header that the row stands under.
func (rec *Record) Header() *Header { return rec.h }

// Bytes gives the whole line, without its newline.
func (rec *Record) Bytes() []byte { return rec.line }

// Line gives the number of the line.
func (rec *Record) Line() int64 { return rec.number }

// Columns gives the columns of this row. In JSON they may differ from row to
// row.
func (rec *Record) Columns() []Column { return rec.cols }

// Index gives the index of a column, or -1.
func (rec *Record) Index(name string) int {
	for i := range rec.cols {
		if rec.cols[i].Name == name {
			return i
		}
	}
	return -1
}

// Raw gives a field as it stands in the line, escaped; nil for JSON.
func (rec *Record) Raw(i int) []byte {
	if rec.r.json {
		return nil
	}
	return rec.raw[i]
}

// Value gives the value of column i.
func (rec *Record) Value(i int) *Value {
	if !rec.parsed[i] {
		rec.parsed[i] = true
		rec.r.parseField(&rec.vals[i], rec.cols[i], rec.raw[i])
	}
	return &rec.vals[i]
}

// Get gives the value of the column with the name, nil if there is none.
func (rec *Record) Get(name string) *Value {
	if i := rec.Index(name); i >= 0 {
		return rec.Value(i)
	}
	return nil
}

// Values gives all values, in the order of the columns.
func (rec *Record) Values() []Value {
	for i := range rec.vals {
		rec.Value(i)
	}
	return rec.vals
}

// ErrLineTooLong is what a LineReader gives for a line it dropped.
var ErrLineTooLong = errors.New("line too long")

// lineSource cuts a stream into lines, with bounded memory.
type lineSource struct {
	r          io.Reader
	max        int
	buf        []byte
	start, end int // what is read and not given yet
	scanned    int // bytes after start without a newline
	number     int64
	eof        error
	skipping   bool // the rest of a line that was too long is dropped
}

// next gives the next line without its newline, borrowed until the next call.
// A last line without a newline is given too.
func (s *lineSource) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.start+s.scanned:s.end], '\n'); i >= 0 {
			line := s.buf[s.start : s.start+s.scanned+i]
			s.start += s.scanned + i + 1
			s.scanned = 0
			s.number++
			if s.skipping {
				s.skipping = false
				return nil, ErrLineTooLong
			}
			if len(line) > s.max {
				return nil, ErrLineTooLong
			}
			return line, nil
		}
		s.scanned = s.end - s.start
		if s.skipping || s.scanned > s.max {
			s.skipping = true
			s.start, s.end, s.scanned = 0, 0, 0
		}
		if s.eof != nil {
			if s.skipping {
				s.skipping = false
				s.number++
				return nil, ErrLineTooLong
			}
			if s.scanned > 0 && s.eof == io.EOF {
				line := s.buf[s.start:s.end]
				s.start, s.scanned = s.end, 0
				s.number++
				return line, nil
			}
			return nil, s.eof
		}
		s.fill()
	}
}

const readSize = 256 << 10

func (s *lineSource) fill() {
	if s.start > 0 && len(s.buf)-s.end < readSize/2 {
		copy(s.buf, s.buf[s.start:s.end])
		s.end -= s.start
		s.start = 0
	}
	if len(s.buf)-s.end < readSize/2 {
		grown := make([]byte, max(readSize, 2*len(s.buf)))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.eof = err
			return
		}
		if n > 0 {
			return
		}
	}
	s.eof = io.ErrNoProgress
}

// LineReader cuts a stream into lines with bounded memory, for tools that need
// no more than lines.
type LineReader struct{ src lineSource }

// NewLineReader makes a LineReader; longer lines than max bytes are errors, 0
// is 64 MiB.
func NewLineReader(r io.Reader, max int) *LineReader {
	if max <= 0 {
		max = 64 << 20
	}
	return &LineReader{lineSource{r: r, max: max}}
}

// Next gives the next line without its newline, borrowed until the next call;
// io.EOF at the end. After [ErrLineTooLong] reading may go on.
func (l *LineReader) Next() ([]byte, error) { return l.src.next() }

// Number gives the number of the last line, from 1.
func (l *LineReader) Number() int64 { return l.src.number }
