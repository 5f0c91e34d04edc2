package dict

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/seed"
)

// check holds the layout against the rules that the dictionary lives by.
func check[K comparable, V any](t *testing.T, d *core[K, V]) {
	t.Helper()
	n := 0
	for i := range d.slots {
		if d.emptyAt(i) {
			continue
		}
		n++
		switch {
		case d.bucketAt(i) < 0:
			t.Fatalf("slot %d: distance %d", i, d.slots[i].dist)
		case i == 0 || d.emptyAt(i-1):
			if d.slots[i].dist != 0 {
				t.Fatalf("slot %d stands alone with distance %d", i, d.slots[i].dist)
			}
		case d.bucketAt(i) < d.bucketAt(i-1):
			t.Fatalf("slot %d: bucket %d after %d", i, d.bucketAt(i), d.bucketAt(i-1))
		}
	}
	if n != d.n {
		t.Fatalf("%d elements, counted %d", d.n, n)
	}
	if len(d.slots) > 0 && len(d.slots) != capacity(d.lg) {
		t.Fatalf("%d slots with lg %d", len(d.slots), d.lg)
	}
	if d.ordered && len(d.order) != d.n {
		t.Fatalf("%d in order, %d elements", len(d.order), d.n)
	}
}

// run plays bytes as operations of a small set of keys against a map.
func run(t *testing.T, keys *seed.Keys, ops []byte, wide bool) {
	s, o := NewStringSet(keys), NewStringSet(keys).Ordered()
	want := map[string]bool{}
	for i, op := range ops {
		k := fmt.Sprint(op >> 2)
		if wide {
			k = fmt.Sprint(op>>2, i%64)
		}
		switch op & 3 {
		case 0, 1:
			if s.Add(k) == want[k] || o.Add(k) == want[k] {
				t.Fatalf("%d: Add(%s)", i, k)
			}
			want[k] = true
		case 2:
			if s.Delete(k) != want[k] || o.Delete(k) != want[k] {
				t.Fatalf("%d: Delete(%s)", i, k)
			}
			delete(want, k)
		case 3:
			if s.Has(k) != want[k] || o.Has(k) != want[k] {
				t.Fatalf("%d: Has(%s)", i, k)
			}
		}
		if s.Len() != len(want) {
			t.Fatalf("%d: %d elements, want %d", i, s.Len(), len(want))
		}
		if len(ops) < 512 || i%64 == 0 || i == len(ops)-1 {
			check(t, &s.d)
			check(t, &o.d)
		}
	}
	for _, x := range []*StringSet{s, o, s.Clone()} {
		got := x.Elements()
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Fatalf("%q", got)
		}
	}
}

func TestDictionaryHoldsWhatAMapHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, wide := range []bool{false, true} {
		for _, n := range []int{10, 100, 400, 20000} {
			ops := make([]byte, n)
			for i := range ops {
				ops[i] = byte(r.IntN(256))
			}
			run(t, seed.Random(), ops, wide)
		}
	}
}

func FuzzDictionary(f *testing.F) {
	keys := testKeys(f)
	f.Add([]byte{0, 4, 8, 12, 16, 20, 24, 28, 6, 7, 14}, false)
	f.Add(slices.Repeat([]byte{0, 4, 8, 12, 2, 3}, 40), true)
	f.Fuzz(func(t *testing.T, ops []byte, wide bool) {
		if len(ops) < 1<<12 {
			run(t, keys, ops, wide)
		}
	})
}

func TestAResetSetIsAsGoodAsNew(t *testing.T) {
	keys := testKeys(t)
	s := NewStringSet(keys)
	for n := 1; n < 60; n++ {
		s.Reset()
		fresh := NewStringSet(keys)
		for i := range n {
			k := fmt.Sprint("s", i)
			s.Add(k)
			fresh.Add(k)
		}
		if got, want := s.Elements(), fresh.Elements(); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func TestSetOperations(t *testing.T) {
	keys := testKeys(t)
	a, b := stringSet(keys, []string{"1", "2", "3"}), stringSet(keys, []string{"2", "3", "4", "5"})
	sorted := func(s *StringSet) string {
		e := s.Elements()
		slices.Sort(e)
		return fmt.Sprint(e)
	}
	for _, x := range []struct {
		what string
		got  *StringSet
		want string
	}{
		{"union", a.Union(b), "[1 2 3 4 5]"},
		{"intersection", a.Intersection(b), "[2 3]"},
		{"difference", a.Difference(b), "[1]"},
		{"with itself", a.Difference(a), "[]"},
		{"untouched", a, "[1 2 3]"},
	} {
		if got := sorted(x.got); got != x.want {
			t.Errorf("%s: %s, want %s", x.what, got, x.want)
		}
	}
	c := a.Clone()
	c.DeleteAll(c)
	if c.Len() != 0 {
		t.Errorf("s -= s: %q", c.Elements())
	}
	if !a.Equal(a.Clone()) || a.Equal(b) || !a.Intersection(b).SubsetOf(b) || b.SubsetOf(a) {
		t.Error("comparison")
	}
	var none *StringSet
	if none.Len() != 0 || none.Has("x") || none.Elements() != nil {
		t.Error("nil is not an empty set")
	}
}

func TestAddressesHaveOneForm(t *testing.T) {
	s := NewAddrSet(testKeys(t))
	s.Add(netip.MustParseAddr("::ffff:1.2.3.4"))
	if !s.Has(netip.MustParseAddr("1.2.3.4")) || s.Add(netip.MustParseAddr("1.2.3.4")) {
		t.Error("a mapped address is not the IPv4 address")
	}
	s.Add(netip.MustParseAddr("fe80::1%eth0"))
	if !s.Delete(netip.MustParseAddr("fe80::1")) {
		t.Error("a zone tells addresses apart")
	}
	p := NewSubnetSet(testKeys(t))
	p.Add(netip.MustParsePrefix("10.1.2.3/8"))
	if !p.Has(netip.MustParsePrefix("10.0.0.0/8")) || !p.Has(netip.MustParsePrefix("::ffff:10.0.0.0/104")) || p.Has(netip.MustParsePrefix("10.0.0.0/9")) {
		t.Error("a subnet is not masked")
	}
}

func TestTableKeepsValues(t *testing.T) {
	tab := NewTable[string, int](testKeys(t), HashString)
	for i := range 500 {
		tab.Set(fmt.Sprint(i), i)
		if i > 0 && i%3 == 0 {
			tab.Delete(fmt.Sprint(i / 2))
		}
		*tab.Ref(fmt.Sprint(i)) += 1000
	}
	check(t, &tab.d)
	n := 0
	for k, v := range tab.Clone(nil).All() {
		if fmt.Sprint(v-1000) != k {
			t.Errorf("%s: %d", k, v)
		}
		n++
	}
	if n != tab.Len() {
		t.Errorf("visited %d of %d", n, tab.Len())
	}
	if v, ok := tab.Get("1"); ok {
		t.Errorf("deleted, but %d", v)
	}
}

func TestChangesDuringAVisitAreSafe(t *testing.T) {
	s := NewStringSet(testKeys(t))
	for i := range 40 {
		s.Add(fmt.Sprint(i))
	}
	for k := range s.All() {
		s.Delete(k)
		s.Add(k + "x")
		if s.Len() > 100 {
			break
		}
	}
	for range s.All() {
		s.Reset()
	}
	if s.Len() != 0 || s.d.iterating != 0 {
		t.Errorf("%d elements, %d visits pending", s.Len(), s.d.iterating)
	}
	run(t, testKeys(t), []byte("after"), false)
}

func TestSmallSetsAreCheap(t *testing.T) {
	keys := testKeys(t)
	names := []string{"a@example.com", "b@example.com", "c@example.com"}
	n := testing.AllocsPerRun(100, func() {
		var s StringSet
		InitStringSet(&s, keys)
		for _, x := range names {
			s.Add(x)
		}
	})
	if n > 1 {
		t.Errorf("a set of three costs %v allocations", n)
	}
	s := NewStringSet(keys)
	total := 0
	n = testing.AllocsPerRun(100, func() {
		s.Reset()
		for _, x := range names {
			s.Add(x)
		}
		for x := range s.All() {
			total += len(x)
		}
	})
	if n > 0 {
		t.Errorf("a used set costs %v allocations", n)
	}
	a := NewAddrSet(keys)
	addr := netip.MustParseAddr("10.0.0.1")
	if n = testing.AllocsPerRun(100, func() { a.Reset(); a.Add(addr) }); n > 0 {
		t.Errorf("an address costs %v allocations", n)
	}
}

func BenchmarkStringSetOfThree(b *testing.B) {
	keys := testKeys(b)
	names := []string{"alice@example.com", "bob@example.com", "carol@example.org"}
	b.ReportAllocs()
	for b.Loop() {
		var s StringSet
		InitStringSet(&s, keys)
		for _, x := range names {
			s.Add(x)
		}
	}
}

func BenchmarkStringSetReused(b *testing.B) {
	s := NewStringSet(testKeys(b))
	names := []string{"alice@example.com", "bob@example.com", "carol@example.org"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s.Reset()
		for _, x := range names {
			s.Add(x)
		}
		for x := range s.All() {
			n += len(x)
		}
	}
}

func BenchmarkTableGet(b *testing.B) {
	for _, size := range []int{10, 1000, 100000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			t := NewTable[netip.Addr, int](testKeys(b), HashAddr)
			addrs := make([]netip.Addr, size)
			for i := range addrs {
				addrs[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
				t.Set(addrs[i], i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if v, ok := t.Get(addrs[i]); !ok || v != i {
					b.Fatal(v)
				}
				if i++; i == size {
					i = 0
				}
			}
		})
	}
}

func BenchmarkTableFill(b *testing.B) {
	keys := testKeys(b)
	addrs := make([]netip.Addr, 10000)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		t := NewTable[netip.Addr, int](keys, HashAddr)
		for i, a := range addrs {
			t.Set(a, i)
		}
	}
}
