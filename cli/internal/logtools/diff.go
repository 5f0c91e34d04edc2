package logtools

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/gzeek/gzeek/zeeklog"
)

// Diff is the command "gzeek diff".
func Diff(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTool("diff", `gzeek diff [flags] A B

Compares two logs, or all logs of two folders by their names. Rows that are the
same are matched wherever they stand; of the others, those with the same uid
are shown side by side with the columns that differ. When the logs were opened
and closed never matters, nor their form: text compares with JSON.

The exit status is 0 if there is no difference, 1 if there is, 2 for trouble.
`, stdin, stdout, stderr)
	d := &differ{t: t}
	t.flags.BoolVar(&d.order, "order", false, "the order of rows matters")
	t.flags.BoolVar(&d.times, "mask-times", false, "all times are the same, as in Zeek's baselines")
	ignore := t.flags.String("ignore", "", "columns to leave out, with commas between")
	key := t.flags.String("key", "uid,fuid,id,seen.indicator,host", "columns by which differing rows are paired: the first of these that the log has")
	color := t.flags.String("color", "auto", "auto, always or never")
	t.flags.BoolVar(&d.json, "json", false, "print JSON, one object per difference")
	t.flags.BoolVar(&d.brief, "brief", false, "only name the logs that differ")
	operands, status := t.parse(args)
	if status >= 0 {
		return status
	}
	if len(operands) != 2 {
		return t.usageError("two logs or folders are needed")
	}
	d.ignore, d.keys = strings.Split(*ignore, ","), strings.Split(*key, ",")
	switch *color {
	case "always":
		d.color = true
	case "never":
	case "auto":
		f, ok := stdout.(*os.File)
		d.color = ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	default:
		return t.usageError("unknown colour %q", *color)
	}
	d.w = bufio.NewWriter(stdout)
	differ, err := d.paths(operands[0], operands[1])
	if e := d.w.Flush(); err == nil {
		err = e
	}
	switch status := t.status(); {
	case err != nil:
		return t.fail(err)
	case differ || status != exitOK:
		return exitDiffers
	}
	return exitOK
}

// differ is diff at work.
type differ struct {
	t                           *tool
	w                           *bufio.Writer
	order, times, json, brief   bool
	color                       bool
	ignore, keys                []string
	columns                     []string // compared ones
	same, changed, onlyA, onlyB int
}

// paths compares files or folders.
func (d *differ) paths(a, b string) (bool, error) {
	dirA, errA := isDir(a)
	dirB, errB := isDir(b)
	if err := errors.Join(errA, errB); err != nil {
		return false, err
	}
	switch {
	case !dirA && !dirB:
		return d.logs(a, b)
	case !dirA:
		return d.logs(a, filepath.Join(b, filepath.Base(a)))
	case !dirB:
		return d.logs(filepath.Join(a, filepath.Base(b)), b)
	}
	namesA, errA := logNames(a)
	namesB, errB := logNames(b)
	if err := errors.Join(errA, errB); err != nil {
		return false, err
	}
	differ := false
	for _, n := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(namesA), namesB...)))) {
		inA, inB := slices.Contains(namesA, n), slices.Contains(namesB, n)
		if inA && inB {
			different, err := d.logs(filepath.Join(a, n), filepath.Join(b, n))
			if err != nil {
				return differ, err
			}
			differ = differ || different
			continue
		}
		differ = true
		side := a
		if inB {
			side = b
		}
		if d.json {
			d.object(map[string]any{"kind": "only_log", "in": side, "log": n})
		} else {
			fmt.Fprintf(d.w, "only in %s: %s\n", side, n)
		}
	}
	return differ, nil
}

func isDir(name string) (bool, error) {
	if name == "-" {
		return false, nil
	}
	st, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	return st.IsDir(), nil
}

func logNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if f := formatOf(e.Name()); !e.IsDir() && (f == "tsv" || f == "json") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// diffRow is a row without a partner so far.
type diffRow struct {
	line  int64
	key   string
	cells []string // one per compared column; "" is unset
	text  string   // the cells, joined
	gone  bool
}

// side is one of the two logs while it is read.
type side struct {
	f      *logFile
	rows   []*diffRow            // without a partner, in order
	byText map[string][]*diffRow // the same
	ended  bool
	gone   int // rows that are in rows no more than by name
}

// logs compares two logs.
func (d *differ) logs(nameA, nameB string) (bool, error) {
	d.same, d.changed, d.onlyA, d.onlyB = 0, 0, 0, 0
	a, b := &side{byText: map[string][]*diffRow{}}, &side{byText: map[string][]*diffRow{}}
	for s, name := range map[*side]string{a: nameA, b: nameB} {
		f, err := d.t.open(name)
		if err != nil {
			return false, err
		}
		defer f.close()
		s.f = f
	}
	title := false
	tell := func() {
		if !title && !d.json && !d.brief {
			fmt.Fprintf(d.w, "%s\n", d.paint("1", "--- "+nameA))
			fmt.Fprintf(d.w, "%s\n", d.paint("1", "+++ "+nameB))
		}
		title = true
	}
	headers := d.prepare(a, b)
	for _, h := range headers {
		tell()
		if d.json {
			d.object(map[string]any{"kind": "header", "a": nameA, "b": nameB, "what": h})
		} else if !d.brief {
			fmt.Fprintf(d.w, "%s\n", d.paint("33", "# "+h))
		}
	}
	// Both are read in step, so that only rows without a partner are kept.
	moved := 0
	for !a.ended || !b.ended {
		ra, rb := d.read(a), d.read(b)
		if ra != nil && rb != nil && ra.text == rb.text && len(a.byText[ra.text]) == 0 && len(b.byText[rb.text]) == 0 {
			d.same++
			continue
		}
		if ra != nil {
			if !d.cancel(b, ra) {
				a.keep(ra)
			} else {
				moved++
			}
		}
		if rb != nil {
			if !d.cancel(a, rb) {
				b.keep(rb)
			} else {
				moved++
			}
		}
	}
	for _, s := range []*side{a, b} {
		if err := s.f.Err(); err != nil {
			return true, err
		}
		s.rows = slices.DeleteFunc(s.rows, func(r *diffRow) bool { return r.gone })
	}
	if len(a.rows)+len(b.rows) > 0 {
		tell()
		d.pairs(a.rows, b.rows)
	} else if d.order && moved > 0 {
		tell()
		if d.json {
			d.object(map[string]any{"kind": "order", "a": nameA, "b": nameB, "rows": moved})
		} else if !d.brief {
			fmt.Fprintf(d.w, "%s\n", d.paint("33", fmt.Sprintf("# the order of %d rows differs", moved)))
		}
	}
	if title && d.brief && !d.json {
		fmt.Fprintf(d.w, "%s and %s differ\n", nameA, nameB)
	}
	if title && !d.brief && !d.json {
		fmt.Fprintf(d.w, "%d same, %d changed, %d only in %s, %d only in %s\n", d.same, d.changed, d.onlyA, nameA, d.onlyB, nameB)
	}
	return title, nil
}

// prepare reads the first rows and works out which columns are compared.
func (d *differ) prepare(a, b *side) (differences []string) {
	var cols [2][]zeeklog.Column
	var path [2]string
	var json [2]bool
	empty := false // a file without even a header
	for i, s := range []*side{a, b} {
		s.ended = !s.f.Next()
		h := s.f.Header()
		if h == nil {
			empty = true
			continue
		}
		cols[i], path[i], json[i] = slices.Clone(h.Columns), h.Path, h.ASCII.JSON
	}
	if path[0] != "" && path[1] != "" && path[0] != path[1] {
		differences = append(differences, fmt.Sprintf("path %s became %s", path[0], path[1]))
	}
	has := func(i int, name string) *zeeklog.Column {
		for k := range cols[i] {
			if cols[i][k].Name == name {
				return &cols[i][k]
			}
		}
		return nil
	}
	d.columns = nil
	both := func(c zeeklog.Column) {
		if !slices.Contains(d.ignore, c.Name) && !slices.Contains(d.columns, c.Name) {
			d.columns = append(d.columns, c.Name)
		}
	}
	// Rows of JSON name only what is set: a column that one lacks may come.
	loose := json[0] || json[1] || empty
	for _, c := range cols[0] {
		o := has(1, c.Name)
		switch {
		case o == nil && !loose:
			differences = append(differences, "column "+c.Name+" is only in the first")
		case o != nil && o.Type != c.Type && !loose:
			differences = append(differences, fmt.Sprintf("column %s: type %s became %s", c.Name, c.Type, o.Type))
			both(c)
		default:
			both(c)
		}
	}
	for _, c := range cols[1] {
		if has(0, c.Name) != nil {
			continue
		}
		if !loose {
			differences = append(differences, "column "+c.Name+" is only in the second")
			continue
		}
		both(c)
	}
	return differences
}

// read makes a row of the current record and goes on to the next one.
func (d *differ) read(s *side) *diffRow {
	if s.ended {
		return nil
	}
	rec := s.f.Record()
	r := &diffRow{line: rec.Line()}
	if rec.Header().ASCII.JSON {
		for _, c := range rec.Columns() {
			if !slices.Contains(d.columns, c.Name) && !slices.Contains(d.ignore, c.Name) {
				d.columns = append(d.columns, c.Name)
			}
		}
	}
	var buf []byte
	for _, name := range d.columns {
		cell := ""
		if v := rec.Get(name); v != nil && v.IsSet() {
			if v.Kind() == zeeklog.Time && d.times {
				cell = "XXXXXXXXXX.XXXXXX"
			} else {
				cell = string(appendDiffCell(nil, v))
			}
		}
		r.cells = append(r.cells, cell)
	}
	n := len(r.cells)
	for n > 0 && r.cells[n-1] == "" {
		n-- // columns that came up later are unset in earlier rows
	}
	for _, c := range r.cells[:n] {
		buf = append(append(buf, c...), 0)
	}
	r.text = string(buf)
	for _, k := range d.keys {
		if v := rec.Get(k); v != nil && v.IsSet() {
			r.key = string(v.AppendText(nil))
			break
		}
	}
	s.ended = !s.f.Next()
	return r
}

// appendDiffCell writes a set value so that none looks like another or like
// an unset one.
func appendDiffCell(b []byte, v *zeeklog.Value) []byte {
	switch v.Kind() {
	case zeeklog.String:
		if v.AsString() == "" {
			return append(b, "(empty)"...)
		}
		return zeeklog.AppendPrintable(b, v.AsString())
	case zeeklog.Set, zeeklog.Vector:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendDiffCell(b, v.Elem(i))
		}
		return append(b, ']')
	case zeeklog.Unset:
		return append(b, '-')
	}
	return v.AppendText(b)
}

func (s *side) keep(r *diffRow) {
	s.rows = append(s.rows, r)
	s.byText[r.text] = append(s.byText[r.text], r)
	if len(s.rows) > 1024 && s.gone*2 > len(s.rows) {
		s.rows = slices.DeleteFunc(s.rows, func(r *diffRow) bool { return r.gone })
		s.gone = 0
	}
}

// cancel takes the row's equal out of the other log, if it is waiting there.
func (d *differ) cancel(other *side, r *diffRow) bool {
	same := other.byText[r.text]
	if len(same) == 0 {
		return false
	}
	same[0].gone = true
	other.gone++
	if len(same) == 1 {
		delete(other.byText, r.text)
	} else {
		other.byText[r.text] = same[1:]
	}
	d.same++
	return true
}

// pairs shows rows that have no equal: changed ones beside each other.
func (d *differ) pairs(a, b []*diffRow) {
	byKey := map[string][]*diffRow{}
	for _, r := range b {
		byKey[r.key] = append(byKey[r.key], r)
	}
	const tries = 200 // rows of one key that are looked at for the nearest
	for _, ra := range a {
		var best *diffRow
		fewest := len(d.columns) + 1
		if ra.key != "" {
			for i, rb := range byKey[ra.key] {
				if n := d.distance(ra, rb); !rb.gone && n < fewest {
					best, fewest = rb, n
				}
				if i >= tries {
					break
				}
			}
		}
		if best == nil {
			d.onlyA++
			d.one("only_a", "31", "-", ra)
			continue
		}
		best.gone = true
		d.changed++
		d.pair(ra, best)
	}
	for _, rb := range b {
		if !rb.gone {
			d.onlyB++
			d.one("only_b", "32", "+", rb)
		}
	}
}

func (r *diffRow) cell(i int) string {
	if i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

func (d *differ) distance(a, b *diffRow) int {
	n := 0
	for i := range d.columns {
		if a.cell(i) != b.cell(i) {
			n++
		}
	}
	return n
}

func (d *differ) one(kind, color, sign string, r *diffRow) {
	if d.brief {
		return
	}
	if d.json {
		row := map[string]any{}
		for i, c := range d.columns {
			if v := r.cell(i); v != "" {
				row[c] = v
			}
		}
		d.object(map[string]any{"kind": kind, "line": r.line, "row": row})
		return
	}
	var cells []string
	for i := range d.columns {
		cells = append(cells, shown(r.cell(i)))
	}
	fmt.Fprintf(d.w, "%s\n", d.paint(color, fmt.Sprintf("%s%d: %s", sign, r.line, strings.Join(cells, "  "))))
}

func shown(cell string) string {
	if cell == "" {
		return "-"
	}
	return strings.NewReplacer("\n", `\x0a`, "\r", `\x0d`, "\t", `\x09`).Replace(cell)
}

func (d *differ) pair(a, b *diffRow) {
	if d.brief {
		return
	}
	if d.json {
		cols := map[string]any{}
		for i, c := range d.columns {
			if a.cell(i) != b.cell(i) {
				cols[c] = map[string]any{"a": orNull(a.cell(i)), "b": orNull(b.cell(i))}
			}
		}
		d.object(map[string]any{"kind": "changed", "key": a.key, "line_a": a.line, "line_b": b.line, "columns": cols})
		return
	}
	fmt.Fprintf(d.w, "%s\n", d.paint("36", fmt.Sprintf("~%d,%d: %s", a.line, b.line, shown(a.key))))
	for i, c := range d.columns {
		if x, y := a.cell(i), b.cell(i); x != y {
			fmt.Fprintf(d.w, "    %s: %s %s\n", c, d.paint("31", shown(x)), d.paint("32", "-> "+shown(y)))
		}
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (d *differ) paint(code, s string) string {
	if !d.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (d *differ) object(o map[string]any) {
	if d.brief {
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		d.t.told(err.Error())
		return
	}
	d.w.Write(b.Bytes())
}
