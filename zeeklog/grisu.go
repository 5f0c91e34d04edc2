package zeeklog

import (
	"math"
	"math/big"
	"math/bits"
	"sync"
)

// Zeek's JSON library finds the digits of a number by Loitsch's Grisu2
// ("Printing Floating-Point Numbers Quickly and Accurately with Integers",
// PLDI 2010). Its digits always read back as the same number, but in about one
// number of a thousand they are not the shortest ones, or not the closest, as
// strconv's are. So the algorithm itself is needed for the same bytes.

// binFloat is f * 2^e.
type binFloat struct {
	f uint64
	e int
}

func (a binFloat) times(b binFloat) binFloat {
	hi, lo := bits.Mul64(a.f, b.f)
	return binFloat{hi + lo>>63, a.e + b.e + 64}
}

func (a binFloat) normal() binFloat {
	n := bits.LeadingZeros64(a.f)
	return binFloat{a.f << n, a.e - n}
}

const (
	mantissaBits  = 52
	hiddenBit     = 1 << mantissaBits
	exponentShift = 1023 + mantissaBits
)

// powersOfTen holds 10^-348, 10^-340, ... 10^340 as normal binFloats, rounded.
var powersOfTen = sync.OnceValue(func() *[87]binFloat {
	var t [87]binFloat
	const middle = 44 // 10^4
	step := new(big.Float).SetPrec(1200).SetInt64(1e8)
	for _, up := range []bool{true, false} {
		x := new(big.Float).SetPrec(1200).SetInt64(1e4)
		for i := middle; i >= 0 && i < len(t); {
			m := new(big.Float).SetMode(big.ToNearestEven).SetPrec(64).Set(x)
			exp := m.MantExp(m) // now 0.5 <= m < 1
			f, _ := m.SetMantExp(m, 64).Uint64()
			t[i] = binFloat{f, exp - 64}
			if up {
				x.Mul(x, step)
				i++
			} else {
				x.Quo(x, step)
				i--
			}
		}
	}
	return &t
})

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// grisuDigits gives the decimal digits of f > 0, finite: digits * 10^exp.
func grisuDigits(b []byte, f float64) (digits []byte, exp int) {
	raw := math.Float64bits(f)
	v := binFloat{raw & (hiddenBit - 1), int(raw >> mantissaBits & 0x7ff)}
	if v.e != 0 {
		v.f += hiddenBit
		v.e -= exponentShift
	} else {
		v.e = 1 - exponentShift
	}
	// The neighbours halfway to the next numbers; digits between them read
	// back as f.
	upper := binFloat{v.f<<1 + 1, v.e - 1}.normal()
	lower := binFloat{v.f<<1 - 1, v.e - 1}
	if v.f == hiddenBit {
		lower = binFloat{v.f<<2 - 1, v.e - 2}
	}
	lower = binFloat{lower.f << (lower.e - upper.e), upper.e}

	// Scale by a power of ten so that the exponent lies in [-60, -32].
	k := int(math.Ceil(float64(-61-upper.e)*0.30102999566398114+347))>>3 + 1
	scale := powersOfTen()[k]
	exp = 348 - 8*k
	w := v.normal().times(scale)
	hi := upper.times(scale)
	lo := lower.times(scale)
	hi.f--
	lo.f++
	digits, kappa := grisuGenerate(b, hi, hi.f-lo.f, hi.f-w.f)
	return digits, exp + kappa
}

// grisuGenerate writes the digits of hi until the rest is less than delta,
// then moves the last digit towards the number, which is dist below hi.
func grisuGenerate(b []byte, hi binFloat, delta, dist uint64) ([]byte, int) {
	shift := uint(-hi.e)
	whole := uint32(hi.f >> shift)
	rest := hi.f & (1<<shift - 1)
	kappa := 9
	for kappa > 1 && uint64(whole) < pow10[kappa-1] {
		kappa--
	}
	start := len(b)
	for kappa > 0 {
		kappa--
		d := whole / uint32(pow10[kappa])
		whole %= uint32(pow10[kappa])
		if d != 0 || len(b) > start {
			b = append(b, byte('0'+d))
		}
		if left := uint64(whole)<<shift + rest; left <= delta {
			grisuRound(b, delta, left, pow10[kappa]<<shift, dist)
			return b, kappa
		}
	}
	for {
		rest *= 10
		delta *= 10
		d := byte(rest >> shift)
		if d != 0 || len(b) > start {
			b = append(b, '0'+d)
		}
		rest &= 1<<shift - 1
		kappa--
		if rest < delta {
			var unit uint64
			if -kappa < len(pow10) {
				unit = pow10[-kappa]
			}
			grisuRound(b, delta, rest, 1<<shift, dist*unit)
			return b, kappa
		}
	}
}

func grisuRound(b []byte, delta, rest, step, dist uint64) {
	for rest < dist && delta-rest >= step && (rest+step < dist || dist-rest > rest+step-dist) {
		b[len(b)-1]--
		rest += step
	}
}
