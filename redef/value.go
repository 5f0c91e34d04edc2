package redef

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/pattern"
	"github.com/gzeek/gzeek/zeeklog"
)

// Port is a port with its protocol.
type Port struct {
	Number uint16
	Proto  event.Proto
}

// TCP is a TCP port.
func TCP(n uint16) Port { return Port{n, event.ProtoTCP} }

// UDP is a UDP port.
func UDP(n uint16) Port { return Port{n, event.ProtoUDP} }

// String is the port as Zeek writes it: 25/tcp.
func (p Port) String() string {
	if p.Proto == event.ProtoUnknown {
		return strconv.Itoa(int(p.Number)) + "/unknown"
	}
	return strconv.Itoa(int(p.Number)) + "/" + p.Proto.String()
}

// Values are held as: bool, uint64 (count), int64 (int), float64 (double),
// seconds (interval), string, Port, netip.Addr, netip.Prefix, enumValue,
// *pattern.Pattern, *container (set, table), []any (vector).

// container is a set or table, in Zeek's order; the keys are the bytes that Zeek
// would hash, so their order is that of Zeek.
type container struct {
	t *Type
	d *dict.Table[string, entry]
}

type entry struct {
	index []any
	yield any // nil in sets
}

func (r *Registry) newContainer(t *Type) *container {
	return &container{t, dict.NewTable[string, entry](r.keys, dict.HashString)}
}

func (c *container) put(index []any, yield any) {
	c.d.Set(keyOf(c.t, index), entry{index, yield})
}

// add is `c += o`, remove `c -= o`.
func (c *container) add(o *container) {
	for k, e := range o.d.All() {
		c.d.Set(k, e)
	}
}

func (c *container) remove(o *container) {
	for k := range o.d.All() {
		c.d.Delete(k)
	}
}

// keyOf is the index as Zeek hashes it.
func keyOf(t *Type, index []any) string {
	var buf [64]byte
	k := dict.Key(buf[:0])
	for i, v := range index {
		switch v := v.(type) {
		case string:
			if len(index) == 1 {
				k = k.Only(v)
			} else {
				k = k.String(v)
			}
		case bool:
			k = k.Bool(v)
		case uint64:
			k = k.Count(v)
		case int64:
			k = k.Int(v)
		case float64:
			k = k.Double(v)
		case seconds:
			k = k.Double(float64(v))
		case Port:
			k = k.Port(v.Number, v.Proto)
		case netip.Addr:
			k = k.Addr(v)
		case netip.Prefix:
			k = k.Subnet(v)
		case enumValue:
			k = k.Enum(v.number)
		default:
			panic(fmt.Sprintf("redef: %T as index %d of %v", v, i, t))
		}
	}
	return string(k)
}

// printed is a value as Zeek prints it.
func printed(v any) string { return string(appendValue(nil, v, false)) }

// logged is a value in config.log. Zeek: base/frameworks/config, format_value.
func logged(v any) string {
	var b []byte
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, x, false)
		}
	case *container:
		// Sets with several indices are printed as tables are.
		if v.t.Kind == KindTable || len(v.t.Index) > 1 {
			return printed(v)
		}
		for _, e := range v.d.All() {
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e.index[0], false)
		}
	default:
		return printed(v)
	}
	return string(b)
}

// literal is a value on one line, such that parsing gives it again.
func literal(v any) string { return string(appendValue(nil, v, true)) }

func appendValue(b []byte, v any, lit bool) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, 'T')
		}
		return append(b, 'F')
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return zeeklog.AppendCatDouble(b, v)
	case seconds:
		if lit {
			return append(strconv.AppendFloat(b, float64(v), 'f', -1, 64), "sec"...)
		}
		return zeeklog.AppendCatInterval(b, float64(v))
	case string:
		if lit {
			return appendQuoted(b, v)
		}
		return append(b, v...)
	case netip.Addr:
		return appendAddr(b, v, lit)
	case netip.Prefix:
		b = appendAddr(b, v.Addr(), lit)
		b = append(b, '/')
		return strconv.AppendInt(b, int64(v.Bits()), 10)
	case enumValue:
		return append(b, v.full...)
	case Port:
		return append(b, v.String()...)
	case *pattern.Pattern:
		return append(b, v.String()...)
	case []any:
		b = append(b, '[')
		b = appendList(b, v, lit)
		return append(b, ']')
	case *container:
		sep, end := ",\n", "\n}"
		b = append(b, '{')
		if lit {
			sep, end = ", ", "}"
		} else {
			b = append(b, '\n')
		}
		first := true
		for _, e := range v.d.All() {
			if !first {
				b = append(b, sep...)
			}
			first = false
			if v.t.Kind == KindTable || len(e.index) > 1 {
				b = append(b, '[')
				b = appendList(b, e.index, lit)
				b = append(b, ']')
			} else {
				b = appendValue(b, e.index[0], lit)
			}
			if v.t.Kind == KindTable {
				b = append(b, " = "...)
				b = appendValue(b, e.yield, lit)
			}
		}
		return append(b, end...)
	}
	panic(fmt.Sprintf("redef: value of %T", v))
}

// seconds is how intervals are held, so that they print as such.
type seconds float64

func appendList(b []byte, list []any, lit bool) []byte {
	for i, x := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendValue(b, x, lit)
	}
	return b
}

func appendAddr(b []byte, a netip.Addr, lit bool) []byte {
	if lit && a.Is6() {
		b = append(b, '[')
		b = a.AppendTo(b)
		return append(b, ']')
	}
	return a.AppendTo(b)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = fmt.Appendf(b, `\x%02x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// clip keeps what users wrote short enough for a message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
