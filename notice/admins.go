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

// adminsOf is Site::get_emails: the administrators of networks around an
// address, joined to one destination. Zeek cuts the address to 1 to 32 bits, of
// IPv6 too, and asks the table for each: a table[subnet] answers with the
// narrowest of its networks that has the whole of what it is asked for (Val.cc,
// TableVal::Find; PrefixTable::Lookup). So narrower ones than 32 bits are never
// found. site.zeek, find_all_emails.
func (f *Framework) adminsOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = dict.Addr(a)
	all := dict.NewStringSet(f.ctx.Keys)
	for bits := 1; bits <= 32; bits++ {
		// Each network is met for as long as there is no narrower one: what is
		// added again moves a set that is growing on.
		for _, email := range f.adminsAround(netip.PrefixFrom(a, bits)) {
			if email != "" {
				all.Add(email)
			}
		}
	}
	return strings.Join(all.Elements(), ", ")
}

// adminsAround are the administrators of the narrowest network that has all of p.
func (f *Framework) adminsAround(p netip.Prefix) []string {
	asked := wide(p)
	best, emails := -1, []string(nil)
	for network, of := range f.opt.localAdmins.All() {
		if n := wide(network); n.Bits() > best && n.Bits() <= asked.Bits() && n.Contains(asked.Addr()) {
			best, emails = n.Bits(), of
		}
	}
	set := dict.NewStringSet(f.ctx.Keys)
	for _, email := range emails {
		set.Add(email)
	}
	return set.Elements()
}

// wide is a network as Zeek's tables have it: an IPv4 one is one of IPv6.
func wide(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4() {
		return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+96)
	}
	return p
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
