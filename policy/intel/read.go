package intel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gzeek/gzeek/redef"
)

// format is how indicator files are written.
type format struct {
	separator byte
	unset     string
	types     map[string]Type
	wheres    map[string]Where
	fields    []metaField
}

const (
	maxLine     = 1 << 20 // bytes
	maxProblems = 100     // of one file
)

// readFile reads an indicator file. Either all of it is right, or the error, of
// type redef.Problems, says in which lines it is not, and there are no items.
func (fm *format) readFile(path string) ([]Item, error) {
	file, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, redef.Problems{{Place: redef.Place{File: path}, Msg: "cannot read indicators: " + err.Error()}}
	}
	defer file.Close()
	return fm.read(file, path)
}

// read reads indicators; path is for messages. The first line that is no comment
// names the columns, with or without "#fields" (Zeek: input/readers/ascii).
func (fm *format) read(r io.Reader, path string) ([]Item, error) {
	lr := lineReader{r: bufio.NewReaderSize(r, 64<<10)}
	rd := &reader{format: fm, path: path, strings: make(map[string]string)}
	for {
		line, err := lr.next()
		if err != nil && err != io.EOF {
			rd.problem(lr.n, "%v", err)
			break
		}
		if err == io.EOF {
			break
		}
		rd.line(lr.n, line)
		if rd.failed || len(rd.problems) >= maxProblems {
			break
		}
	}
	if rd.columns == nil && !rd.failed {
		rd.problem(0, "there is no line that names the columns (#fields)")
	}
	if len(rd.problems) > 0 {
		return nil, rd.problems
	}
	return rd.items, nil
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r   *bufio.Reader
	n   int // number of the line that was read last
	buf []byte
}

// next returns the next line without its end; it is borrowed until the call
// after it.
func (l *lineReader) next() ([]byte, error) {
	l.n++
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(part) > maxLine {
			return nil, fmt.Errorf("the line is longer than %d bytes", maxLine)
		}
		if err == nil && len(l.buf) == 0 {
			return chomp(part), nil
		}
		l.buf = append(l.buf, part...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(l.buf) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		}
		return chomp(l.buf), nil
	}
}

func chomp(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// reader is the state of reading one file.
type reader struct {
	*format
	path     string
	header   string
	columns  []string // nil before the header
	at       columnsAt
	items    []Item
	problems redef.Problems
	failed   bool              // the rest makes no sense
	strings  map[string]string // sources and the like come again and again
	cells    []string
}

// columnsAt are the places of the columns, -1 where there is none.
type columnsAt struct {
	indicator, kind, source, desc, url int
	extra                              []int
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, redef.Problem{Place: redef.Place{File: r.path, Line: line}, Msg: fmt.Sprintf(format, args...)})
}

func (r *reader) line(n int, b []byte) {
	if len(b) == 0 {
		return
	}
	line := string(b)
	header, isHeader := strings.CutPrefix(line, "#fields"+string(r.separator))
	switch {
	case isHeader && r.columns != nil:
		// Files are often put together from several.
		if header != r.header {
			r.problem(n, "the columns change in the middle of the file")
			r.failed = true
		}
	case isHeader:
		r.setHeader(n, header)
	case line[0] == '#':
	case r.columns == nil:
		r.setHeader(n, line)
	default:
		r.item(n, line)
	}
}

func (r *reader) setHeader(n int, header string) {
	r.header = header
	r.columns = strings.Split(header, string(r.separator))
	need := func(name string) int {
		i := slices.Index(r.columns, name)
		if i < 0 {
			r.problem(n, "there is no column %s", name)
			r.failed = true
		}
		return i
	}
	r.at = columnsAt{
		indicator: need("indicator"), kind: need("indicator_type"), source: need("meta.source"),
		desc: slices.Index(r.columns, "meta.desc"), url: slices.Index(r.columns, "meta.url"),
	}
	for _, f := range r.fields {
		r.at.extra = append(r.at.extra, slices.Index(r.columns, f.name))
	}
}

// cell returns the text of a column, and whether it is set. Lines may be short
// of columns that nobody reads.
func (r *reader) cell(i int) (string, bool) {
	if i < 0 || r.cells[i] == r.unset && r.unset != "" {
		return "", false
	}
	return r.cells[i], true
}

func (r *reader) item(n int, line string) {
	r.cells = r.cells[:0]
	for cell := range strings.SplitSeq(line, string(r.separator)) {
		r.cells = append(r.cells, cell)
	}
	last := max(r.at.indicator, r.at.kind, r.at.source, r.at.desc, r.at.url)
	if len(r.at.extra) > 0 {
		last = max(last, slices.Max(r.at.extra))
	}
	if len(r.cells) <= last {
		r.problem(n, "%d fields; column %s is the %dth", len(r.cells), r.columns[last], last+1)
		return
	}
	required := func(i int) (string, bool) {
		s, ok := r.cell(i)
		if !ok {
			r.problem(n, "%s is not set", r.columns[i])
		}
		return unescape(s), ok
	}
	indicator, ok1 := required(r.at.indicator)
	kind, ok2 := required(r.at.kind)
	source, ok3 := required(r.at.source)
	if !ok1 || !ok2 || !ok3 {
		return
	}
	t, ok := r.types[kind]
	if !ok {
		r.problem(n, "%q is no indicator type (Intel::ADDR, Intel::EMAIL, ...)", clip(kind))
		return
	}
	if _, ok := entryOf(indicator, t); !ok {
		what := "address"
		if t == TypeSubnet {
			what = "subnet"
		}
		r.problem(n, "%q is no %s", clip(indicator), what)
		return
	}
	meta := &MetaData{Source: r.intern(source)}
	if s, ok := r.cell(r.at.desc); ok {
		meta.Desc, meta.HasDesc = r.intern(unescape(s)), true
	}
	if s, ok := r.cell(r.at.url); ok {
		meta.URL, meta.HasURL = strings.Clone(unescape(s)), true
	}
	if r.extras(n, meta) {
		r.items = append(r.items, Item{Indicator: strings.Clone(indicator), Type: t, Meta: meta})
	}
}

// extras reads the columns of the fields that policies added.
func (r *reader) extras(n int, meta *MetaData) bool {
	for i, f := range r.fields {
		s, ok := r.cell(r.at.extra[i])
		if !ok {
			continue
		}
		if f.enum {
			w, ok := r.wheres[unescape(s)]
			if !ok {
				r.problem(n, "%s: %q is no place where something is seen (SMTP::IN_FROM, ...)", f.name, clip(s))
				return false
			}
			meta.set(i, extra{true, w.Number})
			continue
		}
		switch strings.TrimSpace(s) {
		case "T", "1":
			meta.set(i, extra{true, 1})
		case "F", "0":
			meta.set(i, extra{true, 0})
		default:
			r.problem(n, "%s: %q is neither T nor F", f.name, clip(s))
			return false
		}
	}
	return true
}

// intern returns one copy of strings that come again and again.
func (r *reader) intern(s string) string {
	if c, ok := r.strings[s]; ok {
		return c
	}
	s = strings.Clone(s)
	if len(r.strings) < 1<<12 {
		r.strings[s] = s
	}
	return s
}

// unescape turns \xHH into octets, and nothing else (Zeek: util.cc,
// get_unescaped_string).
func unescape(s string) string {
	i := strings.Index(s, `\x`)
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for j := 0; j < len(s); j++ {
		if s[j] == '\\' && j+3 < len(s) && s[j+1] == 'x' {
			hi, ok1 := hex(s[j+2])
			lo, ok2 := hex(s[j+3])
			if ok1 && ok2 {
				b = append(b, hi<<4|lo)
				j += 3
				continue
			}
		}
		b = append(b, s[j])
	}
	return string(b)
}

func hex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
