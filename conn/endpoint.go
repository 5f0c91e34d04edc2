package conn

// The states of a TCP endpoint, numbered as Zeek's TCP_INACTIVE.. constants.
const (
	stateInactive    = iota // no packet seen
	stateSynSent            // SYN seen
	stateSynAckSent         // SYN-ACK seen from the originator
	statePartial            // data seen, but no SYN
	stateEstablished        // handshake done
	stateClosed             // FIN seen
	stateReset              // RST seen
)

// History letters that are written once a side. The bits of the responder are
// shifted by 16 (TCP_Endpoint.h, HistoryMasks).
const (
	histSYN = 1 << iota
	histFIN
	histRST
	histFINRST
	histData
	histACK
	histMultiFlag
)

// endpoint is one side of a TCP connection (TCP_Endpoint).
type endpoint struct {
	tcp    *tcpConn
	peer   *endpoint
	isOrig bool

	state, prevState uint8
	didClose         bool

	startSeq           int64 // first sequence number, host order
	lastSeq, ackSeq    uint32
	seqWraps, ackWraps uint32
	lastTime           float64

	window                  uint32 // scaled
	windowScale             uint8
	windowSeq, windowAckSeq uint32

	finSeq         uint64 // relative
	finCnt, rstCnt uint32

	lastSYN, lastFIN, lastRST uint64 // for repeated history letters

	checksum, rexmit, zeroWindow, gap scaledCounter

	reassem reassembler
}

func (e *endpoint) init(tcp *tcpConn, peer *endpoint, isOrig bool) {
	e.tcp, e.peer, e.isOrig = tcp, peer, isOrig
	e.reassem.init(e)
}

// scaledCounter writes a history letter at the 1st, 10th, 100th... occurrence.
type scaledCounter struct{ n, threshold uint32 }

func (s *scaledCounter) scaled(c *connection, letter byte) {
	if s.threshold == 0 {
		s.threshold = 1
	}
	s.n++
	if s.n != s.threshold {
		return
	}
	c.history = append(c.history, letter)
	if next := s.threshold * 10; next > s.threshold {
		s.threshold = next
	} else {
		s.n = 0
	}
}

// letter returns the history letter of this side.
func (e *endpoint) letter(l byte) byte {
	if e.isOrig {
		return l
	}
	return l | 0x20
}

// checkHistory writes a letter unless the side has had one of that kind, and
// says whether it had (TCP_Endpoint::CheckHistory).
func (e *endpoint) checkHistory(mask uint32, letter byte) bool {
	c := &e.tcp.connection
	if (letter == 'A' || letter == 'D') && len(c.history) == 1 && c.history[0] == 'H' {
		// The connection began with a SYN-ACK, which alone could be a scan;
		// productive traffic now says that the SYN was missed: the sender of
		// the SYN-ACK is the responder.
		c.flip()
		c.history = append(c.history[:0], '^', 'h')
		e.tcp.setFirstPacketSeen(true)
	}
	if !e.isOrig {
		mask <<= 16
	}
	return c.checkHistory(mask, e.letter(letter))
}

func (e *endpoint) addHistory(letter byte) {
	e.tcp.history = append(e.tcp.history, e.letter(letter))
}

func isHandshake(state uint8) bool { return state <= stateSynAckSent }

func (e *endpoint) setState(state uint8) {
	if state == e.state {
		return
	}
	if !isHandshake(state) && isHandshake(e.state) && isHandshake(e.peer.state) {
		e.tcp.SetInactivityTimeout(e.tcp.table.opts.TCPInactivityTimeout)
	}
	e.prevState, e.state = e.state, state
}

func (e *endpoint) isActive() bool { return e.state != stateInactive && !e.didClose }

func fullSeq(seq, wraps uint32) uint64 { return uint64(wraps)<<32 + uint64(seq) }

// relative returns the distance of a sequence number from the first one.
func (e *endpoint) relative(seq, wraps uint32) uint64 {
	return fullSeq(seq, wraps) - uint64(e.startSeq)
}

func (e *endpoint) initSeqs(start, ack, last uint32) {
	e.startSeq, e.ackSeq, e.lastSeq = int64(start), ack, last
}

func (e *endpoint) updateLastSeq(seq uint32) {
	if seq < e.lastSeq {
		e.seqWraps++
	}
	e.lastSeq = seq
}

func (e *endpoint) updateAckSeq(seq uint32) {
	if seq < e.ackSeq {
		e.ackWraps++
	}
	e.ackSeq = seq
}

// noDataAcked says that at most the SYN was acknowledged.
func (e *endpoint) noDataAcked() bool {
	d := e.relative(e.ackSeq, e.ackWraps)
	return d == 0 || d == 1
}

// size is the number of payload octets by sequence numbers: what was sent or
// acknowledged, whichever is more, without SYN and FIN (TCP_Endpoint::Size).
func (e *endpoint) size() uint64 {
	if e.prevState == stateSynSent && e.state == stateReset && e.peer.state == stateInactive && !e.noDataAcked() {
		// A half-open connection, discovered and aborted.
		return 0
	}
	n := max(fullSeq(e.lastSeq, e.seqWraps), fullSeq(e.ackSeq, e.ackWraps)) - uint64(e.startSeq)
	if n != 0 {
		n-- // SYN
	}
	if e.finCnt > 0 && n != 0 {
		n--
	}
	return n
}
