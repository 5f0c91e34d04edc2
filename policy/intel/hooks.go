package intel

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
)

type (
	seenArgs struct {
		s     *Seen
		found bool
	}
	extendArgs struct {
		info  *Info
		s     *Seen
		items *dict.Set[*Item]
	}
	expiredArgs struct {
		indicator string
		t         Type
		metas     []*MetaData
	}
	indicatorArgs struct {
		value string
		t     Type
	}
)

func (f *Framework) initHooks(q *event.Queue) {
	f.seenPolicy = event.NewHook[seenArgs](q, "Intel::seen_policy")
	f.extendMatch = event.NewHook[extendArgs](q, "Intel::extend_match")
	f.itemExpired = event.NewHook[expiredArgs](q, "Intel::item_expired")
	f.filterItem = event.NewHook[*Item](q, "Intel::filter_item")
	f.inserted = event.NewHook[indicatorArgs](q, "Intel::indicator_inserted")
	f.removedHook = event.NewHook[indicatorArgs](q, "Intel::indicator_removed")
}

// OnSeenPolicy adds a body to the hook Intel::seen_policy. It hears of all that
// is seen and whether that is an indicator, and may change it; false suppresses
// the match. Host and Indicator are as they were given.
func (f *Framework) OnSeenPolicy(priority int, body func(s *Seen, found bool) bool) {
	f.seenPolicy.Add(f.ctx.Policy(), priority, func(a seenArgs) bool { return body(a.s, a.found) })
}

// OnExtendMatch adds a body to the hook Intel::extend_match, which fills in the
// record of intel.log: its own fields at priority 5, those of files at 6. False
// means that the match is not logged.
func (f *Framework) OnExtendMatch(priority int, body func(info *Info, s *Seen, items *dict.Set[*Item]) bool) {
	f.extendMatch.Add(f.ctx.Policy(), priority, func(a extendArgs) bool { return body(a.info, a.s, a.items) })
}

// OnItemExpired adds a body to the hook Intel::item_expired. If none returns
// false, the indicator stays for another Intel::item_expiration.
func (f *Framework) OnItemExpired(priority int, body func(indicator string, t Type, metas []*MetaData) bool) {
	f.itemExpired.Add(f.ctx.Policy(), priority, func(a expiredArgs) bool { return body(a.indicator, a.t, a.metas) })
}

// OnFilterItem adds a body to the hook Intel::filter_item; false keeps an item
// from being inserted.
func (f *Framework) OnFilterItem(priority int, body func(*Item) bool) {
	f.filterItem.Add(f.ctx.Policy(), priority, body)
}

// OnInserted adds a body to the hook Intel::indicator_inserted.
func (f *Framework) OnInserted(priority int, body func(value string, t Type)) {
	f.inserted.Add(f.ctx.Policy(), priority, func(a indicatorArgs) bool { body(a.value, a.t); return true })
}

// OnRemoved adds a body to the hook Intel::indicator_removed, which runs some
// time after the removal.
func (f *Framework) OnRemoved(priority int, body func(value string, t Type)) {
	f.removedHook.Add(f.ctx.Policy(), priority, func(a indicatorArgs) bool { body(a.value, a.t); return true })
}
