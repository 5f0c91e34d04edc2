package mailgen

import (
	"encoding/binary"
	"io"
	"math/bits"
	"net/netip"
)

const (
	fin = 0x01
	syn = 0x02
	rst = 0x04
	psh = 0x08
	ack = 0x10

	ethernetLen = 14
	recordLen   = 16
	tcpLen      = 32 // with the timestamps option
	mss         = 1448
	frameCost   = recordLen + ethernetLen + 20 + tcpLen // octets of a frame besides its payload
)

// epoch is when every capture begins, in microseconds: Monday 2025-06-02
// 08:00:00 UTC.
const epoch = 1748851200 * 1_000_000

// endpoint is one end of a TCP connection with the headers that all its
// frames begin with.
type endpoint struct {
	addr   netip.Addr
	port   uint16
	next   uint32 // sequence number of the next octet to send
	rcvd   uint32 // sequence number it expects next
	deaf   bool   // acknowledges nothing more: something is missing
	window uint16
	ttl    uint8
	ipID   uint16
	tsBase uint32 // offset of its timestamp clock, in ms
	tsSeen uint32 // latest timestamp it had from its peer

	head    [ethernetLen + 40 + 20]byte
	ipLen   int    // length of the IP header
	ipSum   uint64 // of the IPv4 header without length, ID and checksum
	tcpSum  uint64 // of the pseudo header without length, and of the ports
	segment int    // most octets of payload in a frame
}

// prepare builds the headers of the frames from e to peer.
func (e *endpoint) prepare(peer *endpoint, mac byte) {
	h := e.head[:]
	clear(h)
	copy(h[0:], []byte{0x02, 0, 0, 0, 0, mac ^ 1})
	copy(h[6:], []byte{0x02, 0, 0, 0, 0, mac})
	ip := h[ethernetLen:]
	if e.addr.Is4() {
		e.ipLen, e.segment = 20, mss
		binary.BigEndian.PutUint16(h[12:], 0x0800)
		ip[0], ip[6], ip[8], ip[9] = 0x45, 0x40, e.ttl, 6
		a, b := e.addr.As4(), peer.addr.As4()
		copy(ip[12:], a[:])
		copy(ip[16:], b[:])
		e.ipSum = sum(0, ip[:20])
		e.tcpSum = sum(6, ip[12:20])
	} else {
		e.ipLen, e.segment = 40, mss-20
		binary.BigEndian.PutUint16(h[12:], 0x86dd)
		ip[0], ip[6], ip[7] = 0x60, 6, e.ttl
		a, b := e.addr.As16(), peer.addr.As16()
		copy(ip[8:], a[:])
		copy(ip[24:], b[:])
		e.tcpSum = sum(6, ip[8:40])
	}
	t := ip[e.ipLen:]
	binary.BigEndian.PutUint16(t[0:], e.port)
	binary.BigEndian.PutUint16(t[2:], peer.port)
	e.tcpSum = sum(e.tcpSum, t[:4])
}

// sum adds b, as 16-bit words in network order, to a sum that fold makes an
// Internet checksum of (RFC 1071).
func sum(s uint64, b []byte) uint64 {
	var c uint64
	for len(b) >= 32 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b), 0)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), c)
		s, c = bits.Add64(s, 0, c)
		s += c
		b = b[32:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b), 0)
		s += c
		b = b[8:]
	}
	// Pad what is left with zeroes, as the checksum does.
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(tail[:]), 0)
		s += c
	}
	return s
}

func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

// wire writes frames as pcap records, and does to some what a bad tap does.
type wire struct {
	w       io.Writer
	buf     []byte
	err     error
	stats   *Stats
	faults  random
	loss    int // per thousand
	late    int
	doubled int
	queue   timeline[delayed]
	seq     uint64
}

// delayed is a frame that is recorded later than it should be.
type delayed struct {
	time   int64
	seq    uint64
	record []byte
}

func (d delayed) before(o delayed) bool {
	return d.time < o.time || d.time == o.time && d.seq < o.seq
}

const wireBuffer = 1 << 20

func (w *wire) start() {
	w.buf = make([]byte, 0, wireBuffer+1<<17)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, 0xa1b2c3d4)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, 2)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, 4)
	w.buf = append(w.buf, 0, 0, 0, 0, 0, 0, 0, 0)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, 262144)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, 1) // Ethernet
}

func (w *wire) flush() {
	if len(w.buf) == 0 {
		return
	}
	if w.err == nil {
		_, w.err = w.w.Write(w.buf)
	}
	w.stats.Bytes += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// until records the late frames that are due before now.
func (w *wire) until(now int64) {
	for len(w.queue) > 0 && w.queue[0].time < now {
		d := w.queue.pop()
		w.record(d.record)
	}
}

func (w *wire) record(r []byte) {
	w.buf = append(w.buf, r...)
	w.wrote()
}

func (w *wire) wrote() {
	w.stats.Packets++
	if len(w.buf) >= wireBuffer {
		w.flush()
	}
}

func (w *wire) delay(r []byte, now int64) {
	binary.LittleEndian.PutUint32(r, uint32(now/1_000_000))
	binary.LittleEndian.PutUint32(r[4:], uint32(now%1_000_000))
	w.seq++
	w.queue.push(delayed{now, w.seq, r})
}

// send puts one frame from e to peer on the wire: flags, and n octets taken
// from data. It moves both ends' sequence numbers on.
func (w *wire) send(now int64, e, peer *endpoint, flags byte, data *rope, n int) {
	start := len(w.buf)
	options := 12
	if flags&syn != 0 {
		options = 20
	}
	header := e.ipLen + 20 + options
	size := ethernetLen + header + n

	b := w.buf
	b = binary.LittleEndian.AppendUint32(b, uint32(now/1_000_000))
	b = binary.LittleEndian.AppendUint32(b, uint32(now%1_000_000))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, e.head[:ethernetLen+e.ipLen+20]...)
	ip := b[start+recordLen+ethernetLen:]
	if e.ipLen == 20 {
		binary.BigEndian.PutUint16(ip[2:], uint16(header+n))
		binary.BigEndian.PutUint16(ip[4:], e.ipID)
		binary.BigEndian.PutUint16(ip[10:], fold(e.ipSum+uint64(header+n)+uint64(e.ipID)))
		e.ipID++
	} else {
		binary.BigEndian.PutUint16(ip[4:], uint16(header-40+n))
	}
	t := ip[e.ipLen:]
	binary.BigEndian.PutUint32(t[4:], e.next)
	if flags&ack != 0 {
		binary.BigEndian.PutUint32(t[8:], e.rcvd)
	}
	t[12] = byte((20 + options) / 4 << 4)
	t[13] = flags
	binary.BigEndian.PutUint16(t[14:], e.window)
	if flags&syn != 0 {
		b = append(b, 2, 4, byte((e.segment+12)>>8), byte((e.segment+12)&255), 4, 2)
	} else {
		b = append(b, 1, 1)
	}
	ts := e.tsBase + uint32((now-epoch)/1000)
	b = append(b, 8, 10)
	b = binary.BigEndian.AppendUint32(b, ts)
	b = binary.BigEndian.AppendUint32(b, e.tsSeen)
	if flags&syn != 0 {
		b = append(b, 1, 3, 3, 7)
	}
	b = data.take(b, n)
	t = b[start+recordLen+ethernetLen+e.ipLen:]
	// tcpSum has the ports already.
	binary.BigEndian.PutUint16(t[16:], fold(sum(e.tcpSum+uint64(len(t)), t[4:])))

	e.next += uint32(n)
	if flags&(syn|fin) != 0 {
		e.next++
	}
	if !peer.deaf {
		peer.rcvd, peer.tsSeen = e.next, ts
	}

	w.buf = b
	if w.loss|w.late|w.doubled != 0 && w.fault(now, b[start:]) {
		w.buf = b[:start]
		return
	}
	w.wrote()
}

// fault decides what happens to a frame; true if it isn't recorded now.
func (w *wire) fault(now int64, r []byte) bool {
	x := w.faults.n(1000)
	switch {
	case x < w.loss:
		w.stats.Lost++
		return true
	case x < w.loss+w.late:
		w.stats.Late++
		w.delay(append([]byte(nil), r...), now+int64(w.faults.between(50, 20_000)))
		return true
	case x < w.loss+w.late+w.doubled:
		w.stats.Doubled++
		w.delay(append([]byte(nil), r...), now+int64(w.faults.between(1, 2_000)))
	}
	return false
}

func (w *wire) finish() error {
	w.until(1 << 62)
	w.flush()
	return w.err
}
