package zeeklog

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What Zeek 8.0.9 makes of options at their boundaries.

// src/Desc.cc, StartsWithEscapeSequence; threading/formatters/Ascii.cc, Describe.
func TestSeparatorsThatAreEmptyOrTheSame(t *testing.T) {
	cols := []Column{Col("a", String), Col("b", String), {Name: "c", Type: VectorOf(String)}, Col("d", String)}
	for name, x := range map[string]struct{ sep, setSep, want string }{
		"one of its own each":                      {"|", ",", `x\x7cy|u,v|p\x7cq\x2cr,s|x\x7cy`},
		"an empty one hides the others in a set":   {"|", "", `x\x7cy|u,v|p|q,rs|x\x7cy`},
		"an empty one hides the other set's too":   {"", ",", `x|yu,vp|q,r,sx|y`},
		"the same is not escaped behind a set":     {"|", "|", `x\x7cy|u,v|p\x7cq,r|s|x|y`},
		"a digit of numbers is escaped with empty": {"x", "", `\x78|yxu,vxp|q,rsx\x78|y`},
	} {
		t.Run(name, func(t *testing.T) {
			opt := DefaultConfig().ASCII
			opt.Separator, opt.SetSeparator = x.sep, x.setSep
			enc := NewEncoder(opt, "p", cols)
			rec := make([]Value, len(cols))
			rec[0].SetString("x|y")
			rec[1].SetString("u,v")
			setStrings(&rec[2], "p|q,r", "s")
			rec[3].SetString("x|y")
			if got := string(enc.AppendRow(nil, rec)); got != x.want+"\n" {
				t.Errorf("got  %swant %s", got, x.want)
			}
		})
	}
}

func setStrings(v *Value, elems ...string) {
	v.SetEmptyVector()
	for _, e := range elems {
		v.AppendElem().SetString(e)
	}
}

// logging/Manager.cc, ValToLogVal: elements are taken while the size is below
// the limit; WriteToFilters drops what is above it.
func TestRecordsOfJustTheLargestSize(t *testing.T) {
	cols := []Column{Col("ts", Time), {Name: "v", Type: VectorOf(String)}, Col("s", String)}
	for name, x := range map[string]struct {
		limit int
		tail  string
		want  string // of the columns v and s; "" if the row is dropped
	}{
		"all fits":                   {8 + 6, "", "ab,cd,ef\t(empty)"},
		"cut where the limit is met": {8 + 4, "", "ab,cd\t(empty)"},
		"cut, but then another column is too much":   {8 + 4, "x", ""},
		"dropped where it is passed in an element":   {8 + 3, "", ""},
		"nothing of a set that begins at the limit":  {8, "", "(empty)\t(empty)"},
		"dropped where it is met before what counts": {7, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.MaxLogRecordSize = x.limit
			weird := 0
			cfg.Weird = func(string, string) { weird++ }
			m := New(cfg)
			s, err := m.CreateStream("Mail::LOG", "mail", cols)
			if err != nil {
				t.Fatal(err)
			}
			rec := s.NewRecord()
			rec[0].SetTime(1)
			setStrings(&rec[1], "ab", "cd", "ef")
			rec[2].SetString(x.tail)
			if err := s.Write(rec); err != nil {
				t.Fatal(err)
			}
			m.Close()
			var got string
			for _, l := range strings.Split(readFile(t, cfg.Dir, "mail.log"), "\n") {
				if l != "" && l[0] != '#' {
					_, got, _ = strings.Cut(l, "\t")
				}
			}
			if got != x.want || (weird > 0) != (x.want == "") {
				t.Errorf("got %q and %d weirds, want %q", got, weird, x.want)
			}
			if len(rec[1].elems) != 3 {
				t.Error("the caller's row was changed")
			}
		})
	}
}

// src/util.cc, parse_rotate_base_time: strptime with "%H:%M".
func TestBaseTimesThatStrptimeTakes(t *testing.T) {
	for text, want := range map[string]float64{
		"": -1, "0:00": 0, "23:59": 86340, " 7: 5": 25500, "12:30:59": 45000, "1:2x": 3720, "2:345": 9240,
		"24:00": -1, "7": -1, "7:": -1, "7 :05": -1, "7:60": 7*3600 + 6*60, "x": -1, "-1:00": -1,
	} {
		got, err := parseBaseTime(text)
		if got != want || (err != nil) != (want < 0 && text != "") {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

// src/util.cc, calc_next_rotate: mktime gets tm_isdst of the current time.
func TestTheDayOfAClockChangeBeginsByTheClockOfNow(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for now, want := range map[string]string{
		"2026-03-29T01:30:00+01:00": "2026-03-30T01:00:00+02:00", // before it: 24 hours from midnight
		"2026-03-29T12:00:00+02:00": "2026-03-30T00:00:00+02:00",
		"2026-10-25T01:30:00+02:00": "2026-10-25T23:00:00+01:00",
		"2026-10-25T12:00:00+01:00": "2026-10-26T00:00:00+01:00",
	} {
		cfg := testConfig(t)
		cfg.Location = zone
		m := New(cfg)
		at, _ := time.Parse(time.RFC3339, now)
		next := time.Unix(at.Unix()+int64(m.untilRotation(float64(at.Unix()), 86400)), 0).In(zone).Format(time.RFC3339)
		if next != want {
			t.Errorf("%s: next at %s, want %s", now, next, want)
		}
	}
}

// src/zeek.bif, strftime.
func TestDateFormatsThatZeeksStrftimeRefuses(t *testing.T) {
	for format, want := range map[string]string{
		"":                       "mail.<strftime error>.log",
		strings.Repeat("x", 128): "mail.<strftime error>.log",
		strings.Repeat("x", 127): "mail." + strings.Repeat("x", 127) + ".log",
		strings.Repeat("%Y", 32): "mail.<strftime error>.log",
		strings.Repeat("%Y", 31): "mail." + strings.Repeat("2023", 31) + ".log",
		"%H":                     "mail.10.log",
	} {
		m, s, dir := newStream(t, func(c *Config) { c.RotationInterval, c.RotationDateFormat = 3600, format })
		m.Tick(at(10, 0, 0))
		write(t, s, "a")
		m.Close()
		if got := files(t, dir); !slices.Equal(got, []string{want}) {
			t.Errorf("%.20q: files %q, want %q", format, got, want)
		}
	}
}
