package logtools

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gzeek/gzeek/zeeklog"
)

const cutUsage = `
gzeek cut [options] [<columns>]

Prints the given columns of text logs on standard input, which may be
compressed; without columns, all of them. What it prints is what zeek-cut does.

Example: cat conn.log | gzeek cut -d ts id.orig_h id.orig_p

    -c       Print the first block of header lines too.
    -C       Print all blocks of header lines.
    -m       Like -c, but only the names of the columns.
    -M       Like -C, but only the names of the columns.
    -d       Print times for people, in local time.
    -D <fmt> Like -d, in a format of strftime(3).
    -F <ofs> Put another character between fields.
    -h       Show this.
    -n       Print all columns but the given ones.
    -u       Like -d, in UTC.
    -U <fmt> Like -D, in UTC.

The format for -d and -u is %Y-%m-%dT%H:%M:%S%z unless the environment variable
ZEEK_CUT_TIMEFMT holds another one.
`

// cutOptions are the flags of cut.
type cutOptions struct {
	headers  int // blocks of header lines to print: 0, 1, 2 for all
	minimal  bool
	negate   bool
	location *time.Location // nil prints times as they are
	format   string
	ofs      string
	columns  []string
}

// cutter is cut at work. It keeps to what zeek-cut does, down to its
// complaints, as scripts depend on it. (Only the last byte of a log that
// doesn't end with a newline is kept, where zeek-cut drops it; and -U %s is the
// time itself, where C takes UTC's clock for the local one.)
type cutter struct {
	cutOptions
	stdout io.Writer
	stderr io.Writer
	out    []byte // what waits for one write to stdout
	err    error  // of writing

	sep, ofsByte byte
	unset        string
	pick         []int  // columns to print, -1 for ones that aren't there
	need         int    // how many columns a line must have
	times        []bool // which of these are times
	fields       [][]byte
	runs         []cutRun
	lastTime     int64 // last one converted, and its text
	lastText     string
}

// cutRun is a run of columns that are printed as they stand in the line,
// separators and all.
type cutRun struct{ first, last int }

const cutBuffer = 256 << 10

// Cut is the command "gzeek cut".
func Cut(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, status := cutArgs(args, stdout, stderr)
	if status >= 0 {
		return status
	}
	src, err := zeeklog.Decompress(stdin)
	if err != nil {
		fmt.Fprintf(stderr, "zeek-cut: %s\n", err)
		return 1
	}
	defer src.Close()
	c := &cutter{
		cutOptions: opt, stdout: stdout, stderr: stderr,
		sep: '\t', ofsByte: '\t', unset: "-", lastTime: -1,
	}
	status = c.run(src)
	c.flush()
	if c.err != nil {
		fmt.Fprintf(stderr, "zeek-cut: %s\n", c.err)
		return 1
	}
	return status
}

// cutArgs reads the arguments as getopt does: flags may stand anywhere before
// "--" and be joined. A status that isn't -1 ends the command.
func cutArgs(args []string, stdout, stderr io.Writer) (opt cutOptions, status int) {
	usage := func() (cutOptions, int) {
		io.WriteString(stdout, cutUsage)
		return opt, 1
	}
	opt.format = "%Y-%m-%dT%H:%M:%S%z"
	if f, ok := os.LookupEnv("ZEEK_CUT_TIMEFMT"); ok {
		opt.format = f
	} else if f, ok := os.LookupEnv("BRO_CUT_TIMEFMT"); ok {
		fmt.Fprintln(stderr, "zeek-cut warning: using legacy environment variable BRO_CUT_TIMEFMT, set ZEEK_CUT_TIMEFMT instead")
		opt.format = f
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			opt.columns = append(opt.columns, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			opt.columns = append(opt.columns, arg)
			continue
		}
		if strings.HasPrefix(arg, "--") {
			if !strings.HasPrefix("--help", arg) {
				fmt.Fprintf(stderr, "zeek-cut: unrecognized option '%s'\n", arg)
			}
			return usage()
		}
		for i := 1; i < len(arg); i++ {
			value := ""
			if strings.IndexByte("FDU", arg[i]) >= 0 {
				switch {
				case i+1 < len(arg):
					value = arg[i+1:]
				case len(args) > 0:
					value, args = args[0], args[1:]
				default:
					fmt.Fprintf(stderr, "zeek-cut: option requires an argument -- '%c'\n", arg[i])
					return usage()
				}
			}
			switch arg[i] {
			case 'c', 'm':
				opt.headers, opt.minimal = 1, arg[i] == 'm'
			case 'C', 'M':
				opt.headers, opt.minimal = 2, arg[i] == 'M'
			case 'n':
				opt.negate = true
			case 'F':
				if len(value) != 1 {
					fmt.Fprintln(stderr, "zeek-cut: field separator must be a single character")
					return opt, 1
				}
				opt.ofs = value
			case 'd':
				opt.location = time.Local
			case 'u':
				opt.location = time.UTC
			case 'D':
				opt.location, opt.format = time.Local, value
			case 'U':
				opt.location, opt.format = time.UTC, value
			default:
				if arg[i] != 'h' {
					fmt.Fprintf(stderr, "zeek-cut: invalid option -- '%c'\n", arg[i])
				}
				return usage()
			}
			if value != "" || strings.IndexByte("FDU", arg[i]) >= 0 {
				break
			}
		}
	}
	if opt.location != nil && opt.format == "" {
		fmt.Fprintln(stderr, "zeek-cut: time format string cannot be empty")
		return opt, 1
	}
	return opt, -1
}

func (c *cutter) flush() {
	if len(c.out) > 0 && c.err == nil {
		_, c.err = c.stdout.Write(c.out)
	}
	c.out = c.out[:0]
}

// run prints what is wanted of all lines.
func (c *cutter) run(src io.Reader) int {
	lines := zeeklog.NewLineReader(src, 0)
	blocks, inHeader, wantTypes := 0, false, false
	for {
		if len(c.out) >= cutBuffer {
			c.flush()
			if c.err != nil {
				return 1
			}
		}
		line, err := lines.Next()
		if err == io.EOF {
			return 0
		}
		if err != nil {
			fmt.Fprintf(c.stderr, "zeek-cut: line %d: %s\n", lines.Number()+1, err)
			return 1
		}
		if wantTypes && !bytes.HasPrefix(line, []byte("#types")) {
			fmt.Fprintln(c.stderr, "zeek-cut: bad log header (missing #types line)")
			return 1
		}
		if len(line) == 0 || line[0] != '#' {
			inHeader = false
			c.row(line)
			continue
		}
		if !inHeader {
			inHeader = true
			blocks = min(blocks+1, 2)
		}
		isFields := bytes.HasPrefix(line, []byte("#fields"))
		isTypes := bytes.HasPrefix(line, []byte("#types"))
		switch {
		case bytes.HasPrefix(line, []byte("#separator ")):
			if !c.separator(line[len("#separator "):]) {
				fmt.Fprintln(c.stderr, "zeek-cut: bad log header (invalid #separator line)")
				return 1
			}
		case bytes.HasPrefix(line, []byte("#unset_field")):
			if len(line) < len("#unset_field")+2 {
				fmt.Fprintln(c.stderr, "zeek-cut: bad log header (invalid #unset_field line)")
				return 1
			}
			c.unset = string(line[len("#unset_field")+1:])
		case isFields:
			wantTypes = true
			c.choose(line[min(len(line), len("#fields")+1):])
		case isTypes:
			if !wantTypes {
				fmt.Fprintln(c.stderr, "zeek-cut: bad log header (missing #fields line)")
				return 1
			}
			wantTypes = false
			if c.location != nil && !c.findTimes(line[min(len(line), len("#types")+1):]) {
				fmt.Fprintln(c.stderr, "zeek-cut: log header does not have enough fields")
				return 1
			}
		}
		if c.headers < blocks {
			continue
		}
		if isFields || (isTypes && !c.minimal) {
			c.header(line, isTypes)
		} else if !c.minimal {
			c.out = append(append(c.out, line...), '\n')
		}
	}
}

func (c *cutter) separator(s []byte) bool {
	switch {
	case bytes.HasPrefix(s, []byte("\\x")):
		n, _ := strconv.ParseUint(string(s[2:min(4, len(s))]), 16, 8)
		c.sep = byte(n)
	case len(s) > 0:
		c.sep = s[0]
	default:
		return false
	}
	c.ofsByte = c.sep
	if c.ofs != "" {
		c.ofsByte = c.ofs[0]
	}
	return c.sep != 0
}

// choose works out which columns to print.
func (c *cutter) choose(names []byte) {
	all := strings.Split(string(names), string(rune(c.sep)))
	if c.sep >= 0x80 {
		all = strings.Split(string(names), string([]byte{c.sep}))
	}
	c.pick = c.pick[:0]
	c.need = 0
	switch {
	case len(c.columns) == 0:
		for i := range all {
			c.pick = append(c.pick, i)
		}
	case c.negate:
		for i, n := range all {
			if !slices.Contains(c.columns, n) {
				c.pick = append(c.pick, i)
			}
		}
	default:
		for _, n := range c.columns {
			c.pick = append(c.pick, slices.Index(all, n))
		}
	}
	c.need = max(slices.Max(append([]int{0}, c.pick...)), 0) + 1
	c.times = make([]bool, c.need)
	c.fields = make([][]byte, c.need+1)
	c.runs = c.runs[:0]
	if c.ofsByte != c.sep || c.location != nil {
		return // every column by itself
	}
	for i, p := range c.pick {
		if n := len(c.runs); i > 0 && p > 0 && c.runs[n-1].last == p-1 {
			c.runs[n-1].last = p
		} else {
			c.runs = append(c.runs, cutRun{p, p})
		}
	}
}

func (c *cutter) findTimes(types []byte) bool {
	all := bytes.Split(types, []byte{c.sep})
	if len(all) < c.need {
		return false
	}
	for i := range c.times {
		c.times[i] = string(all[i]) == "time"
	}
	return true
}

// split cuts the first n fields off a line.
func (c *cutter) split(line []byte, n int) bool {
	for i := range n {
		at := bytes.IndexByte(line, c.sep)
		if at < 0 {
			if i < n-1 {
				fmt.Fprintln(c.stderr, "zeek-cut: skipping log line (not enough fields)")
				return false
			}
			c.fields[i] = line
			return true
		}
		c.fields[i] = line[:at]
		line = line[at+1:]
	}
	return true
}

func (c *cutter) row(line []byte) {
	if !c.split(line, c.need) {
		return
	}
	for i, r := range c.runs {
		if i > 0 {
			c.out = append(c.out, c.sep)
		}
		if r.first >= 0 {
			// Fields of a line lie one after the other in its memory.
			first, last := c.fields[r.first], c.fields[r.last]
			c.out = append(c.out, line[cap(line)-cap(first):cap(line)-cap(last)+len(last)]...)
		}
	}
	if len(c.runs) > 0 {
		c.out = append(c.out, '\n')
		return
	}
	for i, p := range c.pick {
		if i > 0 {
			c.out = append(c.out, c.ofsByte)
		}
		switch {
		case p < 0:
		case c.location != nil && c.times[p]:
			c.time(c.fields[p])
		default:
			c.out = append(c.out, c.fields[p]...)
		}
	}
	c.out = append(c.out, '\n')
}

// header prints the chosen part of a #fields or #types line.
func (c *cutter) header(line []byte, types bool) {
	if !c.split(line, c.need+1) {
		return
	}
	first := true
	if !c.minimal {
		c.out = append(c.out, c.fields[0]...)
		first = false
	}
	for _, p := range c.pick {
		if !first {
			c.out = append(c.out, c.ofsByte)
		}
		first = false
		switch {
		case p < 0:
		case c.location != nil && types && string(c.fields[p+1]) == "time":
			c.out = append(c.out, "string"...)
		default:
			c.out = append(c.out, c.fields[p+1]...)
		}
	}
	c.out = append(c.out, '\n')
}

// time prints a time for people: what stands before the point, if it is a
// number and there is a point. Anything else is printed as it is.
func (c *cutter) time(field []byte) {
	n, rest := leadingInt(field)
	switch {
	case n < 0 || n == math.MaxInt64:
		fmt.Fprintf(c.stderr, "zeek-cut: time value out-of-range: %s\n", field)
	case len(rest) == 0 || rest[0] != '.':
		if string(field) != c.unset {
			fmt.Fprintf(c.stderr, "zeek-cut: time field is not valid: %s\n", field)
		}
	case n == c.lastTime:
		c.out = append(c.out, c.lastText...)
		return
	case n > math.MaxInt32*31556952:
		// No year that fits an int, so C's functions give up.
		fmt.Fprintf(c.stderr, "zeek-cut: time value out-of-range: %s\n", field)
	default:
		text := zeeklog.Strftime(c.format, time.Unix(n, 0).In(c.location))
		if len(text) > 0 && len(text) < 100 {
			c.lastTime, c.lastText = n, text
			c.out = append(c.out, text...)
			return
		}
		fmt.Fprintln(c.stderr, "zeek-cut: failed to convert timestamp (try a shorter format string)")
	}
	c.out = append(c.out, field...)
}

// leadingInt reads a number at the start as C's strtol does; what is too large
// becomes the largest or smallest number.
func leadingInt(b []byte) (int64, []byte) {
	i := 0
	for i < len(b) && (b[i] == ' ' || (b[i] >= '\t' && b[i] <= '\r')) {
		i++
	}
	start := i
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	digits := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == digits {
		return 0, b
	}
	n, _ := strconv.ParseInt(string(b[start:i]), 10, 64) // clamps by itself
	return n, b[i:]
}
