package engine

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"
)

// LogSection is the table of configuration files that says what becomes of the
// log streams: give it to redef.LoadFiles.
const LogSection = "log"

// everyStream stands for all streams in the names of [log.*] tables.
const everyStream = "*"

// logConfig is what [log.STREAM] tables say, all files together. In Zeek a
// script does this with Log::add_filter, Log::remove_filter and
// Log::disable_stream (base/frameworks/logging/main.zeek).
type logConfig struct {
	streams  map[string]*streamConfig // by the stream's id
	problems redef.Problems
}

// streamConfig is what becomes of one stream.
type streamConfig struct {
	disabled bool
	filters  []*filterConfig // in the order in which they first stand in a file
	ext      []zeeklog.ExtField
}

// filterConfig is one filter: set holds what to change of it.
type filterConfig struct {
	name    string
	removed bool
	set     []func(*zeeklog.Filter)
	extSet  bool
	command string // postprocessor
}

// logReader reads the table of one file for one stream.
type logReader struct {
	*logConfig
	section redef.FileSection
	writers []string
	stream  policy.DeclaredStream
	// sep is between the parts of column names as filters see them.
	sep string
}

// readLogConfig reads the [log] tables against the streams that the loaded
// policies have declared. Its error is of type redef.Problems and lists all
// that is wrong.
func readLogConfig(files *redef.Config, streams []policy.DeclaredStream, writers []string, sep string) (*logConfig, error) {
	c := &logConfig{streams: map[string]*streamConfig{}}
	if files == nil {
		return c, nil
	}
	for _, s := range files.FileSections(LogSection) {
		r := &logReader{logConfig: c, section: s, writers: writers, sep: sep}
		if _, ok := s.Value().(map[string]any); !ok {
			r.problem(nil, "log is a table of streams: [log.smtp]")
			continue
		}
		// What is said of all streams comes before what is said of one.
		names := s.Keys()
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(order(a), order(b)) })
		for _, name := range names {
			r.table(name, streams)
		}
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c, nil
}

func order(name string) int {
	if name == everyStream {
		return 0
	}
	return 1
}

func (r *logReader) problem(key []string, format string, args ...any) {
	r.problems = append(r.problems, redef.Problem{Place: r.section.Place(key...), Msg: fmt.Sprintf(format, args...)})
}

// table reads [log.name].
func (r *logReader) table(name string, streams []policy.DeclaredStream) {
	key := []string{name}
	if _, ok := r.section.Value(key...).(map[string]any); !ok {
		r.problem(key, "log.%s is a table: [log.%s]", name, name)
		return
	}
	if name == everyStream {
		for _, k := range r.section.Keys(key...) {
			if k != "ext" {
				r.problem(append(key, k), "for all streams there is only ext")
				return
			}
		}
		ext := r.ext(append(key, "ext"))
		for _, s := range streams {
			r.of(s).ext = ext
		}
		return
	}
	r.stream = nil
	var known []string
	for _, s := range streams {
		if s.ID() == name || s.Path() == name {
			r.stream = s
		}
		known = append(known, s.Path(), s.ID())
	}
	if r.stream == nil {
		r.problem(key, "no policy that is loaded has a log stream %s%s", name, nearName(name, known))
		return
	}
	conf := r.of(r.stream)
	for _, k := range r.section.Keys(key...) {
		at := append(slices.Clone(key), k)
		switch k {
		case "enabled":
			if b, ok := r.boolean(at); ok {
				conf.disabled = !b
			}
		case "ext":
			conf.ext = r.ext(at)
		case "filter":
			if _, ok := r.section.Value(at...).(map[string]any); !ok {
				r.problem(at, "filter is a table of filters by name: [log.%s.filter.default]", name)
				continue
			}
			for _, n := range r.section.Keys(at...) {
				r.filter(conf, n, append(slices.Clone(at), n))
			}
		default:
			r.problem(at, "a stream has no %s%s", k, nearName(k, []string{"enabled", "ext", "filter"}))
		}
	}
}

func (r *logReader) of(s policy.DeclaredStream) *streamConfig {
	conf := r.streams[s.ID()]
	if conf == nil {
		conf = &streamConfig{}
		r.streams[s.ID()] = conf
	}
	return conf
}

var filterKeys = []string{
	"enabled", "path", "include", "exclude", "where", "writer", "config", "interval", "rotation_size", "postprocessor", "ext",
	"ext_prefix", "field_name_map", "scope_sep", "log_local",
}

// filter reads one filter's table.
func (r *logReader) filter(conf *streamConfig, name string, key []string) {
	if _, ok := r.section.Value(key...).(map[string]any); !ok {
		r.problem(key, "filter.%s is a table", name)
		return
	}
	i := slices.IndexFunc(conf.filters, func(f *filterConfig) bool { return f.name == name })
	if i < 0 {
		i = len(conf.filters)
		conf.filters = append(conf.filters, &filterConfig{name: name})
	}
	f := conf.filters[i]
	sep := r.sep
	if s, ok := r.section.Value(append(slices.Clone(key), "scope_sep")...).(string); ok {
		sep = s
	}
	for _, k := range r.section.Keys(key...) {
		at := append(slices.Clone(key), k)
		switch k {
		case "enabled":
			if b, ok := r.boolean(at); ok {
				f.removed = !b
			}
		case "log_local":
			if b, ok := r.boolean(at); ok {
				f.change(func(z *zeeklog.Filter) { z.NoLocal = !b })
			}
		case "path":
			if s, ok := r.text(at); ok {
				f.change(func(z *zeeklog.Filter) { z.Path = s })
			}
		case "ext_prefix":
			if s, ok := r.section.Value(at...).(string); ok {
				f.change(func(z *zeeklog.Filter) { z.ExtPrefix = &s })
			} else {
				r.problem(at, "ext_prefix is a string in quotes")
			}
		case "scope_sep":
			if s, ok := r.text(at); ok {
				f.change(func(z *zeeklog.Filter) { z.ScopeSep = s })
			}
		case "include":
			cols := r.columns(at, sep)
			f.change(func(z *zeeklog.Filter) { z.Include = cols })
		case "exclude":
			cols := r.columns(at, sep)
			f.change(func(z *zeeklog.Filter) { z.Exclude = cols })
		case "writer":
			if s, ok := r.text(at); ok {
				if !slices.Contains(r.writers, s) {
					slices.Sort(r.writers)
					r.problem(at, "there is no writer %s; there are %s", s, strings.Join(r.writers, ", "))
				}
				f.change(func(z *zeeklog.Filter) { z.Writer = s })
			}
		case "config":
			m := r.strings(at)
			f.change(func(z *zeeklog.Filter) { z.Config = m })
		case "field_name_map":
			m := r.strings(at)
			f.change(func(z *zeeklog.Filter) { z.FieldNameMap = m })
		case "interval":
			if x, ok := r.interval(at); ok {
				f.change(func(z *zeeklog.Filter) { z.Interval = &x })
			}
		case "rotation_size":
			if n, ok := r.section.Value(at...).(int64); ok && n >= 0 {
				f.change(func(z *zeeklog.Filter) { z.RotationSize = &n })
			} else {
				r.problem(at, "rotation_size is a number of bytes, 0 for never")
			}
		case "postprocessor":
			if s, ok := r.text(at); ok {
				f.command = s
			}
		case "ext":
			ext := r.ext(at)
			f.extSet = true
			f.change(func(z *zeeklog.Filter) { z.Ext = ext })
		case "where":
			if s, ok := r.text(at); ok {
				p, err := compilePredicate(s, r.stream.Columns())
				if err != nil {
					r.problem(at, "where: %v", err)
					continue
				}
				// A predicate keeps the values of a row: each filter has its own.
				f.change(func(z *zeeklog.Filter) { z.Predicate = p.take })
			}
		default:
			r.problem(at, "a filter has no %s%s", k, nearName(k, filterKeys))
		}
	}
}

func (f *filterConfig) change(fn func(*zeeklog.Filter)) { f.set = append(f.set, fn) }

func (r *logReader) boolean(key []string) (value, ok bool) {
	value, ok = r.section.Value(key...).(bool)
	if !ok {
		r.problem(key, "%s is true or false", key[len(key)-1])
	}
	return value, ok
}

func (r *logReader) text(key []string) (string, bool) {
	s, ok := r.section.Value(key...).(string)
	if !ok || s == "" {
		r.problem(key, "%s is a string in quotes", key[len(key)-1])
		return "", false
	}
	return s, true
}

// columns reads a list of the stream's columns.
func (r *logReader) columns(key []string, sep string) []string {
	list, ok := r.section.Value(key...).([]any)
	if !ok {
		r.problem(key, `%s is a list of columns: ["ts", "uid"]`, key[len(key)-1])
		return nil
	}
	var known []string
	for _, c := range r.stream.Columns() {
		known = append(known, strings.ReplaceAll(c.Name, ".", sep))
	}
	names := []string{}
	for _, x := range list {
		s, ok := x.(string)
		if !ok || !slices.Contains(known, s) {
			r.problem(key, "%s: %s has no column %v%s", key[len(key)-1], r.stream.ID(), x, nearName(fmt.Sprint(x), known))
			continue
		}
		names = append(names, s)
	}
	return names
}

// strings reads a table of strings; true and false are Zeek's T and F.
func (r *logReader) strings(key []string) map[string]string {
	table, ok := r.section.Value(key...).(map[string]any)
	if !ok {
		r.problem(key, `%s is a table of strings: { tsv = "T" }`, key[len(key)-1])
		return nil
	}
	m := map[string]string{}
	for k, x := range table {
		switch x := x.(type) {
		case string:
			m[k] = x
		case bool:
			m[k] = map[bool]string{true: "T", false: "F"}[x]
		case int64:
			m[k] = fmt.Sprint(x)
		default:
			r.problem(append(slices.Clone(key), k), "%s is a string in quotes", k)
		}
	}
	return m
}

// interval reads a number of seconds, or an interval as options have it.
func (r *logReader) interval(key []string) (float64, bool) {
	var seconds float64
	switch x := r.section.Value(key...).(type) {
	case int64:
		seconds = float64(x)
	case float64:
		seconds = x
	case string:
		scratch := redef.New(seed.Random())
		h := scratch.Interval("interval", 0, "")
		if err := scratch.Apply(nil, "interval="+x); err != nil {
			r.problem(key, "%q is no interval like \"1hr\"", x)
			return 0, false
		}
		seconds = h.Get()
	default:
		seconds = -1
	}
	if !(seconds >= 0) || math.IsInf(seconds, 0) {
		r.problem(key, `interval is one like "1hr" or a number of seconds, 0 for never`)
		return 0, false
	}
	return seconds, true
}

// ext reads columns with constant values.
func (r *logReader) ext(key []string) []zeeklog.ExtField {
	if _, ok := r.section.Value(key...).(map[string]any); !ok {
		r.problem(key, `ext is a table of columns with their values: { sensor = "mx1" }`)
		return nil
	}
	fields := []zeeklog.ExtField{}
	for _, name := range r.section.Keys(key...) {
		at := append(slices.Clone(key), name)
		f := zeeklog.ExtField{Name: name}
		switch x := r.section.Value(at...).(type) {
		case string:
			f.Type = zeeklog.T(zeeklog.String)
			f.Value.SetString(x)
		case bool:
			f.Type = zeeklog.T(zeeklog.Bool)
			f.Value.SetBool(x)
		case int64:
			if x >= 0 {
				f.Type = zeeklog.T(zeeklog.Count)
				f.Value.SetCount(uint64(x))
			} else {
				f.Type = zeeklog.T(zeeklog.Int)
				f.Value.SetInt(x)
			}
		case float64:
			f.Type = zeeklog.T(zeeklog.Double)
			f.Value.SetDouble(x)
		default:
			r.problem(at, "%s is a string, a number, true or false", name)
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// nearName is a question to append to a message, "" if no name is near.
func nearName(name string, names []string) string {
	best, least := "", len(name)/3+2
	if len(name) > 100 {
		return ""
	}
	for _, n := range names {
		if d := redef.Distance(name, n); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// apply changes a stream that was created just now.
func (c *logConfig) apply(m *zeeklog.Manager, s *zeeklog.Stream) error {
	conf := c.streams[s.ID()]
	if conf == nil {
		return nil
	}
	if conf.disabled {
		s.Disable()
	}
	if conf.ext != nil {
		for _, name := range s.Filters() {
			z, _ := s.Filter(name)
			z.Ext = conf.ext
			if err := s.AddFilter(z); err != nil {
				return err
			}
		}
	}
	for _, f := range conf.filters {
		if f.removed {
			s.RemoveFilter(f.name)
			continue
		}
		z, ok := s.Filter(f.name)
		if !ok {
			z = zeeklog.Filter{Name: f.name, Ext: conf.ext}
		}
		for _, set := range f.set {
			set(&z)
		}
		if f.command != "" {
			z.Postprocessor = m.Command(f.command)
		}
		if err := s.AddFilter(z); err != nil {
			return err
		}
	}
	return nil
}

// predicate is a compiled expression over the columns of a stream.
type predicate struct {
	program *vm.Program
	machine vm.VM
	// The columns that the expression reads, and where it reads them: env, or
	// a table in it for "id.orig_h".
	used []usedColumn
	env  map[string]any
}

type usedColumn struct {
	index int
	name  string
	into  map[string]any
}

// maxExpression bounds the syntax tree of an expression.
const maxExpression = 10_000

// compilePredicate compiles an expression against the columns. Numbers of all
// kinds are numbers (times and intervals in seconds), addresses, subnets and
// enums are strings, sets and vectors lists; unset columns are nil.
func compilePredicate(text string, cols []zeeklog.Column) (*predicate, error) {
	root := types.Map{}
	for _, c := range cols {
		at, name := root, c.Name
		for {
			head, rest, nested := strings.Cut(name, ".")
			if !nested {
				at[name] = exprType(c.Type)
				break
			}
			inner, ok := at[head].(types.Map)
			if !ok {
				inner = types.Map{}
				at[head] = inner
			}
			at, name = inner, rest
		}
	}
	program, err := expr.Compile(text, expr.Env(root), expr.AsBool(), expr.MaxNodes(maxExpression))
	if err != nil {
		var fe *file.Error
		if errors.As(err, &fe) {
			return nil, fmt.Errorf("%s at line %d, column %d of the expression", fe.Message, fe.Line, fe.Column+1)
		}
		return nil, err
	}
	p := &predicate{program: program, env: map[string]any{}}
	seen := &names{}
	node := program.Node()
	ast.Walk(&node, seen)
	for i, c := range cols {
		parts := strings.Split(c.Name, ".")
		if !seen.all && !slices.Contains(seen.list, parts[0]) {
			continue
		}
		into := p.env
		for _, head := range parts[:len(parts)-1] {
			inner, ok := into[head].(map[string]any)
			if !ok {
				inner = map[string]any{}
				into[head] = inner
			}
			into = inner
		}
		p.used = append(p.used, usedColumn{i, parts[len(parts)-1], into})
	}
	return p, nil
}

// names collects the columns that an expression names.
type names struct {
	list []string
	all  bool
}

// Visit implements ast.Visitor.
func (n *names) Visit(node *ast.Node) {
	if id, ok := (*node).(*ast.IdentifierNode); ok {
		n.list = append(n.list, id.Value)
		n.all = n.all || id.Value == "$env"
	}
}

// take says whether the expression holds for a row. As in SQL, one that asks an
// unset column for more than whether it is set doesn't hold.
func (p *predicate) take(rec []zeeklog.Value) bool {
	for _, u := range p.used {
		u.into[u.name] = exprValue(&rec[u.index])
	}
	out, err := p.machine.Run(p.program, p.env)
	if err != nil {
		return false
	}
	b, _ := out.(bool)
	return b
}

func exprType(t zeeklog.Type) types.Type {
	elem := func(k zeeklog.Kind) types.Type {
		switch k {
		case zeeklog.Bool:
			return types.Bool
		case zeeklog.Count, zeeklog.Int, zeeklog.Port:
			return types.Int
		case zeeklog.Double, zeeklog.Time, zeeklog.Interval:
			return types.Float64
		}
		return types.String
	}
	if t.IsContainer() {
		return types.Array(elem(t.Elem))
	}
	return elem(t.Kind)
}

// exprValue gives a value as exprType says. A string is borrowed with v.
func exprValue(v *zeeklog.Value) any {
	switch v.Kind() {
	case zeeklog.Unset:
		return nil
	case zeeklog.Bool:
		return v.AsBool()
	case zeeklog.Count:
		return int(min(v.AsCount(), math.MaxInt64))
	case zeeklog.Int, zeeklog.Port:
		return int(v.AsInt())
	case zeeklog.Double, zeeklog.Time, zeeklog.Interval:
		return v.AsFloat()
	case zeeklog.Addr:
		return v.AsAddr().String()
	case zeeklog.Subnet:
		return v.AsSubnet().String()
	case zeeklog.Set, zeeklog.Vector:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = exprValue(v.Elem(i))
		}
		return list
	}
	return v.AsString()
}

// logStreams reads what the configuration says of log streams, and sees to it
// that they come to be so. err is what is wrong with the options; the error is
// all that is wrong.
func (e *Engine) logStreams(err error) error {
	writers := append(zeeklog.New(zeeklog.DefaultConfig()).Writers(), slices.Collect(maps.Keys(e.ctx.Writers()))...)
	conf, logErr := readLogConfig(e.cfg.Files, e.ctx.Streams(), writers, e.settings.log.DefaultScopeSep)
	if err != nil || logErr != nil {
		var all, more redef.Problems
		if errors.As(err, &all) && errors.As(logErr, &more) {
			return append(all, more...)
		}
		return cmp.Or(err, logErr)
	}
	if len(conf.streams) > 0 {
		e.ctx.StreamCreated = func(s *zeeklog.Stream) error { return conf.apply(e.logs, s) }
	}
	return nil
}
