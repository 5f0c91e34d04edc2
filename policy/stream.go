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

	id, path string
	cols     []Column[R]
	hooks    []func(*R) bool
	out      *zeeklog.Stream
	row      []zeeklog.Value
}

// Logged is the event that a stream raises for a record.
type Logged[R any] struct{ Rec *R }

// NewStream declares a stream; it is created when zeek_init runs, at priority
// 5. id is Zeek's ("SMTP::LOG"), path the name of the log ("smtp"), logEvent
// the name of its event ("SMTP::log_smtp"), "" for a stream without one.
func NewStream[R any](c *Context, id, path, logEvent string, cols ...Column[R]) *Stream[R] {
	s := &Stream[R]{id: id, path: path, cols: cols}
	if logEvent != "" {
		s.Logged = event.Declare[Logged[R]](c.Events.Queue, logEvent, "rec: Info")
	}
	c.declared = append(c.declared, s)
	c.Events.ZeekInit.Handle(c.loading, 5, func(*struct{}) { s.create(c) })
	return s
}

// DeclaredStream is a log stream that a loaded policy has declared, whatever
// the type of its records.
type DeclaredStream interface {
	// ID is Zeek's: "SMTP::LOG".
	ID() string
	// Path is the name of its log: "smtp".
	Path() string
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

// Columns implements DeclaredStream.
func (s *Stream[R]) Columns() []zeeklog.Column {
	cols := make([]zeeklog.Column, len(s.cols))
	for i, col := range s.cols {
		cols[i] = zeeklog.Column{Name: col.Name, Type: col.Type}
	}
	return cols
}

// AddColumn adds a column at the end: redef record Info += { ... &log }. It is
// called while policies are loaded.
func (s *Stream[R]) AddColumn(col Column[R]) { s.cols = append(s.cols, col) }

// Hook adds a handler that sees every record before it is written and may
// change it; false vetoes it (Log::PolicyHook). All hooks run.
func (s *Stream[R]) Hook(fn func(*R) bool) { s.hooks = append(s.hooks, fn) }

func (s *Stream[R]) create(c *Context) {
	out, err := c.Logs.CreateStream(s.id, s.path, s.Columns())
	if err == nil && c.StreamCreated != nil {
		err = c.StreamCreated(out)
	}
	if err != nil {
		panic(event.ScriptError{Msg: err.Error()})
	}
	s.out, s.row = out, out.NewRecord()
}

// Write raises the stream's event and writes the record (Log::write).
func (s *Stream[R]) Write(r *R) {
	if s.out == nil || !s.out.Enabled() {
		return
	}
	if s.Logged != nil {
		s.Logged.Enqueue(Logged[R]{r})
	}
	pass := true
	for _, h := range s.hooks {
		if !h(r) {
			pass = false
		}
	}
	if !pass {
		return
	}
	for i := range s.cols {
		s.row[i].SetUnset()
		s.cols[i].Get(r, &s.row[i])
	}
	if err := s.out.Write(s.row); err != nil {
		panic(event.ScriptError{Msg: err.Error()})
	}
}
