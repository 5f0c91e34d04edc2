// Package packet takes captured frames apart: link layers, IP, fragments and
// tunnels, down to a transport payload that it hands to the connection table.
//
// It isn't the connection table: it keeps no state beyond fragments and known
// IP tunnels, and what the analyzers of UDP tunnels remember belongs to the
// connection (TunnelState). It reads no files either: package capture does.
//
// The code is gzeek's own and not the decoders of gopacket, since which weird
// is raised, in which order, and what is still accepted of a broken packet is
// seen in the logs and has to be Zeek's; names of link types and EtherTypes are
// those of gopacket's package layers. Every layer has its own bounds, and a
// panic of the decoder ends only the frame at hand.
//
// Files: link.go link layers, ip.go IP, frag.go fragments, tunnel.go tunnels on
// IP, udptunnel.go and gtp.go tunnels on UDP, checksum.go, encap.go.
//
// Zeek: src/packet_analysis/, scripts/base/packet-protocols/, IP.cc, Frag.cc,
// TunnelEncapsulation.cc.
package packet

import (
	"net/netip"

	"github.com/gzeek/gzeek/event"
)

// Packet is a frame whose IP layer is decoded, as the connection table sees
// it. It and its slices are valid during the call that hands it over.
type Packet struct {
	// Time is the capture's own stamp in seconds, possibly earlier than the
	// network time.
	Time float64
	// Truncated says that the packet (the inner one in a tunnel) was captured
	// shorter than it was on the wire: transport checksums can't be verified.
	Truncated bool

	VLAN, InnerVLAN uint16

	IP IPHeader
	// Proto is the protocol that the packet is analyzed as.
	Proto event.Proto

	// Encap holds the enclosing tunnels, outermost first; nil without any.
	Encap []Encap

	// Glance is not nil if the packet is plain: TCP's checksum is right then,
	// and Flow known.
	Glance *Glance

	// Raw is the outermost frame, for -w.
	Raw []byte
}

// IPHeader is what is kept of an IPv4 or IPv6 header with its extensions.
type IPHeader struct {
	Version uint8
	// Src and Dst are the addresses of the flow: with IPv6 a home address option
	// replaces the source, a routing header the destination. The checksum's pseudo
	// header uses the same ones. IPv4 addresses are 4-byte addresses, also those
	// that are mapped into IPv6.
	Src, Dst netip.Addr
	// HeaderSrc is the source address of the header itself, which
	// ignore_checksums_nets looks at.
	HeaderSrc   netip.Addr
	NextProto   uint8 // after extension headers
	HdrLen      int   // with extension headers
	TotalLen    int   // header and payload by the header's own length field
	TTL         uint8
	FlowLabel   uint32
	Reassembled bool // from fragments
	// Payload is what was captured behind the header, at most PayloadLen
	// octets... link-layer padding is not cut off here: it may be longer.
	Payload []byte
}

// PayloadLen is the length of the transport part by the IP header; 0 when
// segmentation offloading left the length field empty.
func (h *IPHeader) PayloadLen() int {
	if h.TotalLen == 0 {
		return 0
	}
	return h.TotalLen - h.HdrLen
}

// TunnelType is Zeek's Tunnel::Type.
type TunnelType uint8

// The values of Tunnel::Type.
const (
	TunnelNone TunnelType = iota
	TunnelIP
	TunnelAYIYA
	TunnelTeredo
	TunnelSOCKS
	TunnelGTPv1
	TunnelHTTP
	TunnelGRE
	TunnelVXLAN
	TunnelGeneve
)

// Encap is one layer of encapsulation.
type Encap struct {
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Proto            event.Proto
	Type             TunnelType
	UID              string
}

// Transport takes packets whose IP layer is done: the connection table.
type Transport interface {
	// Deliver processes one packet. For a UDP packet that was accepted it
	// returns its connection and payload, so that UDP tunnels can be opened;
	// ok is false otherwise.
	Deliver(p *Packet) (u UDP, ok bool)
	// NewUID draws a uid from the connections' pool, for a tunnel.
	NewUID() string
}

// UDP is an accepted UDP datagram.
type UDP struct {
	Session Session
	IsOrig  bool
	// RespPort decides which tunnel is tried.
	RespPort uint16
	Payload  []byte
	// State belongs to the connection; with nil nothing is remembered from one
	// datagram to the next.
	State *TunnelState
}

// UnknownPacketMarker is a Session that can write an X into its history, once:
// a packet came that isn't analyzed.
type UnknownPacketMarker interface {
	MarkUnknownPacket()
}

// Session is a connection as the tunnel analyzers use it.
type Session interface {
	// Conn refreshes and returns the script record; it draws the uid.
	Conn() *event.Conn
	// Confirm and Violation raise the analyzer events for a packet analyzer
	// ("TEREDO"), once a connection.
	Confirm(analyzer string)
	Violation(analyzer, reason string, data []byte)
	// Weird raises conn_weird.
	Weird(name, addl, source string)
}
