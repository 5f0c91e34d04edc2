package dict

import (
	"iter"
	"net/netip"

	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/seed"
)

// Set is a Zeek set. The zero value is not usable: take one of the constructors,
// or Init for a set that is a field of a bigger thing.
type Set[K comparable] struct {
	keys *seed.Keys
	hash HashFunc[K]
	norm func(K) K // brings an element into its one form; nil where it has only one
	d    core[K, struct{}]
}

// The sets of one index. Elements that are strings are kept as they are, not
// copied: do not hand in a string that shares a big buffer.
type (
	StringSet = Set[string]
	AddrSet   = Set[netip.Addr]
	SubnetSet = Set[netip.Prefix]
	CountSet  = Set[uint64]
	EnumSet   = Set[Enum]
)

// Enum is a value of a Zeek enum: its number decides the order, its name is
// logged. Numbers count from 0 in declaration order; values that scripts add go
// on in the order in which the scripts are loaded.
type Enum struct {
	Number int
	Name   string
}

// NewSet makes an empty set of elements of any type.
func NewSet[K comparable](keys *seed.Keys, hash HashFunc[K]) *Set[K] {
	s := new(Set[K])
	s.Init(keys, hash)
	return s
}

// Init makes s an empty set in place.
func (s *Set[K]) Init(keys *seed.Keys, hash HashFunc[K]) {
	*s = Set[K]{keys: keys, hash: hash}
	s.d.remapEnd = -1
}

// NewStringSet makes an empty set[string].
func NewStringSet(keys *seed.Keys) *StringSet { return NewSet(keys, HashString) }

// StringSlots is where many sets take the memory for their first elements from,
// and pass on what they have grown out of. It belongs to one goroutine.
type StringSlots struct {
	of       slab.Of[slot[string, struct{}]]
	outgrown outgrown[string, struct{}]
}

// Init makes s an empty set[string] in place.
func (r *StringSlots) Init(s *StringSet, keys *seed.Keys) {
	InitStringSet(s, keys)
	s.d.slots = r.of.Slice(firstRoom)[:0]
	s.d.outgrown = &r.outgrown
}

// InitStringSet makes s an empty set[string] in place.
func InitStringSet(s *StringSet, keys *seed.Keys) { s.Init(keys, HashString) }

// NewCountSet makes an empty set[count].
func NewCountSet(keys *seed.Keys) *CountSet { return NewSet(keys, HashCount) }

// NewEnumSet makes an empty set of an enum type.
func NewEnumSet(keys *seed.Keys) *EnumSet { return NewSet(keys, HashEnum) }

// NewAddrSet makes an empty set[addr]. It takes IPv4-mapped addresses for IPv4.
func NewAddrSet(keys *seed.Keys) *AddrSet {
	s := NewSet(keys, HashAddr)
	s.norm = Addr
	return s
}

// NewSubnetSet makes an empty set[subnet]. Has and Delete mean the subnet itself;
// Zeek's `in` for an address or the longest match is not its job.
func NewSubnetSet(keys *seed.Keys) *SubnetSet {
	s := NewSet(keys, HashPrefix)
	s.norm = Prefix
	return s
}

// Ordered makes the set &ordered, visited in the order of insertion, and returns
// it. The set must be empty.
func (s *Set[K]) Ordered() *Set[K] {
	if s.d.n > 0 {
		panic("dict: Ordered for a set that has elements")
	}
	s.d.ordered = true
	return s
}

// Len returns the number of elements; 0 for nil.
func (s *Set[K]) Len() int {
	if s == nil {
		return 0
	}
	return s.d.n
}

func (s *Set[K]) form(k K) K {
	if s.norm != nil {
		return s.norm(k)
	}
	return k
}

// Add puts k in and says whether it is new. Adding an element again changes the
// order only by the moving of older ones, as in Zeek.
func (s *Set[K]) Add(k K) bool {
	k = s.form(k)
	_, existed := s.d.insert(k, s.hash(s.keys, k), struct{}{})
	return !existed
}

// Has says whether k is in the set; false for nil.
func (s *Set[K]) Has(k K) bool {
	if s == nil || s.d.n == 0 {
		return false
	}
	k = s.form(k)
	_, found := s.d.lookup(k, s.hash(s.keys, k))
	return found
}

// Delete takes k out and says whether it was there.
func (s *Set[K]) Delete(k K) bool {
	if s.d.n == 0 {
		return false
	}
	k = s.form(k)
	_, existed := s.d.remove(k, s.hash(s.keys, k))
	return existed
}

// Reset empties the set as if it were new and keeps its memory for the next use.
func (s *Set[K]) Reset() { s.d.reset() }

// Clear is the builtin clear_table. It takes away &ordered, as in Zeek (Val.cc,
// TableVal::RemoveAll).
func (s *Set[K]) Clear() {
	s.d.reset()
	s.d.ordered = false
}

// All visits the elements in Zeek's order; none for nil. Adding or deleting
// others meanwhile makes the order meaningless, as in Zeek, but is safe.
func (s *Set[K]) All() iter.Seq[K] { return s.Each }

// Each visits the elements as All does, until yield returns false. It allocates
// nothing.
func (s *Set[K]) Each(yield func(K) bool) {
	if s == nil || s.d.n == 0 {
		return
	}
	if s.d.ordered {
		for i := 0; i < len(s.d.order); i++ {
			if !yield(s.d.order[i]) {
				return
			}
		}
		return
	}
	s.d.iterating++
	defer s.d.endIteration()
	for i := 0; i < len(s.d.slots); i++ {
		if s.d.slots[i].dist != empty && !yield(s.d.slots[i].key) {
			return
		}
	}
}

// Elements returns the elements in Zeek's order, in a new slice.
func (s *Set[K]) Elements() []K {
	if s.Len() == 0 {
		return nil
	}
	return s.AppendTo(make([]K, 0, s.Len()))
}

// AppendTo appends the elements in Zeek's order.
func (s *Set[K]) AppendTo(dst []K) []K {
	for k := range s.All() {
		dst = append(dst, k)
	}
	return dst
}

// fresh makes an empty set of the same elements.
func (s *Set[K]) fresh() *Set[K] {
	c := NewSet(s.keys, s.hash)
	c.norm = s.norm
	return c
}

// Clone is the builtin copy. A copy may have another order than its original:
// the elements go into a new table one by one.
func (s *Set[K]) Clone() *Set[K] {
	c := s.fresh()
	c.d.ordered = s.d.ordered
	c.AddAll(s)
	return c
}

// AddAll is `s += o`: the elements of o in o's order.
func (s *Set[K]) AddAll(o *Set[K]) {
	if s == o {
		return // each element is there already
	}
	for k := range o.All() {
		s.Add(k)
	}
}

// DeleteAll is `s -= o`.
func (s *Set[K]) DeleteAll(o *Set[K]) {
	if s == o {
		o = s.Clone()
	}
	for k := range o.All() {
		s.Delete(k)
	}
}

// Union is `a | b`: a copy of s, and then the elements of o.
func (s *Set[K]) Union(o *Set[K]) *Set[K] {
	c := s.Clone()
	c.AddAll(o)
	return c
}

// Difference is `a - b`: a copy of s without the elements of o.
func (s *Set[K]) Difference(o *Set[K]) *Set[K] {
	c := s.Clone()
	c.DeleteAll(o)
	return c
}

// Intersection is `a & b`: a new set, filled in the order of the shorter one, of
// o when both are as long.
func (s *Set[K]) Intersection(o *Set[K]) *Set[K] {
	long, short := s, o
	if o.Len() > s.Len() {
		long, short = o, s
	}
	c := s.fresh()
	for k := range short.All() {
		if long.Has(k) {
			c.Add(k)
		}
	}
	return c
}

// Equal says whether both have the same elements.
func (s *Set[K]) Equal(o *Set[K]) bool { return s.Len() == o.Len() && s.SubsetOf(o) }

// SubsetOf says whether each element is one of o.
func (s *Set[K]) SubsetOf(o *Set[K]) bool {
	if s.Len() > o.Len() {
		return false
	}
	for k := range s.All() {
		if !o.Has(k) {
			return false
		}
	}
	return true
}
