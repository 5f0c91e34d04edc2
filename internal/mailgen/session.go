package mailgen

// side is an end of a session.
type side uint8

const (
	client side = iota
	server
)

// ending is how a session's connection goes down.
type ending uint8

const (
	closedByServer ending = iota
	closedByClient
	resetByClient
	leftOpen
	refused // the SYN is answered with a RST
	unheard // the SYN is never answered
)

// write is what one side says in one go.
type write struct {
	from  side
	data  rope
	left  int   // octets still to be sent
	delay int64 // µs the side thinks before it
	gap   int   // octets missing before it: the peer never gets them
}

// phase is what a session's next frame is.
type phase uint8

const (
	sendSYN phase = iota
	answerSYN
	ackSYN
	sendData
	sendAck
	sendFIN
	ackFIN
	answerFIN
	ackLast
	sendRST
	finished
)

// session is one connection: what it will say, and how far it is.
type session struct {
	next   int64 // µs, when its next frame is due
	number uint64
	rng    random
	ends   [2]endpoint
	writes []write
	end    ending
	closer side

	phase    phase
	at       int   // write in hand
	acker    side  // who acknowledges next, without data
	after    int64 // when data goes on after that
	unacked  int
	ackEvery int
	burst    int // segments since the last pause for acknowledgements
	cwnd     int
	rtt      int64 // µs
	spacing  int64 // µs between two segments of a burst
	tries    int
	onFIN    bool // the peer's FIN acknowledges the closer's

	buf   []byte // what writes' ropes refer to, besides the pools
	cost  int64  // about how many octets of capture it takes
	mails int
}

func (s *session) before(o *session) bool {
	return s.next < o.next || s.next == o.next && s.number < o.number
}

// react is how long a side takes to answer what passed the tap.
func (s *session) react(by side) int64 {
	if by == server {
		return int64(s.rng.between(15, 60))
	}
	return s.rtt + int64(s.rng.between(20, 400))
}

// delayedAck is how long an end waits for data to carry its acknowledgement.
const delayedAck = 40_000

// advance puts the frame that is due on the wire, and sets when the next is.
func (s *session) advance(w *wire) {
	now := s.next
	cli, srv := &s.ends[client], &s.ends[server]
	switch s.phase {
	case sendSYN:
		w.send(now, cli, srv, syn, nil, 0)
		s.tries++
		switch {
		case s.end == refused:
			s.phase, s.next = sendRST, now+s.react(server)
		case s.end == unheard && s.tries == 3:
			s.phase = finished
		case s.end == unheard:
			cli.next--
			s.next = now + int64(s.tries)*1_000_000
		default:
			s.phase, s.next = answerSYN, now+s.react(server)
		}
	case answerSYN:
		w.send(now, srv, cli, syn|ack, nil, 0)
		s.phase, s.next = ackSYN, now+s.react(client)
	case ackSYN:
		w.send(now, cli, srv, ack, nil, 0)
		s.phase, s.next = sendData, now+s.react(server)
		if len(s.writes) == 0 {
			s.hangUp(now)
		} else {
			s.next += s.writes[0].delay
		}
	case sendData:
		s.data(w, now)
	case sendAck:
		w.send(now, &s.ends[s.acker], &s.ends[s.acker^1], ack, nil, 0)
		s.unacked = 0
		s.phase, s.next = sendData, max(s.after, now+1)
	case sendFIN:
		a, b := &s.ends[s.closer], &s.ends[s.closer^1]
		w.send(now, a, b, fin|ack, nil, 0)
		s.phase, s.next = answerFIN, now+s.react(s.closer^1)
		if !s.onFIN {
			s.phase = ackFIN
		}
	case ackFIN:
		a, b := &s.ends[s.closer], &s.ends[s.closer^1]
		w.send(now, b, a, ack, nil, 0)
		s.phase, s.next = answerFIN, now+int64(s.rng.between(10, 300))
	case answerFIN:
		a, b := &s.ends[s.closer], &s.ends[s.closer^1]
		w.send(now, b, a, fin|ack, nil, 0)
		s.phase, s.next = ackLast, now+s.react(s.closer)
	case ackLast:
		a, b := &s.ends[s.closer], &s.ends[s.closer^1]
		w.send(now, a, b, ack, nil, 0)
		s.phase = finished
	case sendRST:
		if s.end == refused {
			w.send(now, srv, cli, rst|ack, nil, 0)
		} else {
			w.send(now, cli, srv, rst|ack, nil, 0)
		}
		s.phase = finished
	}
}

// data sends one segment of the write in hand.
func (s *session) data(w *wire, now int64) {
	d := &s.writes[s.at]
	a, b := &s.ends[d.from], &s.ends[d.from^1]
	if d.gap > 0 {
		a.next += uint32(d.gap)
		d.gap = 0
		b.deaf = true
	}
	n := min(d.left, a.segment)
	flags := byte(ack)
	if n == d.left {
		flags |= psh
	}
	w.send(now, a, b, flags, &d.data, n)
	d.left -= n
	s.unacked++

	if d.left > 0 {
		s.burst++
		s.after = now + s.spacing
		if s.burst >= s.cwnd {
			s.burst, s.cwnd = 0, min(2*s.cwnd, 80)
			s.after = now + s.react(d.from^1) + s.react(d.from)
		}
		s.next = s.after
		if s.unacked >= s.ackEvery {
			s.acknowledge(d.from^1, now+s.react(d.from^1))
		}
		return
	}

	s.at++
	s.burst = 0
	if s.at == len(s.writes) {
		s.hangUp(now)
		return
	}
	next := &s.writes[s.at]
	if next.from == d.from {
		s.next = now + s.spacing + next.delay
	} else {
		s.next = now + s.react(next.from) + next.delay
	}
	switch {
	case next.delay > delayedAck:
		// Nothing carries the acknowledgement in time.
		s.acknowledge(d.from^1, now+delayedAck)
	case next.from != d.from:
		s.unacked = 0
	}
}

// acknowledge puts an acknowledgement without data before the next data.
func (s *session) acknowledge(by side, when int64) {
	s.acker = by
	s.after = max(s.next, when+1)
	s.phase, s.next = sendAck, when
}

// hangUp begins the end of the connection, after all is said.
func (s *session) hangUp(now int64) {
	switch s.end {
	case closedByServer:
		s.closer = server
		s.phase, s.next = sendFIN, now+int64(s.rng.between(5, 200))
	case closedByClient:
		s.closer = client
		s.phase, s.next = sendFIN, now+s.react(client)
	case resetByClient:
		s.phase, s.next = sendRST, now+s.react(client)
	default:
		s.phase = finished
	}
}
