package software

import (
	"net/netip"
	"strings"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "protocols/smtp/software",
		Doc:      "mail clients and webmail servers in software.log, is_webmail in smtp.log",
		Requires: []string{"base/frameworks/software", "base/protocols/smtp"},
		Load:     loadMail,
	})
}

// The types of mail software.
const (
	MailClient    Type = "SMTP::MAIL_CLIENT"
	MailServer    Type = "SMTP::MAIL_SERVER"
	WebmailServer Type = "SMTP::WEBMAIL_SERVER"
)

// DefaultWebmailUserAgents is the default of SMTP::webmail_user_agents.
const DefaultWebmailUserAgents = `/^iPlanet Messenger/` +
	` | /^Sun Java\(tm\) System Messenger Express/` +
	` | /\(IMP\)/` +
	` | /^SquirrelMail/` +
	` | /^NeoMail/` +
	` | /ZimbraWebClient/`

// mail is protocols/smtp/software.
type mail struct {
	software *Software
	smtp     *smtp.SMTP
	site     *site.Site
	from     *redef.Enum
	agents   *redef.Pattern
	webmail  event.Slot[bool] // of smtp.Info
}

func loadMail(c *policy.Context) error {
	s := policy.Use[*smtp.SMTP](c)
	m := &mail{
		software: policy.Use[*Software](c),
		smtp:     s,
		site:     policy.Use[*site.Site](c),
		from: site.HostOption(c.Options, "SMTP::detect_clients_in_messages_from", site.LocalHosts,
			"whose mails are trusted to tell the mail client"),
		agents:  c.Options.Pattern("SMTP::webmail_user_agents", DefaultWebmailUserAgents, "what User-Agent fields of webmail look like"),
		webmail: event.NewSlot[bool](&s.InfoSlots),
	}
	s.Log.AddColumn(policy.Bool("is_webmail", func(i *smtp.Info) (bool, bool) {
		webmail, _ := m.webmail.Get(i)
		return webmail, true
	}))
	c.Events.MIMEOneHeader.Handle(c.Policy(), 4, m.header)
	s.Log.Logged.Handle(c.Policy(), 0, func(e *policy.Logged[smtp.Info]) { m.logged(e.Rec) })
	return nil
}

// header looks for webmail. The record's user agent may come from an earlier
// field of another name, but the field that makes it look is User-Agent alone.
func (m *mail) header(e *event.MIMEOneHeader) {
	i, ok := m.smtp.Info(e.Conn)
	if !ok || !i.UserAgent.Set || string(e.Header.Name) != "USER-AGENT" {
		return
	}
	if m.agents.Get().MatchAnywhere([]byte(i.UserAgent.Value)) {
		m.webmail.Set(i, true)
	}
}

// logged tells where the software runs: at the end of the path of Received
// fields, except that mail which came to a webmail server over HTTP has the
// browser's host there, and the server before it.
func (m *mail) logged(rec *smtp.Info) {
	if !rec.UserAgent.Set {
		return
	}
	kind, host := MailClient, fromEnd(rec.Path, 1)
	if webmail, _ := m.webmail.Get(rec); webmail {
		kind = WebmailServer
		if strings.Contains(rec.FirstReceived().Value, "via HTTP") {
			host = fromEnd(rec.Path, 2)
		}
	}
	if m.site.Matches(rec.ID.OrigH, site.Host(m.from.Get())) {
		m.software.Found(&Info{Unparsed: rec.UserAgent.Value, HasUnparsed: true, Host: host, Type: kind})
	}
}

// fromEnd is the n-th address from the end. Where there is only one, it is that
// one: |path|-2 wraps around to -1, which counts from the end too.
func fromEnd(path []netip.Addr, n int) netip.Addr {
	if len(path) == 0 {
		panic(event.ScriptError{Msg: "no such index (SMTP::rec$path[(sizeof SMTP::rec$path) - 1])"})
	}
	return path[max(len(path)-n, 0)]
}
