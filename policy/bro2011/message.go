package bro2011

import (
	"bytes"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy/site"
)

// smtpData takes header fields and the names of attachments from the lines of a
// message (smtp_data, priority 5).
func (s *script) smtpData(e *event.SMTPData) {
	if !e.IsOrig {
		return
	}
	i, _ := s.setSMTPSession(e.Conn)
	line := e.Data
	if !i.InHeaders {
		s.addFile(i, line)
		return
	}
	// A line of blanks ends the header, and continues its last field too.
	text := trimBlanks(line)
	if len(text) == 0 {
		i.InHeaders = false
	}
	if len(text) < len(line) {
		s.continueHeader(i, text)
		return
	}
	i.CurrentHeader = ""
	key, value, found := cutColon(line)
	if !found {
		return
	}
	i.CurrentHeader = s.names.upper(key)
	s.setHeader(i, value)
}

// addFile takes the name of an attachment from a line of a message's body: what
// is behind the last "filename=", with quotes and further parameters. A line that
// has the word without the "=" counts whole.
func (s *script) addFile(i *Info, line []byte) {
	if !hasPrefix(line, "CONTENT-DIS") || !s.re.attachment.MatchAnywhere(line) {
		return
	}
	s.addTo(i, &i.Files, s.re.beforeFilename.Sub(line, nil))
}

// continueHeader appends a folded line to the field it continues, if that is one
// of a few; one blank stands for those that it began with. "SUBJECCT" is the script's: a folded Subject is not continued.
func (s *script) continueHeader(i *Info, text []byte) {
	switch i.CurrentHeader {
	case "MESSAGE-ID":
		extend(&i.MsgID, "msg_id", text)
	case "RECEIVED":
		extend(&i.FirstReceived, "first_received", text)
	case "IN-REPLY-TO":
		extend(&i.InReplyTo, "in_reply_to", text)
	case "SUBJECCT":
		extend(&i.Subject, "subject", text)
	case "FROM":
		extend(&i.From, "from", text)
	case "REPLY-TO":
		extend(&i.ReplyTo, "reply_to", text)
	case "USER-AGENT":
		extend(&i.UserAgent, "user_agent", text)
	}
}

// setHeader stores the value of the field that CurrentHeader names.
func (s *script) setHeader(i *Info, value []byte) {
	switch i.CurrentHeader {
	case "MESSAGE-ID":
		i.MsgID = keep(value)
	case "RECEIVED":
		if i.FirstReceived != nil {
			i.SecondReceived = i.FirstReceived
		}
		i.FirstReceived = keep(value)
	case "IN-REPLY-TO":
		i.InReplyTo = keep(value)
	case "DATE":
		i.Date = keep(value)
	case "FROM":
		i.From = keep(value)
	case "TO":
		s.addTo(i, &i.To, value)
	case "REPLY-TO":
		i.ReplyTo = keep(value)
	case "SUBJECT":
		i.Subject = keep(value)
	case "X-ORIGINATING-IP":
		// The script asks for index 1: the first address when vectors counted
		// from 1, the second since they count from 0.
		if ips := s.findIPAddresses(value); len(ips) > 1 {
			i.XOriginatingIP = s.toAddr(ips[1])
		}
	case "X-MAILER", "USER-AGENT", "X-USER-AGENT":
		i.UserAgent = keep(value)
		i.CurrentHeader = "USER-AGENT"
	}
}

// smtpDataPath extends the path by the address of a Received field, or of a line
// that continues one (smtp_data, priority 3).
func (s *script) smtpDataPath(e *event.SMTPData) {
	i, ok := s.smtp.Get(e.Conn)
	if !ok {
		panic(event.ScriptError{Msg: "field value missing (c$smtp)"})
	}
	if i.CurrentHeader != "RECEIVED" || !i.ProcessReceivedFrom {
		return
	}
	text := s.findAddressInSMTPHeader(e.Data)
	if text == nil {
		return
	}
	ip := s.toAddr(text)
	if !s.site.Matches(ip, site.Host(s.mailPathCapture.Get())) && !s.site.IsPrivate(ip) {
		i.ProcessReceivedFrom = false
	}
	if i.Path[len(i.Path)-1] != ip && i.held <= maxHeld {
		i.Path = append(i.Path, ip)
		i.held += 16
	}
}

// isBlank is the class [:blank:].
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trimBlanks takes blanks off the beginning: sub(b, /^[[:blank:]]*/, "").
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

// cutColon cuts at the first colon and the blanks behind it:
// split_string1(b, /:[[:blank:]]*/).
func cutColon(b []byte) (before, after []byte, found bool) {
	before, after, found = bytes.Cut(b, []byte{':'})
	return before, trimBlanks(after), found
}

// beforeBlank is what is before the first blank: split_string1(b,
// /[[:blank:]]?/)[0]. That the expression can match nothing has no effect, as to
// match nothing is not to match.
func beforeBlank(b []byte) []byte {
	for k, c := range b {
		if isBlank(c) {
			return b[:k]
		}
	}
	return b
}

// names turns names of header fields into upper case, and keeps those that come
// often, so that a line costs no memory.
type names struct{ known map[string]string }

const (
	maxNames    = 1024
	maxNameSize = 64
)

func (n *names) upper(name []byte) string {
	var buf [maxNameSize]byte
	b := buf[:0]
	if len(name) > maxNameSize {
		b = make([]byte, 0, len(name))
	}
	for _, c := range name {
		b = append(b, toUpper(c))
	}
	if s, ok := n.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(b) <= maxNameSize && len(n.known) < maxNames {
		if n.known == nil {
			n.known = make(map[string]string)
		}
		n.known[s] = s
	}
	return s
}
