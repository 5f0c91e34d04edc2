// Package senderrate is the policy site/sender-rate: it counts the mails of each
// sender in a sliding window, and notices senders with too many.
package senderrate

import (
	"fmt"
	"math"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "site/sender-rate",
		Doc:      "notices senders of too many mails in a short time",
		API:      1,
		Requires: []string{"base/protocols/smtp", "base/frameworks/notice"},
		Load:     load,
	})
}

// maxMails bounds SenderRate::max_mails: so many times are kept for a sender.
const maxMails = 100_000

type rates struct {
	ctx        *policy.Context
	notices    *notice.Framework
	window     *redef.Interval
	max        *redef.Count
	maxSenders *redef.Count
	tooMany    notice.Type
	senders    *dict.Expiring[string, *window]
}

func load(c *policy.Context) error {
	o := c.Options
	r := &rates{
		ctx:     c,
		notices: policy.Use[*notice.Framework](c),
		window:  o.Interval("SenderRate::window", 600, "the time in which mails are counted").Check(positive),
		max: o.Count("SenderRate::max_mails", 100, "more mails of one sender in the window are noticed").Check(func(n uint64) error {
			if n < 1 || n > maxMails {
				return fmt.Errorf("%d is not between 1 and %d", n, maxMails)
			}
			return nil
		}),
		maxSenders: o.Count("SenderRate::max_senders", 100_000, "senders that are followed at a time; others are not counted"),
		senders:    dict.NewExpiring[string, *window](c.Keys, dict.HashString, c, dict.WriteExpire, 0),
	}
	r.tooMany = r.notices.DeclareType("SenderRate::Too_Many_Mails")
	c.Expire(r.senders)
	c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) { r.senders.Timeout = r.window.Get() })
	policy.Provide(c, r)
	policy.Use[*smtp.SMTP](c).Log.Hook(r.mail)
	return nil
}

func positive(seconds float64) error {
	if seconds <= 0 || math.IsInf(seconds, 0) {
		return fmt.Errorf("a window lasts longer than nothing")
	}
	return nil
}

// window holds the times of a sender's last mails, at most as many as may come
// in the window: the oldest of them tells whether one more is too many.
type window struct {
	times []float64 // a ring, once it is full
	next  int
}

// add notes a mail, and says whether more than limit have come in the seconds
// up to it.
func (w *window) add(now, seconds float64, limit int) bool {
	if len(w.times) < limit {
		w.times = append(w.times, now)
		return false
	}
	over := now-w.times[w.next] < seconds
	w.times[w.next] = now
	w.next = (w.next + 1) % limit
	return over
}

// mail counts a mail whose record is about to be written.
func (r *rates) mail(i *smtp.Info) bool {
	sender := i.MailFrom.Value
	if sender == "" {
		return true // bounces have no sender
	}
	w, known := r.senders.Get(sender)
	if !known {
		if uint64(r.senders.Len()) >= r.maxSenders.Get() {
			return true
		}
		w = &window{}
	}
	over := w.add(r.ctx.Now(), r.window.Get(), int(r.max.Get()))
	r.senders.Set(sender, w)
	if over {
		id := i.ID
		r.notices.Raise(&notice.Notice{
			Note: r.tooMany, UID: i.UID, ID: &id,
			Msg:        fmt.Sprintf("%s sent more than %d mails in %g s", sender, r.max.Get(), r.window.Get()),
			Identifier: sender,
		})
	}
	return true
}
