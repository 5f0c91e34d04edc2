package packet

import (
	"bytes"
	"strconv"

	"github.com/google/gopacket/layers"
)

// TunnelState is what the analyzers of UDP tunnels remember of a connection. It
// belongs to the connection; the zero value is ready.
type TunnelState struct {
	confirmed, violated uint16  // bits by analyzer
	teredoValid         [2]bool // a valid packet came from the responder, the originator
	gtpValid            [2]bool // the last packet from there was valid
}

// registerUDPTunnels maps responder ports to analyzers. Of several that want
// one port the last wins, in the order in which Zeek loads them.
func registerUDPTunnels(o *Options) map[uint16]analyzer {
	m := make(map[uint16]analyzer)
	for _, r := range []struct {
		ports []uint16
		t     analyzer
	}{
		{o.GREPorts, anGRE}, {o.AYIYAPorts, anAYIYA}, {o.GenevePorts, anGeneve},
		{o.VXLANPorts, anVXLAN}, {o.TeredoPorts, anTeredo}, {o.GTPv1Ports, anGTPv1},
	} {
		for _, p := range r.ports {
			m[p] = r.t
		}
	}
	return m
}

// udp opens what an accepted datagram carries, by its responder port, else by
// its looks.
func (d *Decoder) udp(f *frame, u UDP) {
	t := d.udpPorts[u.RespPort]
	off := &d.forward.off
	if t == noAnalyzer {
		switch {
		case !off[anTeredo] && looksLikeTeredo(u.Payload):
			t = anTeredo
		case !off[anAYIYA] && looksLikeAYIYA(u.Payload):
			t = anAYIYA
		default:
			return
		}
	}
	if off[t] {
		return // Zeek: packet_analysis/Analyzer.cc, ForwardPacket
	}
	s := tunnelSession{d, f, &u, t}
	if u.State == nil {
		u.State = new(TunnelState)
	}
	switch t {
	case anGRE:
		d.gre(f, u.Payload)
	case anAYIYA:
		s.ayiya(u.Payload)
	case anGeneve:
		s.geneve(u.Payload)
	case anVXLAN:
		s.vxlan(u.Payload)
	case anTeredo:
		s.teredo(u.Payload)
	case anGTPv1:
		s.gtpv1(u.Payload)
	}
}

// tunnelSession is one datagram in the hands of one analyzer.
type tunnelSession struct {
	d *Decoder
	f *frame
	u *UDP
	t analyzer
}

func (s *tunnelSession) name() string {
	return analyzerNames[s.t]
}

func (s *tunnelSession) weird(name, addl string) { s.d.weird(s.f, name, addl, s.name()) }

func (s *tunnelSession) violated() bool  { return s.u.State.violated>>s.t&1 != 0 }
func (s *tunnelSession) confirmed() bool { return s.u.State.confirmed>>s.t&1 != 0 }

// confirm and violate work once a connection, and a violation ends both. An
// earlier confirmation is forgotten with it.
//
// Zeek: packet_analysis/Analyzer.cc, AnalyzerConfirmation, AnalyzerViolation.
func (s *tunnelSession) confirm() {
	if s.violated() || s.confirmed() {
		return
	}
	s.u.State.confirmed |= 1 << s.t
	s.u.Session.Confirm(s.name())
}

func (s *tunnelSession) violate(reason string, data []byte) {
	if s.violated() {
		return
	}
	s.u.State.violated |= 1 << s.t
	s.u.State.confirmed &^= 1 << s.t
	s.u.Session.Violation(s.name(), reason, data)
}

// tooDeep refuses a tunnel within too many others.
func (s *tunnelSession) tooDeep() bool {
	if !s.f.encap || len(s.d.stack) < s.d.opts.TunnelMaxDepth {
		return false
	}
	if m, ok := s.u.Session.(UnknownPacketMarker); ok {
		m.MarkUnknownPacket()
	}
	s.weird("exceeded_tunnel_max_depth", "")
	return true
}

// open begins the packet that is the tail of the datagram. The lengths that
// were captured less than were on the wire carry over.
//
// Zeek: packet_analysis/protocol/iptunnel/IPTunnel.cc, build_inner_packet.
func (s *tunnelSession) open(b []byte, typ TunnelType) *frame {
	d, f := s.d, s.f
	c := s.u.Session.Conn()
	if !f.encap {
		f.encap = true
		d.stack = d.stack[:0]
	}
	d.stack = append(d.stack, Encap{
		Src: c.ID.OrigH, Dst: c.ID.RespH, SrcPort: c.ID.OrigP, DstPort: c.ID.RespP,
		Proto: c.ID.Proto, Type: typ, UID: c.UID,
	})
	return d.inner(f, b, f.wire-(f.cap-len(b)))
}

func (s *tunnelSession) close() { s.d.depth-- }

func (s *tunnelSession) vxlan(b []byte) {
	if s.violated() || s.tooDeep() {
		return
	}
	if len(b) < 8 {
		s.violate("VXLAN header truncation", b)
		return
	}
	if b[0]&8 == 0 {
		s.violate("VXLAN 'I' flag not set", b)
		return
	}
	b = b[8:]
	s.confirm()
	if len(b) == 0 {
		s.weird("vxlan_empty_packet", "")
		return
	}
	s.d.toDefault(s.open(b, TunnelVXLAN), anVXLAN, 0, len(b))
	s.close()
}

func (s *tunnelSession) geneve(b []byte) {
	if s.violated() || s.tooDeep() {
		return
	}
	if len(b) < 8 {
		s.violate("Geneve header truncation", b)
		return
	}
	if version := b[0] >> 6; version != 0 {
		s.weird("geneve_invalid_version", strconv.Itoa(int(version)))
		return
	}
	header := 8 + int(b[0]&0x3f)*4
	if len(b) < header {
		s.violate("Geneve option header truncation", b)
		return
	}
	next := be16(b[2:])
	b = b[header:]
	s.confirm()
	if len(b) == 0 {
		s.weird("geneve_empty_packet", "")
		return
	}
	in := s.open(b, TunnelGeneve)
	switch next {
	case etherBridge:
		s.d.to(in, anEthernet, 0, len(b))
	case int(layers.EthernetTypeIPv4), int(layers.EthernetTypeIPv6):
		s.d.to(in, anIP, 0, len(b))
	case int(layers.EthernetTypeARP):
		s.d.to(in, anARP, 0, len(b))
	}
	s.close()
}

func looksLikeAYIYA(b []byte) bool { return len(b) >= 3 && b[1] == 0x52 && b[2] == 0x11 }

func (s *tunnelSession) ayiya(b []byte) {
	if s.violated() || s.tooDeep() {
		return
	}
	if len(b) < 8 {
		s.violate("Truncated AYIYA", nil)
		return
	}
	header := 8 + 1<<(b[0]>>4) + int(b[1]>>4)*4 // with identity and signature
	if len(b) < header {
		s.violate("Truncated AYIYA", nil)
		return
	}
	if b[2]&15 != 1 { // only "forward" carries a packet
		return
	}
	next := b[3]
	b = b[header:]
	s.confirm()
	if len(b) == 0 {
		s.weird("ayiya_empty_packet", "")
		return
	}
	in := s.open(b, TunnelAYIYA)
	if next == protoIPv4 || next == protoIPv6 {
		s.d.to(in, anIP, 0, len(b))
	}
	s.close()
}

// looksLikeTeredo recognizes an IPv6 packet from or to the Teredo prefix, or
// one behind the headers of Teredo.
//
// Zeek: packet_analysis/protocol/teredo/Teredo.cc, DetectProtocol.
func looksLikeTeredo(b []byte) bool {
	if len(b) < 40 || b[0]>>4 != 6 && (b[0] != 0 || b[1] > 1) {
		return false
	}
	prefix := []byte{0x20, 0x01, 0, 0}
	if b[0]>>4 == 6 && (bytes.Equal(b[8:12], prefix) || bytes.Equal(b[24:28], prefix)) {
		return true
	}
	next := int(b[1])
	if next == 1 { // authentication
		n := 13 + int(b[2]) + int(b[3])
		if len(b) < n+40 {
			return false
		}
		b = b[n:]
		next = be16(b)
	}
	// Origin indication
	return next == 0 && len(b) >= 8+40 && b[8]>>4 == 6
}

// teredoWeird raises a weird of the connection, if it is certainly Teredo.
func (s *tunnelSession) teredoWeird(name string) {
	if s.confirmed() {
		s.u.Session.Weird(name, "", srcTeredo)
	}
}

// teredoInner skips the headers of Teredo. It returns what follows them, and
// whether that begins like an IPv6 packet.
func (s *tunnelSession) teredoInner(b []byte) ([]byte, bool) {
	origin, auth := false, false
	for {
		if len(b) < 2 {
			s.teredoWeird("truncated_Teredo")
			return b, false
		}
		tag := be16(b)
		switch {
		case tag == 0:
			if origin {
				return b, false
			}
			if len(b) < 8 {
				s.teredoWeird("truncated_Teredo_origin_indication")
				return b, false
			}
			b, origin = b[8:], true
		case tag == 1:
			if origin || auth {
				return b, false
			}
			n := 4
			if len(b) >= 4 {
				n = 4 + int(b[2]) + int(b[3]) + 8 + 1
			}
			if len(b) < n {
				s.teredoWeird("truncated_Teredo_authentication")
				return b, false
			}
			b, auth = b[n:], true
		case tag>>12 == 6:
			if len(b) < 40 {
				s.teredoWeird("truncated_IPv6_in_Teredo")
				return b, false
			}
			return b, true
		default:
			return b, false
		}
	}
}

func (s *tunnelSession) teredo(b []byte) {
	if s.violated() || s.tooDeep() {
		return
	}
	in, ok := s.teredoInner(b)
	// Zeek reports as much data as the headers left, but from the beginning.
	data := b[:len(in)]
	if !ok {
		s.violate("Bad Teredo encapsulation", data)
		return
	}
	var h IPHeader
	switch s.d.parseInner(&h, in, protoIPv6) {
	case parseTooLarge:
		if h.NextProto != protoNone || h.PayloadLen() != 0 {
			s.violate("Teredo payload length", data)
			return
		}
		s.u.Session.Weird("Teredo_bubble_with_payload", "", srcTeredo)
	case parseTooSmall, parseBadProtocol:
		s.violate("Truncated Teredo or invalid inner IP version", data)
		return
	}
	valid := &s.u.State.teredoValid
	valid[side(s.u.IsOrig)] = true
	if !s.d.opts.TunnelDelayTeredoConfirmation || valid[0] && valid[1] {
		s.confirm()
	}
	s.d.toDefault(s.open(in, TunnelTeredo), anTeredo, 0, len(in))
	s.close()
}

func side(isOrig bool) int {
	if isOrig {
		return 1
	}
	return 0
}
