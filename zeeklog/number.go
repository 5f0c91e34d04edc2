package zeeklog

import (
	"math"
	"net/netip"
	"strconv"
)

// Zeek prints floating point numbers by a fast method of its own with six
// decimals, not by the C library, and its rounding shows: the fraction is
// multiplied up in floating point and rounded there. So the same is computed
// here; strconv would differ in the last digit. Zeek: modp_numtoa in its
// 3rdparty folder, used by src/Desc.cc and src/threading/Formatter.cc.

// fixedLimit is where the method gives up on a number: the largest int32.
const fixedLimit = math.MaxInt32

// split gives the sign, whole part and millionths of a number below fixedLimit.
func split(f float64) (neg bool, whole uint64, millionths uint64) {
	if f < 0 {
		neg, f = true, -f
	}
	whole = uint64(f)
	scaled := float64((f - float64(whole)) * 1e6) // the conversion forbids a fused multiply-add
	millionths = uint64(scaled)
	switch rest := scaled - float64(millionths); {
	case rest > 0.5:
		millionths++
		if millionths >= 1e6 {
			millionths = 0
			whole++
		}
	case rest == 0.5 && (millionths == 0 || millionths&1 == 1):
		// No carry here: Zeek writes 0.9999995 with seven decimals.
		millionths++
	}
	return neg, whole, millionths
}

// appendSeconds writes a time or an interval: always six decimals, and in
// exponent form where the method ends. Zeek: modp_dtoa.
func appendSeconds(b []byte, f float64) []byte {
	if special, ok := nonFinite(f); ok {
		return append(b, special...)
	}
	if math.Abs(f) >= fixedLimit {
		return appendExponent(b, f)
	}
	neg, whole, frac := split(f)
	if neg {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	b = append(b, '.')
	return appendMillionths(b, frac)
}

func appendMillionths(b []byte, frac uint64) []byte {
	if frac >= 1e6 {
		return strconv.AppendUint(b, frac, 10)
	}
	var d [6]byte
	for i := 5; i >= 0; i-- {
		d[i] = byte('0' + frac%10)
		frac /= 10
	}
	return append(b, d[:]...)
}

// appendStripped writes a number below fixedLimit without trailing zeros.
func appendStripped(b []byte, f float64) []byte {
	neg, whole, frac := split(f)
	if neg {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	if frac == 0 {
		return b
	}
	b = append(b, '.')
	if frac >= 1e6 { // the carry that is not made, see split
		return append(b, '1')
	}
	return stripZeros(appendMillionths(b, frac))
}

// isNearWhole is Zeek's test for writing ".0" behind a number.
// Zeek: src/Desc.cc, ODesc::Add(double).
func isNearWhole(f float64) bool { return math.Abs(f-math.RoundToEven(f)) < 1e-9 }

// appendDouble writes a double as in a TSV log: up to six decimals, never an
// exponent.
func appendDouble(b []byte, f float64) []byte {
	if special, ok := nonFinite(f); ok {
		return append(b, special...)
	}
	if math.Abs(f) >= fixedLimit {
		b = stripZeros(strconv.AppendFloat(b, f, 'f', 6, 64))
	} else {
		b = appendStripped(b, f)
	}
	if isNearWhole(f) {
		b = append(b, '.', '0')
	}
	return b
}

// AppendCatDouble writes a double or a time as Zeek's cat() does: file handles
// are made of it. Zeek: src/Desc.cc, ODesc::Add(double).
func AppendCatDouble(b []byte, f float64) []byte {
	if special, ok := nonFinite(f); ok {
		return append(b, special...)
	}
	if a := math.Abs(f); a >= fixedLimit || (a > 0 && a < 1e-6) {
		return appendExponent(b, f)
	}
	b = appendStripped(b, f)
	if isNearWhole(f) {
		b = append(b, '.', '0')
	}
	return b
}

// AppendCatInterval writes an interval of f seconds as Zeek's cat() does:
// "1.0 min 30.0 secs". Zeek: src/Val.cc, IntervalVal::ValDescribe.
func AppendCatInterval(b []byte, f float64) []byte {
	if f == 0 {
		return append(b, "0 secs"...)
	}
	units := [...]struct {
		seconds float64
		word    string
	}{{86400, "day"}, {3600, "hr"}, {60, "min"}, {1, "sec"}, {1e-3, "msec"}, {1e-6, "usec"}}
	first := true
	for i, u := range units {
		n := f / u.seconds
		if i == len(units)-1 {
			if math.Abs(n) < 1e-6 {
				if first {
					b = append(b, "0 secs"...)
				}
				break
			}
		} else {
			if !(f >= u.seconds || f <= -u.seconds) {
				continue
			}
			n = math.Trunc(n)
			f -= float64(n * u.seconds)
		}
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = AppendCatDouble(b, n)
		b = append(b, ' ')
		b = append(b, u.word...)
		if math.Abs(math.Abs(n)-1) >= 1e-6 {
			b = append(b, 's')
		}
	}
	return b
}

func nonFinite(f float64) (string, bool) {
	switch {
	case f != f:
		return "nan", true
	case f > math.MaxFloat64:
		return "inf", true
	case f < -math.MaxFloat64:
		return "-inf", true
	}
	return "", false
}

// appendExponent writes 17 digits, zeros at the end of the mantissa removed.
func appendExponent(b []byte, f float64) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'e', 16, 64)
	e := len(b)
	for e > start && b[e-1] != 'e' {
		e--
	}
	tail := b[e-1:]
	m := len(stripZeros(b[:e-1]))
	return append(b[:m], tail...)
}

// stripZeros removes zeros at the end of a decimal fraction, and the point.
func stripZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if len(b) > 0 && b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// appendAddr writes an address as inet_ntop does: the first longest run of two
// or more zero groups is "::", and ::a.b.c.d for IPv4-compatible addresses.
func appendAddr(b []byte, v *Value) []byte {
	if v.isV4() {
		return appendV4(b, uint32(v.low))
	}
	var g [8]uint16
	for i := 0; i < 4; i++ {
		g[i] = uint16(v.num >> (48 - 16*i))
		g[4+i] = uint16(v.low >> (48 - 16*i))
	}
	best, bestLen := -1, 1
	for i := 0; i < 8; {
		j := i
		for j < 8 && g[j] == 0 {
			j++
		}
		if j-i > bestLen {
			best, bestLen = i, j-i
		}
		i = j + 1
	}
	for i := 0; i < 8; i++ {
		if i == best {
			b = append(b, ':', ':')
			i += bestLen - 1
			if i == 5 && best == 0 {
				return appendV4(b, uint32(v.low))
			}
			continue
		}
		if i > 0 && i != best+bestLen {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(g[i]), 16)
	}
	return b
}

func appendV4(b []byte, a uint32) []byte {
	b = append(b, octetTexts[a>>24]...)
	b = append(b, '.')
	b = append(b, octetTexts[a>>16&0xff]...)
	b = append(b, '.')
	b = append(b, octetTexts[a>>8&0xff]...)
	b = append(b, '.')
	return append(b, octetTexts[a&0xff]...)
}

// octetTexts are the numbers of an IPv4 address.
var octetTexts = func() (t [256]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return
}()

func appendSubnet(b []byte, v *Value) []byte {
	b = appendAddr(b, v)
	b = append(b, '/')
	bits := uint64(v.bits)
	if v.isV4() && bits >= 96 {
		bits -= 96
	}
	return strconv.AppendUint(b, bits, 10)
}

// AppendAddr writes an address as Zeek does, in logs and in text: IPv4-mapped
// ones as IPv4.
func AppendAddr(b []byte, a netip.Addr) []byte {
	var v Value
	v.SetAddr(a)
	return appendAddr(b, &v)
}
