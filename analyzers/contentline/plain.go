package contentline

import (
	"encoding/binary"
	"math/bits"
)

// Eight octets are looked at at a time: a word holds 0x80 in each octet of
// interest, and its trailing zeros say where the first one is. No octet carries
// into the next, since the top bits are dealt with apart.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// controls marks the octets of w up to CR.
func controls(w uint64) uint64 { return ^(w | (w&^top + (0x80-'\r'-1)*each)) & top }

// PlainUntil returns where the first CR, LF or NUL at or behind i is, the end of
// data without any.
func PlainUntil(data []byte, i int) int {
	if hasVectors && len(data)-i >= 32 {
		i += plainVectors(&data[i], len(data)-i)
		if len(data)-i >= 32 {
			return i
		}
	}
	for ; i < len(data); i++ {
		for len(data)-i >= 8 {
			w := controls(binary.LittleEndian.Uint64(data[i:]))
			if w != 0 {
				i += bits.TrailingZeros64(w) / 8
				break
			}
			i += 8
		}
		if i == len(data) {
			break
		}
		if c := data[i]; c == 0 || c == '\r' || c == '\n' {
			break
		}
	}
	return i
}

// EndsAt says whether there is a whole CRLF at data[i].
func EndsAt(data []byte, i int) bool {
	return i+1 < len(data) && data[i] == '\r' && data[i+1] == '\n'
}
