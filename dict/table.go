package dict

import (
	"iter"

	"github.com/gzeek/gzeek/seed"
)

// Table is a Zeek table. Take NewTable, or Init for a field of a bigger thing.
type Table[K comparable, V any] struct {
	keys *seed.Keys
	hash HashFunc[K]
	d    core[K, V]
}

// NewTable makes an empty table. HashString, HashAddr, ... are the hashes of
// tables with one index, Key helps with those of several.
func NewTable[K comparable, V any](keys *seed.Keys, hash HashFunc[K]) *Table[K, V] {
	t := new(Table[K, V])
	t.Init(keys, hash)
	return t
}

// Init makes t an empty table in place.
func (t *Table[K, V]) Init(keys *seed.Keys, hash HashFunc[K]) {
	*t = Table[K, V]{keys: keys, hash: hash}
	t.d.remapEnd = -1
}

// Ordered makes the table &ordered, and returns it. It must be empty.
func (t *Table[K, V]) Ordered() *Table[K, V] {
	if t.d.n > 0 {
		panic("dict: Ordered for a table that has elements")
	}
	t.d.ordered = true
	return t
}

// Len returns the number of elements; 0 for nil.
func (t *Table[K, V]) Len() int {
	if t == nil {
		return 0
	}
	return t.d.n
}

// Set is `t[k] = v`.
func (t *Table[K, V]) Set(k K, v V) { t.d.insert(k, t.hash(t.keys, k), v) }

// Get returns the value of k, and whether there is one.
func (t *Table[K, V]) Get(k K) (v V, found bool) {
	if p := t.Ref(k); p != nil {
		return *p, true
	}
	return v, false
}

// Has says whether k is in the table; false for nil.
func (t *Table[K, V]) Has(k K) bool { return t.Ref(k) != nil }

// Ref returns the place of the value of k, nil without one. It is borrowed until
// the next call for this table.
func (t *Table[K, V]) Ref(k K) *V {
	if t == nil || t.d.n == 0 {
		return nil
	}
	pos, found := t.d.lookup(k, t.hash(t.keys, k))
	if !found {
		return nil
	}
	return &t.d.slots[pos].value
}

// Delete takes k out and returns its value, and whether it was there.
func (t *Table[K, V]) Delete(k K) (V, bool) { return t.d.remove(k, t.hash(t.keys, k)) }

// Reset empties the table as if it were new and keeps its memory.
func (t *Table[K, V]) Reset() { t.d.reset() }

// Clear is the builtin clear_table, which takes away &ordered.
func (t *Table[K, V]) Clear() {
	t.d.reset()
	t.d.ordered = false
}

// All visits the elements in Zeek's order; none for nil. Values may be replaced
// meanwhile.
func (t *Table[K, V]) All() iter.Seq2[K, V] { return t.each }

func (t *Table[K, V]) each(yield func(K, V) bool) {
	if t == nil || t.d.n == 0 {
		return
	}
	if t.d.ordered {
		for i := 0; i < len(t.d.order); i++ {
			k := t.d.order[i]
			if v, ok := t.Get(k); ok && !yield(k, v) {
				return
			}
		}
		return
	}
	t.d.iterating++
	defer t.d.endIteration()
	for i := 0; i < len(t.d.slots); i++ {
		if s := &t.d.slots[i]; s.dist != empty && !yield(s.key, s.value) {
			return
		}
	}
}

// Clone is the builtin copy; value copies a value and may be nil where
// assignment does.
func (t *Table[K, V]) Clone(value func(V) V) *Table[K, V] {
	c := NewTable[K, V](t.keys, t.hash)
	c.d.ordered = t.d.ordered
	for k, v := range t.All() {
		if value != nil {
			v = value(v)
		}
		c.Set(k, v)
	}
	return c
}
