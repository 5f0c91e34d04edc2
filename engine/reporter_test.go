package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/event"
)

// reported runs a capture with a handler that fails at each connection, and
// gives what was told.
func reported(t *testing.T, dir string, settings ...string) (told []string) {
	t.Helper()
	e, err := engine.New(engine.Config{Dir: dir, Settings: settings, Warn: func(s string) { told = append(told, s) }})
	if err != nil {
		t.Fatal(err)
	}
	e.Events().NewConnection.Handle("test", 0, func(*event.ConnEvent) { panic(event.ScriptError{Msg: "a slip"}) })
	src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "block-several-in-session"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), src); err != nil {
		t.Log(err) // the logs can't be closed well where they can't be written
	}
	return told
}

func TestErrorsOfLogsAreReported(t *testing.T) {
	dir := t.TempDir()
	// A folder in the place of smtp.log.
	if err := os.Mkdir(filepath.Join(dir, "smtp.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	told := reported(t, dir)
	b, err := os.ReadFile(filepath.Join(dir, "reporter.log"))
	if err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || !strings.Contains(told[0], "smtp") || strings.Count(string(b), told[0]) == 0 {
		t.Errorf("told %q; reporter.log:\n%s", told, b)
	}
	if !strings.Contains(string(b), "a slip") {
		t.Errorf("the handler's error is not there:\n%s", b)
	}
}

// What can't be reported must not be reported again and again.
func TestAReporterLogThatCannotBeWrittenIsNoLoop(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "reporter.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	told := strings.Join(reported(t, dir), "\n")
	if n := strings.Count(told, "reporter"); n == 0 || n > 10 {
		t.Errorf("told %q", told)
	}
}
