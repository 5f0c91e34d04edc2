package packet

import (
	"slices"
	"testing"
)

const plainSyn = "10.1.0.1>10.1.0.2 6/20"

func TestWhoTakesOverIsAnOption(t *testing.T) {
	inner := eth(0x800, syn4())
	mpls := func(in []byte) []byte { return eth(0x8847, cat(0, 0, 1, 64, in)) }
	outer := func(proto int, b []byte) []byte { return eth(0x800, ip4(proto, hostA, hostB, b)) }
	udp := func(port int, b []byte) []byte { return outer(17, udpTo(50000, port, b)) }
	const out = "10.0.0.1>10.0.0.2 "
	for _, c := range []struct {
		name, from, to string
		link           int
		data           []byte
		want           string
	}{
		{"MPLS with Ethernet", "MPLS", "ETHERNET", dltEthernet, mpls(inner), plainSyn},
		{"MPLS with what isn't Ethernet", "MPLS", "ETHERNET", dltEthernet, mpls(syn4()), ""},
		{"MPLS with PPP", "MPLS", "PPP", dltEthernet, mpls(cat(u16(0x21), syn4())), plainSyn},
		{"an unknown link type", "ROOT", "ETHERNET", 147, inner, plainSyn},
		{"raw IP is such a type", "ROOT", "ETHERNET", dltRaw, syn4(), ""},
		{"and so is what GRE carries", "ROOT", "ETHERNET", dltEthernet, outer(47, cat(u16(0), u16(0x800), inner)), plainSyn + " in 7:C1"},
		{"the root itself", "ROOT", "ROOT", 147, syn4(), ""},
		{"PBB with IP", "PBB", "IP", dltEthernet, eth(0x88e7, cat(make([]byte, 4), syn4())), plainSyn},
		{"FDDI with LLC", "FDDI", "ETHERNET", dltFDDI, cat(make([]byte, 21), inner), plainSyn},
		{"GRE without a tunnel", "GRE", "IP", dltEthernet, outer(47, cat(u16(0), u16(0x800), syn4())), plainSyn},
		{"GRE with GRE", "GRE", "GRE", dltEthernet, outer(47, cat(u16(0), u16(0x800), u16(0), u16(0x800))), "truncated_GRE  10.0.0.1 10.0.0.2 GRE"},
		{"IP in IP with ARP", "IPTUNNEL", "ARP", dltEthernet, outer(4, syn4()), "truncated_ARP_in_tunnel  - - ARP"},
		{"unknown transport as UDP", "IP", "UDP", dltEthernet, outer(132, udpTo(50000, 4789, cat(8, make([]byte, 7), inner))), out + "132/70"},
		{"unknown transport as IP", "IP", "IP", dltEthernet, outer(132, syn4()), plainSyn},
		{"unknown transport as a tunnel of UDP", "IP", "VXLAN", dltEthernet, outer(132, syn4()), "vxlan_missing_connection  - - VXLAN"},
		{"TCP stays TCP", "IP", "UDP", dltEthernet, inner, plainSyn},
		{"VXLAN with IP", "VXLAN", "IP", dltEthernet, udp(4789, cat(8, make([]byte, 7), syn4())), out + "17/56; " + plainSyn + " in 8:C1; VXLAN"},
		{"Teredo with nothing", "TEREDO", "LLC", dltEthernet, udp(3544, syn6()), out + "17/68"},
		{"GTP with nothing", "GTPV1", "NULL", dltEthernet, udp(2152, cat(0x30, 255, u16(40), make([]byte, 4), syn4())), out + "17/56; GTPV1"},
		{"transport before IP", "MPLS", "TCP", dltEthernet, mpls(tcpSyn()), ""},
		{"a tunnel before IP", "MPLS", "IPTUNNEL", dltEthernet, mpls(syn4()), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := DefaultOptions()
			opts.Defaults = map[string]string{c.from: c.to}
			r := newRig(opts)
			r.frame(1, c.link, c.data, len(c.data))
			if got := r.text(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestSkipPassesOverOctets(t *testing.T) {
	for _, c := range []struct {
		skip uint64
		then string
		data []byte
		want string
	}{
		{0, "IP", syn4(), plainSyn},
		{3, "IP", cat(1, 2, 3, syn4()), plainSyn},
		{3, "ETHERNET", cat(1, 2, 3, eth(0x800, syn4())), plainSyn},
		{1 << 60, "IP", syn4(), ""},
		{0, "SKIP", syn4(), ""}, // Zeek goes round and round
		{1, "SKIP", syn4(), ""},
	} {
		opts := DefaultOptions()
		opts.Defaults = map[string]string{"ROOT": "SKIP", "SKIP": c.then}
		opts.SkipBytes = c.skip
		r := newRig(opts)
		r.frame(1, 147, c.data, len(c.data))
		if got := r.text(); got != c.want {
			t.Errorf("%d octets, then %s: got %q, want %q", c.skip, c.then, got, c.want)
		}
	}
}

func TestAnalyzersThatAreOffSeeNothing(t *testing.T) {
	vlan := eth(0x8100, cat(u16(3), u16(0x800), syn4()))
	mpls := eth(0x8847, cat(0, 0, 1, 64, syn4()))
	unknown := eth(0x800, ip4(132, hostC, hostD, make([]byte, 20)))
	for _, c := range []struct {
		off  string
		data []byte
		want string
	}{
		{"VLAN", vlan, ""},
		{"IP", vlan, ""},
		{"TCP", vlan, ""},
		{"UDP", vlan, plainSyn + " vlan 3"},
		{"ETHERNET", vlan, ""},
		{"MPLS", mpls, ""},
		{"IP", mpls, plainSyn}, // who takes over by default isn't asked
		{"UNKNOWN_IP_TRANSPORT", unknown, ""},
		{"ICMP", unknown, "10.1.0.1>10.1.0.2 132/20"},
	} {
		opts := DefaultOptions()
		opts.Off = func(name string) bool { return name == c.off }
		r := newRig(opts)
		r.frame(1, dltEthernet, c.data, len(c.data))
		if got := r.text(); got != c.want {
			t.Errorf("without %s: got %q, want %q", c.off, got, c.want)
		}
	}
}

func TestGlancesNeedTheUsualAnalyzers(t *testing.T) {
	for _, c := range []struct {
		off, root string
		want      bool
	}{
		{"", "", true}, {"UDP", "IP", true}, {"IP", "", false}, {"TCP", "", false}, {"VLAN", "", false},
		{"ETHERNET", "", false}, {"", "ETHERNET", false},
	} {
		opts := DefaultOptions()
		opts.Off = func(name string) bool { return name == c.off }
		opts.Defaults = map[string]string{"ROOT": c.root}
		if opts.MayGlance() != c.want {
			t.Errorf("without %q, with %q for unknown link types: %v", c.off, c.root, !c.want)
		}
	}
}

func TestEachAnalyzerHasAName(t *testing.T) {
	names := Analyzers()
	if len(names) != int(lastAnalyzer) || slices.Contains(names, "") || len(slices.Compact(names)) != int(lastAnalyzer) {
		t.Errorf("%d analyzers, named %q", lastAnalyzer, names)
	}
	for from, to := range DefaultAnalyzers() {
		if !slices.Contains(names, from) || !slices.Contains(names, to) {
			t.Errorf("%s to %s", from, to)
		}
	}
}
