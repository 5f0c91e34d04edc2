// Package policy is how policies plug in: what a Zeek script is to Zeek, a
// Policy is to gzeek. It has a name like a script's path, says what it needs
// loaded first, and registers handlers, options, log streams and columns when
// it is loaded. Built-in policies use this package and nothing else of the
// engine; so can a third party's Go module.
//
// A policy that other policies build on exports a service: it provides a value
// of a type of its own, and they ask the Context for it (Provide, Use).
package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"runtime/debug"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
	"github.com/gzeek/gzeek/zeeklog"
)

// Policy describes a policy.
type Policy struct {
	// Name is that of the Zeek script: "protocols/smtp/blocklists".
	Name string
	// Doc says in one line what it does.
	Doc string
	// API is the version of this API that the policy was written for, as a
	// number and not as APIVersion: a gzeek that has another one refuses the
	// policy. 0 is not checked.
	API int
	// Component says that the policy is loaded in every run, a bare one too,
	// before those that are named: as the log writers and analyzers that a
	// program of Zeek is built with, it does nothing until an option or
	// another policy asks for it.
	Component bool
	// Requires names the policies that are loaded first (@load).
	Requires []string
	// Load registers what the policy does. Options don't have their values
	// yet; these are set before zeek_init runs.
	Load func(*Context) error

	pkg string // that called Register
}

// Package is the Go package that registered the policy.
func (p *Policy) Package() string { return p.pkg }

// Context is what a policy gets when it is loaded, and may keep. It belongs to
// one run and one goroutine.
type Context struct {
	Events  *event.Events
	Timers  *timer.Manager
	Options *redef.Registry
	Keys    *seed.Keys
	// Weirds raises weirds that belong to no connection.
	Weirds *weird.Sampler
	// Files is the file manager, set before zeek_init runs.
	Files *files.Manager
	// Logs is set before zeek_init runs.
	Logs *zeeklog.Manager
	// StreamCreated is for the engine: it hears of each log stream before
	// anything is written to it. nil is nobody.
	StreamCreated func(*zeeklog.Stream) error
	// Live says that packets come from an interface, not from a file.
	Live bool
	// Bare says that no default set is loaded (-b).
	Bare bool

	loaded   map[string]bool
	loading  string  // the policy that is being loaded, "" afterwards
	faults   []error // what the policy that is being loaded did wrong
	services map[reflect.Type]any
	start    float64
	ending   bool
	packets  func() uint64
	counters func() Counters
	filter   string

	declared  []DeclaredStream
	columns   []AddedColumn
	parts     []Part
	writers   map[string]zeeklog.WriterFactory
	analyzers []ProtocolAnalyzer
	contents  map[string]files.NewAnalyzer

	scheduled *event.Topic[scheduled]

	tableInterval, tableDelay *redef.Interval
	tableStep                 *redef.Count
	tables                    []table
}

// NewContext returns a context for one run.
func NewContext() *Context {
	return &Context{services: make(map[reflect.Type]any), loaded: make(map[string]bool)}
}

// Policy returns the name of the policy that is being loaded, or whose handler
// runs: it stands for the policy in listings and errors.
func (c *Context) Policy() string {
	if c.loading != "" {
		return c.loading
	}
	return c.Events.Running()
}

// fault notes what the policy that is being loaded did wrong; it isn't loaded
// then, and the run doesn't start.
func (c *Context) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

// Now is the network time.
func (c *Context) Now() float64 { return c.Events.Now }

// Error reports what Zeek calls a run-time error of a script, without ending
// the handler.
func (c *Context) Error(format string, args ...any) {
	c.Events.ReporterError.Enqueue(event.Reporter{Time: c.Now(), Msg: fmt.Sprintf(format, args...), Location: c.Policy()})
}

// Provide makes v available to policies that are loaded later, under its type.
func Provide[T any](c *Context, v T) { c.services[reflect.TypeFor[T]()] = v }

// Use returns what a policy provided under type T. It panics if nothing did:
// the policy that asks must name the other one in Requires.
func Use[T any](c *Context) T {
	v, ok := c.services[reflect.TypeFor[T]()]
	if !ok {
		panic(fmt.Sprintf("policy %s uses %v, but no policy that it requires provides it", c.Policy(), reflect.TypeFor[T]()))
	}
	return v.(T)
}

// Lookup is Use for what may not be loaded.
func Lookup[T any](c *Context) (T, bool) {
	v, ok := c.services[reflect.TypeFor[T]()].(T)
	return v, ok
}

// An UnknownError says that a policy doesn't exist.
type UnknownError struct {
	Name   string
	Wanted string // the policy that requires it, "" if the user named it
}

func (e *UnknownError) Error() string {
	if e.Wanted != "" {
		return fmt.Sprintf("policy %s requires %s, which does not exist", e.Wanted, e.Name)
	}
	return fmt.Sprintf("no policy %q", e.Name)
}

// LoadAll loads policies in order, each after those it requires and each once
// in a run. It returns the names in the order in which they were loaded.
func (c *Context) LoadAll(names []string) ([]string, error) {
	var order []string
	for _, n := range names {
		if err := c.load(CleanName(n), "", &order); err != nil {
			return order, err
		}
	}
	return order, nil
}

// load loads one policy, unless it is loaded or about to be: a circle is fine,
// as with @load.
func (c *Context) load(name, wanted string, order *[]string) error {
	if c.loaded[name] {
		return nil
	}
	p, ok := Find(name)
	if !ok {
		return &UnknownError{Name: name, Wanted: wanted}
	}
	c.loaded[name] = true
	for _, r := range p.Requires {
		if err := c.load(r, name, order); err != nil {
			return err
		}
	}
	if err := c.loadOne(&p); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	*order = append(*order, name)
	return nil
}

// loadOne loads a policy whose requirements are loaded. A panic of its Load is
// an error.
func (c *Context) loadOne(p *Policy) (err error) {
	c.loading, c.faults = p.Name, nil
	defer func() {
		c.loading = ""
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
			if _, slip := r.(runtime.Error); slip {
				err = fmt.Errorf("%v\n%s", r, debug.Stack())
			}
		}
	}()
	if err := p.Load(c); err != nil {
		return err
	}
	return errors.Join(c.faults...)
}

// ScriptPath is where a Zeek that was installed under its usual prefix has a
// script: some weirds name such a place.
func ScriptPath(script string) string { return "/usr/local/zeek/share/zeek/" + script }

// FmtAddr renders an address as fmt("%s") does: IPv4-mapped ones as IPv4.
func FmtAddr(a netip.Addr) string { return string(zeeklog.AppendAddr(nil, a)) }

// SMTPPorts is provided by a policy that registers the SMTP analyzer for ports
// of its own.
type SMTPPorts struct{ Set *redef.PortSet }

// Warning reports what a script would report with Reporter::warning.
func (c *Context) Warning(format string, args ...any) {
	c.Events.ReporterWarning.Enqueue(event.Reporter{Time: c.Now(), Msg: fmt.Sprintf(format, args...), Location: c.Policy()})
}

// Packets is the number of packets so far (get_net_stats).
func (c *Context) Packets() uint64 { return c.packets() }

// SetPackets is for the engine: it gives the packet counter.
func (c *Context) SetPackets(fn func() uint64) { c.packets = fn }
