package conn

import (
	"encoding/binary"
	"strconv"

	"github.com/gzeek/gzeek/packet"
)

// flags are the TCP flags of a segment.
type flags uint8

func (f flags) fin() bool { return f&0x01 != 0 }
func (f flags) syn() bool { return f&0x02 != 0 }
func (f flags) rst() bool { return f&0x04 != 0 }
func (f flags) ack() bool { return f&0x10 != 0 }
func (f flags) urg() bool { return f&0x20 != 0 }

const tcpHeaderLen = 20

// tooLargeDelta is how far a SYN or RST may jump and still be believed.
const tooLargeDelta = 1 << 20

// segment is a TCP header; lengths are of the payload.
type segment struct {
	flags    flags
	seq, ack uint32
	window   uint16
	options  []byte
	len      int    // payload by the IP header
	data     []byte // payload as captured, may be shorter, or longer by padding
	rel      uint64 // relative number of the first octet of payload
}

// tcpConn is a TCP connection (TCPSessionAdapter).
type tcpConn struct {
	connection
	orig, resp *endpoint // by role; a flip exchanges them
	ends       [2]endpoint

	firstPacketSeen  uint8 // by role
	isPartial        bool
	isActive         bool  // cleared by the events that end a connection
	children         uint8 // of tree.few that are taken
	closeDeferred    bool
	deferredGenEvent bool

	tree      tree
	detection detector
	detect    *detector // detection, which is in the tree too; nil without signatures

	timers *tcpTimer // the first of the ring, nil without any
}

const (
	seenOrig = 1
	seenResp = 2
)

func (t *tcpConn) initTCP() {
	t.isActive = true
	t.orig, t.resp = &t.ends[0], &t.ends[1]
	t.orig.init(t, t.resp, true)
	t.resp.init(t, t.orig, false)
	t.tree.init(t)
}

func (t *tcpConn) setFirstPacketSeen(isOrig bool) {
	if isOrig {
		t.firstPacketSeen |= seenOrig
	} else {
		t.firstPacketSeen |= seenResp
	}
}

func (t *tcpConn) isClosed() bool   { return t.orig.didClose || t.resp.didClose }
func (t *tcpConn) bothClosed() bool { return t.orig.didClose && t.resp.didClose }

// weird raises a weird of the state machine, whose source is "TCP".
func (t *tcpConn) tcpWeird(name string) { t.weird(name, "", "TCP") }

func seqDelta(a, b uint32) int32 { return int32(a - b) }

func seqBetween(a, b, c uint32) bool {
	if b <= c {
		return a >= b && a <= c
	}
	return a >= b || a <= c
}

// deliver takes one packet of the connection: header, checksum, state machine,
// data (TCP.cc, TCPAnalyzer::DeliverPacket).
func (t *tcpConn) deliver(p *packet.Packet, isOrig bool) {
	seg, ok := t.parseSegment(p)
	if !ok {
		return
	}
	e := t.orig
	if !isOrig {
		e = t.resp
	}
	opts := &t.table.opts
	if p.Glance == nil && !opts.IgnoreChecksums && len(seg.data) >= seg.len && !t.table.ignoreChecksum(p) &&
		!packet.TransportChecksumOK(&p.IP, protoTCP, p.IP.Payload[:len(p.IP.Payload)-len(seg.data)+seg.len]) {
		t.tcpWeird("bad_TCP_checksum")
		e.checksum.scaled(&t.connection, e.letter('C'))
		return
	}
	orig := t.orig
	t.process(&seg, e)
	if t.orig != orig {
		isOrig = !isOrig
	}
	t.count(p, isOrig)
	if t.detect != nil && t.orig.reassem.off {
		t.detect.deliverPacket(&seg, isOrig)
	}
}

// parseSegment reads the header. The connection exists already, so what is
// wrong with it is a weird of the connection.
func (t *tcpConn) parseSegment(p *packet.Packet) (seg segment, ok bool) {
	h := p.IP.Payload
	length := p.IP.PayloadLen()
	if p.IP.TotalLen == 0 {
		length = len(h) // segmentation offloading
	}
	hdr := int(h[12]>>4) * 4
	if hdr < tcpHeaderLen {
		t.tcpWeird("bad_TCP_header_len")
		return seg, false
	}
	if hdr > length || hdr > len(h) {
		t.tcpWeird("truncated_header")
		return seg, false
	}
	return segment{
		seq:     binary.BigEndian.Uint32(h[4:]),
		ack:     binary.BigEndian.Uint32(h[8:]),
		flags:   flags(h[13]),
		window:  binary.BigEndian.Uint16(h[14:]),
		options: h[tcpHeaderLen:hdr],
		len:     length - hdr,
		data:    h[hdr:],
	}, true
}

// process runs one segment through numbers, history, window, state machine
// and reassembly. The order of the steps decides the order of history letters
// and events (TCPSessionAdapter::Process).
func (t *tcpConn) process(seg *segment, e *endpoint) {
	now := t.table.packetTime
	opts := &t.table.opts
	peer := e.peer
	f := seg.flags
	isOrig := e.isOrig

	t.setPartialStatus(f, isOrig)

	segLen := seg.len
	if f.syn() {
		segLen++
	}
	if f.fin() {
		segLen++
	}
	if f.rst() {
		segLen -= seg.len // the payload of a RST is not part of the stream
	}
	pastSegment := seg.seq + uint32(segLen)

	t.initEndpoint(e, f, seg.seq, pastSegment)

	relSeq, underflow := e.relativeSeq(seg.seq, e.lastSeq, e.seqWraps)
	if underflow && !f.rst() {
		t.tcpWeird("TCP_seq_underflow_or_misorder")
	}

	t.updateHistory(f, e, relSeq, seg.len)
	t.updateWindow(e, uint32(seg.window), seg.seq, seg.ack, f)

	if !t.orig.didClose || !t.resp.didClose {
		t.lastTime = now
	}

	if f.syn() {
		t.synWeirds(f, seg.len)
		t.initWindow(e, f, seg.windowScale(), seg.seq, seg.ack)
	}
	if f.fin() {
		e.finCnt++
		if uint64(e.finCnt) >= opts.TCPStormThresh && now < e.lastTime+opts.TCPStormInterarrival {
			t.tcpWeird("FIN_storm")
		}
		e.finSeq = relSeq + uint64(segLen)
	}
	if f.rst() {
		e.rstCnt++
		if uint64(e.rstCnt) >= opts.TCPStormThresh && now < e.lastTime+opts.TCPStormInterarrival {
			t.tcpWeird("RST_storm")
		}
	}

	var relAck uint64
	if f.ack() {
		if peer.state == stateInactive {
			relAck = 1
			t.initPeer(peer, e, f, seg.ack)
		} else {
			var ackUnderflow bool
			relAck, ackUnderflow = peer.relativeSeq(seg.ack, peer.ackSeq, peer.ackWraps)
			if ackUnderflow {
				relAck = 0
				t.tcpWeird("TCP_ack_underflow_or_misorder")
			} else if !f.rst() {
				updateAck(peer, seg.ack)
			}
		}
	}

	deltaLast := t.updateLast(e, pastSegment, f, seg.len)
	e.lastTime = now

	doClose, genEvent := t.updateState(e, isOrig, seg, deltaLast)

	if f.ack() {
		// After the state machine, so that a gap that shows at the very end
		// of the connection is known to be unreliable.
		peer.reassem.ackReceived(relAck)
	}

	seen := t.firstPacketSeen
	t.setFirstPacketSeen(isOrig)
	if t.firstPacketSeen != seen && t.detect != nil {
		t.detect.firstPacket(isOrig)
	}

	relData := relSeq
	if f.syn() {
		relData++
	}
	seg.rel = relData
	if seg.len > 0 && !f.rst() && !underflow && !e.reassem.off {
		if len(seg.data) >= seg.len {
			e.reassem.dataSent(relData, seg.data[:seg.len])
		} else {
			t.tcpWeird("truncated_tcp_payload")
		}
	}
	e.reassem.checkEOF()

	if doClose {
		// After the data, so that connection_finished follows what came with
		// the FIN.
		t.connectionClosed(e, peer, genEvent)
	}
}

func (t *tcpConn) setPartialStatus(f flags, isOrig bool) {
	if isOrig {
		if t.firstPacketSeen&seenOrig == 0 {
			t.isPartial = !f.syn() || f.ack()
		}
	} else if t.firstPacketSeen&seenResp == 0 && !t.isPartial {
		t.isPartial = !f.syn()
	}
}

// initEndpoint sets up a side's numbers at its first packet, and again at a
// SYN that says otherwise (TCPSessionAdapter.cc, init_endpoint).
func (t *tcpConn) initEndpoint(e *endpoint, f flags, first, last uint32) {
	switch e.state {
	case stateInactive:
		if f.syn() {
			e.initSeqs(first, first, last)
		} else {
			// As if a SYN had been seen, so that the first octet is number 1;
			// and so that the packet is not taken for a retransmission.
			e.initSeqs(first-1, first-1, first)
		}
	case stateSynSent, stateSynAckSent:
		if f.syn() && int64(first) != e.startSeq {
			t.weird("SYN_seq_jump", "", "")
			e.initSeqs(first, first, last)
		}
	case stateEstablished, statePartial:
		if f.syn() {
			if e.size() > 0 {
				t.weird("SYN_inside_connection", "", "")
			}
			if int64(first) != e.startSeq {
				t.weird("SYN_seq_jump", "", "")
			}
			e.initSeqs(first, first, last)
		}
	case stateReset:
		if f.syn() && e.prevState == stateInactive {
			// The numbers came from a RST that may have been forged.
			e.initSeqs(first, first, last)
		}
	}
}

// relativeSeq turns a sequence number into the relative space, guessing
// wrap-around from the newest one; underflow says that it lies before the
// start (TCPSessionAdapter::get_relative_seq).
func (e *endpoint) relativeSeq(seq, last, wraps uint32) (rel uint64, underflow bool) {
	delta := seqDelta(seq, last)
	if delta < 0 {
		if wraps > 0 && seq > last {
			wraps--
		}
	} else if delta > 0 && seq < last {
		wraps++
	}
	if wraps == 0 {
		d := seqDelta(seq, uint32(e.startSeq))
		return uint64(int64(d)), d < 0
	}
	return e.relative(seq, wraps), false
}

func (t *tcpConn) updateHistory(f flags, e *endpoint, relSeq uint64, length int) {
	bits := 0
	for _, b := range [...]bool{f.syn(), f.fin(), f.rst()} {
		if b {
			bits++
		}
	}
	switch {
	case bits > 1:
		if f.fin() && f.rst() {
			e.checkHistory(histFINRST, 'I')
		} else {
			e.checkHistory(histMultiFlag, 'Q')
		}
	case f.syn():
		code := byte('S')
		if f.ack() {
			code = 'H'
		}
		if e.checkHistory(histSYN, code) && relSeq != e.lastSYN {
			e.addHistory(code)
		}
		e.lastSYN = relSeq
	case f.fin():
		// A FIN's number is that of the end of the packet's data.
		end := relSeq + uint64(length)
		if e.checkHistory(histFIN, 'F') && end != e.lastFIN {
			e.addHistory('F')
		}
		e.lastFIN = end
	case f.rst():
		if e.checkHistory(histRST, 'R') && relSeq != e.lastRST {
			e.addHistory('R')
		}
		e.lastRST = relSeq
	case length > 0:
		e.checkHistory(histData, 'D')
	case f.ack():
		e.checkHistory(histACK, 'A')
	}
}

func (t *tcpConn) updateWindow(e *endpoint, window, seq, ack uint32, f flags) {
	scale := e.windowScale
	window <<= scale
	if window == 0 && !f.rst() && e.peer.state != stateClosed && e.state != stateReset {
		e.zeroWindow.scaled(&t.connection, e.letter('W'))
	}
	if f.syn() || f.fin() || f.rst() || e.state == stateClosed || e.state == stateReset {
		return
	}
	if seqDelta(seq, e.windowSeq) < 0 || seqDelta(ack, e.windowAckSeq) < 0 {
		return
	}
	if advance := seqDelta(ack+window, e.windowAckSeq+e.window); advance < 0 && -advance >= 1<<scale {
		t.weird("window_recision", "", "")
	}
	e.window, e.windowAckSeq, e.windowSeq = window, ack, seq
}

// windowScale returns the window scale option of a SYN, -1 without one.
func (s *segment) windowScale() int {
	scale := -1
	for o := s.options; len(o) > 0; {
		kind := o[0]
		if kind == 0 {
			break
		}
		if kind == 1 {
			o = o[1:]
			continue
		}
		if len(o) < 2 || int(o[1]) > len(o) || o[1] == 0 {
			break
		}
		if kind == 3 && o[1] >= 3 {
			scale = int(o[2])
		}
		o = o[o[1]:]
	}
	return scale
}

func (t *tcpConn) initWindow(e *endpoint, f flags, scale int, seq, ack uint32) {
	peer := e.peer
	if scale < 0 {
		e.windowScale = 0
		if f.ack() { // not negotiated
			peer.windowScale = 0
		}
		return
	}
	if scale > 14 { // RFC 7323, section 2.3
		if !t.didWeird {
			t.weird("TCP_scale_range", strconv.Itoa(scale), "TCP")
		}
		scale = 14
	}
	e.windowScale = uint8(scale)
	e.windowSeq, e.windowAckSeq = seq, ack
	peer.windowSeq, peer.windowAckSeq = ack, seq
}

// initPeer starts the numbers of a side that is known only from acks.
func (t *tcpConn) initPeer(peer, e *endpoint, f flags, ack uint32) {
	if !f.syn() && !f.fin() && !f.rst() &&
		(e.state == stateSynSent || e.state == stateSynAckSent || e.state == stateEstablished) && !t.didWeird {
		t.weird("possible_split_routing", "", "")
	}
	peer.initSeqs(ack-1, ack-1, ack-1)
}

func updateAck(e *endpoint, ack uint32) {
	delta := seqDelta(ack, e.ackSeq)
	if ack == 0 && delta > tooLargeDelta {
		return // rather a broken ack than a connection that happens to be there
	}
	if delta > 0 {
		e.updateAckSeq(ack)
	}
}

// updateLast moves the end of what a side has sent, and returns by how much
// (it may be negative).
func (t *tcpConn) updateLast(e *endpoint, last uint32, f flags, length int) int32 {
	delta := seqDelta(last, e.lastSeq)
	switch {
	case (f.syn() || f.rst()) && (delta > tooLargeDelta || delta < -tooLargeDelta):
	case f.fin() && e.lastSeq == uint32(e.startSeq)+1:
		// Only SYN and FIN were seen, of a connection of possibly more than 2 GB.
		e.updateLastSeq(last)
	case e.state == stateReset:
	case delta > 0:
		e.updateLastSeq(last)
	case length > 0:
		e.rexmit.scaled(&t.connection, e.letter('T'))
	}
	return delta
}

func (t *tcpConn) synWeirds(f flags, length int) {
	if f.rst() {
		t.tcpWeird("TCP_christmas")
	}
	if f.urg() {
		t.tcpWeird("baroque_SYN")
	}
	if length > 0 {
		t.tcpWeird("SYN_with_data")
	}
}

// isReuse says whether a packet begins a new connection with the ports of this
// one (TCPSessionAdapter::IsReuse).
func (t *tcpConn) isReuse(now float64, h []byte) bool {
	if len(h) < tcpHeaderLen || h[12]>>4 < 5 {
		return false
	}
	f := flags(h[13])
	if !f.syn() {
		return false
	}
	orig := t.orig
	if f.ack() {
		if t.orig.state != stateInactive {
			return false
		}
		orig = t.resp
	}
	noReset := t.orig.state != stateReset && t.resp.state != stateReset
	switch {
	case !t.isClosed():
		seq := int64(binary.BigEndian.Uint32(h[4:]))
		if seq == orig.startSeq {
			return false
		}
		if !f.ack() && orig.state == stateSynAckSent && t.resp.state == stateInactive && seq == t.resp.startSeq {
			return false // SYN and SYN-ACK in the wrong order
		}
		if orig.state == stateSynSent {
			t.tcpWeird("SYN_seq_jump")
		} else {
			t.tcpWeird("active_connection_reuse")
		}
	case (t.orig.isActive() || t.resp.isActive()) && noReset:
		t.tcpWeird("active_connection_reuse")
	case now-t.lastTime < t.table.opts.TCPConnectionLinger && noReset:
		t.tcpWeird("premature_connection_reuse")
	}
	return true
}

// flipTCP exchanges the roles (TCPSessionAdapter::FlipRoles).
func (t *tcpConn) flipTCP() {
	t.orig, t.resp = t.resp, t.orig
	t.orig.isOrig, t.resp.isOrig = true, false
	var seen uint8
	if t.firstPacketSeen&seenOrig != 0 {
		seen |= seenResp
	}
	if t.firstPacketSeen&seenResp != 0 {
		seen |= seenOrig
	}
	t.firstPacketSeen = seen
	t.isPartial = false
}
