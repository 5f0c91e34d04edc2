package intel

import (
	"fmt"
	"runtime/debug"
	"slices"

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

func (f *Framework) initHooks(e *event.Events) {
	f.seenPolicy.init("Intel::seen_policy", e)
	f.extendMatch.init("Intel::extend_match", e)
	f.itemExpired.init("Intel::item_expired", e)
	f.filterItem.init("Intel::filter_item", e)
	f.inserted.init("Intel::indicator_inserted", e)
	f.removedHook.init("Intel::indicator_removed", e)
}

// OnSeenPolicy adds a body to the hook Intel::seen_policy. It hears of all that
// is seen and whether that is an indicator, and may change it; false suppresses
// the match. Host and Indicator are as they were given.
func (f *Framework) OnSeenPolicy(priority int, body func(s *Seen, found bool) bool) {
	f.seenPolicy.add(f.ctx.Policy(), priority, func(a seenArgs) bool { return body(a.s, a.found) })
}

// OnExtendMatch adds a body to the hook Intel::extend_match, which fills in the
// record of intel.log: its own fields at priority 5, those of files at 6. False
// means that the match is not logged.
func (f *Framework) OnExtendMatch(priority int, body func(info *Info, s *Seen, items *dict.Set[*Item]) bool) {
	f.extendMatch.add(f.ctx.Policy(), priority, func(a extendArgs) bool { return body(a.info, a.s, a.items) })
}

// OnItemExpired adds a body to the hook Intel::item_expired. If none returns
// false, the indicator stays for another Intel::item_expiration.
func (f *Framework) OnItemExpired(priority int, body func(indicator string, t Type, metas []*MetaData) bool) {
	f.itemExpired.add(f.ctx.Policy(), priority, func(a expiredArgs) bool { return body(a.indicator, a.t, a.metas) })
}

// OnFilterItem adds a body to the hook Intel::filter_item; false keeps an item
// from being inserted.
func (f *Framework) OnFilterItem(priority int, body func(*Item) bool) {
	f.filterItem.add(f.ctx.Policy(), priority, body)
}

// OnInserted adds a body to the hook Intel::indicator_inserted.
func (f *Framework) OnInserted(priority int, body func(value string, t Type)) {
	f.inserted.add(f.ctx.Policy(), priority, func(a indicatorArgs) bool { body(a.value, a.t); return true })
}

// OnRemoved adds a body to the hook Intel::indicator_removed, which runs some
// time after the removal.
func (f *Framework) OnRemoved(priority int, body func(value string, t Type)) {
	f.removedHook.add(f.ctx.Policy(), priority, func(a indicatorArgs) bool { body(a.value, a.t); return true })
}

// hook is a hook of Zeek with parameters A.
type hook[A any] struct {
	name   string
	events *event.Events
	bodies []hookBody[A]
}

type hookBody[A any] struct {
	policy   string
	priority int
	fn       func(A) bool
}

func (h *hook[A]) init(name string, e *event.Events) { h.name, h.events = name, e }

func (h *hook[A]) used() bool { return len(h.bodies) > 0 }

// add keeps bodies by falling priority, equal ones in the order of registration.
func (h *hook[A]) add(policy string, priority int, fn func(A) bool) {
	i := len(h.bodies)
	for i > 0 && h.bodies[i-1].priority < priority {
		i--
	}
	h.bodies = slices.Insert(h.bodies, i, hookBody[A]{policy, priority, fn})
}

// run runs the bodies until one breaks, and says whether none did.
func (h *hook[A]) run(a A) bool {
	for i := range h.bodies {
		if !h.invoke(&h.bodies[i], a) {
			return false
		}
	}
	return true
}

// invoke runs one body. An error ends that body only and is no break (Func.cc,
// ScriptFunc::Invoke).
func (h *hook[A]) invoke(b *hookBody[A], a A) (goOn bool) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		goOn = true
		e := event.HandlerError{Event: h.name, Policy: b.policy}
		if se, ok := r.(event.ScriptError); ok {
			e.Err = se
		} else {
			e.Err, e.Stack = fmt.Errorf("panic: %v", r), debug.Stack()
		}
		if h.events.OnError == nil {
			panic(e)
		}
		h.events.OnError(e)
	}()
	return b.fn(a)
}
