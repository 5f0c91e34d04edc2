// Package suspicious is protocols/smtp/detect-suspicious-orig: it notices mails
// that come from countries or networks where a site expects none from.
//
// Zeek: scripts/policy/protocols/smtp/detect-suspicious-orig.zeek.
package suspicious

import (
	"net/netip"

	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/notice/geoip"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "protocols/smtp/detect-suspicious-orig",
		Doc:      "notices for mails from suspicious countries or networks",
		Requires: []string{"base/frameworks/notice/main", "base/protocols/smtp"},
		Load:     load,
	})
}

type suspicious struct {
	notices   *notice.Framework
	note      notice.Type
	locations *geoip.DB
	countries *redef.StringSet
	networks  *redef.SubnetSet
}

func load(c *policy.Context) error {
	f := policy.Use[*notice.Framework](c)
	s := &suspicious{
		notices:   f,
		note:      f.DeclareType("SMTP::Suspicious_Origination"),
		locations: geoip.Use(c),
		countries: c.Options.StringSet("SMTP::suspicious_origination_countries", nil, "countries (ISO codes, upper case) that mail should not come from"),
		networks:  c.Options.SubnetSet("SMTP::suspicious_origination_networks", nil, "networks that mail should not come from"),
	}
	policy.Use[*smtp.SMTP](c).Log.Logged.Handle(c.Policy(), 0, func(e *policy.Logged[smtp.Info]) { s.logged(e.Rec) })
	return nil
}

// logged looks at the address that the mail names as its origin, and at the one
// where the path of its Received headers begins: each may give a notice.
func (s *suspicious) logged(rec *smtp.Info) {
	if rec.XOriginatingIP.IsValid() {
		s.check(rec, rec.XOriginatingIP, "An email originated from ")
	}
	if len(rec.Path) > 0 {
		s.check(rec, rec.Path[len(rec.Path)-1], "Based up Received headers, email originated from ")
	}
}

func (s *suspicious) check(rec *smtp.Info, ip netip.Addr, says string) {
	listed := s.inNetworks(ip)
	if !listed && s.countries.Len() == 0 {
		return // where it is decides nothing
	}
	country := ""
	if code := s.locations.Lookup(ip).CountryCode; code != nil {
		country = *code
		listed = listed || s.countries.Has(country)
	}
	if !listed {
		return
	}
	id := rec.ID
	s.notices.Raise(&notice.Notice{
		Note: s.note,
		Msg:  says + country + " (" + policy.FmtAddr(ip) + ").",
		ID:   &id, // and no uid, as in Zeek
	})
}

func (s *suspicious) inNetworks(ip netip.Addr) bool {
	ip = ip.Unmap()
	for _, n := range s.networks.Get() {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
