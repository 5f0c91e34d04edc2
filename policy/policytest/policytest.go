// Package policytest runs policies without an engine: a test loads them, sets
// options, moves the clock, raises events, and reads the logs. It is for tests
// only.
package policytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/zeeklog"
)

// Config says what to run.
type Config struct {
	Policies []string
	Options  []string // as on the command line: "Notice::mail_dest=a@b"
	Keys     *seed.Keys
	Live     bool
	Bare     bool
	// Loaded is called when the policies are loaded, before options are set:
	// the place for handlers of the test's own.
	Loaded func(*policy.Context)
}

// Run is a run of policies.
type Run struct {
	*policy.Context
	Dir string // where the logs are
	// Errors are the handler bodies that ended early.
	Errors []event.HandlerError
	// Reported are the messages of Context.Error.
	Reported []string

	t *testing.T
}

// Start loads the policies and runs zeek_init.
func Start(t *testing.T, cfg Config) *Run {
	t.Helper()
	r := &Run{Context: policy.NewContext(), Dir: t.TempDir(), t: t}
	c := r.Context
	c.Keys = cfg.Keys
	if c.Keys == nil {
		c.Keys = seed.New([seed.Count]uint32{})
	}
	c.Events, c.Timers = event.NewEvents(), &timer.Manager{}
	c.Live, c.Bare = cfg.Live, cfg.Bare
	c.DeclareOptions(redef.New(c.Keys))
	c.Events.OnError = func(e event.HandlerError) { r.Errors = append(r.Errors, e) }
	if _, err := c.LoadAll(cfg.Policies); err != nil {
		t.Fatal(err)
	}
	c.ArmTables()
	c.Events.ReporterError.Handle("test", 0, func(e *event.Reporter) { r.Reported = append(r.Reported, e.Msg) })
	if cfg.Loaded != nil {
		cfg.Loaded(c)
	}
	if err := c.Options.Apply(nil, cfg.Options...); err != nil {
		t.Fatal(err)
	}
	logs := zeeklog.DefaultConfig()
	logs.Dir = r.Dir
	logs.NetworkTime = func() float64 { return c.Events.Now }
	c.Logs = zeeklog.New(logs)
	c.Events.ZeekInit.Enqueue(struct{}{})
	c.Events.Drain()
	for _, e := range r.Errors {
		t.Fatal(e)
	}
	return r
}

// At moves the clock to network time now, as a packet does, and runs the timers
// that are due; it does not drain the queue.
func (r *Run) At(now float64) {
	if r.Start() == 0 {
		r.SetStart(now)
	}
	r.Events.Now = max(now, r.Events.Now)
	r.Timers.Advance(r.Events.Now, 300)
}

// Finish ends the run and returns its logs by name ("notice"), without their
// lines #open and #close.
func (r *Run) Finish() map[string]string {
	r.t.Helper()
	r.Timers.Expire()
	r.Events.DrainAll()
	r.Events.ZeekDone.Enqueue(struct{}{})
	r.Events.DrainAll()
	if err := r.Logs.Close(); err != nil {
		r.t.Error(err)
	}
	logs := map[string]string{}
	files, err := filepath.Glob(filepath.Join(r.Dir, "*.log"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			r.t.Fatal(err)
		}
		logs[strings.TrimSuffix(filepath.Base(f), ".log")] = WithoutTimes(string(b))
	}
	return logs
}

// WithoutTimes takes the lines #open and #close out of a log.
func WithoutTimes(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "#open\t") && !strings.HasPrefix(line, "#close\t") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Rows are the lines of a log that are not of its header, split at tabs.
func Rows(log string) [][]string {
	var rows [][]string
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
	}
	return rows
}
