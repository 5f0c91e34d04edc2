package policy

import (
	"slices"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

// Part is what a policy brings that isn't a policy: a log writer or an analyzer.
type Part struct {
	Policy string
	// Kind is "writer", "analyzer" or "file analyzer".
	Kind string
	// Name is Zeek's tag: "Log::WRITER_SQLITE".
	Name string
}

// Parts lists the log writers and analyzers of the policies that are loaded, in
// their order.
func (c *Context) Parts() []Part { return c.parts }

// addPart notes a part, unless its name is taken.
func (c *Context) addPart(kind, name string, builtIn bool) (added bool) {
	if builtIn {
		c.fault("gzeek itself has the %s %s", kind, name)
		return false
	}
	for _, p := range c.parts {
		if p.Name == name {
			c.fault("there is a %s %s of policy %s already", p.Kind, name, p.Policy)
			return false
		}
	}
	c.parts = append(c.parts, Part{c.Policy(), kind, name})
	return true
}

// RegisterWriter makes a log writer available to filters and to
// Log::default_writer by its name, like "Log::WRITER_SQLITE". f is called for
// each log that such a filter opens; an error or panic of a writer ends that
// log, and the run goes on.
func (c *Context) RegisterWriter(name string, f zeeklog.WriterFactory) {
	if !c.addPart("writer", name, slices.Contains(zeeklog.BuiltInWriters, name)) {
		return
	}
	c.Options.EnumType("Log::Writer").Add(name)
	if c.writers == nil {
		c.writers = make(map[string]zeeklog.WriterFactory)
	}
	c.writers[name] = guardWriter(name, f)
}

// Writers are the writers that policies have registered.
func (c *Context) Writers() map[string]zeeklog.WriterFactory { return c.writers }

// ProtocolAnalyzer is an analyzer of TCP connections that a policy has
// registered.
type ProtocolAnalyzer struct {
	// Name is the tag without its prefix: "GREETING" is
	// Analyzer::ANALYZER_GREETING.
	Name string
	// Ports are those of the responder that attach it.
	Ports *redef.PortSet
	// New makes the analyzer of one connection. It raises events that the
	// policy has declared.
	New func(analyzers.Host) analyzers.Analyzer
}

// RegisterAnalyzer makes a protocol analyzer known. It is attached to
// connections by their ports, whatever else is attached to them, unless
// Analyzer::disabled_analyzers names it. An analyzer that panics is off for the
// rest of its connection.
func (c *Context) RegisterAnalyzer(a ProtocolAnalyzer) {
	tag := "Analyzer::ANALYZER_" + a.Name
	if !c.addPart("analyzer", tag, a.Name == "SMTP" || a.Name == "SSL" || a.Name == "PIA_TCP") {
		return
	}
	c.Options.EnumType("AllAnalyzers::Tag").Add(tag)
	c.Options.EnumType("Analyzer::Tag").Add(tag)
	policy, make := c.Policy(), a.New
	a.New = func(h analyzers.Host) analyzers.Analyzer {
		g := &guardedAnalyzer{q: c.Events.Queue, policy: policy, name: a.Name}
		g.call(func() { g.a = make(h) })
		return g
	}
	c.analyzers = append(c.analyzers, a)
}

// Analyzers are the protocol analyzers that policies have registered.
func (c *Context) Analyzers() []ProtocolAnalyzer { return c.analyzers }

// RegisterFileAnalyzer makes an analyzer of files' contents known by its tag
// without prefix: "ENTROPY" is Files::ANALYZER_ENTROPY. Policies attach it to
// files. One that panics is off for the rest of its file.
func (c *Context) RegisterFileAnalyzer(name string, make files.NewAnalyzer) {
	tag := "Files::ANALYZER_" + name
	if !c.addPart("file analyzer", tag, files.BuiltIn(name)) {
		return
	}
	c.Options.EnumType("AllAnalyzers::Tag").Add(tag)
	if c.contents == nil {
		c.contents = map[string]files.NewAnalyzer{}
	}
	policy := c.Policy()
	c.contents[name] = func(f *event.File, args any) (files.Analyzer, error) {
		g := &guardedContent{q: c.Events.Queue, policy: policy, name: name}
		var err error
		g.call(func() { g.a, err = make(f, args) })
		return g, err
	}
}

// FileAnalyzers are the file analyzers that policies have registered.
func (c *Context) FileAnalyzers() map[string]files.NewAnalyzer { return c.contents }
