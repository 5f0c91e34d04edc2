package zeeklog

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonDepth is how deeply objects may be nested in a row; Zeek's are flat.
const jsonDepth = 16

// jsonState is what stays from row to row.
type jsonState struct {
	layout []Column      // columns of the row, in its order
	last   []knownColumn // the same of the row before, as rows mostly are alike
	known  map[string]knownColumn
	b      []byte
	i      int
	prefix []byte // of names within nested objects
}

type knownColumn struct {
	name string
	typ  Type
	ok   bool
}

// parseJSON reads a line as one row and tells whether it was one.
func (r *Reader) parseJSON(line []byte) bool {
	if r.header == nil {
		h := &Header{ASCII: DefaultConfig().ASCII, Missing: true}
		h.ASCII.JSON, h.ASCII.IncludeMeta = true, false
		h.ready()
		r.header = h
	}
	s := &r.js
	s.b, s.i, s.prefix = line, 0, s.prefix[:0]
	r.rec.prepare(r, r.header, line, 0)
	s.layout = s.layout[:0]
	s.space()
	if msg := r.jsonObject(0); msg != "" {
		r.problem("%s at byte %d", msg, s.i+1)
		return false
	}
	s.space()
	if s.i < len(s.b) {
		r.problem("text after the record at byte %d", s.i+1)
		return false
	}
	r.rec.cols = s.layout
	r.header.Columns = s.layout
	return true
}

func (s *jsonState) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *jsonState) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// jsonObject reads an object; names of inner ones are joined by dots. It
// gives a message if something is wrong.
func (r *Reader) jsonObject(depth int) string {
	s := &r.js
	if s.peek() != '{' {
		return "no JSON object"
	}
	if depth > jsonDepth {
		return "objects nested too deeply"
	}
	s.i++
	s.space()
	if s.peek() == '}' {
		s.i++
		return ""
	}
	for {
		if s.peek() != '"' {
			return "no name"
		}
		name, msg := r.jsonString()
		if msg != "" {
			return msg
		}
		s.space()
		if s.peek() != ':' {
			return "no ':'"
		}
		s.i++
		s.space()
		if s.peek() == '{' {
			keep := len(s.prefix)
			s.prefix = append(append(s.prefix, name...), '.')
			msg = r.jsonObject(depth + 1)
			s.prefix = s.prefix[:keep]
		} else {
			msg = r.jsonField(name)
		}
		if msg != "" {
			return msg
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
			s.space()
		case '}':
			s.i++
			return ""
		default:
			return "no ',' or '}'"
		}
	}
}

// jsonField reads the value of one column.
func (r *Reader) jsonField(name []byte) string {
	s := &r.js
	if len(s.prefix) > 0 {
		start := len(r.arena)
		r.arena = append(append(r.arena, s.prefix...), name...)
		name = r.arena[start:]
	}
	at := len(s.layout)
	if at >= maxColumns {
		return "too many columns"
	}
	var c knownColumn
	ok := at < len(s.last) && s.last[at].name == string(name)
	if ok {
		c = s.last[at]
	} else {
		c, ok = s.known[string(name)]
	}
	if !ok {
		c.name = string(name)
		c.typ, c.ok = r.opt.Types(c.name)
		if s.known == nil || len(s.known) > maxColumns {
			s.known = map[string]knownColumn{}
		}
		s.known[c.name] = c
	}
	if at < len(s.last) {
		s.last[at] = c
	} else if at == len(s.last) {
		s.last = append(s.last, c)
	}
	rec := &r.rec
	n := len(rec.vals)
	if n < cap(rec.vals) {
		rec.vals = rec.vals[:n+1]
	} else {
		rec.vals = append(rec.vals, Value{})
	}
	rec.parsed = append(rec.parsed, true)
	v := &rec.vals[n]
	v.SetUnset()
	typ := c.typ
	if s.peek() == '[' {
		if !c.ok || !typ.IsContainer() {
			typ = VectorOf(Unset)
		}
		if typ.Kind == Set {
			v.SetEmptySet()
		} else {
			v.SetEmptyVector()
		}
		s.i++
		s.space()
		for s.peek() != ']' {
			if v.Len() >= maxElements {
				return "too many elements"
			}
			e := v.AppendElem()
			if msg := r.jsonScalar(e, typ.Elem); msg != "" {
				return msg
			}
			if typ.Elem == Unset && e.kind != Unset {
				typ.Elem = e.kind
			}
			s.space()
			if s.peek() == ',' {
				s.i++
				s.space()
			} else if s.peek() != ']' {
				return "no ',' or ']'"
			}
		}
		s.i++
		if typ.Elem == Unset {
			typ.Elem = String
		}
	} else {
		if typ.IsContainer() {
			typ = Type{}
		}
		if msg := r.jsonScalar(v, typ.Kind); msg != "" {
			return msg
		}
		switch {
		case v.kind != Unset:
			typ = T(v.kind)
		case c.ok:
			typ = c.typ
		default:
			typ = T(String)
		}
	}
	s.layout = append(s.layout, Column{Name: c.name, Type: typ})
	return ""
}

// jsonScalar reads a value that has no parts; want is the kind that the column
// should have, Unset if that isn't known.
func (r *Reader) jsonScalar(v *Value, want Kind) string {
	s := &r.js
	rest := s.b[s.i:]
	switch c := s.peek(); {
	case c == '"':
		text, msg := r.jsonString()
		if msg != "" {
			return msg
		}
		r.jsonText(v, want, text)
		return ""
	case hasWord(rest, "true"), hasWord(rest, "false"):
		v.SetBool(c == 't')
		s.i += len("true")
		if c == 'f' {
			s.i++
		}
		return ""
	case hasWord(rest, "null"):
		v.SetUnset()
		s.i += len("null")
		return ""
	case c == '-' || (c >= '0' && c <= '9'):
		return r.jsonNumber(v, want)
	}
	return "no JSON value"
}

func hasWord(b []byte, w string) bool { return len(b) >= len(w) && string(b[:len(w)]) == w }

// jsonText makes a value of a string.
func (r *Reader) jsonText(v *Value, want Kind, text []byte) {
	switch want {
	case Enum, Func, File, Pattern:
		v.SetBytes(text)
		v.kind = want
		return
	case Addr, Subnet:
		// What would be written otherwise stays a string.
		var tmp [64]byte
		if want == Addr {
			if a, err := netip.ParseAddr(bytesAsString(text)); err == nil && a.Zone() == "" {
				v.SetAddr(a)
				if string(appendAddr(tmp[:0], v)) == string(text) {
					return
				}
			}
		} else if p, err := netip.ParsePrefix(bytesAsString(text)); err == nil {
			v.SetSubnet(p)
			if string(appendSubnet(tmp[:0], v)) == string(text) {
				return
			}
		}
	case Time:
		if f, ok := parseISO8601(bytesAsString(text)); ok {
			v.SetTime(f)
			r.noteTimestamps(TSISO8601)
			return
		}
	}
	v.SetBytes(text)
}

// noteTimestamps keeps the form of the first time, for writing it again.
func (r *Reader) noteTimestamps(f TimestampFormat) {
	if r.rows == 0 {
		r.header.ASCII.JSONTimestamps = f
	}
}

func (r *Reader) jsonNumber(v *Value, want Kind) string {
	s := &r.js
	start, whole := s.i, true
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c == '.' || c == 'e' || c == 'E' {
			whole = false
		} else if c != '-' && c != '+' && (c < '0' || c > '9') {
			break
		}
		s.i++
	}
	text := bytesAsString(s.b[start:s.i])
	if whole {
		if want == Time {
			if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
				v.SetTime(millisToSeconds(ms))
				r.noteTimestamps(TSMillis)
				return ""
			}
		}
		if text[0] != '-' {
			if n, err := strconv.ParseUint(text, 10, 64); err == nil {
				switch {
				case want == Port && n <= math.MaxUint16:
					v.SetPort(uint16(n))
				case want == Int && n <= math.MaxInt64:
					v.SetInt(int64(n))
				case want == Double || want == Interval:
					v.SetDouble(float64(n))
					v.kind = want
				default:
					v.SetCount(n)
				}
				return ""
			}
		} else if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			if want == Double || want == Interval {
				v.SetDouble(float64(n))
				v.kind = want
			} else {
				v.SetInt(n)
			}
			return ""
		}
	}
	f, ok := parseSeconds(text)
	if !ok {
		s.i = start
		return "no JSON number"
	}
	v.SetDouble(f)
	if want == Time || want == Interval {
		v.kind = want
	}
	return ""
}

// millisToSeconds gives a time that is written as ms again: the nearest double
// of ms/1000 may lie a little below.
func millisToSeconds(ms int64) float64 {
	f := float64(ms) / 1000
	if int64(f*1000) != ms {
		f = math.Nextafter(f, math.Copysign(math.MaxFloat64, f))
	}
	return f
}

// parseISO8601 reads Zeek's form, with any number of decimals, and RFC 3339.
func parseISO8601(s string) (float64, bool) {
	if len(s) > 20 && s[19] == '.' && s[len(s)-1] == 'Z' {
		digits := s[20 : len(s)-1]
		t, err := time.Parse("2006-01-02T15:04:05", s[:19])
		if err != nil {
			return 0, false
		}
		if digits == "1000000" {
			// Zeek's way to write a fraction that rounds up to a second.
			return float64(t.Unix()) + 0.9999997, true
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || len(digits) > 9 {
			return 0, false
		}
		// One division of exact numbers where they are exact.
		scale := int64(pow10[len(digits)])
		if sec := t.Unix(); sec > -1<<43 && sec < 1<<43 && len(digits) <= 6 {
			if all := sec*scale + int64(n); all > -1<<53 && all < 1<<53 {
				return float64(all) / float64(scale), true
			}
		}
		return float64(t.Unix()) + float64(n)/float64(scale), true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
}

// jsonString reads a string; the bytes are kept until the next row.
func (r *Reader) jsonString() ([]byte, string) {
	s := &r.js
	s.i++
	start := s.i
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			s.i++
			return s.b[start : s.i-1], ""
		case '\\':
			return r.jsonEscaped(start)
		}
		s.i++
	}
	return nil, "string without an end"
}

// jsonEscaped reads the rest of a string that has an escape at s.i.
func (r *Reader) jsonEscaped(start int) ([]byte, string) {
	s := &r.js
	at := len(r.arena)
	r.arena = append(r.arena, s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch c {
		case '"':
			return r.arena[at:len(r.arena):len(r.arena)], ""
		case '\\':
			if s.i == len(s.b) {
				return nil, "string without an end"
			}
			c = s.b[s.i]
			s.i++
			if c == 'u' {
				u, ok := s.unicode()
				if !ok {
					return nil, "bad \\u"
				}
				r.arena = utf8.AppendRune(r.arena, u)
				continue
			}
			k := strings.IndexByte(`"\/bfnrt`, c)
			if k < 0 {
				return nil, "bad escape"
			}
			r.arena = append(r.arena, "\"\\/\b\f\n\r\t"[k])
		default:
			r.arena = append(r.arena, c)
		}
	}
	return nil, "string without an end"
}

// unicode reads four digits after \u, and the second half of a pair.
func (s *jsonState) unicode() (rune, bool) {
	u, ok := s.hex4()
	if !ok {
		return 0, false
	}
	if utf16.IsSurrogate(u) {
		if hasWord(s.b[s.i:], `\u`) {
			keep := s.i
			s.i += 2
			if low, ok := s.hex4(); ok {
				if both := utf16.DecodeRune(u, low); both != utf8.RuneError {
					return both, true
				}
			}
			s.i = keep
		}
		return utf8.RuneError, true
	}
	return u, true
}

func (s *jsonState) hex4() (rune, bool) {
	if len(s.b)-s.i < 4 {
		return 0, false
	}
	var u rune
	for range 4 {
		h := hexValue(s.b[s.i])
		if h < 0 {
			return 0, false
		}
		u = u<<4 | rune(h)
		s.i++
	}
	return u, true
}
