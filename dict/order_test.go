package dict

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/seed"
)

func testKeys(t testing.TB) *seed.Keys {
	t.Helper()
	k, err := seed.Load("testdata/random.seed")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type vector struct {
	ID, Kind string
	Input    struct {
		Type         string
		Insert       []string
		Delete       []string
		SourceInsert []string `json:"source_insert"`
		Left, Right  []string
		Ordered      bool
		Ops          [][2]string
		Key          string
		Indicator    string
		Meta         [][2]any
		Subnet       []any
	}
	Output     json.RawMessage
	EnumValues map[string]int `json:"enum_values"`
}

func (v *vector) order(t *testing.T) []string {
	var s []string
	if err := json.Unmarshal(v.Output, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func vectors(t *testing.T, kind string) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all, out []vector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Kind == kind {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		t.Fatal("no vectors of kind", kind)
	}
	return out
}

// encode says how to turn the text of an element into key bytes, by the words of
// the vectors' type names.
func encode(t testing.TB, typ, text string, enums map[string]int) Key {
	var k Key
	types := strings.Split(typ, "_")
	fields := []string{text}
	if len(types) > 1 && types[0] != "addr4" && types[1] != "mixed" {
		fields = strings.SplitN(text, "|", len(types))
	} else {
		types = types[:1]
	}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range fields {
		switch types[i] {
		case "string":
			if len(fields) == 1 {
				k = k.Only(f)
			} else {
				k = k.String(f)
			}
		case "count":
			n, err := strconv.ParseUint(f, 10, 64)
			check(err)
			k = k.Count(n)
		case "int":
			n, err := strconv.ParseInt(f, 10, 64)
			check(err)
			k = k.Int(n)
		case "bool":
			k = k.Bool(f == "T")
		case "double", "interval":
			x, err := strconv.ParseFloat(f, 64)
			check(err)
			k = k.Double(x)
		case "addr", "addr4":
			a, err := netip.ParseAddr(f)
			check(err)
			k = k.Addr(a)
		case "subnet":
			p, err := netip.ParsePrefix(f)
			check(err)
			k = k.Subnet(p)
		case "port":
			num, proto, _ := strings.Cut(f, "/")
			n, err := strconv.ParseUint(num, 10, 16)
			check(err)
			p := map[string]event.Proto{"tcp": event.ProtoTCP, "udp": event.ProtoUDP, "icmp": event.ProtoICMP, "unknown": event.ProtoUnknown}
			k = k.Port(uint16(n), p[proto])
		case "enum":
			n, ok := enums[f]
			if !ok {
				t.Fatalf("no number for %s", f)
			}
			k = k.Enum(n)
		case "table":
			f, _, _ = strings.Cut(f, "=")
			k = k.Only(f)
		default:
			t.Fatalf("unknown type %s", types[i])
		}
	}
	return k
}

func TestSetsAreVisitedInZeeksOrder(t *testing.T) {
	keys := testKeys(t)
	for _, v := range vectors(t, "iteration_order") {
		s := NewSet(keys, func(keys *seed.Keys, x string) uint32 {
			return encode(t, v.Input.Type, x, v.EnumValues).Hash(keys)
		})
		for _, x := range v.Input.Insert {
			s.Add(x)
		}
		for _, x := range v.Input.Delete {
			if !s.Delete(x) {
				t.Errorf("%s: %s was not there", v.ID, x)
			}
		}
		if got := s.Elements(); !slices.Equal(got, v.order(t)) {
			t.Errorf("%s (%s): %q, want %q", v.ID, v.Input.Type, got, v.order(t))
		}
	}
}

func stringSet(keys *seed.Keys, elements []string) *StringSet {
	s := NewStringSet(keys)
	for _, x := range elements {
		s.Add(x)
	}
	return s
}

func TestOperationsGiveZeeksOrder(t *testing.T) {
	keys := testKeys(t)
	for _, v := range vectors(t, "iteration_order_ops") {
		s := NewStringSet(keys)
		if v.Input.Ordered {
			s.Ordered()
		}
		for _, op := range v.Input.Ops {
			switch op[0] {
			case "add":
				s.Add(op[1])
			case "delete":
				s.Delete(op[1])
			case "clear_table":
				s.Clear()
			default:
				t.Fatal(op)
			}
		}
		if got := s.Elements(); !slices.Equal(got, v.order(t)) {
			t.Errorf("%s: %q, want %q", v.ID, got, v.order(t))
		}
	}
	for _, v := range vectors(t, "iteration_order_copy") {
		if got := stringSet(keys, v.Input.SourceInsert).Clone().Elements(); !slices.Equal(got, v.order(t)) {
			t.Errorf("%s: %q, want %q", v.ID, got, v.order(t))
		}
	}
	for _, v := range vectors(t, "iteration_order_union") {
		l, r := stringSet(keys, v.Input.Left), stringSet(keys, v.Input.Right)
		if got := l.Union(r).Elements(); !slices.Equal(got, v.order(t)) {
			t.Errorf("%s: %q, want %q", v.ID, got, v.order(t))
		}
	}
}

func TestKeysHaveZeeksBytes(t *testing.T) {
	keys := map[string]Key{
		`[string "k11", count 1]`:      Key{}.String("k11").Count(1),
		`[addr 10.0.0.1, port 21/tcp]`: Key{}.Addr(netip.MustParseAddr("10.0.0.1")).Port(21, event.ProtoTCP),
		`subnet 10.0.0.0/8`:            Key{}.Subnet(netip.MustParsePrefix("10.0.0.0/8")),
		`Intel::Item indicator 1.2.3.4, type 0, source feedA, desc and url unset, do_notice T, if_in unset`: item{
			indicator: "1.2.3.4", typ: 0, source: "feedA", doNotice: true}.key(nil),
	}
	for _, v := range vectors(t, "key_bytes") {
		var want string
		json.Unmarshal(v.Output, &want)
		if got := hex.EncodeToString(keys[v.Input.Key]); got != want {
			t.Errorf("%s: %s, want %s", v.Input.Key, got, want)
		}
	}
	mapped := netip.MustParsePrefix("::ffff:10.0.0.0/104")
	if got, want := hex.EncodeToString(Key{}.Subnet(mapped)), hex.EncodeToString(keys["subnet 10.0.0.0/8"]); got != want {
		t.Errorf("mapped subnet: %s, want %s", got, want)
	}
}

// item is Intel::Item with the fields of do_notice, those that the vector sets.
type item struct {
	indicator string
	typ       int
	source    string
	doNotice  bool
}

func (it item) key(b Key) Key {
	return b.String(it.indicator).Enum(it.typ).
		String(it.source).Optional(false).Optional(false). // desc, url
		Optional(true).Bool(it.doNotice).                  // has a default
		Optional(false)                                    // if_in
}

func TestIntelSourcesAreInZeeksOrder(t *testing.T) {
	keys := testKeys(t)
	for _, v := range vectors(t, "intel_order") {
		var want struct {
			Items   []string
			Sources string `json:"sources_column"`
		}
		if err := json.Unmarshal(v.Output, &want); err != nil {
			t.Fatal(err)
		}
		meta := NewTable[string, bool](keys, HashString)
		for _, m := range v.Input.Meta {
			meta.Set(m[0].(string), m[1].(bool))
		}
		items := NewSet(keys, func(keys *seed.Keys, it item) uint32 { return it.key(nil).Hash(keys) })
		for source, notice := range meta.All() {
			items.Add(item{v.Input.Indicator, 0, source, notice})
		}
		sub := v.Input.Subnet
		items.Add(item{sub[0].(string), 1, sub[1].(string), sub[2].(bool)})
		var got []string
		sources := NewStringSet(keys)
		for it := range items.All() {
			got = append(got, it.source)
			sources.Add(it.source)
		}
		if !slices.Equal(got, want.Items) {
			t.Errorf("items %q, want %q", got, want.Items)
		}
		if got := strings.Join(sources.Elements(), ","); got != want.Sources {
			t.Errorf("sources %s, want %s", got, want.Sources)
		}
	}
}

func TestTypedSetsAreVisitedInZeeksOrder(t *testing.T) {
	f, err := os.Open("testdata/set_order.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var units []struct {
		Type                  string
		Added, Deleted, Order []string
	}
	if err := json.NewDecoder(z).Decode(&units); err != nil {
		t.Fatal(err)
	}
	// ACTION_EMAIL_ADMIN and ACTION_PAGE are made by scripts that are loaded later.
	enums := map[string]int{"Notice::ACTION_NONE": 0, "Notice::ACTION_LOG": 1, "Notice::ACTION_EMAIL": 2,
		"Notice::ACTION_ALARM": 3, "Notice::ACTION_DROP": 4, "Notice::ACTION_EMAIL_ADMIN": 5, "Notice::ACTION_PAGE": 6}
	keys := testKeys(t)
	for i, u := range units {
		var got []string
		switch u.Type {
		case "string":
			got = play(NewStringSet(keys), u.Added, u.Deleted, func(s string) string { return s }, func(s string) string { return s })
		case "addr":
			got = play(NewAddrSet(keys), u.Added, u.Deleted, netip.MustParseAddr, netip.Addr.String)
		case "subnet":
			got = play(NewSubnetSet(keys), u.Added, u.Deleted, netip.MustParsePrefix, netip.Prefix.String)
		case "count":
			got = play(NewCountSet(keys), u.Added, u.Deleted, func(s string) uint64 {
				n, err := strconv.ParseUint(s, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}, func(n uint64) string { return strconv.FormatUint(n, 10) })
		case "enum":
			got = play(NewEnumSet(keys), u.Added, u.Deleted, func(s string) Enum {
				n, ok := enums[s]
				if !ok {
					t.Fatal(s)
				}
				return Enum{n, s}
			}, func(e Enum) string { return e.Name })
		case "port":
			s := NewSet(keys, func(keys *seed.Keys, x string) uint32 { return encode(t, "port", x, nil).Hash(keys) })
			got = play(s, u.Added, u.Deleted, func(s string) string { return s }, func(s string) string { return s })
		default:
			t.Fatal(u.Type)
		}
		if !slices.Equal(got, u.Order) {
			t.Errorf("%d (%s): %q, want %q", i, u.Type, got, u.Order)
		}
	}
}

func play[K comparable](s *Set[K], added, deleted []string, parse func(string) K, print func(K) string) []string {
	for _, x := range added {
		s.Add(parse(x))
	}
	for _, x := range deleted {
		s.Delete(parse(x))
	}
	var out []string
	for k := range s.All() {
		out = append(out, print(k))
	}
	return out
}

// TestSetsThatShareArraysAreInTheSameOrder: what others have left behind in an
// array doesn't show, and isn't kept.
func TestSetsThatShareArraysAreInTheSameOrder(t *testing.T) {
	keys := seed.Random()
	var slots StringSlots
	var shared [5]StringSet
	var alone [5]*StringSet
	for i := range shared {
		slots.Init(&shared[i], keys)
		alone[i] = NewStringSet(keys)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 20000 {
		i, k := rng.IntN(len(shared)), fmt.Sprint(rng.IntN(3000))
		switch rng.IntN(4) {
		case 0:
			if shared[i].Delete(k) != alone[i].Delete(k) {
				t.Fatalf("Delete(%s)", k)
			}
		case 1, 2:
			if shared[i].Add(k) != alone[i].Add(k) {
				t.Fatalf("Add(%s)", k)
			}
		}
		if n%1000 == 0 {
			if got, want := shared[i].Elements(), alone[i].Elements(); !slices.Equal(got, want) {
				t.Fatalf("elements %q, alone %q", got, want)
			}
		}
		if rng.IntN(4000) == 0 { // another one begins
			slots.Init(&shared[i], keys)
			alone[i] = NewStringSet(keys)
		}
	}
	kept := 0
	for _, arrays := range slots.outgrown.bySize {
		for _, array := range arrays {
			kept += len(array)
			for _, s := range array {
				if s != (slot[string, struct{}]{}) {
					t.Fatalf("an array that waits holds %+v", s)
				}
			}
		}
	}
	if kept == 0 || kept != slots.outgrown.kept || kept > keepOutgrown {
		t.Errorf("%d slots are kept, counted %d", kept, slots.outgrown.kept)
	}
}
