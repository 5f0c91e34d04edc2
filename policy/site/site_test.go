package site

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// What networks hold is what netip says, for addresses at and beside their ends.
func TestNetworksHoldTheirAddresses(t *testing.T) {
	all := append(privateAddressSpace(), netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("1.2.3.4/31"),
		netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2001:db8:1::7/127"))
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var list []netip.Prefix
		for range rng.IntN(4) {
			list = append(list, all[rng.IntN(len(all))])
		}
		n := newNets(list)
		for _, p := range all {
			first := p.Masked().Addr()
			for _, a := range []netip.Addr{first, first.Next(), first.Prev(), p.Addr(), netip.AddrFrom16(first.As16())} {
				want := false
				for _, q := range list {
					want = want || q.Contains(a.Unmap())
				}
				if a.IsValid() && n.contains(a) != want {
					t.Fatalf("%v in %v: %v", a, list, !want)
				}
			}
		}
	}
}
