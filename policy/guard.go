package policy

import (
	"fmt"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/zeeklog"
)

// What policies bring besides handlers runs in the middle of the engine's own
// work. The types below keep a panic in it from ending the run.

// guardedAnalyzer is a protocol analyzer of a policy; a is nil once it has
// panicked.
type guardedAnalyzer struct {
	q            *event.Queue
	policy, name string
	a            analyzers.Analyzer
}

func (g *guardedAnalyzer) call(fn func()) {
	if !g.q.Guard(g.policy, "analyzer "+g.name, fn) {
		g.a = nil
	}
}

func (g *guardedAnalyzer) Name() string { return g.name }

func (g *guardedAnalyzer) DeliverStream(data []byte, isOrig bool) {
	if g.a != nil {
		g.call(func() { g.a.DeliverStream(data, isOrig) })
	}
}

func (g *guardedAnalyzer) Undelivered(seq uint64, n int, isOrig bool) {
	if g.a != nil {
		g.call(func() { g.a.Undelivered(seq, n, isOrig) })
	}
}

func (g *guardedAnalyzer) EndpointEOF(isOrig bool) {
	if g.a != nil {
		g.call(func() { g.a.EndpointEOF(isOrig) })
	}
}

func (g *guardedAnalyzer) ConnectionFinished(half bool) {
	if g.a != nil {
		g.call(func() { g.a.ConnectionFinished(half) })
	}
}

func (g *guardedAnalyzer) ConnectionReset() {
	if g.a != nil {
		g.call(func() { g.a.ConnectionReset() })
	}
}

func (g *guardedAnalyzer) Done() {
	if g.a != nil {
		g.call(func() { g.a.Done() })
	}
}

// guardedContent is a file analyzer of a policy; a is nil once it has panicked.
type guardedContent struct {
	q            *event.Queue
	policy, name string
	a            files.Analyzer
}

func (g *guardedContent) call(fn func()) {
	if !g.q.Guard(g.policy, "file analyzer "+g.name, fn) {
		g.a = nil
	}
}

func (g *guardedContent) Deliver(data []byte) (more bool) {
	if g.a != nil {
		g.call(func() { more = g.a.Deliver(data) })
	}
	return more
}

func (g *guardedContent) Gap(offset, n uint64) (more bool) {
	if g.a != nil {
		g.call(func() { more = g.a.Gap(offset, n) })
	}
	return more
}

func (g *guardedContent) End() {
	if g.a != nil {
		g.call(func() { g.a.End() })
	}
}

// guardWriter has the panics of a policy's log writer come back as errors,
// which turn the log off.
func guardWriter(name string, f zeeklog.WriterFactory) zeeklog.WriterFactory {
	return func(info zeeklog.WriterInfo) (w zeeklog.Writer, err error) {
		defer rescue(name, &err)
		if w, err = f(info); err == nil {
			w = guardedWriter{name, w}
		}
		return w, err
	}
}

// rescue is deferred where a writer is called.
func rescue(name string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: panic: %v", name, r)
	}
}

type guardedWriter struct {
	name string
	w    zeeklog.Writer
}

func (g guardedWriter) Write(rec []zeeklog.Value) (err error) {
	defer rescue(g.name, &err)
	return g.w.Write(rec)
}

func (g guardedWriter) Flush() (err error) {
	defer rescue(g.name, &err)
	return g.w.Flush()
}

func (g guardedWriter) Rotate(base string, terminating bool) (newName, oldName string, err error) {
	defer rescue(g.name, &err)
	return g.w.Rotate(base, terminating)
}

func (g guardedWriter) Close() (err error) {
	defer rescue(g.name, &err)
	return g.w.Close()
}
