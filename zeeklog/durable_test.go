package zeeklog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// told collects what a manager says.
type told struct{ errors, warnings []string }

func (o *told) listen(c *Config) {
	c.Error = func(s string) { o.errors = append(o.errors, s) }
	c.Warn = func(s string) { o.warnings = append(o.warnings, s) }
}

// rowsOf gives the notes of all rows of a log, compressed or not.
func rowsOf(t *testing.T, dir, name string) []string {
	t.Helper()
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(strings.NewReader(readFile(t, dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		plain := t.TempDir()
		if err := os.WriteFile(filepath.Join(plain, "log"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		return notes(t, plain, "log")
	}
	return notes(t, dir, name)
}

func TestARotationThatFailsIsTriedAgainAndLosesNothing(t *testing.T) {
	for _, level := range []int{0, 6} {
		var says told
		m, s, dir := newStream(t, func(c *Config) {
			c.RotationInterval, c.ASCII.GzipLevel = 60, level
			says.listen(c)
		})
		rotated := "mail.2023-11-14-01-00-00.log"
		if level > 0 {
			rotated += ".gz"
		}
		m.Tick(at(1, 0, 0))
		write(t, s, "a")
		if err := os.Mkdir(filepath.Join(dir, rotated), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			m.Tick(at(1, 1, float64(2*i)))
			write(t, s, fmt.Sprint("b", i))
		}
		if len(says.errors) != 1 || !strings.Contains(says.errors[0], "failed to rename mail.log") || len(says.warnings) != 0 {
			t.Errorf("said %q, %q", says.errors, says.warnings)
		}
		if !m.Failing() {
			t.Error("it seems to work")
		}
		if err := os.Remove(filepath.Join(dir, rotated)); err != nil {
			t.Fatal(err)
		}
		m.Tick(at(1, 1, 20))
		write(t, s, "c")
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got := rowsOf(t, dir, rotated); !slices.Equal(got, []string{"a", "b0", "b1", "b2", "b3", "b4"}) {
			t.Errorf("rows %q", got)
		}
		if text := readFile(t, dir, rotated); level == 0 && strings.Count(text, "#close") != 1 {
			t.Errorf("the rotated file is\n%s", text)
		}
		if len(says.errors) != 1 || !slices.Equal(says.warnings, []string{"logs are written again, nothing was lost"}) {
			t.Errorf("said %q, %q", says.errors, says.warnings)
		}
	}
}

func TestLogsWaitForAMissingFolder(t *testing.T) {
	var says told
	m, s, dir := newStream(t, func(c *Config) {
		c.Dir = filepath.Join(c.Dir, "later")
		says.listen(c)
	})
	m.Tick(1)
	write(t, s, "a", "b")
	m.Tick(3)
	write(t, s, "c")
	m.Tick(5)
	if len(says.errors) != 1 || !strings.Contains(says.errors[0], "cannot open mail.log: no such file") {
		t.Errorf("said %q", says.errors)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Tick(7)
	write(t, s, "d")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got := notes(t, dir, "mail.log"); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("rows %q", got)
	}
	if len(says.errors) != 1 || len(says.warnings) != 1 {
		t.Errorf("said %q, %q", says.errors, says.warnings)
	}
}

func TestWhatIsLostAtTheEndIsAnError(t *testing.T) {
	m, s, _ := newStream(t, func(c *Config) {
		c.Dir = filepath.Join(c.Dir, "never")
		new(told).listen(c)
	})
	write(t, s, "a")
	if err := m.Close(); err == nil || !strings.Contains(err.Error(), "cannot open mail.log: no such file or directory; 23 octets of it are lost") {
		t.Errorf("error %v", err)
	}
}

func TestRowsThatFindNoRoomAreCountedAndTold(t *testing.T) {
	var says told
	m, s, dir := newStream(t, func(c *Config) {
		c.Dir = filepath.Join(c.Dir, "later")
		says.listen(c)
	})
	m.Tick(1)
	row := strings.Repeat("x", 1<<20)
	for i := range 10 {
		write(t, s, fmt.Sprint(i, row))
		m.Tick(float64(3 + 2*i))
	}
	if st := m.Stats()[0]; !st.Failed || st.Discarded == 0 || st.Lines+st.Discarded != 10 {
		t.Errorf("%+v", st)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Tick(100)
	write(t, s, "after")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	got := notes(t, dir, "mail.log")
	if len(got) < 3 || len(got) > 5 || got[len(got)-1] != "after" {
		t.Fatalf("%d rows", len(got))
	}
	for i, r := range got[:len(got)-1] {
		if !strings.HasPrefix(r, fmt.Sprint(i, "x")) {
			t.Errorf("row %d is %.10q", i, r)
		}
	}
	lost := 11 - len(got)
	if want := fmt.Sprintf("logs are written again; lines were lost: %d of mail.log", lost); !slices.Equal(says.warnings, []string{want}) || m.Lost() != uint64(lost) {
		t.Errorf("said %q, lost %d, %d are missing", says.warnings, m.Lost(), lost)
	}
}

// fullDisk takes so many octets.
type fullDisk struct {
	f    *os.File
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.f.Write(p)
	}
	n, _ := d.f.Write(p[:d.room])
	d.room = 0
	return n, errors.New("no space left")
}

func TestAFileThatTakesHalfALineIsCutBackToWholeLines(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		f, err := os.Create(filepath.Join(t.TempDir(), "x"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		disk := &fullDisk{f: f, room: 10}
		l := &logFile{out: disk, f: f, blocks: blocks}
		content := func() string {
			b, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		want := "one\ntwo\n" // of it, what fits
		if blocks {
			want = ""
		}
		l.wait = []byte("one\ntwo\nthree\n")
		for range 3 {
			if l.flush() == nil || content() != want || l.size != int64(len(want)) {
				t.Fatalf("the file holds %q", content())
			}
		}
		disk.room = 4
		l.wait = append(l.wait, "four\n"...)
		if l.flush() == nil || content() != want {
			t.Errorf("the file holds %q", content())
		}
		disk.room = 1000
		if err := l.flush(); err != nil || content() != "one\ntwo\nthree\nfour\n" {
			t.Errorf("the file holds %q, %v", content(), err)
		}
	}
}

func TestALeftoverLogEndsInAWholeLine(t *testing.T) {
	long, zeros := strings.Repeat("z", 100<<10), strings.Repeat("\x00", 4096)
	for name, c := range map[string]struct{ found, want string }{
		"whole":            {"#a\nb\n", "#a\nb\n"},
		"half a line":      {"#a\nb\nhalf", "#a\nb\n"},
		"half a long line": {"#a\n" + long, "#a\n"},
		"zeros":            {"#a\nb\nha" + strings.Repeat("\x00", 9000), "#a\nb\n"},
		"no line":          {"half", ""},
		"empty":            {"", ""},
		"zeros behind":     {"#a\nb\n" + strings.Repeat("\x00", 9000), "#a\nb\n"},
		"a hole":           {"#a\nb\nto" + zeros + "rn\nc\n", "#a\nb\nc\n"},
		"two holes":        {"#a\n" + zeros + "rn\nc\nto" + zeros + "\nd\n" + zeros, "#a\nc\nd\n"},
		"long torn line":   {"#a\n" + long + strings.Repeat(zeros, 300) + long + "\n" + long + "\n", "#a\n" + long + "\n"},
		"no hole":          {"#a\nb\x00c\n", "#a\nb\x00c\n"},
	} {
		var says told
		cfg := testConfig(t)
		says.listen(&cfg)
		cfg.ASCII.LeftoverRotation = true
		when := time.Date(2023, 11, 14, 1, 10, 0, 0, time.UTC)
		for f, text := range map[string]string{"mail.log": c.found, ".shadow.mail.log": ".log\n\n"} {
			path := filepath.Join(cfg.Dir, f)
			if err := errors.Join(os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, when, when)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(cfg.Dir, "mail.log"), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := New(cfg).RotateLeftovers(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, cfg.Dir, "mail.2023-11-14-01-10-00.log")
		if st, err := os.Stat(filepath.Join(cfg.Dir, "mail.2023-11-14-01-10-00.log")); err != nil || st.Mode() != 0o640 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
		if got := readFile(t, cfg.Dir, "mail.2023-11-14-01-10-00.log"); got != c.want {
			t.Errorf("%s: %.20q", name, got)
		}
		if cut := len(c.found) - len(c.want); (len(says.warnings) == 1) != (cut > 0) || cut > 0 && !strings.Contains(says.warnings[0], fmt.Sprint(cut, " octets were cut off")) {
			t.Errorf("%s: said %q", name, says.warnings)
		}
	}
}

func TestRotatedLogsOfOtherRunsAreKept(t *testing.T) {
	for _, keep := range []bool{false, true} {
		m, s, dir := newStream(t, func(c *Config) { c.RotationInterval, c.KeepRotated = 60, keep })
		for _, f := range []string{"mail.2023-11-14-01-00-00.log", "mail.2023-11-14-01-00-00-2.log"} {
			if err := os.WriteFile(filepath.Join(dir, f), []byte("of another run\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m.Tick(at(1, 0, 0))
		write(t, s, "a")
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		name := "mail.2023-11-14-01-00-00.log"
		if keep {
			name = "mail.2023-11-14-01-00-00-3.log"
		}
		if got := notes(t, dir, name); !slices.Equal(got, []string{"a"}) {
			t.Errorf("rows %q", got)
		}
	}
}

func TestACompressedLogCanBeReadUpToTheLastFlush(t *testing.T) {
	m, s, dir := newStream(t, func(c *Config) { c.ASCII.GzipLevel = 6 })
	write(t, s, "a", "b")
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(strings.NewReader(readFile(t, dir, "mail.log.gz")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != io.ErrUnexpectedEOF || !bytes.HasSuffix(text, []byte("\tb\n")) {
		t.Errorf("read %q, %v", text, err)
	}
	m.Close()
}

func TestNobodyWaitsForAPostprocessorButTheEnd(t *testing.T) {
	var says told
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval = 60
		// Each waits for the test, which goes on writing.
		c.RotationPostprocessor = `f() { while [ ! -e go ]; do sleep 0.01; done; echo "$1" >>seen; false; }; f`
		says.listen(c)
	})
	const rotations = maxCommands + 5 // some wait for their turn
	for i := range rotations {
		m.Tick(at(1, float64(i), 0))
		write(t, s, "a")
	}
	m.Tick(at(1, rotations, 0))
	if fileExists(filepath.Join(dir, "seen")) || len(says.warnings) > 0 {
		t.Error("a postprocessor has ended")
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(readFile(t, dir, "seen"), "mail.2023-11-14-01-"); n != rotations {
		t.Errorf("%d postprocessors have run", n)
	}
	if len(says.warnings) != rotations || !strings.Contains(says.warnings[0], "exit status 1") {
		t.Errorf("warned %q", says.warnings)
	}
}

func TestARotatedLogIsOnTheDiskBeforeItHasItsName(t *testing.T) {
	var synced []string
	m, s, dir := newStream(t, func(c *Config) {
		c.RotationInterval, c.SyncRotated = 60, true
		c.syncFile = func(f *os.File) error {
			text := readFile(t, filepath.Dir(f.Name()), filepath.Base(f.Name()))
			if !strings.Contains(text, "#close") {
				t.Errorf("rows are to follow:\n%s", text)
			}
			synced = append(synced, fmt.Sprint(rowsOf(t, filepath.Dir(f.Name()), filepath.Base(f.Name()))))
			return nil
		}
	})
	m.Tick(at(1, 0, 0))
	write(t, s, "a")
	m.Tick(at(1, 1, 0))
	if !fileExists(filepath.Join(dir, "mail.2023-11-14-01-00-00.log")) {
		t.Error("it was not rotated")
	}
	write(t, s, "b")
	if err := m.Expire(); err != nil {
		t.Fatal(err)
	}
	write(t, s, "c") // stays under the plain name
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(synced, []string{"[a]", "[b]", "[c]"}) {
		t.Errorf("synced %q", synced)
	}
}

func TestOpenLogsAreSyncedBesideTheRun(t *testing.T) {
	var says told
	hold, began := make(chan error), make(chan string)
	m, s, _ := newStream(t, func(c *Config) {
		c.SyncInterval = 1e-9
		c.syncFile = func(f *os.File) error { began <- filepath.Base(f.Name()); return <-hold }
		says.listen(c)
	})
	write(t, s, "a")
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if name := <-began; name != "mail.log" {
		t.Error(name)
	}
	for range 10 { // none waits, and none begins another one
		write(t, s, "b")
		if err := m.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	hold <- errors.New("input/output error")
	m.syncer.wg.Wait()
	m.cfg.SyncInterval = 1e9
	if err := m.Flush(); err == nil || !strings.Contains(err.Error(), "mail.log may not be on the disk: input/output error") {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
