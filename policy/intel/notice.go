package intel

import (
	"fmt"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "frameworks/intel/do_notice",
		Doc:      "notices about indicators whose source asks for them (meta.do_notice, meta.if_in)",
		Requires: []string{base, "base/frameworks/notice"},
		Load:     loadNotice,
	})
}

func loadNotice(c *policy.Context) error {
	f, notices := policy.Use[*Framework](c), policy.Use[*notice.Framework](c)
	note := notices.DeclareType("Intel::Notice")
	doNotice, ifIn := f.AddMetaBool("do_notice"), f.AddMetaWhere("if_in")
	f.Match.Handle(c.Policy(), 0, func(e *Match) {
		s := e.Seen
		for item := range e.Items.All() {
			if !doNotice.Get(item.Meta) || !ifIn.Is(item.Meta, s.Where) {
				continue
			}
			n := &notice.Notice{
				Note: note,
				Msg:  "Intel hit on " + s.Indicator + " at " + s.Where.Name,
				Sub:  s.Indicator, HasSub: true,
			}
			service := ""
			if s.Conn != nil {
				n.Conn = s.Conn
				n.Identifier = s.Indicator + ends(&s.Conn.ID)
				for _, name := range s.Conn.Service {
					service += name + " "
				}
			}
			n.EmailBodySections = []string{fmt.Sprintf("Service: %s\n", service), fmt.Sprintf("Intel source: %s\n", item.Meta.Source)}
			notices.Raise(n)
		}
	})
	return nil
}

// ends are the addresses of a connection, the lower one first, whoever has
// opened it.
func ends(id *event.ConnID) string {
	a, b := id.OrigH.As16(), id.RespH.As16()
	if string(a[:]) < string(b[:]) {
		return policy.FmtAddr(id.OrigH) + policy.FmtAddr(id.RespH)
	}
	return policy.FmtAddr(id.RespH) + policy.FmtAddr(id.OrigH)
}
