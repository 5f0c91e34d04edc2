package zeeklog

import (
	"encoding/binary"
	"math"
	"net/netip"
	"unsafe"
)

// Value is one value of a row. The zero Value is unset. A Value is meant to be
// reused: setting it again allocates nothing, and the storage of container
// elements is kept. Values must not be copied while their elements are in use,
// as copies share them.
type Value struct {
	num   uint64 // bool, count, int, float bits, port; upper half of an address
	low   uint64 // lower half of an address
	str   string // string, enum, func, file, pattern
	elems []Value
	kind  Kind
	bits  uint8 // width of a subnet, as of a 128 bit address; wholeDouble of a double
}

// Kind tells what the value holds.
func (v *Value) Kind() Kind { return v.kind }

// IsSet tells whether the value holds anything: an empty string or set does.
func (v *Value) IsSet() bool { return v.kind != Unset }

// SetUnset makes the value unset ("-" in a log).
func (v *Value) SetUnset() { v.kind = Unset; v.str = "" }

// SetBool makes the value a bool.
func (v *Value) SetBool(b bool) {
	v.kind, v.num = Bool, 0
	if b {
		v.num = 1
	}
}

// SetCount makes the value a count.
func (v *Value) SetCount(n uint64) { v.kind, v.num = Count, n }

// SetInt makes the value an int.
func (v *Value) SetInt(n int64) { v.kind, v.num = Int, uint64(n) }

// SetDouble makes the value a double.
func (v *Value) SetDouble(f float64) { v.kind, v.num, v.bits = Double, math.Float64bits(f), 0 }

// wholeDouble marks a double that was read as a whole number without ".0":
// Zeek writes 99.9999996 as "100" and 100 as "100.0", and the reader wants to
// write back what it has read.
const wholeDouble = 1

// SetTime makes the value a time, in seconds since 1970.
func (v *Value) SetTime(seconds float64) { v.kind, v.num = Time, math.Float64bits(seconds) }

// SetInterval makes the value an interval in seconds.
func (v *Value) SetInterval(seconds float64) { v.kind, v.num = Interval, math.Float64bits(seconds) }

// SetString makes the value a string. Zeek's strings are bytes, of no encoding.
func (v *Value) SetString(s string) { v.kind, v.str = String, s }

// SetBytes makes the value a string that borrows b: b must stay unchanged
// until the write has returned.
func (v *Value) SetBytes(b []byte) {
	v.kind, v.str = String, unsafe.String(unsafe.SliceData(b), len(b))
}

// SetPort makes the value a port. Logs hold no transport protocol beside it.
func (v *Value) SetPort(p uint16) { v.kind, v.num = Port, uint64(p) }

// SetAddr makes the value an address. An IPv4-mapped one is the IPv4 address,
// as in Zeek; a zone is dropped; the zero Addr makes the value unset.
func (v *Value) SetAddr(a netip.Addr) {
	if !a.IsValid() {
		v.SetUnset()
		return
	}
	b := a.As16()
	v.kind = Addr
	v.num = binary.BigEndian.Uint64(b[:8])
	v.low = binary.BigEndian.Uint64(b[8:])
}

// SetSubnet makes the value a subnet; host bits are cleared. An invalid prefix
// makes it unset.
func (v *Value) SetSubnet(p netip.Prefix) {
	if !p.IsValid() {
		v.SetUnset()
		return
	}
	v.SetAddr(p.Addr())
	v.kind = Subnet
	v.bits = uint8(p.Bits())
	if p.Addr().Is4() {
		v.bits += 96
	}
	switch {
	case v.bits <= 64:
		v.low = 0
		v.num &^= ^uint64(0) >> v.bits
	default:
		v.low &^= ^uint64(0) >> (v.bits - 64)
	}
}

// SetEnum makes the value an enum, with its module: "Notice::Tally".
func (v *Value) SetEnum(name string) { v.kind, v.str = Enum, name }

// SetFunc makes the value a function, by its text.
func (v *Value) SetFunc(text string) { v.kind, v.str = Func, text }

// SetFile makes the value a file, by its name.
func (v *Value) SetFile(name string) { v.kind, v.str = File, name }

// SetPattern makes the value a pattern, by its text between slashes.
func (v *Value) SetPattern(text string) { v.kind, v.str = Pattern, text }

// SetEmptySet makes the value a set without elements; see [Value.AppendElem].
func (v *Value) SetEmptySet() { v.kind, v.elems = Set, v.elems[:0] }

// SetEmptyVector makes the value a vector without elements; see [Value.AppendElem].
func (v *Value) SetEmptyVector() { v.kind, v.elems = Vector, v.elems[:0] }

// AppendElem adds one unset element to a set or vector and returns it. The
// pointer is good until the next AppendElem.
func (v *Value) AppendElem() *Value {
	if n := len(v.elems); n < cap(v.elems) {
		v.elems = v.elems[:n+1]
		v.elems[n].SetUnset()
	} else {
		v.elems = append(v.elems, Value{})
	}
	return &v.elems[len(v.elems)-1]
}

// AsBool gives a bool's value; false for other kinds.
func (v *Value) AsBool() bool { return v.kind == Bool && v.num != 0 }

// AsCount gives the number of a count, port or non-negative int; 0 for others.
func (v *Value) AsCount() uint64 {
	switch v.kind {
	case Count, Port, Bool:
		return v.num
	case Int:
		if int64(v.num) > 0 {
			return v.num
		}
	}
	return 0
}

// AsInt gives the number of an int, port, or count that fits; 0 for others.
func (v *Value) AsInt() int64 {
	switch v.kind {
	case Int, Port, Bool:
		return int64(v.num)
	case Count:
		if v.num <= math.MaxInt64 {
			return int64(v.num)
		}
	}
	return 0
}

// AsFloat gives the number of any numeric kind: seconds for time and interval.
func (v *Value) AsFloat() float64 {
	switch v.kind {
	case Double, Time, Interval:
		return math.Float64frombits(v.num)
	case Int:
		return float64(int64(v.num))
	case Count, Port, Bool:
		return float64(v.num)
	}
	return 0
}

// AsString gives the text of a string, enum, func, file or pattern; "" for
// others. It is borrowed if the value was set by [Value.SetBytes] or by a
// [Reader].
func (v *Value) AsString() string {
	switch v.kind {
	case String, Enum, Func, File, Pattern:
		return v.str
	}
	return ""
}

// AsPort gives a port's number; 0 for other kinds.
func (v *Value) AsPort() uint16 {
	if v.kind == Port {
		return uint16(v.num)
	}
	return 0
}

// isV4 tells for Addr and Subnet whether Zeek sees an IPv4 address.
func (v *Value) isV4() bool { return v.num == 0 && v.low>>32 == 0xffff }

// AsAddr gives an address, or a subnet's; the zero Addr for other kinds.
func (v *Value) AsAddr() netip.Addr {
	if v.kind != Addr && v.kind != Subnet {
		return netip.Addr{}
	}
	if v.isV4() {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(v.low))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], v.num)
	binary.BigEndian.PutUint64(b[8:], v.low)
	return netip.AddrFrom16(b)
}

// AsSubnet gives a subnet; the zero Prefix for other kinds.
func (v *Value) AsSubnet() netip.Prefix {
	if v.kind != Subnet {
		return netip.Prefix{}
	}
	bits := int(v.bits)
	if v.isV4() {
		bits -= 96
	}
	return netip.PrefixFrom(v.AsAddr(), bits)
}

// Len gives the number of elements of a set or vector.
func (v *Value) Len() int {
	if v.kind != Set && v.kind != Vector {
		return 0
	}
	return len(v.elems)
}

// Elem gives element i of a set or vector.
func (v *Value) Elem(i int) *Value { return &v.elems[i] }

// CopyFrom makes v a deep copy of src, owning its bytes, so that v outlives
// what src borrowed. Storage of v is reused where possible.
func (v *Value) CopyFrom(src *Value) {
	elems := v.elems
	*v = *src
	v.elems = elems
	switch src.kind {
	case Set, Vector:
		v.elems = v.elems[:0]
		for i := range src.elems {
			v.AppendElem().CopyFrom(&src.elems[i])
		}
		v.str = ""
	case String, Enum, Func, File, Pattern:
		v.str = string(append([]byte(nil), src.str...))
	default:
		v.str = ""
	}
}

func (v *Value) isContainer() bool { return v.kind == Set || v.kind == Vector }

// size is what Zeek counts for a value against Log::max_log_record_size.
// Zeek: src/logging/Manager.cc, ValToLogVal.
func (v *Value) size() int {
	switch v.kind {
	case Unset:
		return 0
	case Port:
		return 12
	case Addr:
		return 20
	case Subnet:
		return 21
	case String, Enum, Func, File, Pattern:
		return len(v.str)
	case Set, Vector:
		n := 0
		for i := range v.elems {
			n += v.elems[i].size()
		}
		return n
	}
	return 8
}
