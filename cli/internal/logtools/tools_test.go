package logtools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func cat(args []string, in *strings.Reader, out, errs *bytes.Buffer) int {
	return Cat(args, in, out, errs)
}
func top(args []string, in *strings.Reader, out, errs *bytes.Buffer) int {
	return Top(args, in, out, errs)
}
func stats(args []string, in *strings.Reader, out, errs *bytes.Buffer) int {
	return Stats(args, in, out, errs)
}
func diff(args []string, in *strings.Reader, out, errs *bytes.Buffer) int {
	return Diff(args, in, out, errs)
}

// file writes a file for a test and gives its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// rowsOf gives the lines of a log that are no header.
func rowsOf(log string) string {
	var rows []string
	for _, l := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
		if !strings.HasPrefix(l, "#") {
			rows = append(rows, l)
		}
	}
	return strings.Join(rows, "\n")
}

func TestCatMergesByTime(t *testing.T) {
	a := file(t, "x.1.log", small+"1.0\ta1\t1\n3.0\ta3\t\\x33\n-\ttail of a3\t4\n#close\t2023\n")
	b := file(t, "x.2.log", small+"2.0\tb2\t1\n4.0\tb4\t1\n#close\t2023\n")
	c := file(t, "y.log", strings.Replace(small, "\ta\tb\n", "\tb\tc\n", 1)+"2.5\tfoo\t7\n")
	got, _ := call(t, cat, 0, "", a, b)
	if want := "1.0\ta1\t1\n2.0\tb2\t1\n3.0\ta3\t\\x33\n-\ttail of a3\t4\n4.0\tb4\t1"; rowsOf(got) != want {
		t.Errorf("got %q, want %q", rowsOf(got), want)
	}
	if strings.Count(got, "#fields") != 1 || strings.Count(got, "#close") != 1 || strings.Count(got, "#open") != 1 {
		t.Errorf("headers of %q", got)
	}
	got, _ = call(t, cat, 0, "", a, c)
	if !strings.Contains(got, "#fields\tts\ta\tb\tc\n") || !strings.Contains(rowsOf(got), "\n2.500000\t-\tfoo\t7\n") {
		t.Errorf("different columns: %q", got)
	}
	got, _ = call(t, cat, 0, "", "--in-order", b, a)
	if !strings.HasPrefix(rowsOf(got), "2.0\tb2\t1\n4.0\tb4\t1\n1.0\ta1") {
		t.Errorf("in order: %q", rowsOf(got))
	}
}

func TestCatSortsWithinFilesAlsoBeyondMemory(t *testing.T) {
	var in strings.Builder
	in.WriteString(small)
	for i := range 2000 {
		fmt.Fprintf(&in, "%d.5\trow %d\t1\n", 1000+i*7919%500, i)
	}
	got, _ := call(t, cat, 0, in.String())
	rows := strings.Split(rowsOf(got), "\n")
	if len(rows) != 2000 || !slices.IsSorted(rows) && !slices.IsSortedFunc(rows, func(a, b string) int { return strings.Compare(a[:6], b[:6]) }) {
		t.Errorf("%d rows, not in order", len(rows))
	}
	// The same with hardly any memory: many temporary files.
	s := &sorter{limit: 1000}
	for i := range 2000 {
		if err := s.add(float64(i*7919%500), fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.runs) < 10 {
		t.Fatalf("only %d temporary files", len(s.runs))
	}
	last, n := [2]int{-1, -1}, 0
	if err := s.drain(func(line []byte) error {
		i, err := strconv.Atoi(string(line))
		now := [2]int{i * 7919 % 500, i}
		if now[0] < last[0] || (now[0] == last[0] && now[1] < last[1]) {
			t.Errorf("%v after %v", now, last)
		}
		last = now
		n++
		return err
	}); err != nil || n != 2000 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestCatAsAStreamKeepsTheOrderWithinFiles(t *testing.T) {
	a := file(t, "a.log", small+"1.0\ta\t1\n9.0\ta\t2\n3.0\ta\t3\n")
	b := file(t, "b.log", small+"2.0\tb\t1\n4.0\tb\t2\n")
	got, _ := call(t, cat, 0, "", "--stream", a, b)
	if rowsOf(got) != "1.0\ta\t1\n2.0\tb\t1\n4.0\tb\t2\n9.0\ta\t2\n3.0\ta\t3" {
		t.Errorf("got %q", rowsOf(got))
	}
}

func TestCatMixesTextAndJSON(t *testing.T) {
	j := file(t, "x.json", `{"ts":1.5,"a":"j","b":9}`+"\n")
	l := file(t, "x.log", small+"1.0\tt\t1\n")
	got, _ := call(t, cat, 0, "", l, j)
	if rowsOf(got) != "1.000000\tt\t1\n1.500000\tj\t9" && rowsOf(got) != "1.0\tt\t1\n1.500000\tj\t9" {
		t.Errorf("got %q", got)
	}
	got, _ = call(t, cat, 0, "", "--to", "json", l, j)
	if got != `{"ts":1.0,"a":"t","b":1}`+"\n"+`{"ts":1.5,"a":"j","b":9}`+"\n" {
		t.Errorf("got %q", got)
	}
}

func TestTopCountsElementsAndCombinations(t *testing.T) {
	log := "#separator \\x09\n#fields\tto\tn\n#types\tset[string]\tcount\nx,y\t10\nx\t5\n-\t1\n(empty)\t1\n"
	got, _ := call(t, top, 0, log, "to")
	want := "count  share  to\n    2  40.0%  x\n    1  20.0%  (empty)\n    1  20.0%  -\n    1  20.0%  y\n4 rows, 4 different values\n"
	if got != want {
		t.Errorf("got %q", got)
	}
	got, _ = call(t, top, 0, log, "--json", "-n", "1", "--sum", "n", "to")
	if got != `{"count":15,"to":"x"}`+"\n" {
		t.Errorf("got %q", got)
	}
	got, _ = call(t, top, 0, log, "to,n", "-n", "1")
	if !strings.Contains(got, "(empty)\t1\n") {
		t.Errorf("got %q", got)
	}
	_, errs := call(t, top, 2, log, "nosuch")
	if errs != "gzeek top: no column nosuch\n" {
		t.Errorf("stderr %q", errs)
	}
}

func TestStatsOfColumns(t *testing.T) {
	log := small + "1.5\tx\t3\n2.5\t(empty)\t10\n2.0\tx\t-\n"
	got, _ := call(t, stats, 0, log, "--json")
	var s logStats
	if err := json.Unmarshal([]byte(got), &s); err != nil {
		t.Fatal(err)
	}
	if s.Rows != 3 || s.Path != "x" || !reflect.DeepEqual(*s.Columns[1], columnStats{Name: "a", Type: "string", Set: 3, Empty: 1, Distinct: 2}) ||
		s.Columns[0].Min != "1.500000" || s.Columns[2].Max != "10" || s.Columns[2].Set != 2 {
		t.Errorf("got %s", got)
	}
	got, _ = call(t, stats, 0, log)
	if !strings.Contains(got, "-: 3 rows of x\n") || !strings.Contains(got, "1.500000 .. 2.500000") {
		t.Errorf("got %s", got)
	}
}

const mail = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tsmtp\n#open\t2023\n#fields\tts\tuid\tn\tto\n#types\ttime\tstring\tcount\tset[string]\n"

func TestDiffFindsWhatChanged(t *testing.T) {
	a := file(t, "a.log", mail+"1.0\tC1\t1\tx\n2.0\tC2\t1\tx,y\n3.0\tC3\t1\t-\n#close\t1\n")
	b := file(t, "b.log", strings.Replace(mail, "#open\t2023", "#open\t1999", 1)+"2.0\tC2\t7\tx\n1.0\tC1\t1\tx\n4.0\tC4\t-\t(empty)\n#close\t2\n")
	got, _ := call(t, diff, 1, "", a, b)
	want := "--- " + a + "\n+++ " + b + "\n~10,9: C2\n    n: 1 -> 7\n    to: [x, y] -> [x]\n-11: 3.000000  C3  1  -\n+11: 4.000000  C4  -  []\n" +
		"1 same, 1 changed, 1 only in " + a + ", 1 only in " + b + "\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got, _ = call(t, diff, 1, "", "--json", a, b)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 || lines[0] != `{"columns":{"n":{"a":"1","b":"7"},"to":{"a":"[x, y]","b":"[x]"}},"key":"C2","kind":"changed","line_a":10,"line_b":9}` {
		t.Errorf("got %q", lines)
	}
	got, _ = call(t, diff, 1, "", "--brief", a, b)
	if got != a+" and "+b+" differ\n" {
		t.Errorf("got %q", got)
	}
	got, _ = call(t, diff, 1, "", "--color", "always", a, b)
	if !strings.Contains(got, "\x1b[31m1\x1b[0m \x1b[32m-> 7\x1b[0m") {
		t.Errorf("no colours in %q", got)
	}
}

func TestDiffOfTheSameIsSilent(t *testing.T) {
	a := file(t, "a.log", mail+"1.0\tC1\t1\tx\n2.0\tC2\t1\tx\\xff\n")
	b := file(t, "b.log", mail+"2.0\tC2\t1\tx\\xff\n1.0\tC1\t1\tx\n#close\t2\n")
	j, _ := call(t, convert, 0, "", a)
	if got, _ := call(t, diff, 0, "", a, b); got != "" {
		t.Errorf("got %q", got)
	}
	if got, _ := call(t, diff, 1, "", "--order", a, b); !strings.Contains(got, "the order of 2 rows differs") {
		t.Errorf("got %q", got)
	}
	if got, _ := call(t, diff, 0, "", a, file(t, "a.json", j)); got != "" {
		t.Errorf("text and JSON: %q", got)
	}
}

func TestDiffMasksAndIgnores(t *testing.T) {
	a := file(t, "a.log", mail+"1.0\tC1\t1\tx\n")
	b := file(t, "b.log", mail+"9.0\tC1\t2\tx\n")
	call(t, diff, 1, "", "--mask-times", a, b)
	call(t, diff, 1, "", "--ignore", "n", a, b)
	call(t, diff, 0, "", "--mask-times", "--ignore", "n", a, b)
}

func TestDiffTellsOfHeaders(t *testing.T) {
	a := file(t, "a.log", mail+"1.0\tC1\t1\tx\n")
	b := file(t, "b.log", strings.NewReplacer("smtp", "mail", "\tn\tto", "\tn\tcc", "count", "int").Replace(mail)+"1.0\tC1\t1\tx\n")
	got, _ := call(t, diff, 1, "", a, b)
	for _, w := range []string{"path smtp became mail", "column n: type count became int", "column to is only in the first", "column cc is only in the second"} {
		if !strings.Contains(got, "# "+w+"\n") {
			t.Errorf("%q is not in %q", w, got)
		}
	}
}

func TestDiffOfFolders(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for name, in := range map[string][]string{"same.log": {a, b}, "a.log": {a}, "b.log.gz": {b}, "note.txt": {a}} {
		for _, dir := range in {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(mail+"1.0\tC1\t1\tx\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, _ := call(t, diff, 1, "", a, b)
	if got != "only in "+a+": a.log\nonly in "+b+": b.log.gz\n" {
		t.Errorf("got %q", got)
	}
	call(t, diff, 2, "", a, filepath.Join(b, "nosuch"))
	call(t, diff, 0, "", a, filepath.Join(b, "same.log"))
}
