package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Hand-built layers. Each builder returns the octets of its layer around what
// is inside.

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func eth(typ int, in []byte) []byte { return cat(make([]byte, 12), u16(typ), in) }

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

type ip4opt func([]byte)

func ip4(proto int, src, dst string, in []byte, opts ...ip4opt) []byte {
	b := cat(0x45, 0, u16(20+len(in)), u16(77), u16(0), 64, proto, u16(0), addr(src), addr(dst))
	for _, o := range opts {
		o(b)
	}
	binary.BigEndian.PutUint16(b[10:], ^fold(onesSum(0, b)))
	return append(b, in...)
}

func fragment(id, offset int, more bool) ip4opt {
	return func(b []byte) {
		v := offset / 8
		if more {
			v |= 0x2000
		}
		copy(b[4:], u16(id))
		copy(b[6:], u16(v))
	}
}

func ip6(next int, src, dst string, in []byte) []byte {
	return cat(0x60, 0, 0, 0, u16(len(in)), next, 64, addr(src), addr(dst), in)
}

// udp4 has no checksum.
func udpTo(sport, dport int, in []byte) []byte {
	return cat(u16(sport), u16(dport), u16(8+len(in)), u16(0), in)
}

// tcpSyn is a segment whose checksum is wrong: nothing here counts it.
func tcpSyn() []byte {
	return cat(u16(1025), u16(25), make([]byte, 8), 0x50, 2, make([]byte, 6))
}

// text describes what came out: packets with their tunnels, then weirds, then
// what the tunnel analyzers said of connections.
func (r *rig) text() string {
	var out []string
	for _, p := range r.tb.opened {
		s := fmt.Sprintf("%s>%s %d/%d", p.IP.Src, p.IP.Dst, p.IP.NextProto, p.IP.PayloadLen())
		for _, e := range p.Encap {
			s += fmt.Sprintf(" in %d:%s", e.Type, e.UID)
		}
		if p.VLAN != 0 {
			s += fmt.Sprintf(" vlan %d", p.VLAN)
		}
		if p.InnerVLAN != 0 {
			s += fmt.Sprintf(".%d", p.InnerVLAN)
		}
		out = append(out, s)
	}
	out = append(out, r.weirds...)
	for _, s := range r.tb.sessions {
		out = append(out, s.confirmed...)
		out = append(out, s.violated...)
		out = append(out, s.weirds...)
	}
	return strings.Join(out, "; ")
}

const (
	hostA, hostB = "10.0.0.1", "10.0.0.2"
	hostC, hostD = "10.1.0.1", "10.1.0.2"
	hostE, hostF = "2001:db8::1", "2001:db8::2"
)

func syn4() []byte { return ip4(6, hostC, hostD, tcpSyn()) }
func syn6() []byte { return ip6(6, hostE, hostF, tcpSyn()) }

func TestLinkLayers(t *testing.T) {
	const plain = "10.1.0.1>10.1.0.2 6/20"
	tlv := func(length, typ int, in []byte) []byte {
		b := binary.LittleEndian.AppendUint16(nil, uint16(length))
		return cat(binary.LittleEndian.AppendUint16(b, uint16(typ)), in)
	}
	wlan := func(control, flags, header int, in []byte) []byte {
		return cat(control, flags, make([]byte, header-2), 0xaa, 0xaa, 3, 0, 0, 0, in)
	}
	for _, c := range []struct {
		name string
		link int
		data []byte
		want string
	}{
		{"ethernet", 1, eth(0x800, syn4()), plain},
		{"ethernet v6", 1, eth(0x86dd, syn6()), "2001:db8::1>2001:db8::2 6/20"},
		{"ethernet of 16 octets", 1, make([]byte, 16), "truncated_ethernet_frame  - - ETHERNET"},
		{"length beyond the frame", 1, eth(1000, make([]byte, 40)), "truncated_ethernet_frame  - - ETHERNET"},
		{"no type and no length", 1, eth(1510, make([]byte, 40)), "undefined_ether_type  - - ETHERNET"},
		{"unknown type", 1, eth(0x1234, make([]byte, 40)), ""},
		{"ARP", 1, eth(0x806, cat(u16(1), u16(0x800), 6, 4, u16(1), make([]byte, 20))), ""},
		{"short ARP", 1, eth(0x806, cat(u16(1), u16(0x800), 6, 4, u16(1), make([]byte, 19))), "truncated_ARP  - - ARP"},
		{"FabricPath", 1, eth(0x8903, cat("\x00\x00", make([]byte, 12), u16(0x800), syn4())), plain},
		{"FabricPath cut", 1, eth(0x8903, make([]byte, 16)), "truncated_link_header_cfp  - - ETHERNET"},
		{"SNAP", 1, eth(48, cat(0xaa, 0xaa, 3, 0, 0, 0, u16(0x800), syn4())), plain},
		{"SNAP cut", 1, eth(5, cat(0xaa, 0xaa, 3, 0, 0, 0)), "truncated_snap_header  - - SNAP"},
		{"Novell", 1, eth(5, cat(0xff, 0xff, 3, 0, 0, 0)), "no_suitable_analyzer_found  - - NOVELL_802_3"},
		{"LLC", 1, eth(5, cat(0x42, 0x42, 3, 0, 0, 0)), ""},
		{"LLC cut", 1, eth(3, cat(0x42, 0x42, 0)), "truncated_llc_header  - - LLC"},
		{"VLAN", 1, eth(0x8100, cat(u16(0x2005), u16(0x800), syn4())), plain + " vlan 5"},
		{"QinQ", 1, eth(0x88a8, cat(u16(5), u16(0x8100), u16(6), u16(0x800), syn4())), plain + " vlan 5.6"},
		{"three tags", 1, eth(0x9100, cat(u16(5), u16(0x8100), u16(6), u16(0x8100), u16(7), u16(0x800), syn4())), plain + " vlan 5.7"},
		{"service tag inside a tag", 1, eth(0x8100, cat(u16(5), u16(0x88a8), u16(6), u16(0x800), syn4())), ""},
		{"VLAN cut", 1, eth(0x8100, make([]byte, 4)), "truncated_VLAN_header  - - VLAN"},
		{"VLAN without type", 1, eth(0x8100, cat(u16(5), u16(1510), syn4())), "undefined_vlan_protocol  - - VLAN"},
		{"VN-tag", 1, eth(0x8926, cat(make([]byte, 4), u16(0x8100), u16(5), u16(0x800), syn4())), plain + " vlan 5"},
		{"PBB", 1, eth(0x88e7, cat(make([]byte, 4), eth(0x800, syn4()))), plain},
		{"MPLS", 1, eth(0x8847, cat(0, 0, 0, 9, 0, 0, 1, 9, syn4())), plain},
		{"MPLS without end", 1, eth(0x8847, make([]byte, 12)), "truncated_link_header  - - MPLS"},
		{"PPPoE", 1, eth(0x8864, cat(0x11, 0, 0, 1, u16(42), u16(0x21), syn4())), plain},
		{"PPPoE with padding", 1, eth(0x8864, cat(0x11, 0, 0, 1, u16(42), u16(0x21), syn4(), 0, 0)), plain + "; pppoe_extra_data_after_payload  - - PPPOE"},
		{"PPPoE cut", 1, eth(0x8864, cat(0x11, 0, 0, 1, u16(50), u16(0x21), syn4())), plain + "; pppoe_truncated_payload  - - PPPOE"},
		{"raw", 12, syn4(), plain},
		{"raw v6", 101, syn6(), "2001:db8::1>2001:db8::2 6/20"},
		{"unknown link type", 147, syn4(), plain},
		{"LOOP isn't known", 108, cat(0, 0, 0, 2, syn4()), "unknown_ip_version  - - IP"},
		{"null", 0, cat(2, 0, 0, 0, syn4()), plain},
		{"null of BSD", 0, cat(28, 0, 0, 0, syn6()), "2001:db8::1>2001:db8::2 6/20"},
		{"null big endian", 0, cat(0, 0, 0, 2, syn4()), ""},
		{"null cut", 0, make([]byte, 4), "null_analyzer_failed  - - NULL"},
		{"PPP", 9, cat(u16(0x21), syn4()), plain},
		{"PPP in HDLC framing", 9, cat(0xff, 3, u16(0x57), syn6()), "2001:db8::1>2001:db8::2 6/20"},
		{"PPP HDLC cut", 9, cat(0xff, 3, u16(0x57)), "truncated_ppp_hdlc_header  - - PPP"},
		{"PPP serial", 50, cat(0x0f, 0, u16(0x21), syn4()), plain},
		{"PPP serial MPLS", 50, cat(0x0f, 0, u16(0x281), 0, 0, 1, 1, syn4()), plain},
		{"SLL", 113, cat(make([]byte, 14), u16(0x800), syn4()), plain},
		{"SLL cut", 113, make([]byte, 16), "truncated_Linux_SLL_header  - - LINUXSLL"},
		{"SLL2", 276, cat(u16(0x86dd), make([]byte, 18), syn6()), "2001:db8::1>2001:db8::2 6/20"},
		{"SLL2 cut", 276, make([]byte, 20), "truncated_Linux_SLL2_header  - - LINUXSLL2"},
		{"SLL doesn't know VLAN", 113, cat(make([]byte, 14), u16(0x8100), u16(5), u16(0x800), syn4()), ""},
		{"FDDI", 10, cat(make([]byte, 21), syn4()), plain},
		{"FDDI cut", 10, make([]byte, 21), "FDDI_analyzer_failed  - - FDDI"},
		{"NFLOG", 239, cat(2, 0, 0, 0, tlv(5, 1, cat(1, 0, 0, 0)), tlv(44, 9, syn4())), plain},
		{"NFLOG version", 239, cat(2, 1, 0, 0, 0), "unknown_nflog_version  - - NFLOG"},
		{"NFLOG without payload", 239, cat(2, 0, 0, 0, tlv(8, 1, make([]byte, 4))), "nflog_no_pcap_payload  - - NFLOG"},
		{"NFLOG short TLV", 239, cat(2, 0, 0, 0, tlv(3, 1, make([]byte, 8))), "nflog_bad_tlv_len  - - NFLOG"},
		{"NFLOG long TLV", 239, cat(2, 0, 0, 0, tlv(90, 1, make([]byte, 8))), "nflog_bad_tlv_len (92 > 12) - - NFLOG"},
		{"802.11", 105, wlan(0x08, 1, 24, cat(u16(0x800), syn4())), plain},
		{"802.11 with four addresses", 105, wlan(0x08, 3, 30, cat(u16(0x800), syn4())), plain},
		{"802.11 QoS", 105, wlan(0x88, 1, 26, cat(u16(0x800), syn4())), plain},
		{"802.11 encrypted", 105, wlan(0x88, 0x41, 26, cat(u16(0x800), syn4())), ""},
		{"802.11 management", 105, wlan(0x80, 0, 24, cat(u16(0x800), syn4())), ""},
		{"802.11 cut", 105, make([]byte, 24), "truncated_802_11_header  - - IEEE802_11"},
		{"radiotap", 127, cat(0, 0, 8, 0, make([]byte, 4), wlan(0x08, 1, 24, cat(u16(0x800), syn4()))), plain},
		{"radiotap cut", 127, cat(0, 0, 80, 0, make([]byte, 4)), "truncated_radiotap_header  - - IEEE802_11_RADIO"},
		{"aggregated 802.11", 105, cat(0x88, 1, make([]byte, 22), 0x80, 0,
			make([]byte, 12), u16(48), 0xaa, 0xaa, 3, 0, 0, 0, u16(0x800), syn4(),
			make([]byte, 12), u16(48), 0xaa, 0xaa, 3, 0, 0, 0, u16(0x800), syn4()), plain + "; " + plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(DefaultOptions())
			r.frame(1, c.link, c.data, len(c.data))
			if got := r.text(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestChecksOfIPHeaders(t *testing.T) {
	change := func(b []byte, i int, v ...byte) []byte { copy(b[i:], v); return b }
	checksums := DefaultOptions()
	checksums.IgnoreChecksums = true
	nets := DefaultOptions()
	nets.IgnoreChecksumsNets = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")}
	ext := func(next, length int, in []byte) []byte { return cat(next, length, in) }
	routing := func(next, typ, left int) []byte { return cat(next, 2, typ, left, 0, 0, 0, 0, addr("2001:db8::9")) }
	home := func(next int) []byte { return cat(next, 2, 1, 2, 0, 0, 201, 16, addr("2001:db8::8")) }
	pair := " 10.1.0.1 10.1.0.2 IP"
	for _, c := range []struct {
		name string
		opts Options
		data []byte
		cut  int // octets that weren't captured
		want string
	}{
		{"short", DefaultOptions(), syn4()[:19], 0, "truncated_IP  - - IP"},
		{"short v6", DefaultOptions(), syn6()[:39], 0, "truncated_IP  - - IP"},
		{"version", DefaultOptions(), change(syn4(), 0, 0x55), 0, "unknown_ip_version  - - IP"},
		{"no length", DefaultOptions(), change(syn4(), 2, 0, 0), 0, "ip_hdr_len_zero  - - IP"},
		{"no length, no checksums", checksums, change(syn4(), 2, 0, 0), 0, "10.1.0.1>10.1.0.2 6/0; ip_hdr_len_zero  - - IP"},
		{"longer than the wire", DefaultOptions(), change(syn4(), 2, 0, 41), 0, "truncated_IP_len  - - IP"},
		{"header longer than packet", DefaultOptions(), change(syn4(), 2, 0, 19), 0, "invalid_IP_header_size  - - IP"},
		{"header longer than capture", DefaultOptions(), change(syn4(), 0, 0x46)[:22], 18, "internally_truncated_header  - - IP"},
		{"header too short", DefaultOptions(), change(syn4(), 0, 0x44), 0, "IPv4_min_header_size  - - IP"},
		{"checksum", DefaultOptions(), change(syn4(), 8, 1), 0, "bad_IP_checksum " + pair},
		{"checksum of an ignored net", nets, change(syn4(), 8, 1), 0, "10.1.0.1>10.1.0.2 6/20"},
		{"truncated capture is fine", DefaultOptions(), syn4()[:30], 10, "10.1.0.1>10.1.0.2 6/20"},
		{"ESP on v4 is a protocol", DefaultOptions(), ip4(50, hostC, hostD, make([]byte, 8)), 0, "10.1.0.1>10.1.0.2 50/8"},
		{"ESP on v6 is a header", DefaultOptions(), ip6(50, hostE, hostF, make([]byte, 8)), 0, ""},
		{"no next header", DefaultOptions(), ip6(59, hostE, hostF, nil), 0, "ipv6_no_next  2001:db8::1 2001:db8::2 IP"},
		{"mobility", DefaultOptions(), ip6(135, hostE, hostF, cat(59, 0, 1, 0, 0, 0, 0, 0)), 0, "bad_MH_checksum  2001:db8::1 2001:db8::2 IP"},
		{"mobility, no checksums", checksums, ip6(135, hostE, hostF, cat(6, 0, 1, 0, 0, 0, 0, 0)), 0, "mobility_piggyback  2001:db8::1 2001:db8::2 IP"},
		{"extension headers", DefaultOptions(), ip6(0, hostE, hostF, cat(ext(60, 0, make([]byte, 6)), ext(51, 0, make([]byte, 6)), ext(6, 1, make([]byte, 10)), tcpSyn())), 0, "2001:db8::1>2001:db8::2 6/20"},
		{"extension header that isn't there", DefaultOptions(), ip6(0, hostE, hostF, cat(6, 9, make([]byte, 6))), 0, "2001:db8::1>2001:db8::2 0/8"},
		{"routing to the end", DefaultOptions(), ip6(43, hostE, hostF, cat(routing(6, 0, 1), tcpSyn())), 0, "2001:db8::1>2001:db8::9 6/20; routing0_hdr  2001:db8::1 2001:db8::9"},
		{"routing at the end", DefaultOptions(), ip6(43, hostE, hostF, cat(routing(6, 0, 0), tcpSyn())), 0, "2001:db8::1>2001:db8::2 6/20; routing0_hdr  2001:db8::1 2001:db8::2"},
		{"two routing headers", DefaultOptions(), ip6(43, hostE, hostF, cat(routing(43, 2, 1), routing(6, 2, 1), tcpSyn())), 0, "2001:db8::1>2001:db8::9 6/20; multiple_routing_headers  2001:db8::1 2001:db8::9"},
		{"unknown routing", DefaultOptions(), ip6(43, hostE, hostF, cat(routing(6, 4, 1), tcpSyn())), 0, "2001:db8::1>2001:db8::2 6/20; unknown_routing_type 4 2001:db8::1 2001:db8::2"},
		{"home address", DefaultOptions(), ip6(60, hostE, hostF, cat(home(6), tcpSyn())), 0, "2001:db8::8>2001:db8::2 6/20"},
		{"mapped addresses", DefaultOptions(), ip6(6, "::ffff:10.1.0.1", "::ffff:10.1.0.2", tcpSyn()), 0, "10.1.0.1>10.1.0.2 6/20"},
		{"option longer than its header", DefaultOptions(), ip6(60, hostE, hostF, cat(6, 0, 1, 9, 0, 0, 0, 0, tcpSyn())), 0, "2001:db8::1>2001:db8::2 6/20; bad_ipv6_dest_opt_len  2001:db8::1 2001:db8::2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(c.opts)
			r.frame(1, dltRaw, c.data, len(c.data)+c.cut)
			if got := r.text(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestTunnels(t *testing.T) {
	in := func(data []byte) []byte { return eth(0x800, data) }
	outer := func(proto int, b []byte) []byte { return in(ip4(proto, hostA, hostB, b)) }
	udp := func(port int, b []byte) []byte { return outer(17, udpTo(50000, port, b)) }
	const out = "10.0.0.1>10.0.0.2 "
	const got4 = "10.1.0.1>10.1.0.2 6/20"
	bubble := ip6(59, "2001::1", hostF, nil)
	nested := syn4()
	for range 5 {
		nested = ip4(4, hostA, hostB, nested)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"IP in IP", outer(4, syn4()), got4 + " in 1:C1"},
		{"v6 in v4", outer(41, syn6()), "2001:db8::1>2001:db8::2 6/20 in 1:C1"},
		{"v4 in v6", eth(0x86dd, ip6(4, hostE, hostF, syn4())), got4 + " in 1:C1"},
		{"IP in IP of another version", outer(4, syn6()), "invalid_inner_IP_version  10.0.0.1 10.0.0.2 IPTUNNEL"},
		{"IP in IP cut", outer(4, syn4()[:39]), "truncated_inner_IP  10.0.0.1 10.0.0.2 IPTUNNEL"},
		{"IP in IP and more", outer(4, cat(syn4(), 0)), "inner_IP_payload_length_mismatch  10.0.0.1 10.0.0.2 IPTUNNEL"},
		{"too deep", in(nested), "exceeded_tunnel_max_depth_in_tunnel  10.0.0.1 10.0.0.2 IPTUNNEL"},
		{"weird in a tunnel", outer(4, ip4(6, hostC, hostD, nil, func(b []byte) { b[0] = 0x46 })), "invalid_IP_header_size_in_tunnel  - - IP"},
		{"GRE", outer(47, cat(u16(0), u16(0x800), syn4())), got4 + " in 7:C1"},
		{"GRE with everything", outer(47, cat(u16(0xb000), u16(0x86dd), make([]byte, 12), syn6())), "2001:db8::1>2001:db8::2 6/20 in 7:C1"},
		{"GRE with Ethernet", outer(47, cat(u16(0), u16(0x6558), eth(0x800, syn4()))), got4 + " in 7:C1"},
		{"GRE with VLAN in Ethernet", outer(47, cat(u16(0), u16(0x6558), eth(0x8100, cat(u16(3), u16(0x800), syn4())))), got4 + " in 7:C1 vlan 3"},
		{"ERSPAN I", outer(47, cat(u16(0), u16(0x88be), eth(0x800, syn4()))), got4 + " in 7:C1"},
		{"ERSPAN II", outer(47, cat(u16(0x1000), u16(0x88be), make([]byte, 4+8), eth(0x800, syn4()))), got4 + " in 7:C1"},
		{"ERSPAN III", outer(47, cat(u16(0x1000), u16(0x22eb), make([]byte, 4), make([]byte, 12), eth(0x800, syn4()))), got4 + " in 7:C1"},
		{"ERSPAN III with subheader", outer(47, cat(u16(0), u16(0x22eb), make([]byte, 11), 1, make([]byte, 8), eth(0x800, syn4()))), got4 + " in 7:C1"},
		{"PPTP", outer(47, cat(u16(0x3001), u16(0x880b), make([]byte, 8), 0xff, 3, u16(0x21), syn4())), got4 + " in 7:C1"},
		{"PPTP without IP", outer(47, cat(u16(0x3001), u16(0x880b), make([]byte, 8), 0xff, 3, u16(0xc021), syn4())), "non_ip_packet_in_encap  10.0.0.1 10.0.0.2 GRE"},
		{"enhanced GRE without PPTP", outer(47, cat(u16(0x3001), u16(0x800), make([]byte, 8), syn4())), "egre_protocol_type proto=2048 10.0.0.1 10.0.0.2 GRE"},
		{"GRE version 2", outer(47, cat(u16(2), u16(0x800), syn4())), "unknown_gre_version version=2 10.0.0.1 10.0.0.2 GRE"},
		{"GRE with routing", outer(47, cat(u16(0x4000), u16(0x800), syn4())), "gre_routing  10.0.0.1 10.0.0.2 GRE"},
		{"GRE with other flags", outer(47, cat(u16(0x0008), u16(0x800), syn4())), "unknown_gre_flags  10.0.0.1 10.0.0.2 GRE"},
		{"GRE cut", outer(47, cat(u16(0x8000), u16(0x800), 0, 0)), "truncated_GRE  10.0.0.1 10.0.0.2 GRE"},
		{"Aruba", outer(47, cat(u16(0), u16(0x8200), 0x08, 1, make([]byte, 22), 0xaa, 0xaa, 3, 0, 0, 0, u16(0x800), syn4())), got4 + " in 7:C1"},
		{"GRE on UDP", udp(4754, cat(u16(0), u16(0x800), syn4())), out + "17/52; " + got4 + " in 7:C2"},
		{"VXLAN", udp(4789, cat(8, make([]byte, 7), eth(0x800, syn4()))), out + "17/70; " + got4 + " in 8:C1; VXLAN"},
		{"VXLAN without flag", udp(4789, cat(0, make([]byte, 7), eth(0x800, syn4()))), out + "17/70; VXLAN: VXLAN 'I' flag not set (62)"},
		{"VXLAN cut", udp(4789, make([]byte, 7)), out + "17/15; VXLAN: VXLAN header truncation (7)"},
		{"VXLAN empty", udp(4789, cat(8, make([]byte, 7))), out + "17/16; vxlan_empty_packet  10.0.0.1 10.0.0.2 VXLAN; VXLAN"},
		{"VXLAN in VXLAN", udp(4789, cat(8, make([]byte, 7), outer(17, udpTo(50001, 4789, cat(8, make([]byte, 7), eth(0x800, syn4())))))),
			out + "17/120; " + out + "17/70 in 8:C1; " + got4 + " in 8:C1 in 8:C2; VXLAN; VXLAN"},
		{"Geneve", udp(6081, cat(2, 0, u16(0x6558), make([]byte, 4), make([]byte, 8), eth(0x800, syn4()))), out + "17/78; " + got4 + " in 9:C1; GENEVE"},
		{"Geneve with IP", udp(6081, cat(0, 0, u16(0x86dd), make([]byte, 4), syn6())), out + "17/76; 2001:db8::1>2001:db8::2 6/20 in 9:C1; GENEVE"},
		{"Geneve version", udp(6081, cat(0x40, 0, u16(0x86dd), make([]byte, 4), syn6())), out + "17/76; geneve_invalid_version 1 10.0.0.1 10.0.0.2 GENEVE"},
		{"Geneve options cut", udp(6081, cat(4, 0, u16(0x86dd), make([]byte, 4))), out + "17/16; GENEVE: Geneve option header truncation (8)"},
		{"Teredo", udp(3544, syn6()), out + "17/68; 2001:db8::1>2001:db8::2 6/20 in 3:C1"},
		{"Teredo with headers", udp(3544, cat(0, 1, 1, 1, "ab", make([]byte, 9), 0, 0, make([]byte, 6), syn6())), out + "17/91; 2001:db8::1>2001:db8::2 6/20 in 3:C1"},
		{"Teredo elsewhere", udp(9999, cat(ip6(6, "2001::1", hostF, tcpSyn()))), out + "17/68; 2001::1>2001:db8::2 6/20 in 3:C1"},
		{"Teredo bubble", udp(3544, bubble), out + "17/48"},
		{"Teredo bubble with more", udp(3544, cat(bubble, 0)), out + "17/49; Teredo_bubble_with_payload"},
		{"Teredo twice the origin", udp(3544, cat(make([]byte, 16), syn6())), out + "17/84; TEREDO: Bad Teredo encapsulation (68)"},
		{"Teredo cut", udp(3544, syn6()[:50]), out + "17/58; TEREDO: Truncated Teredo or invalid inner IP version (50)"},
		{"AYIYA", udp(5072, cat(0x42, 0x52, 0x11, 41, make([]byte, 4), make([]byte, 16+20), syn6())), out + "17/112; 2001:db8::1>2001:db8::2 6/20 in 2:C1; AYIYA"},
		{"AYIYA elsewhere", udp(9999, cat(0x42, 0x52, 0x11, 41, make([]byte, 4), make([]byte, 16+20), syn6())), out + "17/112; 2001:db8::1>2001:db8::2 6/20 in 2:C1; AYIYA"},
		{"AYIYA cut", udp(5072, cat(0x42, 0x52, 0x11, 41, make([]byte, 4))), out + "17/16; AYIYA: Truncated AYIYA (0)"},
		{"GTP", udp(2152, cat(0x30, 255, u16(40), make([]byte, 4), syn4())), out + "17/56; " + got4 + " in 5:C1; GTPV1"},
		{"GTP with extensions", udp(2152, cat(0x34, 255, u16(48), make([]byte, 4), 0, 0, 0, 0x85, 1, 0, 0, 0, syn4())), out + "17/64; " + got4 + " in 5:C1; GTPV1"},
		{"GTP version", udp(2152, cat(0x50, 255, u16(40), make([]byte, 4), syn4())), out + "17/56; GTPV1: GTPv1 bad Version (0)"},
		{"GTP without IP", udp(2152, cat(0x30, 255, u16(40), make([]byte, 24))), out + "17/36; GTPV1: non-IP packet in GTPv1 (0)"},
		{"GTP control", udp(2123, cat(0x32, 16, u16(20), make([]byte, 8), 14, 5, 16, 1, 2, 3, 4, 0x85, u16(4), addr(hostA))), out + "17/34"},
		{"GTP control cut", udp(2123, cat(0x32, 16, u16(20), make([]byte, 8), 16, 1, 2)), out + "17/23; GTPV1: Binpac exception: binpac exception: out_of_bound: InformationElement:value: 5 > 3 (0)"},
		{"GTP header cut", udp(2123, make([]byte, 7)), out + "17/15; GTPV1: Binpac exception: binpac exception: out_of_bound: GTPv1_Header:teid: 8 > 7 (0)"},
		{"GTP cut", udp(2152, cat(0x30, 255, u16(40), make([]byte, 4), syn4()[:30])), out + "17/46; GTPV1: Truncated GTPv1 (0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(DefaultOptions())
			r.frame(1, dltEthernet, c.data, len(c.data))
			if got := r.text(); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
