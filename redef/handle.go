package redef

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/pattern"
)

// Var is a declared option with a value of type T.
type Var[T any] struct {
	opt *option
	v   T
}

// The options of one value. An Interval is in seconds. An Enum is the name of the
// value as the declaration spells it.
type (
	Bool     = Var[bool]
	Count    = Var[uint64]
	Int      = Var[int64]
	Double   = Var[float64]
	Interval = Var[float64]
	String   = Var[string]
	PortVar  = Var[Port]
	AddrVar  = Var[netip.Addr]
	Subnet   = Var[netip.Prefix]
	Enum     = Var[string]
	Pattern  = Var[*pattern.Pattern]

	StringVector = Var[[]string]
	CountVector  = Var[[]uint64]
)

// Get returns the value. A slice is borrowed until the option changes.
func (h *Var[T]) Get() T { return h.v }

// Name returns the Zeek name.
func (h *Var[T]) Name() string { return h.opt.name }

// OnChange has f called after Reload or SetLive changed the value, when all
// values are in place. Apply doesn't call it: it comes before the start.
func (h *Var[T]) OnChange(f func()) *Var[T] {
	h.opt.hooks = append(h.opt.hooks, f)
	return h
}

// Live lets the option change while running.
func (h *Var[T]) Live() *Var[T] {
	h.opt.live = true
	return h
}

// Check adds a condition that values must meet; its error says which, and is
// reported like any other problem.
func (h *Var[T]) Check(ok func(T) error) *Var[T] {
	conv := h.opt.conv.(func(any) T)
	h.opt.checks = append(h.opt.checks, func(v any) error { return ok(conv(v)) })
	return h
}

// declare is behind all declarations.
func declare[T any](r *Registry, name string, t *Type, doc string, def func() any, conv func(any) T) *Var[T] {
	h := &Var[T]{}
	o := &option{name: name, typ: t, doc: doc, def: def, conv: conv, handle: h}
	o.assign = func(v any) { h.v = conv(v) }
	h.opt = o
	if old := r.options[name]; old != nil {
		same, ok := old.handle.(*Var[T])
		if !ok || old.typ.String() != t.String() {
			panic("redef: " + name + " is declared as " + old.typ.String() + " and as " + t.String())
		}
		return same
	}
	r.add(o)
	return h
}

func constant(v any) func() any { return func() any { return v } }

func as[T any](v any) T { return v.(T) }

// Bool declares an option of type bool.
func (r *Registry) Bool(name string, def bool, doc string) *Bool {
	return declare(r, name, scalar(KindBool), doc, constant(def), as[bool])
}

// Count declares an option of type count.
func (r *Registry) Count(name string, def uint64, doc string) *Count {
	return declare(r, name, scalar(KindCount), doc, constant(def), as[uint64])
}

// Int declares an option of type int.
func (r *Registry) Int(name string, def int64, doc string) *Int {
	return declare(r, name, scalar(KindInt), doc, constant(def), as[int64])
}

// Double declares an option of type double.
func (r *Registry) Double(name string, def float64, doc string) *Double {
	return declare(r, name, scalar(KindDouble), doc, constant(def), as[float64])
}

// Interval declares an option of type interval, in seconds.
func (r *Registry) Interval(name string, def float64, doc string) *Interval {
	return declare(r, name, scalar(KindInterval), doc, constant(seconds(def)), asSeconds)
}

func asSeconds(v any) float64 { return float64(v.(seconds)) }

// String declares an option of type string.
func (r *Registry) String(name, def, doc string) *String {
	return declare(r, name, scalar(KindString), doc, constant(def), as[string])
}

// Port declares an option of type port.
func (r *Registry) Port(name string, def Port, doc string) *PortVar {
	return declare(r, name, scalar(KindPort), doc, constant(def), as[Port])
}

// Addr declares an option of type addr.
func (r *Registry) Addr(name string, def netip.Addr, doc string) *AddrVar {
	return declare(r, name, scalar(KindAddr), doc, constant(dict.Addr(def)), as[netip.Addr])
}

// Subnet declares an option of type subnet.
func (r *Registry) Subnet(name string, def netip.Prefix, doc string) *Subnet {
	return declare(r, name, scalar(KindSubnet), doc, constant(dict.Prefix(def)), as[netip.Prefix])
}

// Pattern declares an option of type pattern. def is Zeek text, "/a/ | /b/i"; it
// panics if that is not a pattern.
func (r *Registry) Pattern(name, def, doc string) *Pattern {
	p := pattern.MustCompile(def)
	return declare(r, name, scalar(KindPattern), doc, constant(p), as[*pattern.Pattern])
}

// Enum declares an option of an enum type, whose values are added to the type
// (see EnumType.Add). def is one of them.
func (r *Registry) Enum(name, typ string, values []string, def, doc string) *Enum {
	e := r.EnumType(typ).Add(values...)
	v := e.mustFind(name, def)
	return declare(r, name, e.typ, doc, constant(v), asEnum)
}

func asEnum(v any) string { return v.(enumValue).short }

// mustFind returns a value that a declaration names, and makes it known: the
// enum may be extended by who uses it first.
func (e *EnumType) mustFind(option, value string) enumValue {
	v, ok := e.lookup(e.full(value))
	if !ok {
		panic("redef: " + option + ": " + value + " is no value of " + e.name)
	}
	return v
}

// StringVector declares an option of type vector of string.
func (r *Registry) StringVector(name string, def []string, doc string) *StringVector {
	return declareVector(r, name, scalar(KindString), def, doc)
}

// CountVector declares an option of type vector of count.
func (r *Registry) CountVector(name string, def []uint64, doc string) *CountVector {
	return declareVector(r, name, scalar(KindCount), def, doc)
}

func declareVector[T any](r *Registry, name string, yield *Type, def []T, doc string) *Var[[]T] {
	build := func() any {
		list := make([]any, len(def))
		for i, x := range def {
			list[i] = x
		}
		return list
	}
	return declare(r, name, &Type{Kind: KindVector, Yield: yield}, doc, build, func(v any) []T {
		var out []T
		for _, x := range v.([]any) {
			out = append(out, x.(T))
		}
		return out
	})
}

// Set is a declared option of a set type with elements of type T.
type Set[T comparable] struct {
	h    *Var[*elements[T]]
	norm func(T) T
}

type elements[T comparable] struct {
	list []T // in Zeek's order
	has  map[T]struct{}
}

// The options of set types. An EnumSet holds names as the type's declaration
// spells them.
type (
	StringSet = Set[string]
	CountSet  = Set[uint64]
	PortSet   = Set[Port]
	AddrSet   = Set[netip.Addr]
	SubnetSet = Set[netip.Prefix]
	EnumSet   = Set[string]

	stringPairs = Set[[2]string]
	addrStrings = Set[AddrString]
)

// AddrString is an element of set[addr,string].
type AddrString struct {
	Addr   netip.Addr
	String string
}

// StringStringSet is an option of type set[string,string].
type StringStringSet struct{ stringPairs }

// Has says whether the pair is in the set.
func (s *StringStringSet) Has(a, b string) bool { return s.stringPairs.Has([2]string{a, b}) }

// AddrStringSet is an option of type set[addr,string].
type AddrStringSet struct{ addrStrings }

// Has says whether the pair is in the set.
func (s *AddrStringSet) Has(a netip.Addr, b string) bool {
	return s.addrStrings.Has(AddrString{dict.Addr(a), b})
}

// Get returns the elements in Zeek's order. They are borrowed until the option
// changes.
func (s *Set[T]) Get() []T { return s.h.v.list }

// Len returns the number of elements.
func (s *Set[T]) Len() int { return len(s.h.v.list) }

// Has says whether k is an element. For subnets that means the subnet itself.
func (s *Set[T]) Has(k T) bool {
	if len(s.h.v.list) == 0 {
		return false
	}
	if s.norm != nil {
		k = s.norm(k)
	}
	_, ok := s.h.v.has[k]
	return ok
}

// Name returns the Zeek name.
func (s *Set[T]) Name() string { return s.h.opt.name }

// OnChange is as for Var.
func (s *Set[T]) OnChange(f func()) *Set[T] { s.h.OnChange(f); return s }

// Live is as for Var.
func (s *Set[T]) Live() *Set[T] { s.h.Live(); return s }

// Check is as for Var, with the elements.
func (s *Set[T]) Check(ok func([]T) error) *Set[T] {
	s.h.Check(func(e *elements[T]) error { return ok(e.list) })
	return s
}

func declareSet[T comparable](r *Registry, name string, t *Type, def []T, doc string, to func(T) []any, from func([]any) T) Set[T] {
	build := func() any {
		c := r.newContainer(t)
		for _, x := range def {
			c.put(to(x), nil)
		}
		return c
	}
	return Set[T]{h: declare(r, name, t, doc, build, func(v any) *elements[T] {
		e := &elements[T]{has: map[T]struct{}{}}
		for _, x := range v.(*container).d.All() {
			k := from(x.index)
			e.list = append(e.list, k)
			e.has[k] = struct{}{}
		}
		return e
	})}
}

func plainSet[T comparable](r *Registry, name string, k Kind, def []T, doc string, norm func(T) T) *Set[T] {
	s := declareSet(r, name, setOf(scalar(k)), def, doc, func(x T) []any {
		if norm != nil {
			x = norm(x)
		}
		return []any{x}
	}, func(index []any) T { return index[0].(T) })
	s.norm = norm
	return &s
}

// StringSet declares an option of type set[string].
func (r *Registry) StringSet(name string, def []string, doc string) *StringSet {
	return plainSet(r, name, KindString, def, doc, nil)
}

// CountSet declares an option of type set[count].
func (r *Registry) CountSet(name string, def []uint64, doc string) *CountSet {
	return plainSet(r, name, KindCount, def, doc, nil)
}

// PortSet declares an option of type set[port].
func (r *Registry) PortSet(name string, def []Port, doc string) *PortSet {
	return plainSet(r, name, KindPort, def, doc, nil)
}

// AddrSet declares an option of type set[addr].
func (r *Registry) AddrSet(name string, def []netip.Addr, doc string) *AddrSet {
	return plainSet(r, name, KindAddr, def, doc, dict.Addr)
}

// SubnetSet declares an option of type set[subnet]. To Zeek an IPv4 address is one
// of IPv6, so that [::]/0 has all of them: Get then lists 0.0.0.0/0, too.
func (r *Registry) SubnetSet(name string, def []netip.Prefix, doc string) *SubnetSet {
	s := plainSet(r, name, KindSubnet, def, doc, dict.Prefix)
	o, assign := s.h.opt, s.h.opt.assign
	o.assign = func(v any) {
		assign(v)
		s.h.v.list = withIPv4(s.h.v.list)
	}
	o.assign(o.value)
	return s
}

// withIPv4 adds what prefixes of IPv6 have of IPv4.
func withIPv4(nets []netip.Prefix) []netip.Prefix {
	every := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	mapped := netip.AddrFrom16(every.Addr().As16())
	wide := func(p netip.Prefix) bool { return p.Addr().Is6() && p.Bits() <= 96 && p.Contains(mapped) }
	if slices.Contains(nets, every) || !slices.ContainsFunc(nets, wide) {
		return nets
	}
	return append(nets, every)
}

// EnumSet declares an option of type set of an enum. The enum may get more
// values until Apply, those of def it has.
func (r *Registry) EnumSet(name, typ string, def []string, doc string) *EnumSet {
	e := r.EnumType(typ)
	s := declareSet(r, name, setOf(e.typ), def, doc,
		func(x string) []any { return []any{e.mustFind(name, x)} },
		func(index []any) string { return asEnum(index[0]) })
	return &s
}

// StringStringSet declares an option of type set[string,string].
func (r *Registry) StringStringSet(name string, doc string, def ...[2]string) *StringStringSet {
	s := declareSet(r, name, setOf(scalar(KindString), scalar(KindString)), def, doc,
		func(x [2]string) []any { return []any{x[0], x[1]} },
		func(index []any) [2]string { return [2]string{index[0].(string), index[1].(string)} })
	return &StringStringSet{s}
}

// AddrStringSet declares an option of type set[addr,string].
func (r *Registry) AddrStringSet(name string, doc string, def ...AddrString) *AddrStringSet {
	s := declareSet(r, name, setOf(scalar(KindAddr), scalar(KindString)), def, doc,
		func(x AddrString) []any { return []any{dict.Addr(x.Addr), x.String} },
		func(index []any) AddrString { return AddrString{index[0].(netip.Addr), index[1].(string)} })
	return &AddrStringSet{s}
}

// Table is a declared option of a table type with one index.
type Table[K comparable, V any] struct {
	h       *Var[*pairs[K, V]]
	missing V
	norm    func(K) K
}

type pairs[K comparable, V any] struct {
	list []K // in Zeek's order
	m    map[K]V
}

// The options of table types, named by index and yield.
type (
	StringStrings   = Table[string, string]
	StringEnums     = Table[string, string]
	EnumIntervals   = Table[string, float64]
	EnumCounts      = Table[string, uint64]
	EnumBools       = Table[string, bool]
	PortIntervals   = Table[Port, float64]
	PortBools       = Table[Port, bool]
	CountStrings    = Table[uint64, string]
	SubnetStringSet = Table[netip.Prefix, []string]
)

// Get returns the value of k, and what the declaration gives for a missing one
// without.
func (t *Table[K, V]) Get(k K) V {
	if v, ok := t.Lookup(k); ok {
		return v
	}
	return t.missing
}

// Lookup returns the value of k and whether there is one.
func (t *Table[K, V]) Lookup(k K) (V, bool) {
	if t.norm != nil {
		k = t.norm(k)
	}
	v, ok := t.h.v.m[k]
	return v, ok
}

// Len returns the number of entries.
func (t *Table[K, V]) Len() int { return len(t.h.v.list) }

// All visits the entries in Zeek's order.
func (t *Table[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range t.h.v.list {
			if !yield(k, t.h.v.m[k]) {
				return
			}
		}
	}
}

// Name returns the Zeek name.
func (t *Table[K, V]) Name() string { return t.h.opt.name }

// OnChange is as for Var.
func (t *Table[K, V]) OnChange(f func()) *Table[K, V] { t.h.OnChange(f); return t }

// Live is as for Var.
func (t *Table[K, V]) Live() *Table[K, V] { t.h.Live(); return t }

// codec turns a Go type into a value and back.
type codec[T any] struct {
	typ  *Type
	to   func(T) any
	from func(any) T
	norm func(T) T
}

func plain[T any](k Kind) codec[T] {
	return codec[T]{scalar(k), func(x T) any { return x }, as[T], nil}
}

func enumCodec(option string, e *EnumType) codec[string] {
	return codec[string]{e.typ, func(s string) any { return e.mustFind(option, s) }, asEnum, nil}
}

func intervals() codec[float64] {
	return codec[float64]{scalar(KindInterval), func(f float64) any { return seconds(f) }, asSeconds, nil}
}

func declareTable[K comparable, V any](r *Registry, name string, kc codec[K], vc codec[V], def map[K]V, missing V, doc string) *Table[K, V] {
	t := &Type{Kind: KindTable, Index: []*Type{kc.typ}, Yield: vc.typ}
	// A Go map has no order to copy Zeek's from; any fixed one does.
	build := func() any {
		keys := slices.Collect(maps.Keys(def))
		slices.SortFunc(keys, func(a, b K) int {
			x, y := keyOf(t, []any{kc.to(a)}), keyOf(t, []any{kc.to(b)})
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		c := r.newContainer(t)
		for _, k := range keys {
			c.put([]any{kc.to(k)}, vc.to(def[k]))
		}
		return c
	}
	h := declare(r, name, t, doc, build, func(v any) *pairs[K, V] {
		p := &pairs[K, V]{m: map[K]V{}}
		for _, e := range v.(*container).d.All() {
			k := kc.from(e.index[0])
			p.list = append(p.list, k)
			p.m[k] = vc.from(e.yield)
		}
		return p
	})
	return &Table[K, V]{h, missing, kc.norm}
}

// StringStrings declares an option of type table[string] of string.
func (r *Registry) StringStrings(name string, def map[string]string, doc string) *StringStrings {
	return declareTable(r, name, plain[string](KindString), plain[string](KindString), def, "", doc)
}

// StringEnums declares an option of type table[string] of an enum, to which the
// values are added; missing is the &default of the table.
func (r *Registry) StringEnums(name, typ string, values []string, def map[string]string, missing, doc string) *StringEnums {
	e := r.EnumType(typ).Add(values...)
	return declareTable(r, name, plain[string](KindString), enumCodec(name, e), def, missing, doc)
}

// EnumIntervals declares an option of type table of interval, by an enum.
func (r *Registry) EnumIntervals(name, typ string, def map[string]float64, doc string) *EnumIntervals {
	return declareTable(r, name, enumCodec(name, r.EnumType(typ)), intervals(), def, 0, doc)
}

// EnumCounts declares an option of type table of count, by an enum.
func (r *Registry) EnumCounts(name, typ string, def map[string]uint64, doc string) *EnumCounts {
	return declareTable(r, name, enumCodec(name, r.EnumType(typ)), plain[uint64](KindCount), def, 0, doc)
}

// EnumBools declares an option of type table of bool, by an enum.
func (r *Registry) EnumBools(name, typ string, def map[string]bool, doc string) *EnumBools {
	return declareTable(r, name, enumCodec(name, r.EnumType(typ)), plain[bool](KindBool), def, false, doc)
}

// PortIntervals declares an option of type table[port] of interval.
func (r *Registry) PortIntervals(name string, def map[Port]float64, doc string) *PortIntervals {
	return declareTable(r, name, plain[Port](KindPort), intervals(), def, 0, doc)
}

// PortBools declares an option of type table[port] of bool.
func (r *Registry) PortBools(name string, def map[Port]bool, doc string) *PortBools {
	return declareTable(r, name, plain[Port](KindPort), plain[bool](KindBool), def, false, doc)
}

// CountStrings declares an option of type table[count] of string.
func (r *Registry) CountStrings(name string, def map[uint64]string, doc string) *CountStrings {
	return declareTable(r, name, plain[uint64](KindCount), plain[string](KindString), def, "", doc)
}

// SubnetStringSet declares an option of type table[subnet] of set[string].
func (r *Registry) SubnetStringSet(name string, def map[netip.Prefix][]string, doc string) *SubnetStringSet {
	kc := codec[netip.Prefix]{scalar(KindSubnet), func(p netip.Prefix) any { return dict.Prefix(p) }, as[netip.Prefix], dict.Prefix}
	yield := setOf(scalar(KindString))
	vc := codec[[]string]{yield, func(list []string) any {
		c := r.newContainer(yield)
		for _, s := range list {
			c.put([]any{s}, nil)
		}
		return c
	}, func(v any) []string {
		var out []string
		for _, e := range v.(*container).d.All() {
			out = append(out, e.index[0].(string))
		}
		return out
	}, nil}
	return declareTable(r, name, kc, vc, def, nil, doc)
}
