package conn

import (
	"slices"

	"github.com/gzeek/gzeek/analyzers"
)

// detector looks for SMTP in the first octets of a connection, whatever its
// ports: the client must say HELO or EHLO at the beginning of a line, the
// server 220 at the beginning of its stream. Until both have matched, what was
// delivered is kept, and then played to the analyzer that it attaches.
//
// Zeek: analyzer/protocol/pia/PIA.cc, scripts/base/protocols/smtp/dpd.sig.
type detector struct {
	t     *tcpConn
	kept  *pieces // while it buffers; nil for nothing
	size  uint64
	count uint64
	state detectorState

	client clientMatcher
	server serverMatcher
	fired  bool // the pair has matched once; it never does again
	// replaying says that streams are kept though the pair has matched.
	replaying bool
	// Zeek chooses the signatures of a direction by the header of its first
	// packet. Where a flip of the roles makes that packet go unnoticed, data
	// comes before the choice and none is made.
	chosen [2]choice // responder, originator

	packets packetBuffer
}

// packetBuffer is what a detector keeps of a connection that isn't reassembled
// (dpd_reassemble_first_packets=F): it looks at the packets as they come.
type packetBuffer struct {
	chunks      []chunk
	size, count uint64
	state       detectorState
}

// deliverPacket looks at a packet's payload (PIA::PIA_DeliverPacket).
func (d *detector) deliverPacket(seg *segment, isOrig bool) {
	b := &d.packets
	if b.state == skipping || d.fired {
		return
	}
	data := seg.data[:min(len(seg.data), seg.len)]
	next := b.state
	if b.state == buffering && len(data) > 0 {
		b.chunks = append(b.chunks, chunk{data: slices.Clone(data), seq: seg.rel, isOrig: isOrig})
		b.size += uint64(len(data))
		b.count++
		if o := &d.t.table.opts; b.size > o.DPDBufferSize || b.count > o.DPDMaxPackets {
			next = d.over()
		}
	}
	d.match(data, isOrig)
	b.state = next
	if d.fired || next == skipping {
		b.chunks = nil
	}
}

// startStream goes from packets to the streams: what was kept is put together,
// by the detector first, and from here on for all (PIA_TCP::ActivateAnalyzer).
// What the numbers of the last packets skip stays a gap that only conn.log has.
func (d *detector) startStream() (toAck [2]uint64) {
	t := d.t
	for _, e := range [2]*endpoint{t.orig, t.resp} {
		e.reassem.off, e.reassem.to = false, d
	}
	d.replaying = true
	for _, c := range d.packets.chunks {
		e, i := t.resp, 0
		if c.isOrig {
			e, i = t.orig, 1
		}
		e.reassem.dataSent(c.seq, c.data)
		toAck[i] = c.seq
	}
	d.replaying = false
	return toAck
}

// joinStream ends what startStream began.
func (d *detector) joinStream(toAck [2]uint64) {
	d.t.orig.reassem.ackReceived(toAck[1])
	d.t.resp.reassem.ackReceived(toAck[0])
	d.t.orig.reassem.to, d.t.resp.reassem.to = nil, nil
}

// choice is whether a direction's signatures were chosen, and how.
type choice uint8

const (
	open   choice = iota // not yet
	armed                // by a packet: they can match
	silent               // by data without a packet: they never match
)

// firstPacket notes that the first packet of a direction has come, before its
// data (PIA::FirstPacket, RuleMatcher::InitEndpoint).
func (d *detector) firstPacket(isOrig bool) {
	if c := d.choice(isOrig); *c == open {
		*c = armed
	}
}

func (d *detector) choice(isOrig bool) *choice {
	if isOrig {
		return &d.chosen[1]
	}
	return &d.chosen[0]
}

type detectorState uint8

const (
	buffering    detectorState = iota
	matchingOnly               // too late to attach, only reported
	skipping
)

// pieces are the delivered pieces that a detector keeps. Few connections have any
// at a time, so they are used again.
type pieces struct {
	chunks []chunk
	octets []byte
}

// Bounds of what is used again.
const (
	keepPieces = 256     // of them
	keepOctets = 4 << 10 // in each
	keepChunks = 64
)

// keep adds a copy of data, or a gap.
func (d *detector) keep(data []byte, c chunk) {
	if d.kept == nil {
		idle := &d.t.table.idlePieces
		if n := len(*idle); n > 0 {
			d.kept, *idle = (*idle)[n-1], (*idle)[:n-1]
		} else {
			d.kept = &pieces{chunks: make([]chunk, 0, 4), octets: make([]byte, 0, 256)}
		}
	}
	p := d.kept
	if data != nil {
		n := len(p.octets)
		p.octets = append(p.octets, data...)
		c.data = p.octets[n:len(p.octets):len(p.octets)]
	}
	p.chunks = append(p.chunks, c)
}

// drop forgets what was kept.
func (d *detector) drop() {
	p := d.kept
	if p == nil {
		return
	}
	d.kept = nil
	tb := d.t.table
	if len(tb.idlePieces) < keepPieces && cap(p.octets) <= keepOctets && cap(p.chunks) <= keepChunks {
		p.chunks, p.octets = p.chunks[:0], p.octets[:0]
		tb.idlePieces = append(tb.idlePieces, p)
	}
}

// chunk is a delivered piece, or a gap if data is nil.
type chunk struct {
	data   []byte
	seq, n uint64
	isOrig bool
}

func (d *detector) Name() string { return "PIA_TCP" }

// idle says that the detector doesn't look at data any more.
func (d *detector) idle() bool { return d.state == skipping || d.fired }

// DeliverStream implements analyzers.Analyzer. The chunk that exceeds the
// limit is still matched (PIA_TCP::DeliverStream).
func (d *detector) DeliverStream(data []byte, isOrig bool) {
	if d.state == skipping {
		return
	}
	next := d.state
	if d.state == buffering {
		if !d.fired || d.replaying {
			d.keep(data, chunk{isOrig: isOrig})
		}
		d.size += uint64(len(data))
		d.count++
		if o := &d.t.table.opts; d.size > o.DPDBufferSize || d.count > o.DPDMaxPackets {
			next = d.over()
		}
	}
	d.match(data, isOrig)
	d.state = next
	if (next != buffering || d.fired) && !d.replaying {
		d.drop()
	}
}

func (d *detector) over() detectorState {
	if d.t.table.opts.DPDMatchOnlyBeginning {
		return skipping
	}
	return matchingOnly
}

func (d *detector) match(data []byte, isOrig bool) {
	if d.fired {
		return
	}
	c := d.choice(isOrig)
	if *c == open {
		*c = silent
	}
	if *c == silent {
		return
	}
	if isOrig {
		d.client.feed(data)
	} else {
		d.server.feed(data)
	}
	if !d.client.matched || !d.server.matched {
		return
	}
	d.fired = true
	if d.state == matchingOnly {
		return
	}
	smtp := d.t.tree.add(d.t.table.newSMTP, "SMTP")
	if smtp == nil {
		return
	}
	packets := d.t.orig.reassem.off
	var toAck [2]uint64
	if packets {
		toAck = d.startStream()
	}
	var chunks []chunk
	if d.kept != nil {
		chunks = d.kept.chunks
	}
	for _, ch := range chunks {
		if ch.data == nil {
			smtp.a.Undelivered(ch.seq, int(ch.n), ch.isOrig)
		} else {
			smtp.a.DeliverStream(ch.data, ch.isOrig)
		}
	}
	if packets {
		d.drop()
		d.joinStream(toAck)
	}
}

// Undelivered implements analyzers.Analyzer.
func (d *detector) Undelivered(seq uint64, n int, isOrig bool) {
	if d.state != buffering || d.count == 0 {
		return
	}
	if !d.fired || d.replaying {
		d.keep(nil, chunk{seq: seq, n: uint64(n), isOrig: isOrig})
	}
	d.count++
	if d.count > d.t.table.opts.DPDMaxPackets {
		d.state = d.over()
		if !d.replaying {
			d.drop()
		}
	}
}

func (d *detector) EndpointEOF(bool)        {}
func (d *detector) ConnectionFinished(bool) {}
func (d *detector) ConnectionReset()        {}

func (d *detector) Done() {
	d.drop()
	d.packets.chunks = nil
}

var _ analyzers.Analyzer = (*detector)(nil)

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// serverMatcher finds white space, "220", then white space or '-', at the
// beginning of the stream.
type serverMatcher struct {
	n       uint8 // octets of "220" seen
	matched bool
	failed  bool
}

func (m *serverMatcher) feed(data []byte) {
	if m.matched || m.failed {
		return
	}
	for _, b := range data {
		switch {
		case m.n == 0 && isSpace(b):
		case m.n < 3 && b == "220"[m.n]:
			m.n++
		case m.n == 3 && (isSpace(b) || b == '-'):
			m.matched = true
			return
		default:
			m.failed = true
			return
		}
	}
}

// clientMatcher finds HELO or EHLO, in any case, at the beginning of the
// stream or of any later line, after any white space.
type clientMatcher struct {
	started bool
	atStart bool // only white space since the beginning or a line end
	word    [4]byte
	n       uint8 // octets of a possible word
	matched bool
}

func (m *clientMatcher) feed(data []byte) {
	if m.matched {
		return
	}
	if !m.started {
		m.started, m.atStart = true, true
	}
	for _, b := range data {
		switch {
		case b == '\n' || b == '\r':
			m.atStart, m.n = true, 0
		case m.atStart && m.n == 0 && isSpace(b):
		case m.atStart:
			m.word[m.n] = b &^ 0x20
			m.n++
			switch string(m.word[:m.n]) {
			case "HELO", "EHLO":
				m.matched = true
				return
			case "H", "HE", "HEL", "E", "EH", "EHL":
			default:
				m.atStart, m.n = false, 0
			}
		}
	}
}
