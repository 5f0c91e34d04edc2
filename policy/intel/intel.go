// Package intel is the intelligence framework: indicators of trouble
// (addresses, networks, mail addresses, URLs, hashes, ...) are read from files,
// what is seen in traffic is looked up among them, and hits go to intel.log.
//
// It knows nothing of mail itself; the policies of frameworks/intel/seen, which
// are here too, tell it what they see (Seen). It isn't a feed client: files are
// put in place by others.
//
// Zeek: scripts/base/frameworks/intel/{main,files,input}.zeek,
// scripts/policy/frameworks/intel/**.zeek.
//
//	intel.go    the framework: what is seen, what is a hit
//	types.go    indicators, their metadata, and the bytes by which sets order them
//	store.go    the indicators of a run: insertion, removal, expiry, lookup
//	hooks.go    hooks for other policies
//	log.go      intel.log
//	read.go     the format of indicator files
//	input.go    the files of a run: Intel::read_files
//	seen.go     frameworks/intel/seen but for mail
//	mail.go     frameworks/intel/seen/smtp and smtp-url-extraction
//	notice.go   frameworks/intel/do_notice
//	extras.go   do_expire, removal, whitelist, seen/manage-event-groups
//
// Everything here belongs to one run and one goroutine.
package intel

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/redef"
)

// base is the name of the policy that all others here require.
const base = "base/frameworks/intel"

func init() {
	policy.Register(policy.Policy{
		Name:     base,
		Doc:      "intel.log: indicators from files that were seen in traffic",
		Requires: []string{"base/frameworks/notice", "base/frameworks/files"},
		Load:     load,
	})
}

// Seen is a piece of data that was seen: an address in Host, or anything else
// in Indicator, of type Type.
type Seen struct {
	Indicator string
	Type      Type
	Host      netip.Addr // invalid is unset
	Where     Where
	Node      string // "" is the own node
	// Conn and File tell where it was seen; they may be nil.
	Conn *event.Conn
	File *event.File
	// UID and FUID are taken from them if unset ("").
	UID, FUID string
}

// Match is the event Intel::match. Items are the indicators that were hit, in
// Zeek's order.
type Match struct {
	Seen  *Seen
	Items *dict.Set[*Item]
}

// Framework is the service of this policy.
type Framework struct {
	Log *policy.Stream[Info]
	// Match is raised for every hit; at priority 5 it is logged.
	Match *event.Topic[Match]
	// ReadEntry is called for each indicator of a file, before the first packet;
	// at priority 0 it is inserted.
	ReadEntry *event.Topic[Item]

	ctx   *policy.Context
	files *files.Files
	peer  *redef.String
	full  *redef.Bool

	names  vocabulary
	fields []metaField
	store  store
	input  input

	seenPolicy   *event.Hook[seenArgs]
	extendMatch  *event.Hook[extendArgs]
	itemExpired  *event.Hook[expiredArgs]
	filterItem   *event.Hook[*Item]
	inserted     *event.Hook[indicatorArgs]
	removedHook  *event.Hook[indicatorArgs]
	removedTopic *event.Topic[indicatorArgs]

	disabled map[Type]bool // see extras.go
}

func load(c *policy.Context) error {
	f := &Framework{
		ctx:      c,
		files:    policy.Use[*files.Files](c),
		peer:     c.Options.String("peer_description", "zeek", "names this sensor in logs"),
		full:     c.Options.Bool("Intel::have_full_data", true, "this process holds the metadata of indicators; without it hits are not logged"),
		names:    newVocabulary(),
		disabled: make(map[Type]bool),
	}
	f.initHooks(c.Events.Queue)
	f.initStore()
	f.Log = policy.NewStream(c, "Intel::LOG", "intel", "Intel::log_intel", columns()...)
	q := c.Events.Queue
	f.Match = event.Declare[Match](q, "Intel::match", "s: Intel::Seen", "items: set[Intel::Item]")
	f.ReadEntry = event.Declare[Item](q, "Intel::read_entry", "item: Intel::Item")
	f.removedTopic = event.Declare[indicatorArgs](q, "Intel::remove_indicator", "item: Intel::Item")
	f.removedTopic.Handle(c.Policy(), 0, func(e *indicatorArgs) { f.removedHook.Run(*e) })
	f.Match.Handle(c.Policy(), 5, f.log)
	f.ReadEntry.Handle(c.Policy(), 0, func(item *Item) { f.Insert(*item) })
	f.OnExtendMatch(6, f.addFile)
	f.OnExtendMatch(5, f.addMatch)
	f.initInput()
	policy.Provide(c, f)
	return nil
}

// Wants says whether Seen can have any effect for data of a type. Who has to
// work for what it sees asks first.
func (f *Framework) Wants(t Type) bool {
	return !f.disabled[t] && (f.store.counts[t.Number] > 0 || f.seenPolicy.Used())
}

// Seen looks a piece of data up, and raises Match if it is an indicator.
func (f *Framework) Seen(s Seen) {
	var found bool
	if s.Host.IsValid() {
		found = f.store.hasHost(s.Host)
	} else {
		found = f.store.hasText(s.Indicator, s.Type)
	}
	if !found && !f.seenPolicy.Used() {
		return
	}
	kept := s
	if !f.seenPolicy.Run(seenArgs{&kept, found}) || !found {
		return
	}
	if kept.Host.IsValid() {
		kept.Indicator, kept.Type = policy.FmtAddr(kept.Host), TypeAddr
	}
	if kept.Node == "" {
		kept.Node = f.peer.Get()
	}
	if f.full.Get() {
		f.Match.Enqueue(Match{&kept, f.items(&kept)})
	}
}

// items are the indicators that something seen has hit, in the order of Zeek's
// set: each with each of its sources.
func (f *Framework) items(s *Seen) *dict.Set[*Item] {
	set := dict.NewSet(f.ctx.Keys, f.hashItem)
	add := func(indicator string, t Type, m *metas) {
		for _, meta := range m.All() {
			set.Add(&Item{Indicator: indicator, Type: t, Meta: meta})
		}
	}
	if !s.Host.IsValid() {
		if m, ok := f.store.text.Get(textKey{lower(s.Indicator), s.Type.Number}); ok {
			add(s.Indicator, s.Type, m)
		}
		return set
	}
	if m, ok := f.store.hosts.Get(dict.Addr(s.Host)); ok {
		add(policy.FmtAddr(s.Host), TypeAddr, m)
	}
	// The networks come from another table, into which Zeek puts them from the
	// most specific one on.
	nets := dict.NewTable[netip.Prefix, *metas](f.ctx.Keys, dict.HashPrefix)
	f.store.networks(s.Host, func(p netip.Prefix, m *metas) bool {
		nets.Set(p, m)
		return true
	})
	for p, m := range nets.All() {
		add(subnetText(p), TypeSubnet, m)
	}
	return set
}
