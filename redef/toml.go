package redef

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Config is what TOML files say, before options are declared.
type Config struct {
	// Load is the policies of the `load` lists, in order, each once.
	Load []string
	// LoadPlaces says where each of Load was asked for.
	LoadPlaces []Place

	files []*file
}

// maxFile bounds the size of a configuration file.
const maxFile = 4 << 20

// file is one TOML file.
type file struct {
	name string
	text string
	md   toml.MetaData
	root map[string]toml.Primitive
	tree map[string]any
}

var operators = map[string]string{"redef": "=", "redef_add": "+=", "redef_remove": "-="}

// LoadFiles reads configuration files, of which later ones win. sections names
// further tables that others read (see Section). The error, of type Problems,
// tells all that is wrong in the files as far as that shows without knowing the
// options; what could be read comes back with it, for who looks for more.
func LoadFiles(paths []string, sections ...string) (*Config, error) {
	c := &Config{}
	var problems Problems
	for _, path := range paths {
		text, err := readFile(path)
		if err != nil {
			problems.add(Place{File: path}, "%v", err)
			continue
		}
		c.parse(path, text, sections, &problems)
	}
	return c, problems.err()
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		var b []byte
		b, err = io.ReadAll(io.LimitReader(f, maxFile+1))
		if err == nil && len(b) > maxFile {
			err = fmt.Errorf("is larger than %d MiB", maxFile>>20)
		}
		if err == nil {
			return string(b), nil
		}
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = fmt.Errorf("cannot be read: %w", pe.Err)
	}
	return "", err
}

func (c *Config) parse(name, text string, sections []string, problems *Problems) {
	f := &file{name: name, text: text}
	_, err := toml.Decode(text, &f.tree)
	if err == nil {
		f.md, err = toml.Decode(text, &f.root)
	}
	if err != nil {
		at := Place{File: name}
		msg := err.Error()
		var pe toml.ParseError
		if errors.As(err, &pe) {
			at.Line, at.Col = lineAndColumn(text, pe.Position.Start)
			msg = pe.Message
		}
		problems.add(at, "not TOML: %s", msg)
		return
	}
	known := append([]string{"load", "redef", "redef_add", "redef_remove"}, sections...)
	seen := map[string]bool{}
	for _, key := range f.md.Keys() {
		k := key[0]
		if seen[k] {
			continue
		}
		seen[k] = true
		at := f.place(key[:1])
		switch {
		case k == "load":
			c.load(f, at, problems)
		case operators[k] != "":
			if _, ok := f.tree[k].(map[string]any); !ok {
				problems.add(at, "%s is a table of options by module: [%s.SMTP]", k, k)
			}
		case !slices.Contains(known, k):
			problems.add(at, "there is no %q at this level%s", clip(k), didYouMean(k, known))
		}
	}
	c.files = append(c.files, f)
}

func (c *Config) load(f *file, at Place, problems *Problems) {
	list, ok := f.tree["load"].([]any)
	if !ok {
		problems.add(at, "load is a list of policies: load = [\"protocols/smtp/software\"]")
		return
	}
	for _, x := range list {
		s, ok := x.(string)
		if !ok || s == "" {
			problems.add(at, "load: %s is no name of a policy", clip(fmt.Sprint(x)))
			continue
		}
		if !slices.Contains(c.Load, s) {
			c.Load = append(c.Load, s)
			c.LoadPlaces = append(c.LoadPlaces, at)
		}
	}
}

// Section decodes a table that LoadFiles was told of into v, which BurntSushi/toml
// understands, file by file; each is called for each file that has it, with the
// error of decoding. Keys that v has no place for are the error's business.
func (c *Config) Section(name string, v any, each func(at Place, err error)) {
	for _, f := range c.files {
		if p, ok := f.root[name]; ok {
			each(f.place(toml.Key{name}), f.md.PrimitiveDecode(p, v))
		}
	}
}

// locator makes the library tell where a key stands: only its errors know.
type locator struct{}

var errLocate = errors.New("here")

func (locator) UnmarshalTOML(any) error { return errLocate }

// place finds where the value of the key is written; for a table that only
// shows in the names of others, the first of these.
func (f *file) place(key toml.Key) Place {
	at := f.valuePlace(key)
	for _, k := range f.md.Keys() {
		if at.Line > 0 {
			break
		}
		if hasPrefix(k, key) {
			at = f.valuePlace(k)
		}
	}
	return at
}

func (f *file) valuePlace(key toml.Key) Place {
	at := Place{File: f.name}
	level := f.root
	for i, k := range key {
		p, ok := level[k]
		if !ok {
			break
		}
		level = nil
		if i < len(key)-1 {
			if err := f.md.PrimitiveDecode(p, &level); err != nil {
				break
			}
			continue
		}
		var pe toml.ParseError
		if err := f.md.PrimitiveDecode(p, &locator{}); errors.As(err, &pe) && pe.Position.Line > 0 {
			// The library counts from behind the opening quote or bracket.
			n := pe.Position.Start
			if n > 0 && n <= len(f.text) && strings.IndexByte("\"'[{", f.text[n-1]) >= 0 {
				n--
			}
			at.Line, at.Col = lineAndColumn(f.text, n)
		}
	}
	return at
}

// lineAndColumn turns an offset into a place, both counted from 1, columns in
// octets. The library's own lines are off by one where a line ends too early.
func lineAndColumn(text string, offset int) (line, col int) {
	before := text[:min(max(offset, 0), len(text))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

// apply sets what the file says, in the order in which it says it.
func (f *file) apply(ev *evaluation) {
	seen := map[string]bool{}
	var done toml.Key // the option whose own keys follow
	unknown := 0
	for _, key := range f.md.Keys() {
		op := operators[key[0]]
		if op == "" || len(key) == 1 || done != nil && hasPrefix(key, done) {
			continue
		}
		done = nil
		name := strings.Join(key[1:], "::")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "GLOBAL"), "::")
		v := f.value(key)
		o := ev.r.options[name]
		if o == nil {
			if _, module := v.(map[string]any); module {
				continue // its keys follow
			}
			if unknown++; unknown <= maxProblems {
				ev.unknown(f.place(key), name)
			}
			done = slices.Clone(key)
			continue
		}
		done = slices.Clone(key)
		at := f.place(key)
		if seen[op+name] {
			ev.problems.add(at, "%s is set a second time in this file", name)
			continue
		}
		seen[op+name] = true
		x, err := ev.fromTOML(o.typ, v, op)
		if err != nil {
			ev.problems.add(at, "%s: %v", name, err)
			continue
		}
		ev.set(at, o, op, x)
	}
}

func hasPrefix(key, prefix toml.Key) bool {
	return len(key) > len(prefix) && slices.Equal(key[:len(prefix)], prefix)
}

// value finds the value of a key, nil if it has none of its own.
func (f *file) value(key toml.Key) any {
	var v any = f.tree
	for _, k := range key {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// fromTOML takes a value in TOML's own form, or as a string in Zeek's.
func (ev *evaluation) fromTOML(t *Type, v any, op string) (any, error) {
	if s, ok := v.(string); ok {
		if t.Kind == KindString {
			return s, nil
		}
		if t.Kind == KindSet && len(t.Index) == 1 && t.Index[0].Kind == KindString && !strings.HasPrefix(strings.TrimSpace(s), "{") {
			c := ev.r.newContainer(t)
			c.put([]any{s}, nil)
			return c, nil
		}
		p := parser{ev: ev, text: s, lenient: true}
		return p.whole(t)
	}
	switch t.Kind {
	case KindBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case KindCount, KindInt, KindDouble:
		switch n := v.(type) {
		case int64:
			return number{kind: KindInt, i: n}.as(t.Kind)
		case float64:
			if math.IsInf(n, 0) || math.IsNaN(n) {
				return nil, fmt.Errorf("%v is no number for an option", n)
			}
			return number{kind: KindDouble, f: n}.as(t.Kind)
		}
	case KindInterval:
		// A bare number is seconds: TOML has no other form for it.
		switch n := v.(type) {
		case int64:
			return seconds(n), nil
		case float64:
			if !math.IsInf(n, 0) && !math.IsNaN(n) {
				return seconds(n), nil
			}
		}
	case KindVector:
		if list, ok := v.([]any); ok {
			out := make([]any, len(list))
			for i, x := range list {
				var err error
				if out[i], err = ev.fromTOML(t.Yield, x, "="); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
	case KindSet:
		if list, ok := v.([]any); ok {
			c := ev.r.newContainer(t)
			for _, x := range list {
				index, err := ev.index(t, x)
				if err != nil {
					return nil, err
				}
				c.put(index, nil)
			}
			return c, nil
		}
	case KindTable:
		c := ev.r.newContainer(t)
		switch v := v.(type) {
		case map[string]any:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				index, err := ev.index(t, k)
				if err != nil {
					return nil, err
				}
				yield, err := ev.fromTOML(t.Yield, v[k], "=")
				if err != nil {
					return nil, fmt.Errorf("%s: %w", clip(k), err)
				}
				c.put(index, yield)
			}
			return c, nil
		case []any:
			if op != "-=" {
				break
			}
			for _, x := range v { // only the keys matter
				index, err := ev.index(t, x)
				if err != nil {
					return nil, err
				}
				c.put(index, nil)
			}
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s is not %s", describe(v), want(t))
}

// index takes an element of a set or key of a table: a value, or a list of
// values where there are several indices.
func (ev *evaluation) index(t *Type, x any) ([]any, error) {
	if len(t.Index) == 1 {
		v, err := ev.fromTOML(t.Index[0], x, "=")
		return []any{v}, err
	}
	if s, ok := x.(string); ok { // "[a, b]"
		p := parser{ev: ev, text: s, lenient: true}
		c := ev.r.newContainer(setOf(t.Index...))
		err := p.element(c)
		if err == nil && p.skip() < len(s) {
			err = p.errorf("%q follows the element", clip(p.rest()))
		}
		for _, e := range c.d.All() {
			return e.index, err
		}
		return nil, err
	}
	list, ok := x.([]any)
	if !ok || len(list) != len(t.Index) {
		return nil, fmt.Errorf("%s is not a list of %d values", describe(x), len(t.Index))
	}
	index := make([]any, len(list))
	for i, y := range list {
		var err error
		if index[i], err = ev.fromTOML(t.Index[i], y, "="); err != nil {
			return nil, err
		}
	}
	return index, nil
}

// describe names a TOML value in a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "this"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	case string:
		return fmt.Sprintf("%q", clip(v))
	}
	return clip(fmt.Sprint(v))
}

// want says how a value of the type is written in TOML.
func want(t *Type) string {
	switch t.Kind {
	case KindBool:
		return "a bool: true or false"
	case KindInterval:
		return `an interval: "10min" or a number of seconds`
	case KindPort:
		return `a port: "25/tcp"`
	case KindAddr:
		return `an address: "192.0.2.1"`
	case KindSubnet:
		return `a subnet: "10.0.0.0/8"`
	case KindPattern:
		return `a pattern: "/spam.*/i"`
	case KindEnum:
		return "a value of " + t.Enum.name + " in quotes"
	case KindString:
		return "a string in quotes"
	case KindSet:
		return fmt.Sprintf("a list for %v", t)
	case KindVector:
		return fmt.Sprintf("a list for %v", t)
	case KindTable:
		return fmt.Sprintf("a table for %v", t)
	}
	return article(t.Kind)
}
