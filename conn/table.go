package conn

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// UIDs is the pool that connections and tunnels draw their ids from.
type UIDs interface{ NextUID() string }

// Config is what a Table needs of the others.
type Config struct {
	Options Options
	Events  *event.Events
	Timers  *timer.Manager
	Weirds  *weird.Sampler
	UIDs    UIDs
	// NewSMTP makes the SMTP analyzer of a connection.
	NewSMTP func(analyzers.Host) analyzers.Analyzer
	// NewTLS makes what recognises TLS behind STARTTLS; nil for nothing.
	NewTLS func(analyzers.Host) analyzers.Analyzer
	// ByPort are more analyzers, for the TCP ports of responders.
	ByPort map[uint16][]func(analyzers.Host) analyzers.Analyzer
	// VXLANPorts and ValidateVXLANChecksums are PacketAnalyzer::VXLAN::vxlan_ports
	// and Tunnel::validate_vxlan_checksums.
	VXLANPorts             []uint16
	ValidateVXLANChecksums bool
}

// Table is the table of connections (session/Manager.cc and
// packet_analysis/protocol/ip/IPBasedAnalyzer.cc).
type Table struct {
	opts    Options
	events  *event.Events
	timers  *timer.Manager
	weirds  *weird.Sampler
	uids    UIDs
	newSMTP func(analyzers.Host) analyzers.Analyzer
	newTLS  func(analyzers.Host) analyzers.Analyzer
	byPort  map[uint16][]func(analyzers.Host) analyzers.Analyzer

	recordings map[*reassembler]contents // nil without any

	vxlanPorts    []uint16
	validateVXLAN bool

	// conns holds the connections by the hash of their keys; those of one hash
	// are chained. A hash costs less to look up than a key, and may come with
	// the packet.
	conns          map[uint64]*connection
	recent         [recentConns]recentConn
	count          int
	idleTimers     []*tcpTimer
	newTimers      slab.Of[tcpTimer]
	firstRuns      firstRuns
	histories      slab.Of[byte]
	idlePieces     []*pieces
	packetTime     float64 // the packet's own time, possibly before network time
	lastAnalyzerID event.AnalyzerID

	lines *mime.Lines // what is known of the packet's octets

	stats Stats
}

// recentConns is how many entries of conns are at hand without a look into the
// map: most packets are of a connection that had one shortly before.
const recentConns = 1024

type recentConn struct {
	hash  uint64
	first *connection // nil for no entry
}

// Stats are counters of a run.
type Stats struct {
	Created    uint64
	MaxAtATime int
	// TCP, UDP and ICMP are those of each protocol.
	TCP, UDP, ICMP Tally
	// Acks are acknowledgements of data of established connections, Gaps those
	// that acknowledge what was never seen (Zeek: tot_ack_events, tot_gap_events).
	Acks, Gaps uint64
}

// Tally is how many connections there are and ever were.
type Tally struct {
	Now   int
	Total uint64
}

// of returns the tally of a protocol, nil for the others on IP.
func (s *Stats) of(p event.Proto) *Tally {
	switch p {
	case event.ProtoTCP:
		return &s.TCP
	case event.ProtoUDP:
		return &s.UDP
	case event.ProtoICMP:
		return &s.ICMP
	}
	return nil
}

// NewTable returns an empty table. It implements packet.Transport.
func NewTable(c Config) *Table {
	return &Table{
		opts: c.Options, events: c.Events, timers: c.Timers, weirds: c.Weirds, uids: c.UIDs,
		newSMTP: c.NewSMTP, newTLS: c.NewTLS, byPort: c.ByPort,
		vxlanPorts: c.VXLANPorts, validateVXLAN: c.ValidateVXLANChecksums,
		conns: make(map[uint64]*connection),
	}
}

var _ packet.Transport = (*Table)(nil)

// Ahead tells what was found ahead of time in the octets of the packet that is
// delivered next; nil for nothing.
func (tb *Table) Ahead(l *mime.Lines) { tb.lines = l }

// NewUID draws a uid for a tunnel.
func (tb *Table) NewUID() string { return tb.uids.NextUID() }

// Stats returns the counters.
func (tb *Table) Stats() Stats { return tb.stats }

// Len returns the number of connections in the table.
func (tb *Table) Len() int { return tb.count }

// tags are the VLANs of a packet, which ConnKey::factory may have in the key.
type tags struct{ outer, inner uint16 }

func (c *connection) tags() tags { return tags{c.rec.Vlan, c.rec.InnerVlan} }

// hash is that of a key, with the tags if they count.
func (tb *Table) hash(k *packet.FlowKey, v tags) uint64 {
	h := k.Hash()
	if tb.opts.VLANKeys {
		h ^= (uint64(v.outer)<<16 | uint64(v.inner)) * 0x9e3779b97f4a7c15
	}
	return h
}

// find returns the connection of that key, or nil.
func (tb *Table) find(k *packet.FlowKey, hash uint64, v tags) *connection {
	r := &tb.recent[hash%recentConns]
	if r.hash != hash || r.first == nil {
		*r = recentConn{hash, tb.conns[hash]}
	}
	c := r.first
	for c != nil && (c.key != *k || tb.opts.VLANKeys && c.tags() != v) {
		c = c.next
	}
	return c
}

func (tb *Table) insert(c *connection) {
	h := tb.hash(&c.key, c.tags())
	tb.recent[h%recentConns] = recentConn{}
	c.next = tb.conns[h]
	tb.conns[h] = c
	tb.count++
}

func (tb *Table) unlink(c *connection) {
	h := tb.hash(&c.key, c.tags())
	tb.recent[h%recentConns] = recentConn{}
	switch first := tb.conns[h]; {
	case first == c && c.next == nil:
		delete(tb.conns, h)
	case first == c:
		tb.conns[h] = c.next
	default:
		for first.next != c {
			first = first.next
		}
		first.next = c.next
	}
	c.next = nil
	tb.count--
}

func (tb *Table) ignoreChecksum(p *packet.Packet) bool {
	for _, n := range tb.opts.IgnoreChecksumsNets {
		if n.Contains(p.IP.HeaderSrc) {
			return true
		}
	}
	return false
}

func (tb *Table) isVXLANPort(port uint16) bool { return slices.Contains(tb.vxlanPorts, port) }

// tuple is one packet's ends.
type tuple struct {
	src, dst         netip.Addr
	srcPort, dstPort uint16
	proto            event.Proto
	ipProto          uint8
	oneWay           bool
}

// tuple reads the ends of a packet; false if its header is too short.
func (tb *Table) tuple(p *packet.Packet) (tuple, bool) {
	h := p.IP.Payload
	t := tuple{src: p.IP.Src, dst: p.IP.Dst, ipProto: p.IP.NextProto}
	t.proto = p.Proto
	least := 0
	switch t.proto {
	case event.ProtoTCP:
		least = tcpHeaderLen
	case event.ProtoUDP, event.ProtoICMP:
		least = 8
	}
	if n := p.IP.PayloadLen(); n != 0 && n < least {
		tb.packetWeird(p, "truncated_header", t.proto)
		return t, false
	}
	if len(h) < least {
		tb.packetWeird(p, "internally_truncated_header", t.proto)
		return t, false
	}
	switch t.proto {
	case event.ProtoTCP, event.ProtoUDP:
		t.srcPort, t.dstPort = binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
	case event.ProtoICMP:
		other, oneWay := event.ICMPCounterpart(t.ipProto == protoICMPv6, h[0], h[1])
		t.srcPort, t.dstPort, t.oneWay = uint16(h[0]), uint16(other), oneWay
	}
	return t, true
}

// packetWeird raises a weird of a packet that has no connection.
func (tb *Table) packetWeird(p *packet.Packet, name string, proto event.Proto) {
	source := map[event.Proto]string{event.ProtoTCP: "TCP", event.ProtoUDP: "UDP", event.ProtoICMP: "ICMP"}[proto]
	if len(p.Encap) > 0 {
		name += "_in_tunnel"
	}
	tb.weirds.Flow(p.IP.Src, p.IP.Dst, name, "", source)
}

// Deliver takes a packet to its connection, which it makes if need be
// (IPBasedAnalyzer::AnalyzePacket).
func (tb *Table) Deliver(p *packet.Packet) (packet.UDP, bool) {
	tb.packetTime = p.Time
	if g := p.Glance; g != nil {
		if c := tb.find(&g.Flow, g.Hash, tags{}); c != nil && !c.impl.isReuse(p.Time, p.IP.Payload) {
			c.checkEncapsulation(p.Encap)
			c.impl.deliver(p, g.Forward == c.origFirst)
			return packet.UDP{}, false
		}
	}
	return tb.deliver(p)
}

func (tb *Table) deliver(p *packet.Packet) (packet.UDP, bool) {
	t, ok := tb.tuple(p)
	if !ok {
		return packet.UDP{}, false
	}
	k, forward := packet.NewFlowKey(t.src, t.dst, t.srcPort, t.dstPort, t.ipProto, t.oneWay)
	v := tags{p.VLAN, p.InnerVLAN}
	c := tb.find(&k, tb.hash(&k, v), v)
	switch {
	case c == nil:
		c = tb.create(k, forward, &t, p)
	case c.impl.isReuse(p.Time, p.IP.Payload):
		c.raise(tb.events.ConnectionReused)
		tb.remove(c)
		c = tb.create(k, forward, &t, p)
	default:
		c.checkEncapsulation(p.Encap)
	}
	if c == nil {
		return packet.UDP{}, false
	}
	c.impl.deliver(p, forward == c.origFirst)
	if d, ok := c.impl.(*datagram); ok && d.delivered {
		d.delivered = false
		return d.deliverUDP, true
	}
	return packet.UDP{}, false
}

// firstHistory is room for the history of nearly all connections.
const firstHistory = 16

// create makes a connection (IPBasedAnalyzer::NewConn). It returns nil if the
// packet may not begin one.
func (tb *Table) create(k packet.FlowKey, forward bool, t *tuple, p *packet.Packet) *connection {
	flip, ok := tb.wantConnection(t, p.IP.Payload)
	if !ok {
		return nil
	}
	var c *connection
	switch t.proto {
	case event.ProtoTCP:
		tc := &tcpConn{}
		c = &tc.connection
		c.impl = tc
	default:
		d := &datagram{origLen: -1, respLen: -1}
		c = &d.connection
		c.impl = d
	}
	impl := c.impl
	c.impl = nil // not flipped yet, see flip
	c.table, c.key, c.proto = tb, k, t.proto
	c.origFirst = forward
	c.origAddr, c.respAddr, c.origPort, c.respPort = t.src, t.dst, t.srcPort, t.dstPort
	c.startTime, c.lastTime = tb.packetTime, tb.packetTime
	c.rec.Vlan, c.rec.InnerVlan = p.VLAN, p.InnerVLAN
	c.encap = slices.Clone(p.Encap)
	c.history = tb.histories.Slice(firstHistory)[:0]
	c.inTable = true

	c.impl = impl
	tc, isTCP := impl.(*tcpConn)
	if isTCP {
		tc.initTCP()
	}
	if flip && c.respAddr != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		c.flip()
	}
	if isTCP {
		tb.buildTCP(tc)
	} else {
		timeout := tb.opts.UnknownInactivity
		switch t.proto {
		case event.ProtoUDP:
			timeout = tb.opts.UDPInactivityTimeout
		case event.ProtoICMP:
			timeout = tb.opts.ICMPInactivityTimeout
		}
		c.SetInactivityTimeout(timeout)
	}
	c.raise(tb.events.NewConnection)
	tb.insert(c)
	tb.stats.Created++
	if n := tb.stats.of(t.proto); n != nil {
		n.Now++
		n.Total++
	}
	tb.stats.MaxAtATime = max(tb.stats.MaxAtATime, tb.count)
	return c
}

// buildTCP arms the first timers of a TCP connection and attaches its
// analyzers, in Zeek's order. The inactivity timeout before the handshake is
// that of UDP.
func (tb *Table) buildTCP(t *tcpConn) {
	t.addTimer(tb.events.Now+tb.opts.TCPSynTimeout, false, (*tcpConn).expireTimer)
	t.SetInactivityTimeout(tb.opts.UDPInactivityTimeout)
	if !tb.opts.DPDIgnorePorts && !tb.opts.SMTPDisabled && tb.opts.SMTPPorts[Port{t.respPort, event.ProtoTCP}] {
		t.tree.add(tb.newSMTP, "")
	}
	for _, add := range tb.byPort[t.respPort] {
		t.tree.add(add, "")
	}
	// Without an analyzer by port there may be nothing to reassemble for, until
	// detection attaches one (TCPSessionAdapter::AddExtraAnalyzers).
	off := !tb.opts.DPDReassembleFirst && len(t.tree.added) == 0
	t.orig.reassem.off, t.resp.reassem.off = off, off
	if tb.opts.Signatures && !tb.opts.SMTPDisabled {
		t.detect = &t.detection
		t.detect.t = t
		t.tree.add(func(analyzers.Host) analyzers.Analyzer { return t.detect }, "")
	}
	t.tree.settle()
}

// wantConnection says whether a packet may begin a connection, and whether its
// sender is probably the responder (WantConnection of TCP.cc and UDP.cc).
func (tb *Table) wantConnection(t *tuple, h []byte) (flip, ok bool) {
	likely := func(port uint16) bool { return tb.opts.LikelyServerPorts[Port{port, t.proto}] }
	switch t.proto {
	case event.ProtoTCP:
		f := flags(h[13])
		if f.syn() && !f.ack() {
			return false, true
		}
		if !tb.opts.PartialConnectionOK || f.syn() && !tb.opts.TCPSynAckOK {
			return false, false
		}
		if likely(t.srcPort) {
			if likely(t.dstPort) {
				return !f.syn() && t.srcPort < t.dstPort, true
			}
			return true, true
		}
	case event.ProtoUDP:
		return likely(t.srcPort) && !likely(t.dstPort), true
	}
	return false, true
}

// remove takes a connection out of the table, ends it and raises
// connection_state_remove (session::Manager::Remove).
func (tb *Table) remove(c *connection) {
	if !c.inTable {
		return
	}
	tb.timers.Cancel(&c.inactivity)
	c.timersCancelled = true
	c.end()
	c.raise(tb.events.ConnectionStateRemove)
	tb.unlink(c)
	if n := tb.stats.of(c.proto); n != nil {
		n.Now--
	}
	c.inTable = false
	if t, ok := c.impl.(*tcpConn); ok {
		// Nothing more comes, and who remembers the connection for a while (records
		// of handlers) is not to keep its octets too.
		for _, e := range [2]*endpoint{t.orig, t.resp} {
			e.reassem.blocks.end(&tb.firstRuns)
			e.reassem.skipDeliveries = true
		}
	}
}

// Drain ends all connections, by their keys so that equal runs write equal
// logs (session::Manager::Drain). They stay in the table.
func (tb *Table) Drain() {
	all := make([]*connection, 0, tb.count)
	for _, c := range tb.conns {
		for ; c != nil; c = c.next {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, tb.byKey)
	for _, c := range all {
		c.end()
		if t, ok := c.impl.(*tcpConn); ok && t.isActive && !t.bothClosed() {
			t.raise(tb.events.ConnectionPending)
		}
		c.raise(tb.events.ConnectionStateRemove)
	}
}

// byKey compares the octets of two keys. The tags are behind the rest, in the order
// of a little-endian machine.
func (tb *Table) byKey(a, b *connection) int {
	if c := bytes.Compare(a.key[:], b.key[:]); c != 0 || !tb.opts.VLANKeys {
		return c
	}
	x, y := a.tags(), b.tags()
	return cmp.Or(cmp.Compare(bits.ReverseBytes16(x.outer), bits.ReverseBytes16(y.outer)),
		cmp.Compare(bits.ReverseBytes16(x.inner), bits.ReverseBytes16(y.inner)))
}

// The methods of protocol for TCP.

func (t *tcpConn) flipProtocol()    { t.flipTCP() }
func (t *tcpConn) analyzers() *tree { return &t.tree }

func (t *tcpConn) done() {
	t.cancelTimers()
	t.tree.done()
	t.orig.reassem.endRecord()
	t.resp.reassem.endRecord()
}

func (t *tcpConn) sizes(orig, resp *event.Endpoint) {
	orig.Size, orig.State = t.orig.size(), int(t.orig.state)
	resp.Size, resp.State = t.resp.size(), int(t.resp.state)
}
