package senderrate

import (
	"fmt"
	"testing"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/engine/enginetest"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/policy/smtp"
)

// Three mails of one sender.
const capture = "../../testdata/baselines/dialog-path-several/input.pcap"

func TestLogs(t *testing.T) {
	enginetest.Run{
		Captures: []string{capture},
		Policies: []string{"site/sender-rate"},
		Settings: []string{"SenderRate::max_mails=2", "SenderRate::window=1min"},
	}.Compare(t, "testdata", "notice")
}

func TestAWindowSlides(t *testing.T) {
	w := &window{}
	for i, c := range []struct {
		at   float64
		over bool
	}{{0, false}, {5, false}, {9, false}, {9.9, true}, {15.5, false}, {15.6, true}, {100, false}, {101, false}, {102, false}, {103, true}} {
		if got := w.add(c.at, 10, 3); got != c.over {
			t.Errorf("mail %d at %v: over %v", i, c.at, got)
		}
	}
	if len(w.times) != 3 {
		t.Errorf("%d times are kept", len(w.times))
	}
}

// run loads the policy without an engine; mail has a sender send one.
func run(t *testing.T, settings ...string) (r *policytest.Run, senders func() int, mail func(at float64, sender string)) {
	t.Helper()
	var p *smtp.SMTP
	var all *rates
	r = policytest.Start(t, policytest.Config{
		Policies: []string{"site/sender-rate"}, Options: settings,
		Loaded: func(c *policy.Context) { p, all = policy.Use[*smtp.SMTP](c), policy.Use[*rates](c) },
	})
	mail = func(at float64, sender string) {
		r.At(at)
		r.Events.Drain()
		p.Log.Write(&smtp.Info{TS: at, ID: event.ConnID{}, MailFrom: smtp.Field{Value: sender, Set: true}, RcptTo: dict.NewStringSet(r.Keys)})
		r.Events.Drain()
	}
	return r, all.senders.Len, mail
}

func TestSendersAreForgottenAndBounded(t *testing.T) {
	r, senders, mail := run(t, "SenderRate::window=100sec", "SenderRate::max_senders=50")
	for i := range 80 {
		mail(1000+float64(i)/10, fmt.Sprintf("s%d@example.com", i))
	}
	if n := senders(); n != 50 {
		t.Errorf("%d senders are followed, not 50", n)
	}
	mail(2000, "late@example.com") // the table is looked through before
	mail(2050, "late@example.com")
	if n := senders(); n != 1 {
		t.Errorf("%d senders are left", n)
	}
	r.Finish()
	for _, e := range r.Errors {
		t.Error(e)
	}
}
