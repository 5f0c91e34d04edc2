package capture

import (
	"encoding/binary"
)

// Captures are built here by hand, octet by octet, so that the reader isn't
// tested against its own writer.

func pcapHeader(o binary.ByteOrder, magic, snaplen, link uint32) []byte {
	return pcapHeaderVersion(o, magic, 2, 4, snaplen, link)
}

func pcapHeaderVersion(o binary.ByteOrder, magic uint32, major, minor uint16, snaplen, link uint32) []byte {
	h := make([]byte, 24)
	o.PutUint32(h, magic)
	o.PutUint16(h[4:], major)
	o.PutUint16(h[6:], minor)
	o.PutUint32(h[16:], snaplen)
	o.PutUint32(h[20:], link)
	return h
}

func pcapRecord(o binary.ByteOrder, sec, frac, wire uint32, data []byte) []byte {
	r := make([]byte, 16, 16+len(data))
	o.PutUint32(r, sec)
	o.PutUint32(r[4:], frac)
	o.PutUint32(r[8:], uint32(len(data)))
	o.PutUint32(r[12:], wire)
	return append(r, data...)
}

func ngBlock(o binary.ByteOrder, typ uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body[:len(body):len(body)], 0)
	}
	b := make([]byte, 8, 12+len(body))
	o.PutUint32(b, typ)
	o.PutUint32(b[4:], uint32(12+len(body)))
	b = append(b, body...)
	return o.(binary.AppendByteOrder).AppendUint32(b, uint32(12+len(body)))
}

func ngSection(o binary.ByteOrder) []byte {
	b := make([]byte, 16)
	o.PutUint32(b, byteOrderMagic)
	o.PutUint16(b[4:], 1)
	copy(b[8:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	return ngBlock(o, blockSection, b)
}

func ngOption(o binary.ByteOrder, code uint16, val []byte) []byte {
	b := make([]byte, 4)
	o.PutUint16(b, code)
	o.PutUint16(b[2:], uint16(len(val)))
	b = append(b, val...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func ngIface(o binary.ByteOrder, link uint16, snaplen uint32, opts ...[]byte) []byte {
	b := make([]byte, 8)
	o.PutUint16(b, link)
	o.PutUint32(b[4:], snaplen)
	for _, opt := range opts {
		b = append(b, opt...)
	}
	return ngBlock(o, blockInterface, b)
}

func ngEnhanced(o binary.ByteOrder, iface uint32, ticks uint64, wire uint32, data []byte) []byte {
	b := make([]byte, 20)
	o.PutUint32(b, iface)
	o.PutUint32(b[4:], uint32(ticks>>32))
	o.PutUint32(b[8:], uint32(ticks))
	o.PutUint32(b[12:], uint32(len(data)))
	o.PutUint32(b[16:], wire)
	return ngBlock(o, blockEnhanced, append(b, data...))
}

func ngOld(o binary.ByteOrder, iface uint16, ticks uint64, wire uint32, data []byte) []byte {
	b := make([]byte, 20)
	o.PutUint16(b, iface)
	o.PutUint16(b[2:], 7) // drops
	o.PutUint32(b[4:], uint32(ticks>>32))
	o.PutUint32(b[8:], uint32(ticks))
	o.PutUint32(b[12:], uint32(len(data)))
	o.PutUint32(b[16:], wire)
	return ngBlock(o, blockPacket, append(b, data...))
}

func ngSimple(o binary.ByteOrder, wire uint32, data []byte) []byte {
	b := make([]byte, 4)
	o.PutUint32(b, wire)
	return ngBlock(o, blockSimple, append(b, data...))
}

func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
