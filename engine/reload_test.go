package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/redef"
)

// reloads calls a function before one of a source's packets.
type reloads struct {
	capture.Source
	at   int
	call func()
}

func (r *reloads) Next(f *capture.Frame) error {
	if r.at--; r.at == 0 {
		r.call()
	}
	return r.Source.Next(f)
}

// ReadBatch gives one frame at a time.
func (r *reloads) ReadBatch(b *capture.Batch) error {
	var f capture.Frame
	err := r.Next(&f)
	f.Data = bytes.Clone(f.Data)
	b.Frames = append(b.Frames[:0], f)
	return err
}

// reloaded runs a capture, has its configuration read anew before the third
// packet, and returns the folder of the logs and what was warned of.
func reloaded(t *testing.T, before, after string, settings ...string) (dir string, warned []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gzeek.toml")
	load := func(text string) (*redef.Config, error) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return redef.LoadFiles([]string{path}, engine.LogSection)
	}
	files, err := load(before)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	e, err := engine.New(engine.Config{Dir: dir, Files: files, Settings: settings, Warn: func(s string) { warned = append(warned, s) }})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "dialog-pipe-quit"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), &reloads{Source: src, at: 3, call: func() {
		e.Reload(func() (*redef.Config, error) { return load(after) })
	}}); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return dir, warned
}

func TestReloadChangesOptionsLogsItAndRefusesTheRest(t *testing.T) {
	dir, warned := reloaded(t, "redef.SMTP.mail_path_capture = \"NO_HOSTS\"\n", `
[redef.SMTP]
mail_path_capture = "LOCAL_HOSTS"
[redef.Site]
local_nets = ["10.0.0.0/8"]
[redef.GLOBAL]
bits_per_uid = 64
`, "SMTP::mail_transaction_validation=F")
	b, err := os.ReadFile(filepath.Join(dir, "config.log"))
	if err != nil {
		t.Fatal(err)
	}
	rows := policytest.Rows(string(b))
	if len(rows) != 2 || len(rows[0]) != 5 {
		t.Fatalf("config.log:\n%s", b)
	}
	for i, want := range []string{"SMTP::mail_path_capture NO_HOSTS LOCAL_HOSTS", "Site::local_nets (empty) 10.0.0.0/8"} {
		if got := strings.Join(rows[i][1:4], " "); got != want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
		if !strings.Contains(rows[i][4], "gzeek.toml:") {
			t.Errorf("row %d: the place is %q", i, rows[i][4])
		}
	}
	if len(warned) != 2 || !strings.Contains(warned[0], "bits_per_uid stays 96") || !strings.Contains(warned[1], "2 changed, 1 wait") {
		t.Errorf("warned: %q", warned)
	}
}

func TestAReloadWithMistakesChangesNothing(t *testing.T) {
	dir, warned := reloaded(t, "", "redef.SMTP.mail_path_capture = \"LOCAL_HOSTS\"\nredef.SMTP.nothing = 1\n")
	if _, err := os.Stat(filepath.Join(dir, "config.log")); err == nil {
		t.Error("config.log was written")
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "gzeek.toml:2") {
		t.Errorf("warned: %q", warned)
	}
}

// Each of these is an option of Zeek that may change while it runs, and is used
// in the engine itself.
func TestOptionsOfTheEngineChangeWhileRunning(t *testing.T) {
	const before = "[redef.FileExtract]\nprefix = \"x\"\n"
	dir, warned := reloaded(t, before, before+`
[redef.Weird]
sampling_threshold = 3
sampling_rate = 7
sampling_duration = "1min"
sampling_whitelist = ["a"]
sampling_global_list = ["b"]
[redef.Log]
default_rotation_dir = "old"
default_rotation_postprocessor_cmd_env = { A = "b" }
[redef.GLOBAL]
default_file_bof_buffer_size = 100
default_file_timeout_interval = "5sec"
ignore_checksums_nets = ["10.0.0.0/8"]
`)
	b, err := os.ReadFile(filepath.Join(dir, "config.log"))
	if err != nil {
		t.Fatal(err)
	}
	if rows := policytest.Rows(string(b)); len(rows) != 10 {
		t.Errorf("config.log:\n%s", b)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "10 changed, 0 wait") {
		t.Errorf("warned: %q", warned)
	}
}

func TestALiveOptionOfTheEngineActsFromTheNextPacketOn(t *testing.T) {
	const file = "[redef.GLOBAL]\ndefault_file_bof_buffer_size = "
	for after, want := range map[string]string{"4096": "text/plain", "1": "-"} {
		dir, _ := reloaded(t, file+"4096", file+after)
		if got := column(t, readLogs(t, dir)["files"], "mime_type"); len(got) != 1 || got[0] != want {
			t.Errorf("types named by %s octets: %q, want %q", after, got, want)
		}
	}
}
