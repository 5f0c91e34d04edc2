package notice

import (
	"net/netip"
	"strings"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/actions/email_admin",
		Doc:      "ACTION_EMAIL_ADMIN: mails to the administrators of an address",
		Requires: []string{"base/frameworks/notice/main", "base/utils/site"},
		Load:     loadEmailAdmin,
	})
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/actions/page",
		Doc:      "ACTION_PAGE: mails to a pager",
		Requires: []string{"base/frameworks/notice/main"},
		Load:     loadPage,
	})
}

func loadEmailAdmin(c *policy.Context) error {
	f := policy.Use[*Framework](c)
	f.OnNotice(0, func(n *Notice) bool {
		if !n.HasAction(ActionEmailAdmin) || f.opt.localAdmins.Len() == 0 {
			return true
		}
		for _, a := range []netip.Addr{n.Src, n.Dst} {
			if dest := f.adminsOf(a); dest != "" {
				n.EmailDest.Add(dest)
			}
		}
		return true
	})
	return nil
}

// adminsOf is Site::get_emails: the administrators of all networks around an
// address, from the widest to the narrowest, joined to one destination. As in
// Zeek only prefixes of 1 to 32 bits are looked for, of IPv6 addresses too.
func (f *Framework) adminsOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = dict.Addr(a)
	all := dict.NewStringSet(f.ctx.Keys)
	for bits := 1; bits <= 32; bits++ {
		p, err := a.Prefix(bits)
		if err != nil {
			break
		}
		for _, email := range f.opt.localAdmins.Get(p) {
			if email != "" {
				all.Add(email)
			}
		}
	}
	return strings.Join(all.Elements(), ", ")
}

func loadPage(c *policy.Context) error {
	f := policy.Use[*Framework](c)
	dest := c.Options.String("Notice::mail_page_dest", "", "where notices with ACTION_PAGE are mailed to")
	f.OnNotice(0, func(n *Notice) bool {
		if n.HasAction(ActionPage) {
			n.EmailDest.Add(dest.Get())
		}
		return true
	})
	return nil
}
