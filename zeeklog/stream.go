package zeeklog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Stream is one kind of log records, like SMTP::LOG.
type Stream struct {
	m       *Manager
	id      string
	path    string
	cols    []Column
	enabled bool

	hooks   []func(rec []Value) bool
	policy  func(rec []Value) bool // for filters that have none
	filters []*filterState
	writers map[writerKey]*writerState
	order   []*writerState // in order of creation
	writes  uint64
}

// ExtField is a column that a filter puts before those of the stream, named
// with the filter's ExtPrefix. Zeek: the record that Log::Filter$ext_func returns.
type ExtField struct {
	Name  string // without the prefix
	Type  Type
	Value Value                       // the constant value, if Func is nil
	Func  func(path string, v *Value) // sets the value for a row of the path
}

// Filter says where rows of a stream go. The zero value of a field is Zeek's
// default for it.
type Filter struct {
	Name   string
	Writer string // "" is Log::default_writer
	// Path names the log; "" is the stream's, unless PathFunc is set.
	Path string
	// PathFunc gives the path for each row; path is the filter's path or the
	// first answer of the function.
	PathFunc func(id, path string, rec []Value) string
	// Include and Exclude name columns, written with ScopeSep.
	Include, Exclude []string
	// Predicate decides whether the filter takes a row, and may change the
	// row. Zeek calls it the filter's policy.
	Predicate func(rec []Value) bool
	// Config goes to the writer, like "tsv" = "T".
	Config map[string]string
	// FieldNameMap renames columns; nil is Log::default_field_name_map.
	FieldNameMap map[string]string
	ScopeSep     string     // "" is Log::default_scope_sep
	ExtPrefix    *string    // nil is Log::default_ext_prefix
	Ext          []ExtField // nil is Log::default_ext_func; empty is none
	// Interval is the rotation interval in seconds; nil is the default one,
	// 0 is never.
	Interval *float64
	// RotationSize is the size in bytes at which a file is rotated; nil is
	// Config.RotationSize, 0 is never.
	RotationSize *int64
	// Postprocessor is called with every rotated file; nil is the writer's
	// default one. PostprocessorName is its name in Zeek, for shadow files.
	Postprocessor     Postprocessor
	PostprocessorName string
	// NoLocal keeps rows from being written here: log_local = F.
	NoLocal bool
}

type writerKey struct{ writer, path string }

// filterState is a filter at work.
type filterState struct {
	Filter
	path string // the path now; see Zeek's Filter::path and path_val

	ready    bool
	cols     []Column // what the writer gets
	pick     []int    // index into the row for each column after the ext fields
	identity bool     // the row can be handed on as it is
	scratch  []Value
}

// writerState is a writer and what the manager knows of it.
type writerState struct {
	key      writerKey
	filter   string // name of the filter that made it; nobody else may use it
	w        Writer
	columns  int
	disabled bool

	lines, discarded uint64

	interval          float64
	rotationSize      int64
	postprocessor     Postprocessor
	postprocessorName string
	openTime          float64
	due               float64 // network time of the next rotation; 0 is none
	later             bool    // the rotation that was due waits for a disk that works
	idle              bool    // due only arms the timer, as time was not known
	rotatedBySize     bool    // openTime is the time of the row to come
	lastBase          string  // name of the last rotated file, and how often it was used
	sameBase          int
}

// ID gives the stream's id.
func (s *Stream) ID() string { return s.id }

// Path gives the path that the stream was made with.
func (s *Stream) Path() string { return s.path }

// Columns gives the columns; not to be changed.
func (s *Stream) Columns() []Column { return s.cols }

// Column gives the index of a column, or -1.
func (s *Stream) Column(name string) int {
	return slices.IndexFunc(s.cols, func(c Column) bool { return c.Name == name })
}

// Writes counts the calls of Write while the stream was enabled.
func (s *Stream) Writes() uint64 { return s.writes }

// AddColumns appends columns, as Zeek's "redef record X += { ... &log }" does.
// It fails after the first row.
func (s *Stream) AddColumns(cols ...Column) error {
	if len(s.writers) > 0 {
		return fmt.Errorf("%s: columns cannot be added after the first row", s.id)
	}
	for _, c := range cols {
		if s.Column(c.Name) >= 0 {
			return fmt.Errorf("%s: two columns named %s", s.id, c.Name)
		}
		switch {
		case c.Name == "":
			return fmt.Errorf("%s: column without a name", s.id)
		case c.Type.Kind == Unset || (c.Type.IsContainer() && (c.Type.Elem == Unset || c.Type.Elem == Set || c.Type.Elem == Vector)):
			return fmt.Errorf("type of field '%s' is not support for logging output", c.Name)
		}
		s.cols = append(s.cols, c)
	}
	for _, f := range s.filters {
		f.ready = false
	}
	return nil
}

// NewRecord gives a row for Write with all values unset.
func (s *Stream) NewRecord() []Value { return make([]Value, len(s.cols)) }

// AddPolicyHook adds a handler that sees every row, may change it, and vetoes
// it by returning false; see [Manager.AddPolicyHook].
func (s *Stream) AddPolicyHook(f func(rec []Value) bool) { s.hooks = append(s.hooks, f) }

// SetPolicy sets the predicate of filters that have none of their own.
// Zeek: Log::Stream$policy.
func (s *Stream) SetPolicy(f func(rec []Value) bool) { s.policy = f }

// AddFilter adds a filter. One of the same name is replaced, and the new one
// stands at the end. f's maps and slices must not be changed afterwards.
func (s *Stream) AddFilter(f Filter) error {
	if f.Name == "" {
		return fmt.Errorf("%s: filter without a name", s.id)
	}
	cfg := &s.m.cfg
	if f.Writer == "" {
		f.Writer = cfg.DefaultWriter
	}
	if s.m.writers[f.Writer] == nil {
		return fmt.Errorf("%s: unknown writer type %s", s.id, f.Writer)
	}
	if f.Path == "" {
		f.Path = s.path
	}
	if f.Path == "" && f.PathFunc == nil {
		f.PathFunc = func(id, path string, _ []Value) string {
			if path != "" {
				return path
			}
			return defaultPath(id)
		}
	}
	if f.FieldNameMap == nil {
		f.FieldNameMap = cfg.DefaultFieldNameMap
	}
	if f.ScopeSep == "" {
		f.ScopeSep = cfg.DefaultScopeSep
	}
	if f.ExtPrefix == nil {
		f.ExtPrefix = &cfg.DefaultExtPrefix
	}
	if f.Ext == nil {
		f.Ext = cfg.DefaultExt
	}
	if f.Interval == nil {
		f.Interval = &cfg.RotationInterval
	}
	if f.RotationSize == nil {
		f.RotationSize = &cfg.RotationSize
	}
	s.RemoveFilter(f.Name)
	s.filters = append(s.filters, &filterState{Filter: f, path: f.Path})
	return nil
}

// RemoveFilter removes a filter and tells whether there was one. What its
// writers hold stays open until the end.
func (s *Stream) RemoveFilter(name string) bool {
	n := len(s.filters)
	s.filters = slices.DeleteFunc(s.filters, func(f *filterState) bool { return f.Name == name })
	return len(s.filters) != n
}

// Filter gives a filter by its name.
func (s *Stream) Filter(name string) (Filter, bool) {
	for _, f := range s.filters {
		if f.Name == name {
			return f.Filter, true
		}
	}
	return Filter{}, false
}

// Filters lists the names of the filters in the order in which they get rows.
func (s *Stream) Filters() []string {
	var names []string
	for _, f := range s.filters {
		names = append(names, f.Name)
	}
	return names
}

// Enable turns the stream on again.
func (s *Stream) Enable() { s.enabled = true }

// Disable makes Write do nothing.
func (s *Stream) Disable() { s.enabled = false }

// Enabled tells whether rows are taken: callers need not build rows otherwise.
func (s *Stream) Enabled() bool { return s.enabled }

// prepare works out the filter's columns. Zeek: Manager.cc, TraverseRecord.
func (f *filterState) prepare(cols []Column) {
	f.cols, f.pick = f.cols[:0], f.pick[:0]
	name := func(c string) string {
		if f.ScopeSep == "." {
			return c
		}
		return strings.ReplaceAll(c, ".", f.ScopeSep)
	}
	for _, e := range f.Ext {
		f.cols = append(f.cols, Column{Name: *f.ExtPrefix + name(e.Name), Type: e.Type})
	}
	for i, c := range cols {
		c.Name = name(c.Name)
		if f.Include != nil && !slices.Contains(f.Include, c.Name) {
			continue
		}
		if slices.Contains(f.Exclude, c.Name) {
			continue
		}
		f.cols = append(f.cols, c)
		f.pick = append(f.pick, i)
	}
	f.identity = len(f.Ext) == 0 && len(f.pick) == len(cols)
	f.scratch = make([]Value, len(f.cols))
	f.ready = true
}

// project gives the row as the filter's writer wants it. The result shares
// elements with rec.
func (f *filterState) project(rec []Value) []Value {
	if f.identity {
		return rec
	}
	for i := range f.Ext {
		if e := &f.Ext[i]; e.Func != nil {
			f.scratch[i].SetUnset()
			e.Func(f.path, &f.scratch[i])
		} else {
			f.scratch[i] = e.Value
		}
	}
	for i, p := range f.pick {
		f.scratch[len(f.Ext)+i] = rec[p]
	}
	return f.scratch
}

// clip says whether the row is within a size. One that has just reached it in
// the middle of a set or vector is cut there, as no more elements are taken then.
// Zeek: Manager.cc, ValToLogVal and RecordToLogRecord.
func (f *filterState) clip(row []Value, limit int) ([]Value, bool) {
	size := 0
	for i := range row {
		v := &row[i]
		if n := v.size(); !v.isContainer() || size+n < limit {
			size += n
			continue
		}
		keep := 0
		for ; keep < len(v.elems) && size < limit; keep++ {
			size += v.elems[keep].size()
		}
		if keep < len(v.elems) && size == limit {
			copy(f.scratch, row) // row may be the caller's
			row = f.scratch
			row[i].elems = v.elems[:keep]
		}
	}
	return row, size <= limit
}

// Write takes one row: a value per column of the stream, in their order. The
// row is borrowed during the call; hooks may change it. An error of one writer
// doesn't keep the others from getting the row; that writer gets no more.
// Zeek: Manager.cc, Write and WriteToFilters.
func (s *Stream) Write(rec []Value) error {
	if !s.enabled || s.m.closed {
		return nil
	}
	if len(rec) != len(s.cols) {
		return fmt.Errorf("%s: row has %d values, not %d", s.id, len(rec), len(s.cols))
	}
	s.writes++
	veto := false
	for _, h := range s.m.hooks {
		veto = !h(s.id, rec) || veto
	}
	for _, h := range s.hooks {
		veto = !h(rec) || veto
	}
	var failed error
	for _, f := range s.filters {
		policy := f.Predicate
		if policy == nil {
			policy = s.policy
		}
		if policy != nil && !policy(rec) {
			continue
		}
		if veto {
			continue
		}
		if err := s.writeTo(f, rec); err != nil {
			s.m.cfg.Error(err.Error())
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (s *Stream) writeTo(f *filterState, rec []Value) error {
	if !f.ready {
		f.prepare(s.cols)
	}
	path := f.path
	if f.PathFunc != nil {
		path = f.PathFunc(s.id, f.path, rec)
		if f.path == "" {
			f.path = path
		}
	}
	key := writerKey{f.Writer, path}
	w := s.writers[key]
	if w != nil && w.filter != f.Name {
		key, w = s.resolveConflict(f, key, w)
	}
	if w == nil {
		var err error
		if w, err = s.createWriter(f, key); err != nil {
			return err
		}
	}
	row, ok := f.clip(f.project(rec), s.m.cfg.MaxLogRecordSize)
	if !ok {
		s.m.cfg.Weird("log_record_too_large", s.id)
		w.discarded++
		return nil
	}
	if w.disabled {
		w.discarded++
		return nil
	}
	if len(row) != w.columns {
		s.m.cfg.Warn(fmt.Sprintf("WriterFrontend %s/%s expected %d fields in write, got %d. Skipping line.",
			w.key.path, w.key.writer, w.columns, len(row)))
		return nil
	}
	if w.rotatedBySize {
		w.rotatedBySize, w.openTime = false, s.m.now()
	}
	if err := w.w.Write(row); err != nil {
		w.disabled = true
		return err
	}
	w.lines++
	if limit := w.rotationSize; limit > 0 {
		if z, ok := w.w.(sizer); ok && z.size() >= limit {
			w.rotatedBySize = true
			return s.m.rotate(w)
		}
	}
	return nil
}

// resolveConflict finds another path for a filter whose path belongs to
// another filter: path-2, path-3 and so on.
func (s *Stream) resolveConflict(f *filterState, key writerKey, w *writerState) (writerKey, *writerState) {
	owner, path := w.filter, key.path
	for i := 2; w != nil && w.filter != f.Name; i++ {
		key.path = fmt.Sprintf("%s-%d", path, i)
		w = s.writers[key]
	}
	s.m.cfg.Warn(fmt.Sprintf("Write using filter '%s' on path '%s' changed to use new path '%s' to avoid conflict with filter '%s'",
		f.Name, path, key.path, owner))
	f.path = key.path
	return key, w
}

func (s *Stream) createWriter(f *filterState, key writerKey) (*writerState, error) {
	// Zeek renames the filter's own columns here, so a second path of the
	// filter starts from the new names.
	for i := range f.cols {
		if n, ok := f.FieldNameMap[f.cols[i].Name]; ok {
			f.cols[i].Name = n
		}
	}
	w := &writerState{key: key, filter: f.Name, columns: len(f.cols), openTime: s.m.now()}
	w.interval, w.rotationSize = s.m.cfg.RotationInterval, *f.RotationSize
	for _, g := range s.filters {
		if g.Writer == key.writer && g.path == key.path {
			w.interval, w.postprocessor, w.postprocessorName = *g.Interval, g.Postprocessor, g.PostprocessorName
			break
		}
	}
	s.writers[key] = w
	s.order = append(s.order, w)
	if f.NoLocal || !s.m.cfg.LocalLogging {
		w.w = noneWriter{}
		return w, nil
	}
	var err error
	w.w, err = s.m.writers[key.writer](WriterInfo{
		Stream: s.id, Filter: f.Name, Path: key.path,
		Columns: slices.Clone(f.cols), Config: maps.Clone(f.Config),
		RotationInterval: w.interval, Postprocessor: w.postprocessorName,
		Options: &s.m.cfg,
	})
	if err != nil {
		w.w, w.disabled = noneWriter{}, true
		return nil, fmt.Errorf("%s/%s: %w", key.path, key.writer, err)
	}
	s.m.arm(w)
	return w, nil
}

// Flush hands on what the stream's writers hold back.
func (s *Stream) Flush() error {
	var errs []error
	for _, w := range s.order {
		if w.disabled {
			continue
		}
		if err := w.w.Flush(); err != nil {
			w.disabled = true
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// close ends all writers.
func (s *Stream) close() error {
	var errs []error
	for _, w := range s.order {
		errs = append(errs, w.w.Close())
	}
	return errors.Join(errs...)
}
