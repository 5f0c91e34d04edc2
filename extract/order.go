package extract

import (
	"unsafe"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/seed"
)

// Order turns the additions to an empty set[string], in their order and with repetitions, into the order in which Zeek visits
// the set, each member once. It may use the slice it is given for its result. A nil Order leaves additions as they are.
type Order func(additions [][]byte) [][]byte

// DictOrder is the order of Zeek's dictionary under keys. The Order belongs to one goroutine and allocates nothing in the
// steady state.
func DictOrder(keys *seed.Keys) Order {
	var set dict.StringSet
	dict.InitStringSet(&set, keys)
	return func(additions [][]byte) [][]byte {
		if len(additions) < 2 {
			return additions
		}
		for _, a := range additions {
			set.Add(unsafe.String(unsafe.SliceData(a), len(a))) // nobody changes it while it is in the set
		}
		visited := additions[:0]
		set.Each(func(m string) bool {
			visited = append(visited, unsafe.Slice(unsafe.StringData(m), len(m)))
			return true
		})
		set.Reset()
		return visited
	}
}

func (o Order) visit(additions [][]byte) [][]byte {
	if o == nil {
		return additions
	}
	return o(additions)
}
