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
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"

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
	// Requires names the policies that are loaded first (@load).
	Requires []string
	// Load registers what the policy does. Options don't have their values
	// yet; these are set before zeek_init runs.
	Load func(*Context) error
}

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

	loading  string // the policy that is being loaded
	services map[reflect.Type]any
	start    float64
	ending   bool
	packets  func() uint64
	counters func() Counters
	filter   string

	declared []DeclaredStream
	writers  map[string]zeeklog.WriterFactory

	scheduled *event.Topic[scheduled]

	tableInterval, tableDelay *redef.Interval
	tableStep                 *redef.Count
	tables                    []table
}

// NewContext returns a context for one run.
func NewContext() *Context { return &Context{services: make(map[reflect.Type]any)} }

// RegisterWriter makes a log writer available to filters by its name, like
// "Log::WRITER_SQLITE", when the policy is loaded.
func (c *Context) RegisterWriter(name string, f zeeklog.WriterFactory) {
	if c.writers == nil {
		c.writers = make(map[string]zeeklog.WriterFactory)
	}
	c.writers[name] = f
}

// Writers are the writers that policies have registered.
func (c *Context) Writers() map[string]zeeklog.WriterFactory { return c.writers }

// Policy returns the name of the policy that is being loaded: it stands for
// the policy in listings and errors.
func (c *Context) Policy() string { return c.loading }

// Now is the network time.
func (c *Context) Now() float64 { return c.Events.Now }

// Error reports what Zeek calls a run-time error of a script, without ending
// the handler.
func (c *Context) Error(format string, args ...any) {
	c.Events.ReporterError.Enqueue(event.Reporter{Time: c.Now(), Msg: fmt.Sprintf(format, args...), Location: c.loading})
}

// Provide makes v available to policies that are loaded later, under its type.
func Provide[T any](c *Context, v T) { c.services[reflect.TypeFor[T]()] = v }

// Use returns what a policy provided under type T. It panics if nothing did:
// the policy that asks must name the other one in Requires.
func Use[T any](c *Context) T {
	v, ok := c.services[reflect.TypeFor[T]()]
	if !ok {
		panic(fmt.Sprintf("policy %s uses %v, but no policy that it requires provides it", c.loading, reflect.TypeFor[T]()))
	}
	return v.(T)
}

// Lookup is Use for what may not be loaded.
func Lookup[T any](c *Context) (T, bool) {
	v, ok := c.services[reflect.TypeFor[T]()].(T)
	return v, ok
}

// The registry is filled by init functions and read afterwards; it is the one
// place that is shared by all runs of a process.
var (
	registryMu sync.RWMutex
	registry   = map[string]Policy{}
)

// Register makes a policy available under its name. It is called from init and
// panics if the name is taken or the policy has no Load.
func Register(p Policy) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if p.Load == nil || p.Name == "" {
		panic("policy.Register: a policy needs a name and a Load function")
	}
	if _, taken := registry[p.Name]; taken {
		panic("policy.Register: " + p.Name + " is registered twice")
	}
	registry[p.Name] = p
}

// All lists the registered policies by name.
func All() []Policy {
	registryMu.RLock()
	defer registryMu.RUnlock()
	all := make([]Policy, 0, len(registry))
	for _, p := range registry {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find returns the policy of a name as users write it: a leading "policy/" or
// "./" and a trailing ".zeek" don't count.
func Find(name string) (Policy, bool) {
	registryMu.RLock()
	defer registryMu.RUnlock()
	p, ok := registry[CleanName(name)]
	return p, ok
}

// CleanName strips what Zeek accepts around a script's name.
func CleanName(name string) string {
	name = strings.TrimPrefix(name, "./")
	name = strings.TrimSuffix(name, ".zeek")
	return strings.TrimPrefix(name, "policy/")
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

// LoadAll loads policies in order, each after those it requires and each once.
// It returns the names in the order in which they were loaded.
func (c *Context) LoadAll(names []string) ([]string, error) {
	l := loader{c: c, state: make(map[string]int)}
	for _, n := range names {
		if err := l.load(CleanName(n), ""); err != nil {
			return l.order, err
		}
	}
	return l.order, nil
}

type loader struct {
	c     *Context
	state map[string]int // 1 loading, 2 loaded
	order []string
}

func (l *loader) load(name, wanted string) error {
	switch l.state[name] {
	case 1, 2: // a circle is fine, as with @load
		return nil
	}
	p, ok := Find(name)
	if !ok {
		return &UnknownError{Name: name, Wanted: wanted}
	}
	l.state[name] = 1
	for _, r := range p.Requires {
		if err := l.load(r, name); err != nil {
			return err
		}
	}
	l.c.loading = name
	if err := p.Load(l.c); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	l.state[name] = 2
	l.order = append(l.order, name)
	return nil
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
	c.Events.ReporterWarning.Enqueue(event.Reporter{Time: c.Now(), Msg: fmt.Sprintf(format, args...), Location: c.loading})
}

// Packets is the number of packets so far (get_net_stats).
func (c *Context) Packets() uint64 { return c.packets() }

// SetPackets is for the engine: it gives the packet counter.
func (c *Context) SetPackets(fn func() uint64) { c.packets = fn }
