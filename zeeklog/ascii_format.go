package zeeklog

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// textFormat turns rows into lines of tab separated values (or any separators).
// Zeek: src/threading/formatters/Ascii.cc.
type textFormat struct {
	separator, setSeparator string
	unset, empty            string // as configured
	unsetOut, emptyOut      [2]string
	outer, inner            *escaper // outside and inside containers
	// afterContainer is set when both separators are the same: with a log's
	// first container, which takes the one for its elements back, the one for
	// columns is no longer escaped either (Ascii::Describe, RemoveEscapeSequence).
	afterContainer func()
	// numbersClash is set when a separator could occur in a number or an
	// address; they go the slow way then.
	numbersClash bool
}

func newTextFormat(a *ASCII) *textFormat {
	f := &textFormat{
		separator: a.Separator, setSeparator: a.SetSeparator,
		unset: a.UnsetField, empty: a.EmptyField,
		inner: newEscaper(a.UTF8, a.Separator, a.SetSeparator),
	}
	f.escapeOutside(a.UTF8, a.Separator)
	if a.Separator == a.SetSeparator {
		f.afterContainer = func() { f.escapeOutside(a.UTF8) }
	}
	f.unsetOut[1] = string(f.inner.append(nil, f.unset))
	f.emptyOut[1] = string(f.inner.append(nil, f.empty))
	for _, c := range []byte("0123456789abcdefinTF+-.:/") {
		if f.inner.plain[c]&f.outer.plain[c] == 0 {
			f.numbersClash = true
		}
	}
	return f
}

// escapeOutside says what must not appear outside containers.
func (f *textFormat) escapeOutside(utf8 bool, seqs ...string) {
	f.outer = newEscaper(utf8, seqs...)
	f.unsetOut[0] = string(f.outer.append(nil, f.unset))
	f.emptyOut[0] = string(f.outer.append(nil, f.empty))
}

func (f *textFormat) appendRow(b []byte, rec []Value) []byte {
	// One octet, nearly always, which needs no call to be copied.
	single := len(f.separator) == 1
	for i := range rec {
		if i > 0 {
			if single {
				b = append(b, f.separator[0])
			} else {
				b = append(b, f.separator...)
			}
		}
		b = f.appendValue(b, &rec[i], 0)
	}
	return b
}

// appendValue writes one value; depth is 1 for elements of containers.
func (f *textFormat) appendValue(b []byte, v *Value, depth int) []byte {
	switch v.kind {
	case Unset:
		return append(b, f.unsetOut[depth]...)
	case String, Enum, Func, File, Pattern:
		return f.appendText(b, v.str, depth)
	case Set, Vector:
		if len(v.elems) == 0 {
			return append(b, f.emptyOut[depth]...)
		}
		for i := range v.elems {
			if i > 0 {
				b = append(b, f.setSeparator...)
			}
			b = f.appendValue(b, &v.elems[i], 1)
		}
		if f.afterContainer != nil {
			f.afterContainer()
			f.afterContainer = nil
		}
		return b
	}
	if f.numbersClash {
		var tmp [400]byte
		text := appendPlain(tmp[:0], v)
		return f.escaper(depth).append(b, string(text))
	}
	return appendPlain(b, v)
}

func (f *textFormat) escaper(depth int) *escaper {
	if depth == 0 {
		return f.outer
	}
	return f.inner
}

func (f *textFormat) appendText(b []byte, s string, depth int) []byte {
	e := f.escaper(depth)
	switch s {
	case "":
		return append(b, f.emptyOut[depth]...)
	case f.unset, f.empty:
		// What reads like a reserved word has its first byte escaped.
		b = appendHexByte(b, s[0])
		return e.append(b, s[1:])
	}
	return e.append(b, s)
}

// appendPlain writes a value of a kind without free text.
func appendPlain(b []byte, v *Value) []byte {
	switch v.kind {
	case Bool:
		if v.num != 0 {
			return append(b, 'T')
		}
		return append(b, 'F')
	case Count, Port:
		return strconv.AppendUint(b, v.num, 10)
	case Int:
		return strconv.AppendInt(b, int64(v.num), 10)
	case Double:
		b = appendDouble(b, math.Float64frombits(v.num))
		if v.bits == wholeDouble {
			b = bytes.TrimSuffix(b, []byte(".0"))
		}
		return b
	case Time, Interval:
		return appendSeconds(b, math.Float64frombits(v.num))
	case Addr:
		return appendAddr(b, v)
	case Subnet:
		return appendSubnet(b, v)
	}
	return b
}

// jsonFormat turns rows into JSON objects.
// Zeek: src/threading/formatters/JSON.cc.
type jsonFormat struct {
	timestamps   TimestampFormat
	includeUnset bool
	keys         []string // `"name":` of each column
}

func newJSONFormat(a *ASCII, cols []Column) *jsonFormat {
	f := &jsonFormat{timestamps: a.JSONTimestamps, includeUnset: a.JSONIncludeUnset}
	for _, c := range cols {
		f.keys = append(f.keys, string(append(appendJSONString(nil, c.Name), ':')))
	}
	return f
}

func (f *jsonFormat) appendRow(b []byte, rec []Value) []byte {
	b = append(b, '{')
	first := true
	for i := range rec {
		v := &rec[i]
		if v.kind == Unset && !f.includeUnset {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.keys[i]...)
		b = f.appendValue(b, v)
	}
	return append(b, '}')
}

func (f *jsonFormat) appendValue(b []byte, v *Value) []byte {
	switch v.kind {
	case Unset:
		return append(b, "null"...)
	case Bool:
		return strconv.AppendBool(b, v.num != 0)
	case Count, Port:
		return strconv.AppendUint(b, v.num, 10)
	case Int:
		return strconv.AppendInt(b, int64(v.num), 10)
	case Double, Interval:
		return appendJSONDouble(b, math.Float64frombits(v.num))
	case Time:
		return f.appendTime(b, math.Float64frombits(v.num))
	case Addr:
		b = append(b, '"')
		b = appendAddr(b, v)
		return append(b, '"')
	case Subnet:
		b = append(b, '"')
		b = appendSubnet(b, v)
		return append(b, '"')
	case Set, Vector:
		b = append(b, '[')
		for i := range v.elems {
			if i > 0 {
				b = append(b, ',')
			}
			b = f.appendValue(b, &v.elems[i])
		}
		return append(b, ']')
	}
	return appendJSONText(b, v.str)
}

func (f *jsonFormat) appendTime(b []byte, t float64) []byte {
	switch f.timestamps {
	case TSMillis:
		return strconv.AppendInt(b, int64(t*1000), 10)
	case TSMillisUnsigned:
		return strconv.AppendUint(b, uint64(int64(t*1000)), 10)
	case TSISO8601:
		return appendISO8601(b, t)
	}
	return appendJSONDouble(b, t)
}

// appendISO8601 rounds the fraction by itself, so .9999996 has seven digits, as in Zeek.
func appendISO8601(b []byte, t float64) []byte {
	sec := math.Floor(t)
	if !(sec > -67768040609740800 && sec < 67767976233532800) {
		// Zeek gives up where the C library does.
		return append(b, `"2000-01-01T00:00:00.000000"`...)
	}
	_, frac := math.Modf(t)
	if frac < 0 {
		frac++
	}
	b = append(b, '"')
	b = time.Unix(int64(sec), 0).UTC().AppendFormat(b, "2006-01-02T15:04:05")
	b = append(b, '.')
	b = appendMillionths(b, uint64(math.RoundToEven(math.Abs(frac)*1e6)))
	return append(b, 'Z', '"')
}

// appendJSONText writes a value of bytes: bytes that are no good UTF-8 become
// the text \xHH first, then JSON's own escapes apply.
func appendJSONText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			if acceptable(s, true) {
				return appendJSONString(b, s)
			}
			var tmp [256]byte
			checked := appendCheckedUTF8(tmp[:0], s, true)
			return appendJSONString(b, bytesAsString(checked))
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendJSONString writes a JSON string; only what JSON demands is escaped.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const upper = "0123456789ABCDEF"
			b = append(b, '\\', 'u', '0', '0', upper[c>>4], upper[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendJSONDouble lays digits out as Zeek's JSON library does: plain between
// 1e-6 and 1e21, at least one decimal, null for what JSON has no number for.
func appendJSONDouble(b []byte, f float64) []byte {
	if _, ok := nonFinite(f); ok {
		return append(b, "null"...)
	}
	if f == 0 {
		if math.Signbit(f) {
			b = append(b, '-')
		}
		return append(b, "0.0"...)
	}
	if f < 0 {
		b = append(b, '-')
		f = -f
	}
	var tmp [32]byte
	digits, exp := grisuDigits(tmp[:0], f)
	n := len(digits)
	point := n + exp // where the decimal point lies within the digits
	switch {
	case exp >= 0 && point <= 21:
		b = append(b, digits...)
		for i := n; i < point; i++ {
			b = append(b, '0')
		}
		return append(b, '.', '0')
	case point > 0 && point <= 21:
		b = append(b, digits[:point]...)
		b = append(b, '.')
		return append(b, digits[point:]...)
	case point > -6 && point <= 0:
		b = append(b, '0', '.')
		for i := point; i < 0; i++ {
			b = append(b, '0')
		}
		return append(b, digits...)
	}
	b = append(b, digits[0])
	if n > 1 {
		b = append(b, '.')
		b = append(b, digits[1:]...)
	}
	b = append(b, 'e')
	return strconv.AppendInt(b, int64(point-1), 10)
}
