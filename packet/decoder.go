package packet

import (
	"encoding/binary"
	"net/netip"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// Frame is a captured frame, as the decoder takes it.
type Frame struct {
	Time float64 // the capture's stamp, seconds since the epoch
	// LinkType is the capture's link type, a DLT_ value. Types that Zeek has no
	// analyzer for are taken for raw IP, as there.
	LinkType int
	Data     []byte // what was captured; borrowed during Process
	WireLen  int    // octets on the wire
	// Glance is what was seen of the frame before, if somebody has looked.
	Glance *Glance
}

// Stats counts what a Decoder has seen.
type Stats struct {
	Packets     uint64 // frames
	Unprocessed uint64 // of them, those that led to no connection and weren't ARP
	Panics      uint64 // of them, those whose decoding failed by an error in gzeek
	Fragments   int    // datagrams that wait for fragments now
	FragOctets  int    // their octets, with what they cost besides
}

// Decoder takes frames apart. It belongs to one goroutine.
type Decoder struct {
	opts    Options
	ev      *event.Events
	timers  *timer.Manager
	weirds  *weird.Sampler
	tr      Transport
	stats   Stats
	outside bool // the transport is running

	// frames holds one packet for each level of tunnels; they are reused.
	frames []*frame
	depth  int
	// stack is the stack of tunnels around the packet in work. All levels share
	// it: in Zeek, too, a tunnel that is opened inside another one is added to
	// the stack of the outer packet.
	stack []Encap

	inTunnel map[string]string // names of weirds with their suffix

	frags      fragments
	fragOctets int // held by them

	tunnels  map[addrPair]*ipTunnel
	udpPorts map[uint16]analyzer
	forward  *forwarding
}

// frame is a packet in work: the captured one, or one out of a tunnel.
type frame struct {
	pkt Packet
	// data is what was captured, cap its length as Zeek's bookkeeping has it
	// (a reassembled datagram changes it), wire the length on the wire.
	data      []byte
	cap, wire int
	encap     bool // the decoder's stack of tunnels is this packet's
	processed bool

	// Addresses for weirds, once an IP header was accepted.
	hasIP    bool
	src, dst netip.Addr

	// What GRE tells the analyzer of IP tunnels.
	proto      int
	tunnel     TunnelType
	greVersion int
	greLink    int
}

// NewDecoder returns a decoder that hands packets to tr, raises weirds on
// weirds, and arms the timers of fragments and IP tunnels in timers. Network
// time is ev.Now.
func NewDecoder(opts Options, ev *event.Events, timers *timer.Manager, weirds *weird.Sampler, tr Transport) *Decoder {
	d := &Decoder{
		opts: opts, ev: ev, timers: timers, weirds: weirds, tr: tr,
		inTunnel: make(map[string]string),
		frags:    make(fragments),
		tunnels:  make(map[addrPair]*ipTunnel),
	}
	d.udpPorts = registerUDPTunnels(&opts)
	d.forward = newForwarding(&opts)
	return d
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats {
	s := d.stats
	s.Fragments, s.FragOctets = len(d.frags), d.fragOctets
	return s
}

// Process decodes one frame. An error in the decoder's own code ends this
// frame only; panics of the transport (and behind it) are not its business and
// pass through.
func (d *Decoder) Process(fr *Frame) {
	d.stats.Packets++
	d.depth = 0
	d.stack = d.stack[:0]
	d.outside = false
	if g := fr.Glance; g != nil && g.Plain {
		d.plain(fr, g)
		return
	}
	defer d.contain()
	f := d.push(fr.Time, fr.Data, fr.WireLen)
	f.pkt.Raw = fr.Data
	d.root(f, fr.LinkType, 0, len(fr.Data))
	if !f.processed {
		d.stats.Unprocessed++
	}
}

// plain hands on a frame of which all is known already: what the layers of
// root, ip and checked would do with it.
func (d *Decoder) plain(fr *Frame, g *Glance) {
	f := d.push(fr.Time, fr.Data, fr.WireLen)
	p := &f.pkt
	p.Raw, p.VLAN, p.Glance = fr.Data, g.vlan, g
	p.Truncated = fr.WireLen > len(fr.Data)
	b := fr.Data[g.ip:]
	h := &p.IP
	if b[0]>>4 == 4 {
		parseIPv4(h, b)
	} else {
		h.parseFixedIPv6(b)
		h.HdrLen, h.NextProto = 40, protoTCP
		h.HeaderSrc = h.Src
	}
	h.Payload = b[h.HdrLen:]
	p.Proto = event.ProtoTCP
	f.proto, f.processed = protoTCP, true
	f.src, f.dst, f.hasIP = h.Src, h.Dst, true
	d.outside = true
	d.tr.Deliver(p)
	d.outside = false
}

// contain ends the frame after a panic of the decoder itself.
func (d *Decoder) contain() {
	if d.outside {
		return
	}
	if r := recover(); r != nil {
		d.stats.Panics++
		d.stats.Unprocessed++
	}
}

// push begins a packet of the next level.
func (d *Decoder) push(time float64, data []byte, wire int) *frame {
	if d.depth == len(d.frames) {
		d.frames = append(d.frames, new(frame))
	}
	f := d.frames[d.depth]
	d.depth++
	f.data, f.cap, f.wire = data, len(data), wire
	f.encap, f.processed, f.hasIP = false, false, false
	f.proto, f.tunnel, f.greVersion, f.greLink = -1, TunnelNone, -1, dltRaw
	f.pkt.Time = time
	f.pkt.VLAN, f.pkt.InnerVLAN = 0, 0
	f.pkt.Encap = nil
	f.pkt.Glance = nil
	return f
}

// inner begins the packet inside a tunnel of outer. Stamps and the outermost
// frame are inherited.
func (d *Decoder) inner(outer *frame, data []byte, wire int) *frame {
	f := d.push(outer.pkt.Time, data, wire)
	f.pkt.Raw = outer.pkt.Raw
	f.encap = true
	return f
}

// pop ends the packet of the innermost level.
func (d *Decoder) pop(outer, f *frame) {
	outer.processed = f.processed
	d.depth--
}

// weird raises a weird of a packet: with the addresses once there are some, and
// marked if the packet came through a tunnel.
//
// Zeek: session/Manager.cc, Manager::Weird.
func (d *Decoder) weird(f *frame, name, addl, source string) {
	if f.encap && len(d.stack) > 0 {
		name = d.suffixed(name)
	}
	if f.hasIP {
		d.weirds.Flow(f.src, f.dst, name, addl, source)
	} else {
		d.weirds.Net(name, addl, source)
	}
}

func (d *Decoder) suffixed(name string) string {
	s, ok := d.inTunnel[name]
	if !ok {
		s = name + "_in_tunnel"
		d.inTunnel[name] = s
	}
	return s
}

func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }
