package dict

import "math/bits"

// outgrown are arrays of slots that dictionaries have grown out of, for others
// that grow to that size: a dictionary that becomes large leaves as much behind
// as it takes. Nobody but the dictionary has seen them, so they are free at once.
// Nil keeps none.
type outgrown[K comparable, V any] struct {
	bySize [maxOutgrown + 1][][]slot[K, V] // by the logarithm of their size, of which each has one (capacity)
	kept   int                             // slots in all
}

const (
	minOutgrown  = 3       // the logarithm of the smallest that are kept
	maxOutgrown  = 13      // and of the largest
	keepOutgrown = 1 << 15 // slots that are kept at most
)

// take returns an array of n zero slots, nil if there is none.
func (o *outgrown[K, V]) take(n int) []slot[K, V] {
	lg := bits.Len(uint(n)) - 1
	if o == nil || lg > maxOutgrown || len(o.bySize[lg]) == 0 {
		return nil
	}
	last := len(o.bySize[lg]) - 1
	s := o.bySize[lg][last]
	o.bySize[lg][last] = nil
	o.bySize[lg] = o.bySize[lg][:last]
	o.kept -= n
	return s
}

// give takes an array that nobody needs any more. It forgets what was in it.
func (o *outgrown[K, V]) give(s []slot[K, V]) {
	n := len(s)
	lg := bits.Len(uint(n)) - 1
	if o == nil || lg < minOutgrown || lg > maxOutgrown || o.kept+n > keepOutgrown {
		return
	}
	clear(s)
	o.bySize[lg] = append(o.bySize[lg], s)
	o.kept += n
}
