// Package dumpevents is misc/dump-events: it writes what policies see, one row
// an event with its arguments, to events.log.
package dumpevents

import (
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name: "misc/dump-events",
		Doc:  "events.log: every event with its arguments, as policies see them",
		Load: load,
	})
}

// Info is a record of events.log. UID is "" for events without a connection.
type Info struct {
	TS   float64
	UID  string
	Name string
	Args []arg
}

// arg is an argument, borrowed from its event.
type arg struct {
	s string
	b []byte
}

type dump struct {
	ctx         *policy.Context
	log         *policy.Stream[Info]
	include     *redef.Pattern
	includeArgs *redef.Bool
	rec         Info
	args        [6]arg
}

func load(c *policy.Context) error {
	d := &dump{
		ctx:         c,
		include:     c.Options.Pattern("DumpEvents::include", "/.*/", "only events whose name matches"),
		includeArgs: c.Options.Bool("DumpEvents::include_args", true, "show the arguments"),
	}
	d.log = policy.NewStream(c, "Events::LOG", "events", "Events::log_events",
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.Text("uid", func(i *Info) string { return i.UID }),
		policy.String("name", func(i *Info) (string, bool) { return i.Name, true }),
		policy.Column[Info]{Name: "args", Type: zeeklog.VectorOf(zeeklog.String), Get: func(i *Info, v *zeeklog.Value) {
			v.SetEmptyVector()
			for _, a := range i.Args {
				if a.b != nil {
					v.AppendElem().SetBytes(a.b)
				} else {
					v.AppendElem().SetString(a.s)
				}
			}
		}},
	)
	d.register(c.Policy(), c.Events)
	return nil
}

// put writes one row. The arguments are in d.args.
func (d *dump) put(uid, name string, n int) {
	if !d.include.Get().MatchExactly([]byte(name)) {
		return
	}
	if !d.includeArgs.Get() {
		n = 0
	}
	d.rec = Info{TS: d.ctx.Now(), UID: uid, Name: name, Args: d.args[:n]}
	d.log.Write(&d.rec)
}

func (d *dump) str(i int, s string)   { d.args[i] = arg{s: s} }
func (d *dump) bytes(i int, b []byte) { d.args[i] = arg{s: "", b: b} }
func (d *dump) count(i int, n uint64) { d.args[i] = arg{s: strconv.FormatUint(n, 10)} }
func (d *dump) bool(i int, b bool) {
	s := "F"
	if b {
		s = "T"
	}
	d.args[i] = arg{s: s}
}

func (d *dump) register(policy string, ev *event.Events) {
	for _, t := range []*event.Topic[event.ConnEvent]{
		ev.NewConnection, ev.ConnectionAttempt, ev.ConnectionEstablished, ev.PartialConnection,
		ev.ConnectionPartialClose, ev.ConnectionFinished, ev.ConnectionHalfFinished, ev.ConnectionRejected,
		ev.ConnectionReset, ev.ConnectionPending, ev.ConnectionTimeout, ev.ConnectionStateRemove,
		ev.SMTPStartTLS, ev.MIMEBeginEntity, ev.MIMEEndEntity,
	} {
		t.Handle(policy, 0, func(e *event.ConnEvent) { d.put(e.Conn.UID, t.Name(), 0) })
	}
	ev.ContentGap.Handle(policy, 0, func(e *event.ContentGap) {
		d.bool(0, e.IsOrig)
		d.count(1, e.Seq)
		d.count(2, e.Length)
		d.put(e.Conn.UID, "content_gap", 3)
	})
	ev.SMTPRequest.Handle(policy, 0, func(e *event.SMTPRequest) {
		d.bool(0, e.IsOrig)
		d.str(1, e.Command)
		d.bytes(2, e.Arg)
		d.put(e.Conn.UID, "smtp_request", 3)
	})
	ev.SMTPReply.Handle(policy, 0, func(e *event.SMTPReply) {
		d.bool(0, e.IsOrig)
		d.count(1, e.Code)
		d.str(2, e.Cmd)
		d.bytes(3, e.Msg)
		d.bool(4, e.ContResp)
		d.put(e.Conn.UID, "smtp_reply", 5)
	})
	ev.SMTPData.Handle(policy, 0, func(e *event.SMTPData) {
		d.bool(0, e.IsOrig)
		d.bytes(1, e.Data)
		d.put(e.Conn.UID, "smtp_data", 2)
	})
	ev.SMTPUnexpected.Handle(policy, 0, func(e *event.SMTPUnexpected) {
		d.bool(0, e.IsOrig)
		d.str(1, e.Msg)
		d.bytes(2, e.Detail)
		d.put(e.Conn.UID, "smtp_unexpected", 3)
	})
	ev.MIMEOneHeader.Handle(policy, 0, func(e *event.MIMEOneHeader) {
		d.bytes(0, e.Header.OriginalName)
		d.bytes(1, e.Header.Name)
		d.bytes(2, e.Header.Value)
		d.put(e.Conn.UID, "mime_one_header", 3)
	})
	ev.MIMEAllHeaders.Handle(policy, 0, func(e *event.MIMEAllHeaders) {
		d.count(0, uint64(len(e.Headers)))
		d.put(e.Conn.UID, "mime_all_headers", 1)
	})
	for _, t := range []*event.Topic[event.FileEvent]{ev.FileNew, ev.FileTimeout} {
		t.Handle(policy, 0, func(e *event.FileEvent) {
			d.str(0, e.File.ID)
			d.put("", t.Name(), 1)
		})
	}
	ev.FileOverNewConnection.Handle(policy, 0, func(e *event.FileOverNewConnection) {
		d.str(0, e.File.ID)
		d.bool(1, e.IsOrig)
		d.put(e.Conn.UID, "file_over_new_connection", 2)
	})
	ev.FileSniff.Handle(policy, 0, func(e *event.FileSniff) {
		d.str(0, e.File.ID)
		d.str(1, e.Meta.MIMEType)
		d.put("", "file_sniff", 2)
	})
	ev.FileGap.Handle(policy, 0, func(e *event.FileGap) {
		d.str(0, e.File.ID)
		d.count(1, e.Offset)
		d.count(2, e.Len)
		d.put("", "file_gap", 3)
	})
	ev.FileStateRemove.Handle(policy, 0, func(e *event.FileEvent) {
		d.str(0, e.File.ID)
		d.count(1, e.File.SeenBytes)
		d.put("", "file_state_remove", 2)
	})
}
