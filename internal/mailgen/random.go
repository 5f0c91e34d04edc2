package mailgen

import (
	"math/bits"
	"math/rand/v2"
)

// random is PCG with reductions of its own: those of math/rand/v2's Rand are
// not promised to stay as they are, PCG's stream is.
type random struct{ pcg rand.PCG }

func (r *random) seed(a, b uint64) { r.pcg.Seed(a, b) }

// n returns a number in [0, n).
func (r *random) n(n int) int {
	hi, _ := bits.Mul64(r.pcg.Uint64(), uint64(n))
	return int(hi)
}

// between returns a number in [lo, hi].
func (r *random) between(lo, hi int) int { return lo + r.n(hi-lo+1) }

// percent is true p times in 100.
func (r *random) percent(p int) bool { return r.n(100) < p }

// pick returns one of the given strings.
func (r *random) pick(from []string) string { return from[r.n(len(from))] }

// powers holds 2^(i/16) in 1/65536.
var powers = [16]uint64{
	65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752,
	92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515,
}

// logNormal returns a size whose logarithm is normally distributed about
// median's. sigma is the deviation of the binary logarithm, in 1/16. Integers
// only: math.Exp's last bit differs between machines.
func (r *random) logNormal(median, sigma, lo, hi int) int {
	// The sum of twelve uniform numbers has variance 1 (Irwin-Hall).
	sum := -6 << 16
	for range 3 {
		v := r.pcg.Uint64()
		for range 4 {
			sum += int(v & 0xffff)
			v >>= 16
		}
	}
	e := sum * sigma >> 16 // in 1/16 octaves
	size := uint64(median) * powers[e&15]
	if octave := e >> 4; octave >= 0 {
		size = size << min(octave, 16) >> 16
	} else {
		size = size >> min(-octave, 40) >> 16
	}
	return max(lo, min(hi, int(size)))
}
