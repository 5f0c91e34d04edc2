// Package weird is the weird framework, base/frameworks/notice/weird: it
// decides what becomes of the weirds that the engine and policies raise, and
// writes weird.log.
//
// Zeek: scripts/base/frameworks/notice/weird.zeek.
package weird

import (
	"fmt"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/weird",
		Doc:      "weird.log: unusual activity, each kind once per connection in ten minutes",
		Requires: []string{"base/frameworks/notice/main", "base/utils/site"},
		Load:     load,
	})
}

// Info is a record of weird.log, Weird::Info.
type Info struct {
	event.Extension
	TS     float64
	UID    string
	ID     *event.ConnID
	Conn   *event.Conn
	Name   string
	Addl   string // "" is unset
	Notice bool
	Source string // "" is unset
	// Identifier is what a name is limited by; "" means the connection's id.
	Identifier string
}

// Weirds is the service of this policy.
type Weirds struct {
	Log *policy.Stream[Info]

	ctx        *policy.Context
	notices    *notice.Framework
	peer       *redef.String
	actions    *redef.StringEnums
	ignoreHost *redef.AddrStringSet
	repeats    *redef.StringSet

	ignore, didLog, didNotice *dict.Expiring[seen, struct{}]
}

// seen is the key of the tables that silence repetitions.
type seen struct{ name, identifier string }

func hashSeen(keys *seed.Keys, s seen) uint32 {
	return dict.Key(nil).String(s.name).String(s.identifier).Hash(keys)
}

const day = 24 * 3600

func load(c *policy.Context) error {
	o := c.Options
	w := &Weirds{
		ctx:        c,
		notices:    policy.Use[*notice.Framework](c),
		peer:       o.String("peer_description", "zeek", "names this sensor in logs"),
		actions:    o.StringEnums("Weird::actions", "Weird::Action", actionNames, defaultActions, "ACTION_LOG", "what to do with a weird, by its name"),
		ignoreHost: o.AddrStringSet("Weird::ignore_hosts", "hosts and names that are ignored"),
		repeats: o.StringSet("Weird::weird_do_not_ignore_repeats",
			[]string{"bad_IP_checksum", "bad_TCP_checksum", "bad_UDP_checksum", "bad_ICMP_checksum"},
			"weirds that are not silenced for ten minutes after the first"),
	}
	w.notices.DeclareType("Weird::Activity")
	table := func(timeout float64) *dict.Expiring[seen, struct{}] {
		t := dict.NewExpiring[seen, struct{}](c.Keys, hashSeen, c, dict.CreateExpire, timeout)
		c.Expire(t)
		return t
	}
	w.ignore, w.didLog, w.didNotice = table(600), table(day), table(day)
	// Zeek's tables can be filled by options; what is in them from the start
	// expires as if it had come with the first packet.
	for _, t := range []struct {
		table *dict.Expiring[seen, struct{}]
		from  *redef.StringStringSet
	}{
		{w.ignore, o.StringStringSet("Weird::weird_ignore", "weirds and identifiers that are silenced for the first ten minutes")},
		{w.didLog, o.StringStringSet("Weird::did_log", "weirds and identifiers that count as logged for the first day, where an action limits them")},
		{w.didNotice, o.StringStringSet("Weird::did_notice", "weirds and identifiers that count as noticed for the first day, where an action limits them")},
	} {
		c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
			for _, x := range t.from.Get() {
				t.table.Set(seen{x[0], x[1]}, struct{}{})
			}
		})
	}
	w.Log = policy.NewStream(c, "Weird::LOG", "weird", "Weird::log_weird", w.columns()...)
	policy.Provide(c, w)

	ev, name := c.Events, c.Policy()
	ev.ConnWeird.Handle(name, 0, func(e *event.Weird) {
		w.Weird(&Info{TS: c.Now(), Name: e.Name, Conn: e.Conn, Addl: e.Addl, Source: e.Source, Identifier: idString(&e.Conn.ID)})
	})
	ev.FlowWeird.Handle(name, 0, func(e *event.Weird) {
		id := e.Flow // ports are 0
		w.Weird(&Info{TS: c.Now(), Name: e.Name, ID: &id, Addl: e.Addl, Source: e.Source,
			Identifier: fmt.Sprintf("%v -> %v", id.OrigH, id.RespH)})
	})
	ev.NetWeird.Handle(name, 0, func(e *event.Weird) {
		w.Weird(&Info{TS: c.Now(), Name: e.Name, Addl: e.Addl, Source: e.Source})
	})
	ev.FileWeird.Handle(name, 0, func(e *event.Weird) {
		addl := e.File.ID
		if e.Addl != "" {
			addl += ": " + e.Addl
		}
		w.Weird(&Info{TS: c.Now(), Name: e.Name, Addl: addl, Source: e.Source})
	})
	return nil
}

// idString is Zeek's id_string.
func idString(id *event.ConnID) string {
	return fmt.Sprintf("%s:%d > %s:%d", policy.FmtAddr(id.OrigH), id.OrigP, policy.FmtAddr(id.RespH), id.RespP)
}

// Weird logs a weird unless it is ignored or was logged lately: the function
// Weird::weird.
func (w *Weirds) Weird(i *Info) {
	action := w.actions.Get(i.Name)
	identifier := i.Identifier
	if identifier == "" && i.ID != nil {
		identifier = idString(i.ID)
	}
	key := seen{i.Name, identifier}
	if action == "ACTION_IGNORE" || w.ignore.Has(key) {
		return
	}
	if i.Conn != nil {
		i.UID = i.Conn.UID
		id := i.Conn.ID
		i.ID = &id
	}
	if i.ID != nil && (w.ignoreHost.Has(i.ID.OrigH, i.Name) || w.ignoreHost.Has(i.ID.RespH, i.Name)) {
		return
	}
	if l := limits[action]; l.limiting {
		table, limit := w.didLog, seen{i.Name, identifier}
		if l.notice {
			table = w.didNotice
		}
		switch {
		case l.perOrig && i.ID != nil:
			limit.identifier = i.ID.OrigH.String()
		case l.once:
			limit.identifier = ""
		}
		if table.Has(limit) {
			return
		}
		table.Set(limit, struct{}{})
	}
	if limits[action].notice {
		i.Notice = true
		n := &notice.Notice{Note: "Weird::Activity", Msg: i.Name, Sub: i.Addl, Conn: i.Conn}
		if i.Conn == nil {
			n.UID, n.ID = i.UID, i.ID
		}
		w.notices.Raise(n)
	}
	if !w.repeats.Has(i.Name) {
		w.ignore.Set(key, struct{}{})
	}
	w.Log.Write(i)
}

// limit says what an action does besides logging.
type limit struct{ limiting, notice, perOrig, once bool }

var limits = map[string]limit{
	"ACTION_LOG_ONCE":        {limiting: true, once: true},
	"ACTION_LOG_PER_CONN":    {limiting: true},
	"ACTION_LOG_PER_ORIG":    {limiting: true, perOrig: true},
	"ACTION_NOTICE":          {notice: true},
	"ACTION_NOTICE_ONCE":     {limiting: true, notice: true, once: true},
	"ACTION_NOTICE_PER_CONN": {limiting: true, notice: true},
	"ACTION_NOTICE_PER_ORIG": {limiting: true, notice: true, perOrig: true},
}

var actionNames = []string{
	"ACTION_UNSPECIFIED", "ACTION_IGNORE", "ACTION_LOG", "ACTION_LOG_ONCE", "ACTION_LOG_PER_CONN",
	"ACTION_LOG_PER_ORIG", "ACTION_NOTICE", "ACTION_NOTICE_ONCE", "ACTION_NOTICE_PER_CONN", "ACTION_NOTICE_PER_ORIG",
}

// defaultActions are those of Zeek's table that differ from ACTION_LOG, of the
// weirds that gzeek can raise.
var defaultActions = map[string]string{
	"unsolicited_SYN_response": "ACTION_IGNORE",
	"FIN_after_reset":          "ACTION_IGNORE",
	"spontaneous_FIN":          "ACTION_IGNORE",
	"spontaneous_RST":          "ACTION_IGNORE",

	"bad_ICMP_checksum":             "ACTION_LOG_PER_ORIG",
	"bad_IP_checksum":               "ACTION_LOG_PER_ORIG",
	"bad_TCP_checksum":              "ACTION_LOG_PER_ORIG",
	"bad_UDP_checksum":              "ACTION_LOG_PER_ORIG",
	"connection_originator_SYN_ack": "ACTION_LOG_PER_ORIG",
	"SYN_with_data":                 "ACTION_LOG_PER_ORIG",
	"UDP_datagram_length_mismatch":  "ACTION_LOG_PER_ORIG",
	"excessively_small_fragment":    "ACTION_LOG_PER_ORIG",
	"fragment_inconsistency":        "ACTION_LOG_PER_ORIG",
	"fragment_overlap":              "ACTION_LOG_PER_ORIG",
	"fragment_size_inconsistency":   "ACTION_LOG_PER_ORIG",

	"simultaneous_open":                        "ACTION_LOG_PER_CONN",
	"smtp_mail_transaction_invalid":            "ACTION_LOG_PER_CONN",
	"smtp_excessive_invalid_mail_transactions": "ACTION_LOG_PER_CONN",

	"FIN_storm":         "ACTION_NOTICE_PER_ORIG",
	"SYN_after_partial": "ACTION_NOTICE_PER_ORIG",
}

func (w *Weirds) columns() []policy.Column[Info] {
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.Text("uid", func(i *Info) string { return i.UID }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return i.ID })...)
	return append(cols,
		policy.Text("name", func(i *Info) string { return i.Name }),
		policy.Text("addl", func(i *Info) string { return i.Addl }),
		policy.Bool("notice", func(i *Info) (bool, bool) { return i.Notice, true }),
		policy.Text("peer", func(*Info) string { return w.peer.Get() }),
		policy.Text("source", func(i *Info) string { return i.Source }),
	)
}
