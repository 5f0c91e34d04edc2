package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withLines runs a capture with a file of Config::config_files; change is called
// in the middle of it.
func withLines(t *testing.T, name, path string, change func()) (dir string, warned []string) {
	t.Helper()
	dir = t.TempDir()
	e, err := engine.New(engine.Config{Dir: dir, Workers: 1, Settings: []string{`Config::config_files+={"` + path + `"}`},
		Warn: func(s string) { warned = append(warned, s) }})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), &reloads{Source: src, at: 8, call: change}); err != nil {
		t.Fatal(err)
	}
	return dir, warned
}

func TestLinesOfFilesSetOptionsAndAreLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zeek.conf")
	write(t, path, "# mail\nSMTP::mail_path_capture NO_HOSTS\nSite::local_nets 10.0.0.0/8,192.0.2.0/24\nbits_per_uid 64\nSMTP::nonsense\n")
	dir, warned := withLines(t, "dialog-pipe-quit", path, func() {})
	rows := readLogs(t, dir)["config"]
	if ids := column(t, rows, "id"); !slices.Equal(ids, []string{"SMTP::mail_path_capture", "Site::local_nets"}) {
		t.Fatalf("changed %q", ids)
	}
	if v := column(t, rows, "new_value"); v[0] != "NO_HOSTS" || len(v[1]) != len("10.0.0.0/8,192.0.2.0/24") {
		t.Errorf("to %q", v)
	}
	if v := column(t, rows, "location"); v[0] != path {
		t.Errorf("by %q", v[0])
	}
	if len(warned) != 2 || !strings.HasPrefix(warned[0], path+":5: ") || !strings.Contains(warned[1], path+":4: bits_per_uid can only be set before the start") {
		t.Errorf("warned %q", warned)
	}
}

func TestFilesOfLinesAreReadAgainWhenTheyChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zeek.conf")
	write(t, path, "SMTP::mail_path_capture NO_HOSTS\nSMTP::max_invalid_mail_transactions 3\n")
	dir, warned := withLines(t, "block-again-after-hour", path, func() {
		write(t, path, "SMTP::mail_path_capture LOCAL_HOSTS\nSMTP::max_invalid_mail_transactions 3\n")
		later := time.Now().Add(time.Hour)
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	})
	rows := readLogs(t, dir)["config"]
	if got := column(t, rows, "new_value"); !slices.Equal(got, []string{"NO_HOSTS", "3", "LOCAL_HOSTS"}) || len(warned) != 0 {
		t.Errorf("set %q, warned %q", got, warned)
	}
}

func TestAFileOfLinesThatIsMissingIsToldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zeek.conf")
	dir, warned := withLines(t, "block-again-after-hour", path, func() { write(t, path, "SMTP::mail_path_capture NO_HOSTS\n") })
	if len(warned) != 1 || !strings.Contains(warned[0], "cannot be read") {
		t.Errorf("warned %q", warned)
	}
	if got := column(t, readLogs(t, dir)["config"], "new_value"); !slices.Equal(got, []string{"NO_HOSTS"}) {
		t.Errorf("then set %q", got)
	}
}
