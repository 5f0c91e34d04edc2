package conn

// reassembler puts one side's stream together: what comes in order is
// delivered at once, what lies above a hole waits, and a hole that the peer
// acknowledges is a gap. Sequence numbers are relative, the first octet of
// payload is 1.
//
// Zeek: analyzer/protocol/tcp/TCP_Reassembler.cc, Reassem.cc.
type reassembler struct {
	e      *endpoint
	blocks blockList

	last uint64 // next octet to deliver
	trim uint64 // everything below is done with

	hadGap         bool
	didEOF         bool
	skipDeliveries bool
	recording      bool // Table.recordings has where to

	off bool      // nobody needs the stream put together
	to  *detector // what is replayed goes there alone
}

func (r *reassembler) init(e *endpoint) {
	r.e = e
	r.last, r.trim = 1, 1
}

// dataSent takes a segment's payload (TCP_Reassembler::DataSent).
func (r *reassembler) dataSent(seq uint64, data []byte) {
	if r.skipDeliveries {
		return
	}
	e := r.e
	if r.to != nil {
		r.store(seq, data)
		return
	}
	ack := e.relative(e.ackSeq, e.ackWraps)
	upper := seq + uint64(len(data))
	if seq < ack {
		if upper <= ack {
			return // acknowledged already, whether it was seen or not
		}
		data = data[ack-seq:]
		seq = ack
	}
	r.store(seq, data)
}

// store takes a piece, and gives the stream up where it can't be followed.
func (r *reassembler) store(seq uint64, data []byte) {
	r.newBlock(seq, data)

	e := r.e
	opts := &e.tcp.table.opts
	if e.noDataAcked() && opts.TCPMaxAboveHole != 0 && r.undelivered() > opts.TCPMaxAboveHole {
		r.giveUp("above_hole_data_without_any_acks")
	}
	if opts.TCPExcessiveData != 0 && r.blocks.size > opts.TCPExcessiveData {
		r.giveUp("excessive_data_without_further_acks")
	}
}

// giveUp drops what is stored; the stream delivers nothing any more.
func (r *reassembler) giveUp(weird string) {
	r.e.tcp.weird(weird, "", "TCP")
	r.blocks.clear()
	r.skipDeliveries = true
}

// undelivered is the distance from what was delivered to the end of what is
// stored. It wraps if the last piece ends below, as in Zeek.
func (r *reassembler) undelivered() uint64 {
	if r.blocks.empty() {
		return 0
	}
	return r.blocks.last().upper - r.last
}

// newBlock stores a piece and delivers what has become deliverable
// (Reassembler::NewBlock).
func (r *reassembler) newBlock(seq uint64, data []byte) {
	if max := ^uint64(0) - seq; uint64(len(data)) > max {
		data = data[:max]
	}
	upper := seq + uint64(len(data))
	if len(data) == 0 || upper <= r.trim {
		return
	}
	if seq < r.trim {
		data = data[r.trim-seq:]
		seq = r.trim
	}
	r.blocks.begin(&r.e.tcp.table.firstRuns)
	keep := r.e.tcp.table.opts.KeepContents
	if seq == r.last && !keep && (r.blocks.empty() || r.blocks.last().upper <= seq) {
		// In order, the good case: nothing of it needs to be kept.
		r.blocks.appendDelivered(seq, upper)
		r.last = upper
		r.deliver(data)
		r.dropUnacked()
		return
	}
	r.blocks.insert(seq, data)
	r.deliverStored(seq, upper)
}

// deliverStored delivers what is contiguous, if the piece [seq, upper) reaches
// down to what was delivered (TCP_Reassembler::BlockInserted).
func (r *reassembler) deliverStored(seq, upper uint64) {
	if seq > r.last || upper <= r.last {
		return
	}
	for {
		b := r.blocks.at(r.blocks.search(r.last))
		if b == nil || b.seq != r.last {
			break
		}
		data := b.data
		if !r.e.tcp.table.opts.KeepContents {
			b.data = nil
		}
		r.last = b.upper
		r.deliver(data)
	}
	r.dropUnacked()
}

// dropUnacked drops what was delivered if nothing was ever acknowledged: the
// peer's acks are probably not seen at all.
func (r *reassembler) dropUnacked() {
	e := r.e
	if max := e.tcp.table.opts.TCPMaxInitialWindow; max != 0 && e.noDataAcked() && e.size() > max {
		r.trimTo(r.last)
	}
}

func (r *reassembler) deliver(data []byte) {
	if r.recording {
		r.record().write(data)
	}
	if r.skipDeliveries || len(data) == 0 {
		return
	}
	if r.to != nil {
		r.to.DeliverStream(data, r.e.isOrig)
	} else {
		r.e.tcp.forwardStream(data, r.e.isOrig)
	}
}

// ackReceived says that the peer has acknowledged everything below seq
// (TCP_Reassembler::AckReceived).
func (r *reassembler) ackReceived(seq uint64) {
	if r.off {
		return
	}
	if r.e.finCnt > 0 && seq >= r.e.finSeq {
		seq = r.e.finSeq - 1
	}
	if seq <= r.trim {
		return
	}
	r.countAck(seq)
	r.trimTo(seq)
	r.checkEOF()
}

// countAck counts an acknowledgement of data, and whether it is of some that was
// never seen (TCP_Reassembler::AckReceived, DataBlockList::Trim).
func (r *reassembler) countAck(seq uint64) {
	tcp := r.e.tcp
	if r.skipDeliveries || !tcp.table.opts.ReportGapsForPartial &&
		(r.e.state != stateEstablished || r.e.peer.state != stateEstablished) {
		return
	}
	tcp.table.stats.Acks++
	if seq > r.last && r.misses(seq) {
		tcp.table.stats.Gaps++
	}
}

// misses says whether something below seq, which lies above what was delivered,
// is not there. The last octet of a stream is forgiven: it may be a FIN.
func (r *reassembler) misses(seq uint64) bool {
	if r.blocks.empty() || r.blocks.first().seq > r.last {
		return true
	}
	upper := r.blocks.first().upper
	for p := r.blocks.search(upper); ; p = r.blocks.next(p) {
		b := r.blocks.at(p)
		if b == nil || b.seq > seq {
			return upper < seq-1
		}
		if b.seq != upper {
			return true
		}
		if upper = b.upper; upper > seq {
			return false
		}
	}
}

// trimTo forgets everything below seq; what of it was never delivered is a
// gap (DataBlockList::Trim).
func (r *reassembler) trimTo(seq uint64) {
	if seq > r.last {
		r.missed(seq)
	}
	for !r.blocks.empty() && r.blocks.first().upper <= seq {
		r.blocks.popFirst()
	}
	if !r.blocks.empty() {
		if b := r.blocks.first(); b.seq == r.last {
			r.deliverStored(b.seq, b.upper)
		}
	}
	r.trim = seq
}

// missed declares the holes below upTo gaps, and delivers what lies between
// them (TCP_Reassembler::Undelivered).
func (r *reassembler) missed(upTo uint64) {
	tcp := r.e.tcp
	if upTo <= 2 && tcp.isPartial {
		// The numbers of a partial connection are made up as if a SYN had been
		// seen; a keep-alive as first packet is one octet off. No gap.
		return
	}
	switch {
	case tcp.table.opts.DetectFilteredTrace && r.last == 1 &&
		(r.e.finCnt > 0 || r.e.rstCnt > 0 || r.e.peer.finCnt > 0 || r.e.peer.rstCnt > 0):
		r.skipDeliveries = true
	case !r.skipDeliveries:
		for {
			b := r.blocks.at(r.blocks.search(r.last))
			if b == nil || b.seq >= upTo || b.seq < r.last {
				break
			}
			if n := b.seq - r.last; n > 0 {
				r.gap(r.last, n)
				r.last += n
			}
			if r.skipDeliveries || r.blocks.empty() {
				break
			}
			r.deliverStored(b.seq, b.upper)
		}
		if upTo > r.last {
			r.gap(r.last, upTo-r.last)
		}
	}
	if r.recording {
		r.recordTo(r.last, upTo)
	}
	if upTo > r.last {
		r.last = upTo
	}
}

func isClean(e *endpoint) bool {
	return e.state == stateEstablished || e.state == stateClosed && e.prevState == stateEstablished
}

// gap reports a hole. The event and the history letter need both sides in a
// clean state: elsewhere sequence numbers are not reliable. Analyzers hear of
// it anyway.
func (r *reassembler) gap(seq, n uint64) {
	tcp := r.e.tcp
	clean := isClean(r.e) && isClean(r.e.peer)
	if clean {
		r.e.gap.scaled(&tcp.connection, r.e.letter('G'))
	}
	if clean || tcp.table.opts.ReportGapsForPartial {
		tcp.contentGap(r.e.isOrig, seq, n)
	}
	if r.to != nil {
		r.to.Undelivered(seq, int(n), r.e.isOrig)
	} else {
		tcp.forwardUndelivered(seq, n, r.e.isOrig)
	}
	r.hadGap = true
}

// checkEOF tells the analyzers, once, that this side will send nothing more.
func (r *reassembler) checkEOF() {
	if r.off || r.didEOF || r.e.finCnt == 0 && r.e.state != stateClosed && r.e.state != stateReset || r.dataPending() {
		return
	}
	r.didEOF = true
	r.e.tcp.endpointEOF(r.e)
}

// dataPending says whether the stream's end has not been reached yet
// (TCP_Reassembler::DataPending).
func (r *reassembler) dataPending() bool {
	if r.off || r.skipDeliveries {
		return false
	}
	delivered := uint64(r.e.startSeq) + r.last
	last := fullSeq(r.e.lastSeq, r.e.seqWraps)
	if last < delivered {
		// The numbers were never trustworthy.
		return false
	}
	if delivered != last-1 && delivered != last {
		return true
	}
	return r.e.state != stateReset && !r.e.peer.reassem.blocks.empty()
}
