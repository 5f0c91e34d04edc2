package blocklists_test

import (
	"net/netip"
	"testing"

	"github.com/gzeek/gzeek/event"
	_ "github.com/gzeek/gzeek/policy/blocklists"
	_ "github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/weird"

	_ "github.com/gzeek/gzeek/policy/smtp"
)

func notices(t *testing.T, options []string, replies ...event.SMTPReply) (got []string) {
	r := policytest.Start(t, policytest.Config{Policies: []string{"protocols/smtp/blocklists"}, Options: options})
	c := &event.Conn{UID: "C1", ID: event.ConnID{
		OrigH: netip.MustParseAddr("192.0.2.1"), RespH: netip.MustParseAddr("198.51.100.25"), RespP: 25, Proto: event.ProtoTCP,
	}}
	r.At(1000)
	for _, e := range replies {
		e.Conn = c
		r.Events.SMTPReply.Enqueue(e)
		r.Events.Drain()
	}
	for _, f := range policytest.Rows(r.Finish()["notice"]) {
		got = append(got, f[10]+" "+f[11])
	}
	return got
}

const (
	blocked   = "SMTP::Blocklist_Blocked_Host 192.0.2.1 is on an SMTP block list"
	mentioned = "SMTP::Blocklist_Error_Message 192.0.2.1 received an error message mentioning an SMTP block list"
)

func TestEachListIsKnownByItsText(t *testing.T) {
	for _, text := range []string{
		"spamhaus.org/", "sophos.com/security/", "spamcop.net/bl", "cbl.abuseat.org/", "sorbs.net/", "bsn.borderware.com/",
		"mail-abuse.com/", "b.barracudacentral.com/", "psbl.surriel.com/", "antispam.imp.ch/", "dyndns.com/ about spam",
		"rbl.knology.net/", "intercept.datapacket.net/", "uceprotect.net/", "hostkarma.junkemailfilter.com/",
	} {
		got := notices(t, nil, event.SMTPReply{Code: 554, Msg: []byte("see http://" + text)})
		if len(got) != 1 || got[0] != mentioned {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestWhichRepliesCount(t *testing.T) {
	for msg, want := range map[string]string{
		"192.0.2.1 spamhaus.org/":           blocked,
		"[192.0.2.1]: spamhaus.org/":        blocked,
		"192.0.2.2 192.0.2.1 spamhaus.org/": mentioned,
		"spamhaus.org":                      "",
	} {
		got := notices(t, nil, event.SMTPReply{Code: 550, Msg: []byte(msg)})
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s: %q", msg, got)
		}
	}
	for code, want := range map[uint64]int{250: 0, 399: 0, 400: 1, 421: 0, 599: 1} {
		if got := notices(t, nil, event.SMTPReply{Code: code, Msg: []byte("spamhaus.org/")}); len(got) != want {
			t.Errorf("%d: %q", code, got)
		}
	}
}

func TestAClientIsNoticedOnceAnHourForEachType(t *testing.T) {
	e := event.SMTPReply{Code: 550, Msg: []byte("192.0.2.1 spamhaus.org/")}
	other := event.SMTPReply{Code: 550, Msg: []byte("spamhaus.org/")}
	if got := notices(t, nil, e, e, other, e, other); len(got) != 2 || got[0] != blocked || got[1] != mentioned {
		t.Errorf("%q", got)
	}
}

func TestThePatternIsAnOption(t *testing.T) {
	got := notices(t, []string{"SMTP::blocklist_error_messages=/LISTED/i"},
		event.SMTPReply{Code: 550, Msg: []byte("listed")}, event.SMTPReply{Code: 550, Msg: []byte("192.0.2.1 spamhaus.org/")})
	if len(got) != 1 || got[0] != mentioned {
		t.Errorf("%q", got)
	}
}
