package packet

import (
	"net/netip"
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
)

// addrPair is the two ends of a tunnel, the smaller one first.
type addrPair struct{ a, b netip.Addr }

func pairOf(a, b netip.Addr) addrPair {
	if b.Less(a) {
		return addrPair{b, a}
	}
	return addrPair{a, b}
}

// ipTunnel is a known tunnel that has no connection to take its uid from: IP in
// IP, or GRE. One pair of addresses has one tunnel, whatever is in it.
type ipTunnel struct {
	encap Encap
	last  float64 // network time of the last packet
	timer timer.Timer
}

// ipTunnel opens a packet that directly follows an IP or GRE header.
//
// Zeek: packet_analysis/protocol/iptunnel/IPTunnel.cc.
func (d *Decoder) ipTunnel(f *frame, b []byte) bool {
	if f.encap && len(d.stack) >= d.opts.TunnelMaxDepth {
		d.weird(f, "exceeded_tunnel_max_depth", "", srcIPTunnel)
		return false
	}
	if f.greVersion != 0 {
		var h IPHeader
		switch d.parseInner(&h, b, f.proto) {
		case parseBadProtocol:
			d.weird(f, "invalid_inner_IP_version", "", srcIPTunnel)
			return false
		case parseTooSmall:
			d.weird(f, "truncated_inner_IP", "", srcIPTunnel)
			return false
		case parseTooLarge:
			d.weird(f, "inner_IP_payload_length_mismatch", "", srcIPTunnel)
			return false
		}
	}
	t := d.ipTunnelOf(f)
	if !f.encap {
		d.stack = d.stack[:0]
	}
	d.stack = append(d.stack, t.encap)
	// The wire length of the outer packet doesn't matter here: the inner one is
	// never truncated.
	in := d.inner(f, b, len(b))
	var ok bool
	if f.greVersion == 0 {
		ok = d.root(in, f.greLink, 0, len(b))
	} else {
		ok = d.toDefault(in, anIPTunnel, 0, len(b))
	}
	d.pop(f, in)
	return ok
}

// ipTunnelOf finds the tunnel between the packet's ends, or makes it.
func (d *Decoder) ipTunnelOf(f *frame) *ipTunnel {
	h := &f.pkt.IP
	pair := pairOf(h.Src, h.Dst)
	now := d.ev.Now
	if t := d.tunnels[pair]; t != nil {
		t.last = now
		return t
	}
	t := &ipTunnel{last: now, encap: Encap{
		Src: h.Src, Dst: h.Dst, Proto: transportOf(h.NextProto), Type: f.tunnel, UID: d.tr.NewUID(),
	}}
	d.tunnels[pair] = t
	timeout := d.opts.TunnelIPTunnelTimeout
	t.timer.Do = timer.Func(func(now float64, expiring bool) {
		switch {
		case max(now-t.last, 0) >= timeout:
			delete(d.tunnels, pair)
		case !expiring:
			d.timers.Add(&t.timer, now+timeout)
		}
	})
	d.timers.Add(&t.timer, now+timeout)
	return t
}

func transportOf(proto uint8) event.Proto {
	switch proto {
	case protoTCP:
		return event.ProtoTCP
	case protoUDP:
		return event.ProtoUDP
	case protoICMP:
		return event.ProtoICMP
	}
	return event.ProtoUnknown
}

// gre strips a GRE header with what may follow it (PPP, ERSPAN).
//
// Zeek: packet_analysis/protocol/gre/GRE.cc.
func (d *Decoder) gre(f *frame, b []byte) bool {
	truncated := func() bool {
		d.weird(f, "truncated_GRE", "", srcGRE)
		return false
	}
	if len(b) < 4 {
		return truncated()
	}
	flags, typ := be16(b), be16(b[2:])
	version := flags & 7
	header := 4
	for _, bit := range [...]int{0x8000, 0x2000, 0x1000, 0x0080} { // checksum, key, sequence, acknowledgement
		if flags&bit != 0 {
			header += 4
		}
	}
	proto, link := f.proto, dltRaw
	eth, erspan, ppp := 0, 0, 0
	switch version {
	case 0:
		switch {
		case typ == etherBridge:
			if len(b) <= header+14 {
				return truncated()
			}
			eth, link = 14, dltEthernet
		case typ == 0x88be: // ERSPAN, without a header of its own (I) or with one (II)
			if len(b) <= header+14 {
				return truncated()
			}
			eth, link = 14, dltEthernet
			if flags&0x1000 != 0 {
				erspan = 8
			}
		case typ == 0x22eb: // ERSPAN III
			if len(b) <= header+14+12 {
				return truncated()
			}
			eth, link, erspan = 14, dltEthernet, 12
			if b[header+erspan-1]&1 != 0 { // a platform specific subheader
				if len(b) <= header+erspan+8+14 {
					return truncated()
				}
				erspan += 8
			}
		case isArubaGRE(typ):
			if len(b) <= header {
				return truncated()
			}
			link, proto = dltIEEE80211, typ
		default:
			proto = typ
		}
	case 1:
		if typ != 0x880b {
			d.weird(f, "egre_protocol_type", "proto="+strconv.Itoa(typ), srcGRE)
			return false
		}
		ppp = 4
	default:
		d.weird(f, "unknown_gre_version", "version="+strconv.Itoa(version), srcGRE)
		return false
	}
	if version == 0 && typ == 0x88be && len(b) < header+eth+erspan {
		return truncated()
	}
	if flags&0x4000 != 0 {
		d.weird(f, "gre_routing", "", srcGRE)
		return false
	}
	if flags&0x0078 != 0 {
		d.weird(f, "unknown_gre_flags", "", srcGRE)
		return false
	}
	if len(b) < header+ppp+eth+erspan {
		return truncated()
	}
	if version == 1 {
		switch be16(b[header+2:]) {
		case 0x0021:
			proto = protoIPv4
		case 0x0057:
			proto = protoIPv6
		default:
			d.weird(f, "non_ip_packet_in_encap", "", srcGRE)
			return false
		}
	}
	f.tunnel, f.greVersion, f.greLink, f.proto = TunnelGRE, version, link, proto
	in := b[header+ppp+erspan:]
	d.to(f, d.forward.defaults[anGRE], f.part(in), len(in))
	return true
}

// isArubaGRE recognizes the protocol types with which Aruba's access points
// send 802.11 frames.
func isArubaGRE(typ int) bool {
	return typ&0x0f == 0 && (typ&0x8200 == 0x8200 || typ&0x8300 == 0x8300 && typ <= 0x8370) || typ == 0x9000
}
