package policy_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/engine/enginetest"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/conn"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

// A submission with several mails, and a small one.
const (
	submission = "../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"
	threeMails = "../testdata/baselines/dialog-path-several/input.pcap"
)

// runCapture loads policies beside the default ones and reads a capture, as
// gzeek -r does. It returns the logs by name.
func runCapture(capture string, args ...string) map[string]string {
	run := enginetest.Run{Captures: []string{capture}}
	for _, a := range args {
		if redef.IsSetting(a) {
			run.Settings = append(run.Settings, a)
		} else {
			run.Policies = append(run.Policies, a)
		}
	}
	res, err := run.Do()
	policy.Forget("example/")
	if err != nil {
		fmt.Println(err)
		return nil
	}
	return res.Logs
}

// A handler runs for each event of its kind: higher priorities first, equal ones
// in the order in which policies were loaded.
func Example_events() {
	policy.Register(policy.Policy{
		Name: "example/events",
		Doc:  "prints what clients ask for",
		API:  1,
		Load: func(c *policy.Context) error {
			c.Events.SMTPRequest.Handle(c.Policy(), 0, func(e *event.SMTPRequest) {
				fmt.Println(strings.TrimSpace(e.Command + " " + string(e.Arg)))
			})
			c.Events.SMTPRequest.Handle(c.Policy(), 10, func(e *event.SMTPRequest) {
				if e.Command == "MAIL" {
					fmt.Print("first: ")
				}
			})
			return nil
		},
	})
	runCapture("../testdata/baselines/R-postfix-helo/input.pcap", "example/events")
	// Output:
	// HELO pc10.example.com
	// first: MAIL FROM:<sender@example.com>
	// RCPT TO:<anna@example.net>
	// DATA
	// . .
	// QUIT
}

// What a policy keeps for a connection stands in a slot of it (redef record
// connection += { ... }), and goes with it. A finish hook is called when the
// connection ends, before it is logged.
func Example_connectionState() {
	policy.Register(policy.Policy{
		Name:     "example/commands",
		Doc:      "counts commands by connection",
		API:      1,
		Requires: []string{"base/protocols/conn/removal-hooks"},
		Load: func(c *policy.Context) error {
			count := event.NewSlot[*int](&c.Events.ConnSlots)
			removal := policy.Use[*conn.Removal](c)
			c.Events.SMTPRequest.Handle(c.Policy(), 0, func(e *event.SMTPRequest) {
				n, ok := count.Get(e.Conn)
				if !ok {
					n = new(int)
					count.Set(e.Conn, n)
					removal.Register(e.Conn, func(c *event.Conn) {
						fmt.Println(c.ID.RespH, "got", *n, "commands")
					})
				}
				*n++
			})
			return nil
		},
	})
	runCapture(submission, "example/commands")
	// Output:
	// 10.20.2.25 got 13 commands
	// 10.20.5.25 got 6 commands
}

// A column is added to the log of another policy, like redef record SMTP::Info
// += { words: count &log &optional }.
func Example_column() {
	policy.Register(policy.Policy{
		Name:     "example/column",
		Doc:      "how many words a subject has",
		API:      1,
		Requires: []string{"base/protocols/smtp"},
		Load: func(c *policy.Context) error {
			mail := policy.Use[*smtp.SMTP](c)
			mail.Log.AddColumn(policy.Count("words", func(i *smtp.Info) (uint64, bool) {
				return uint64(len(strings.Fields(i.Subject.Value))), i.Subject.Set
			}))
			return nil
		},
	})
	logs := runCapture(threeMails, "example/column")
	fmt.Print(enginetest.Columns(logs["smtp"], "subject", "words"))
	// Output:
	// between 1
	// meeting update 2
	// notes notes meeting review against silver between 7
}

// A log of one's own: its records have a Go type.
func Example_stream() {
	type info struct {
		ts   float64
		conn *event.Conn
		code uint64
	}
	policy.Register(policy.Policy{
		Name: "example/stream",
		Doc:  "replies.log: the replies of servers that close",
		API:  1,
		Load: func(c *policy.Context) error {
			log := policy.NewStream(c, "Replies::LOG", "replies", "Replies::log_replies",
				policy.Time("ts", func(i *info) float64 { return i.ts }),
				policy.Text("uid", func(i *info) string { return i.conn.UID }),
				policy.Count("code", func(i *info) (uint64, bool) { return i.code, true }),
			)
			c.Events.SMTPReply.Handle(c.Policy(), 0, func(e *event.SMTPReply) {
				if e.Code == 221 {
					log.Write(&info{c.Now(), e.Conn, e.Code})
				}
			})
			return nil
		},
	})
	fmt.Print(runCapture(submission, "example/stream")["replies"])
	// Output:
	// #separator \x09
	// #set_separator	,
	// #empty_field	(empty)
	// #unset_field	-
	// #path	replies
	// #fields	ts	uid	code
	// #types	time	string	count
	// 1795493738.254943	CRdT6w4PA64qWKmBk3	221
}

// Options have a Zeek name, a type, a default and a doc. They are set on the
// command line and in TOML; handlers read them with Get.
func Example_options() {
	policy.Register(policy.Policy{
		Name: "example/options",
		Doc:  "says what its options are",
		API:  1,
		Load: func(c *policy.Context) error {
			limit := c.Options.Count("Example::limit", 5, "a number").Check(func(n uint64) error {
				if n == 0 {
					return fmt.Errorf("0 is too small")
				}
				return nil
			})
			names := c.Options.StringSet("Example::names", []string{"a"}, "some names")
			c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
				fmt.Println(limit.Get(), names.Has("b"))
			})
			return nil
		},
	})
	runCapture(threeMails, "example/options", "Example::limit=7", `Example::names+={"b"}`)
	// Output:
	// 7 true
}

// A notice has a type that the policy declares, and goes through the site's
// notice policy: suppression, actions, mail. Another policy may change that.
func Example_notices() {
	policy.Register(policy.Policy{
		Name:     "example/notices",
		Doc:      "notices rejected mails",
		API:      1,
		Requires: []string{"base/frameworks/notice"},
		Load: func(c *policy.Context) error {
			notices := policy.Use[*notice.Framework](c)
			rejected := notices.DeclareType("Example::Rejected")
			c.Events.SMTPReply.Handle(c.Policy(), 0, func(e *event.SMTPReply) {
				if e.Code >= 500 {
					notices.Raise(&notice.Notice{
						Note: rejected, Conn: e.Conn, Msg: string(e.Msg),
						Identifier: policy.FmtAddr(e.Conn.ID.OrigH), // one an hour for a client
					})
				}
			})
			return nil
		},
	})
	policy.Register(policy.Policy{
		Name:     "example/notice-policy",
		Doc:      "what this site does about notices",
		API:      1,
		Requires: []string{"base/frameworks/notice"},
		Load: func(c *policy.Context) error {
			policy.Use[*notice.Framework](c).OnPolicy(5, func(n *notice.Notice) bool {
				if n.Note == "Example::Rejected" {
					n.Actions.Add(notice.ActionAlarm)
					n.Sub = "seen by this site"
				}
				return true // false ends the hook
			})
			return nil
		},
	})
	logs := runCapture("../testdata/baselines/R-exim-data-reject/input.pcap", "example/notices", "example/notice-policy")
	fmt.Print(enginetest.Columns(logs["notice"], "note", "msg", "sub", "actions"))
	// Output:
	// Example::Rejected This message was classified as spam (score 12.4) seen by this site Notice::ACTION_LOG,Notice::ACTION_ALARM
}

// A hook of a log sees each record before it is written: it may change it, and
// keep it from being written. HookLogs does so for all logs at once.
func Example_hooks() {
	policy.Register(policy.Policy{
		Name:     "example/hooks",
		Doc:      "hides subjects, and mails to board",
		API:      1,
		Requires: []string{"base/protocols/smtp"},
		Load: func(c *policy.Context) error {
			policy.Use[*smtp.SMTP](c).Log.Hook(func(i *smtp.Info) bool {
				i.Subject.Value = "(hidden)"
				return i.RcptTo == nil || !i.RcptTo.Has("board@example.com")
			})
			c.HookLogs(func(stream string, row []zeeklog.Value) bool {
				return stream != "Files::LOG" // no files.log at all
			})
			return nil
		},
	})
	logs := runCapture(submission, "example/hooks")
	fmt.Print(enginetest.Columns(logs["smtp"], "rcptto", "subject"))
	fmt.Println(len(logs["files"]))
	// Output:
	// boris@example.net (hidden)
	// 0
}

// Timers run in network time, the time of the packets.
func Example_timers() {
	policy.Register(policy.Policy{
		Name: "example/timers",
		Doc:  "looks at the clock",
		API:  1,
		Load: func(c *policy.Context) error {
			var tick func()
			n := 0
			tick = func() {
				fmt.Printf("%.1f s\n", c.Now()-c.Start())
				if n++; n < 3 {
					c.Schedule(0.1, tick)
				}
			}
			c.Events.NetworkTimeInit.Handle(c.Policy(), 0, func(*struct{}) { c.Schedule(0.1, tick) })
			c.Events.ZeekDone.Handle(c.Policy(), 0, func(*struct{}) { fmt.Println("the end") })
			return nil
		},
	})
	runCapture(threeMails, "example/timers")
	// Output:
	// 0.1 s
	// 0.2 s
	// 0.3 s
	// the end
}

// A policy that others build on provides a value of a type of its own.
func Example_services() {
	type counter struct{ n int }
	policy.Register(policy.Policy{
		Name: "example/counter",
		Doc:  "counts replies",
		API:  1,
		Load: func(c *policy.Context) error {
			k := &counter{}
			c.Events.SMTPReply.Handle(c.Policy(), 5, func(*event.SMTPReply) { k.n++ })
			policy.Provide(c, k)
			return nil
		},
	})
	policy.Register(policy.Policy{
		Name:     "example/report",
		Doc:      "tells the count",
		API:      1,
		Requires: []string{"example/counter"},
		Load: func(c *policy.Context) error {
			k := policy.Use[*counter](c)
			c.Events.ZeekDone.Handle(c.Policy(), 0, func(*struct{}) { fmt.Println(k.n, "replies") })
			return nil
		},
	})
	runCapture(threeMails, "example/report")
	// Output:
	// 17 replies
}

// banner is an analyzer of one connection: it raises an event for the first line
// of the server.
type banner struct {
	host  analyzers.Host
	topic *event.Topic[bannerEvent]
	line  []byte
	done  bool
}

type bannerEvent struct {
	Conn *event.Conn
	Line string
}

func (b *banner) Name() string { return "BANNER" }

func (b *banner) DeliverStream(data []byte, isOrig bool) {
	if isOrig || b.done {
		return
	}
	line, _, whole := bytes.Cut(data, []byte("\r\n"))
	b.line = append(b.line, line...)
	if whole || len(b.line) > 1000 {
		b.done = true
		b.host.Confirm() // names the service in conn.log
		b.topic.Enqueue(bannerEvent{b.host.Conn(), string(b.line)})
	}
}

func (b *banner) Undelivered(uint64, int, bool) { b.done = true }
func (b *banner) EndpointEOF(bool)              {}
func (b *banner) ConnectionFinished(bool)       {}
func (b *banner) ConnectionReset()              {}
func (b *banner) Done()                         {}

// A protocol analyzer gets the bytes of the connections to its ports, and raises
// events of its own. A component is in every run, as the analyzers of a Zeek are.
func Example_analyzer() {
	policy.Register(policy.Policy{
		Name:      "example/banner",
		Doc:       "the analyzer Analyzer::ANALYZER_BANNER: first lines of servers",
		API:       1,
		Component: true,
		Load: func(c *policy.Context) error {
			topic := event.Declare[bannerEvent](c.Events.Queue, "banner", "c: connection", "line: string")
			c.RegisterAnalyzer(policy.ProtocolAnalyzer{
				Name:  "BANNER",
				Ports: c.Options.PortSet("BANNER::ports", nil, "ports of servers whose first line is wanted"),
				New:   func(h analyzers.Host) analyzers.Analyzer { return &banner{host: h, topic: topic} },
			})
			policy.Provide(c, topic)
			return nil
		},
	})
	policy.Register(policy.Policy{
		Name:     "example/print-banners",
		Doc:      "prints first lines",
		API:      1,
		Requires: []string{"example/banner"},
		Load: func(c *policy.Context) error {
			policy.Use[*event.Topic[bannerEvent]](c).Handle(c.Policy(), 0, func(e *bannerEvent) { fmt.Println(e.Line) })
			return nil
		},
	})
	logs := runCapture(threeMails, "example/print-banners", "BANNER::ports={25/tcp}")
	fmt.Print(enginetest.Columns(logs["conn"], "service"))
	// Output:
	// 220 out8.sub.dept.example.co.uk ESMTP Sendmail 8.17.1; Mon, 28 Feb 2022 02:39:51 GMT
	// banner,smtp
}

// lines is a log writer that collects rows.
type lines struct {
	enc  *zeeklog.Encoder
	rows *[]string
}

func (l lines) Write(rec []zeeklog.Value) error {
	*l.rows = append(*l.rows, string(l.enc.AppendRow(nil, rec)))
	return nil
}
func (l lines) Flush() error                                             { return nil }
func (l lines) Rotate(string, bool) (newName, oldName string, err error) { return "", "", nil }
func (l lines) Close() error                                             { return nil }

// A log writer is chosen by Log::default_writer, or by a filter.
func Example_writer() {
	var rows []string
	policy.Register(policy.Policy{
		Name:      "example/writer",
		Doc:       "the log writer Log::WRITER_LINES",
		API:       1,
		Component: true,
		Load: func(c *policy.Context) error {
			c.RegisterWriter("Log::WRITER_LINES", func(info zeeklog.WriterInfo) (zeeklog.Writer, error) {
				return lines{zeeklog.NewEncoder(info.Options.ASCII, info.Path, info.Columns), &rows}, nil
			})
			return nil
		},
	})
	runCapture(threeMails, "Log::default_writer=Log::WRITER_LINES", "LogAscii::use_json=T")
	for _, r := range rows {
		if at := strings.Index(r, `"subject"`); at > 0 {
			subject, _, _ := strings.Cut(r[at:], ",")
			fmt.Println(subject)
		}
	}
	// Output:
	// "subject":"between"
	// "subject":"meeting update"
	// "subject":"notes notes meeting review against silver between"
}
