package redef

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Line sets an option as a line of a file of Config::config_files does: the
// name, blanks, and the value in a form without quotes and braces.
//
// Zeek: input/readers/config/Config.cc, threading/formatters/Ascii.cc.
type Line struct {
	Name, Value string
	Place       Place
}

// linePattern is Zeek's, so that what ends a value, blanks and commas, is the same.
var linePattern = regexp.MustCompilePOSIX(`^([^ 	]+)[ 	]+([^ 	](.*[^ 	,])?)?[ 	,]*$`)

// ReadLines reads a file of lines. Empty ones and those that begin with # are
// comments. The error says that the file can't be read, the problems say which
// lines are none.
func ReadLines(path string) (lines []Line, problems Problems, err error) {
	text, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		at := Place{File: path, Line: n}
		m := linePattern.FindStringSubmatch(line)
		if m == nil {
			problems.add(at, "%q is not the name of an option, a blank and a value", clip(line))
			continue
		}
		lines = append(lines, Line{Name: m[1], Value: m[2], Place: at})
	}
	return lines, problems, nil
}

// SetLines sets options while running, as Option::set does, and calls their hooks.
// A line that can't be followed is told and left out, the others count. What they
// set stays, through Reload too, until another line says otherwise. Changes come in
// the order of the lines, also where a value is what it was.
func (r *Registry) SetLines(lines []Line) (changes []Change, problems Problems) {
	var changed []*option
	for _, l := range lines {
		o, v, err := r.line(l)
		if err != nil {
			problems.add(l.Place, "%v", err)
			continue
		}
		at := Place{File: l.Place.File}
		changes = append(changes, Change{
			Name: o.name, Old: printed(o.value), New: printed(v), OldLogged: logged(o.value), NewLogged: logged(v), Place: at,
		})
		if r.lines == nil {
			r.lines = make(map[*option]Line)
		}
		r.lines[o] = l
		o.commit(v, at)
		changed = append(changed, o)
	}
	for _, o := range changed {
		for _, f := range o.hooks {
			f()
		}
	}
	return changes, problems
}

// line finds the option of a line, and its value.
func (r *Registry) line(l Line) (*option, any, error) {
	o := r.options[strings.TrimPrefix(l.Name, "GLOBAL::")]
	switch {
	case o == nil:
		return nil, nil, fmt.Errorf("there is no option %s%s", clip(l.Name), didYouMean(l.Name, slices.Collect(maps.Keys(r.options))))
	case !o.live:
		return nil, nil, fmt.Errorf("%s can only be set before the start", o.name)
	}
	ev := &evaluation{r: r, values: map[*option]any{}, from: map[*option]Place{}}
	v, err := ev.plain(o.typ, l.Value)
	for _, check := range o.checks {
		if err == nil {
			err = check(v)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return o, v, nil
}

// overlay puts what lines have set over the other settings.
func (ev *evaluation) overlay() {
	for o, l := range ev.r.lines {
		if _, v, err := ev.r.line(l); err == nil {
			ev.values[o], ev.from[o] = v, Place{File: l.Place.File}
		}
	}
}

// plain reads a value in the form of the config reader.
func (ev *evaluation) plain(t *Type, s string) (any, error) {
	switch t.Kind {
	case KindString:
		return unescapeHex(s), nil
	case KindBool:
		switch s {
		case "T", "1":
			return true, nil
		case "F", "0":
			return false, nil
		}
		return nil, fmt.Errorf("%q is not T or F", clip(s))
	case KindInterval: // in seconds
		n, err := plainNumber(s)
		return seconds(n), err
	case KindDouble:
		return plainNumber(s)
	case KindPort:
		if _, _, named := strings.Cut(s, "/"); !named {
			s += "/unknown"
		}
		s = strings.ToLower(s)
	case KindPattern:
		if len(s) < 2 || s[0] != '/' || s[len(s)-1] != '/' {
			return nil, fmt.Errorf("%q is not a pattern between slashes", clip(s))
		}
	case KindSet, KindVector:
		return ev.plainList(t, s)
	case KindTable:
		return nil, fmt.Errorf("%v cannot be written in such a file", t)
	}
	p := parser{ev: ev, text: unescapeHex(s)}
	return p.whole(t)
}

func plainNumber(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is no number", clip(s))
	}
	return n, nil
}

// plainList reads a set or a vector, with commas between its elements.
func (ev *evaluation) plainList(t *Type, s string) (any, error) {
	elem := t.Yield
	if t.Kind == KindSet {
		if len(t.Index) > 1 {
			return nil, fmt.Errorf("%v cannot be written in such a file", t)
		}
		elem = t.Index[0]
	}
	var list []any
	if s != "" {
		for x := range strings.SplitSeq(s, ",") {
			if elem.Kind != KindString { // of strings the blanks are a part
				x = strings.TrimSpace(x)
			}
			v, err := ev.plain(elem, x)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	}
	if t.Kind == KindVector {
		return list, nil
	}
	c := ev.r.newContainer(t)
	for _, v := range list {
		c.put([]any{v}, nil)
	}
	return c, nil
}

// unescapeHex turns \xHH into octets. Zeek: util.cc, get_unescaped_string.
func unescapeHex(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]) {
			n, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
			b = append(b, byte(n))
			i += 3
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}
