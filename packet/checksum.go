package packet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Numbers of IP protocols and IPv6 extension headers, as far as the decoder
// treats them itself.
const (
	protoHopOpts  = 0
	protoICMP     = 1
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDstOpts  = 60
	protoMobility = 135
)

// worthVectors is how many octets are worth the call of sumVectors.
const worthVectors = 256

// onesSum adds the 16-bit words of b, an odd last octet padded with zero, to
// sum. Words are added eight octets at a time, and as the machine reads them
// rather than in network order: carries go around at the end, and the sum is
// the same but for the order of its two octets (RFC 1071, section 2).
func onesSum(sum uint64, b []byte) uint64 {
	var c uint64
	if hasVectors && len(b) >= worthVectors {
		n := len(b) &^ 63
		sum, c = bits.Add64(sum, sumVectors(&b[0], n), 0)
		sum += c
		b = b[n:]
	}
	for len(b) >= 64 {
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b), 0)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[8:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[16:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[24:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[32:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[40:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[48:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b[56:]), c)
		sum, c = bits.Add64(sum, 0, c)
		sum += c
		b = b[64:]
	}
	for len(b) >= 8 {
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b), 0)
		sum += c
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(last[:]), 0)
		sum += c
	}
	return sum
}

// pseudoHeader begins a sum with what a pseudo header has besides addresses.
// IPv4 has 16 bits for the length, IPv6 32 of which the upper ones are zero.
func pseudoHeader(proto uint8, length int) uint64 {
	return uint64(bits.ReverseBytes32(uint32(length))) + uint64(proto)<<8
}

// fold reduces a sum to 16 bits, in network order.
func fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return bits.ReverseBytes16(uint16(sum))
}

// ChecksumOK verifies a checksum without pseudo header (IPv4 header, ICMP): b
// contains the checksum field.
func ChecksumOK(b []byte) bool { return fold(onesSum(0, b)) == 0xffff }

// TransportChecksumOK verifies the checksum of a TCP, UDP or ICMPv6 segment
// under the pseudo header of h; ICMP for IPv4 has none, whatever IP version
// carries it. seg is the whole segment by the IP header's
// length, without padding; it contains the checksum field. A UDP checksum of
// zero is the caller's business, and so are truncated packets.
func TransportChecksumOK(h *IPHeader, proto uint8, seg []byte) bool {
	if proto == protoICMP {
		return ChecksumOK(seg)
	}
	sum := addrSum(addrSum(pseudoHeader(proto, len(seg)), h.Src), h.Dst)
	return fold(onesSum(sum, seg)) == 0xffff
}

// addrSum adds the words of an address. That a mapped IPv4 address in an IPv6
// header counts without its prefix makes no difference: ffff is zero in this
// arithmetic.
func addrSum(sum uint64, a netip.Addr) uint64 {
	b := a.As16()
	return onesSum(sum, b[:])
}
