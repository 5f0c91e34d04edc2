package logtools

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gzeek/gzeek/zeeklog"
)

// maxKeys is how many different values are counted one by one; a log with more
// has the rest counted together.
const maxKeys = 2_000_000

// Top is the command "gzeek top".
func Top(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTool("top", `gzeek top [flags] COLUMN[,COLUMN...] [FILE...]

Counts rows by the values of columns and prints the most frequent ones. Each
element of a set or vector counts by itself.

Example: gzeek top -n 5 mailfrom smtp.log
`, stdin, stdout, stderr)
	n := t.flags.Int("n", 10, "how many values to print; 0 prints all")
	sum := t.flags.String("sum", "", "add up this column instead of counting rows")
	asJSON := t.flags.Bool("json", false, "print JSON, one object a line")
	operands, status := t.parse(args)
	if status >= 0 {
		return status
	}
	if len(operands) == 0 {
		return t.usageError("no column given")
	}
	c := &topCounter{columns: strings.Split(operands[0], ","), sum: *sum, counts: map[string]float64{}}
	for _, name := range inputs(operands[1:]) {
		f, err := t.open(name)
		if err != nil {
			return t.fail(err)
		}
		for f.Next() {
			c.add(f.Record())
		}
		err = f.Err()
		f.close()
		if err != nil {
			return t.fail(err)
		}
	}
	for _, col := range append(slices.Clone(c.columns), c.sum) {
		if col != "" && c.rows > 0 && !slices.Contains(c.found, col) {
			return t.fail(fmt.Errorf("no column %s", col))
		}
	}
	if err := c.print(stdout, *n, *asJSON); err != nil {
		return t.fail(err)
	}
	return t.status()
}

// topCounter is top at work.
type topCounter struct {
	columns []string
	sum     string
	counts  map[string]float64 // by the values, joined by tabs
	rest    float64            // what maxKeys leaves over
	total   float64
	rows    int64
	found   []string // columns that were there

	key []byte
}

func (c *topCounter) add(rec *zeeklog.Record) {
	c.rows++
	weight := 1.0
	if c.sum != "" {
		v := rec.Get(c.sum)
		if v == nil {
			return
		}
		c.find(c.sum)
		weight = v.AsFloat()
	}
	for _, col := range c.columns {
		if len(c.found) < len(c.columns)+1 && rec.Index(col) >= 0 {
			c.find(col)
		}
	}
	c.count(rec, c.columns, c.key[:0], weight)
}

func (c *topCounter) find(col string) {
	if !slices.Contains(c.found, col) {
		c.found = append(c.found, col)
	}
}

// count adds the row under the values of the columns left, for each
// combination of elements.
func (c *topCounter) count(rec *zeeklog.Record, columns []string, key []byte, weight float64) {
	if len(columns) == 0 {
		c.key = key
		c.total += weight
		if old, ok := c.counts[string(key)]; ok {
			c.counts[string(key)] = old + weight
		} else if len(c.counts) < maxKeys {
			c.counts[string(key)] = weight
		} else {
			c.rest += weight
		}
		return
	}
	if len(columns) < len(c.columns) {
		key = append(key, '\t')
	}
	v := rec.Get(columns[0])
	switch {
	case v == nil || !v.IsSet():
		c.count(rec, columns[1:], append(key, '-'), weight)
	case v.Kind() == zeeklog.Set || v.Kind() == zeeklog.Vector:
		if v.Len() == 0 {
			c.count(rec, columns[1:], append(key, "(empty)"...), weight)
		}
		for i := range v.Len() {
			c.count(rec, columns[1:], appendCell(key, v.Elem(i)), weight)
		}
	default:
		c.count(rec, columns[1:], appendCell(key, v), weight)
	}
}

// appendCell writes a value for people, in one line and without tabs.
func appendCell(b []byte, v *zeeklog.Value) []byte {
	switch {
	case !v.IsSet():
		return append(b, '-')
	case v.Kind() == zeeklog.String:
		if v.AsString() == "" {
			return append(b, "(empty)"...)
		}
		start := len(b)
		b = zeeklog.AppendPrintable(b, v.AsString())
		for i := start; i < len(b); i++ {
			if b[i] < ' ' {
				b[i] = ' '
			}
		}
		return b
	}
	return v.AppendText(b)
}

func (c *topCounter) print(out io.Writer, n int, asJSON bool) error {
	type entry struct {
		key   string
		count float64
	}
	var all []entry
	for k, v := range c.counts {
		all = append(all, entry{k, v})
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key, b.key))
	})
	distinct := len(all)
	if n > 0 && len(all) > n {
		all = all[:n]
	}
	w := bufio.NewWriter(out)
	if asJSON {
		for _, e := range all {
			fmt.Fprintf(w, `{"count":%s`, number(e.count))
			for i, cell := range strings.Split(e.key, "\t") {
				name, _ := json.Marshal(c.columns[i])
				value, _ := json.Marshal(cell)
				fmt.Fprintf(w, ",%s:%s", name, value)
			}
			fmt.Fprintln(w, "}")
		}
		return w.Flush()
	}
	width := len("count")
	for _, e := range all {
		width = max(width, len(number(e.count)))
	}
	fmt.Fprintf(w, "%*s  share  %s\n", width, "count", strings.Join(c.columns, "\t"))
	for _, e := range all {
		share := 0.0
		if c.total != 0 {
			share = 100 * e.count / c.total
		}
		fmt.Fprintf(w, "%*s %5.1f%%  %s\n", width, number(e.count), share, e.key)
	}
	if c.rest != 0 {
		fmt.Fprintf(w, "%*s         (values beyond the first %d different ones)\n", width, number(c.rest), maxKeys)
	}
	fmt.Fprintf(w, "%d rows, %d different values\n", c.rows, distinct)
	return w.Flush()
}

// number writes a whole number without decimals.
func number(f float64) string {
	if f == float64(int64(f)) {
		return fmt.Sprintf("%d", int64(f))
	}
	return fmt.Sprintf("%.6f", f)
}

// Stats is the command "gzeek stats".
func Stats(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTool("stats", `gzeek stats [flags] [FILE...]

Prints for each log how many rows it has and from when to when, and for each
column how often it is set and empty, how many different values it has, and the
smallest and largest ones.
`, stdin, stdout, stderr)
	asJSON := t.flags.Bool("json", false, "print JSON, one object per log")
	operands, status := t.parse(args)
	if status >= 0 {
		return status
	}
	w := bufio.NewWriter(stdout)
	defer w.Flush()
	for _, name := range inputs(operands) {
		f, err := t.open(name)
		if err != nil {
			return t.fail(err)
		}
		s := logStats{File: name, index: map[string]int{}}
		for f.Next() {
			s.add(f.Record())
		}
		s.Problems = f.Problems()
		err = f.Err()
		f.close()
		if err != nil {
			return t.fail(err)
		}
		s.finish()
		if *asJSON {
			b, err := json.Marshal(&s)
			if err != nil {
				return t.fail(err)
			}
			fmt.Fprintf(w, "%s\n", b)
		} else {
			s.print(w)
		}
	}
	if err := w.Flush(); err != nil {
		return t.fail(err)
	}
	return t.status()
}

// maxDistinct is how many different values of a column are told apart.
const maxDistinct = 100_000

// logStats is what stats tells of a log.
type logStats struct {
	File     string         `json:"file"`
	Path     string         `json:"path,omitempty"`
	Rows     int64          `json:"rows"`
	Problems int64          `json:"problems"`
	Columns  []*columnStats `json:"columns"`

	index map[string]int
}

type columnStats struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Set      int64  `json:"set"`
	Empty    int64  `json:"empty"`
	Distinct int    `json:"distinct"`
	More     bool   `json:"more_distinct,omitempty"`
	Min      string `json:"min,omitempty"`
	Max      string `json:"max,omitempty"`

	values  map[string]struct{}
	isNum   bool
	low, up float64
	lowText string
	upText  string
}

func (s *logStats) add(rec *zeeklog.Record) {
	s.Rows++
	if s.Path == "" {
		s.Path = rec.Header().Path
	}
	for i, c := range rec.Columns() {
		k, ok := s.index[c.Name]
		if !ok {
			k = len(s.Columns)
			s.index[c.Name] = k
			s.Columns = append(s.Columns, &columnStats{Name: c.Name, Type: c.Type.String(), values: map[string]struct{}{}})
		}
		s.Columns[k].add(rec.Value(i))
	}
}

func (c *columnStats) add(v *zeeklog.Value) {
	switch v.Kind() {
	case zeeklog.Unset:
		return
	case zeeklog.Set, zeeklog.Vector:
		c.Set++
		if v.Len() == 0 {
			c.Empty++
		}
		for i := range v.Len() {
			c.value(v.Elem(i))
		}
		return
	case zeeklog.String:
		if v.AsString() == "" {
			c.Empty++
		}
	}
	c.Set++
	c.value(v)
}

func (c *columnStats) value(v *zeeklog.Value) {
	var tmp [128]byte
	text := appendCell(tmp[:0], v)
	if _, ok := c.values[string(text)]; !ok {
		if len(c.values) < maxDistinct {
			c.values[string(text)] = struct{}{}
		} else {
			c.More = true
		}
	}
	switch v.Kind() {
	case zeeklog.Count, zeeklog.Int, zeeklog.Double, zeeklog.Time, zeeklog.Interval, zeeklog.Port:
		f := v.AsFloat()
		if !c.isNum || f < c.low {
			c.low, c.lowText = f, string(text)
		}
		if !c.isNum || f > c.up {
			c.up, c.upText = f, string(text)
		}
		c.isNum = true
	}
}

func (s *logStats) finish() {
	for _, c := range s.Columns {
		c.Distinct, c.Min, c.Max = len(c.values), c.lowText, c.upText
	}
}

func (s *logStats) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %d rows", s.File, s.Rows)
	if s.Path != "" {
		fmt.Fprintf(w, " of %s", s.Path)
	}
	if s.Problems > 0 {
		fmt.Fprintf(w, ", %d problems", s.Problems)
	}
	fmt.Fprintln(w)
	width := len("column")
	for _, c := range s.Columns {
		width = max(width, len(c.Name))
	}
	fmt.Fprintf(w, "  %-*s  %-14s %10s %10s %10s  %s\n", width, "column", "type", "set", "empty", "different", "from .. to")
	for _, c := range s.Columns {
		distinct := fmt.Sprint(c.Distinct)
		if c.More {
			distinct = ">" + distinct
		}
		span := ""
		if c.isNum {
			span = c.Min + " .. " + c.Max
		}
		fmt.Fprintf(w, "  %-*s  %-14s %10d %10d %10s  %s\n", width, c.Name, c.Type, c.Set, c.Empty, distinct, strings.TrimRight(span, " "))
	}
}
