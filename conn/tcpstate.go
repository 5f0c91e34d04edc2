package conn

import ()

// updateState runs the state machine of the sender. isOrig is the direction
// that the packet had when it came: if this very packet flipped the
// connection, it is stale, as in Zeek. It returns whether the side is to be
// considered closed, and whether that is worth an event
// (TCPSessionAdapter::UpdateStateMachine).
func (t *tcpConn) updateState(e *endpoint, isOrig bool, seg *segment, deltaLast int32) (doClose, genEvent bool) {
	switch e.state {
	case stateInactive:
		return t.updateInactive(e, isOrig, seg)
	case stateSynSent, stateSynAckSent:
		return t.updateSynSent(e, isOrig, seg)
	case stateEstablished, statePartial:
		return t.updateEstablished(e, seg.flags)
	case stateClosed:
		return t.updateClosed(e, seg.flags, deltaLast), false
	case stateReset:
		t.updateReset(seg)
	}
	return false, false
}

func (t *tcpConn) updateInactive(e *endpoint, isOrig bool, seg *segment) (doClose, genEvent bool) {
	f, peer := seg.flags, e.peer
	ev := t.table.events
	if f.syn() {
		if isOrig {
			if f.ack() {
				t.tcpWeird("connection_originator_SYN_ack")
				e.setState(stateSynAckSent)
			} else {
				e.setState(stateSynSent)
			}
			if d := t.table.opts.TCPAttemptDelay; d != 0 {
				t.addTimer(t.table.packetTime+d, true, (*tcpConn).attemptTimer)
			}
		} else {
			switch {
			case f.ack():
				if peer.state != stateInactive && peer.state != statePartial &&
					!seqBetween(seg.ack, uint32(peer.startSeq), peer.lastSeq) {
					t.tcpWeird("bad_SYN_ack")
				}
			case peer.state == stateSynAckSent && int64(seg.seq) == e.startSeq:
				// SYN and SYN-ACK came in the wrong order: see isReuse.
				t.isPartial = false
				t.flip()
				peer.setState(stateEstablished)
				t.setFirstPacketSeen(true)
			default:
				t.tcpWeird("simultaneous_open")
			}
			if peer.state == stateSynSent {
				peer.setState(stateEstablished)
			} else if peer.state == stateInactive {
				t.tcpWeird("unsolicited_SYN_response")
			}
			e.setState(stateEstablished)
			if peer.state != statePartial {
				t.raise(ev.ConnectionEstablished)
			}
		}
	}

	if f.fin() {
		e.setState(stateClosed)
		doClose, genEvent = true, true
		if peer.state != statePartial && !f.syn() {
			t.tcpWeird("spontaneous_FIN")
		}
	}

	if f.rst() {
		e.setState(stateReset)
		reject := false
		if isOrig {
			// A SYN-ACK without a SYN that is answered by a RST: a reverse scan.
			reject = peer.state == stateEstablished
		} else {
			reject = peer.state == stateSynSent || peer.state == stateSynAckSent
		}
		doClose, genEvent = true, !reject
		if reject {
			t.raise(ev.ConnectionRejected)
		} else if peer.state == stateInactive {
			t.tcpWeird("spontaneous_RST")
		}
	}

	if e.state == stateInactive { // no flags that would change the state
		switch {
		case !isOrig && seg.len == 0 && t.orig.state == stateSynSent:
			// Some TCPs acknowledge a SYN before they answer it.
		case f.ack() && peer.state == stateEstablished:
			// The SYN was missed.
			e.setState(stateEstablished)
			t.isPartial = false
			t.setFirstPacketSeen(isOrig)
		default:
			e.setState(statePartial)
			if peer.state == statePartial {
				t.raise(ev.PartialConnection)
			}
		}
	}
	return doClose, genEvent
}

func (t *tcpConn) updateSynSent(e *endpoint, isOrig bool, seg *segment) (doClose, genEvent bool) {
	f := seg.flags
	if f.syn() {
		if isOrig {
			if f.ack() && !f.fin() && !f.rst() && e.state != stateSynAckSent {
				t.tcpWeird("repeated_SYN_with_ack")
			}
		} else if !f.ack() && e.state != stateSynSent {
			t.tcpWeird("repeated_SYN_reply_wo_ack")
		}
	}
	if f.fin() {
		if e.peer.state == stateInactive || e.peer.state == stateSynSent {
			t.tcpWeird("inappropriate_FIN")
		}
		e.setState(stateClosed)
		doClose, genEvent = true, true
	}
	if f.rst() {
		e.setState(stateReset)
		t.connectionReset()
		doClose = true
	} else if seg.len > 0 {
		t.tcpWeird("data_before_established")
	}
	return doClose, genEvent
}

func (t *tcpConn) updateEstablished(e *endpoint, f flags) (doClose, genEvent bool) {
	peer := e.peer
	if f.syn() && e.state == statePartial && peer.state == stateInactive && !f.ack() {
		t.tcpWeird("SYN_after_partial")
		e.setState(stateSynSent)
	}
	if f.fin() && !f.rst() {
		e.setState(stateClosed)
		if peer.state == stateReset && peer.prevState == stateClosed {
			// The peer sent FIN and then RST: this was a normal end after all.
			peer.setState(stateClosed)
		}
		doClose, genEvent = true, true
	}
	if f.rst() {
		e.setState(stateReset)
		doClose = true
		if peer.state != stateReset || peer.prevState != stateEstablished {
			t.connectionReset()
		}
	}
	return doClose, genEvent
}

func (t *tcpConn) updateClosed(e *endpoint, f flags, deltaLast int32) (doClose bool) {
	if f.syn() {
		t.tcpWeird("SYN_after_close")
	}
	if f.fin() && deltaLast > 0 {
		t.tcpWeird("FIN_advanced_last_seq")
	}
	if f.rst() && e.peer.state != stateClosed {
		e.setState(stateReset)
		doClose = !e.didClose
		if t.table.events.ConnectionReset.Wanted() {
			t.addTimer(t.table.packetTime+t.table.opts.TCPResetDelay, true, (*tcpConn).resetTimer)
		}
	}
	return doClose
}

func (t *tcpConn) updateReset(seg *segment) {
	f := seg.flags
	if f.syn() {
		t.tcpWeird("SYN_after_reset")
	}
	if f.fin() {
		t.tcpWeird("FIN_after_reset")
	}
	if seg.len > 0 && !f.rst() {
		t.tcpWeird("data_after_reset")
	}
}

// connectionClosed notes that a side has closed, unless data of it is still
// pending, and arms the timer that removes the connection
// (TCPSessionAdapter::ConnectionClosed).
//
// closeDeferred is one flag for both sides: a close of the other side that is
// not deferred clears it, and the first side then never counts as closed.
func (t *tcpConn) connectionClosed(e, peer *endpoint, genEvent bool) {
	if e.reassem.dataPending() {
		t.closeDeferred = true
		if !t.deferredGenEvent {
			t.deferredGenEvent = genEvent
		}
		return
	}
	t.closeDeferred = false
	if e.didClose {
		return
	}
	e.didClose = true

	opts := &t.table.opts
	if e.state == stateReset || peer.didClose || peer.state == stateInactive {
		if e.prevState != stateInactive || peer.state != stateInactive {
			if t.deferredGenEvent {
				genEvent = true
				t.deferredGenEvent = false
			}
			if genEvent {
				t.connectionFinished(peer.state == stateInactive)
			}
		}
		t.cancelTimers()
		if opts.TCPCloseDelay != 0 {
			t.addTimer(t.lastTime+opts.TCPCloseDelay, false, (*tcpConn).closeTimer)
		} else {
			t.addTimer(t.lastTime, false, (*tcpConn).deleteTimer)
		}
		return
	}
	if e.prevState == stateInactive {
		if t.table.events.ConnectionPartialClose.Wanted() {
			t.addTimer(t.lastTime+opts.TCPPartialCloseDelay, false, (*tcpConn).partialCloseTimer)
		}
	} else {
		t.addTimer(t.lastTime+opts.TCPSessionTimer, false, (*tcpConn).expireTimer)
	}
}

func (t *tcpConn) connectionFinished(half bool) {
	t.tree.each(func(c *child) { c.a.ConnectionFinished(half) })
	if half {
		t.raise(t.table.events.ConnectionHalfFinished)
	} else {
		t.raise(t.table.events.ConnectionFinished)
	}
	t.isActive = false
}

func (t *tcpConn) connectionReset() {
	t.raise(t.table.events.ConnectionReset)
	t.tree.each(func(c *child) { c.a.ConnectionReset() })
	t.isActive = false
}

// endpointEOF passes the end of one side on, and closes it if its close was
// waiting for that (TCPSessionAdapter::EndpointEOF).
func (t *tcpConn) endpointEOF(e *endpoint) {
	t.tree.each(func(c *child) { c.a.EndpointEOF(e.isOrig) })
	if !t.closeDeferred {
		return
	}
	if e.reassem.dataPending() && t.bothClosed() {
		t.tcpWeird("pending_data_when_closed")
	}
	t.connectionClosed(e, e.peer, t.deferredGenEvent)
	t.closeDeferred = false
}

// attemptTimer ends a connection whose SYN was never answered.
func (t *tcpConn) attemptTimer(float64) {
	if !t.isActive {
		return
	}
	if (t.orig.state == stateSynSent || t.orig.state == stateSynAckSent) && t.resp.state == stateInactive {
		t.raise(t.table.events.ConnectionAttempt)
		t.isActive = false
		t.table.remove(&t.connection)
	}
}

// partialCloseTimer ends a connection that was seen from its middle on and of
// which one side has closed.
func (t *tcpConn) partialCloseTimer(float64) {
	if !t.isActive {
		return
	}
	if t.orig.state != stateInactive && t.resp.state != stateInactive && !t.bothClosed() {
		if t.orig.state == stateReset || t.resp.state == stateReset {
			return
		}
		t.raise(t.table.events.ConnectionPartialClose)
		t.table.remove(&t.connection)
	}
}

// expireTimer looks every tcp_session_timer whether the connection has ended
// in some way that no event told.
func (t *tcpConn) expireTimer(now float64) {
	if !t.isActive {
		return
	}
	o, r := t.orig, t.resp
	if t.lastTime+t.table.opts.TCPConnectionLinger < now {
		if t.isClosed() && (t.bothClosed() || o.state == stateReset || r.state == stateReset ||
			o.state == stateInactive || r.state == stateInactive) {
			t.raise(t.table.events.ConnectionTimeout)
			t.isActive = false
			t.table.remove(&t.connection)
			return
		}
		if o.state == stateInactive && r.state == stateInactive {
			// Nothing but packets that were no good.
			t.raise(t.table.events.ConnectionTimeout)
			t.table.remove(&t.connection)
			return
		}
	}
	t.addTimer(now+t.table.opts.TCPSessionTimer, false, (*tcpConn).expireTimer)
}

// resetTimer ends a connection of which one side sent FIN and then RST.
func (t *tcpConn) resetTimer(float64) {
	if !t.isActive {
		return
	}
	if !t.bothClosed() {
		t.connectionReset()
	}
	t.table.remove(&t.connection)
}

// closeTimer removes a closed connection. connection_timeout is raised here
// even for a normal end (Session::DeleteTimer; its own active flag is never
// cleared).
func (t *tcpConn) closeTimer(float64) {
	t.raise(t.table.events.ConnectionTimeout)
	t.table.remove(&t.connection)
}

func (t *tcpConn) deleteTimer(float64) { t.table.remove(&t.connection) }
