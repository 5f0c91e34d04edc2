package packet

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/gzeek/gzeek/event"
)

// ip analyzes a packet that begins with an IP header.
//
// Zeek: packet_analysis/protocol/ip/IP.cc, IPAnalyzer::AnalyzePacket. The order
// of the checks decides which weird is raised.
func (d *Decoder) ip(f *frame, off, n int) bool {
	if n < 20 {
		d.weird(f, "truncated_IP", "", srcIP)
		return false
	}
	b := f.data[off : off+n]
	switch b[0] >> 4 {
	case 4:
		parseIPv4(&f.pkt.IP, b)
		return d.checked(f, off, b, nil)
	case 6:
		return d.ip6(f, off, b)
	}
	d.weird(f, "unknown_ip_version", "", srcIP)
	return false
}

func (d *Decoder) ip6(f *frame, off int, b []byte) bool {
	if len(b) < 40 {
		d.weird(f, "truncated_IP", "", srcIP)
		return false
	}
	var chain ip6Chain
	d.parseIPv6(&f.pkt.IP, &chain, b)
	return d.checked(f, off, b, &chain)
}

// checked checks the packet's parsed header, which lies at off in the frame; b
// is the packet from there on. chain is nil for IPv4.
func (d *Decoder) checked(f *frame, off int, b []byte, chain *ip6Chain) bool {
	h := &f.pkt.IP
	total := h.TotalLen
	if total == 0 {
		d.weird(f, "ip_hdr_len_zero", "", srcIP)
		if !d.opts.IgnoreChecksums {
			return false
		}
		total = f.cap - off // segmentation offloading
	}
	switch {
	case f.wire < total+off:
		d.weird(f, "truncated_IP_len", "", srcIP)
		return false
	case h.HdrLen > total:
		d.weird(f, "invalid_IP_header_size", "", srcIP)
		return false
	case h.HdrLen > len(b):
		d.weird(f, "internally_truncated_header", "", srcIP)
		return false
	case h.Version == 4 && h.HdrLen < 20:
		d.weird(f, "IPv4_min_header_size", "", srcIP)
		return false
	}
	f.src, f.dst, f.hasIP = h.Src, h.Dst, true

	if h.Version == 4 && !d.opts.IgnoreChecksums && !ChecksumOK(b[:h.HdrLen]) && !d.opts.ignoredNet(h.HeaderSrc) {
		d.weird(f, "bad_IP_checksum", "", srcIP)
		return false
	}
	if fr := fragmentOf(h, chain, b); fr.fragment {
		if len(b) >= total {
			return d.fragment(f, off, b, &fr)
		}
		d.weird(f, "incompletely_captured_fragment", "", srcIP)
		if fr.offset != 0 {
			return false
		}
		// The first fragment passes for the whole packet.
	}
	return d.payload(f, b, chain)
}

// fragment adds a fragment to its datagram and analyzes that once it is
// complete.
func (d *Decoder) fragment(f *frame, off int, b []byte, fr *fragmentInfo) bool {
	h := &f.pkt.IP
	r := d.nextFragment(f.pkt.Time, h, fr, b)
	if r.datagram == nil {
		return true
	}
	b = r.datagram
	var chain *ip6Chain
	if b[0]>>4 == 4 { // the first fragment decides, if they are of two versions
		parseIPv4(h, b)
	} else {
		chain = &ip6Chain{replaceFragment: true, replacement: r.nextProto}
		d.parseIPv6(h, chain, b)
	}
	h.Reassembled = true
	f.src, f.dst = h.Src, h.Dst
	ok := false
	if h.HdrLen > h.TotalLen {
		d.weird(f, "invalid_IP_header_size", "", srcIP)
	} else {
		// The lengths of the datagram replace the frame's; only the captured
		// one is put back afterwards.
		before, data := f.cap, f.data
		f.cap, f.data = h.TotalLen+off, b
		f.wire = f.cap
		ok = d.payload(f, b[:h.TotalLen], chain)
		f.cap, f.data = before, data
	}
	d.dropFragments(r)
	return ok
}

// payload analyzes what follows the headers of the packet b.
func (d *Decoder) payload(f *frame, b []byte, chain *ip6Chain) bool {
	h := &f.pkt.IP
	if chain != nil {
		switch chain.last {
		case protoESP:
			return true
		case protoMobility:
			if !d.opts.IgnoreChecksums && !mobilityChecksumOK(h, chain.lastHeader) {
				d.weird(f, "bad_MH_checksum", "", srcIP)
				return false
			}
			if h.NextProto != protoNone {
				d.weird(f, "mobility_piggyback", "", srcIP)
			}
			return true
		}
	}
	h.Payload = b[h.HdrLen:]
	f.proto = int(h.NextProto)
	switch h.NextProto {
	case protoNone:
		if f.encap && len(d.stack) > 0 && d.stack[len(d.stack)-1].Type == TunnelTeredo {
			return true
		}
		d.weird(f, "ipv6_no_next", "", srcIP)
		return false
	case protoIPv4, protoIPv6:
		f.tunnel = TunnelIP
		return d.to(f, anIPTunnel, f.part(h.Payload), len(h.Payload))
	case protoGRE:
		return d.to(f, anGRE, f.part(h.Payload), len(h.Payload))
	case protoTCP:
		return d.transport(f, anTCP)
	case protoUDP:
		return d.transport(f, anUDP)
	case protoICMP, protoICMPv6:
		return d.transport(f, anICMP)
	}
	return d.to(f, d.forward.defaults[anIP], f.part(h.Payload), len(h.Payload))
}

func (d *Decoder) transport(f *frame, a analyzer) bool {
	return !d.forward.off[a] && d.deliver(f, a)
}

// deliver hands the packet to the connection table, as one of the protocol whose
// analyzer a is, and opens what UDP carries.
func (d *Decoder) deliver(f *frame, a analyzer) bool {
	p := &f.pkt
	p.Truncated = f.wire > f.cap
	p.Encap = nil
	if f.encap && len(d.stack) > 0 {
		p.Encap = d.stack
	}
	// The table refuses a segment without a whole header; whoever asks about
	// success (frames of several packets) is told so.
	whole := 0
	p.Proto = event.ProtoUnknown
	switch a {
	case anTCP:
		whole, p.Proto = 20, event.ProtoTCP
	case anUDP:
		whole, p.Proto = 8, event.ProtoUDP
	case anICMP:
		if p.IP.NextProto != protoICMP && p.IP.NextProto != protoICMPv6 {
			return false // Zeek ends the run there
		}
		whole, p.Proto = 8, event.ProtoICMP
	}
	ok := len(p.IP.Payload) >= whole
	if l := p.IP.PayloadLen(); l > 0 && l < whole {
		ok = false
	}
	if a == anUnknown {
		ok = false // UnknownIPTransport.cc, AnalyzePacket
	}
	if ok {
		f.processed = true
	}
	d.outside = true
	u, accepted := d.tr.Deliver(p)
	d.outside = false
	if accepted {
		d.udp(f, u)
	}
	return ok
}

// parseIPv4 fills h from a header whose first 20 octets are there.
func parseIPv4(h *IPHeader, b []byte) {
	_ = b[19]
	h.Version = 4
	h.Src = netip.AddrFrom4([4]byte(b[12:16]))
	h.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	h.HeaderSrc = h.Src
	h.NextProto = b[9]
	h.HdrLen = int(b[0]&15) * 4
	h.TotalLen = be16(b[2:])
	h.TTL = b[8]
	h.FlowLabel = 0
	h.Reassembled = false
	h.Payload = nil
}

// ip6Chain is what is kept of a walk along the headers of an IPv6 packet.
type ip6Chain struct {
	// replaceFragment makes the walk put replacement wherever a header says
	// that a fragment header follows: a reassembled datagram has none.
	replaceFragment bool
	replacement     uint8

	last       uint8  // type of the last header, protoIPv6 for the fixed one
	lastHeader []byte // from there to the end of the captured data
	length     int    // of all headers
	home, dst  netip.Addr
	src0, dst0 netip.Addr // of the fixed header
}

func (c *ip6Chain) srcAddr() netip.Addr {
	if c.home.IsValid() {
		return c.home
	}
	return c.src0
}

func (c *ip6Chain) dstAddr() netip.Addr {
	if c.dst.IsValid() {
		return c.dst
	}
	return c.dst0
}

// parseIPv6 fills h from a header whose first 40 octets are there, and walks
// along the extension headers as far as they were captured.
//
// Zeek: IP.cc, IPv6_Hdr_Chain::Init. The weirds of extension headers have no
// source and aren't marked as being in a tunnel; they come again each time a
// header is looked at, and so must calls of parseIPv6.
func (d *Decoder) parseIPv6(h *IPHeader, c *ip6Chain, b []byte) {
	h.parseFixedIPv6(b)
	c.src0, c.dst0 = h.Src, h.Dst

	next := uint8(protoIPv6)
	h.NextProto = protoNone
	rest := b
	for len(rest) >= 2 {
		current := next
		length := 0
		switch current {
		case protoIPv6:
			length, next = 40, rest[6]
		case protoHopOpts, protoDstOpts, protoRouting, protoMobility:
			length, next = 8+8*int(rest[1]), rest[0]
		case protoFragment:
			length, next = 8, rest[0]
		case protoAH:
			length, next = 8+4*int(rest[1]), rest[0]
		case protoESP:
			length, next = 8, protoNone
		}
		if length > len(rest) {
			break
		}
		if c.replaceFragment && next == protoFragment {
			next = c.replacement
			if current == protoIPv6 {
				rest[6] = next
			} else {
				rest[0] = next
			}
		}
		c.last, c.lastHeader = current, rest
		h.NextProto = next
		switch current {
		case protoRouting:
			d.routingHeader(c, rest[:length])
		case protoDstOpts:
			d.destinationOptions(c, rest[2:length])
		}
		rest = rest[length:]
		c.length += length
		if current == protoFragment || current == protoESP || current == protoMobility || !isExtension(next) {
			break
		}
	}
	h.HdrLen = c.length
	h.Src, h.Dst, h.HeaderSrc = c.srcAddr(), c.dstAddr(), c.src0
}

// parseFixedIPv6 fills h from the header that every IPv6 packet has; its 40
// octets are there. What the extension headers decide is left.
func (h *IPHeader) parseFixedIPv6(b []byte) {
	_ = b[39]
	h.Version = 6
	h.Src = addr6(b[8:24])
	h.Dst = addr6(b[24:40])
	h.TotalLen = be16(b[4:]) + 40
	h.TTL = b[7]
	h.FlowLabel = binary.BigEndian.Uint32(b) & 0xfffff
	h.Reassembled = false
	h.Payload = nil
}

// addr6 reads an address. Zeek takes an IPv4 address that is mapped into IPv6
// for the IPv4 address itself (IPAddr.h, GetFamily).
func addr6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)).Unmap() }

func isExtension(proto uint8) bool {
	switch proto {
	case protoHopOpts, protoRouting, protoDstOpts, protoFragment, protoAH, protoESP, protoMobility:
		return true
	}
	return false
}

// routingHeader finds the final destination.
func (d *Decoder) routingHeader(c *ip6Chain, r []byte) {
	weird := func(name, addl string) { d.weirds.Flow(c.srcAddr(), c.dstAddr(), name, addl, "") }
	if c.dst.IsValid() {
		weird("multiple_routing_headers", "")
		return
	}
	length, typ, left := r[1], r[2], r[3]
	// Zeek takes the last 16 octets whatever the type; the lengths below
	// assure that they lie in the header.
	final := func() netip.Addr { return addr6(r[len(r)-16:]) }
	switch typ {
	case 0:
		if left > 0 && length >= 2 {
			if length%2 == 0 {
				c.dst = final()
			} else {
				weird("odd_routing0_len", "")
			}
		}
		weird("routing0_hdr", "") // deprecated
	case 2: // mobile IPv6
		if left > 0 {
			if length == 2 {
				c.dst = final()
			} else {
				weird("bad_routing2_len", "")
			}
		}
	default:
		weird("unknown_routing_type", strconv.Itoa(int(typ)))
	}
}

// destinationOptions looks for a home address.
func (d *Decoder) destinationOptions(c *ip6Chain, b []byte) {
	weird := func(name string) { d.weirds.Flow(c.srcAddr(), c.dstAddr(), name, "", "") }
	for len(b) > 0 {
		if b[0] == 0 { // one octet of padding
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			weird("bad_ipv6_dest_opt_len")
			return
		}
		length := int(b[1])
		if b[0] == 201 {
			switch {
			case length != 16:
				weird("bad_home_addr_len")
			case c.home.IsValid():
				weird("multiple_home_addr_opts")
			default:
				c.home = addr6(b[2:18])
			}
		}
		b = b[2+length:]
	}
}

// mobilityChecksumOK verifies the checksum of a mobility header. Its length is
// taken modulo 256, as Zeek does.
func mobilityChecksumOK(h *IPHeader, b []byte) bool {
	length := int(uint8(8 + 8*int(b[1])))
	return TransportChecksumOK(h, protoMobility, b[:length])
}

// fragmentInfo is what an IP header says about fragmentation.
type fragmentInfo struct {
	fragment bool
	more, df bool
	offset   int
	id       uint32
}

func fragmentOf(h *IPHeader, c *ip6Chain, b []byte) (fr fragmentInfo) {
	if h.Version == 4 {
		v := be16(b[6:])
		fr.fragment = v&0x3fff != 0
		if fr.fragment {
			fr.more, fr.df, fr.offset = v&0x2000 != 0, v&0x4000 != 0, v&0x1fff*8
			fr.id = uint32(be16(b[4:]))
		}
		return fr
	}
	if c.last == protoFragment {
		v := be16(c.lastHeader[2:])
		fr = fragmentInfo{true, v&1 != 0, false, v & 0xfff8, binary.BigEndian.Uint32(c.lastHeader[4:])}
	}
	return fr
}

// parseResult says whether there is a whole IP packet in a tunnel.
type parseResult int

const (
	parseOK parseResult = iota
	parseBadProtocol
	parseTooSmall // less captured than the header says
	parseTooLarge
)

// parseInner checks for an IP packet of the given protocol that fills b.
//
// Zeek: packet_analysis/protocol/ip/IP.cc, ParsePacket.
func (d *Decoder) parseInner(h *IPHeader, b []byte, proto int) parseResult {
	switch proto {
	case protoIPv6:
		if len(b) < 40 {
			return parseTooSmall
		}
		var c ip6Chain
		d.parseIPv6(h, &c, b)
		if b[0]>>4 != 6 {
			return parseBadProtocol
		}
	case protoIPv4:
		if len(b) < 20 {
			return parseBadProtocol
		}
		parseIPv4(h, b)
		if b[0]>>4 != 4 {
			return parseBadProtocol
		}
	default:
		return parseBadProtocol
	}
	switch {
	case len(b) < h.TotalLen:
		return parseTooSmall
	case len(b) > h.TotalLen:
		return parseTooLarge
	}
	return parseOK
}
