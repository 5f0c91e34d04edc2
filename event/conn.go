package event

import (
	"io"
	"net/netip"
)

// Proto is a transport protocol as Zeek's transport_proto enum orders it.
type Proto uint8

// The values of Zeek's transport_proto.
const (
	ProtoUnknown Proto = iota
	ProtoTCP
	ProtoUDP
	ProtoICMP
)

// String returns Zeek's name of the protocol.
func (p Proto) String() string {
	switch p {
	case ProtoTCP:
		return "tcp"
	case ProtoUDP:
		return "udp"
	case ProtoICMP:
		return "icmp"
	}
	return "unknown_transport"
}

// ConnID is Zeek's conn_id: who talks to whom. Orig is the originator.
type ConnID struct {
	OrigH   netip.Addr
	OrigP   uint16
	RespH   netip.Addr
	RespP   uint16
	Proto   Proto
	IPProto uint8 // the IP protocol number
}

// Endpoint is one side of a connection, as its script record shows it.
type Endpoint struct {
	Size       uint64 // payload octets, by sequence numbers for TCP
	State      int    // TCP_INACTIVE..TCP_RESET, UDP_INACTIVE, UDP_ACTIVE
	NumPkts    uint64
	NumBytesIP uint64
}

// Tunnel is one layer of encapsulation around a connection's packets.
type Tunnel struct {
	UID string
}

// Conn is a connection as policies see it: Zeek's record connection. The
// connection table refreshes it whenever it raises an event of it; between two
// events it keeps the older numbers (Conn.cc, Connection::GetVal).
type Conn struct {
	UID        string
	ID         ConnID
	StartTime  float64
	Duration   float64 // seconds
	Orig, Resp Endpoint
	History    []byte // borrowed from the connection, changes with it
	Service    Services
	// FailedServices is failed_analyzers of DPD: services removed after a violation.
	FailedServices Services
	// Tunnels holds the enclosing tunnels, innermost last; nil without any.
	Tunnels []Tunnel
	// Vlan and InnerVlan are the 802.1Q tags, 0 without one.
	Vlan, InnerVlan uint16

	// Ctl is the engine behind the record.
	Ctl Control

	slots []any
}

// Control is what a policy may ask of the engine behind a connection: the
// builtin functions that take one.
type Control interface {
	// SetInactivityTimeout replaces the timeout (seconds; 0 turns it off) and
	// returns the old one.
	SetInactivityTimeout(seconds float64) float64
	// DisableAnalyzer marks the analyzer for removal, and reports whether
	// there was one: Zeek's disable_analyzer(c$id, aid).
	DisableAnalyzer(aid AnalyzerID) bool
	// LookupAnalyzer returns the id of the connection's analyzer of that name
	// ("SMTP"), 0 without one: lookup_connection_analyzer_id.
	LookupAnalyzer(name string) AnalyzerID
	// SkipSMTPData is skip_smtp_data: no smtp_data until the next message.
	SkipSMTPData()
	// Weird raises conn_weird for the connection, sampled as Zeek samples.
	Weird(name, addl, source string)
	// Local reports whether the connection is still in the table.
	Local() bool
}

// ContentsRecorder is implemented by the Control of connections whose stream can
// be written down: set_contents_file.
type ContentsRecorder interface {
	// RecordContents has what one side sends written to w, in order, with a line
	// "<<gap N>>" for N octets that are missing; it begins with what was delivered
	// and not yet acknowledged. It replaces an earlier w. w is closed at the end of
	// the connection, and right away if there is no stream (false).
	RecordContents(isOrig bool, w io.WriteCloser) bool
}

// AnalyzerID numbers the analyzers of a run from 1.
type AnalyzerID uint64

// Services is an ordered set of service names: Zeek's set[string] &ordered.
type Services []string

// Has reports whether name is in the set.
func (s Services) Has(name string) bool {
	for _, x := range s {
		if x == name {
			return true
		}
	}
	return false
}

// Add puts name at the end unless it is there.
func (s *Services) Add(name string) {
	if !s.Has(name) {
		*s = append(*s, name)
	}
}

// Delete removes name and keeps the order.
func (s *Services) Delete(name string) {
	for i, x := range *s {
		if x == name {
			*s = append((*s)[:i], (*s)[i+1:]...)
			return
		}
	}
}

// A Slot is a field that a policy adds to a record (`redef record connection +=
// { smtp: Info &optional; }`). T is a pointer or other small type.
type Slot[T any] struct {
	i  int
	of *Slots
}

// Slots hands out fields of one record type; each run has its own.
type Slots struct {
	n        int
	perBlock int
	free     []any // of the last block
}

// How many records share the memory of their fields. Connections don't: their
// fields point to records that point to them, so that one that is alive would
// keep the others of its block, with all they have. For the same reason what
// such a field points to has to be allocated by itself if it points to the
// connection.
const (
	connsPerBlock = 1
	filesPerBlock = 64
)

func (s *Slots) store() []any {
	if len(s.free) < s.n {
		s.free = make([]any, max(s.perBlock, 1)*s.n)
	}
	st := s.free[:s.n:s.n]
	s.free = s.free[s.n:]
	return st
}

// NewSlot reserves a field.
func NewSlot[T any](s *Slots) Slot[T] {
	s.n++
	return Slot[T]{s.n - 1, s}
}

// Record is what can have such fields.
type Record interface{ slotStore() *[]any }

func (c *Conn) slotStore() *[]any { return &c.slots }
func (f *File) slotStore() *[]any { return &f.slots }

// Get returns the field of r, and whether it is set.
func (s Slot[T]) Get(r Record) (T, bool) {
	st := *r.slotStore()
	if s.i < len(st) && st[s.i] != nil {
		return st[s.i].(T), true
	}
	var zero T
	return zero, false
}

// Set sets the field of r.
func (s Slot[T]) Set(r Record, v T) {
	st := r.slotStore()
	switch {
	case len(*st) > s.i:
	case *st == nil:
		*st = s.of.store()
	default: // the field is younger than the record's first
		*st = append(*st, make([]any, s.of.n-len(*st))...)
	}
	(*st)[s.i] = v
}

// Clear unsets the field of r.
func (s Slot[T]) Clear(r Record) {
	if st := *r.slotStore(); s.i < len(st) {
		st[s.i] = nil
	}
}

// Extension is a slot store for records that other packages declare (the
// records of log streams that a policy may extend); embed it.
type Extension struct{ slots []any }

func (e *Extension) slotStore() *[]any { return &e.slots }
