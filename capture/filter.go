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

// CombineFilters builds the filter from the tables of redef's capture_filters
// and restrict_filters: any of the first, and all of the second. Zeek walks the
// tables in hash order, here it is the order of the names. A filter of the
// command line replaces the result altogether (Zeek:
// base/frameworks/packet-filter/main.zeek, build).
func CombineFilters(capture, restrict map[string]string) string {
	c, r := "", ""
	if len(capture) == 0 {
		c = MatchAll
	}
	for _, name := range slices.Sorted(maps.Keys(capture)) {
		c = combine(c, "or", capture[name])
	}
	for _, name := range slices.Sorted(maps.Keys(restrict)) {
		r = combine(r, "and", restrict[name])
	}
	return combine(c, "and", r)
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
