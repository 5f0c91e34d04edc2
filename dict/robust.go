package dict

// ref names an element without holding its slot.
type ref[K comparable] struct {
	key  K
	hash uint32
}

// robust is an iteration that survives inserts and deletes between its steps
// (Dict.h, RobustDictIterator): each element there all the time is visited once.
// While it is pending the table moves nothing but by growing.
type robust[K comparable] struct {
	curr ref[K]
	done bool // curr is no element any more, the end
	next int  // the slot of the element after curr; -1 before the first step
	// inserted are elements that lie before next without having been visited,
	// visited ones that were pushed behind next after their visit.
	inserted, visited []ref[K]
}

func newRobust[K comparable, V any](d *core[K, V]) *robust[K] {
	it := &robust[K]{next: -1}
	d.iterating++
	d.robust = append(d.robust, it)
	stepRobust(d, it)
	return it
}

// endRobust takes the iteration off the dictionary.
func endRobust[K comparable, V any](d *core[K, V], it *robust[K]) {
	for i, x := range d.robust {
		if x == it {
			d.robust = append(d.robust[:i], d.robust[i+1:]...)
			d.iterating--
		}
	}
}

// stepRobust goes to the next element or the end. At the end the iteration comes
// off the dictionary by itself.
func stepRobust[K comparable, V any](d *core[K, V], it *robust[K]) {
	if n := len(it.inserted); n > 0 && len(d.slots) > 0 {
		it.curr, it.done = it.inserted[n-1], false
		it.inserted = it.inserted[:n-1]
		return
	}
	if len(d.slots) > 0 {
		if it.next < 0 {
			it.next = d.next(-1)
		}
		if it.next < len(d.slots) && d.emptyAt(it.next) {
			it.next = d.next(it.next)
		}
		for len(it.visited) > 0 && it.next < len(d.slots) {
			s := &d.slots[it.next]
			i := indexRef(it.visited, ref[K]{s.key, s.hash})
			if i < 0 {
				break
			}
			it.visited = append(it.visited[:i], it.visited[i+1:]...)
			it.next = d.next(it.next)
		}
		if it.next < len(d.slots) {
			s := &d.slots[it.next]
			it.curr, it.done = ref[K]{s.key, s.hash}, false
			it.next = d.next(it.next)
			return
		}
	}
	it.curr, it.done = ref[K]{}, true
	it.inserted, it.visited = nil, nil
	endRobust(d, it)
}

func indexRef[K comparable](list []ref[K], r ref[K]) int {
	for i := range list {
		if list[i] == r {
			return i
		}
	}
	return -1
}

func dropRef[K comparable](list []ref[K], r ref[K]) []ref[K] {
	kept := list[:0]
	for _, x := range list {
		if x != r {
			kept = append(kept, x)
		}
	}
	return kept
}

// adjustOnInsert tells the iteration that slots from pos to last were written. e
// is the element that was moved last, which is the new one only if nothing had
// to move: Zeek looks at that one, so its order follows from it.
func adjustOnInsert[K comparable, V any](d *core[K, V], it *robust[K], e ref[K], pos, last int) {
	it.inserted = dropRef(it.inserted, e)
	it.visited = dropRef(it.visited, e)
	if pos < it.next {
		it.inserted = append(it.inserted, e)
	}
	if pos < it.next && it.next <= last {
		s := &d.slots[d.tailOfCluster(it.next)]
		it.visited = append(it.visited, ref[K]{s.key, s.hash})
	}
}

// adjustOnRemove tells the iteration that e is gone from pos and that slots up to
// last moved.
func adjustOnRemove[K comparable, V any](d *core[K, V], it *robust[K], e ref[K], pos, last int) {
	it.inserted = dropRef(it.inserted, e)
	it.visited = dropRef(it.visited, e)
	if pos < it.next && it.next <= last {
		moved := max(d.headOfCluster(it.next-1), pos)
		s := &d.slots[moved]
		it.inserted = append(it.inserted, ref[K]{s.key, s.hash})
	}
	if it.next >= 0 && it.next < len(d.slots) && d.emptyAt(it.next) {
		it.next = d.next(it.next)
	}
	if it.curr == e && !it.done {
		if it.next >= 0 && it.next < len(d.slots) && !d.emptyAt(it.next) {
			s := &d.slots[it.next]
			it.curr = ref[K]{s.key, s.hash}
		} else {
			it.curr, it.done = ref[K]{}, true
		}
	}
}
