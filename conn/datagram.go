package conn

import (
	"encoding/binary"
	"fmt"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/packet"
)

const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// datagram is a connection of a protocol without state: UDP, ICMP or another
// one on IP. Packets between the same two ends are one connection until
// nothing comes for a while.
type datagram struct {
	connection
	origLen, respLen int64 // octets of payload; -1 while a side has sent nothing
	origChk, respChk scaledCounter
	deliverUDP       packet.UDP // what the last packet leaves for tunnels
	tunnels          packet.TunnelState
	delivered        bool
}

const (
	histOrigData = 1
	histRespData = 2
	histUnknown  = 0x400
)

// MarkUnknownPacket writes an X into the history, once: a tunnel was not
// opened because it lies too deep.
func (d *datagram) MarkUnknownPacket() { d.checkHistory(histUnknown, 'X') }

func (d *datagram) isReuse(float64, []byte) bool { return false }
func (d *datagram) done()                        {}
func (d *datagram) analyzers() *tree             { return nil }

func (d *datagram) flipProtocol() { d.origLen, d.respLen = d.respLen, d.origLen }

func (d *datagram) sizes(orig, resp *event.Endpoint) {
	side := func(e *event.Endpoint, n int64) {
		e.Size, e.State = 0, 0
		if n >= 0 {
			e.Size, e.State = uint64(n), 1 // UDP_ACTIVE
		}
	}
	side(orig, d.origLen)
	side(resp, d.respLen)
}

func (d *datagram) addLength(isOrig bool, n int) {
	l := &d.respLen
	if isOrig {
		l = &d.origLen
	}
	if *l < 0 {
		*l = int64(n)
	} else {
		*l += int64(n)
	}
}

func (d *datagram) deliver(p *packet.Packet, isOrig bool) {
	length := p.IP.PayloadLen()
	if length == 0 {
		length = len(p.IP.Payload)
	}
	switch {
	case d.proto == event.ProtoUDP:
		d.deliverDatagram(p, isOrig, length)
	case d.proto == event.ProtoICMP:
		d.deliverICMP(p, isOrig, length)
	default:
		d.lastTime = d.table.packetTime
		d.count(p, isOrig)
	}
}

// deliverDatagram takes a UDP packet (UDP.cc, UDPAnalyzer::DeliverPacket).
func (d *datagram) deliverDatagram(p *packet.Packet, isOrig bool, length int) {
	h := p.IP.Payload
	opts := &d.table.opts
	if !opts.IgnoreChecksums && len(h) >= length && !p.Truncated && !d.table.ignoreChecksum(p) {
		sum := binary.BigEndian.Uint16(h[6:])
		skip := sum == 0 && p.IP.Version == 4
		if !skip && length > 8+8+14 && h[8]&0x08 != 0 && d.table.isVXLANPort(binary.BigEndian.Uint16(h[2:])) {
			// The sum of VXLAN may be left out even on IPv6 (RFC 7348, section 5).
			skip = sum == 0 || !d.table.validateVXLAN
		}
		if !skip && !packet.TransportChecksumOK(&p.IP, protoUDP, h[:length]) {
			d.weird("bad_UDP_checksum", "", "UDP")
			if isOrig {
				d.origChk.scaled(&d.connection, 'C')
			} else {
				d.respChk.scaled(&d.connection, 'c')
			}
			return
		}
	}
	ulen := int(binary.BigEndian.Uint16(h[4:]))
	if ulen != length {
		d.weird("UDP_datagram_length_mismatch", fmt.Sprintf("%d != %d", ulen, length), "UDP")
	}
	length -= 8
	remaining := len(h) - 8
	d.lastTime = d.table.packetTime
	if isOrig {
		d.checkHistory(histOrigData, 'D')
	} else {
		d.checkHistory(histRespData, 'd')
	}
	d.addLength(isOrig, ulen-8)
	d.count(p, isOrig)
	d.delivered = true
	n := max(0, min(length, remaining))
	d.deliverUDP = packet.UDP{Session: d, IsOrig: isOrig, RespPort: d.respPort, Payload: h[8 : 8+n], State: &d.tunnels}
}

// deliverICMP takes an ICMP message (ICMP.cc, ICMPAnalyzer::DeliverPacket).
func (d *datagram) deliverICMP(p *packet.Packet, isOrig bool, length int) {
	h := p.IP.Payload
	if !d.table.opts.IgnoreChecksums && len(h) >= length && !d.table.ignoreChecksum(p) &&
		!packet.TransportChecksumOK(&p.IP, p.IP.NextProto, h[:length]) {
		d.weird("bad_ICMP_checksum", "", "ICMP")
		return
	}
	d.lastTime = d.table.packetTime
	d.addLength(isOrig, length-8)
	if len(h) >= length {
		d.count(p, isOrig)
	}
}
