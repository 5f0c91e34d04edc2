package suspicious_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	_ "github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/policy/smtp"
	_ "github.com/gzeek/gzeek/policy/suspicious"
	_ "github.com/gzeek/gzeek/policy/weird"
)

func notices(t *testing.T, rec smtp.Info, options ...string) (got []string) {
	var log *policy.Stream[smtp.Info]
	r := policytest.Start(t, policytest.Config{Policies: []string{"protocols/smtp/detect-suspicious-orig"}, Options: options,
		Loaded: func(c *policy.Context) { log = policy.Use[*smtp.SMTP](c).Log }})
	r.At(1000)
	rec.ID = event.ConnID{OrigH: netip.MustParseAddr("192.0.2.1"), RespH: netip.MustParseAddr("198.51.100.25"), RespP: 25, Proto: event.ProtoTCP}
	log.Logged.Call(&policy.Logged[smtp.Info]{Rec: &rec})
	for _, f := range policytest.Rows(r.Finish()["notice"]) {
		got = append(got, f[1]+" "+f[11]+" "+f[13])
	}
	return got
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, s := range texts {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

// Without a database the country is empty in the message. Zeek gives these
// notices no uid.
func TestNetworksOfTheOriginAndOfThePathsEnd(t *testing.T) {
	const networks = "SMTP::suspicious_origination_networks={198.51.100.0/24,[2001:db8:bad::]/48}"
	for _, c := range []struct {
		name string
		rec  smtp.Info
		want []string
	}{
		{"origin", smtp.Info{XOriginatingIP: addrs("198.51.100.9")[0], Path: addrs("192.0.2.9")},
			[]string{"- An email originated from  (198.51.100.9). 192.0.2.1"}},
		{"end of the path", smtp.Info{Path: addrs("192.0.2.9", "2001:db8:bad::1")},
			[]string{"- Based up Received headers, email originated from  (2001:db8:bad::1). 192.0.2.1"}},
		{"only the end of the path", smtp.Info{Path: addrs("198.51.100.9", "192.0.2.9")}, nil},
		{"both", smtp.Info{XOriginatingIP: addrs("198.51.100.9")[0], Path: addrs("198.51.100.8")},
			[]string{"- An email originated from  (198.51.100.9). 192.0.2.1", "- Based up Received headers, email originated from  (198.51.100.8). 192.0.2.1"}},
	} {
		if got := notices(t, c.rec, networks); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWithoutADatabaseNoCountryIsSuspicious(t *testing.T) {
	got := notices(t, smtp.Info{Path: addrs("192.0.2.9")}, `SMTP::suspicious_origination_countries={"XX",""}`, "mmdb_dir="+t.TempDir())
	if len(got) > 0 {
		t.Errorf("%q", got)
	}
}
