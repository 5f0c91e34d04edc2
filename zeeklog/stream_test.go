package zeeklog

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var mailColumns = []Column{Col("ts", Time), Col("uid", String), Col("id.orig_h", String), Col("note", String)}

// newStream makes a stream of four columns in a folder of its own.
func newStream(t *testing.T, change func(*Config)) (*Manager, *Stream, string) {
	t.Helper()
	cfg := testConfig(t)
	if change != nil {
		change(&cfg)
	}
	m := New(cfg)
	s, err := m.CreateStream("Mail::LOG", "mail", mailColumns)
	if err != nil {
		t.Fatal(err)
	}
	return m, s, cfg.Dir
}

func mailRow(note string) []Value {
	rec := make([]Value, len(mailColumns))
	rec[0].SetTime(1.5)
	rec[1].SetString("C1")
	rec[2].SetString("10.0.0.1")
	rec[3].SetString(note)
	return rec
}

func write(t *testing.T, s *Stream, notes ...string) {
	t.Helper()
	for _, n := range notes {
		if err := s.Write(mailRow(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// notes gives the rows of a log, without the first three columns.
func notes(t *testing.T, dir, name string) []string {
	t.Helper()
	var out []string
	for _, l := range strings.Split(readFile(t, dir, name), "\n") {
		if l != "" && !strings.HasPrefix(l, "#") {
			out = append(out, l[strings.LastIndexByte(l, '\t')+1:])
		}
	}
	return out
}

func header(t *testing.T, dir, name, key string) string {
	t.Helper()
	for _, l := range strings.Split(readFile(t, dir, name), "\n") {
		if s, ok := strings.CutPrefix(l, "#"+key+"\t"); ok {
			return s
		}
	}
	t.Fatalf("%s has no #%s", name, key)
	return ""
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestNoFileWithoutARowThatPasses(t *testing.T) {
	m, s, dir := newStream(t, nil)
	s.AddPolicyHook(func(rec []Value) bool { return rec[3].AsString() != "vetoed" })
	write(t, s, "vetoed", "vetoed")
	m.Close()
	wantFiles(t, dir)
}

func TestVetoOfTheStreamStillRunsTheHooksOfFilters(t *testing.T) {
	m, s, dir := newStream(t, nil)
	seen := 0
	if err := s.AddFilter(Filter{Name: "other", Path: "other", Predicate: func([]Value) bool { seen++; return true }}); err != nil {
		t.Fatal(err)
	}
	m.AddPolicyHook(func(id string, rec []Value) bool { return id != "Mail::LOG" })
	write(t, s, "a")
	m.Close()
	wantFiles(t, dir)
	if seen != 1 {
		t.Errorf("filter hook ran %d times", seen)
	}
}

func TestTwoFiltersOnOnePathGetPathsOfTheirOwn(t *testing.T) {
	var warnings []string
	m, s, dir := newStream(t, func(c *Config) { c.Warn = func(w string) { warnings = append(warnings, w) } })
	for _, n := range []string{"second", "third"} {
		if err := s.AddFilter(Filter{Name: n}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, "a", "b")
	m.Close()
	wantFiles(t, dir, "mail-2.log", "mail-3.log", "mail.log")
	if got := header(t, dir, "mail-2.log", "path"); got != "mail-2" {
		t.Errorf("path %q", got)
	}
	want := "Write using filter 'second' on path 'mail' changed to use new path 'mail-2' to avoid conflict with filter 'default'"
	if len(warnings) != 2 || warnings[0] != want {
		t.Errorf("warnings %q", warnings)
	}
}

func TestAddingAFilterAgainMovesItToTheEnd(t *testing.T) {
	_, s, _ := newStream(t, nil)
	for _, n := range []string{"a", "b", "a"} {
		if err := s.AddFilter(Filter{Name: n}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Filters(); !slices.Equal(got, []string{"default", "b", "a"}) {
		t.Errorf("filters %q", got)
	}
	if !s.RemoveFilter("b") || s.RemoveFilter("b") {
		t.Error("RemoveFilter doesn't tell whether there was one")
	}
}

func TestColumnsOfAFilter(t *testing.T) {
	none := ""
	for name, c := range map[string]struct {
		f      Filter
		fields string
	}{
		"include keeps the order of the record": {Filter{Include: []string{"note", "ts"}}, "ts\tnote"},
		"exclude":                               {Filter{Exclude: []string{"id.orig_h"}}, "ts\tuid\tnote"},
		"scope separator":                       {Filter{ScopeSep: "_", Exclude: []string{"id_orig_h"}}, "ts\tuid\tnote"},
		"scope separator in names":              {Filter{ScopeSep: "_"}, "ts\tuid\tid_orig_h\tnote"},
		"map":                                   {Filter{FieldNameMap: map[string]string{"uid": "conn"}}, "ts\tconn\tid.orig_h\tnote"},
		"extension first, and never excluded": {
			Filter{Ext: []ExtField{{Name: "node", Type: T(String)}}, Include: []string{"note"}}, "_node\tnote"},
		"extension without prefix": {
			Filter{Ext: []ExtField{{Name: "node", Type: T(String)}}, ExtPrefix: &none}, "node\tts\tuid\tid.orig_h\tnote"},
	} {
		t.Run(name, func(t *testing.T) {
			m, s, dir := newStream(t, nil)
			c.f.Name = "default"
			if err := s.AddFilter(c.f); err != nil {
				t.Fatal(err)
			}
			write(t, s, "x")
			m.Close()
			if got := header(t, dir, "mail.log", "fields"); got != c.fields {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
			if got := notes(t, dir, "mail.log"); !slices.Equal(got, []string{"x"}) {
				t.Errorf("rows %q", got)
			}
		})
	}
}

func TestExtensionValuesAreConstantOrComputedByPath(t *testing.T) {
	m, s, dir := newStream(t, nil)
	var node Value
	node.SetString("here")
	if err := s.AddFilter(Filter{Name: "default", Include: []string{"note"}, Ext: []ExtField{
		{Name: "a", Type: T(String), Value: node},
		{Name: "b", Type: T(String), Func: func(path string, v *Value) { v.SetString("<" + path + ">") }},
	}}); err != nil {
		t.Fatal(err)
	}
	write(t, s, "x")
	m.Close()
	if got := strings.Split(readFile(t, dir, "mail.log"), "\n")[8]; got != "here\t<mail>\tx" {
		t.Errorf("row %q", got)
	}
}

func TestPathFunctionOpensAFilePerPath(t *testing.T) {
	m, s, dir := newStream(t, nil)
	if err := s.AddFilter(Filter{Name: "default", PathFunc: func(id, path string, rec []Value) string {
		return "mail-" + rec[3].AsString()
	}}); err != nil {
		t.Fatal(err)
	}
	write(t, s, "a", "b", "a")
	m.Close()
	wantFiles(t, dir, "mail-a.log", "mail-b.log")
	if got := notes(t, dir, "mail-a.log"); len(got) != 2 {
		t.Errorf("rows %q", got)
	}
}

func TestPathIsDerivedFromTheStreamsName(t *testing.T) {
	for id, want := range map[string]string{
		"Notice::LOG": "notice", "Notice::ALARM_LOG": "notice_alarm", "SMTP::LOG": "smtp",
		"KnownHosts::LOG": "known_hosts", "print": "print", "SSL::FILES": "ssl_files",
	} {
		if got := defaultPath(id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestColumnsCanBeAddedUntilTheFirstRow(t *testing.T) {
	m, s, dir := newStream(t, nil)
	if err := s.AddColumns(Col("is_webmail", Bool)); err != nil {
		t.Fatal(err)
	}
	if err := s.AddColumns(Col("uid", String)); err == nil {
		t.Error("a second column uid was taken")
	}
	rec := append(mailRow("x"), Value{})
	rec[4].SetBool(false)
	if err := s.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := s.AddColumns(Col("late", Bool)); err == nil {
		t.Error("a column was taken after the first row")
	}
	m.Close()
	if got := header(t, dir, "mail.log", "types"); got != "time\tstring\tstring\tstring\tbool" {
		t.Errorf("types %q", got)
	}
}

func TestDisabledStreamWritesNothing(t *testing.T) {
	m, s, dir := newStream(t, nil)
	s.Disable()
	write(t, s, "a")
	s.Enable()
	write(t, s, "b")
	m.Close()
	if got := notes(t, dir, "mail.log"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("rows %q", got)
	}
}

func TestTooLargeRecordsAreDroppedWithAWeird(t *testing.T) {
	var weird []string
	m, s, dir := newStream(t, func(c *Config) {
		c.MaxLogRecordSize = 100
		c.Weird = func(name, addl string) { weird = append(weird, name+" "+addl) }
	})
	write(t, s, strings.Repeat("x", 100), "small")
	m.Close()
	if got := notes(t, dir, "mail.log"); !slices.Equal(got, []string{"small"}) {
		t.Errorf("rows %q", got)
	}
	if !slices.Equal(weird, []string{"log_record_too_large Mail::LOG"}) {
		t.Errorf("weirds %q", weird)
	}
}

func TestTextAndJSONAtTheSameTime(t *testing.T) {
	m, s, dir := newStream(t, nil)
	if err := s.AddFilter(Filter{Name: "json", Writer: WriterJSON}); err != nil {
		t.Fatal(err)
	}
	write(t, s, "a")
	m.Close()
	wantFiles(t, dir, "mail.json", "mail.log")
	want := `{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1","note":"a"}` + "\n"
	if got := readFile(t, dir, "mail.json"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestExtraFiltersComeWithEveryStream(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.ExtraFilters = []Filter{{Name: "json", Writer: WriterJSON}} })
	write(t, s, "a")
	m.Close()
	wantFiles(t, dir, "mail.json", "mail.log")
}

func TestValuesAsGoValues(t *testing.T) {
	var v Value
	v.SetEmptySet()
	v.AppendElem().SetAddr(netip.MustParseAddr("::ffff:10.0.0.1"))
	v.AppendElem().SetPort(25)
	v.AppendElem().SetInterval(1.5)
	v.AppendElem().SetBytes([]byte("x"))
	v.AppendElem()
	v.AppendElem().SetCount(7)
	want := []any{netip.MustParseAddr("10.0.0.1"), uint16(25), 1500 * time.Millisecond, "x", nil, uint64(7)}
	if got := v.Any(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestFilterConfigOverridesTheWritersOptions(t *testing.T) {
	for key, c := range map[string]struct{ value, want string }{
		"tsv":         {"T", "ts\tuid\tid.orig_h\tnote\n1.500000\tC1\t10.0.0.1\t-\n"},
		"use_json":    {"T", `{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1"}` + "\n"},
		"unset_field": {"NULL", ""},
	} {
		m, s, dir := newStream(t, nil)
		if err := s.AddFilter(Filter{Name: "default", Config: map[string]string{key: c.value, "unknown": "ignored"}}); err != nil {
			t.Fatal(err)
		}
		rec := mailRow("")
		rec[3].SetUnset()
		if err := s.Write(rec); err != nil {
			t.Fatal(err)
		}
		m.Close()
		got := readFile(t, dir, "mail.log")
		if c.want != "" && got != c.want {
			t.Errorf("%s: got %q, want %q", key, got, c.want)
		}
		if key == "unset_field" && (header(t, dir, "mail.log", "unset_field") != "NULL" || notes(t, dir, "mail.log")[0] != "NULL") {
			t.Errorf("%s: got %q", key, got)
		}
	}
}

func TestBadFilterConfigIsAnErrorOfTheFirstRow(t *testing.T) {
	var reported []string
	m, s, dir := newStream(t, func(c *Config) { c.Error = func(e string) { reported = append(reported, e) } })
	if err := s.AddFilter(Filter{Name: "default", Config: map[string]string{"tsv": "yes"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(mailRow("a")); err == nil || !strings.Contains(err.Error(), "invalid value for 'tsv'") {
		t.Errorf("error %v", err)
	}
	if err := s.Write(mailRow("b")); err != nil {
		t.Errorf("the second row fails again: %v", err)
	}
	m.Close()
	wantFiles(t, dir)
	if len(reported) != 1 {
		t.Errorf("reported %q", reported)
	}
}

func TestFieldNamesAreMappedForAllLogs(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.DefaultFieldNameMap = map[string]string{"id.orig_h": "src_ip", "uid": "conn_uid"}
	})
	write(t, s, "a")
	m.Close()
	if got := header(t, dir, "mail.log", "fields"); got != "ts\tconn_uid\tsrc_ip\tnote" {
		t.Errorf("fields %q", got)
	}
}

func TestRowsReachTheFileAsWholeLines(t *testing.T) {
	m, s, dir := newStream(t, nil)
	long := strings.Repeat("y", 300)
	for range 500 {
		write(t, s, long)
		if name := filepath.Join(dir, "mail.log"); fileExists(name) {
			if b := readFile(t, dir, "mail.log"); b != "" && !strings.HasSuffix(b, "\n") {
				t.Fatal("half a line in the file")
			}
		}
	}
	m.Close()
	if got := notes(t, dir, "mail.log"); len(got) != 500 {
		t.Errorf("%d rows", len(got))
	}
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestTickFlushesOncePerFlushInterval(t *testing.T) {
	m, s, dir := newStream(t, nil)
	m.Tick(100)
	write(t, s, "a")
	m.Tick(100.5)
	if b := readFile(t, dir, "mail.log"); b != "" {
		t.Errorf("flushed early: %q", b)
	}
	m.Tick(101)
	if got := notes(t, dir, "mail.log"); len(got) != 1 {
		t.Errorf("not flushed: %q", got)
	}
	m.Close()
}

// memWriter is what a plugin may register.
type memWriter struct {
	info WriterInfo
	rows []string
	fail bool
}

func (w *memWriter) Write(rec []Value) error {
	if w.fail {
		return errors.New("disk full")
	}
	w.rows = append(w.rows, strings.Clone(rec[len(rec)-1].AsString()))
	return nil
}
func (w *memWriter) Flush() error                                { return nil }
func (w *memWriter) Rotate(string, bool) (string, string, error) { return "", "", nil }
func (w *memWriter) Close() error                                { return nil }

func TestAWriterOfAPluginGetsTheRows(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.Error = func(string) {} })
	var w *memWriter
	m.RegisterWriter("Log::WRITER_MEM", func(info WriterInfo) (Writer, error) {
		w = &memWriter{info: info}
		return w, nil
	})
	if err := s.AddFilter(Filter{Name: "default", Writer: "Log::WRITER_MEM", Config: map[string]string{"k": "v"}, Exclude: []string{"ts"}}); err != nil {
		t.Fatal(err)
	}
	write(t, s, "a", "b")
	if !slices.Equal(w.rows, []string{"a", "b"}) || w.info.Path != "mail" || w.info.Config["k"] != "v" || len(w.info.Columns) != 3 {
		t.Errorf("writer got %+v", w)
	}
	w.fail = true
	if err := s.Write(mailRow("c")); err == nil {
		t.Error("the writer's error is lost")
	}
	w.fail = false
	write(t, s, "d")
	if len(w.rows) != 2 {
		t.Error("a writer that failed gets rows")
	}
	m.Close()
	wantFiles(t, dir)
	if err := s.AddFilter(Filter{Name: "x", Writer: "Log::WRITER_NOWHERE"}); err == nil {
		t.Error("a filter with an unknown writer was taken")
	}
}

func TestGzipLogsHaveTheirExtensionAndContent(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.ASCII.GzipLevel = 6 })
	write(t, s, "a", "b")
	m.Close()
	wantFiles(t, dir, "mail.log.gz")
	if b := readFile(t, dir, "mail.log.gz"); !strings.HasPrefix(b, "\x1f\x8b") {
		t.Errorf("no gzip: %q", b)
	}
}

func TestLogsGoToStdoutWithItsPath(t *testing.T) {
	var out strings.Builder
	m, s, dir := newStream(t, func(c *Config) { c.ASCII.ToStdout, c.Stdout = true, &out })
	write(t, s, "a")
	m.Close()
	wantFiles(t, dir)
	if !strings.Contains(out.String(), "#path\t/dev/stdout\n") || !strings.Contains(out.String(), "\ta\n#close\t") {
		t.Errorf("got %q", out.String())
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	m, s, _ := newStream(t, nil)
	if err := s.AddFilter(Filter{Name: "json", Writer: WriterJSON, Exclude: []string{"uid"}}); err != nil {
		t.Fatal(err)
	}
	rec := mailRow("caf\xc3\xa9 \xff")
	write(t, s, "a")
	if n := testing.AllocsPerRun(2000, func() {
		if err := s.Write(rec); err != nil {
			t.Fatal(err)
		}
	}); n > 0.1 {
		t.Errorf("%v allocations per row", n)
	}
	m.Close()
}

func TestSeparatorsThatOccurInNumbersAreEscapedThereToo(t *testing.T) {
	var v Value
	v.SetEmptyVector()
	v.AppendElem().SetAddr(netip.MustParseAddr("10.0.0.1"))
	v.AppendElem().SetAddr(netip.MustParseAddr("::1"))
	v.AppendElem()
	for _, c := range []struct {
		change func(*ASCII)
		want   string
	}{
		{func(a *ASCII) { a.Separator = "." }, `10\x2e0\x2e0\x2e1,::1,-`},
		{func(a *ASCII) { a.SetSeparator = ":" }, `10.0.0.1:\x3a\x3a1:-`},
		{func(a *ASCII) { a.SetSeparator = "::" }, `10.0.0.1::\x3a\x3a1::-`},
		{func(a *ASCII) { a.UnsetField = `\N` }, `10.0.0.1,::1,\\N`},
		{func(a *ASCII) { a.SetSeparator = "-" }, `10.0.0.1-::1-\x2d`},
	} {
		if got := lineOf(t, &v, c.change); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		// What is written so reads back.
		opt := DefaultConfig().ASCII
		c.change(&opt)
		cols := []Column{{"v", VectorOf(Addr)}}
		enc := NewEncoder(opt, "x", cols)
		log := enc.AppendRow(enc.AppendHeader(nil, ""), []Value{v})
		r := NewReader(strings.NewReader(string(log)), ReaderOptions{OnProblem: func(p *Problem) { t.Error(p) }})
		if !r.Next() || r.Record().Value(0).Len() != 3 || r.Record().Value(0).Elem(1).AsAddr() != netip.IPv6Loopback() || r.Record().Value(0).Elem(2).IsSet() {
			t.Errorf("%q reads back as %v", log, r.Record().Value(0).Any())
		}
	}
}
