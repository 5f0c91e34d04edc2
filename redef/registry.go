package redef

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gzeek/gzeek/pattern"
	"github.com/gzeek/gzeek/seed"
)

// Registry holds the options of one run. Declarations, Apply and Reload belong
// to one goroutine.
type Registry struct {
	keys    *seed.Keys
	options map[string]*option
	enums   map[string]*EnumType
	lines   map[*option]Line // what SetLines has set, and with what
}

type option struct {
	name, doc string
	typ       *Type
	live      bool
	def       func() any // makes the default afresh, since += changes it in place
	assign    func(any)
	checks    []func(any) error
	hooks     []func()
	conv      any // func(any) T of the handle
	handle    any // *Var[T]

	value  any
	origin Place
}

// New returns a registry without options. The keys decide the order of sets and
// tables.
func New(keys *seed.Keys) *Registry {
	return &Registry{keys: keys, options: map[string]*option{}, enums: map[string]*EnumType{}}
}

func (r *Registry) add(o *option) {
	if !validName(o.name) {
		panic("redef: " + o.name + " is no name for an option")
	}
	o.live = o.live || zeekKinds()[o.name] == "option"
	r.options[o.name] = o
	o.value = o.def()
	o.assign(o.value)
}

func isIDByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':'
}

func validName(s string) bool {
	for i := range len(s) {
		if !isIDByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// Info describes an option for listings.
type Info struct {
	Name, Type, Doc string
	// Value and Default are as Zeek prints them: sets have one line an element.
	Value, Default string
	// Literal is the value on one line, as it can be set.
	Literal string
	Changed bool  // not the default
	Origin  Place // where the value is from
	Live    bool  // may change while running
}

// Options lists all options by name.
func (r *Registry) Options() []Info {
	names := slices.Sorted(maps.Keys(r.options))
	list := make([]Info, len(names))
	for i, n := range names {
		list[i] = r.options[n].info()
	}
	return list
}

// Lookup describes the option of that name, if there is one.
func (r *Registry) Lookup(name string) (Info, bool) {
	if o := r.options[name]; o != nil {
		return o.info(), true
	}
	return Info{}, false
}

func (o *option) info() Info {
	def := o.def()
	return Info{
		Name: o.name, Type: o.typ.String(), Doc: o.doc,
		Value: printed(o.value), Default: printed(def), Literal: literal(o.value),
		Changed: literal(o.value) != literal(def), Origin: o.origin, Live: o.live,
	}
}

// IsSetting says whether an argument sets an option, rather than naming a
// policy: as for Zeek, whether there is a "=" in it.
func IsSetting(arg string) bool { return strings.Contains(arg, "=") }

// evaluation is what becomes of the options under some settings; the options
// themselves are not touched until commit.
type evaluation struct {
	r        *Registry
	values   map[*option]any
	from     map[*option]Place
	problems Problems
}

func (r *Registry) evaluate(files *Config, args []string) *evaluation {
	ev := &evaluation{r: r, values: map[*option]any{}, from: map[*option]Place{}}
	if files != nil {
		for _, f := range files.files {
			f.apply(ev)
		}
	}
	for _, a := range args {
		ev.arg(a)
	}
	ev.overlay()
	for _, name := range slices.Sorted(maps.Keys(r.options)) {
		o := r.options[name]
		at, set := ev.from[o]
		for _, check := range o.checks {
			if !set {
				break
			}
			if err := check(ev.values[o]); err != nil {
				ev.problems.add(at, "%s: %v", name, err)
			}
		}
	}
	return ev
}

func (ev *evaluation) get(o *option) any {
	v, ok := ev.values[o]
	if !ok {
		v = o.def()
		ev.values[o] = v
	}
	return v
}

// Apply sets the options: from their defaults, by the files (nil without any),
// then by the arguments ("Module::name=value", "+=", "-="). Its error is of type
// Problems, lists all that is wrong, and then nothing has changed. What an
// earlier Apply did is undone.
func (r *Registry) Apply(files *Config, args ...string) error {
	ev := r.evaluate(files, args)
	if err := ev.problems.err(); err != nil {
		return err
	}
	for _, o := range r.options {
		o.commit(ev.get(o), ev.from[o])
	}
	return nil
}

func (o *option) commit(v any, from Place) {
	o.value, o.origin = v, from
	o.assign(v)
}

// Change is what Reload did, or refused to do, to an option.
type Change struct {
	Name     string
	Old, New string // as Zeek prints them
	// OldLogged and NewLogged are the values in config.log: sets and vectors
	// without their brackets (base/frameworks/config, format_value).
	OldLogged, NewLogged string
	Place                Place // of the new value
	// Refused says why the change waits for a restart; "" when it was made.
	Refused string
}

// Reload is Apply while running: options that are live change, and their hooks
// are called; a change of another is refused and told. With an error (see Apply)
// nothing changes. Changes are listed by name.
func (r *Registry) Reload(files *Config, args ...string) ([]Change, error) {
	ev := r.evaluate(files, args)
	if err := ev.problems.err(); err != nil {
		return nil, err
	}
	var changes []Change
	var changed []*option
	for _, name := range slices.Sorted(maps.Keys(r.options)) {
		o := r.options[name]
		v := ev.get(o)
		if literal(v) == literal(o.value) {
			o.origin = ev.from[o]
			continue
		}
		c := Change{Name: name, Old: printed(o.value), New: printed(v), OldLogged: logged(o.value), NewLogged: logged(v), Place: ev.from[o]}
		if o.live {
			o.commit(v, c.Place)
			changed = append(changed, o)
		} else {
			c.Refused = "it can only be set before the start"
		}
		changes = append(changes, c)
	}
	for _, o := range changed {
		for _, f := range o.hooks {
			f()
		}
	}
	return changes, nil
}

// arg takes one argument of the command line. Zeek: scan.l, yywrap.
func (ev *evaluation) arg(arg string) {
	at := commandLine
	n := 0
	for n < len(arg) && isIDByte(arg[n]) {
		n++
	}
	name := arg[:n]
	op, text, ok := strings.Cut(arg[n:], "=")
	op = strings.Trim(op, " \t") + "="
	if !ok || n == 0 || op != "=" && op != "+=" && op != "-=" {
		ev.problems.add(at, "%s: expected NAME=VALUE, NAME+=VALUE or NAME-=VALUE", clip(arg))
		return
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "GLOBAL"), "::")
	o := ev.r.options[name]
	if o == nil {
		ev.unknown(at, name)
		return
	}
	if text == "" && o.typ.Kind != KindString {
		ev.problems.add(at, "%s: there is no value behind the =", name)
		return
	}
	p := parser{ev: ev, text: text}
	var v any
	var err error
	if o.typ.Kind == KindString {
		// Zeek puts quotes around it and reads that.
		if v, err = unquote(`"` + text + `"`); err != nil {
			err = fmt.Errorf("%w (a string is written without quotes here)", err)
		}
	} else {
		v, err = p.whole(o.typ)
	}
	if err != nil {
		ev.problems.add(at, "%s: %v", name, err)
		return
	}
	ev.set(at, o, op, v)
}

// unknown reports a name that no option has.
func (ev *evaluation) unknown(at Place, name string) {
	zeek := zeekKinds()
	if _, ok := zeek[name]; ok {
		ev.problems.add(at, "%s is an option of Zeek, but not of gzeek with the policies that are loaded", name)
		return
	}
	ev.problems.add(at, "there is no option %s%s", clip(name), didYouMean(name, slices.Collect(maps.Keys(ev.r.options))))
}

// set does what one redef does. Zeek: ID.cc, ID::SetVal.
func (ev *evaluation) set(at Place, o *option, op string, v any) {
	old := ev.get(o)
	switch {
	case op == "=":
		old = v
	case o.typ.Kind == KindSet || o.typ.Kind == KindTable:
		if op == "+=" {
			old.(*container).add(v.(*container))
		} else {
			old.(*container).remove(v.(*container))
		}
	case op == "+=" && o.typ.Kind == KindVector:
		old = append(old.([]any), v.([]any)...)
	case op == "+=" && o.typ.Kind == KindPattern:
		p, err := pattern.Add(old.(*pattern.Pattern), v.(*pattern.Pattern))
		if err != nil {
			ev.problems.add(at, "%s: %v", o.name, err)
			return
		}
		old = p
	case op == "+=":
		ev.problems.add(at, "%s is of type %v; += is for sets, tables, vectors and patterns", o.name, o.typ)
		return
	default:
		ev.problems.add(at, "%s is of type %v; -= is for sets and tables", o.name, o.typ)
		return
	}
	ev.values[o], ev.from[o] = old, at
}
