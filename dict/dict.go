// Package dict is Zeek's dictionary: sets and tables that are visited in the
// order in which Zeek visits them. That order shows in logs (every column of a
// set type), so it is behaviour, not an accident.
//
// The order depends on the hashes of the elements (key.go says which bytes are
// hashed), on the seed of the run (seed.Keys), and on the history of the table:
// inserts, deletes, even lookups, because a grown table moves its old elements
// a few at a time. Therefore the layout is that of Zeek's Dict.h in all that can
// be observed: clustered open addressing, buckets by Fibonacci hashing, an
// overflow area behind the last bucket, growth by doubling and remapping from
// the end of the table downwards.
//
// What it isn't: a fast general map. Where nobody sees the order, use Go's map.
//
// A Set or Table holds its elements themselves (no encoded keys), and a set of a
// handful of elements costs one allocation, none after Reset. None of the types
// may be used by two goroutines at once; a lookup counts as a change.
//
// Source in Zeek: src/Dict.h, src/CompHash.cc, src/Hash.cc, src/Val.cc (TableVal).
package dict

import (
	"github.com/gzeek/gzeek/seed"
)

// A HashFunc gives the hash of a key: the lower half of Hash64 of the bytes that
// Zeek would hash for it (see Key). Keys that are == must have the same hash, and
// the other way round keys with the same bytes must be ==: normalise addresses
// with Addr before they become (part of) a key.
type HashFunc[K any] func(keys *seed.Keys, k K) uint32

// Numbers of Dict.h that decide when a table grows and moves.
const (
	remapStep        = 16 // elements moved after an insert
	thresholdBits    = 3  // up to 2^3 buckets the table may fill up
	loadFactor       = 75 // percent, for larger ones
	minLoadFactor    = 25
	distanceLimit    = 32
	distanceMinCount = 128
)

// firstRoom is how many slots the first allocation has room for, though the
// table starts with one as Zeek's: enough for six elements.
const firstRoom = 6

const empty = -1

type slot[K comparable, V any] struct {
	key   K
	value V
	hash  uint32
	dist  int32 // from the first slot of the bucket; empty
}

func (s *slot[K, V]) is(k K, hash uint32) bool { return s.hash == hash && s.key == k }

// core is the dictionary proper. Positions are indices of slots.
type core[K comparable, V any] struct {
	slots     []slot[K, V] // 2^lg buckets and lg slots of overflow; nil before the first insert
	lg        uint8
	remaps    uint8 // sizes ago that an element not yet moved may stem from
	ordered   bool
	n         int
	remapEnd  int // the last slot not yet looked at after a growth, -1 when done
	iterating int // pending iterations, which forbid moving

	distSum, distCount int

	outgrown *outgrown[K, V] // where arrays come from and go to; nil for the heap

	robust []*robust[K] // the pending ones of Expiring
	order  []K          // insertion order, for &ordered
}

// reset empties the dictionary as if it were new, but keeps its memory unless it
// is much.
func (d *core[K, V]) reset() {
	const keep = 1024
	slots, order := d.slots[:cap(d.slots)], d.order
	clear(slots) // lets go of what the keys point to
	clear(order)
	if len(slots) > keep {
		slots, order = nil, nil
	}
	*d = core[K, V]{slots: slots[:0], order: order[:0], ordered: d.ordered, remapEnd: -1,
		iterating: d.iterating - len(d.robust), outgrown: d.outgrown}
}

// bucketOf maps a hash to one of 2^lg buckets.
func bucketOf(hash uint32, lg uint8) int {
	return int(uint64(hash) * 11400714819323198485 & (1<<lg - 1))
}

func capacity(lg uint8) int { return 1<<lg + int(lg) }

func (d *core[K, V]) bucketAt(pos int) int { return pos - int(d.slots[pos].dist) }

func (d *core[K, V]) emptyAt(pos int) bool { return d.slots[pos].dist == empty }

func (d *core[K, V]) endOfBucket(bucket int) int {
	i := bucket
	for i < len(d.slots) && !d.emptyAt(i) && d.bucketAt(i) <= bucket {
		i++
	}
	return i
}

// headOfCluster returns the first slot of the element's bucket, or the slot before
// it when that is the bucket's own number: an oddity of Zeek's
// HeadOfClusterByPosition that the order of an iteration with deletes shows.
func (d *core[K, V]) headOfCluster(pos int) int {
	bucket := d.bucketAt(pos)
	i := pos
	for i >= bucket && d.bucketAt(i) == bucket {
		i--
	}
	if i == bucket {
		return i
	}
	return i + 1
}

func (d *core[K, V]) tailOfCluster(pos int) int {
	bucket := d.bucketAt(pos)
	i := pos + 1
	for i < len(d.slots) && !d.emptyAt(i) && d.bucketAt(i) == bucket {
		i++
	}
	return i - 1
}

// next returns the first filled slot behind pos, or the capacity.
func (d *core[K, V]) next(pos int) int {
	pos++
	for pos < len(d.slots) && d.emptyAt(pos) {
		pos++
	}
	return pos
}

// search looks for the key in the bucket, below end. Without success pos is
// where the bucket's next element would go.
func (d *core[K, V]) search(k K, hash uint32, bucket, end int) (pos int, found bool) {
	i := bucket
	for ; i < end && !d.emptyAt(i); i++ {
		b := d.bucketAt(i)
		if b > bucket {
			break
		}
		if b == bucket && d.slots[i].is(k, hash) {
			return i, true
		}
	}
	return i, false
}

// lookup finds the key. An element that still lies where an older size of the
// table put it moves to its place now: lookups change the order.
func (d *core[K, V]) lookup(k K, hash uint32) (pos int, found bool) {
	if len(d.slots) == 0 {
		return 0, false
	}
	pos, found = d.search(k, hash, bucketOf(hash, d.lg), len(d.slots))
	if found {
		return pos, true
	}
	for i := uint8(1); i <= d.remaps; i++ {
		bucket := bucketOf(hash, d.lg-i)
		if bucket > d.remapEnd {
			continue
		}
		if old, ok := d.search(k, hash, bucket, d.remapEnd+1); ok {
			if d.iterating == 0 {
				if to, moved := d.remapAt(old); moved {
					old = to
				}
			}
			return old, true
		}
	}
	return pos, false
}

// insert puts the pair in, or replaces the value; it returns the value before and
// whether the key was there.
func (d *core[K, V]) insert(k K, hash uint32, v V) (old V, existed bool) {
	if len(d.slots) == 0 {
		d.init()
	}
	pos, found := d.lookup(k, hash)
	if found {
		old = d.slots[pos].value
		d.slots[pos].value = v
	} else {
		if d.ordered {
			d.order = append(d.order, k)
		}
		d.insertNew(slot[K, V]{key: k, value: v, hash: hash, dist: int32(pos - bucketOf(hash, d.lg))}, pos)
		d.n++
		if d.n > d.threshold() || d.distCount > distanceMinCount &&
			d.distSum > d.distCount*distanceLimit && d.n > minLoadFactor*len(d.slots)/100 {
			d.grow()
		}
	}
	d.remap()
	return old, found
}

func (d *core[K, V]) threshold() int {
	if d.lg <= thresholdBits {
		return len(d.slots)
	}
	return len(d.slots) * loadFactor / 100
}

func (d *core[K, V]) init() {
	d.lg, d.remapEnd = 0, -1
	d.setSlots(capacity(0), firstRoom)
}

// setSlots makes the table n slots long, the new ones empty.
func (d *core[K, V]) setSlots(n, room int) {
	old := len(d.slots)
	if n <= cap(d.slots) {
		d.slots = d.slots[:n]
	} else {
		s := d.outgrown.take(n)
		if s == nil {
			s = make([]slot[K, V], n, max(n, room))
		}
		copy(s, d.slots)
		d.outgrown.give(d.slots)
		d.slots = s
	}
	for i := old; i < n; i++ {
		d.slots[i].dist = empty
	}
}

func (d *core[K, V]) grow() {
	old := len(d.slots)
	d.lg++
	d.setSlots(capacity(d.lg), 0)
	d.remapEnd = old // not old-1: an insert may already have filled that slot
	d.remaps++
	d.distSum, d.distCount = 0, 0
}

func (d *core[K, V]) insertNew(e slot[K, V], pos int) {
	last, lastPos := d.relocate(e, pos)
	d.distSum += lastPos - pos
	d.distCount++
	// An old element may have been pushed out of the part not yet looked at.
	if d.remapEnd >= 0 && pos <= d.remapEnd && d.remapEnd < lastPos {
		d.remapEnd = lastPos
	}
	for _, it := range d.robust {
		adjustOnInsert(d, it, ref[K]{last.key, last.hash}, pos, lastPos)
	}
}

// relocate writes e at pos; the head of each cluster in the way goes to that
// cluster's end. It returns the element written last, and where.
func (d *core[K, V]) relocate(e slot[K, V], pos int) (slot[K, V], int) {
	for {
		if pos >= len(d.slots) {
			d.grow()
		}
		if d.emptyAt(pos) {
			d.slots[pos] = e
			return e, pos
		}
		out := d.slots[pos]
		next := d.tailOfCluster(pos) + 1
		out.dist += int32(next - pos)
		d.slots[pos] = e
		e, pos = out, next
	}
}

// remove takes the key out.
func (d *core[K, V]) remove(k K, hash uint32) (old V, existed bool) {
	pos, found := d.lookup(k, hash)
	if !found {
		return old, false
	}
	e, last := d.removeAt(pos)
	for _, it := range d.robust {
		adjustOnRemove(d, it, ref[K]{e.key, e.hash}, pos, last)
	}
	d.n--
	if d.ordered {
		for i := range d.order {
			if d.order[i] == k {
				d.order = append(d.order[:i], d.order[i+1:]...)
				break
			}
		}
	}
	return e.value, true
}

// removeAt fills the slot with the tail of the cluster behind it, that one's
// slot likewise, until nothing is out of place. It returns what was there and
// the slot that is empty now.
func (d *core[K, V]) removeAt(pos int) (slot[K, V], int) {
	e := d.slots[pos]
	for pos+1 < len(d.slots) && d.slots[pos+1].dist > 0 {
		tail := d.tailOfCluster(pos + 1)
		d.slots[pos] = d.slots[tail]
		d.slots[pos].dist -= int32(tail - pos)
		pos = tail
	}
	d.slots[pos] = slot[K, V]{dist: empty}
	return e, pos
}

// remap moves some of the elements that a growth left behind.
func (d *core[K, V]) remap() {
	if d.remapEnd < 0 || d.iterating > 0 {
		return
	}
	for left := remapStep; d.remapEnd >= 0 && left > 0; {
		moved := false
		if !d.emptyAt(d.remapEnd) {
			_, moved = d.remapAt(d.remapEnd)
		}
		if moved {
			left--
		} else {
			d.remapEnd--
		}
	}
	if d.remapEnd < 0 {
		d.remaps = 0
	}
}

// remapAt moves one element to the end of its bucket at the present size.
func (d *core[K, V]) remapAt(pos int) (to int, moved bool) {
	want := bucketOf(d.slots[pos].hash, d.lg)
	if d.bucketAt(pos) == want {
		return pos, false
	}
	e, _ := d.removeAt(pos)
	to = d.endOfBucket(want)
	e.dist = int32(to - want)
	d.relocate(e, to)
	return to, true
}

func (d *core[K, V]) endIteration() { d.iterating-- }
