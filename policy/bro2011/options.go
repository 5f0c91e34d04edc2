package bro2011

import (
	"errors"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/pattern"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/blocklists"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name: "bro-2011",
		Doc:  "the SMTP script of Bro of June 2011: smtp.log and notices as it wrote them",
		Requires: []string{
			"base/frameworks/notice",
			"base/frameworks/analyzer",
			"base/utils/site",
		},
		Load: load,
	})
}

// script is the state of one run: what the script has in global variables.
type script struct {
	ctx     *policy.Context
	site    *site.Site
	notices *notice.Framework
	log     *policy.Stream[Info]

	smtp      event.Slot[*Info]  // c$smtp
	smtpState event.Slot[*State] // c$smtp_state

	ports           *redef.PortSet
	mailPathCapture *redef.Enum
	blErrorMessages *redef.Pattern

	errorMessage, blockedHost, suspiciousOrigination notice.Type

	re    expressions
	names names
	// Room for what a search finds.
	parts, ips [][]byte
}

// expressions are the patterns of the script that are more than a comparison.
type expressions struct {
	attachment     *pattern.Pattern
	beforeFilename *pattern.Pattern
	ipAddr         *pattern.Pattern
}

func newExpressions() expressions {
	return expressions{
		attachment:     pattern.MustCompile(`/^[cC][oO][nN][tT][eE][nN][tT]-[dD][iI][sS].*[fF][iI][lL][eE][nN][aA][mM][eE]/`),
		beforeFilename: pattern.MustCompile(`/^.*[fF][iI][lL][eE][nN][aA][mM][eE]=/`),
		ipAddr:         pattern.MustCompile(ipAddrRegex),
	}
}

func load(c *policy.Context) error {
	if !c.Bare {
		return errors.New("it stands for base/protocols/smtp, which is loaded by default: run it with -b")
	}
	o := c.Options
	f := policy.Use[*notice.Framework](c)
	s := &script{
		ctx:     c,
		site:    policy.Use[*site.Site](c),
		notices: f,

		smtp:      event.NewSlot[*Info](&c.Events.ConnSlots),
		smtpState: event.NewSlot[*State](&c.Events.ConnSlots),

		ports:           o.PortSet("SMTP::ports", []redef.Port{redef.TCP(25), redef.TCP(587)}, "where SMTP is expected"),
		mailPathCapture: site.HostOption(o, "SMTP::mail_path_capture", site.AllHosts, "which hosts of Received headers continue the path"),
		blErrorMessages: o.Pattern("SMTP::bl_error_messages", blocklists.DefaultPatterns, "what error messages about block lists look like"),

		errorMessage:          f.DeclareType("SMTP::SMTP_BL_Error_Message"),
		blockedHost:           f.DeclareType("SMTP::SMTP_BL_Blocked_Host"),
		suspiciousOrigination: f.DeclareType("SMTP::SMTP_Suspicious_Origination"),

		re: newExpressions(),
	}
	// The script declares these two for smtp/detect, which is not part of it:
	// nothing reads them.
	o.StringSet("SMTP::suspicious_origination_countries", nil, "countries that mail should not come from; declared by the script, used by none of its handlers")
	o.SubnetSet("SMTP::suspicious_origination_networks", nil, "networks that mail should not come from; declared by the script, used by none of its handlers")
	policy.Provide(c, policy.SMTPPorts{Set: s.ports})
	s.log = policy.NewStream(c, "SMTP::SMTP", "smtp", "SMTP::log_smtp", columns()...)
	loadLayout(c)

	ev, name := c.Events, c.Policy()
	ev.SMTPRequest.Handle(name, 5, s.smtpRequest)
	ev.SMTPReply.Handle(name, 5, s.smtpReply)
	ev.SMTPData.Handle(name, 5, s.smtpData)
	ev.SMTPData.Handle(name, 3, s.smtpDataPath)
	ev.ConnectionStateRemove.Handle(name, -5, s.connectionStateRemove)
	return nil
}
