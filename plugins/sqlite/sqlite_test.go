package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/engine/enginetest"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"

	"github.com/gzeek/gzeek/plugins/sqlite"
)

const mails = "../../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"

// runTo runs a capture with its logs in dir.
func runTo(t *testing.T, dir string, files *redef.Config, settings ...string) []string {
	t.Helper()
	var warnings []string
	e, err := engine.New(engine.Config{
		Settings: settings, Files: files, Keys: seed.New([seed.Count]uint32{}), Dir: dir,
		Warn: func(s string) { warnings = append(warnings, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, mails)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), src); err != nil {
		t.Fatal(err)
	}
	return warnings
}

func openDB(t *testing.T, file string) *sql.DB {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// rows are the rows of a query, the columns with tabs between them; NULL is -.
func rows(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	r, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cols, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for r.Next() {
		vals := make([]any, len(cols))
		for i := range vals {
			vals[i] = new(sql.NullString)
		}
		if err := r.Scan(vals...); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, v := range vals {
			s := v.(*sql.NullString)
			if !s.Valid {
				s.String = "-"
			}
			texts = append(texts, s.String)
		}
		list = append(list, strings.Join(texts, "\t"))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// The same run in text is what the tables have to hold.
func TestTablesHoldWhatLogsHold(t *testing.T) {
	text, err := enginetest.Run{Captures: []string{mails}}.Do()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if w := runTo(t, dir, nil, "Log::default_writer=Log::WRITER_SQLITE"); len(w) > 0 {
		t.Error(w)
	}
	for _, log := range []string{"smtp", "conn", "files"} {
		db := openDB(t, filepath.Join(dir, log+".sqlite"))
		var names, types []string
		var want [][]string
		for line := range strings.Lines(text.Logs[log]) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			switch {
			case f[0] == "#fields":
				names = f[1:]
			case f[0] == "#types":
				types = f[1:]
			case !strings.HasPrefix(line, "#"):
				want = append(want, f)
			}
		}
		var columns []string
		for i, n := range names {
			columns = append(columns, n+"\t"+typeOf(types[i]))
		}
		if got := rows(t, db, "SELECT name, lower(type) FROM pragma_table_info('"+log+"')"); strings.Join(got, "\n") != strings.Join(columns, "\n") {
			t.Errorf("%s has the columns\n%s", log, strings.Join(got, "\n"))
		}
		var selects []string
		for i, n := range names {
			s := `"` + n + `"`
			switch types[i] {
			case "time", "interval":
				s = `printf('%.6f', ` + s + `)` // as the text log has it
				s = `CASE WHEN "` + n + `" IS NULL THEN NULL ELSE ` + s + ` END`
			case "bool":
				s = `CASE ` + s + ` WHEN 1 THEN 'T' WHEN 0 THEN 'F' END`
			}
			selects = append(selects, s)
		}
		got := rows(t, db, "SELECT "+strings.Join(selects, ", ")+" FROM "+log+" ORDER BY rowid")
		if len(got) != len(want) || len(want) == 0 {
			t.Fatalf("%s has %d rows, not %d", log, len(got), len(want))
		}
		for i := range want {
			for k, v := range want[i] {
				if (types[k] == "string") && (v == "(empty)") {
					want[i][k] = "-" // an empty string is NULL
				}
			}
			if w := strings.Join(want[i], "\t"); got[i] != w {
				t.Errorf("%s, row %d:\n%s\nnot\n%s", log, i, got[i], w)
			}
		}
	}
}

func typeOf(zeek string) string {
	switch zeek {
	case "bool":
		return "boolean"
	case "count", "int", "port":
		return "integer"
	case "time", "interval", "double":
		return "double precision"
	}
	return "text"
}

func TestAFilterWritesToATableOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "gzeek.toml")
	// Both logs in one file, and smtp as text too.
	text := `[log.smtp.filter.db]
writer = "Log::WRITER_SQLITE"
path = "mail"
include = ["ts", "mailfrom"]
config = { tablename = "mails sent" }
[log.files.filter.db]
writer = "Log::WRITER_SQLITE"
path = "mail"
include = ["fuid", "mime_type"]
config = { tablename = "files" }
`
	if err := os.WriteFile(conf, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	files, err := redef.LoadFiles([]string{conf}, engine.LogSection)
	if err != nil {
		t.Fatal(err)
	}
	runTo(t, dir, files)
	db := openDB(t, filepath.Join(dir, "mail.sqlite"))
	if got := rows(t, db, `SELECT count(*), max(mailfrom) FROM "mails sent"`); got[0] != "3\tanna@example.net" {
		t.Error(got)
	}
	if got := rows(t, db, `SELECT mime_type FROM files WHERE mime_type IS NOT NULL ORDER BY 1 LIMIT 2`); strings.Join(got, " ") != "application/pdf application/zip" {
		t.Error(got)
	}
	if _, err := os.Stat(filepath.Join(dir, "smtp.log")); err != nil {
		t.Error(err)
	}
}

// open makes a writer without a run.
func open(t *testing.T, dir string, cols []zeeklog.Column, settings ...string) (zeeklog.Writer, error) {
	t.Helper()
	r := policytest.Start(t, policytest.Config{Policies: []string{"writers/sqlite"}, Options: settings})
	cfg := zeeklog.DefaultConfig()
	cfg.Dir = dir
	cfg.WriteBufferSize = 3
	return r.Writers()[sqlite.Writer](zeeklog.WriterInfo{Stream: "T::LOG", Filter: "default", Path: "t", Columns: cols, Options: &cfg})
}

func TestValues(t *testing.T) {
	set := func(f func(v *zeeklog.Value)) zeeklog.Value {
		var v zeeklog.Value
		f(&v)
		return v
	}
	strs := func(list ...string) zeeklog.Value {
		return set(func(v *zeeklog.Value) {
			v.SetEmptySet()
			for _, s := range list {
				v.AppendElem().SetString(s)
			}
		})
	}
	for _, c := range []struct {
		kind zeeklog.Type
		v    zeeklog.Value
		want string // type and value as SQLite has them
	}{
		{zeeklog.T(zeeklog.String), set(func(v *zeeklog.Value) { v.SetString("a\tb, 'c'") }), "text a\tb, 'c'"},
		{zeeklog.T(zeeklog.String), set(func(v *zeeklog.Value) { v.SetString("") }), "null -"},
		{zeeklog.T(zeeklog.String), zeeklog.Value{}, "null -"},
		{zeeklog.T(zeeklog.Bool), set(func(v *zeeklog.Value) { v.SetBool(true) }), "integer 1"},
		{zeeklog.T(zeeklog.Bool), set(func(v *zeeklog.Value) { v.SetBool(false) }), "integer 0"},
		{zeeklog.T(zeeklog.Count), set(func(v *zeeklog.Value) { v.SetCount(5 << 32) }), "integer 21474836480"},
		{zeeklog.T(zeeklog.Count), set(func(v *zeeklog.Value) { v.SetCount(math.MaxUint64) }), "real 1.8446744073709552e+19"},
		{zeeklog.T(zeeklog.Int), set(func(v *zeeklog.Value) { v.SetInt(-7) }), "integer -7"},
		{zeeklog.T(zeeklog.Port), set(func(v *zeeklog.Value) { v.SetPort(25) }), "integer 25"},
		{zeeklog.T(zeeklog.Time), set(func(v *zeeklog.Value) { v.SetTime(1.5) }), "real 1.5"},
		{zeeklog.T(zeeklog.Enum), set(func(v *zeeklog.Value) { v.SetEnum("Notice::Tally") }), "text Notice::Tally"},
		{zeeklog.T(zeeklog.Addr), set(func(v *zeeklog.Value) { v.SetAddr(netip.MustParseAddr("2001:db8::1")) }), "text 2001:db8::1"},
		{zeeklog.T(zeeklog.Subnet), set(func(v *zeeklog.Value) { v.SetSubnet(netip.MustParsePrefix("10.0.0.0/8")) }), "text 10.0.0.0/8"},
		{zeeklog.SetOf(zeeklog.String), strs(), "text (empty)"},
		{zeeklog.SetOf(zeeklog.String), strs("a,b", "-", "", "é\n"), `text a\x2cb,\x2d,(empty),\xc3\xa9\x0a`},
		{zeeklog.VectorOf(zeeklog.Bool), set(func(v *zeeklog.Value) {
			v.SetEmptyVector()
			v.AppendElem().SetBool(true)
			v.AppendElem()
		}), "text T,-"},
	} {
		dir := t.TempDir()
		w, err := open(t, dir, []zeeklog.Column{{Name: "x.y", Type: c.kind}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write([]zeeklog.Value{c.v}); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got := rows(t, openDB(t, filepath.Join(dir, "t.sqlite")), `SELECT typeof("x.y") || ' ', "x.y" FROM t`); strings.ReplaceAll(got[0], " \t", " ") != c.want {
			t.Errorf("%v: %q, not %q", c.kind, got[0], c.want)
		}
	}
}

func TestRowsAreCommittedWhenTheBufferIsFullAndWhenFlushed(t *testing.T) {
	dir := t.TempDir()
	w, err := open(t, dir, []zeeklog.Column{{Name: "n", Type: zeeklog.T(zeeklog.Count)}})
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, filepath.Join(dir, "t.sqlite"))
	var row [1]zeeklog.Value
	seen := func() string { return rows(t, db, "SELECT count(*) FROM t")[0] }
	for i, want := range []string{"0", "0", "3", "3"} {
		row[0].SetCount(uint64(i))
		if err := w.Write(row[:]); err != nil {
			t.Fatal(err)
		}
		if got := seen(); got != want {
			t.Errorf("after row %d others see %s rows", i, got)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := seen(); got != "4" {
		t.Errorf("after a flush others see %s rows", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestATableIsContinuedAndOneThatDoesNotFitIsRefused(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		w, err := open(t, dir, []zeeklog.Column{{Name: "n", Type: zeeklog.T(zeeklog.Count)}})
		if err != nil {
			t.Fatal(err)
		}
		var row [1]zeeklog.Value
		row[0].SetCount(1)
		if err := w.Write(row[:]); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, openDB(t, filepath.Join(dir, "t.sqlite")), "SELECT count(*) FROM t"); got[0] != "2" {
		t.Error(got)
	}
	_, err := open(t, dir, []zeeklog.Column{{Name: "other", Type: zeeklog.T(zeeklog.Count)}})
	if err == nil || !strings.Contains(err.Error(), "t.sqlite") || !strings.Contains(err.Error(), "other") {
		t.Errorf("error %v", err)
	}
	if _, err := open(t, filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a database in a folder that isn't there is opened")
	}
}

func TestPragmas(t *testing.T) {
	dir := t.TempDir()
	w, err := open(t, dir, []zeeklog.Column{{Name: "n", Type: zeeklog.T(zeeklog.Count)}},
		"LogSQLite::journal_mode=LogSQLite::SQLITE_JOURNAL_MODE_WAL", "LogSQLite::synchronous=LogSQLite::SQLITE_SYNCHRONOUS_OFF")
	if err != nil {
		t.Fatal(err)
	}
	if got := rows(t, openDB(t, filepath.Join(dir, "t.sqlite")), "PRAGMA journal_mode"); fmt.Sprint(got) != "[wal]" {
		t.Error(got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
