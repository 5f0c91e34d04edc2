package bro2011

import (
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
)

// smtpRequest takes the envelope of a mail from the client's commands
// (smtp_request, priority 5).
func (s *script) smtpRequest(e *event.SMTPRequest) {
	i, st := s.setSMTPSession(e.Conn)
	switch {
	case is(e.Command, "HELO"), is(e.Command, "EHLO"):
		st.HELO = keep(e.Arg)
		i.HELO = st.HELO

	case is(e.Command, "RCPT") && hasPrefix(e.Arg, "TO:"):
		_, recipient, _ := cutColon(e.Arg)
		s.addTo(i, &i.RcptTo, recipient)

	case is(e.Command, "MAIL") && hasPrefix(e.Arg, "FROM:"):
		if st.MessagesTransferred > 0 {
			s.smtpMessage(i, st)
			i, _ = s.setSMTPSession(e.Conn)
		}
		_, sender, _ := cutColon(e.Arg)
		i.MailFrom = keep(beforeBlank(sender))

	case is(e.Command, "DATA"):
		i.InHeaders = true
	}
}

// smtpReply keeps the server's last error, and notices block lists in it
// (smtp_reply, priority 5).
func (s *script) smtpReply(e *event.SMTPReply) {
	i, _ := s.setSMTPSession(e.Conn)
	if e.Code == 421 || e.Code < 400 {
		return
	}
	i.LastReply = append(append(strconv.AppendUint(i.LastReply[:0:0], e.Code, 10), ' '), e.Msg...)
	if s.blErrorMessages.Get().MatchAnywhere(e.Msg) {
		s.noticeBlocklist(e)
	}
}

func (s *script) noticeBlocklist(e *event.SMTPReply) {
	orig := policy.FmtAddr(e.Conn.ID.OrigH)
	note, message := s.errorMessage, orig+" received an error message mentioning an SMTP block list"
	if ips := s.findIPAddresses(e.Msg); len(ips) > 0 {
		if ip := s.toAddr(ips[0]); ip == e.Conn.ID.OrigH.Unmap() {
			note, message = s.blockedHost, orig+" is on an SMTP block list"
		}
	}
	s.notices.Raise(&notice.Notice{Note: note, Conn: e.Conn, Msg: message, Sub: string(e.Msg), HasSub: true})
}

// is says whether a command is the one named in upper case, in any case.
func is(command, upper string) bool {
	if len(command) != len(upper) {
		return false
	}
	for k := range len(command) {
		if toUpper(command[k]) != upper[k] {
			return false
		}
	}
	return true
}

// hasPrefix says whether b begins with a text in upper case, in any case.
func hasPrefix(b []byte, upper string) bool {
	if len(b) < len(upper) {
		return false
	}
	for k := range len(upper) {
		if toUpper(b[k]) != upper[k] {
			return false
		}
	}
	return true
}

// toUpper knows ASCII only, like Zeek's to_upper.
func toUpper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
