package bro2011

import (
	"net/netip"

	"github.com/gzeek/gzeek/event"
)

// newSMTPLog makes the record of the connection's next mail. Its path begins
// with the two hosts of the connection itself.
func (s *script) newSMTPLog(c *event.Conn) *Info {
	i := &Info{
		TS:                  s.ctx.Now(),
		UID:                 c.UID,
		Conn:                c,
		ProcessReceivedFrom: true,
		Path:                append(make([]netip.Addr, 0, 4), c.ID.RespH.Unmap(), c.ID.OrigH.Unmap()),
	}
	if st, ok := s.smtpState.Get(c); ok && st.HELO != nil {
		i.HELO = st.HELO
	}
	return i
}

// setSMTPSession sees to it that the connection has a state, and a record that
// is not done.
func (s *script) setSMTPSession(c *event.Conn) (*Info, *State) {
	st, ok := s.smtpState.Get(c)
	if !ok {
		st = &State{}
		s.smtpState.Set(c, st)
	}
	i, ok := s.smtp.Get(c)
	if !ok || i.Done {
		i = s.newSMTPLog(c)
		s.smtp.Set(c, i)
	}
	return i, st
}

// smtpMessage writes the record of a mail. The count that it keeps is of records
// written, not of mails seen: as nothing else raises it, the first MAIL FROM that
// could write a record comes after the connection's end, and the mails of a
// connection share one record.
func (s *script) smtpMessage(i *Info, st *State) {
	s.log.Write(i)
	i.Done = true
	st.MessagesTransferred++
}

// connectionStateRemove writes the record that is left when the connection goes.
func (s *script) connectionStateRemove(e *event.ConnEvent) {
	i, ok := s.smtp.Get(e.Conn)
	if !ok || i.Done {
		return
	}
	st, _ := s.smtpState.Get(e.Conn) // whoever set the record has set the state
	s.smtpMessage(i, st)
}
