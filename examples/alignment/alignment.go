// Package alignment is the policy site/sender-alignment: it compares the domain
// of the envelope sender with that of the header field From, as DMARC does for
// SPF (RFC 7489, section 3.1.2), and notices mails in which they differ. It asks
// no DNS: what it sees is the claim, not whether the claim is allowed.
package alignment

import (
	"net/mail"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "site/sender-alignment",
		Doc:      "notices mails whose envelope sender and From are of different domains",
		API:      1,
		Requires: []string{"base/protocols/smtp", "base/frameworks/notice"},
		Load:     load,
	})
}

// The values of SenderAlignment::mode.
const (
	relaxed = "SenderAlignment::RELAXED" // the same organizational domain will do
	strict  = "SenderAlignment::STRICT"  // the domains must be the same
)

type alignment struct {
	notices     *notice.Framework
	mode        *redef.Enum
	ignored     *redef.StringSet
	ignoredNets *redef.SubnetSet
	mismatch    notice.Type
	severalFrom notice.Type
	result      event.Slot[string] // of smtp.Info
}

func load(c *policy.Context) error {
	m := policy.Use[*smtp.SMTP](c)
	o := c.Options
	a := &alignment{
		notices: policy.Use[*notice.Framework](c),
		mode: o.Enum("SenderAlignment::mode", "SenderAlignment::Mode", []string{relaxed, strict}, relaxed,
			"whether subdomains of one organization are the same domain"),
		ignored:     o.StringSet("SenderAlignment::ignored_domains", nil, "envelope domains that may send for others: lists, forwarders, mail services"),
		ignoredNets: o.SubnetSet("SenderAlignment::ignored_nets", nil, "clients that may send for others"),
		result:      event.NewSlot[string](&m.InfoSlots),
	}
	a.mismatch = a.notices.DeclareType("SenderAlignment::Mismatch")
	a.severalFrom = a.notices.DeclareType("SenderAlignment::Several_From")
	m.Log.AddColumn(policy.Text("alignment", func(i *smtp.Info) string {
		s, _ := a.result.Get(i)
		return s
	}))
	m.Log.Hook(a.mail)
	return nil
}

// mail looks at a mail whose record is about to be written.
func (a *alignment) mail(i *smtp.Info) bool {
	if !i.From.Set || !i.MailFrom.Set && !i.HELO.Set {
		return true // no message came, or an answer was all that was seen
	}
	envelope := domainOf(i.MailFrom.Value)
	if envelope == "" {
		// A bounce has no sender: the client's name stands for it (RFC 7208,
		// section 2.4).
		envelope = domain(i.HELO.Value)
	}
	from := authors(i.From.Value)
	if len(from) == 0 || envelope == "" {
		return true
	}
	if len(from) > 1 {
		a.notice(i, a.severalFrom, "From names several domains: "+strings.Join(from, ", "), envelope)
	}
	if a.mayDiffer(envelope, i.ID.OrigH) {
		a.result.Set(i, "ignored")
		return true
	}
	for _, f := range from {
		if !a.aligned(envelope, f) {
			a.result.Set(i, "none")
			a.notice(i, a.mismatch, "sent by "+envelope+", From says "+f, envelope+" "+f)
			return true
		}
	}
	a.result.Set(i, "aligned")
	return true
}

func (a *alignment) notice(i *smtp.Info, note notice.Type, msg, identifier string) {
	id := i.ID
	a.notices.Raise(&notice.Notice{
		Note: note, UID: i.UID, ID: &id, Msg: msg, Sub: i.From.Value,
		Identifier: policy.FmtAddr(i.ID.OrigH) + " " + identifier,
	})
}

func (a *alignment) mayDiffer(envelope string, client netip.Addr) bool {
	return a.ignored.Has(envelope) || a.ignored.Has(organization(envelope)) ||
		slices.ContainsFunc(a.ignoredNets.Get(), func(n netip.Prefix) bool { return n.Contains(client.Unmap()) })
}

func (a *alignment) aligned(envelope, from string) bool {
	if envelope == from {
		return true
	}
	return a.mode.Get() == relaxed && organization(envelope) == organization(from)
}

// organization is the organizational domain (RFC 7489, section 3.2).
func organization(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain // a public suffix itself
}

// authors are the domains in a field From, each once.
func authors(field string) []string {
	var texts []string
	if list, err := mail.ParseAddressList(field); err == nil {
		for _, a := range list {
			texts = append(texts, a.Address)
		}
	} else {
		// Not as RFC 5322 has it: the last part in angle brackets, or all.
		if i := strings.LastIndexByte(field, '<'); i >= 0 {
			field, _, _ = strings.Cut(field[i+1:], ">")
		}
		texts = []string{strings.TrimSpace(field)}
	}
	var domains []string
	seen := map[string]bool{}
	for _, t := range texts {
		if d := domainOf(t); d != "" && !seen[d] {
			seen[d] = true
			domains = append(domains, d)
		}
	}
	return domains
}

// domainOf is the domain of an address, "" without one.
func domainOf(addr string) string {
	addr = strings.Trim(addr, "<>")
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return ""
	}
	return domain(addr[i+1:])
}

// domain is a name as DNS compares it; "" is no name.
func domain(s string) string {
	s = strings.TrimSuffix(s, ".")
	if ascii, err := idna.Lookup.ToASCII(s); err == nil {
		s = ascii
	}
	s = strings.ToLower(s)
	if s == "" || strings.ContainsAny(s, " \t<>@[]") {
		return ""
	}
	return s
}
