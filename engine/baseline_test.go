package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

// testdata/baselines holds captures and, for each way of running, the logs that
// Zeek 8.0.9 wrote for them. gzeek must write the same bytes; only the values
// of #open and #close are the clock's.
const baselines = "../testdata/baselines"

// wayOfRunning is an entry of runs.json.
type wayOfRunning struct {
	Logs []string
	Args []string
	Rows string // "smtp": only rows of SMTP count in conn.log and files.log
}

func TestLogsAreThoseOfZeek(t *testing.T) {
	var runs map[string]wayOfRunning
	readJSON(t, filepath.Join(baselines, "runs.json"), &runs)
	dirs, err := filepath.Glob(filepath.Join(baselines, "*", "input.*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no baselines (%v)", err)
	}
	for _, input := range dirs {
		dir := filepath.Dir(input)
		for name, run := range runs {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				continue
			}
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
				t.Parallel()
				args := slices.Clone(run.Args)
				if _, err := os.Stat(filepath.Join(dir, "args.json")); err == nil {
					var more []string
					readJSON(t, filepath.Join(dir, "args.json"), &more)
					args = append(args, more...)
				}
				got := t.TempDir()
				runEngine(t, got, input, args)
				for _, log := range run.Logs {
					compareLog(t, log, filepath.Join(dir, name), got, run.Rows)
				}
			})
		}
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// runEngine reads a capture with the arguments of a command line and writes
// the logs to dir.
func runEngine(t *testing.T, dir, input string, args []string) engine.Summary {
	t.Helper()
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(baselines)
	if err != nil {
		t.Fatal(err)
	}
	cfg := engine.Config{Keys: keys, Dir: dir}
	for _, a := range args {
		a = strings.ReplaceAll(a, "@HERE@", here)
		switch {
		case a == "-b":
			cfg.Bare = true
		case redef.IsSetting(a):
			cfg.Settings = append(cfg.Settings, a)
		default:
			cfg.Policies = append(cfg.Policies, a)
		}
	}
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{Filter: e.Filter()}, input)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	sum, err := e.Run(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

var clock = regexp.MustCompile(`(?m)^#(open|close)\t.*$`)

func compareLog(t *testing.T, log, want, got, rows string) {
	t.Helper()
	w := normalLog(t, filepath.Join(want, log+".log"), log, rows)
	g := normalLog(t, filepath.Join(got, log+".log"), log, rows)
	if !bytes.Equal(w, g) {
		t.Errorf("%s.log differs from Zeek's:\n%s", log, diff(w, g))
	}
}

// normalLog returns a log without what is the clock's, and without rows that
// are not compared; nil if there is none.
func normalLog(t *testing.T, path, log, rows string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	b = clock.ReplaceAll(b, []byte("#$1"))
	column := map[string]string{"conn": "service", "files": "source"}[log]
	if rows != "smtp" || column == "" {
		return b
	}
	var keep [][]byte
	index, some := -1, false
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		switch {
		case bytes.HasPrefix(line, []byte("#")):
			if bytes.HasPrefix(line, []byte("#fields")) {
				index = slices.Index(strings.Split(string(line), "\t"), column) - 1
			}
			keep = append(keep, line)
		case bytes.HasPrefix(line, []byte("{")):
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if s, _ := row[column].(string); strings.Contains(strings.ToLower(s), "smtp") {
				keep, some = append(keep, line), true
			}
		default:
			if f := strings.Split(string(line), "\t"); index >= 0 && index < len(f) && strings.Contains(strings.ToLower(f[index]), "smtp") {
				keep, some = append(keep, line), true
			}
		}
	}
	if !some {
		return nil
	}
	return bytes.Join(keep, []byte("\n"))
}

// diff shows the first lines that differ.
func diff(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	var b strings.Builder
	shown := 0
	for i := 0; i < max(len(w), len(g)) && shown < 4; i++ {
		var x, y string
		if i < len(w) {
			x = w[i]
		}
		if i < len(g) {
			y = g[i]
		}
		if x != y {
			fmt.Fprintf(&b, "line %d\n- %s\n+ %s\n", i+1, x, y)
			shown++
		}
	}
	return b.String()
}
