// Package captureloss is misc/capture-loss: capture_loss.log estimates what share
// of the traffic never arrived, by acknowledgements of data that was not seen.
// Unlike the kernel's counters that shows losses before this machine, too.
//
// Zeek: scripts/policy/misc/capture-loss.zeek.
package captureloss

import (
	"fmt"

	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "misc/capture-loss",
		Doc:      "capture_loss.log: the share of acknowledged data that was never seen; notices when it is large",
		Requires: []string{"base/frameworks/notice"},
		Load:     load,
	})
}

// Info is a record of capture_loss.log, CaptureLoss::Info.
type Info struct {
	TS, Delta   float64 // seconds since the epoch, since the last record
	Peer        string
	Gaps, Acks  uint64
	PercentLost float64
}

type measuring struct {
	ctx                          *policy.Context
	notices                      *notice.Framework
	log                          *policy.Stream[Info]
	tooMuch, tooLittle           notice.Type
	interval, first, tooMuchLoss interface{ Get() float64 }
	minimum                      interface{ Get() uint64 }
	peer                         interface{ Get() string }
}

func load(c *policy.Context) error {
	n := policy.Use[*notice.Framework](c)
	m := &measuring{
		ctx: c, notices: n,
		tooMuch:     n.DeclareType("CaptureLoss::Too_Much_Loss"),
		tooLittle:   n.DeclareType("CaptureLoss::Too_Little_Traffic"),
		interval:    c.Options.Interval("CaptureLoss::watch_interval", 900, "how often the loss is measured").Live(),
		first:       c.Options.Interval("CaptureLoss::initial_watch_interval", 60, "when it is measured first").Live(),
		tooMuchLoss: c.Options.Double("CaptureLoss::too_much_loss", 0.1, "the share, 0 to 1, from which on a notice is raised").Live(),
		minimum:     c.Options.Count("CaptureLoss::minimum_acks", 1, "fewer acknowledgements in an interval raise a notice").Live(),
		peer:        c.Options.String("peer_description", "zeek", "names this sensor in logs"),
		log: policy.NewStream(c, "CaptureLoss::LOG", "capture_loss", "",
			policy.Time("ts", func(i *Info) float64 { return i.TS }),
			policy.Interval("ts_delta", func(i *Info) (float64, bool) { return i.Delta, true }),
			policy.String("peer", func(i *Info) (string, bool) { return i.Peer, true }),
			policy.Count("gaps", func(i *Info) (uint64, bool) { return i.Gaps, true }),
			policy.Count("acks", func(i *Info) (uint64, bool) { return i.Acks, true }),
			policy.Column[Info]{Name: "percent_lost", Type: zeeklog.T(zeeklog.Double),
				Get: func(i *Info, v *zeeklog.Value) { v.SetDouble(i.PercentLost) }},
		),
	}
	c.Events.ZeekInit.Handle(c.Policy(), 5, func(*struct{}) { m.schedule(m.first, 0, 0) })
	return nil
}

func (m *measuring) schedule(after interface{ Get() float64 }, acks, gaps uint64) {
	at := m.ctx.Now()
	m.ctx.Schedule(after.Get(), func() { m.measure(at, acks, gaps) })
}

// measure is take_measurement. The first one comes at the first packet, since
// there was no time to count from: it only begins.
func (m *measuring) measure(last float64, lastAcks, lastGaps uint64) {
	if last == 0 {
		m.schedule(m.first, 0, 0)
		return
	}
	st := m.ctx.Counters()
	now, acks, gaps := m.ctx.Now(), st.Acks-lastAcks, st.Gaps-lastGaps
	lost := 0.0
	if acks > 0 {
		lost = 100 * float64(gaps) / float64(acks)
	}
	if lost >= 100*m.tooMuchLoss.Get() {
		m.notices.Raise(&notice.Notice{Note: m.tooMuch,
			Msg: fmt.Sprintf("The capture loss script detected an estimated loss rate above %.3f%%", lost)})
	}
	if least := m.minimum.Get(); acks < least {
		m.notices.Raise(&notice.Notice{Note: m.tooLittle,
			Msg: fmt.Sprintf("Only observed %d TCP ACKs and was expecting at least %d.", acks, least)})
	}
	m.log.Write(&Info{TS: now, Delta: now - last, Peer: m.peer.Get(), Gaps: gaps, Acks: acks, PercentLost: lost})
	m.schedule(m.interval, st.Acks, st.Gaps)
}
