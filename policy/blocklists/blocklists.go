// Package blocklists is protocols/smtp/blocklists: it notices when a server's
// error mentions a block list, and whether the client itself is on it.
//
// Zeek: scripts/policy/protocols/smtp/blocklists.zeek.
package blocklists

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "protocols/smtp/blocklists",
		Doc:      "notices for SMTP errors that mention a block list",
		Requires: []string{"base/protocols/smtp", "base/frameworks/notice"},
		Load:     load,
	})
}

// DefaultPatterns are what texts of block lists look like: the default of
// SMTP::blocklist_error_messages.
const DefaultPatterns = `/spamhaus\.org\//` +
	` | /sophos\.com\/security\//` +
	` | /spamcop\.net\/bl/` +
	` | /cbl\.abuseat\.org\//` +
	` | /sorbs\.net\//` +
	` | /bsn\.borderware\.com\//` +
	` | /mail-abuse\.com\//` +
	` | /b\.barracudacentral\.com\//` +
	` | /psbl\.surriel\.com\//` +
	` | /antispam\.imp\.ch\//` +
	` | /dyndns\.com\/.*spam/` +
	` | /rbl\.knology\.net\//` +
	` | /intercept\.datapacket\.net\//` +
	` | /uceprotect\.net\//` +
	` | /hostkarma\.junkemailfilter\.com\//`

type blocklists struct {
	notices                   *notice.Framework
	messages                  *redef.Pattern
	errorMessage, blockedHost notice.Type
	ips                       [][]byte
}

func load(c *policy.Context) error {
	f := policy.Use[*notice.Framework](c)
	b := &blocklists{
		notices:      f,
		messages:     c.Options.Pattern("SMTP::blocklist_error_messages", DefaultPatterns, "what error messages about block lists look like"),
		errorMessage: f.DeclareType("SMTP::Blocklist_Error_Message"),
		blockedHost:  f.DeclareType("SMTP::Blocklist_Blocked_Host"),
	}
	c.Events.SMTPReply.Handle(c.Policy(), 3, b.reply)
	return nil
}

// reply looks at each line of an error. 421 says that the service closes, and
// is no error of the client's.
func (b *blocklists) reply(e *event.SMTPReply) {
	if e.Code < 400 || e.Code == 421 || !b.messages.Get().MatchAnywhere(e.Msg) {
		return
	}
	orig := policy.FmtAddr(e.Conn.ID.OrigH)
	note, msg := b.errorMessage, orig+" received an error message mentioning an SMTP block list"
	// Only the first address counts: servers put the client's there.
	b.ips = extract.ExtractIPAddresses(b.ips[:0], e.Msg, false)
	if len(b.ips) > 0 {
		if ip, _ := extract.ParseAddr(b.ips[0]); ip == e.Conn.ID.OrigH.Unmap() {
			note, msg = b.blockedHost, orig+" is on an SMTP block list"
		}
	}
	b.notices.Raise(&notice.Notice{
		Note: note, Conn: e.Conn, Msg: msg,
		Sub: string(e.Msg), HasSub: true,
		Identifier: orig,
	})
}
