package extract

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/seed"
)

// Order turns the additions to an empty set[string], in their order and with repetitions, into the order in which Zeek visits
// the set, each member once. It may use the slice it is given for its result. A nil Order leaves additions as they are.
type Order func(additions [][]byte) [][]byte

// DictOrder is the order of Zeek's dictionary under keys. The Order is safe for concurrent use.
func DictOrder(keys *seed.Keys) Order {
	return func(additions [][]byte) [][]byte {
		if len(additions) < 2 {
			return additions
		}
		var set dict.StringSet
		dict.InitStringSet(&set, keys)
		for _, a := range additions {
			set.Add(string(a))
		}
		visited := additions[:0]
		for m := range set.All() {
			visited = append(visited, []byte(m))
		}
		return visited
	}
}

func (o Order) visit(additions [][]byte) [][]byte {
	if o == nil {
		return additions
	}
	return o(additions)
}
