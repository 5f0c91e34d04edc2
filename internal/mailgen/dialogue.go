package mailgen

import (
	"strconv"
)

// script says into a session's writes; it is the session while it is planned.
type script struct {
	*session
	pools *pools
	p     *Params
	now   int64 // µs, when the session begins: what its Date fields say

	piece      int // where in buf the piece in hand begins
	text       rope
	size       int
	helo       string
	mailHost   string
	pipelining bool
}

// put adds strings to what is being said.
func (s *script) put(parts ...string) {
	for _, p := range parts {
		s.buf = append(s.buf, p...)
	}
}

func (s *script) number(n int) { s.buf = strconv.AppendInt(s.buf, int64(n), 10) }

// token adds n characters of an identifier.
func (s *script) token(n int) {
	const digits = "0123456789ABCDEFGHJKLMNPQRSTUVWX"
	for n > 0 {
		v := s.rng.pcg.Uint64()
		for range min(n, 12) {
			s.buf = append(s.buf, digits[v&31])
			v >>= 5
		}
		n -= 12
	}
}

// cut ends the piece in hand, so that pieces of a pool can follow.
func (s *script) cut() {
	if n := len(s.buf) - s.piece; n > 0 {
		// buf may move when it grows; what was cut stays where it is.
		s.text.add(s.buf[s.piece:len(s.buf):len(s.buf)])
		s.size += n
	}
	s.piece = len(s.buf)
}

// body adds about n octets of whole lines of a pool.
func (s *script) body(from *pool, n int) {
	s.cut()
	s.size += from.pieces(&s.text, &s.rng, n)
}

// say ends what one side says in one go.
func (s *script) say(from side, delay int) {
	s.cut()
	n := s.size
	segments := (n + mss - 1) / mss
	s.cost += int64(n + segments*frameCost)
	s.cost += int64(max(0, segments-1) / s.ackEvery * frameCost)
	s.writes = append(s.writes, write{from: from, data: s.text, left: n, delay: int64(delay)})
	s.text = rope{}
	s.size = 0
}

func (s *script) think(lo, hi int) int { return s.rng.between(lo, hi) }

// mail is what a session says.
type mail struct {
	rcpts int
	size  int // of the body, in octets
	head  int // octets that the header is blown up to; 0 for an ordinary one
	// rejected recipients, in percent
	rejected int
}

var (
	domains = []string{
		"example.com", "example.net", "example.org", "mail.example.com", "shop.example", "news.example",
		"university.example", "post.example", "company.test", "office.test", "lists.example.org", "cloud.example.net",
	}
	locals = []string{
		"anna", "bert", "carol", "david", "eva", "frank", "grit", "hugo", "ines", "jan", "karin", "lars", "maria",
		"nils", "olga", "paul", "petra", "ralf", "sven", "tina", "info", "sales", "support", "billing", "office",
	}
	agents = []string{
		"Microsoft Outlook 16.0", "Apple Mail (2.3774.600.62)", "Mozilla Thunderbird", "PHPMailer 6.9.1",
		"Mailman 3.3.9", "Evolution 3.52.0", "Roundcube Webmail/1.6.6",
	}
	clients = []string{"mx", "mail", "out", "smtp", "relay", "mta-out", "gateway"}
)

func (s *script) address() {
	s.put(s.rng.pick(locals), ".")
	s.number(s.rng.n(5000))
	s.put("@", s.rng.pick(domains))
}

// hello is the session up to the answer to EHLO or HELO.
func (s *script) hello() {
	s.mailHost = "mx" + strconv.Itoa(1+s.rng.n(4)) + "." + s.rng.pick(domains[:4])
	s.helo = s.rng.pick(clients) + strconv.Itoa(s.rng.n(40)) + "." + s.rng.pick(domains)
	s.put("220 ", s.mailHost, " ESMTP Postfix\r\n")
	s.say(server, s.think(100, 30_000))
	if !s.pipelining && s.rng.percent(14) {
		s.put("HELO ", s.helo, "\r\n")
		s.say(client, s.think(0, 2_000))
		s.put("250 ", s.mailHost, "\r\n")
		s.say(server, s.think(20, 500))
		return
	}
	s.put("EHLO ", s.helo, "\r\n")
	s.say(client, s.think(0, 2_000))
	s.put("250-", s.mailHost, "\r\n")
	if s.pipelining {
		s.put("250-PIPELINING\r\n")
	}
	s.put("250-SIZE 52428800\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n")
	s.say(server, s.think(20, 500))
}

// deliver is one mail transaction.
func (s *script) deliver(m mail) {
	s.mails++
	refusedSender := s.rng.percent(m.rejected) && s.rng.percent(20)
	from := len(s.buf)
	s.put("MAIL FROM:<")
	s.address()
	sender := string(s.buf[from+len("MAIL FROM:<"):])
	s.put(">")
	if s.rng.percent(40) {
		s.put(" SIZE=")
		s.number(m.size + 1500)
	}
	s.put("\r\n")
	if !s.pipelining || refusedSender {
		s.say(client, s.think(0, 1_000))
		if refusedSender {
			s.put("553 5.1.8 <", sender, ">: Sender address rejected: Domain not found\r\n")
			s.say(server, s.think(200, 80_000))
			return
		}
		s.put("250 2.1.0 Ok\r\n")
		s.say(server, s.think(20, 3_000))
	}
	// Answers to pipelined commands wait until these are out.
	var replies []byte
	if s.pipelining {
		replies = append(replies, "250 2.1.0 Ok\r\n"...)
	}
	accepted := 0
	var rcpts []string
	for range m.rcpts {
		from := len(s.buf)
		s.put("RCPT TO:<")
		s.address()
		to := string(s.buf[from+len("RCPT TO:<"):])
		s.put(">\r\n")
		if !s.pipelining {
			s.say(client, s.think(0, 500))
		}
		var reply string
		switch {
		case !s.rng.percent(m.rejected):
			accepted++
			rcpts = append(rcpts, to)
			reply = "250 2.1.5 Ok\r\n"
		case s.rng.percent(50):
			reply = "550 5.1.1 <" + to + ">: Recipient address rejected: User unknown in virtual mailbox table\r\n"
		default:
			reply = "450 4.2.0 <" + to + ">: Recipient address rejected: Greylisted\r\n"
		}
		if s.pipelining {
			replies = append(replies, reply...)
		} else {
			s.put(reply)
			s.say(server, s.think(50, 8_000))
		}
	}
	if s.pipelining {
		s.put("DATA\r\n")
		s.say(client, s.think(0, 1_000))
		if accepted == 0 {
			replies = append(replies, "554 5.5.1 Error: no valid recipients\r\n"...)
		} else {
			replies = append(replies, "354 End data with <CR><LF>.<CR><LF>\r\n"...)
		}
		s.buf = append(s.buf, replies...)
		s.say(server, s.think(100, 20_000))
		if accepted == 0 {
			return
		}
	} else {
		if accepted == 0 {
			s.put("RSET\r\n")
			s.say(client, s.think(0, 500))
			s.put("250 2.0.0 Ok\r\n")
			s.say(server, s.think(20, 200))
			return
		}
		s.put("DATA\r\n")
		s.say(client, s.think(0, 500))
		s.put("354 End data with <CR><LF>.<CR><LF>\r\n")
		s.say(server, s.think(20, 500))
	}
	s.message(m, sender, rcpts)
	s.put(".\r\n")
	s.say(client, s.think(0, 500))
	s.put("250 2.0.0 Ok: queued as ")
	s.token(11)
	s.put("\r\n")
	s.say(server, s.think(1_000, 120_000))
}

// quit ends a session as SMTP wants it.
func (s *script) quit() {
	s.put("QUIT\r\n")
	s.say(client, s.think(0, 500))
	s.put("221 2.0.0 Bye\r\n")
	s.say(server, s.think(10, 200))
}
