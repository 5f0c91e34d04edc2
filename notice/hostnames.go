package notice

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "frameworks/notice/extend-email/hostnames",
		Doc:      "adds the names of a notice's addresses to its mails",
		Requires: []string{"base/frameworks/notice/main"},
		Load:     loadHostnames,
	})
	policy.Register(policy.Policy{
		Name:     "frameworks/notice/actions/drop",
		Doc:      "notice.log says whether a notice's source was dropped",
		Requires: []string{"base/frameworks/notice/main"},
		Load:     loadDrop,
	})
	policy.Register(policy.Policy{
		Name:     "frameworks/notice",
		Doc:      "what extends notices' mails",
		Requires: []string{"frameworks/notice/extend-email/hostnames"},
		Load:     func(*policy.Context) error { return nil },
	})
}

// loadHostnames holds mails back until the names are known. Only a live run has
// mails, so only a live run asks.
func loadHostnames(c *policy.Context) error {
	f := policy.Use[*Framework](c)
	f.OnNotice(-1, func(n *Notice) bool {
		if !c.Live || n.EmailDest.Len() == 0 {
			return true
		}
		ask := func(token, label string, a netip.Addr) {
			if a.IsValid() {
				lookup := f.lookupName
				f.Defer(n, token, func() string { return label + " hostname: " + lookup(a) + "\n" })
			}
		}
		ask("hostnames-src", "orig/src", n.Src)
		ask("hostnames-dst", "resp/dst", n.Dst)
		return true
	})
	return nil
}

// lookupName is the name of an address from DNS; the framework has it as a
// field for tests.
func lookupName(a netip.Addr) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, a.Unmap().String())
	if err != nil || len(names) == 0 {
		return unknownName
	}
	return strings.TrimSuffix(names[0], ".")
}

// loadDrop adds the column of drop.zeek. What drops is whoever handles
// Notice::drop; a notice counts as dropped if anybody does.
func loadDrop(c *policy.Context) error {
	f := policy.Use[*Framework](c)
	f.AddColumn(policy.Bool("dropped", func(n *Notice) (bool, bool) {
		return n.HasAction(ActionDrop) && f.Drop.Wanted(), true
	}))
	return nil
}
