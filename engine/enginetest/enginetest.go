// Package enginetest runs captures for tests of policies, and compares the logs
// with those that the test keeps. It is for tests only.
package enginetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/seed"
)

// update is the flag of go test with which [Run.Compare] writes what it would
// compare with.
var update = func() *bool {
	if f := flag.Lookup("update"); f != nil {
		return new(bool) // the test has a flag of its own for something else
	}
	return flag.Bool("update", false, "write the logs that tests compare with anew")
}()

// Run says what to run.
type Run struct {
	// Captures are read one after the other.
	Captures []string
	// Policies are loaded behind the default ones; Bare leaves those out.
	Policies []string
	Bare     bool
	// Settings are options as on the command line.
	Settings []string
}

// Result is what a run has done.
type Result struct {
	engine.Summary
	// Logs are the logs by name ("smtp"), without their lines #open and #close,
	// which tell the time of the run. Ids are the same in each run.
	Logs map[string]string
	// Files are other files that the run has written, by name.
	Files map[string]string
	// Errors are the handlers that failed, Warnings what the engine warned of.
	Errors   []event.HandlerError
	Warnings []string
}

// Do runs the captures.
func (r Run) Do() (*Result, error) {
	dir, err := os.MkdirTemp("", "enginetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	res := &Result{Logs: map[string]string{}, Files: map[string]string{}}
	e, err := engine.New(engine.Config{
		Bare: r.Bare, Policies: r.Policies, Settings: r.Settings, Keys: seed.New([seed.Count]uint32{}), Dir: dir,
		Warn:           func(s string) { res.Warnings = append(res.Warnings, s) },
		OnHandlerError: func(e event.HandlerError) { res.Errors = append(res.Errors, e) },
	})
	if err != nil {
		return nil, err
	}
	src, err := capture.OpenFiles(capture.Options{Filter: e.Filter()}, r.Captures...)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if res.Summary, err = e.Run(context.Background(), src); err != nil {
		return nil, err
	}
	return res, res.read(dir)
}

// read takes what the run has written.
func (r *Result) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(e.Name(), ".log"); ok {
			r.Logs[name] = withoutTimes(string(b))
		} else {
			r.Files[e.Name()] = string(b)
		}
	}
	return nil
}

// withoutTimes takes the lines #open and #close out of a log.
func withoutTimes(log string) string {
	lines := slices.Collect(strings.Lines(log))
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "#open\t") || strings.HasPrefix(l, "#close\t")
	}), "")
}

// Compare runs the captures and compares the named logs with those in dir
// ("testdata/notice.log"). With go test -update it writes them there: look at
// what has changed before committing it. A handler that fails fails the test.
func (r Run) Compare(t *testing.T, dir string, logs ...string) {
	t.Helper()
	res, err := r.Do()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range res.Errors {
		t.Errorf("%v\n%s", e, e.Stack)
	}
	for _, name := range logs {
		file := filepath.Join(dir, name+".log")
		if *update {
			if err := os.WriteFile(file, []byte(res.Logs[name]), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if got := res.Logs[name]; got != string(want) {
			t.Errorf("%s.log is not %s (go test -update writes it):\n%s", name, file, diff(string(want), got))
		}
	}
}

// diff shows the first lines that differ.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i, shown := 0, 0; i < max(len(w), len(g)) && shown < 5; i++ {
		line := func(l []string) string {
			if i < len(l) {
				return l[i]
			}
			return "(nothing)"
		}
		if line(w) != line(g) {
			fmt.Fprintf(&b, "line %d\n- %s\n+ %s\n", i+1, line(w), line(g))
			shown++
		}
	}
	return b.String()
}

// Columns takes columns out of a log, as gzeek cut does: a line for each row,
// the values with a blank between them. For examples.
func Columns(log string, names ...string) string {
	var b strings.Builder
	var at []int
	for line := range strings.Lines(log) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if fields[0] == "#fields" {
			for _, n := range names {
				at = append(at, slices.Index(fields, n)-1)
			}
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		for i, k := range at {
			if i > 0 {
				b.WriteByte(' ')
			}
			if k >= 0 {
				b.WriteString(fields[k])
			} else {
				b.WriteByte('?')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
