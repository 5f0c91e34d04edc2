// Package scan finds the next octet that matters in text: by vectors of 32 octets
// where the processor has them (AVX2), else by words of 8. All of it is stateless,
// reads only the data that it is given, and allocates nothing.
package scan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// LineEnd returns where the first CR, LF or NUL at or behind i is, the end of data
// without any.
func LineEnd(data []byte, i int) int {
	if hasVectors && len(data)-i >= vector {
		i += lineEndVectors(&data[i], len(data)-i)
		if len(data)-i >= vector {
			return i
		}
	}
	for ; i < len(data); i++ {
		for len(data)-i >= 8 {
			if w := controls(binary.LittleEndian.Uint64(data[i:])); w != 0 {
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

// NotPlain returns where the first octet at or behind i is that doesn't stand for
// itself in quoted-printable, the end of data without any.
func NotPlain(data []byte, i int) int {
	if hasVectors && len(data)-i >= vector {
		i += notPlainVectors(&data[i], len(data)-i)
		if len(data)-i >= vector {
			return i
		}
	}
	for ; i < len(data); i++ {
		for len(data)-i >= 8 {
			if w := notPrintable(binary.LittleEndian.Uint64(data[i:])); w != 0 {
				i += bits.TrailingZeros64(w) / 8
				break
			}
			i += 8
		}
		if i == len(data) || !plain[data[i]] {
			break
		}
	}
	return i
}

// plain says which octets stand for themselves in quoted-printable.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 32 && c <= 126 && c != '=' || c == '\t'
	}
	return t
}()

// DotInNumber returns where the first dot at or behind i, which is more than 0, is
// that has a digit on either side: neither one of a name nor the end of a sentence.
// It is negative without any.
func DotInNumber(data []byte, i int) int {
	if hasVectors && len(data)-i >= vector+1 {
		i += dotVectors(&data[i-1], len(data)-i+1)
	}
	for ; i < len(data)-1; i++ {
		n := bytes.IndexByte(data[i:len(data)-1], '.')
		if n < 0 {
			return -1
		}
		i += n
		if isDigit(data[i-1]) && isDigit(data[i+1]) {
			return i
		}
	}
	return -1
}

func isDigit(c byte) bool { return c-'0' <= 9 }
