package intel

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	extra := func(name, doc string, load func(*policy.Context, *Framework), requires ...string) {
		policy.Register(policy.Policy{
			Name: "frameworks/intel/" + name, Doc: doc, Requires: append([]string{base}, requires...),
			Load: func(c *policy.Context) error {
				load(c, policy.Use[*Framework](c))
				return nil
			},
		})
	}
	extra("do_expire", "indicators go when Intel::item_expiration is over", func(_ *policy.Context, f *Framework) {
		f.store.expireByDefault = true
		f.OnItemExpired(-10, func(string, Type, []*MetaData) bool { return false })
	})
	extra("removal", "indicators with meta.remove are taken back", func(_ *policy.Context, f *Framework) {
		remove := f.AddMetaBool("remove")
		f.OnFilterItem(0, func(item *Item) bool {
			if remove.Get(item.Meta) {
				f.Remove(*item, false)
				return false
			}
			return true
		})
	})
	extra("whitelist", "indicators with meta.whitelist are not logged", func(_ *policy.Context, f *Framework) {
		whitelist := f.AddMetaBool("whitelist")
		f.OnExtendMatch(9, func(_ *Info, _ *Seen, items *dict.Set[*Item]) bool {
			for item := range items.All() {
				if whitelist.Get(item.Meta) {
					return false
				}
			}
			return true
		})
	})
	extra("seen/manage-event-groups", "nothing is looked up of types without indicators", loadGroups, "frameworks/intel/seen")
}

// loadGroups turns the handlers of a type on with its first indicator and off
// with its last. Hooks then don't hear of what no indicator can match.
func loadGroups(c *policy.Context, f *Framework) {
	manage := c.Options.Bool("Intel::manage_seen_event_groups", true, "turn lookups off for types without indicators")
	counts := make(map[Type]int)
	c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
		if !manage.Get() {
			return
		}
		for _, t := range f.names.types {
			f.disabled[t] = true
		}
	})
	f.OnInserted(0, func(_ string, t Type) {
		if counts[t]++; counts[t] == 1 && manage.Get() {
			delete(f.disabled, t)
		}
	})
	f.OnRemoved(0, func(_ string, t Type) {
		if counts[t]--; counts[t] == 0 && manage.Get() {
			f.disabled[t] = true
		}
	})
}
