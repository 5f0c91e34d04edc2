package redef

import (
	"fmt"
	"slices"
	"strings"
)

// Place is where something was written.
type Place struct {
	File      string // of a TOML file, or "command line"; "" for a default
	Line, Col int    // from 1; 0 when there are none
}

// commandLine is the place of arguments.
var commandLine = Place{File: "command line"}

// String is "file:line:column", "command line" or "default".
func (p Place) String() string {
	switch {
	case p.File == "":
		return "default"
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong in a configuration.
type Problem struct {
	Place Place
	Msg   string
}

// String is the place and what is wrong there.
func (p Problem) String() string { return p.Place.String() + ": " + p.Msg }

// Problems are all that is wrong in a configuration. It is the error of
// LoadFiles, Apply and Reload.
type Problems []Problem

// maxProblems bounds what is reported: a wrong file may hold anything.
const maxProblems = 100

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i == maxProblems {
			fmt.Fprintf(&b, "\nand %d more", len(ps)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

func (ps *Problems) add(at Place, format string, args ...any) {
	*ps = append(*ps, Problem{at, fmt.Sprintf(format, args...)})
}

// err is the list as an error, nil when it is empty.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// didYouMean is a question to append to a message, "" if no name is near.
func didYouMean(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// nearest returns the name with the fewest differences, "" if all are far off.
// The module counts less than the name behind it: a right name in the wrong
// module is near.
func nearest(name string, names []string) string {
	if len(name) > 100 {
		return ""
	}
	best, least := "", len(name)/3+2
	for _, n := range slices.Sorted(slices.Values(names)) {
		d := Distance(name, n)
		if x, y := base(name), base(n); x != name || y != n {
			d = min(d, Distance(x, y)+1)
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

func base(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// Distance is how many octets must be changed, added or left out to turn one name
// into the other, blind to case.
func Distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, diag+1)
		}
	}
	return row[len(b)]
}
