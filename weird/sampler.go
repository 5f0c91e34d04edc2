// Package weird is the engine's side of weirds: who noticed something odd
// raises it here, and what passes the sampling becomes one of the events
// conn_weird, flow_weird, net_weird and file_weird. What is done with them is
// the business of the weird policy.
//
// Zeek: Reporter.cc (Reporter::Weird, PermitNetWeird, PermitFlowWeird),
// WeirdState.cc.
package weird

import (
	"net/netip"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
)

// Options are the Weird::sampling_* options of Zeek.
type Options struct {
	Threshold uint64          // Weird::sampling_threshold: how many pass at first
	Rate      uint64          // Weird::sampling_rate: then each one in so many, 0 none
	Duration  float64         // Weird::sampling_duration, seconds
	Whitelist map[string]bool // Weird::sampling_whitelist: never sampled
	Global    map[string]bool // Weird::sampling_global_list: counted over all connections
}

// DefaultOptions are Zeek's.
func DefaultOptions() Options { return Options{Threshold: 25, Rate: 1000, Duration: 600} }

// Sampler counts weirds and raises the events. It belongs to one goroutine.
type Sampler struct {
	Options Options

	events *event.Events
	timers *timer.Manager
	net    map[string]uint64
	flow   map[addrPair]map[string]uint64
}

type addrPair struct{ orig, resp netip.Addr }

// NewSampler returns a sampler with Zeek's defaults.
func NewSampler(ev *event.Events, timers *timer.Manager) *Sampler {
	return &Sampler{
		Options: DefaultOptions(),
		events:  ev,
		timers:  timers,
		net:     make(map[string]uint64),
		flow:    make(map[addrPair]map[string]uint64),
	}
}

// State is the sampling state that each connection and file keeps for itself;
// the zero value is ready.
type State struct {
	counts map[string]*count
}

type count struct {
	n     uint64
	start float64 // when sampling began
}

// Net raises net_weird.
func (s *Sampler) Net(name, addl, source string) {
	if !s.Options.Whitelist[name] && !s.permitNet(name) {
		return
	}
	s.events.NetWeird.Enqueue(event.Weird{Name: name, Addl: addl, Source: source})
}

// Flow raises flow_weird for an ordered pair of addresses.
func (s *Sampler) Flow(orig, resp netip.Addr, name, addl, source string) {
	if allow, known := s.lists(name); known && !allow || !known && !s.permitFlow(orig, resp, name) {
		return
	}
	s.events.FlowWeird.Enqueue(event.Weird{
		Flow: event.ConnID{OrigH: orig, RespH: resp}, Name: name, Addl: addl, Source: source,
	})
}

// Conn raises conn_weird; st belongs to the connection. get refreshes and
// returns the connection's record and is called only for weirds that pass.
func (s *Sampler) Conn(st *State, get func() *event.Conn, name, addl, source string) {
	if !s.permit(st, name) {
		return
	}
	s.events.ConnWeird.Enqueue(event.Weird{Conn: get(), Name: name, Addl: addl, Source: source})
}

// File raises file_weird; st belongs to the file.
func (s *Sampler) File(st *State, f *event.File, name, addl, source string) {
	if !s.permit(st, name) {
		return
	}
	s.events.FileWeird.Enqueue(event.Weird{File: f, Name: name, Addl: addl, Source: source})
}

// lists applies the white list and the list of names that are counted over
// all connections.
func (s *Sampler) lists(name string) (allow, known bool) {
	if s.Options.Whitelist[name] {
		return true, true
	}
	if s.Options.Global[name] {
		return s.permitNet(name), true
	}
	return false, false
}

func (s *Sampler) sampled(n uint64) bool {
	if n <= s.Options.Threshold {
		return true
	}
	return s.Options.Rate != 0 && (n-s.Options.Threshold)%s.Options.Rate == 0
}

func (s *Sampler) permitNet(name string) bool {
	s.net[name]++
	n := s.net[name]
	if n == 1 {
		t := &timer.Timer{Do: timer.Func(func(float64, bool) { delete(s.net, name) })}
		s.timers.Add(t, s.events.Now+s.Options.Duration)
	}
	return s.sampled(n)
}

func (s *Sampler) permitFlow(orig, resp netip.Addr, name string) bool {
	pair := addrPair{orig, resp}
	m := s.flow[pair]
	if m == nil {
		m = make(map[string]uint64)
		s.flow[pair] = m
		t := &timer.Timer{Do: timer.Func(func(float64, bool) { delete(s.flow, pair) })}
		s.timers.Add(t, s.events.Now+s.Options.Duration)
	}
	m[name]++
	return s.sampled(m[name])
}

func (s *Sampler) permit(st *State, name string) bool {
	if allow, known := s.lists(name); known {
		return allow
	}
	if st.counts == nil {
		st.counts = make(map[string]*count)
	}
	c := st.counts[name]
	if c == nil {
		c = &count{}
		st.counts[name] = c
	}
	c.n++
	switch {
	case c.n <= s.Options.Threshold:
		return true
	case c.n == s.Options.Threshold+1:
		c.start = s.events.Now
	case s.events.Now > c.start+s.Options.Duration:
		c.start, c.n = 0, 1
		return true
	}
	return s.sampled(c.n)
}
