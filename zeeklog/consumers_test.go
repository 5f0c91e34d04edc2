package zeeklog

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What programs that read Zeek's logs take for granted, one test per rule,
// named by who relies on it. The rows hold what could break the rule.

// hostileLog writes rows of awkward values in many types and gives the file.
func hostileLog(t *testing.T, change func(*Config)) (lines []string, dir string) {
	t.Helper()
	cfg := testConfig(t)
	if change != nil {
		change(&cfg)
	}
	m := New(cfg)
	s, err := m.CreateStream("SMTP::LOG", "smtp", []Column{
		Col("ts", Time), Col("uid", String), Col("id.orig_h", Addr), Col("id.orig_p", Port), Col("n", Count), Col("i", Int),
		Col("d", Double), Col("iv", Interval), Col("b", Bool), Col("e", Enum), Col("net", Subnet),
		{"to", SetOf(String)}, {"path", VectorOf(Addr)}, Col("last", String),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"plain", "", "-", "(empty)", "#x", "tab\there", "line\nbreak\r\n", "comma,comma", `back\slash`, "caf\xc3\xa9", "\xff\x00", `{"a":"b"}`, strings.Repeat("long ", 1000)} {
		r := s.NewRecord()
		r[0].SetTime(1700000000.25 + float64(i))
		r[1].SetString(text)
		if i%2 == 0 {
			r[2].SetAddr(netip.MustParseAddr("::ffff:10.0.0.1"))
			r[3].SetPort(25)
			r[4].SetCount(1 << 63)
			r[5].SetInt(-1)
			r[6].SetDouble(1e300)
			r[7].SetInterval(0.5)
			r[8].SetBool(true)
			r[9].SetEnum("Notice::Tally")
			r[10].SetSubnet(netip.MustParsePrefix("10.1.2.3/8"))
			r[11].SetEmptySet()
			r[12].SetEmptyVector()
			for range i {
				r[11].AppendElem().SetString(text)
				r[12].AppendElem().SetAddr(netip.MustParseAddr("2001:db8::1"))
			}
			r[13].SetString(text)
		}
		if err := s.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	b := readFile(t, cfg.Dir, "smtp.log")
	if !strings.HasSuffix(b, "\n") {
		t.Fatal("the last line has no end")
	}
	return strings.Split(strings.TrimSuffix(b, "\n"), "\n"), cfg.Dir
}

func dataLines(lines []string) (rows []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, "#") {
			rows = append(rows, l)
		}
	}
	return rows
}

func TestZeekCutFindsTheSeparatorInTheFirstLineAndTypesRightAfterFields(t *testing.T) {
	lines, _ := hostileLog(t, nil)
	if lines[0] != `#separator \x09` {
		t.Errorf("first line %q", lines[0])
	}
	for i, l := range lines {
		if strings.HasPrefix(l, "#fields\t") && !strings.HasPrefix(lines[i+1], "#types\t") {
			t.Errorf("after #fields stands %q", lines[i+1])
		}
	}
	for _, r := range dataLines(lines) {
		if ts, _, _ := strings.Cut(r, "\t"); !regexp.MustCompile(`^\d+\.\d{6}$`).MatchString(ts) {
			t.Errorf("time %q", ts)
		}
	}
}

func TestSuperDBGetsTheOnlyHeaderAndTheColumnsItKnows(t *testing.T) {
	lines, _ := hostileLog(t, nil)
	want := map[string]string{"set_separator": ",", "empty_field": "(empty)", "unset_field": "-"}
	types := 0
	for _, l := range lines {
		key, value, _ := strings.Cut(strings.TrimPrefix(l, "#"), "\t")
		if w, ok := want[key]; ok && value != w {
			t.Errorf("%s is %q", key, value)
		}
		delete(want, key)
		if key == "types" {
			for _, typ := range strings.Split(value, "\t") {
				types++
				if !regexp.MustCompile(`^((set|vector)\[)?(addr|bool|count|double|enum|int|interval|port|string|subnet|time)\]?$`).MatchString(typ) {
					t.Errorf("type %q", typ)
				}
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	for _, r := range dataLines(lines) {
		if n := strings.Count(r, "\t") + 1; n != types {
			t.Errorf("%d columns instead of %d in %q", n, types, r)
		}
	}
}

func TestRITAReadsTheTimeOfOpen(t *testing.T) {
	lines, _ := hostileLog(t, nil)
	for _, l := range lines {
		if s, ok := strings.CutPrefix(l, "#open\t"); ok {
			if _, err := time.Parse("2006-01-02-15-04-05", s); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("no #open")
}

func TestRITAAndMalcolmFindRotatedLogsByTheirName(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval = 3600
		c.RotationPath = func(i RotationInfo) (string, string) {
			clock := func(t float64) string { return Strftime("%H:%M:%S", time.Unix(int64(t), 0).UTC()) }
			return "", i.Path + "." + clock(i.Open) + "-" + clock(i.Close)
		}
	})
	m.Tick(at(10, 20, 0))
	write(t, s, "a")
	m.Tick(at(11, 0, 0))
	m.Close()
	wantFiles(t, dir, "mail.10:20:00-11:00:00.log")
}

func TestZatStripsLinesSoTheLastColumnIsNeverEmpty(t *testing.T) {
	lines, _ := hostileLog(t, nil)
	for _, l := range lines {
		if l != strings.TrimSpace(l) && !strings.HasSuffix(l, "long ") {
			t.Errorf("blanks around %q", l)
		}
		if strings.HasSuffix(l, "\t") || strings.Contains(l, "\t\t") {
			t.Errorf("empty column in %q", l)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "#close\t") {
		t.Errorf("last line %q", last)
	}
}

func TestZeek2esTakesDashAndEmptyForNothing(t *testing.T) {
	// So a value that reads like one of them must not look like it.
	lines, _ := hostileLog(t, nil)
	rows := dataLines(lines)
	for i, want := range map[int]string{1: "(empty)", 2: `\x2d`, 3: `\x28empty)`} {
		if got := strings.Split(rows[i], "\t")[1]; got != want {
			t.Errorf("row %d: uid %q, want %q", i, got, want)
		}
	}
}

func TestMalcolmSplitsSetsAtCommas(t *testing.T) {
	lines, _ := hostileLog(t, nil)
	for i, r := range dataLines(lines) {
		if i%2 != 0 || i == 0 {
			continue
		}
		if n := len(strings.Split(strings.Split(r, "\t")[11], ",")); n != i {
			t.Errorf("row %d: %d elements", i, n)
		}
	}
}

func TestMalcolmFindsColumnsByTheirPlace(t *testing.T) {
	// New columns of policies come behind, in the order in which they load.
	m, s, dir := newStream(t, nil)
	if err := s.AddColumns(Col("is_webmail", Bool)); err != nil {
		t.Fatal(err)
	}
	r := s.NewRecord()
	r[4].SetBool(true)
	if err := s.Write(r); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if got := header(t, dir, "mail.log", "fields"); got != "ts\tuid\tid.orig_h\tnote\tis_webmail" {
		t.Errorf("fields %q", got)
	}
}

func TestFilebeatAndSecurityOnionGetNamesAndTimesAsZeekHasThem(t *testing.T) {
	for form, kind := range map[TimestampFormat]string{TSEpoch: "float64", TSISO8601: "string"} {
		lines, dir := hostileLog(t, func(c *Config) { c.ASCII.JSON, c.ASCII.JSONTimestamps = true, form })
		for _, l := range lines {
			var row map[string]any
			if err := json.Unmarshal([]byte(l), &row); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			switch ts := row["ts"].(type) {
			case float64:
				if kind != "float64" {
					t.Errorf("ts %v", ts)
				}
			case string:
				if _, err := time.Parse(time.RFC3339Nano, ts); err != nil || kind != "string" {
					t.Errorf("ts %q: %v", ts, err)
				}
			default:
				t.Errorf("ts %v", ts)
			}
			for name, v := range row {
				if _, nested := v.(map[string]any); nested {
					t.Errorf("%s is an object", name)
				}
			}
		}
		if !strings.Contains(lines[0], `"id.orig_h":"10.0.0.1"`) {
			t.Errorf("row %s", lines[0])
		}
		wantFiles(t, dir, "smtp.log") // not compressed while it is written
	}
}

func TestSplunkVectorAndFluentBitGetOneRecordALine(t *testing.T) {
	for _, json := range []bool{false, true} {
		lines, _ := hostileLog(t, func(c *Config) { c.ASCII.JSON = json })
		if n := len(dataLines(lines)); n != 13 {
			t.Errorf("JSON %v: %d lines for 13 records", json, n)
		}
		for _, l := range lines {
			if bytes.ContainsAny([]byte(l), "\r\x00\x0b\x0c\x1b") {
				t.Errorf("control bytes in %q", l)
			}
		}
	}
}

func TestFollowersSeeTheFileRenamedAtRotationNotTruncated(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval = 3600 })
	m.Tick(at(10, 0, 1))
	write(t, s, "a")
	m.Flush()
	inode := func(name string) uint64 {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return st.Sys().(*syscall.Stat_t).Ino
	}
	before := inode("mail.log")
	m.Tick(at(11, 0, 0))
	if after := inode("mail.2023-11-14-10-00-01.log"); after != before {
		t.Error("the rotated log is another file")
	}
	write(t, s, "b")
	m.Close()
}

func TestBTestSeesNoClockBehindItsCanonifiers(t *testing.T) {
	// Baselines of logs are compared after what Zeek's canonifiers mask: lines
	// of opening and closing of one exact form, and times with their fraction.
	masks := []*regexp.Regexp{
		regexp.MustCompile(`^ *#(?:open|close).(?:19|20)\d\d-\d\d-\d\d-\d\d-\d\d-\d\d$`),
		regexp.MustCompile(`\d{9,10}\.\d{2,8}`),
	}
	var runs [2][]string
	for i := range runs {
		lines, _ := hostileLog(t, func(c *Config) {
			c.WallClock = func() time.Time { return time.Unix(int64(1700000000+100000*i), 0) }
		})
		for _, l := range lines {
			for _, m := range masks {
				l = m.ReplaceAllString(l, "MASKED")
			}
			runs[i] = append(runs[i], l)
		}
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Errorf("%q\n%q", runs[0], runs[1])
	}
	for _, r := range dataLines(runs[0]) {
		if r != "MASKED" && !strings.HasPrefix(r, "MASKED\t") {
			t.Errorf("the time of %q isn't found", r)
		}
	}
}

func TestRITATellsTheFormByTheFirstByte(t *testing.T) {
	for first, isJSON := range map[byte]bool{'#': false, '{': true} {
		if lines, _ := hostileLog(t, func(c *Config) { c.ASCII.JSON = isJSON }); lines[0][0] != first {
			t.Errorf("JSON %v: first line %q", isJSON, lines[0])
		}
	}
}

func TestRITAAndSuperDBReadCompressedLogs(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.ASCII.GzipLevel = 6
		c.RotationInterval = 3600
	})
	m.Tick(at(10, 0, 0))
	write(t, s, "a", "b")
	m.Tick(at(11, 0, 0))
	write(t, s, "c")
	m.Close()
	// .log.gz is the only ending they know; each is a whole file.
	wantFiles(t, dir, "mail.2023-11-14-10-00-00.log.gz", "mail.2023-11-14-11-00-00.log.gz")
	for _, name := range files(t, dir) {
		z, err := gzip.NewReader(strings.NewReader(readFile(t, dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil || !bytes.HasPrefix(b, []byte("#separator")) || !bytes.Contains(b, []byte("\n#close\t")) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestRITAAndSuperDBReadLinesUpToALimit(t *testing.T) {
	// 1 MiB and 50 MB. Zeek limits the bytes of a row's values; a line has a
	// bounded number of bytes for each of them, whatever they are and however
	// many elements they make, so that a limit on rows is one on lines.
	const limit = 100_000
	for _, isJSON := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.MaxLogRecordSize = limit
		cfg.ASCII.JSON = isJSON
		m := New(cfg)
		s, err := m.CreateStream("X::LOG", "x", []Column{{"v", VectorOf(String)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"\x00", "\xff", `"`, "-", ",", "\\"} {
			for _, n := range []int{1, limit} {
				r := s.NewRecord()
				r[0].SetEmptyVector()
				for range n {
					r[0].AppendElem().SetString(strings.Repeat(text, limit/n))
				}
				if err := s.Write(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(readFile(t, cfg.Dir, "x.log"), "\n"), "\n")
		if n := len(dataLines(lines)); n != 12 {
			t.Errorf("%d rows", n)
		}
		for _, l := range lines {
			if len(l) >= 1<<20 {
				t.Errorf("JSON %v: %d bytes: %.40q...", isJSON, len(l), l)
			}
		}
	}
}

func TestZatEndsAtCloseSoNoRowLooksLikeIt(t *testing.T) {
	cfg := testConfig(t)
	m := New(cfg)
	s, err := m.CreateStream("X::LOG", "x", []Column{Col("a", String), Col("b", String)})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"#close\t2026-01-01-00-00-00", "#fields", "#", " #close", "last"} {
		r := s.NewRecord()
		r[0].SetString(text)
		if err := s.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, cfg.Dir, "x.log")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if n := len(dataLines(lines)); n != 5 {
		t.Errorf("%d rows in %s", n, text)
	}
	for i, l := range lines {
		if strings.HasPrefix(l, "#close") && i != len(lines)-1 {
			t.Errorf("%q is not the last line", l)
		}
	}
}

func TestZeek2esNamesTheIndexByWhatStandsBeforeThePoint(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval = 3600
		c.ExtraFilters = []Filter{{Name: "json", Writer: WriterJSON}}
	})
	m.Tick(at(10, 0, 0))
	write(t, s, "a")
	m.Tick(at(11, 0, 0))
	write(t, s, "b")
	m.Close()
	names := files(t, dir)
	if len(names) != 4 {
		t.Errorf("files %q", names)
	}
	for _, name := range names {
		if index := name[:strings.IndexAny(name, "._")]; index != "mail" {
			t.Errorf("%s: index %q", name, index)
		}
	}
}

// allLogs gives the columns, "name type", of all logs. They stand in a page
// that package engine's tests hold to the streams of a run.
func allLogs(t *testing.T) map[string][]string {
	t.Helper()
	logs := map[string][]string{}
	sections := strings.Split(readFile(t, "../docs", "logs.md"), "\n### ")
	for _, section := range sections {
		if name, text, ok := strings.Cut(section, ".log\n"); ok && !strings.ContainsAny(name, " \n") {
			for _, c := range regexp.MustCompile("`([^` ]+)` ([^ ,\n]+)").FindAllStringSubmatch(text, -1) {
				logs[name] = append(logs[name], c[1]+" "+c[2])
			}
		}
	}
	if len(logs["smtp"]) == 0 || len(logs["conn"]) == 0 {
		t.Fatalf("no columns in docs/logs.md: %q", logs)
	}
	return logs
}

func TestZeek2esDropsRowsWithoutTs(t *testing.T) {
	for log, columns := range allLogs(t) {
		if columns[0] != "ts time" {
			t.Errorf("%s.log begins with %s", log, columns[0])
		}
	}
}

func TestSuperDBMakesRecordsOfDottedNames(t *testing.T) {
	// So nothing may be a value and hold others.
	for log, columns := range allLogs(t) {
		for _, c := range columns {
			name, typ, _ := strings.Cut(c, " ")
			for _, d := range columns {
				if strings.HasPrefix(d, name+".") {
					t.Errorf("%s.log has %s and %s", log, c, d)
				}
			}
			if !regexp.MustCompile(`^((set|vector)\[)?(addr|bool|count|double|enum|int|interval|port|string|subnet|time)\]?$`).MatchString(typ) {
				t.Errorf("%s.log: type of %s", log, c)
			}
		}
	}
}

func TestMalcolmAndSecurityOnionKnowTheColumnsOfSMTP(t *testing.T) {
	// By their place the one, by their name the other.
	want := "ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth helo mailfrom rcptto date from to cc reply_to msg_id in_reply_to subject x_originating_ip first_received second_received last_reply path user_agent tls fuids is_webmail"
	var got []string
	for _, c := range allLogs(t)["smtp"] {
		name, _, _ := strings.Cut(c, " ")
		got = append(got, name)
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("columns %s", s)
	}
}

func TestFilebeatGetsDatesAsMailsHaveThem(t *testing.T) {
	// It reads one form of them; none is put into another one.
	const date = "Tue, 4 Nov 2026 00:10:00 +0100"
	m, s, dir := newStream(t, func(c *Config) { c.ASCII.JSON = true })
	write(t, s, date)
	m.Close()
	var row struct{ Note string }
	if err := json.Unmarshal([]byte(readFile(t, dir, "mail.log")), &row); err != nil || row.Note != date {
		t.Errorf("%q, %v", row.Note, err)
	}
}
