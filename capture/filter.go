package capture

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gzeek/gzeek/capture/bpf"
)

// Filter is a pcap-filter(7) expression, compiled for each link type that
// turns up. A nil Filter lets all through. It isn't safe for concurrent use.
type Filter struct {
	expr string
	link LinkType
	prog *bpf.Program // for link
	all  map[LinkType]*bpf.Program
}

// NewFilter makes a filter; it is nil for "" and for Zeek's "ip or not ip".
// The expression is checked when the first link type is known: whether it has a
// meaning depends on that.
func NewFilter(expr string) *Filter {
	if expr == "" || expr == MatchAll {
		return nil
	}
	return &Filter{expr: expr, all: make(map[LinkType]*bpf.Program)}
}

// MatchAll is the filter that Zeek says in packet_filter.log when none is set.
const MatchAll = "ip or not ip"

func (f *Filter) prepare(link LinkType) error {
	if f == nil || f.prog != nil && f.link == link {
		return nil
	}
	p, ok := f.all[link]
	if !ok {
		var err error
		// NFLOG can't be filtered, says Zeek's BPF_Program::Compile, and lets it through.
		if link == NFLog {
			p = bpf.All()
		} else if p, err = compile(f.expr, link); err != nil {
			return f.wrap(err)
		}
		f.all[link] = p
	}
	f.link, f.prog = link, p
	return nil
}

// Match says whether the frame passes.
func (f *Filter) Match(fr *Frame) (bool, error) {
	if f == nil {
		return true, nil
	}
	if f.prog == nil || f.link != fr.LinkType {
		if err := f.prepare(fr.LinkType); err != nil {
			return false, err
		}
	}
	return f.prog.Match(fr.Data, fr.WireLen), nil
}

func (f *Filter) wrap(err error) error {
	return &FilterError{Expr: f.expr, Err: err}
}

// FilterError says why an expression can't be used.
type FilterError struct {
	Expr string
	Err  error
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("can't compile the packet filter %q: %v", e.Expr, e.Err)
}

func (e *FilterError) Unwrap() error { return e.Err }

// FilterParts are the options that a filter is built from: those of Zeek's
// packet filter framework.
type FilterParts struct {
	Capture, Restrict map[string]string // capture_filters, restrict_filters
	// Ports are let through as well; nil unless
	// PacketFilter::enable_auto_protocol_capture_filters is set.
	Ports []string
	// Default is PacketFilter::default_capture_filter, for when neither Capture
	// nor Ports say anything; "" is MatchAll.
	Default                  string
	Unrestricted, Restricted string // PacketFilter::unrestricted_filter, restricted_filter
}

// Combine builds the filter: what matches any of Capture and all of Restrict.
// Zeek walks the tables in hash order, here it is the order of the names. A
// filter of the command line replaces the result altogether (Zeek:
// base/frameworks/packet-filter/main.zeek, build).
func (p *FilterParts) Combine() string {
	c, r := "", ""
	if len(p.Capture) == 0 && p.Ports == nil {
		if c = p.Default; c == "" {
			c = MatchAll
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Capture)) {
		c = combine(c, "or", p.Capture[name])
	}
	ports := ""
	for _, port := range p.Ports {
		ports = combine(ports, "or", port)
	}
	c = combine(c, "or", ports)
	for _, name := range slices.Sorted(maps.Keys(p.Restrict)) {
		r = combine(r, "and", p.Restrict[name])
	}
	all := combine(c, "and", r)
	all = combine(p.Unrestricted, "or", all)
	return combine(p.Restricted, "and", all)
}

// Explain says which part a filter that can't be compiled fails at, if it is
// one of the tables' (main.zeek tests them one by one, too).
func (p *FilterParts) Explain(err *FilterError) error {
	for i, filters := range []map[string]string{p.Capture, p.Restrict} {
		for _, name := range slices.Sorted(maps.Keys(filters)) {
			if _, e := compile(filters[name], Ethernet); e != nil {
				table := [...]string{"capture_filters", "restrict_filters"}[i]
				return fmt.Errorf("%s[%q]: %w", table, name, &FilterError{Expr: filters[name], Err: e})
			}
		}
	}
	return err
}

func combine(l, op, r string) string {
	switch {
	case l == "":
		return r
	case r == "":
		return l
	}
	return "(" + l + ") " + op + " (" + r + ")"
}
