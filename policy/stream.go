package policy

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/zeeklog"
)

// Column is one column of a log stream whose records are of type R. Get sets v
// from the record, or leaves it unset.
type Column[R any] struct {
	Name string
	Type zeeklog.Type
	Get  func(r *R, v *zeeklog.Value)
}

// Stream is a log stream with records of a Go type. The record that a policy
// writes is read during Write only; but its event shares it, and its handlers
// run later and see later changes, as in Zeek.
type Stream[R any] struct {
	// Logged is the stream's event (log_smtp), raised for every record.
	Logged *event.Topic[Logged[R]]

	ctx      *Context
	policy   string // that has declared it
	id, path string
	cols     []Column[R]
	owners   []string // of the columns
	hooks    *event.Hook[*R]
	out      *zeeklog.Stream
	row      []zeeklog.Value
}

// Logged is the event that a stream raises for a record.
type Logged[R any] struct{ Rec *R }

// NewStream declares a stream; it is created when zeek_init runs, at priority
// 5. id is Zeek's ("SMTP::LOG"), path the name of the log ("smtp"), logEvent
// the name of its event ("SMTP::log_smtp"), "" for a stream without one. A
// policy whose stream has the id or the path of another one isn't loaded.
func NewStream[R any](c *Context, id, path, logEvent string, cols ...Column[R]) *Stream[R] {
	s := &Stream[R]{ctx: c, policy: c.Policy(), id: id, path: path, hooks: event.NewHook[*R](c.Events.Queue, "a hook of "+id)}
	if logEvent != "" {
		s.Logged = event.Declare[Logged[R]](c.Events.Queue, logEvent, "rec: Info")
	}
	for _, o := range c.declared {
		if o.ID() == id || o.Path() == path {
			c.fault("its log stream %s (%s.log) clashes with %s (%s.log) of policy %s", id, path, o.ID(), o.Path(), o.Policy())
		}
	}
	c.declared = append(c.declared, s)
	for _, col := range cols {
		s.AddColumn(col)
	}
	c.Events.ZeekInit.Handle(s.policy, 5, func(*struct{}) { s.create() })
	return s
}

// DeclaredStream is a log stream that a loaded policy has declared, whatever
// the type of its records.
type DeclaredStream interface {
	// ID is Zeek's: "SMTP::LOG".
	ID() string
	// Path is the name of its log: "smtp".
	Path() string
	// Policy is the one that has declared it.
	Policy() string
	// Columns are those of the policies that are loaded.
	Columns() []zeeklog.Column
}

// Streams lists the log streams of the policies that are loaded, in their
// order.
func (c *Context) Streams() []DeclaredStream { return c.declared }

// ID implements DeclaredStream.
func (s *Stream[R]) ID() string { return s.id }

// Path implements DeclaredStream.
func (s *Stream[R]) Path() string { return s.path }

// Policy implements DeclaredStream.
func (s *Stream[R]) Policy() string { return s.policy }

// Columns implements DeclaredStream.
func (s *Stream[R]) Columns() []zeeklog.Column {
	cols := make([]zeeklog.Column, len(s.cols))
	for i, col := range s.cols {
		cols[i] = zeeklog.Column{Name: col.Name, Type: col.Type}
	}
	return cols
}

// AddColumn adds a column at the end: redef record Info += { ... &log }. It is
// called while policies are loaded. A policy that adds a column of a name that
// is taken isn't loaded.
//
// A column that a policy of another package adds than the one that has declared
// the stream is unset in a row whose Get panics, and once that policy is turned
// off.
func (s *Stream[R]) AddColumn(col Column[R]) {
	by := s.ctx.Policy()
	for i := range s.cols {
		if s.cols[i].Name == col.Name {
			s.ctx.fault("%s has a column %s of policy %s already", s.id, col.Name, s.owners[i])
			return
		}
	}
	if by != s.policy {
		if packageOf(by) != packageOf(s.policy) {
			col.Get = s.guarded(by, col)
		}
		s.ctx.columns = append(s.ctx.columns, AddedColumn{by, s.id, zeeklog.Column{Name: col.Name, Type: col.Type}})
	}
	s.cols, s.owners = append(s.cols, col), append(s.owners, by)
}

// cell is where a column puts its value.
type cell[R any] struct {
	r *R
	v *zeeklog.Value
}

// guarded makes a column's Get a body of the policy that has added it.
func (s *Stream[R]) guarded(policy string, col Column[R]) func(*R, *zeeklog.Value) {
	h := event.NewHook[cell[R]](s.ctx.Events.Queue, "column "+col.Name+" of "+s.id)
	h.Add(policy, 0, func(c cell[R]) bool {
		col.Get(c.r, c.v)
		return true
	})
	return func(r *R, v *zeeklog.Value) { h.Run(cell[R]{r, v}) }
}

// Hook adds a handler that sees every record before it is written and may
// change it; false vetoes it (Log::PolicyHook). All hooks run, in the order in
// which they were added.
func (s *Stream[R]) Hook(fn func(*R) bool) { s.hooks.Add(s.ctx.Policy(), 0, fn) }

func (s *Stream[R]) create() {
	c := s.ctx
	out, err := c.Logs.CreateStream(s.id, s.path, s.Columns())
	if err == nil && c.StreamCreated != nil {
		err = c.StreamCreated(out)
	}
	if err != nil {
		panic(event.ScriptError{Msg: err.Error()})
	}
	s.out, s.row = out, out.NewRecord()
}

// Write raises the stream's event and writes the record (Log::write). A writer
// that fails is told of by the log manager (zeeklog.Config.Error); the caller goes
// on, as in Zeek, where writers work on their own.
func (s *Stream[R]) Write(r *R) {
	if s.out == nil || !s.out.Enabled() {
		return
	}
	if s.Logged != nil {
		s.Logged.Enqueue(Logged[R]{r})
	}
	if !s.hooks.RunAll(r) {
		return
	}
	for i := range s.cols {
		s.row[i].SetUnset()
		s.cols[i].Get(r, &s.row[i])
	}
	_ = s.out.Write(s.row)
}

// HookLogs adds a handler that sees every row of every stream as it goes to the
// filters, and may change it; false vetoes it (Log::log_stream_policy). The
// values stand in the order of the stream's columns; see Streams. It is called
// while policies are loaded.
func (c *Context) HookLogs(fn func(stream string, row []zeeklog.Value) bool) {
	type args struct {
		stream string
		row    []zeeklog.Value
	}
	h := event.NewHook[args](c.Events.Queue, "the hook Log::log_stream_policy")
	h.Add(c.Policy(), 0, func(a args) bool { return fn(a.stream, a.row) })
	c.Events.ZeekInit.Handle(c.Policy(), 5, func(*struct{}) {
		c.Logs.AddPolicyHook(func(stream string, row []zeeklog.Value) bool { return h.Run(args{stream, row}) })
	})
}
