package packet

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"

	"github.com/google/gopacket/layers"
)

// Most frames of mail traffic are plain: Ethernet, perhaps one VLAN tag, an IP
// header without fragments and extensions, and a whole TCP segment whose
// checksums are right. What is to be known of such a frame can be told without
// any state, so on another core and ahead of time. All others are left to the
// decoder, and a plain one goes the same way if nobody has looked at it.

// Glance is what a look at one frame has found. It holds no pointers: batches of
// them may wander between goroutines.
type Glance struct {
	// Plain says that the frame is a plain one, and the rest is valid.
	Plain bool
	// Forward says that the sender is the first end of Flow.
	Forward bool

	ip, hdr, tcp uint8 // where the IP header begins, its length, that of TCP's
	vlan         uint16
	total        uint16 // length of the IP packet
	Flow         FlowKey
	Hash         uint64 // of Flow
}

// FlowKey names a flow whichever side sends: protocol, and both ends with the
// smaller one first.
type FlowKey [37]byte

// seed is that of Hash. It decides nothing that could be seen from outside.
var seed = maphash.MakeSeed()

// Hash returns a hash that nobody outside can foresee.
func (k *FlowKey) Hash() uint64 { return maphash.Bytes(seed, k[:]) }

// Proto returns the IP protocol.
func (k *FlowKey) Proto() uint8 { return k[36] }

// NewFlowKey makes the key of a packet from src to dst. A one-way flow keeps its
// order; else the smaller end comes first, and forward says whether that is src.
// Ports are compared as Zeek has them: network byte order read as a
// little-endian number (session/Key.cc, ConnTuple).
func NewFlowKey(src, dst netip.Addr, srcPort, dstPort uint16, proto uint8, oneWay bool) (k FlowKey, forward bool) {
	a, b := src.As16(), dst.As16()
	forward = k.set(&a, &b, srcPort, dstPort, proto, oneWay)
	return k, forward
}

func (k *FlowKey) set(src, dst *[16]byte, srcPort, dstPort uint16, proto uint8, oneWay bool) (forward bool) {
	c := bytes.Compare(src[:], dst[:])
	forward = oneWay || c < 0 || c == 0 && bits.ReverseBytes16(srcPort) < bits.ReverseBytes16(dstPort)
	if forward {
		k.fill(src, dst, srcPort, dstPort, proto)
	} else {
		k.fill(dst, src, dstPort, srcPort, proto)
	}
	return forward
}

func (k *FlowKey) fill(a, b *[16]byte, pa, pb uint16, proto uint8) {
	copy(k[:16], a[:])
	copy(k[16:32], b[:])
	binary.BigEndian.PutUint16(k[32:], pa)
	binary.BigEndian.PutUint16(k[34:], pb)
	k[36] = proto
}

// Look fills g from a frame. opts decides whether checksums matter. It reads
// the frame only, and may run on any goroutine.
func (g *Glance) Look(opts *Options, linkType int, data []byte, wireLen int) {
	g.Plain = false
	ip, typ := 0, -1
	g.vlan = 0
	if linkType == dltEthernet {
		if len(data) <= 16 {
			return
		}
		ip, typ = 14, be16(data[12:])
		if typ == int(layers.EthernetTypeDot1Q) && len(data) > 18 {
			g.vlan = uint16(be16(data[14:])) & 0xfff
			ip, typ = 18, be16(data[16:])
		}
	} else if linkType != dltRaw {
		return
	}
	b := data[ip:]
	if len(b) < 40 { // also the least of IPv4 and TCP together
		return
	}
	var ok bool
	switch version := b[0] >> 4; {
	case version == 4 && (typ == int(layers.EthernetTypeIPv4) || typ < 0):
		ok = g.lookIPv4(opts, b)
	case version == 6 && (typ == int(layers.EthernetTypeIPv6) || typ < 0):
		ok = g.lookIPv6(b)
	}
	g.ip = uint8(ip)
	if !ok || wireLen < int(g.total)+ip || len(b) < int(g.total) {
		return
	}
	g.Plain = g.lookTCP(opts, b[:g.total])
}

// Payload returns what TCP carries in the frame that g was made of, nil without
// anything.
func (g *Glance) Payload(data []byte) []byte {
	from, to := int(g.ip)+int(g.hdr)+int(g.tcp), int(g.ip)+int(g.total)
	if !g.Plain || from >= to {
		return nil
	}
	return data[from:to]
}

func (g *Glance) lookIPv4(opts *Options, b []byte) bool {
	g.hdr, g.total = b[0]&15*4, uint16(be16(b[2:]))
	if g.hdr < 20 || len(b) < int(g.hdr) || b[9] != protoTCP || be16(b[6:])&0x3fff != 0 {
		return false
	}
	if opts.IgnoreChecksums {
		return true
	}
	if g.hdr > 20 {
		return ChecksumOK(b[:g.hdr])
	}
	// Without options, as nearly always: words of 32 bits can't overflow one of 64.
	a, c := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	return fold(a>>32+a&0xffffffff+c>>32+c&0xffffffff+uint64(binary.LittleEndian.Uint32(b[16:]))) == 0xffff
}

func (g *Glance) lookIPv6(b []byte) bool {
	total := be16(b[4:]) + 40
	g.hdr, g.total = 40, uint16(total)
	return b[6] == protoTCP && total <= 0xffff
}

// lookTCP looks at the segment of the packet b, which has all that its IP
// header says.
func (g *Glance) lookTCP(opts *Options, b []byte) bool {
	if len(b) < int(g.hdr)+20 {
		return false
	}
	seg := b[g.hdr:]
	g.tcp = seg[12] >> 4 * 4
	if g.tcp < 20 || int(g.tcp) > len(seg) {
		return false
	}
	var src, dst [16]byte
	sum := pseudoHeader(protoTCP, len(seg))
	if b[0]>>4 == 4 {
		src[10], src[11], dst[10], dst[11] = 0xff, 0xff, 0xff, 0xff
		from, to := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
		binary.LittleEndian.PutUint32(src[12:], from)
		binary.LittleEndian.PutUint32(dst[12:], to)
		sum += uint64(from) + uint64(to)
	} else {
		copy(src[:], b[8:24])
		copy(dst[:], b[24:40])
		sum = onesSum(sum, b[8:40])
	}
	if !opts.IgnoreChecksums && fold(onesSum(sum, seg)) != 0xffff {
		return false
	}
	srcPort, dstPort := binary.BigEndian.Uint16(seg), binary.BigEndian.Uint16(seg[2:])
	g.Forward = g.Flow.set(&src, &dst, srcPort, dstPort, protoTCP, false)
	g.Hash = g.Flow.Hash()
	return true
}
