package zeeklog

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// parseField reads one field of a row of text.
// Zeek: src/threading/formatters/Ascii.cc, ParseValue.
func (r *Reader) parseField(v *Value, c Column, raw []byte) {
	h := r.header
	if string(raw) == h.text.unsetOut[0] {
		v.SetUnset()
		return
	}
	if !c.Type.IsContainer() {
		if err := r.parseScalar(v, c.Type.Kind, raw, h.text.emptyOut[0]); err != nil {
			r.problem("column %s: %s", c.Name, err)
		}
		return
	}
	if c.Type.Kind == Set {
		v.SetEmptySet()
	} else {
		v.SetEmptyVector()
	}
	if string(raw) == h.text.emptyOut[0] || len(raw) == 0 {
		return
	}
	sep := []byte(h.ASCII.SetSeparator)
	for more := true; more; {
		if v.Len() >= maxElements {
			r.problem("column %s: more than %d elements", c.Name, maxElements)
			return
		}
		item := raw
		more = false
		if len(sep) > 0 {
			item, raw, more = bytes.Cut(raw, sep)
		}
		e := v.AppendElem()
		if string(item) == h.text.unsetOut[1] {
			continue
		}
		if err := r.parseScalar(e, c.Type.Elem, item, h.text.emptyOut[1]); err != nil {
			r.problem("column %s: %s", c.Name, err)
		}
	}
}

// parseScalar reads a value that isn't unset. What can't be read stays as a
// string.
func (r *Reader) parseScalar(v *Value, k Kind, raw []byte, empty string) error {
	switch k {
	case String, Enum, Func, File, Pattern, Any, Unset:
		if string(raw) == empty {
			raw = nil
		}
		v.SetBytes(r.unescape(raw))
		switch k {
		case Enum, Func, File, Pattern:
			v.kind = k
		}
		return nil
	}
	if parsePlain(v, k, raw) {
		return nil
	}
	// A number or an address may be escaped if a separator occurs in it.
	if text := r.unescape(raw); len(text) != len(raw) && parsePlain(v, k, text) {
		return nil
	}
	err := fmt.Errorf("%q is no %s", raw, k)
	if string(raw) == empty {
		raw = nil
	}
	v.SetBytes(r.unescape(raw))
	return err
}

// unescape gives the bytes that the text stands for, kept until the next row.
func (r *Reader) unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	start := len(r.arena)
	r.arena = appendUnescaped(r.arena, raw)
	return r.arena[start:len(r.arena):len(r.arena)]
}

// parsePlain reads a value of a kind without free text.
func parsePlain(v *Value, k Kind, raw []byte) bool {
	s := bytesAsString(raw)
	switch k {
	case Bool:
		switch s {
		case "T":
			v.SetBool(true)
		case "F":
			v.SetBool(false)
		default:
			return false
		}
	case Count:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return false
		}
		v.SetCount(n)
	case Int:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return false
		}
		v.SetInt(n)
	case Port:
		if i := bytes.IndexByte(raw, '/'); i > 0 { // "25/tcp" of other writers
			s = s[:i]
		}
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return false
		}
		v.SetPort(uint16(n))
	case Double, Time, Interval:
		f, ok := parseSeconds(s)
		if !ok {
			return false
		}
		v.kind, v.num, v.bits = k, math.Float64bits(f), 0
		if k == Double && bytes.IndexByte(raw, '.') < 0 {
			v.bits = wholeDouble
		}
	case Addr:
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return false
		}
		v.SetAddr(a)
	case Subnet:
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return false
		}
		v.SetSubnet(p)
	default:
		return false
	}
	return true
}

// parseSeconds reads a decimal number. The usual form, up to six decimals, is
// read without strconv; the result is the nearest double either way.
func parseSeconds(s string) (float64, bool) {
	digits, point := uint64(0), -1
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	start := i
	for ; i < len(s) && i-start <= 16; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = digits*10 + uint64(c-'0')
		case c == '.' && point < 0 && i > start:
			point = i
		default:
			return parseSecondsSlow(s)
		}
	}
	if i < len(s) || i == start || point == i-1 || digits >= 1<<53 {
		return parseSecondsSlow(s)
	}
	f := float64(digits)
	if point >= 0 {
		// Both are exact, so the quotient is the nearest double.
		f /= float64(pow10[i-point-1])
	}
	if s[0] == '-' {
		f = -f
	}
	return f, true
}

func parseSecondsSlow(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// AsTime gives a time of 1970 and later or earlier, to the microsecond, in UTC.
// Other kinds give the zero time.
func (v *Value) AsTime() time.Time {
	if v.kind != Time {
		return time.Time{}
	}
	f := v.AsFloat()
	if !(math.Abs(f) < 1<<53) {
		return time.Time{}
	}
	whole := math.Floor(f)
	return time.Unix(int64(whole), int64(math.Round((f-whole)*1e6))*1000).UTC()
}

// AsDuration gives an interval to the microsecond, and the largest or smallest
// Duration for those that don't fit; 0 for other kinds.
func (v *Value) AsDuration() time.Duration {
	if v.kind != Interval {
		return 0
	}
	us := math.Round(v.AsFloat() * 1e6)
	switch {
	case us != us:
		return 0
	case us >= math.MaxInt64/1000:
		return math.MaxInt64
	case us <= math.MinInt64/1000:
		return math.MinInt64
	}
	return time.Duration(us) * time.Microsecond
}

// Any gives the value as a Go value, for expressions and templates: nil if it
// is unset, bool, uint64 (count), int64, float64, time.Time, time.Duration,
// string (also enum, func, file, pattern), uint16 (port), netip.Addr,
// netip.Prefix, or []any (set and vector). Strings are copies.
func (v *Value) Any() any {
	switch v.kind {
	case Bool:
		return v.num != 0
	case Count:
		return v.num
	case Int:
		return int64(v.num)
	case Double:
		return v.AsFloat()
	case Time:
		return v.AsTime()
	case Interval:
		return v.AsDuration()
	case Port:
		return v.AsPort()
	case Addr:
		return v.AsAddr()
	case Subnet:
		return v.AsSubnet()
	case Set, Vector:
		elems := make([]any, len(v.elems))
		for i := range v.elems {
			elems[i] = v.elems[i].Any()
		}
		return elems
	case Unset:
		return nil
	}
	return strings.Clone(v.str)
}
