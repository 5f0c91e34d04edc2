package conn

import (
	"net/netip"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// connection is what connections of all protocols have (Conn.cc, session/Session.cc).
// A million half-open ones at a time are an everyday scan: the fields are packed
// so that a tcpConn just fits the allocator's class of 1408 octets.
type connection struct {
	table *Table
	key   packet.FlowKey
	proto event.Proto

	inTable   bool
	origFirst bool // the originator is the first end of key

	next *connection // of the same hash, in the table
	impl protocol

	origAddr, respAddr netip.Addr
	origPort, respPort uint16

	timersCancelled, finished, didWeird bool

	startTime, lastTime float64
	history             []byte
	histSeen            uint32
	tunnelChanges       uint32
	weirds              weird.State

	inactivity        timer.Timer
	inactivityTimeout float64

	encap []packet.Encap

	// ConnSize: packets and octets of IP as they passed the checks, by role.
	origPkts, origIPBytes, respPkts, respIPBytes uint64

	rec event.Conn
}

// protocol is what the transports do differently.
type protocol interface {
	// deliver takes a packet of the connection.
	deliver(p *packet.Packet, isOrig bool)
	// isReuse says whether the packet begins another connection.
	isReuse(now float64, payload []byte) bool
	// flipProtocol exchanges the roles.
	flipProtocol()
	// sizes refreshes sizes and states of the record.
	sizes(orig, resp *event.Endpoint)
	// done ends the analyzers.
	done()
	// analyzers returns the analyzer tree, nil without one.
	analyzers() *tree
}

// Conn refreshes and returns the connection's record, and draws the uid the
// first time (Connection::GetVal).
func (c *connection) Conn() *event.Conn {
	r := &c.rec
	if r.UID == "" {
		r.UID = c.table.uids.NextUID()
		r.ID = event.ConnID{
			OrigH: c.origAddr, OrigP: c.origPort, RespH: c.respAddr, RespP: c.respPort,
			Proto: c.proto, IPProto: c.key.Proto(),
		}
		r.Ctl = c
		r.Tunnels = tunnels(c.encap)
	}
	c.impl.sizes(&r.Orig, &r.Resp)
	r.Orig.NumPkts, r.Orig.NumBytesIP = c.origPkts, c.origIPBytes
	r.Resp.NumPkts, r.Resp.NumBytesIP = c.respPkts, c.respIPBytes
	r.StartTime = c.startTime
	r.Duration = c.lastTime - c.startTime
	r.History = c.history
	return r
}

func tunnels(encap []packet.Encap) []event.Tunnel {
	if len(encap) == 0 {
		return nil
	}
	t := make([]event.Tunnel, len(encap))
	for i := range encap {
		t[i].UID = encap[i].UID
	}
	return t
}

// raise enqueues an event of the connection, if anybody handles it.
func (c *connection) raise(topic *event.Topic[event.ConnEvent]) {
	if topic.Wanted() {
		topic.Enqueue(event.ConnEvent{Conn: c.Conn()})
	}
}

func (c *connection) contentGap(isOrig bool, seq, n uint64) {
	if topic := c.table.events.ContentGap; topic.Wanted() {
		topic.Enqueue(event.ContentGap{Conn: c.Conn(), IsOrig: isOrig, Seq: seq, Length: n})
	}
}

// Weird raises conn_weird.
func (c *connection) Weird(name, addl, source string) { c.weird(name, addl, source) }

func (c *connection) weird(name, addl, source string) {
	c.didWeird = true
	c.table.weirds.Conn(&c.weirds, c.Conn, name, addl, source)
}

// checkHistory writes a letter unless its bit is set, and says whether it was.
func (c *connection) checkHistory(mask uint32, letter byte) bool {
	if c.histSeen&mask != 0 {
		return true
	}
	c.histSeen |= mask
	c.history = append(c.history, letter)
	return false
}

// count notes a packet that passed the checks.
func (c *connection) count(p *packet.Packet, isOrig bool) {
	if isOrig {
		c.origPkts++
		c.origIPBytes += uint64(p.IP.TotalLen)
	} else {
		c.respPkts++
		c.respIPBytes += uint64(p.IP.TotalLen)
	}
}

// flip exchanges the roles (Connection::FlipRoles).
func (c *connection) flip() {
	c.origAddr, c.respAddr = c.respAddr, c.origAddr
	c.origPort, c.respPort = c.respPort, c.origPort
	if c.origAddr != c.respAddr || c.origPort != c.respPort {
		c.origFirst = !c.origFirst // else every packet is the originator's
	}
	c.origPkts, c.respPkts = c.respPkts, c.origPkts
	c.origIPBytes, c.respIPBytes = c.respIPBytes, c.origIPBytes
	if r := &c.rec; r.UID != "" {
		r.ID.OrigH, r.ID.RespH = c.origAddr, c.respAddr
		r.ID.OrigP, r.ID.RespP = c.origPort, c.respPort
		r.Orig, r.Resp = r.Resp, r.Orig
	}
	if c.impl != nil {
		c.impl.flipProtocol()
	}
	c.history = append(c.history, '^')
	c.raise(c.table.events.ConnectionFlipped)
}

// checkEncapsulation notes that the tunnels around a connection have changed
// (Connection::CheckEncapsulation).
func (c *connection) checkEncapsulation(encap []packet.Encap) {
	if len(c.encap) == 0 && len(encap) == 0 || len(c.encap) > 0 && len(encap) > 0 && packet.SameEncap(c.encap, encap) {
		return
	}
	ev := c.table.events.TunnelChanged
	limited := len(c.encap) > 0 && len(encap) > 0
	if ev.Wanted() && (!limited || c.table.opts.TunnelMaxChanges == 0 || uint64(c.tunnelChanges) < c.table.opts.TunnelMaxChanges) {
		if limited {
			c.tunnelChanges++
		}
		ev.Enqueue(event.TunnelChange{Conn: c.Conn(), Tunnels: tunnels(encap)})
	}
	c.encap = append([]packet.Encap(nil), encap...)
}

// SetInactivityTimeout replaces the timeout and returns the old one, both in
// seconds (Session::SetInactivityTimeout).
func (c *connection) SetInactivityTimeout(seconds float64) float64 {
	old := c.inactivityTimeout
	if seconds == old {
		return old
	}
	c.table.timers.Cancel(&c.inactivity)
	if seconds != 0 {
		c.armInactivity(c.lastTime + seconds)
	}
	c.inactivityTimeout = seconds
	return old
}

func (c *connection) armInactivity(at float64) {
	if c.timersCancelled || !c.inTable {
		return
	}
	c.inactivity.Do = (*inactivity)(c)
	c.table.timers.Add(&c.inactivity, at)
}

// inactivity is a connection as the timer of its inactivity sees it.
type inactivity connection

func (i *inactivity) Fire(now float64, expiring bool) {
	c := (*connection)(i)
	if expiring {
		return
	}
	if c.lastTime+c.inactivityTimeout <= now {
		c.raise(c.table.events.ConnectionTimeout)
		c.table.remove(c)
		return
	}
	c.armInactivity(c.lastTime + c.inactivityTimeout)
}

// done ends the analyzers of the connection.
func (c *connection) end() {
	if c.finished {
		return
	}
	c.finished = true
	c.impl.done()
}

// Local reports whether the connection is still in the table.
func (c *connection) Local() bool { return c.inTable }

// current returns the connection of the same key that is in the table now, as
// the builtin functions of Zeek look it up by conn_id. That doesn't tell the VLANs,
// so that they find nothing where these belong to the key (vlan_fivetuple/Factory.cc,
// DoConnKeyFromVal).
func (c *connection) current() *connection {
	if c.table.opts.VLANKeys {
		return nil
	}
	return c.table.find(&c.key, c.key.Hash(), tags{})
}

// DisableAnalyzer marks an analyzer for removal (disable_analyzer).
func (c *connection) DisableAnalyzer(aid event.AnalyzerID) bool {
	cur := c.current()
	if cur == nil {
		return false
	}
	if t := cur.impl.analyzers(); t != nil {
		return t.disable(aid)
	}
	return false
}

// LookupAnalyzer is lookup_connection_analyzer_id.
func (c *connection) LookupAnalyzer(name string) event.AnalyzerID {
	cur := c.current()
	if cur == nil {
		return 0
	}
	if t := cur.impl.analyzers(); t != nil {
		return t.lookup(name)
	}
	return 0
}

// SkipSMTPData is skip_smtp_data.
func (c *connection) SkipSMTPData() {
	cur := c.current()
	if cur == nil {
		return
	}
	if t := cur.impl.analyzers(); t != nil {
		t.each(func(ch *child) {
			if s, ok := ch.a.(interface{ SkipData() }); ok {
				s.SkipData()
			}
		})
	}
}

// Confirm raises analyzer_confirmation_info for a packet analyzer; the caller
// sees to it that it is once a connection.
func (c *connection) Confirm(name string) {
	if topic := c.table.events.AnalyzerConfirmationInfo; topic.Wanted() {
		topic.Enqueue(event.AnalyzerConfirmation{Name: name, Conn: c.Conn()})
	}
}

// Violation raises analyzer_violation_info for a packet analyzer, likewise.
func (c *connection) Violation(name, reason string, data []byte) {
	if ev := c.table.events; ev.AnalyzerViolationInfo.Wanted() {
		ev.AnalyzerViolationInfo.Enqueue(event.AnalyzerViolation{Name: name, Conn: c.Conn(), Reason: reason, Data: ev.Bytes(data)})
	}
}
