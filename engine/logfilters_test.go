package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"
)

// configured reads a capture with configuration files and returns the logs.
func configured(t *testing.T, settings []string, policies []string, files ...string) (map[string]string, error) {
	t.Helper()
	var paths []string
	for _, text := range files {
		p := filepath.Join(t.TempDir(), "gzeek.toml")
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	conf, err := redef.LoadFiles(paths, engine.LogSection)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	e, err := engine.New(engine.Config{Keys: keys, Dir: dir, Files: conf, Settings: settings, Policies: policies})
	if err != nil {
		return nil, err
	}
	src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "dialog-pipe-quit"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), src); err != nil {
		t.Fatal(err)
	}
	logs := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		logs[strings.TrimSuffix(filepath.Base(n), ".log")] = string(b)
	}
	return logs, nil
}

func capturesOf(t *testing.T, name string) string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(baselines, "*"+name+"*", "input.*"))
	if err != nil || len(m) == 0 {
		t.Fatalf("no capture %s (%v)", name, err)
	}
	return m[0]
}

// fields returns the columns of a log, and the first row.
func fields(t *testing.T, log string) (names, row []string) {
	t.Helper()
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if f, ok := strings.CutPrefix(line, "#fields\t"); ok {
			names = strings.Split(f, "\t")
		} else if !strings.HasPrefix(line, "#") && row == nil {
			row = strings.Split(line, "\t")
		}
	}
	if len(names) != len(row) {
		t.Fatalf("%d columns, %d values:\n%s", len(names), len(row), log)
	}
	return names, row
}

func TestFiltersWriteLogsOfTheirOwn(t *testing.T) {
	plain, err := configured(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	names, row := fields(t, plain["smtp"])
	logs, err := configured(t, nil, nil, `
[log.conn]
enabled = false
[log.smtp.filter.default]
exclude = ["fuids", "id.orig_p"]
[log.smtp.filter.mine]
path = "mine"
include = ["ts", "uid", "helo"]
where = 'id.resp_p == 25 && uid != nil'
ext = { level = 3, on = true }
ext_prefix = "x."
[log.smtp.filter.none]
path = "none"
where = 'trans_depth > 1000 or len(subject) < 0'
[log."SMTP::LOG".ext]
sensor = "mx1"
`, `
[log.smtp.filter.mine]
path = "mine2"
field_name_map = { helo = "name" }
`)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := logs["conn"]; ok {
		t.Error("conn.log is written, though it is disabled")
	}
	if _, ok := logs["none"]; ok {
		t.Error("a row was taken against the filter's expression")
	}
	got, gotRow := fields(t, logs["smtp"])
	want, wantRow := []string{"_sensor"}, []string{"mx1"}
	for i, n := range names {
		if n != "fuids" && n != "id.orig_p" {
			want, wantRow = append(want, n), append(wantRow, row[i])
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(gotRow, wantRow) {
		t.Errorf("smtp.log has\n%q\n%q, not\n%q\n%q", got, gotRow, want, wantRow)
	}
	got, gotRow = fields(t, logs["mine2"])
	helo := row[slices.Index(names, "helo")]
	if !slices.Equal(got, []string{"x.level", "x.on", "ts", "uid", "name"}) || !slices.Equal(gotRow, []string{"3", "T", row[0], row[1], helo}) {
		t.Errorf("mine2.log has %q %q", got, gotRow)
	}
}

func TestLogsAsTextAndAsJSONFromOneRun(t *testing.T) {
	plain, err := configured(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(cfg engine.Config) {
		t.Helper()
		cfg.Keys = keys
		e, err := engine.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "dialog-pipe-quit"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if _, err := e.Run(context.Background(), src); err != nil {
			t.Fatal(err)
		}
	}
	read := func(elem ...string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(elem...))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	run(engine.Config{Dir: dir, AlsoJSON: true})
	alone := t.TempDir()
	run(engine.Config{Dir: alone, Settings: []string{"LogAscii::use_json=T"}})
	for _, name := range []string{"smtp", "conn", "files"} {
		if got, want := policytest.WithoutTimes(read(dir, name+".log")), policytest.WithoutTimes(plain[name]); got != want {
			t.Errorf("%s.log:\n%s\nwant\n%s", name, got, want)
		}
		if got, want := read(dir, name+".json"), read(alone, name+".log"); got != want {
			t.Errorf("%s.json:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestTheDefaultFilterCanBeRemovedAndAllStreamsExtended(t *testing.T) {
	logs, err := configured(t, nil, nil, `
[log.smtp.filter.default]
enabled = false
[log."*".ext]
n = -1
`)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := logs["smtp"]; ok {
		t.Error("smtp.log is written without a filter")
	}
	names, row := fields(t, logs["conn"])
	if names[0] != "_n" || row[0] != "-1" {
		t.Errorf("conn.log begins with %s = %s", names[0], row[0])
	}
}

func TestExpressionsSeeColumnsByTheirType(t *testing.T) {
	for where, want := range map[string]bool{
		`true`:                                   true,
		`trans_depth == 1`:                       true,
		`ts > 1e9 and ts < 1e10`:                 true,
		`id.orig_h matches "^[0-9.]+$"`:          true,
		`helo startsWith "zzz"`:                  false,
		`tls == false`:                           true,
		`x_originating_ip == nil`:                true,
		`x_originating_ip != "192.0.2.1"`:        false, // unset: it doesn't hold
		`not (x_originating_ip == "192.0.2.1")`:  false,
		`len(path) >= 1 && path[0] contains "."`: true,
		`any(path, # contains "zzz")`:            false,
	} {
		logs, err := configured(t, nil, nil, "[log.smtp.filter.x]\npath = \"x\"\nwhere = '"+where+"'\n")
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if _, got := logs["x"]; got != want {
			t.Errorf("%s is %v", where, got)
		}
	}
}

func TestAllThatIsWrongWithLogTablesIsTold(t *testing.T) {
	_, err := configured(t, []string{"SMTP::nothing=1"}, nil, `[log.smpt]
enabled = true
[log.conn]
enabled = 3
[log.smtp.filter.default]
exclude = ["fuid", 3]
wher = "1"
where = 'helo > 3'
interval = "1 foo"
writer = "Log::WRITER_SQLITE"
config = 3
[log.smtp.filter.b]
where = 'heloo == nil'
[log.smtp.filter.c]
where = 'trans_depth'
interval = -1
rotation_size = "1 MB"
[log."*"]
enabled = false
`)
	var ps redef.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{
		"SMTP::nothing", "no policy that is loaded has a log stream smpt; did you mean smtp?", ":4:11: enabled is true or false",
		":6:11: exclude: SMTP::LOG has no column fuid", "has no column 3", ":7:8: a filter has no wher; did you mean where?",
		":8:9: where: invalid operation: > (mismatched types string and int) at line 1, column 6",
		":9:12: \"1 foo\" is no interval", ":10:10: there is no writer Log::WRITER_SQLITE", ":11:10: config is a table",
		":13:9: where: unknown name heloo at line 1, column 1", ":15:9: where: expected bool, but got int",
		":16:12: interval is one like", ":17:17: rotation_size is a number of bytes", ":19:11: for all streams there is only ext",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among\n%v", want, err)
		}
	}
	if len(ps) != 15 {
		t.Errorf("%d problems", len(ps))
	}
}

// lines is a writer that a policy brings along.
type lines struct{ out *bytes.Buffer }

func (l lines) Write(rec []zeeklog.Value) error {
	l.out.Write(rec[0].AppendText(nil))
	l.out.WriteByte('\n')
	return nil
}
func (lines) Flush() error                                    { return nil }
func (lines) Rotate(string, bool) (newN, old string, e error) { return "", "", nil }
func (lines) Close() error                                    { return nil }

func TestPoliciesBringWriters(t *testing.T) {
	var out bytes.Buffer
	policy.Register(policy.Policy{Name: "test/lines", Doc: "a writer", Load: func(c *policy.Context) error {
		c.RegisterWriter("Log::WRITER_LINES", func(zeeklog.WriterInfo) (zeeklog.Writer, error) { return lines{&out}, nil })
		return nil
	}})
	if _, err := configured(t, nil, []string{"test/lines"}, `
[log.smtp.filter.lines]
writer = "Log::WRITER_LINES"
include = ["uid"]
`); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "C") {
		t.Errorf("the writer got %q", out.String())
	}
}
