package zeeklog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// at is a network time on a day in 2023 (UTC), which began at 1699920000.
func at(hour, min, sec float64) float64 { return 1699920000 + hour*3600 + min*60 + sec }

func TestRotationNamesFilesByTheirOpenTimeAndAlignsToTheDay(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval = 3600 })
	m.Tick(at(10, 20, 0))
	write(t, s, "a")
	m.Tick(at(10, 59, 59))
	write(t, s, "b")
	m.Tick(at(11, 0, 1))
	write(t, s, "c")
	m.Tick(at(12, 30, 0)) // c's hour is over
	m.Tick(at(13, 30, 0)) // nothing was written since
	write(t, s, "d")
	m.Close()
	wantFiles(t, dir, "mail.2023-11-14-10-20-00.log", "mail.2023-11-14-11-00-01.log", "mail.2023-11-14-13-30-00.log")
	if got := notes(t, dir, "mail.2023-11-14-10-20-00.log"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("rows %q", got)
	}
	if b := readFile(t, dir, "mail.2023-11-14-10-20-00.log"); !strings.Contains(b, "\n#close\t") {
		t.Error("no #close line")
	}
}

func TestRotatedTextAndJSONDifferInTheirExtension(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval = 3600
		c.ExtraFilters = []Filter{{Name: "json", Writer: WriterJSON}}
	})
	write(t, s, "a")
	if err := m.Expire(); err != nil {
		t.Fatal(err)
	}
	m.Close()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Fatalf("%v, %v", names, err)
	}
	if j, l := names[0].Name(), names[1].Name(); strings.TrimSuffix(j, ".json") != strings.TrimSuffix(l, ".log") || j == l {
		t.Errorf("%s, %s", j, l)
	}
}

func TestRotationBeginsWhenTimeIsKnown(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval = 60 })
	write(t, s, "early") // before the first packet
	m.Tick(at(1, 0, 30))
	write(t, s, "a")
	m.Tick(at(1, 1, 0))
	m.Close()
	wantFiles(t, dir, "mail.2023-11-14-01-00-30.log")
}

func TestRotationBaseTime(t *testing.T) {
	for base, want := range map[string]float64{"0:00": at(8, 0, 0), "": at(8, 0, 0), "01:30": at(9, 30, 0), "5:0": at(5, 0, 0) + 86400 - 16*3600} {
		cfg := testConfig(t)
		cfg.RotateBaseTime = base
		m := New(cfg)
		now := at(7, 59, 59.5)
		if base == "5:0" {
			now = at(8, 59, 59.5)
			want = at(13, 0, 0)
		}
		if got := now + m.untilRotation(now, 8*3600); got != want {
			t.Errorf("base %q: %s, want %s", base, time.Unix(int64(got), 0).UTC(), time.Unix(int64(want), 0).UTC())
		}
	}
}

func TestRowsAfterTheLastRotationStayInThePlainFile(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval = 3600 })
	m.Tick(at(1, 0, 0))
	write(t, s, "a")
	if err := m.Expire(); err != nil {
		t.Fatal(err)
	}
	write(t, s, "of a connection still open at the end")
	m.Close()
	wantFiles(t, dir, "mail.2023-11-14-01-00-00.log", "mail.log")
}

func TestRotationBySize(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationSize = 1000
		c.RotationPath = func(i RotationInfo) (string, string) { return "", fmt.Sprintf("%s.%.0f", i.Path, i.Open) }
	})
	for _, now := range []float64{10, 11, 12, 12.5} {
		m.Tick(now)
		write(t, s, strings.Repeat("x", 1000))
	}
	write(t, s, "rest")
	m.Close()
	wantFiles(t, dir, "mail.10.log", "mail.11.log", "mail.12-2.log", "mail.12.log", "mail.log")
}

func TestAFilterIsRotatedBySizeOfItsOwn(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationSize, c.RotationName = 1000, "{path}.{open:%S}" })
	never, small := int64(0), int64(1)
	for name, size := range map[string]*int64{"never": &never, "small": &small, "usual": nil} {
		if err := s.AddFilter(Filter{Name: name, Path: name, RotationSize: size}); err != nil {
			t.Fatal(err)
		}
	}
	s.RemoveFilter("default")
	for _, now := range []float64{at(1, 0, 1), at(1, 0, 2)} {
		m.Tick(now)
		write(t, s, strings.Repeat("x", 600))
	}
	m.Close()
	wantFiles(t, dir, "never.log", "small.01.log", "small.02.log", "usual.01.log")
}

func TestRotatedLogsAreNamedAsConsumersWantThem(t *testing.T) {
	for name, want := range map[string]string{
		"{path}.{open:%H:%M:%S}-{close:%H:%M:%S}":                 "mail.01:00:00-01:30:05.log",            // RITA, Malcolm
		"{open:%Y-%m-%d}/{path}.{open:%H:%M:%S}-{close:%H:%M:%S}": "2023-11-14/mail.01:00:00-01:30:05.log", // as ZeekControl
		"x{path}y": "xmaily.log",
	} {
		m, s, dir := newStream(t, func(c *Config) { c.RotationSize, c.RotationName, c.RotationDir = 1, name, "old" })
		m.Tick(at(1, 0, 0))
		s.RemoveFilter("default")
		long := int64(700)
		if err := s.AddFilter(Filter{Name: "f", Path: "mail", RotationSize: &long}); err != nil {
			t.Fatal(err)
		}
		write(t, s, "a")
		m.Tick(at(1, 30, 5))
		write(t, s, strings.Repeat("x", 700))
		m.Close()
		if _, err := os.Stat(filepath.Join(dir, "old", want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesOfRotatedLogsAreChecked(t *testing.T) {
	for name, want := range map[string]string{
		"":                   "",
		"{path}":             "",
		"a/{path}-{open:%s}": "",
		"x":                  "no {path}",
		"{path}{size}":       "{size} is none of",
		"{path}{open}":       "{open} is none of",
		"{path:%H}":          "{path:%H} is none of",
		"{path}}":            "no partner",
		"{{path}":            "no partner",
		"../{path}":          "leads out",
		"/{path}":            "leads out",
		"{path}/":            "to no file",
	} {
		err := CheckRotationName(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestRotationFolderIsMade(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval, c.RotationDir = 60, "old/logs" })
	m.Tick(at(1, 0, 0))
	write(t, s, "a")
	m.Close()
	wantFiles(t, filepath.Join(dir, "old/logs"), "mail.2023-11-14-01-00-00.log")
}

func TestDefaultLogdirHoldsLogsAndRotatedOnes(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.RotationInterval, c.DefaultLogdir = 60, "logs" })
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.Tick(at(1, 0, 0))
	write(t, s, "a")
	m.Expire()
	write(t, s, "b")
	m.Close()
	wantFiles(t, filepath.Join(dir, "logs"), "mail.2023-11-14-01-00-00.log", "mail.log")
}

func TestPostprocessorOfAFilterChangesTheName(t *testing.T) {
	var got []RotationInfo
	m, s, dir := newStream(t, nil)
	hour := 3600.0
	if err := s.AddFilter(Filter{Name: "default", Interval: &hour, Postprocessor: func(i RotationInfo) bool {
		got = append(got, i)
		return true
	}}); err != nil {
		t.Fatal(err)
	}
	m.Tick(at(1, 10, 0))
	write(t, s, "a")
	m.Tick(at(2, 0, 5))
	write(t, s, "b")
	m.Close()
	wantFiles(t, dir, "mail-23-11-14_01.10.00.log", "mail-23-11-14_02.00.05.log")
	if len(got) != 2 || got[0].Fname != "mail-23-11-14_01.10.00.log" || got[0].Close != at(2, 0, 5) || got[0].Terminating || !got[1].Terminating {
		t.Errorf("postprocessor got %+v", got)
	}
}

func TestPostprocessorCommandGetsZeeksArguments(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval = 3600
		c.RotationPostprocessor = `f() { echo "$@" "$ZEEK_ARG_site" > seen; }; f`
		c.RotationEnv = map[string]string{"site": "here"}
	})
	m.Tick(at(1, 10, 0))
	write(t, s, "a")
	m.Tick(at(2, 0, 0))
	m.Close()
	want := "mail.2023-11-14-01-10-00.log mail 23-11-14_01.10.00 23-11-14_02.00.00 0 ascii here\n"
	if got := readFile(t, dir, "seen"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShadowFilesTellOfLogsLeftOver(t *testing.T) {
	leftOver := func(c *Config) { c.ASCII.LeftoverRotation, c.RotationInterval = true, 3600 }
	m, s, dir := newStream(t, leftOver)
	hour := 3600.0
	if err := s.AddFilter(Filter{Name: "other", Path: "other", Interval: &hour, PostprocessorName: "My::post", Postprocessor: func(RotationInfo) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	m.Tick(at(1, 10, 0))
	write(t, s, "a")
	m.Flush()
	wantFiles(t, dir, ".shadow.mail.log", ".shadow.other.log", "mail.log", "other.log")
	if got := readFile(t, dir, ".shadow.other.log"); got != ".log\nMy::post\n" {
		t.Errorf("shadow %q", got)
	}

	// The process crashes here; the next one finds its logs.
	if err := os.WriteFile(filepath.Join(dir, ".shadow.gone.log"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2023, 11, 14, 1, 10, 0, 0, time.UTC)
	for _, f := range []string{".shadow.mail.log", ".shadow.other.log"} {
		if err := os.Chtimes(filepath.Join(dir, f), when, when); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testConfig(t)
	cfg.Dir = dir
	leftOver(&cfg)
	next := New(cfg)
	var post []RotationInfo
	next.RegisterPostprocessor("My::post", func(i RotationInfo) bool { post = append(post, i); return true })
	if err := next.RotateLeftovers(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "mail.2023-11-14-01-10-00.log", "other-23-11-14_01.10.00.log")
	if len(post) != 1 || post[0].Path != "other" {
		t.Errorf("postprocessor got %+v", post)
	}
}

func TestShadowFileGoesWithTheRotation(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.ASCII.LeftoverRotation, c.RotationInterval = true, 3600 })
	m.Tick(at(1, 10, 0))
	write(t, s, "a")
	m.Close()
	wantFiles(t, dir, "mail.2023-11-14-01-10-00.log")
}

func TestStrftime(t *testing.T) {
	when := time.Date(2024, 1, 7, 3, 4, 5, 0, time.UTC)
	for format, want := range map[string]string{
		"%Y-%m-%d-%H-%M-%S": "2024-01-07-03-04-05", "%y%%%j": "24%007", "%s": fmt.Sprint(when.Unix()),
		"%u %w %U %W %V %G": "7 0 01 01 01 2024", "%a %b %e %k": "Sun Jan  7  3", "%Q%": "%Q%",
	} {
		if got := Strftime(format, when); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}
