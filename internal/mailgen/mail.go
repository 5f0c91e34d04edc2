package mailgen

import (
	"encoding/base64"
	"time"
)

// date adds an RFC 5322 date.
func (s *script) date(before int64) {
	t := time.UnixMicro(s.now - before).UTC()
	s.buf = t.AppendFormat(s.buf, "Mon, 2 Jan 2006 15:04:05 +0000")
}

func (s *script) ip() {
	for i := range 4 {
		if i > 0 {
			s.put(".")
		}
		s.number(s.rng.between(1, 223))
	}
}

func (s *script) received(before int64) {
	s.put("Received: from ", s.rng.pick(clients))
	s.number(s.rng.n(100))
	s.put(".", s.rng.pick(domains), " (unknown [")
	s.ip()
	s.put("])\r\n\tby ", s.rng.pick(clients))
	s.number(s.rng.n(100))
	s.put(".", s.rng.pick(domains), " (Postfix) with ESMTPS id ")
	s.token(12)
	s.put("\r\n\tfor <")
	s.address()
	s.put(">; ")
	s.date(before)
	s.put("\r\n")
}

func (s *script) messageID() {
	s.put("<")
	s.token(20)
	s.put("@", s.rng.pick(domains), ">")
}

// addresses adds a header field that names everybody, a few to a line.
func (s *script) addresses(name string, all []string) {
	s.put(name, ": ")
	width := 0
	for i, a := range all {
		if i > 0 {
			s.put(",")
			if width > 60 {
				s.put("\r\n ")
				width = 0
			} else {
				s.put(" ")
			}
		}
		s.put("<", a, ">")
		width += len(a) + 4
	}
	s.put("\r\n")
}

// message is what follows DATA, without the last dot.
func (s *script) message(m mail, sender string, rcpts []string) {
	start := len(s.buf)
	hops := s.rng.between(1, 4)
	for i := range hops {
		s.received(int64(i+1) * 1_700_000)
	}
	if s.rng.percent(40) {
		s.put("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=", s.rng.pick(domains), ";\r\n\ts=s2025; h=from:to:subject:date:message-id; bh=")
		s.token(43)
		s.put("=;\r\n\tb=")
		for range 4 {
			s.token(64)
			s.put("\r\n\t ")
		}
		s.token(40)
		s.put("==\r\n")
	}
	s.put("Message-ID: ")
	s.messageID()
	s.put("\r\nDate: ")
	s.date(12_000_000)
	s.put("\r\nFrom: \"", s.rng.pick(locals), " ", s.rng.pick(locals), "\" <", sender, ">\r\n")
	cc := 0
	if len(rcpts) > 2 && s.rng.percent(50) {
		cc = len(rcpts) / 2
	}
	s.addresses("To", rcpts[:len(rcpts)-cc])
	if cc > 0 {
		s.addresses("Cc", rcpts[len(rcpts)-cc:])
	}
	s.put("Subject: ")
	if s.rng.percent(15) {
		s.put("=?UTF-8?Q?Gr=C3=BC=C3=9Fe_und_")
		s.token(6)
		s.put("?=")
	} else {
		if s.rng.percent(25) {
			s.put("Re: ")
		}
		for i := range s.rng.between(2, 8) {
			if i > 0 {
				s.put(" ")
			}
			s.put(s.rng.pick(words))
		}
	}
	s.put("\r\n")
	if s.rng.percent(30) {
		s.put("In-Reply-To: ")
		s.messageID()
		s.put("\r\nReferences: ")
		for i := range s.rng.between(1, 5) {
			if i > 0 {
				s.put("\r\n\t")
			}
			s.messageID()
		}
		s.put("\r\n")
	}
	if s.rng.percent(60) {
		s.put(s.rng.pick([]string{"X-Mailer: ", "User-Agent: "}), s.rng.pick(agents), "\r\n")
	}
	if s.rng.percent(20) {
		s.put("X-Originating-IP: [")
		s.ip()
		s.put("]\r\n")
	}
	if m.head > 0 {
		s.swell(start + m.head)
	}
	s.put("MIME-Version: 1.0\r\n")
	switch {
	case m.size < 3_000 && s.rng.percent(70), m.size < 200:
		s.plain(m.size)
	case m.size < 24_000 && s.rng.percent(75), s.rng.percent(6):
		s.alternative(m.size)
	default:
		s.mixed(m.size)
	}
}

// swell fills the header until it ends at the given octet of buf: as one field
// that is folded, as very many fields, or as one line.
func (s *script) swell(until int) {
	switch s.rng.n(3) {
	case 0:
		s.put("References:")
		for len(s.buf) < until-4 {
			s.put("\r\n ")
			s.messageID()
		}
		s.put("\r\n")
	case 1:
		for len(s.buf) < until {
			s.received(40_000_000)
		}
	default:
		s.put("X-Spam-Report: ")
		for len(s.buf) < until-2 {
			s.put(s.rng.pick(words), " ")
		}
		s.put("\r\n")
	}
}

func (s *script) plain(n int) {
	if s.rng.percent(30) {
		s.put("Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		s.body(&s.pools.quoted, n)
		return
	}
	s.put("Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n")
	s.body(&s.pools.text, n)
}

func (s *script) boundary() string {
	from := len(s.buf)
	s.token(24)
	b := "=_" + string(s.buf[from:])
	s.buf = s.buf[:from]
	return b
}

func (s *script) alternative(n int) {
	b := s.boundary()
	s.put("Content-Type: multipart/alternative; boundary=\"", b, "\"\r\n\r\n")
	s.alternatives(b, n)
}

// alternatives adds the parts of a multipart/alternative.
func (s *script) alternatives(boundary string, n int) {
	s.put("--", boundary, "\r\n")
	s.plain(n / 3)
	s.put("\r\n--", boundary, "\r\nContent-Type: text/html; charset=\"utf-8\"\r\n")
	if s.rng.percent(50) {
		s.put("Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>\r\n")
		s.body(&s.pools.quoted, n-n/3)
	} else {
		s.put("Content-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n")
		s.body(&s.pools.html, n-n/3)
	}
	s.put("</body></html>\r\n\r\n--", boundary, "--\r\n")
}

// attachments are the types of files, and what these begin with.
var attachments = []struct{ mime, ext, magic string }{
	{"application/pdf", "pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"},
	{"image/jpeg", "jpg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"},
	{"image/png", "png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x01\x80\x08\x02"},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", "PK\x03\x04\x14\x00\x06\x00\x08\x00"},
	{"application/octet-stream", "bin", ""},
	{"application/zip", "zip", "PK\x03\x04\x14\x00\x00\x00\x08\x00"},
}

func (s *script) mixed(n int) {
	b := s.boundary()
	s.put("Content-Type: multipart/mixed; boundary=\"", b, "\"\r\n\r\nThis is a multi-part message in MIME format.\r\n\r\n")
	text := min(n/5, s.rng.between(300, 6_000))
	s.put("--", b, "\r\n")
	if s.rng.percent(60) {
		inner := s.boundary()
		s.put("Content-Type: multipart/alternative; boundary=\"", inner, "\"\r\n\r\n")
		s.alternatives(inner, text)
	} else {
		s.plain(text)
	}
	n -= text
	parts := 1
	for parts < 5 && s.rng.percent(25) {
		parts++
	}
	for i := range parts {
		size := n
		if i < parts-1 {
			size = n * s.rng.between(1, 8) / 10
		}
		n -= size
		a := &attachments[s.rng.n(len(attachments))]
		name := s.rng.pick(words)
		s.put("\r\n--", b, "\r\nContent-Type: ", a.mime, "; name=\"", name, ".", a.ext, "\"\r\n")
		s.put("Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"", name, ".", a.ext, "\"\r\n\r\n")
		s.encoded(a.magic, size)
	}
	s.put("\r\n--", b, "--\r\n")
}

// encoded adds a file in base64: a first line that begins with its magic, lines
// of the pool, and a short last one.
func (s *script) encoded(magic string, n int) {
	var raw [57]byte
	for i := range raw {
		raw[i] = byte(s.rng.n(256))
	}
	copy(raw[:], magic)
	s.buf = base64.StdEncoding.AppendEncode(s.buf, raw[:])
	s.put("\r\n")
	if n > 78 {
		s.body(&s.pools.base64, n-78)
	}
	s.buf = base64.StdEncoding.AppendEncode(s.buf, raw[20:s.rng.between(21, 56)])
	s.put("\r\n")
}
