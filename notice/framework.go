package notice

import (
	"fmt"
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/main",
		Doc:      "the notice framework: NOTICE, suppression, notice.log, mails",
		Requires: []string{"base/utils/site"},
		Load:     load,
	})
	// The parts stand in the order in which Zeek loads them; it numbers the
	// types and arms the timers of tables.
	policy.Register(policy.Policy{
		Name: "base/frameworks/notice",
		Doc:  "the notice framework and its actions; weird.log",
		Requires: []string{
			"base/frameworks/notice/main",
			"base/frameworks/notice/weird",
			"base/frameworks/notice/actions/email_admin",
			"base/frameworks/notice/actions/page",
			"base/frameworks/notice/actions/add-geodata",
			"base/frameworks/notice/actions/pp-alarms",
		},
		Load: func(*policy.Context) error { return nil },
	})
}

// Framework is the notice framework of a run, the service that other policies
// use.
type Framework struct {
	// Log is notice.log, whose event is Notice::log_notice. Columns are added
	// by AddColumn, which knows notice_alarm.log too.
	Log    *policy.Stream[Notice]
	Alarms *policy.Stream[Notice]

	// Slots hands out the fields that other policies add to Notice.
	Slots event.Slots

	// BeginSuppression and Suppressed are the events of that name; who
	// enqueues the former has a notice suppressed without having raised it.
	BeginSuppression *event.Topic[Suppression]
	Suppressed       *event.Topic[Suppressed]
	// Drop is raised for a notice with ACTION_DROP. Zeek hands such a notice to
	// NetControl; gzeek controls no network and leaves it to whoever listens.
	Drop *event.Topic[Dropped]

	ctx     *policy.Context
	site    *site.Site
	opt     options
	types   *redef.EnumType
	actions int // how many are declared

	suppressing         *suppressing
	policyHook, actHook *event.Hook[*Notice]
	mail                *mailer
	delayed             *event.Topic[delayedMail]
	lookupName          func(netip.Addr) string
}

// Dropped is the event Notice::drop.
type Dropped struct{ Notice *Notice }

func load(c *policy.Context) error {
	f := &Framework{
		ctx:        c,
		site:       policy.Use[*site.Site](c),
		actions:    baseActions,
		lookupName: lookupName,
		policyHook: event.NewHook[*Notice](c.Events.Queue, "Notice::policy"),
		actHook:    event.NewHook[*Notice](c.Events.Queue, "Notice::notice"),
	}
	f.declareOptions(c.Options)
	f.suppressing = newSuppressing(f)
	f.Drop = event.Declare[Dropped](c.Events.Queue, "Notice::drop", "n: Notice::Info")
	f.Log = policy.NewStream(c, "Notice::LOG", "notice", "Notice::log_notice", columns()...)
	f.Alarms = policy.NewStream(c, "Notice::ALARM_LOG", "notice_alarm", "", columns()...)
	loadMail(f)
	loadRawAlarmMail(f)

	f.OnPolicy(10, f.basePolicy)
	f.OnNotice(0, func(n *Notice) bool {
		if n.HasAction(ActionEmail) {
			n.EmailDest.Add(f.opt.mailDest.Get())
		}
		return true
	})
	f.OnNotice(-5, func(n *Notice) bool { f.conclude(n); return true })
	policy.Provide(c, f)
	return nil
}

// DeclareType adds a value to Notice::Type (redef enum Notice::Type += { ... }),
// at the end, and makes it a value for options. Policies do so when they are
// loaded.
func (f *Framework) DeclareType(name string) Type {
	f.types.Add(name)
	return name
}

// DeclareAction adds a value to Notice::Action.
func (f *Framework) DeclareAction(name string) Action {
	a := Action{Number: f.actions, Name: name}
	f.actions++
	return a
}

// number is the number of a type, which it takes from the order of declaration.
func (f *Framework) number(t Type) int {
	n, ok := f.types.Number(t)
	if !ok {
		panic(event.ScriptError{Msg: fmt.Sprintf("unknown notice type %s", t)})
	}
	return n
}

// AddColumn adds a column to notice.log and notice_alarm.log (redef record
// Notice::Info += { ... &log }), while policies are loaded.
func (f *Framework) AddColumn(col policy.Column[Notice]) {
	f.Log.AddColumn(col)
	f.Alarms.AddColumn(col)
}

// OnPolicy adds a body to the hook Notice::policy: it may change the notice and
// its actions. False is break: lower bodies don't run.
func (f *Framework) OnPolicy(priority int, body func(n *Notice) bool) {
	f.policyHook.Add(f.ctx.Policy(), priority, body)
}

// OnNotice adds a body to the hook Notice::notice, which carries out actions.
// The logs are written and mails sent at priority -5.
func (f *Framework) OnNotice(priority int, body func(n *Notice) bool) {
	f.actHook.Add(f.ctx.Policy(), priority, body)
}

// Raise is NOTICE: it runs the notice through suppression, policy and actions
// before it returns. The framework keeps n; the caller must not use it for
// another notice.
func (f *Framework) Raise(n *Notice) {
	f.number(n.Note) // a type that was never declared ends the caller's body
	if f.suppressing.has(n) {
		f.Suppressed.Enqueue(Suppressed{n})
		return
	}
	f.applyPolicy(n)
	f.actHook.Run(n)
}

// Suppresses says whether a notice would be suppressed now:
// Notice::is_being_suppressed, without its event.
func (f *Framework) Suppresses(n *Notice) bool { return f.suppressing.has(n) }

// applyPolicy fills in what the notice doesn't say itself, and runs the hook
// Notice::policy.
func (f *Framework) applyPolicy(n *Notice) {
	if n.TS == 0 {
		n.TS = f.ctx.Now()
	}
	if n.File != nil {
		f.fillFromFile(n)
	}
	if n.Conn != nil {
		if n.ID == nil {
			id := n.Conn.ID
			n.ID = &id
		}
		if n.UID == "" {
			n.UID = n.Conn.UID
		}
	}
	if n.ID != nil {
		if !n.Src.IsValid() {
			n.Src = n.ID.OrigH
		}
		if !n.Dst.IsValid() {
			n.Dst = n.ID.RespH
		}
		if n.P == nil {
			n.P = &Port{n.ID.RespP, n.ID.Proto}
		}
	}
	if n.P != nil {
		n.Proto = &n.P.Proto
	}
	if n.Actions == nil {
		n.Actions = dict.NewEnumSet(f.ctx.Keys)
	}
	if n.EmailDest == nil {
		n.EmailDest = dict.NewStringSet(f.ctx.Keys)
	}
	if n.EmailDelayTokens == nil {
		n.EmailDelayTokens = dict.NewStringSet(f.ctx.Keys)
	}
	if n.SuppressFor == nil {
		seconds := f.opt.suppressionInterval.Get()
		n.SuppressFor = &seconds
	}
	f.policyHook.Run(n)
}

// fillFromFile is Notice::populate_file_info: the description, and the
// connection of a file that has one, replace what the notice says.
func (f *Framework) fillFromFile(n *Notice) {
	if n.FUID == "" {
		n.FUID = n.File.ID
	}
	desc := ""
	if p, ok := policy.Lookup[*files.Files](f.ctx); ok {
		desc = p.Describe(n.File)
		if n.FileMIMEType == "" {
			n.FileMIMEType = p.Info(n.File).MIMEType
		}
	}
	n.FileDesc = &desc
	if len(n.File.Conns) > 0 {
		// Any of them is good enough for Zeek.
		id := n.File.Conns[0].ID
		n.ID, n.UID = &id, n.File.Conns[0].UID
	}
}

// basePolicy applies the options. An ignored type ends the hook, so that it has
// no action at all, not even ACTION_LOG; it is suppressed like any other.
func (f *Framework) basePolicy(n *Notice) bool {
	o := &f.opt
	if o.ignored.Has(n.Note) {
		return false
	}
	if o.notSuppressed.Has(n.Note) {
		*n.SuppressFor = 0
	}
	if o.alarmed.Has(n.Note) {
		n.Actions.Add(ActionAlarm)
	}
	if o.emailed.Has(n.Note) {
		n.Actions.Add(ActionEmail)
	}
	if seconds, ok := o.suppressionIntervals.Lookup(n.Note); ok {
		*n.SuppressFor = seconds
	}
	n.Actions.Add(ActionLog)
	return true
}

// conclude sends mails, writes the logs and begins suppression.
func (f *Framework) conclude(n *Notice) {
	for _, dest := range n.EmailDest.Elements() {
		f.EmailTo(n, dest, true)
	}
	if n.HasAction(ActionLog) {
		f.Log.Write(n)
	}
	if n.HasAction(ActionAlarm) {
		f.Alarms.Write(n)
	}
	if n.HasAction(ActionDrop) {
		f.Drop.Enqueue(Dropped{n})
	}
	f.suppressing.begin(n)
}
