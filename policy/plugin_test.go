package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/engine/enginetest"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/conn"
	policyfiles "github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

const mails = "../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"

// plugin registers a policy for a test under its name.
func plugin(t *testing.T, name string, requires []string, load func(c *policy.Context)) string {
	t.Helper()
	policy.Register(policy.Policy{Name: name, Doc: name, API: policy.APIVersion, Requires: requires, Load: func(c *policy.Context) error {
		load(c)
		return nil
	}})
	t.Cleanup(func() { policy.Forget(name) })
	return name
}

func run(t *testing.T, policies []string, settings ...string) *enginetest.Result {
	t.Helper()
	res, err := enginetest.Run{Captures: []string{mails}, Policies: policies, Settings: settings}.Do()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A slip is what a programmer didn't mean.
func slip() string {
	var list []string
	return list[len(list)]
}

// Wherever a policy panics, the logs of the others are those of a run without it.
func TestAPolicyThatPanicsIsNamedAndTurnedOffAndTheRestGoesOn(t *testing.T) {
	want := run(t, nil).Logs
	for _, c := range []struct {
		where    string
		requires []string
		load     func(c *policy.Context)
		// changed are logs that the policy itself changes.
		changed []string
	}{
		{where: "event", load: func(c *policy.Context) {
			c.Events.SMTPReply.Handle(c.Policy(), 100, func(*event.SMTPReply) { slip() })
		}},
		{where: "file-handle", load: func(c *policy.Context) {
			c.Events.GetFileHandle.Handle(c.Policy(), 100, func(*event.GetFileHandle) { slip() })
		}},
		{where: "stream-hook", requires: []string{"base/protocols/smtp"}, load: func(c *policy.Context) {
			policy.Use[*smtp.SMTP](c).Log.Hook(func(*smtp.Info) bool { return slip() == "" })
		}},
		{where: "logs-hook", load: func(c *policy.Context) {
			c.HookLogs(func(string, []zeeklog.Value) bool { return slip() == "" })
		}},
		{where: "scheduled", load: func(c *policy.Context) {
			c.Events.NewConnection.Handle(c.Policy(), 0, func(*event.ConnEvent) { c.Schedule(0, func() { slip() }) })
		}},
		{where: "table", load: func(c *policy.Context) { c.Expire(badTable{}) }},
		{where: "removal", requires: []string{"base/protocols/conn/removal-hooks"}, load: func(c *policy.Context) {
			r := policy.Use[*conn.Removal](c)
			c.Events.NewConnection.Handle(c.Policy(), 0, func(e *event.ConnEvent) { r.Register(e.Conn, func(*event.Conn) { slip() }) })
		}},
		{where: "column", requires: []string{"base/protocols/smtp"}, changed: []string{"smtp"}, load: func(c *policy.Context) {
			policy.Use[*smtp.SMTP](c).Log.AddColumn(policy.Text("bad", func(*smtp.Info) string { return slip() }))
		}},
		{where: "analyzer", load: func(c *policy.Context) {
			c.RegisterAnalyzer(policy.ProtocolAnalyzer{
				Name: "BAD", Ports: c.Options.PortSet("Bad::ports", []redef.Port{redef.TCP(25), redef.TCP(587), redef.TCP(465)}, "ports"),
				New: func(h analyzers.Host) analyzers.Analyzer { return badAnalyzer{} },
			})
		}},
		{where: "file-analyzer", requires: []string{"base/frameworks/files"}, changed: []string{"files"}, load: func(c *policy.Context) {
			f := policy.Use[*policyfiles.Files](c)
			c.RegisterFileAnalyzer("BAD", func(*event.File, any) (files.Analyzer, error) { return badContent{}, nil })
			c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) { f.AddAnalyzer(e.File, "BAD", nil) })
		}},
	} {
		t.Run(c.where, func(t *testing.T) {
			name := plugin(t, "test/panics-in-"+c.where, c.requires, c.load)
			res := run(t, []string{name}, "Policy::max_panics=1")
			if len(res.Errors) == 0 {
				t.Fatal("nothing panicked")
			}
			if len(res.Errors) > 1 {
				t.Errorf("%d errors of a policy that is off after one", len(res.Errors))
			}
			if e := res.Errors[0]; e.Policy != name || !e.Off || !strings.Contains(e.Err.Error(), "index out of range") || !strings.Contains(string(e.Stack), "plugin_test.go") {
				t.Errorf("error %v, off %v\n%s", e, e.Off, e.Stack)
			}
			if !slices.ContainsFunc(res.Warnings, func(w string) bool { return strings.Contains(w, name+" is turned off") }) {
				t.Errorf("warnings %v", res.Warnings)
			}
			if !strings.Contains(res.Logs["reporter"], name) {
				t.Errorf("reporter.log:\n%s", res.Logs["reporter"])
			}
			for log, text := range want {
				if got := res.Logs[log]; !slices.Contains(c.changed, log) && got != text {
					t.Errorf("%s.log:\n%s\nnot\n%s", log, got, text)
				} else if strings.Count(got, "\n") != strings.Count(text, "\n") {
					t.Errorf("%s.log has not the same rows:\n%s", log, got)
				}
			}
		})
	}
}

type badTable struct{}

func (badTable) Expire(float64, int) bool { return slip() == "" }
func (badTable) Expires() bool            { return true }

type badAnalyzer struct{ analyzers.Analyzer }

func (badAnalyzer) DeliverStream([]byte, bool) { slip() }

type badContent struct{ files.Analyzer }

func (badContent) Deliver([]byte) bool { return slip() == "" }

func TestAWriterThatPanicsEndsItsLogOnly(t *testing.T) {
	name := plugin(t, "test/bad-writer", nil, func(c *policy.Context) {
		c.RegisterWriter("Log::WRITER_BAD", func(zeeklog.WriterInfo) (zeeklog.Writer, error) { return badWriter{}, nil })
		c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
			if err := c.Logs.Stream("SMTP::LOG").AddFilter(zeeklog.Filter{Name: "bad", Path: "bad", Writer: "Log::WRITER_BAD"}); err != nil {
				panic(err)
			}
		})
	})
	want := run(t, nil).Logs
	res := run(t, []string{name})
	if got := res.Logs["smtp"]; got != want["smtp"] {
		t.Errorf("smtp.log:\n%s", got)
	}
	if log := res.Logs["reporter"]; strings.Count(log, "Log::WRITER_BAD: panic:") != 1 {
		t.Errorf("reporter.log:\n%s", log)
	}
}

type badWriter struct{ zeeklog.Writer }

func (badWriter) Write([]zeeklog.Value) error { slip(); return nil }
func (badWriter) Flush() error                { return nil }
func (badWriter) Close() error                { return nil }

// A policy that fails in the handler of errors must not raise them for ever.
func TestAHandlerOfErrorsMayFail(t *testing.T) {
	name := plugin(t, "test/fails-in-reports", nil, func(c *policy.Context) {
		c.Events.SMTPReply.Handle(c.Policy(), 0, func(*event.SMTPReply) { panic(event.ScriptError{Msg: "first"}) })
		c.Events.ReporterError.Handle(c.Policy(), 0, func(*event.Reporter) { panic(event.ScriptError{Msg: "second"}) })
	})
	res := run(t, []string{name}, "Policy::max_panics=0")
	first := 0
	for _, e := range res.Errors {
		if e.Err.Error() == "first" {
			first++
		}
	}
	if first == 0 || len(res.Errors) != 2*first {
		t.Errorf("%d errors, %d of them the first", len(res.Errors), first)
	}
}

func TestWhatClashesIsToldWhenThePolicyIsLoaded(t *testing.T) {
	stream := func(id, path string) func(c *policy.Context) {
		return func(c *policy.Context) {
			policy.NewStream(c, id, path, "", policy.Text("x", func(*string) string { return "" }))
		}
	}
	column := func(name string) func(c *policy.Context) {
		return func(c *policy.Context) {
			policy.Use[*smtp.SMTP](c).Log.AddColumn(policy.Text(name, func(*smtp.Info) string { return "" }))
		}
	}
	mail := []string{"base/protocols/smtp"}
	writer := func(name string) func(c *policy.Context) {
		return func(c *policy.Context) {
			c.RegisterWriter(name, func(zeeklog.WriterInfo) (zeeklog.Writer, error) { return badWriter{}, nil })
		}
	}
	ports := func(c *policy.Context) *redef.PortSet { return c.Options.PortSet("Clash::ports", nil, "ports") }
	plugin(t, "test/column-once", mail, column("once"))
	plugin(t, "test/writer-once", nil, writer("Log::WRITER_ONCE"))
	for i, c := range []struct {
		policies []string
		requires []string
		load     func(c *policy.Context)
		want     []string
	}{
		{load: stream("SMTP::LOG", "other"), requires: mail, want: []string{"SMTP::LOG (other.log)", "policy base/protocols/smtp"}},
		{load: stream("Mine::LOG", "smtp"), requires: mail, want: []string{"Mine::LOG (smtp.log) clashes with SMTP::LOG", "policy base/protocols/smtp"}},
		{load: column("subject"), requires: mail, want: []string{"SMTP::LOG has a column subject of policy base/protocols/smtp"}},
		{load: column("once"), requires: mail, policies: []string{"test/column-once"}, want: []string{"column once of policy test/column-once"}},
		{load: writer("Log::WRITER_ASCII"), want: []string{"gzeek itself has the writer Log::WRITER_ASCII"}},
		{load: writer("Log::WRITER_ONCE"), policies: []string{"test/writer-once"}, want: []string{"there is a writer Log::WRITER_ONCE of policy test/writer-once"}},
		{load: func(c *policy.Context) {
			c.RegisterAnalyzer(policy.ProtocolAnalyzer{Name: "SMTP", Ports: ports(c)})
		}, want: []string{"gzeek itself has the analyzer Analyzer::ANALYZER_SMTP"}},
		{load: func(c *policy.Context) { c.RegisterFileAnalyzer("MD5", nil) }, want: []string{"file analyzer Files::ANALYZER_MD5"}},
		{load: func(c *policy.Context) {
			c.Options.Bool("SMTP::ports_x", false, "")
			c.Options.Count("SMTP::ports_x", 1, "")
		},
			want: []string{"SMTP::ports_x is declared as bool and as count"}},
		{load: func(c *policy.Context) { policy.Use[*badAnalyzer](c) }, want: []string{"no policy that it requires provides it"}},
		{load: func(*policy.Context) { slip() }, want: []string{"index out of range", "plugin_test.go"}},
		{load: func(*policy.Context) {}, requires: []string{"test/nowhere"}, want: []string{"requires test/nowhere, which does not exist"}},
	} {
		name := plugin(t, "test/clash-"+string(rune('a'+i)), c.requires, c.load)
		_, err := engine.New(engine.Config{Policies: append(c.policies, name), Dir: t.TempDir()})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range append(c.want, "policy "+name) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q:\n%v", name, want, err)
			}
		}
	}
}

// Registering what can't be is told when an engine is made; what is registered
// already stays.
func TestRefusedRegistrations(t *testing.T) {
	for _, c := range []struct {
		p    policy.Policy
		want []string
	}{
		{policy.Policy{Name: "base/protocols/smtp"}, []string{"base/protocols/smtp is registered twice",
			"github.com/gzeek/gzeek/policy/smtp and by package github.com/gzeek/gzeek/policy;"}},
		{policy.Policy{Name: "test/future", API: policy.APIVersion + 1}, []string{"test/future", "package github.com/gzeek/gzeek/policy", "is written for version", "build it with a newer gzeek"}},
		{policy.Policy{Name: "test/past", API: -1}, []string{"take a newer version of the policy"}},
	} {
		c.p.Load = func(*policy.Context) error { return nil }
		err := policy.Refuses(c.p)
		if err == nil {
			t.Errorf("%s is taken", c.p.Name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q: %v", c.p.Name, want, err)
			}
		}
		if _, err := engine.New(engine.Config{Dir: t.TempDir()}); err != nil {
			t.Errorf("the next engine: %v", err)
		}
	}
	var api *policy.APIError
	if err := policy.Refuses(policy.Policy{Name: "test/future", API: 99, Load: func(*policy.Context) error { return nil }}); !errors.As(err, &api) || api.API != 99 {
		t.Errorf("error %v", err)
	}
}

func TestDescribe(t *testing.T) {
	name := plugin(t, "test/described", []string{"base/protocols/smtp"}, func(c *policy.Context) {
		c.Options.Count("Described::n", 5, "a number")
		c.Events.SMTPReply.Handle(c.Policy(), 3, func(*event.SMTPReply) {})
		event.Declare[int](c.Events.Queue, "described_event")
		policy.Use[*smtp.SMTP](c).Log.AddColumn(policy.Text("described", func(*smtp.Info) string { return "" }))
		policy.NewStream(c, "Described::LOG", "described", "", policy.Text("x", func(*string) string { return "" }))
		c.RegisterWriter("Log::WRITER_DESCRIBED", nil)
	})
	p, _ := policy.Find(name)
	d, err := policy.Describe(p)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Handles, []policy.Handled{{Event: "smtp_reply", Priority: 3}, {Event: "zeek_init", Priority: 5}}) {
		t.Errorf("handles %v", d.Handles)
	}
	if !slices.Equal(d.Declares, []string{"described_event"}) || len(d.Options) != 1 || d.Options[0].Name != "Described::n" {
		t.Errorf("declares %v, options %v", d.Declares, d.Options)
	}
	if len(d.Columns) != 1 || d.Columns[0].Name != "described" || d.Columns[0].Stream != "SMTP::LOG" {
		t.Errorf("columns %v", d.Columns)
	}
	if len(d.Streams) != 1 || d.Streams[0].Path() != "described" || len(d.Parts) != 1 || d.Parts[0].Name != "Log::WRITER_DESCRIBED" {
		t.Errorf("streams %v, parts %v", d.Streams, d.Parts)
	}
	if d.Package != "github.com/gzeek/gzeek/policy_test" {
		t.Errorf("package %s", d.Package)
	}
	for _, p := range policy.All() {
		if strings.HasPrefix(p.Name, "test/") {
			continue
		}
		if _, err := policy.Describe(p); err != nil && p.Name != "bro-2011" {
			t.Error(err)
		}
	}
}
