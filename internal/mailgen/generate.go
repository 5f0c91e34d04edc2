package mailgen

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// Profiles of traffic. The first four are ordinary, the others hostile or
// extreme.
const (
	Main      = "main"      // ordinary mail, 200 sessions at a time
	Small     = "small"     // small mails only
	Conns     = "conns"     // very many short sessions, and SYNs that nobody answers
	Faulty    = "faults"    // main with 1 % of the frames lost, 1 % late, 1 % doubled
	HalfOpen  = "halfopen"  // Connections SYNs within four seconds
	Holes     = "holes"     // Connections sessions, each with a hole and Bytes above it
	OneBig    = "onebig"    // one mail of Bytes
	BigHeader = "bigheader" // mails with headers of Header octets
	Rcpts     = "rcpts"     // mails with Recipients recipients
)

// Profiles returns the names of all profiles.
func Profiles() []string {
	return []string{Main, Small, Conns, Faulty, HalfOpen, Holes, OneBig, BigHeader, Rcpts}
}

// Params says what to write. [Defaults] gives a profile's.
type Params struct {
	Profile string
	Seed    uint64

	// Size is about how many octets of capture to write, for the profiles that
	// repeat sessions: no new one begins once those begun will fill it.
	Size int64
	// Concurrent is how many sessions are open at a time, for the same.
	Concurrent int
	// Connections is how many there are in all, for HalfOpen and Holes.
	Connections int
	// Bytes is how much there is above each hole (Holes), or the mail's size
	// (OneBig).
	Bytes int
	// Header is how many octets BigHeader's headers have.
	Header int
	// Recipients is how many Rcpts' mails have.
	Recipients int

	// Frames per thousand that the capture misses, has late (up to 20 ms), or
	// has twice.
	Loss, Late, Doubled int
}

// Defaults returns a profile's parameters.
func Defaults(profile string) (Params, error) {
	p := Params{
		Profile: profile, Seed: 1, Size: 325_000_000, Concurrent: 200,
		Connections: 10_000, Bytes: 1 << 20, Header: 64 << 10, Recipients: 1000,
	}
	switch profile {
	case Main, Small, Holes, BigHeader, Rcpts:
	case Conns:
		p.Concurrent = 2000
	case Faulty:
		p.Loss, p.Late, p.Doubled = 10, 10, 10
	case HalfOpen:
		p.Connections = 1_000_000
	case OneBig:
		p.Bytes = 1 << 30
	default:
		return Params{}, fmt.Errorf("mailgen: no profile %q (there are %v)", profile, Profiles())
	}
	return p, nil
}

// Stats says what was written.
type Stats struct {
	Packets  int64 // records of the capture
	Bytes    int64 // octets of the file
	Sessions int64 // connections
	Mails    int64 // transactions begun, also refused ones
	Open     int   // most connections at a time
	Lost     int64 // frames that the capture misses
	Late     int64
	Doubled  int64
	Seconds  float64 // from the first frame to the last
}

// generator is one run.
type generator struct {
	p     Params
	wire  wire
	pools *pools
	stats Stats
	heap  timeline[*session]
	free  []*session
	begun int64 // octets that the sessions so far will fill
}

// Generate writes a capture to w in large writes. It needs memory for the open
// sessions only, whatever the capture's size.
func Generate(w io.Writer, p Params) (Stats, error) {
	if _, err := Defaults(p.Profile); err != nil {
		return Stats{}, err
	}
	if p.Loss < 0 || p.Late < 0 || p.Doubled < 0 || p.Loss+p.Late+p.Doubled > 1000 {
		return Stats{}, fmt.Errorf("mailgen: faults of %d+%d+%d per thousand", p.Loss, p.Late, p.Doubled)
	}
	g := &generator{p: p, pools: newPools(p.Seed)}
	g.wire = wire{w: w, stats: &g.stats, loss: p.Loss, late: p.Late, doubled: p.Doubled}
	g.wire.faults.seed(p.Seed, 0x6661756c74)
	g.wire.start()
	last := g.run()
	err := g.wire.finish()
	g.stats.Seconds = float64(last-epoch) / 1e6
	return g.stats, err
}

// total is how many sessions there are, or -1 if Size says when to stop.
func (g *generator) total() int {
	switch g.p.Profile {
	case HalfOpen, Holes:
		return g.p.Connections
	case OneBig:
		return 1
	}
	return -1
}

// more says whether another session begins.
func (g *generator) more() bool {
	if n := g.total(); n >= 0 {
		return g.stats.Sessions < int64(n)
	}
	return g.begun < g.p.Size
}

// begin plans the next session for the given time.
func (g *generator) begin(at int64) *session {
	var s *session
	if n := len(g.free); n > 0 {
		s, g.free = g.free[n-1], g.free[:n-1]
		*s = session{writes: s.writes[:0], buf: s.buf[:0]}
	} else {
		s = &session{}
	}
	s.number = uint64(g.stats.Sessions)
	g.stats.Sessions++
	s.next = at
	s.rng.seed(g.p.Seed, 1<<32+s.number)
	g.plan(s)
	g.begun += s.cost
	g.stats.Mails += int64(s.mails)
	return s
}

func (g *generator) run() (last int64) {
	last = epoch
	if g.p.Profile == HalfOpen {
		// No heap of a million sessions: one frame each, one after the other.
		for at := int64(epoch); g.more(); at += max(1, 4_000_000/int64(g.p.Connections)) {
			s := g.begin(at)
			g.wire.until(at)
			s.advance(&g.wire)
			g.free = append(g.free, s)
			last = at
		}
		g.stats.Open = int(g.stats.Sessions)
		return last
	}
	atOnce := g.p.Concurrent
	if n := g.total(); n >= 0 {
		atOnce = n
	}
	// Sessions begin in the first second, so that they aren't in step.
	for i := 0; i < atOnce && g.more(); i++ {
		g.heap.push(g.begin(epoch + int64(i)*1_000_000/int64(atOnce)))
	}
	g.stats.Open = len(g.heap)
	for len(g.heap) > 0 {
		s := g.heap[0]
		last = s.next
		g.wire.until(last)
		s.advance(&g.wire)
		if s.phase == finished {
			g.heap.pop()
			g.free = append(g.free, s)
			if g.more() {
				g.heap.push(g.begin(last + int64(s.rng.n(4_000))))
			}
			continue
		}
		g.heap.fix()
	}
	return last
}

// plan decides who talks to whom, how fast, and what about.
func (g *generator) plan(s *session) {
	r := &s.rng
	cli, srv := &s.ends[client], &s.ends[server]
	// No two connections share addresses and ports: the number is in them.
	n := uint32(s.number)
	cli.port = uint16(1024 + n%64_000)
	host := n/64_000*251 + uint32(r.n(251))
	if r.percent(12) {
		cli.addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 8: byte(r.n(256)), 12: byte(host >> 24), 13: byte(host >> 16), 14: byte(host >> 8), 15: byte(host)})
		srv.addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: 0xff, 15: byte(1 + n%4)})
	} else {
		cli.addr = netip.AddrFrom4([4]byte{byte(100 + host>>16), byte(host >> 8), byte(host), byte(1 + r.n(254))})
		srv.addr = netip.AddrFrom4([4]byte{10, 20, 0, byte(1 + n%4)})
	}
	srv.port = 25
	if r.percent(10) {
		srv.port = 587
	}
	for i := range s.ends {
		e := &s.ends[i]
		v := r.pcg.Uint64()
		e.next, e.tsBase = uint32(v), uint32(v>>32)
		e.window = uint16(r.between(400, 2000))
		e.ipID = uint16(r.n(65536))
	}
	cli.ttl, srv.ttl = uint8(r.between(40, 60)), 64
	cli.prepare(srv, 1)
	srv.prepare(cli, 2)
	s.rtt = int64(r.logNormal(18_000, 16, 500, 250_000))
	s.spacing = int64(r.between(12, 150))
	s.cwnd = 10
	s.ackEvery = 2
	if r.percent(30) {
		s.ackEvery = 1
	}
	s.onFIN = r.percent(60)
	s.end = closedByServer
	if r.percent(25) {
		s.end = closedByClient
	}

	sc := script{session: s, pools: g.pools, p: &g.p, now: s.next, pipelining: r.percent(45)}
	switch g.p.Profile {
	case HalfOpen:
		s.end = unheard
	case Holes:
		sc.hole()
	case OneBig:
		sc.hello()
		sc.deliver(mail{rcpts: 1, size: g.p.Bytes})
		sc.quit()
	case BigHeader:
		sc.hello()
		sc.deliver(mail{rcpts: 1, size: r.logNormal(20_000, 16, 300, 1<<20), head: g.p.Header})
		sc.quit()
	case Rcpts:
		// Senders to that many do pipeline, or they would never be done.
		sc.pipelining = true
		sc.hello()
		sc.deliver(mail{rcpts: g.p.Recipients, size: r.logNormal(21_000, 42, 300, 25_000_000)})
		sc.quit()
	case Conns:
		sc.short()
	case Small:
		sc.ordinary(func() int { return r.logNormal(900, 16, 60, 8_000) })
	default:
		sc.ordinary(func() int { return r.logNormal(21_000, 42, 100, 25_000_000) })
	}
	s.cost += 7 * frameCost
}

// ordinary is a session as a mail server has them all day.
func (s *script) ordinary(size func() int) {
	if s.rng.percent(1) {
		s.put("554 mx1.example.com ESMTP not accepting messages\r\n")
		s.say(server, s.think(100, 30_000))
		s.quit()
		return
	}
	s.hello()
	mails := 1
	for mails < 12 && s.rng.percent(20) {
		mails++
	}
	for range mails {
		rcpts := 1
		for rcpts < 30 && s.rng.percent(30) {
			rcpts++
		}
		s.deliver(mail{rcpts: rcpts, size: size(), rejected: 6})
	}
	s.quit()
}

// short is a session that hardly delivers.
func (s *script) short() {
	switch x := s.rng.n(100); {
	case x < 10:
		s.end = unheard
	case x < 14:
		s.end = refused
	case x < 24: // a scanner: connects, sees the banner, and goes
		s.put("220 mx1.example.com ESMTP Postfix\r\n")
		s.say(server, s.think(100, 30_000))
		s.end = closedByClient
		if s.rng.percent(40) {
			s.end = resetByClient
		}
	case x < 50:
		s.hello()
		s.quit()
	case x < 75:
		s.hello()
		s.deliver(mail{rcpts: s.rng.between(1, 3), size: 400, rejected: 95})
		s.quit()
	default:
		s.hello()
		s.deliver(mail{rcpts: 1, size: s.rng.logNormal(900, 16, 60, 8_000)})
		s.quit()
	}
}

// hole is a mail of which one segment is missing for ever.
func (s *script) hole() {
	s.pipelining = false
	s.hello()
	s.deliver(mail{rcpts: 1, size: s.p.Bytes + 8*mss})
	// The mail is the last but one of the writes: its first segments, the hole,
	// and what is above; the answer to it never comes.
	s.writes = s.writes[:len(s.writes)-1]
	all := slices.Clone(s.writes[len(s.writes)-1].data.pieces)
	from := s.writes[len(s.writes)-1].left
	head := 2 * (mss - 20)
	top := &s.writes[len(s.writes)-1]
	low := write{from: client, data: rope{pieces: slices.Clone(all)}, left: head, delay: top.delay}
	s.end = leftOpen
	top.data.skip(head + mss)
	top.gap = mss
	top.delay = 0
	top.left = min(s.p.Bytes, from-head-mss)
	s.writes = append(s.writes[:len(s.writes)-1], low, *top)
}
