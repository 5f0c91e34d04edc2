package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Block types of pcapng.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	byteOrderMagic = 0x1a2b3c4d

	maxBlock      = 16 << 20 // as libpcap
	maxSectionLen = 1 << 20  // of a section header, as libpcap
	// maxInterfaces of a section. A file may describe an interface per 20
	// octets; this bounds what they cost.
	maxInterfaces = 1 << 16
)

// ngReader reads pcapng. Where the file is damaged it ends as libpcap's
// sf-pcapng.c; unlike that, it goes on when sections differ in byte order and
// interfaces in link type and snap length.
type ngReader struct {
	br     *blockReader
	name   string
	order  binary.ByteOrder
	ifaces []ngInterface
	limit  uint32 // of a block's length
	number uint64
}

type ngInterface struct {
	link      LinkType
	snap      uint32
	ticks     uint64 // per second
	binary    bool   // ticks is a power of 2, not of 10
	tsOffset  int64  // seconds
	scaleUp   uint64 // ticks to microseconds, if decimal
	scaleDown uint64
}

func isPcapNG(m []byte) bool { return binary.LittleEndian.Uint32(m) == blockSection }

func newNGReader(br *blockReader, name string) (*ngReader, error) {
	r := &ngReader{br: br, name: name, order: binary.LittleEndian, limit: maxBlock}
	if err := br.need(12); err != nil {
		return nil, shortError(br, name, 0, err, "truncated section header", 28, "octets at least")
	}
	if _, ok := sectionOrder(br.buf[br.pos+8:]); !ok {
		return nil, r.fail("no section header block of pcapng", fmt.Sprintf("the byte-order magic 0x%08x", byteOrderMagic))
	}
	// As libpcap, read up to the first interface, so that what is foreign is
	// said when opening.
	for len(r.ifaces) == 0 {
		typ, body, err := r.block()
		if err == io.EOF {
			return nil, r.fail("the file ends", "an interface description block")
		}
		if err != nil {
			return nil, err
		}
		switch typ {
		case blockEnhanced, blockSimple, blockPacket:
			return nil, r.fail("packet block before any interface", "an interface description block")
		}
		if err := r.describe(typ, body, true); err != nil {
			return nil, err
		}
		br.pos += len(body) + 12
	}
	return r, nil
}

func sectionOrder(b []byte) (binary.ByteOrder, bool) {
	switch {
	case binary.LittleEndian.Uint32(b) == byteOrderMagic:
		return binary.LittleEndian, true
	case binary.BigEndian.Uint32(b) == byteOrderMagic:
		return binary.BigEndian, true
	}
	return nil, false
}

// block makes the next block available and returns its type and what lies
// between its header and its trailer. It isn't consumed yet.
func (r *ngReader) block() (typ uint32, body []byte, err error) {
	b := r.br
	if err := b.need(8); err != nil {
		if err == errNeedFill || err == io.EOF && b.avail() == 0 {
			return 0, nil, err
		}
		return 0, nil, shortError(b, r.name, 0, err, "truncated block header", 8, "octets")
	}
	order := r.order
	typ = order.Uint32(b.buf[b.pos:])
	limit := r.limit
	if typ == blockSection {
		// A section brings its own byte order, which its length is in already.
		if err := b.need(12); err != nil {
			if err == errNeedFill {
				return 0, nil, err
			}
			return 0, nil, shortError(b, r.name, 0, err, "truncated section header", 28, "octets at least")
		}
		o, ok := sectionOrder(b.buf[b.pos+8:])
		if !ok {
			return 0, nil, r.fail("section header block", fmt.Sprintf("the byte-order magic 0x%08x", byteOrderMagic))
		}
		order, limit = o, maxSectionLen
	}
	n := order.Uint32(b.buf[b.pos+4:])
	if n < 12 || n%4 != 0 || n > limit {
		return 0, nil, r.fail(fmt.Sprintf("block of length %d", n),
			fmt.Sprintf("a multiple of 4 from 12 to %d: the file is damaged here", limit))
	}
	if err := b.need(int(n)); err != nil {
		if err == errNeedFill {
			return 0, nil, err
		}
		return 0, nil, shortError(b, r.name, 0, err, "truncated block", int(n), "octets")
	}
	blk := b.buf[b.pos : b.pos+int(n)]
	if t := order.Uint32(blk[n-4:]); t != n {
		return 0, nil, r.fail(fmt.Sprintf("block of length %d with %d in its trailer", n, t), "the same length twice: the file is damaged here")
	}
	r.order = order
	return typ, blk[8 : n-4 : n-4], nil
}

// describe takes what isn't a packet.
func (r *ngReader) describe(typ uint32, body []byte, first bool) error {
	switch typ {
	case blockSection:
		if len(body) < 16 {
			return r.fail(fmt.Sprintf("section header of %d octets", len(body)), "16")
		}
		major, minor := r.order.Uint16(body[4:]), r.order.Uint16(body[6:])
		if major != 1 || first && minor != 0 && minor != 2 {
			return r.fail(fmt.Sprintf("pcapng section of version %d.%d", major, minor), "version 1.0")
		}
		r.ifaces = r.ifaces[:0]
	case blockInterface:
		if len(body) < 8 {
			return r.fail(fmt.Sprintf("interface description of %d octets", len(body)), "8")
		}
		if len(r.ifaces) >= maxInterfaces {
			return r.fail("one more interface description", fmt.Sprintf("at most %d a section", maxInterfaces))
		}
		i := ngInterface{link: fileLinkType(uint32(r.order.Uint16(body))), ticks: 1e6}
		if first && len(r.ifaces) == 0 && !i.link.known() {
			return r.fail(fmt.Sprintf("link type %d", i.link), expectedLink)
		}
		i.snap = snapshot(i.link, r.order.Uint32(body[4:]))
		if err := r.options(&i, body[8:]); err != nil {
			return err
		}
		if !i.binary {
			i.scaleUp, i.scaleDown = 1, 1
			if i.ticks > 1e6 {
				i.scaleDown = i.ticks / 1e6
			} else {
				i.scaleUp = 1e6 / i.ticks
			}
		}
		r.ifaces = append(r.ifaces, i)
		r.limit = max(r.limit, maxSnaplen(i.link)+8+20+131072+4)
	}
	return nil
}

// options reads the two of an interface description that make time.
func (r *ngReader) options(i *ngInterface, opts []byte) error {
	var sawResol, sawOffset bool
	for len(opts) > 0 {
		if len(opts) < 4 {
			return r.fail("truncated option in an interface description", "4 octets")
		}
		code, n := r.order.Uint16(opts), int(r.order.Uint16(opts[2:]))
		padded := (n + 3) &^ 3
		if padded > len(opts)-4 {
			return r.fail("truncated option in an interface description", fmt.Sprintf("%d octets", padded))
		}
		val := opts[4 : 4+n]
		opts = opts[4+padded:]
		switch code {
		case 0:
			if n != 0 {
				return r.fail(fmt.Sprintf("opt_endofopt of length %d", n), "0")
			}
			return nil
		case 9: // if_tsresol
			if n != 1 || sawResol {
				return r.fail(fmt.Sprintf("if_tsresol of length %d", n), "one, of length 1")
			}
			sawResol = true
			exp := val[0] & 0x7f
			if i.binary = val[0]&0x80 != 0; i.binary {
				if exp > 63 {
					return r.fail(fmt.Sprintf("if_tsresol of 2^-%d", exp), "at most 2^-63")
				}
				i.ticks = 1 << exp
				break
			}
			if exp > 19 {
				return r.fail(fmt.Sprintf("if_tsresol of 10^-%d", exp), "at most 10^-19")
			}
			for i.ticks = 1; exp > 0; exp-- {
				i.ticks *= 10
			}
		case 14: // if_tsoffset
			if n != 8 || sawOffset {
				return r.fail(fmt.Sprintf("if_tsoffset of length %d", n), "one, of length 8")
			}
			sawOffset = true
			i.tsOffset = int64(r.order.Uint64(val))
		}
	}
	return nil
}

// stamp converts ticks to seconds and microseconds, rounding down.
func (i *ngInterface) stamp(t uint64) (sec, usec int64) {
	sec = int64(t/i.ticks) + i.tsOffset
	frac := t % i.ticks
	if !i.binary {
		return sec, int64(frac * i.scaleUp / i.scaleDown)
	}
	// libpcap multiplies in 64 bits and overflows above 2^44 ticks a second.
	hi, lo := bits.Mul64(frac, 1e6)
	q, _ := bits.Div64(hi, lo, i.ticks)
	return sec, int64(q)
}

func (r *ngReader) next(f *Frame) error {
	for {
		typ, body, err := r.block()
		if err != nil {
			return err
		}
		var id uint32
		var t uint64
		var data []byte
		switch typ {
		case blockEnhanced, blockPacket:
			r.number++
			if len(body) < 20 {
				return r.fail(fmt.Sprintf("packet block with %d octets of header", len(body)), "20")
			}
			if typ == blockEnhanced {
				id = r.order.Uint32(body)
			} else {
				id = uint32(r.order.Uint16(body)) // drops follow
			}
			t = uint64(r.order.Uint32(body[4:]))<<32 | uint64(r.order.Uint32(body[8:]))
			f.CapLen, f.WireLen = r.order.Uint32(body[12:]), r.order.Uint32(body[16:])
			data = body[20:]
		case blockSimple:
			r.number++
			if len(body) < 4 {
				return r.fail(fmt.Sprintf("simple packet block with %d octets of header", len(body)), "4")
			}
			f.WireLen = r.order.Uint32(body)
			f.CapLen = f.WireLen
			if len(r.ifaces) > 0 {
				f.CapLen = min(f.CapLen, r.ifaces[0].snap)
			}
			data = body[4:]
		default:
			if err := r.describe(typ, body, false); err != nil {
				return err
			}
			r.br.pos += len(body) + 12
			continue
		}
		if int64(id) >= int64(len(r.ifaces)) {
			return r.fail(fmt.Sprintf("packet of interface %d", id), fmt.Sprintf("one of the %d described", len(r.ifaces)))
		}
		i := &r.ifaces[id]
		if f.CapLen > i.snap {
			return r.fail(fmt.Sprintf("captured length %d", f.CapLen), fmt.Sprintf("at most the snap length, %d", i.snap))
		}
		if int64(f.CapLen) > int64(len(data)) {
			return r.fail(fmt.Sprintf("captured length %d in a block with %d octets of data", f.CapLen, len(data)), "a longer block")
		}
		f.Sec, f.Usec = i.stamp(t)
		f.Time = float64(f.Sec) + float64(f.Usec)/1e6
		f.Data = data[:f.CapLen:f.CapLen]
		f.LinkType = i.link
		f.Number = r.number
		f.File = r.name
		f.Offset = r.br.offset()
		if i.link == NFLog && r.order == binary.BigEndian {
			swapNFLog(f.Data)
		}
		r.br.pos += len(body) + 12
		return nil
	}
}

func (r *ngReader) linkType() LinkType { return r.ifaces[0].link }
func (r *ngReader) count() uint64      { return r.number }

func (r *ngReader) fail(problem, expected string) *Error {
	return &Error{File: r.name, Offset: r.br.offset(), Record: r.number, Problem: problem, Expected: expected}
}
