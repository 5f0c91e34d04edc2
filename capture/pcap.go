package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Magic numbers of pcap files, as a little-endian reader sees them.
const (
	magicMicro     = 0xa1b2c3d4
	magicNano      = 0xa1b23c4d
	magicKuznetzov = 0xa1b2cd34 // Linux of 1999: longer record headers
)

type swap uint8

const (
	swapNever swap = iota
	swapMaybe
	swapAlways
)

// pcapReader reads the classic format. What it refuses is what libpcap's
// sf-pcap.c refuses.
type pcapReader struct {
	br   *blockReader
	name string

	order   binary.ByteOrder
	big     bool
	nano    bool
	hdrLen  int
	swap    swap // old versions have the two lengths in the other order
	link    LinkType
	snap    uint32
	maxSnap uint32
	number  uint64
}

const pcapHeaderLen = 24

// isPcap says whether the four octets begin a pcap file, and in which order.
func isPcap(m []byte) (order binary.ByteOrder, magic uint32, ok bool) {
	for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch v := o.Uint32(m); v {
		case magicMicro, magicNano, magicKuznetzov:
			return o, v, true
		}
	}
	return nil, 0, false
}

func newPcapReader(br *blockReader, name string) (*pcapReader, error) {
	p := &pcapReader{br: br, name: name, hdrLen: 16}
	if err := br.need(pcapHeaderLen); err != nil {
		return nil, p.short(err, "truncated file header", pcapHeaderLen, "octets of pcap header")
	}
	h := br.buf[br.pos : br.pos+pcapHeaderLen]
	order, magic, ok := isPcap(h)
	if !ok {
		return nil, p.fail("no pcap header", "the magic number of a pcap file")
	}
	p.order = order
	p.big = order == binary.BigEndian
	p.nano = magic == magicNano
	major, minor := order.Uint16(h[4:]), order.Uint16(h[6:])
	if !(major == 2 && minor <= 4 || major == 543 && minor == 0) {
		return nil, p.fail(fmt.Sprintf("pcap file of version %d.%d", major, minor), "version 2.4")
	}
	switch {
	case major == 543 || minor < 3:
		p.swap = swapAlways
	case minor == 3:
		p.swap = swapMaybe
	}
	// The upper bits tell about frame check sequences.
	lt := order.Uint32(h[20:])
	if lt&0x03ff0000 != 0 {
		return nil, p.fail(fmt.Sprintf("link type 0x%08x", lt), "0 in its reserved bits")
	}
	p.link = fileLinkType(lt & 0xffff)
	if !p.link.known() {
		return nil, p.fail(fmt.Sprintf("link type %d", lt&0xffff), expectedLink)
	}
	p.maxSnap = maxSnaplen(p.link)
	p.snap = snapshot(p.link, order.Uint32(h[16:]))
	if magic == magicKuznetzov {
		p.hdrLen = 24
		if p.link == Ethernet {
			// Cooked captures got a false Ethernet header on top of their snap length.
			p.snap = min(p.snap, 1<<31-1-14) + 14
		}
	}
	br.pos += pcapHeaderLen
	return p, nil
}

func (p *pcapReader) next(f *Frame) error {
	b := p.br
	if b.end-b.pos < p.hdrLen {
		if err := b.fill(p.hdrLen); err != nil {
			if err == errNeedFill {
				return err
			}
			if b.avail() == 0 && err == io.EOF {
				return io.EOF
			}
			p.number++
			return p.short(err, "truncated packet header", p.hdrLen, "octets")
		}
	}
	h := b.buf[b.pos : b.pos+16 : b.pos+16]
	var sec, usec int64
	var caplen, wirelen uint32
	if p.big {
		// libpcap 1.10 takes the stamps as unsigned if it must swap them, and as
		// signed if not; Zeek shows it.
		sec, usec = int64(binary.BigEndian.Uint32(h)), int64(binary.BigEndian.Uint32(h[4:]))
		caplen, wirelen = binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
	} else {
		sec, usec = int64(int32(binary.LittleEndian.Uint32(h))), int64(int32(binary.LittleEndian.Uint32(h[4:])))
		caplen, wirelen = binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
	}
	if p.nano {
		usec /= 1000
	}
	if p.swap == swapAlways || p.swap == swapMaybe && caplen > wirelen {
		caplen, wirelen = wirelen, caplen
	}
	if caplen > p.maxSnap {
		p.number++
		return p.fail(fmt.Sprintf("captured length %d", caplen),
			fmt.Sprintf("at most %d (the file's snap length is %d): the file is damaged here", p.maxSnap, p.snap))
	}
	total := p.hdrLen + int(caplen)
	if b.end-b.pos < total {
		if err := b.fill(total); err != nil {
			if err == errNeedFill {
				return err
			}
			p.number++
			return p.short(err, "truncated packet", total, fmt.Sprintf("octets (%d of header, %d of data)", p.hdrLen, caplen))
		}
	}
	p.number++
	data := b.buf[b.pos+p.hdrLen : b.pos+total : b.pos+total]
	if caplen > p.snap {
		caplen = p.snap
		data = data[:caplen:caplen]
	}
	f.Time = float64(sec) + float64(usec)/1e6
	f.Sec, f.Usec = sec, usec
	f.Data = data
	f.CapLen, f.WireLen = caplen, wirelen
	f.LinkType = p.link
	f.Number = p.number
	f.File = p.name
	f.Offset = b.offset()
	b.pos += total
	if p.big && p.link == NFLog {
		swapNFLog(data)
	}
	return nil
}

func (p *pcapReader) linkType() LinkType { return p.link }
func (p *pcapReader) count() uint64      { return p.number }

func (p *pcapReader) fail(problem, expected string) *Error {
	return &Error{File: p.name, Offset: p.br.offset(), Record: p.number, Problem: problem, Expected: expected}
}

func (p *pcapReader) short(err error, problem string, want int, unit string) *Error {
	return shortError(p.br, p.name, p.number, err, problem, want, unit)
}

// shortError says that the stream ended before want octets were there.
func shortError(b *blockReader, name string, record uint64, err error, problem string, want int, unit string) *Error {
	e := &Error{File: name, Offset: b.offset(), Record: record, Problem: problem,
		Expected: fmt.Sprintf("%d %s, found %d", want, unit, b.avail())}
	if !errors.Is(err, io.EOF) {
		e.Err = bare(err)
	}
	return e
}

// swapNFLog turns the lengths and types of NFLOG's fields into little-endian
// ones, since they are in the order of the machine that captured. libpcap does
// it too, and Zeek's analyzer relies on it.
func swapNFLog(d []byte) {
	if len(d) < 4 || d[1] != 0 {
		return
	}
	for d = d[4:]; len(d) >= 4; {
		n := int(binary.BigEndian.Uint16(d))
		d[0], d[1], d[2], d[3] = d[1], d[0], d[3], d[2]
		n = (n + 3) &^ 3
		if n < 4 || n > len(d) {
			return
		}
		d = d[n:]
	}
}
