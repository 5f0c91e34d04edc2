package redef

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Importer turns assignments as scripts write them into a configuration file.
// It goes by the options of a registry and leaves their values alone.
type Importer struct {
	ev   *evaluation
	seen map[*option]*imported
}

// imported is what assignments have done to one option. As long as they add to
// it and take away, that is what the file will say; when one sets it, or takes
// away what another added, the file says the value.
type imported struct {
	places []Place
	// whole is set when the file says the value.
	whole      bool
	plus, less any // what was added, and taken away
	// The text of patterns is kept: what a compiled one prints is longer.
	text, plusText []string
}

// NewImporter returns an importer that begins with the defaults.
func (r *Registry) NewImporter() *Importer {
	return &Importer{ev: r.evaluate(nil, nil), seen: map[*option]*imported{}}
}

// Has says whether there is an option of that name.
func (im *Importer) Has(name string) bool { return im.ev.r.options[name] != nil }

// Set does what one redef does: op is "=", "+=" or "-=", value is in the syntax
// of scripts. Its error says why it can't be done; then nothing has changed.
func (im *Importer) Set(at Place, name, op, value string) error {
	ev := im.ev
	ev.problems = nil
	o := ev.r.options[name]
	if o == nil {
		ev.unknown(at, name)
		return fmt.Errorf("%s", ev.problems[0].Msg)
	}
	if op != "=" && op != "+=" && op != "-=" {
		return fmt.Errorf("%s is no way to set an option", clip(op))
	}
	p := parser{ev: ev, text: value}
	v, err := p.whole(o.typ)
	if err != nil {
		return err
	}
	if _, ok := tomlValue(o.typ, v); !ok {
		return fmt.Errorf("the value holds octets that TOML cannot")
	}
	v = copyOf(v)
	old := copyOf(ev.get(o))
	from := ev.from[o]
	ev.set(at, o, op, v)
	if len(ev.problems) > 0 {
		return fmt.Errorf("%s", strings.TrimPrefix(ev.problems[0].Msg, name+" "))
	}
	for _, check := range o.checks {
		if err := check(ev.values[o]); err != nil {
			ev.values[o], ev.from[o] = old, from
			return err
		}
	}
	s := im.seen[o]
	if s == nil {
		s = &imported{}
		im.seen[o] = s
	}
	s.places = append(s.places, at)
	if o.typ.Kind == KindPattern {
		// Between | each part is a pattern by itself; a name of an option isn't.
		if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "(") {
			value = literal(v)
		}
		if op == "=" {
			*s = imported{places: s.places, whole: true, text: []string{value}}
		} else {
			s.plusText = append(s.plusText, value)
		}
		return nil
	}
	s.note(op, v)
	return nil
}

// note keeps what the file has to say.
func (s *imported) note(op string, v any) {
	switch {
	case s.whole || op == "=" || op == "+=" && overlap(s.less, v) || op == "-=" && overlap(s.plus, v):
		*s = imported{places: s.places, whole: true}
	case op == "-=":
		s.less = joined(s.less, v)
	default:
		s.plus = joined(s.plus, v)
	}
}

// overlap says whether an element of b is in a, so that the order of adding one
// and taking away the other matters.
func overlap(a, b any) bool {
	x, ok1 := a.(*container)
	y, ok2 := b.(*container)
	if ok1 && ok2 {
		for k := range y.d.All() {
			if x.d.Has(k) {
				return true
			}
		}
	}
	return false
}

// joined is a with b added.
func joined(a, b any) any {
	switch b := b.(type) {
	case *container:
		if a == nil {
			a = &container{b.t, b.d.Clone(nil)}
		} else {
			a.(*container).add(b)
		}
	case []any:
		list, _ := a.([]any)
		return append(slices.Clip(list), b...)
	}
	return a
}

// copyOf is a value that doesn't change when the other does.
func copyOf(v any) any {
	if c, ok := v.(*container); ok {
		return &container{c.t, c.d.Clone(nil)}
	}
	return v
}

// WriteTOML writes what was set, each with the places that it is from.
func (im *Importer) WriteTOML(w io.Writer) error {
	b := bufio.NewWriter(w)
	tables := map[string][]string{} // lines by the name of their table
	for _, o := range slices.SortedFunc(maps.Keys(im.seen), func(x, y *option) int { return strings.Compare(x.name, y.name) }) {
		s := im.seen[o]
		put := func(table string, v any, text []string) {
			value := ""
			if text != nil {
				value = tomlString(strings.Join(text, " | "))
			} else {
				value, _ = tomlValue(o.typ, v)
			}
			module := "GLOBAL"
			if i := strings.LastIndex(o.name, "::"); i >= 0 {
				if module = o.name[:i]; strings.Contains(module, "::") {
					module = tomlString(module)
				}
			}
			table += "." + module
			tables[table] = append(tables[table], s.origin()+base(o.name)+" = "+value+"\n")
		}
		if s.whole {
			put("redef", im.ev.values[o], s.text)
		}
		if s.plus != nil || s.plusText != nil {
			put("redef_add", s.plus, s.plusText)
		}
		if s.less != nil {
			put("redef_remove", s.less, nil)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		fmt.Fprintf(b, "\n[%s]\n%s", table, strings.Join(tables[table], ""))
	}
	return b.Flush()
}

// origin is a comment about the places.
func (s *imported) origin() string {
	const most = 5
	var list []string
	for i, at := range s.places {
		if i == most {
			list = append(list, "...")
			break
		}
		list = append(list, strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == 0xfffd {
				return '?' // a comment of TOML can't have it
			}
			return r
		}, at.String()))
	}
	return "# " + strings.Join(list, ", ") + "\n"
}
