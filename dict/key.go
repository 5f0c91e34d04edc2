package dict

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/seed"
)

// Key builds the bytes that Zeek hashes for the index of a set or table (CompHash.cc,
// SingleValHash): several indices, or the fields of a record, one after the other
// in declaration order, each aligned to its size. Start from an empty slice with
// room, so that nothing is allocated:
//
//	type hostPort struct {
//		host netip.Addr // through dict.Addr
//		port uint16
//	}
//
//	func hashHostPort(keys *seed.Keys, k hostPort) uint32 {
//		var b [64]byte
//		return dict.Key(b[:0]).Addr(k.host).Port(k.port, event.ProtoTCP).Hash(keys)
//	}
//
// An index that is one string and nothing else has no length in front: use Only.
// One that is a record is as compound as several indices.
type Key []byte

// Hash is the hash of the bytes under which dictionaries file them.
func (k Key) Hash(keys *seed.Keys) uint32 { return uint32(keys.Hash64(k)) }

func (k Key) align(n int) Key {
	for len(k)%n != 0 {
		k = append(k, 0)
	}
	return k
}

// Only is the sole index of a set[string] or table[string].
func (k Key) Only(s string) Key { return append(k, s...) }

// String adds a string among other indices: its length, then its bytes.
func (k Key) String(s string) Key {
	k = binary.LittleEndian.AppendUint32(k.align(4), uint32(len(s)))
	return append(k, s...)
}

// Count adds a count.
func (k Key) Count(n uint64) Key { return binary.LittleEndian.AppendUint64(k.align(8), n) }

// Int adds an int.
func (k Key) Int(n int64) Key { return k.Count(uint64(n)) }

// Bool adds a bool.
func (k Key) Bool(b bool) Key {
	if b {
		return k.Count(1)
	}
	return k.Count(0)
}

// Enum adds an enum value by its number (declaration order, see EnumSet).
func (k Key) Enum(n int) Key { return k.Count(uint64(n)) }

// Port adds a port, whose protocol counts: 25/tcp is not 25/udp.
func (k Key) Port(n uint16, p event.Proto) Key { return k.Count(uint64(p)<<16 | uint64(n)) }

// Double adds a double, a time (seconds since the epoch) or an interval (seconds).
func (k Key) Double(f float64) Key { return k.Count(math.Float64bits(f)) }

// Addr adds an address.
func (k Key) Addr(a netip.Addr) Key {
	b := a.As16() // IPv4 as ::ffff:a.b.c.d
	return append(k.align(4), b[:]...)
}

// Subnet adds a subnet: the masked prefix, then its width as it is written, 8 for
// 10.0.0.0/8.
func (k Key) Subnet(p netip.Prefix) Key {
	p = Prefix(p)
	return binary.LittleEndian.AppendUint32(k.Addr(p.Addr()), uint32(p.Bits()))
}

// Optional goes before each field of a record that is &optional or has a
// &default; when it is not set nothing else stands for the field.
func (k Key) Optional(set bool) Key {
	if set {
		return append(k, 1)
	}
	return append(k, 0)
}

// Addr brings an address into the one form that keys have: IPv4-mapped is IPv4,
// no zone.
func Addr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Prefix brings a subnet into the one form that keys have: masked, and
// ::ffff:0:0/96 and longer as IPv4.
func Prefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// HashString is the hash of a table[string] or set[string].
func HashString(keys *seed.Keys, s string) uint32 { return uint32(keys.Hash64String(s)) }

// HashAddr is the hash of a table[addr]; normalise the key with Addr.
func HashAddr(keys *seed.Keys, a netip.Addr) uint32 {
	b := a.As16()
	return Key(b[:]).Hash(keys)
}

// HashPrefix is the hash of a table[subnet]; normalise the key with Prefix.
func HashPrefix(keys *seed.Keys, p netip.Prefix) uint32 {
	var b [20]byte
	return Key(b[:0]).Subnet(p).Hash(keys)
}

// HashCount is the hash of a table[count].
func HashCount(keys *seed.Keys, n uint64) uint32 {
	var b [8]byte
	return Key(b[:0]).Count(n).Hash(keys)
}

// HashEnum is the hash of a table of an enum.
func HashEnum(keys *seed.Keys, e Enum) uint32 {
	var b [8]byte
	return Key(b[:0]).Enum(e.Number).Hash(keys)
}
