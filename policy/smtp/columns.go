package smtp

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

func columns() []policy.Column[Info] {
	str := func(name string, get func(*Info) *Field) policy.Column[Info] {
		return policy.String(name, func(i *Info) (string, bool) { f := get(i); return f.Value, f.Set })
	}
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.String("uid", func(i *Info) (string, bool) { return i.UID, true }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return &i.ID })...)
	return append(cols,
		policy.Count("trans_depth", func(i *Info) (uint64, bool) { return i.TransDepth, true }),
		str("helo", func(i *Info) *Field { return &i.HELO }),
		str("mailfrom", func(i *Info) *Field { return &i.MailFrom }),
		policy.StringSet("rcptto", func(i *Info) *dict.StringSet { return i.RcptTo }),
		str("date", func(i *Info) *Field { return &i.Date }),
		str("from", func(i *Info) *Field { return &i.From }),
		policy.StringSet("to", func(i *Info) *dict.StringSet { return i.To }),
		policy.StringSet("cc", func(i *Info) *dict.StringSet { return i.CC }),
		str("reply_to", func(i *Info) *Field { return &i.ReplyTo }),
		str("msg_id", func(i *Info) *Field { return &i.MsgID }),
		str("in_reply_to", func(i *Info) *Field { return &i.InReplyTo }),
		str("subject", func(i *Info) *Field { return &i.Subject }),
		policy.Addr("x_originating_ip", func(i *Info) netip.Addr { return i.XOriginatingIP }),
		policy.String("first_received", func(i *Info) (string, bool) { f := i.FirstReceived(); return f.Value, f.Set }),
		policy.String("second_received", func(i *Info) (string, bool) { f := i.SecondReceived(); return f.Value, f.Set }),
		str("last_reply", func(i *Info) *Field { return &i.LastReply }),
		policy.Column[Info]{Name: "path", Type: zeeklog.VectorOf(zeeklog.Addr), Get: func(i *Info, v *zeeklog.Value) {
			v.SetEmptyVector()
			for _, a := range i.Path {
				v.AppendElem().SetAddr(a)
			}
		}},
		str("user_agent", func(i *Info) *Field { return &i.UserAgent }),
		policy.Bool("tls", func(i *Info) (bool, bool) { return i.TLS, true }),
		policy.Column[Info]{Name: "fuids", Type: zeeklog.VectorOf(zeeklog.String), Get: func(i *Info, v *zeeklog.Value) {
			v.SetEmptyVector()
			for _, f := range i.FUIDs {
				v.AppendElem().SetString(f)
			}
		}},
	)
}
