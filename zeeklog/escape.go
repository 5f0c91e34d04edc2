package zeeklog

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

func appendHexByte(b []byte, c byte) []byte {
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// escaper writes text so that it can't be taken for a separator.
//
// Zeek cuts the text at every backslash and every separator, and looks at each
// piece by itself: a piece with one byte that is neither printable ASCII nor
// good UTF-8 has all its non-ASCII bytes escaped, its neighbours don't.
// Zeek: src/Desc.cc, ODesc::AddBytes and FirstEscapeLoc.
type escaper struct {
	seqs  []string // what must not appear, sorted as Zeek tries them
	utf8  bool
	plain [256]uint8 // 1 for bytes that can be copied without a look at what follows
}

func newEscaper(utf8 bool, seqs ...string) *escaper {
	e := &escaper{utf8: utf8}
	slices.Sort(seqs)
	// An empty one comes first, and is found everywhere with nothing to escape
	// (ODesc::StartsWithEscapeSequence).
	if !slices.Contains(seqs, "") {
		e.seqs = slices.Compact(seqs)
	}
	for c := ' '; c < 0x7f; c++ {
		e.plain[c] = 1
	}
	e.plain['\\'] = 0
	for _, s := range e.seqs {
		e.plain[s[0]] = 0
	}
	return e
}

func (e *escaper) append(b []byte, s string) []byte {
	if !e.allPlain(s) {
		return e.appendSlow(b, s)
	}
	return append(b, s...)
}

// allPlain says whether s can be copied. Eight octets are looked up without a
// decision for each: nearly all texts are plain.
func (e *escaper) allPlain(s string) bool {
	for len(s) >= 8 {
		c := s[:8]
		if e.plain[c[0]]&e.plain[c[1]]&e.plain[c[2]]&e.plain[c[3]]&
			e.plain[c[4]]&e.plain[c[5]]&e.plain[c[6]]&e.plain[c[7]] == 0 {
			return false
		}
		s = s[8:]
	}
	good := uint8(1)
	for i := range len(s) {
		good &= e.plain[s[i]]
	}
	return good != 0
}

func (e *escaper) appendSlow(b []byte, s string) []byte {
	for len(s) > 0 {
		cut, n := e.firstCut(s)
		if n == 0 {
			cut = len(s)
		}
		if e.utf8 {
			b = appendCheckedUTF8(b, s[:cut], false)
		} else {
			b = append(b, s[:cut]...)
		}
		for _, c := range []byte(s[cut : cut+n]) {
			if c == '\\' {
				b = append(b, '\\', '\\')
			} else {
				b = appendHexByte(b, c)
			}
		}
		s = s[cut+n:]
	}
	return b
}

// firstCut finds what is escaped byte by byte: where, and how many bytes; 0 for none.
func (e *escaper) firstCut(s string) (int, int) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if e.plain[c] != 0 {
			continue
		}
		if c == '\\' || (!e.utf8 && (c < ' ' || c >= 0x7f)) {
			return i, 1
		}
		for _, q := range e.seqs {
			if strings.HasPrefix(s[i:], q) {
				return i, len(q)
			}
		}
	}
	return 0, 0
}

// appendCheckedUTF8 copies s if all of it is acceptable, else escapes every
// byte that isn't printable ASCII. With controls, \b \f \n \r \t are accepted.
// Zeek: src/util.cc, json_escape_utf8.
func appendCheckedUTF8(b []byte, s string, controls bool) []byte {
	if acceptable(s, controls) {
		return append(b, s...)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c >= ' ' && c < 0x7f) || (controls && isShortControl(c)) {
			b = append(b, c)
		} else {
			b = appendHexByte(b, c)
		}
	}
	return b
}

func isShortControl(c byte) bool {
	return c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t'
}

// acceptable tells whether Zeek leaves s alone: printable ASCII and legal
// UTF-8, without control, private use and special characters.
// Zeek: src/util.cc, check_ok_utf8.
func acceptable(s string, controls bool) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if (c < ' ' || c == 0x7f) && !(controls && isShortControl(c)) {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 1 || r <= 0x9f || (r >= 0xe000 && r <= 0xf8ff) || (r >= 0xfff0 && r <= 0xffff) {
			return false
		}
		i += n
	}
	return true
}

// appendHeaderText is how Zeek writes separators into the header: blanks and
// what isn't printable as \xHH. Zeek: src/util.cc, get_escaped_string.
func appendHeaderText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			b = appendHexByte(b, c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

// AppendPrintable appends s for a format that wants UTF-8: as Zeek's JSON logs
// have it, all bytes of a string that is not good UTF-8 and not printable
// ASCII become the text \xHH.
func AppendPrintable(b []byte, s string) []byte { return appendCheckedUTF8(b, s, true) }
