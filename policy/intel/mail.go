package intel

import (
	"github.com/gzeek/gzeek/event"
	enginefiles "github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/smtp"
)

// mail is frameworks/intel/seen/smtp. All of it is looked up anew at the end of
// each part of a mail, as in Zeek.
type mail struct {
	f    *Framework
	smtp *smtp.SMTP

	received, xOriginatingIP, header     Where
	mailFrom, rcptTo, from, to, cc, repl Where
}

func loadSMTP(c *policy.Context, f *Framework) {
	w := f.DeclareWhere
	m := &mail{
		f: f, smtp: policy.Use[*smtp.SMTP](c),
		received: w("SMTP::IN_RECEIVED_HEADER"), xOriginatingIP: w("SMTP::IN_X_ORIGINATING_IP_HEADER"), header: w("SMTP::IN_HEADER"),
		mailFrom: w("SMTP::IN_MAIL_FROM"), rcptTo: w("SMTP::IN_RCPT_TO"), from: w("SMTP::IN_FROM"),
		to: w("SMTP::IN_TO"), cc: w("SMTP::IN_CC"), repl: w("SMTP::IN_REPLY_TO"),
	}
	for _, g := range []struct {
		t  Type
		fn func(*event.Conn, *smtp.Info)
	}{{TypeAddr, m.addrs}, {TypeSoftware, m.software}, {TypeEmail, m.emails}} {
		c.Events.MIMEEndEntity.Handle(c.Policy(), 0, func(e *event.ConnEvent) {
			if i, ok := m.smtp.Info(e.Conn); ok && !f.disabled[g.t] {
				g.fn(e.Conn, i)
			}
		})
	}
}

func (m *mail) addrs(c *event.Conn, i *smtp.Info) {
	for _, a := range i.Path {
		m.f.Seen(Seen{Host: a, Conn: c, Where: m.received})
	}
	if i.XOriginatingIP.IsValid() {
		m.f.Seen(Seen{Host: i.XOriginatingIP, Conn: c, Where: m.xOriginatingIP})
	}
}

func (m *mail) software(c *event.Conn, i *smtp.Info) {
	if i.UserAgent.Set {
		m.f.Seen(Seen{Indicator: i.UserAgent.Value, Type: TypeSoftware, Conn: c, Where: m.header})
	}
}

func (m *mail) emails(c *event.Conn, i *smtp.Info) {
	seen := func(addr string, where Where) {
		m.f.Seen(Seen{Indicator: addr, Type: TypeEmail, Conn: c, Where: where})
	}
	if i.MailFrom.Set {
		seen(i.MailFrom.Value, m.mailFrom)
	}
	for a := range i.RcptTo.All() {
		seen(a, m.rcptTo)
	}
	if i.From.Set {
		for _, a := range m.smtp.EmailAddrs([]byte(i.From.Value)) {
			seen(string(a), m.from)
		}
	}
	for a := range i.To.All() {
		seen(m.smtp.FirstEmailAddr([]byte(a)), m.to)
	}
	for a := range i.CC.All() {
		seen(a, m.cc)
	}
	if i.ReplyTo.Set {
		seen(i.ReplyTo.Value, m.repl)
	}
}

// urls is frameworks/intel/seen/smtp-url-extraction.
type urls struct {
	f     *Framework
	smtp  *smtp.SMTP
	where Where
}

func loadURLs(c *policy.Context, f *Framework) {
	u := &urls{f: f, smtp: policy.Use[*smtp.SMTP](c), where: f.DeclareWhere("SMTP::IN_MESSAGE")}
	data := event.Declare[enginefiles.StreamData](c.Events.Queue, "intel_mime_data", "f: fa_file", "data: string")
	data.Handle(c.Policy(), 0, u.look)
	c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) {
		if e.File.Source == "SMTP" && !f.disabled[TypeURL] {
			f.files.AddAnalyzer(e.File, "DATA_EVENT", enginefiles.DataEventArgs{StreamEvent: data})
		}
	})
}

// look finds the URLs of a piece of a body, each piece by itself.
func (u *urls) look(e *enginefiles.StreamData) {
	if u.f.disabled[TypeURL] || !u.f.Wants(TypeURL) && !u.smtp.TooLong(e.Data) {
		return
	}
	for _, c := range e.File.Conns {
		for _, url := range u.smtp.URLsWithoutScheme(e.Data) {
			u.f.Seen(Seen{Indicator: string(url), Type: TypeURL, Conn: c, Where: u.where})
		}
	}
}
