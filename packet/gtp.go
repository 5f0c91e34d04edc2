package packet

import "strconv"

// gtpv1 opens the packets of GTP version 1. Control messages are only checked
// for their form.
//
// Zeek: packet_analysis/protocol/gtpv1/, GTPv1.cc and gtpv1-analyzer.pac. A
// violation doesn't end the analysis there.
func (s *tunnelSession) gtpv1(b []byte) {
	header, ok := s.gtpHeader(b)
	if !ok || b[1] >= 16 && b[1] <= 21 && !s.gtpElements(b[header:]) {
		return
	}
	valid := &s.u.State.gtpValid
	valid[side(s.u.IsOrig)] = false
	if s.f.encap && len(s.d.stack) >= s.d.opts.TunnelMaxDepth {
		s.d.weirds.Net("tunnel_depth", "", srcGTPv1) // without the packet
		return
	}
	if s.f.encap && len(s.d.stack) > 0 && s.d.stack[len(s.d.stack)-1].Type == TunnelGTPv1 {
		s.violate("GTP-in-GTP", nil)
		return
	}
	if b[0]>>5 != 1 {
		s.violate("GTPv1 bad Version", nil)
		return
	}
	const gpdu = 255
	if b[0]&0x10 == 0 || b[1] != gpdu { // GTP', or no user data
		return
	}
	in := b[header:]
	if len(in) < 20 {
		s.violate("Truncated GTPv1", nil)
		return
	}
	proto := protoIPv4
	switch in[0] >> 4 {
	case 4:
	case 6:
		proto = protoIPv6
	default:
		s.violate("non-IP packet in GTPv1", nil)
		return
	}
	var h IPHeader
	switch s.d.parseInner(&h, in, proto) {
	case parseBadProtocol:
		s.violate("Invalid IP version in wrapped packet", nil)
		return
	case parseTooSmall:
		s.violate("Truncated GTPv1", nil)
		return
	case parseTooLarge:
		s.violate("GTPv1 payload length", nil)
		return
	}
	valid[side(s.u.IsOrig)] = true
	if !s.d.opts.TunnelDelayGTPConfirmation || valid[0] && valid[1] {
		s.confirm()
	}
	s.d.toDefault(s.open(in, TunnelGTPv1), anGTPv1, 0, len(in))
	s.close()
}

// gtpHeader returns the length of the header with its extensions. What is cut
// short is a violation.
func (s *tunnelSession) gtpHeader(b []byte) (n int, ok bool) {
	if len(b) < 8 {
		return 0, s.gtpBounds("GTPv1_Header:teid", 8, len(b))
	}
	n = 8
	if b[0]&7 != 0 { // sequence number, N-PDU number, or extensions
		if len(b) < n+4 {
			return 0, s.gtpBounds("GTPv1_Opt_Header:next_type", 4, len(b)-n)
		}
		n += 4
	}
	for more := b[0]&4 != 0; more; {
		rest := b[n:]
		if len(rest) < 1 {
			return 0, s.gtpBounds("GTPv1_Ext_Header:length", 1, 0)
		}
		length := int(rest[0]) * 4
		if length == 0 {
			s.violate("Binpac exception: binpac exception: invalid string length: GTPv1_Ext_Header:contents: -2", nil)
			return 0, false
		}
		if len(rest) < length-1 {
			return 0, s.gtpBounds("GTPv1_Ext_Header:contents", length-1, len(rest))
		}
		if len(rest) < length {
			return 0, s.gtpBounds("GTPv1_Ext_Header:next_type", length, len(rest))
		}
		n += length
		more = rest[length-1] != 0
	}
	return n, true
}

// gtpElements walks the information elements of a control message about a
// context (create, update, delete). Zeek parses them whole before it looks at
// the message; only the lengths can be wrong.
func (s *tunnelSession) gtpElements(b []byte) bool {
	for len(b) > 0 {
		typ := b[0]
		header, length := 1, 0
		if typ&0x80 != 0 {
			header = 3
			if len(b) < header {
				return s.gtpBounds("InformationElement:tlv_len", 3, len(b))
			}
			length = be16(b[1:])
		} else if length = gtpElementLen(typ); length == 0 {
			s.violate("Binpac exception: binpac exception: invalid case index: Get_IE_Len: "+strconv.Itoa(int(typ)), nil)
			return false
		}
		// Elements of a fixed beginning must be at least that long.
		least := 0
		switch typ {
		case gtpEndUserAddr, gtpPrivateExt:
			least = 2
		case gtpQoSProfile:
			least = 1
		case gtpRABSetup:
			if least = 5; length == 1 {
				least = 1
			}
		}
		if length < least {
			s.violate("Binpac exception: binpac exception: invalid string length: InformationElement:value: "+strconv.Itoa(length-least), nil)
			return false
		}
		if len(b) < header+length {
			return s.gtpBounds("InformationElement:value", header+length, len(b))
		}
		b = b[header+length:]
	}
	return true
}

// Types of information elements that aren't just octets of a given length.
const (
	gtpEndUserAddr = 128
	gtpQoSProfile  = 135
	gtpRABSetup    = 140
	gtpPrivateExt  = 255
)

// gtpElementLen is the length of an element whose header has none, 0 for those
// that aren't known. 3GPP TS 29.060, section 7.7.
func gtpElementLen(typ byte) int {
	switch typ {
	case 1, 8, 11, 13, 14, 15, 19, 20, 21, 23, 24, 25, 29:
		return 1
	case 26, 27, 28:
		return 2
	case 12:
		return 3
	case 4, 5, 16, 17, 127:
		return 4
	case 18:
		return 5
	case 3:
		return 6
	case 2:
		return 8
	case 22:
		return 9
	case 9:
		return 28
	}
	return 0
}

func (s *tunnelSession) gtpBounds(field string, need, have int) bool {
	s.violate("Binpac exception: binpac exception: out_of_bound: "+field+": "+
		strconv.Itoa(need)+" > "+strconv.Itoa(have), nil)
	return false
}
