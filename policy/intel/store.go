package intel

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

// metas are what the sources say of one indicator, by source.
type metas struct {
	dict.Table[string, *MetaData]
}

// textKey is the index of the table of indicators that are no addresses.
type textKey struct {
	text string // in lower case
	t    int    // number of the type
}

func hashText(keys *seed.Keys, k textKey) uint32 {
	var b [256]byte
	return dict.Key(b[:0]).String(k.text).Enum(k.t).Hash(keys)
}

// store holds the indicators, Intel::DataStore.
type store struct {
	hosts   *dict.Expiring[netip.Addr, *metas]
	subnets *dict.Expiring[netip.Prefix, *metas]
	text    *dict.Expiring[textKey, *metas]

	// widths are those of the subnets as IPv6 has them (10.0.0.0/8 is 104),
	// falling, and widthCount says how many subnets have each.
	widths     []int
	widthCount [129]int
	counts     []int // indicators by number of type

	option          *redef.Interval // Intel::item_expiration
	expireByDefault bool            // do_expire is loaded
}

// recurring keeps a table's timer coming even if nothing expires: measured
// runs have the timers of the three tables in the heap all the time.
type recurring struct{ policy.Expirer }

// Expires is true.
func (recurring) Expires() bool { return true }

func (f *Framework) initStore() {
	c, s := f.ctx, &f.store
	s.option = c.Options.Interval("Intel::item_expiration", -60, "how long indicators stay that are not inserted again; negative is for ever")
	s.counts = make([]int, len(f.names.types))
	s.hosts = dict.NewExpiring[netip.Addr, *metas](c.Keys, dict.HashAddr, c, dict.WriteExpire, -1)
	s.subnets = dict.NewExpiring[netip.Prefix, *metas](c.Keys, dict.HashPrefix, c, dict.WriteExpire, -1)
	s.text = dict.NewExpiring[textKey, *metas](c.Keys, hashText, c, dict.WriteExpire, -1)
	s.hosts.OnExpire = func(a netip.Addr, m **metas) float64 { return f.expire(policy.FmtAddr(a), TypeAddr, *m) }
	s.subnets.OnExpire = func(p netip.Prefix, m **metas) float64 { return f.expire(subnetText(p), TypeSubnet, *m) }
	s.text.OnExpire = func(k textKey, m **metas) float64 { return f.expire(k.text, f.typeNumbered(k.t), *m) }
	c.Expire(recurring{s.hosts})
	c.Expire(recurring{s.subnets})
	c.Expire(recurring{s.text})
	c.Events.ZeekInit.Handle(c.Policy(), 5, func(*struct{}) {
		e := s.expiration(c.Options)
		s.hosts.Timeout, s.subnets.Timeout, s.text.Timeout = e, e, e
	})
}

// expiration is Intel::item_expiration, for which do_expire has another default.
func (s *store) expiration(o *redef.Registry) float64 {
	if info, _ := o.Lookup(s.option.Name()); s.expireByDefault && info.Origin == (redef.Place{}) {
		return 600
	}
	return s.option.Get()
}

func (f *Framework) typeNumbered(n int) Type {
	for _, t := range f.names.types {
		if t.Number == n {
			return t
		}
	}
	return Type{}
}

// lower is to_lower: ASCII alone.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return string(extract.ToLower([]byte(s)))
		}
	}
	return s
}

func (s *store) hasHost(a netip.Addr) bool {
	if s.hosts.Has(dict.Addr(a)) {
		return true
	}
	found := false
	s.networks(a, func(netip.Prefix, *metas) bool {
		found = true
		return false
	})
	return found
}

func (s *store) hasText(indicator string, t Type) bool {
	return s.counts[t.Number] > 0 && s.text.Has(textKey{lower(indicator), t.Number})
}

// networks visits the subnets that hold an address, the most specific one
// first, until visit returns false. IPv4 addresses are in the IPv6 networks that
// hold the mapped ones.
func (s *store) networks(a netip.Addr, visit func(netip.Prefix, *metas) bool) {
	if len(s.widths) == 0 {
		return
	}
	wide := netip.AddrFrom16(a.As16())
	for _, w := range s.widths {
		p := dict.Prefix(netip.PrefixFrom(wide, w))
		if m, ok := s.subnets.Get(p); ok && !visit(p, m) {
			return
		}
	}
}

// width is that of a subnet in IPv6.
func width(p netip.Prefix) int {
	if p.Addr().Is4() {
		return p.Bits() + 96
	}
	return p.Bits()
}

// countNetwork takes note that a subnet has come (1) or gone (-1).
func (s *store) countNetwork(p netip.Prefix, by int) {
	w := width(p)
	old := s.widthCount[w]
	s.widthCount[w] += by
	switch {
	case old == 0:
		s.widths = append(s.widths, w)
		slices.SortFunc(s.widths, func(a, b int) int { return b - a })
	case s.widthCount[w] == 0:
		s.widths = slices.DeleteFunc(s.widths, func(x int) bool { return x == w })
	}
}

// parseSubnet is to_subnet, but for text behind the number.
func parseSubnet(s string) (netip.Prefix, bool) {
	addr, bits, ok := strings.Cut(strings.TrimSpace(s), "/")
	a, isAddr := extract.ParseAddr([]byte(addr))
	n, err := strconv.ParseUint(bits, 10, 8)
	if !ok || !isAddr || err != nil {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	if int(n) > a.BitLen() {
		return netip.Prefix{}, false
	}
	return dict.Prefix(netip.PrefixFrom(a, int(n))), true
}

// subnetText is a subnet as cat renders it.
func subnetText(p netip.Prefix) string {
	return policy.FmtAddr(p.Addr()) + "/" + strconv.Itoa(p.Bits())
}

// an entry is where an indicator stands in the store.
type entry struct {
	t      Type
	host   netip.Addr
	subnet netip.Prefix
	text   string
}

// entryOf finds the place of an indicator; false if it is no address or subnet
// though its type says so.
func entryOf(indicator string, t Type) (entry, bool) {
	e := entry{t: t}
	ok := true
	switch t {
	case TypeAddr:
		e.host, ok = extract.ParseAddr([]byte(strings.TrimSpace(indicator)))
		e.host = dict.Addr(e.host)
	case TypeSubnet:
		e.subnet, ok = parseSubnet(indicator)
	default:
		e.text = lower(indicator)
	}
	return e, ok
}

// value is the indicator as hooks are told it.
func (e *entry) value() string {
	switch e.t {
	case TypeAddr:
		return policy.FmtAddr(e.host)
	case TypeSubnet:
		return subnetText(e.subnet)
	}
	return e.text
}

func (s *store) get(e *entry) (*metas, bool) {
	switch e.t {
	case TypeAddr:
		return s.hosts.Get(e.host)
	case TypeSubnet:
		return s.subnets.Get(e.subnet)
	}
	return s.text.Get(textKey{e.text, e.t.Number})
}

// set puts an entry in, or makes it young again.
func (s *store) set(e *entry, m *metas) {
	switch e.t {
	case TypeAddr:
		s.hosts.Set(e.host, m)
	case TypeSubnet:
		s.subnets.Set(e.subnet, m)
	default:
		s.text.Set(textKey{e.text, e.t.Number}, m)
	}
}

func (s *store) delete(e *entry) {
	switch e.t {
	case TypeAddr:
		s.hosts.Delete(e.host)
	case TypeSubnet:
		s.subnets.Delete(e.subnet)
		s.countNetwork(e.subnet, -1)
	default:
		s.text.Delete(textKey{e.text, e.t.Number})
	}
	s.counts[e.t.Number]--
}

// Insert puts an indicator in, unless Intel::filter_item is against it. What the
// same source said of it before is replaced; item.Meta is kept.
func (f *Framework) Insert(item Item) {
	if f.filterItem.Used() && !f.filterItem.Run(&item) {
		return
	}
	e, ok := entryOf(item.Indicator, item.Type)
	if !ok {
		// Zeek inserts :: or ::/0 here, which then is found everywhere.
		f.ctx.Error("Intel::insert: %v is no %s", &item, item.Type.Name)
		return
	}
	m, known := f.store.get(&e)
	if !known {
		m = &metas{}
		m.Init(f.ctx.Keys, dict.HashString)
	}
	f.store.set(&e, m)
	m.Set(item.Meta.Source, item.Meta)
	if !known {
		f.store.counts[e.t.Number]++
		if e.t == TypeSubnet {
			f.store.countNetwork(e.subnet, 1)
		}
		if f.inserted.Used() {
			f.inserted.Run(indicatorArgs{e.value(), e.t})
		}
	}
}

// Remove takes back what one source says of an indicator; with the last source,
// or at once with purge, the indicator goes.
func (f *Framework) Remove(item Item, purge bool) {
	e, ok := entryOf(item.Indicator, item.Type)
	var m *metas
	if ok {
		m, ok = f.store.get(&e)
	}
	if !ok {
		f.ctx.Events.ReporterInfo.Enqueue(event.Reporter{
			Time: f.ctx.Now(), Location: base,
			Msg: "Tried to remove non-existing item '" + item.Indicator + "' (" + item.Type.Name + ").",
		})
		return
	}
	if item.Meta != nil {
		m.Delete(item.Meta.Source)
	}
	if purge || m.Len() == 0 {
		f.store.delete(&e)
		f.removedTopic.Enqueue(indicatorArgs{e.value(), e.t})
	}
}

// expire asks Intel::item_expired about an indicator that is too old; unless a
// body breaks it stays.
func (f *Framework) expire(indicator string, t Type, m *metas) (stay float64) {
	set := dict.NewSet(f.ctx.Keys, f.hashMeta)
	for _, meta := range m.All() {
		set.Add(meta)
	}
	if f.itemExpired.Run(expiredArgs{indicator, t, set.Elements()}) {
		return f.store.hosts.Timeout
	}
	f.Remove(Item{Indicator: indicator, Type: t}, true)
	return 0
}
