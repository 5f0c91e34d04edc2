package zeeklog

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The rows of testdata/values were written by Zeek 8.0.9 from values.zeek; the
// tests read the values out of that script.

var valueColumns = []Column{
	Col("k", Count), Col("s", String), {"ss", SetOf(String)}, {"v", VectorOf(String)},
	Col("t", Time), Col("i", Interval), Col("d", Double), Col("c", Count), Col("n", Int),
	Col("b", Bool), Col("p", Port), Col("a", Addr), Col("sn", Subnet), Col("e", Enum),
	{"va", VectorOf(Addr)}, {"sd", SetOf(Double)}, {"vt", VectorOf(Interval)},
}

var (
	valueRow  = regexp.MustCompile(`^(?:\{.*?)?w\(\[\$k=0(?:, \$(\w+)=(.*))?\]\);`)
	valueItem = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[^,"\s]+`)
)

// scriptRows gives the rows that values.zeek writes.
func scriptRows(t *testing.T) [][]Value {
	t.Helper()
	text, err := os.ReadFile("testdata/values/values.zeek")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]Value
	for _, line := range strings.Split(string(text), "\n") {
		m := valueRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		rec := make([]Value, len(valueColumns))
		rec[0].SetCount(uint64(len(rows) + 1))
		for i, c := range valueColumns {
			if i > 0 && c.Name == m[1] {
				setFromScript(t, &rec[i], c.Type, m[2])
			}
		}
		rows = append(rows, rec)
	}
	if len(rows) != 130 {
		t.Fatalf("%d rows in values.zeek", len(rows))
	}
	return rows
}

func setFromScript(t *testing.T, v *Value, typ Type, expr string) {
	t.Helper()
	inner := func(name string) (string, bool) {
		s, ok := strings.CutPrefix(expr, name+"(")
		return strings.TrimSuffix(s, ")"), ok
	}
	if s, ok := inner("double_to_time"); ok {
		expr = s
	}
	if s, ok := inner("double_to_interval"); ok {
		expr = s + "sec"
	}
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	switch typ.Kind {
	case Set, Vector:
		s, isSet := inner("set")
		if expr == "e0" { // a variable in the script, never filled
			v.SetEmptySet()
			return
		}
		if isSet {
			v.SetEmptySet()
		} else {
			s, _ = inner("vector")
			v.SetEmptyVector()
		}
		items := valueItem.FindAllString(s, -1)
		for i := range items {
			item := items[i]
			if isSet { // in this script hash order is the opposite of the written one
				item = items[len(items)-1-i]
			}
			setFromScript(t, v.AppendElem(), T(typ.Elem), strings.TrimSpace(item))
		}
	case String:
		raw := regexp.MustCompile(`\\x(..)`).ReplaceAllStringFunc(expr[1:len(expr)-1], func(s string) string {
			b, err := hex.DecodeString(s[2:])
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		})
		v.SetBytes([]byte(raw))
	case Time:
		v.SetTime(number(expr))
	case Interval:
		m := regexp.MustCompile(`^([-0-9.e]+)(usec|sec|day)s?$`).FindStringSubmatch(expr)
		if m == nil {
			t.Fatalf("interval %q", expr)
		}
		v.SetInterval(number(m[1]) * map[string]float64{"usec": 1e-6, "sec": 1, "day": 86400}[m[2]])
	case Double:
		v.SetDouble(number(expr))
	case Count:
		n, _ := strconv.ParseUint(expr, 10, 64)
		v.SetCount(n)
	case Int:
		n, _ := strconv.ParseInt(expr, 10, 64)
		v.SetInt(n)
	case Bool:
		v.SetBool(expr == "T")
	case Port:
		n, _ := strconv.Atoi(expr[:strings.IndexByte(expr, '/')])
		v.SetPort(uint16(n))
	case Addr:
		v.SetAddr(netip.MustParseAddr(strings.Trim(expr, "[]")))
	case Subnet:
		v.SetSubnet(netip.MustParsePrefix(strings.NewReplacer("[", "", "]", "").Replace(expr)))
	case Enum:
		v.SetEnum(expr)
	default:
		t.Fatalf("type %s", typ)
	}
}

func TestOddValuesAreWrittenAsZeekWritesThemInEightSettings(t *testing.T) {
	rows := scriptRows(t)
	for name, change := range map[string]func(*ASCII){
		"tsv":         func(*ASCII) {},
		"tsv-no-utf8": func(a *ASCII) { a.UTF8 = false },
		"tsv-nometa":  func(a *ASCII) { a.IncludeMeta = false },
		"tsv-seps": func(a *ASCII) {
			a.Separator, a.SetSeparator, a.EmptyField, a.UnsetField = ";", "|", "EMPTY", "UNSET"
		},
		"json":       func(a *ASCII) { a.JSON = true },
		"json-iso":   func(a *ASCII) { a.JSON, a.JSONTimestamps = true, TSISO8601 },
		"json-ms":    func(a *ASCII) { a.JSON, a.JSONTimestamps = true, TSMillis },
		"json-unset": func(a *ASCII) { a.JSON, a.JSONIncludeUnset = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			change(&cfg.ASCII)
			m := New(cfg)
			s, err := m.CreateStream("Vals::LOG", "values", valueColumns)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if err := s.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("testdata/values/" + name + ".log")
			if err != nil {
				t.Fatal(err)
			}
			compareLines(t, maskTimes(readFile(t, cfg.Dir, "values.log")), string(want))
		})
	}
}

// testConfig writes into a folder of its own and fails the test on warnings.
func testConfig(t *testing.T) Config {
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	cfg.Location = time.UTC
	cfg.Warn = func(s string) { t.Errorf("warning: %s", s) }
	cfg.Error = func(s string) { t.Errorf("error: %s", s) }
	return cfg
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func maskTimes(s string) string {
	return regexp.MustCompile(`(?m)^#(open|close)(.)[-0-9]+$`).ReplaceAllString(s, "#$1${2}X")
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Errorf("line %d:\n got %q\nwant %q", i+1, a, b)
		}
	}
}

type vector struct {
	ID, Kind string
	Input    map[string]string
	Output   json.RawMessage
	Columns  []string
}

func vectors(t *testing.T, kind string) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw []struct {
		ID, Kind string
		Input    map[string]any
		Output   json.RawMessage
		Columns  []string
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	var vs []vector
	for _, r := range raw {
		if r.Kind != kind {
			continue
		}
		in := map[string]string{}
		for k, v := range r.Input {
			in[k], _ = v.(string)
		}
		vs = append(vs, vector{r.ID, r.Kind, in, r.Output, r.Columns})
	}
	if len(vs) == 0 {
		t.Fatalf("no vectors of kind %s", kind)
	}
	return vs
}

// lines writes one row with one column under each setting and gives the lines.
func lineOf(t *testing.T, v *Value, change func(*ASCII)) string {
	t.Helper()
	cfg := DefaultConfig()
	change(&cfg.ASCII)
	cols := []Column{Col("x", v.Kind())}
	rec := []Value{*v}
	if cfg.ASCII.JSON {
		return string(newJSONFormat(&cfg.ASCII, cols).appendRow(nil, rec))
	}
	return string(newTextFormat(&cfg.ASCII).appendRow(nil, rec))
}

func TestStringsAreEscapedAsZeekDoes(t *testing.T) {
	for _, vec := range vectors(t, "log_string") {
		raw, err := hex.DecodeString(vec.Input["hex"])
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]string
		if err := json.Unmarshal(vec.Output, &want); err != nil {
			t.Fatal(err)
		}
		var v Value
		v.SetBytes(raw)
		for name, got := range map[string]string{
			"tsv":              lineOf(t, &v, func(*ASCII) {}),
			"tsv_without_utf8": lineOf(t, &v, func(a *ASCII) { a.UTF8 = false }),
			"json":             strings.TrimSuffix(strings.TrimPrefix(lineOf(t, &v, func(a *ASCII) { a.JSON = true }), `{"x":`), "}"),
		} {
			if got != want[name] {
				t.Errorf("%s %s: got %q, want %q", vec.ID, name, got, want[name])
			}
		}
		cfg := testConfig(t)
		m := New(cfg)
		s, err := m.CreateStream("A::LOG", "a", []Column{Col("x", String)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write([]Value{v}); err != nil {
			t.Fatal(err)
		}
		m.Close()
		if got := strings.Split(readFile(t, cfg.Dir, "a.log"), "\n")[8]; got != want["tsv_as_first_column"] {
			t.Errorf("%s first column: got %q, want %q", vec.ID, got, want["tsv_as_first_column"])
		}
	}
}

func TestNumbersAreRoundedAsZeekDoes(t *testing.T) {
	for _, vec := range vectors(t, "log_number") {
		f, err := strconv.ParseFloat(vec.Input["value"], 64)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]string
		if err := json.Unmarshal(vec.Output, &want); err != nil {
			t.Fatal(err)
		}
		var d, i, tm Value
		d.SetDouble(f)
		i.SetInterval(f)
		tm.SetTime(f)
		asJSON := func(v *Value, ts TimestampFormat) string {
			s := lineOf(t, v, func(a *ASCII) { a.JSON, a.JSONTimestamps = true, ts })
			return strings.Trim(s[len(`{"x":`):len(s)-1], `"`)
		}
		tsv := func(*ASCII) {}
		got := map[string]string{
			"tsv_double": lineOf(t, &d, tsv), "tsv_interval": lineOf(t, &i, tsv), "tsv_time": lineOf(t, &tm, tsv),
			"json_double": asJSON(&d, TSEpoch), "json_time_epoch": asJSON(&tm, TSEpoch),
			"json_time_iso8601": asJSON(&tm, TSISO8601), "json_time_millis": asJSON(&tm, TSMillis),
		}
		for k, w := range want {
			if got[k] != w {
				t.Errorf("%s %s of %s: got %q, want %q", vec.ID, k, vec.Input["value"], got[k], w)
			}
		}
	}
}

func TestCatRendersNumbersAsZeekDoes(t *testing.T) {
	for _, vec := range vectors(t, "render") {
		var want string
		if err := json.Unmarshal(vec.Output, &want); err != nil {
			t.Fatal(err)
		}
		if vec.Input["type"] == "mixed" {
			continue
		}
		f, err := strconv.ParseFloat(vec.Input["value"], 64)
		if err != nil {
			t.Fatal(err)
		}
		render := AppendCatDouble
		if vec.Input["type"] == "interval" {
			render = AppendCatInterval
		}
		if got := string(render(nil, f)); got != want {
			t.Errorf("%s %s: got %q, want %q", vec.Input["type"], vec.Input["value"], got, want)
		}
	}
}
