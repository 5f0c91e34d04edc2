package seed

import "math/rand/v2"

// Rand is the random numbers of a run. With a seed it is Zeek's own generator,
// otherwise any good one. A Rand belongs to one goroutine.
type Rand struct {
	fixed bool
	state int64
	free  *rand.Rand
}

const (
	lehmerMod  = 1<<31 - 1
	lehmerMul  = 16807
	lehmerQuot = lehmerMod / lehmerMul
	lehmerRem  = lehmerMod % lehmerMul
)

// NewRand starts the sequence of the seed.
func NewRand(k *Keys) *Rand {
	r := &Rand{fixed: k.fixed}
	if r.fixed {
		r.Seed(k.numbers[0])
	} else {
		n := k.numbers
		r.free = rand.New(rand.NewPCG(uint64(n[0])<<32|uint64(n[1]), uint64(n[2])<<32|uint64(n[3])))
	}
	return r
}

// Seed is the builtin srand.
func (r *Rand) Seed(n uint32) {
	if !r.fixed {
		r.free = rand.New(rand.NewPCG(uint64(n), 0))
		return
	}
	r.state = int64(max(n, 1))
}

// Number returns the next number, 0 to 2^31-2 (random_number in util.cc).
func (r *Rand) Number() int64 {
	if !r.fixed {
		return r.free.Int64N(lehmerMod)
	}
	// Schrage's method in 32 bits: a first state above the modulus is legal and
	// wraps around, which wider arithmetic would not do.
	rem, div := uint32(r.state%lehmerQuot), uint32(r.state/lehmerQuot)
	res := int32(lehmerMul*rem) - int32(lehmerRem*div)
	if res < 0 {
		res += lehmerMod
	}
	r.state = int64(res)
	return r.state
}

// Below is the builtin rand(max): 0 to max-1, and 0 for max 0.
func (r *Rand) Below(max uint64) uint64 {
	return uint64(float64(max) * float64(r.Number()) / lehmerMod)
}
