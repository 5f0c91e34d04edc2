package zeeklog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// lookAgain has the writers look for their files with the next flush.
func lookAgain(m *Manager) {
	for _, s := range m.streams {
		for _, w := range s.order {
			w.w.(*asciiWriter).looked = time.Time{}
		}
	}
}

func TestALogThatIsRemovedOrMovedIsBegunAnew(t *testing.T) {
	for _, level := range []int{0, 6} {
		var says told
		m, s, dir := newStream(t, func(c *Config) {
			c.ASCII.GzipLevel, c.RotationInterval, c.ASCII.LeftoverRotation = level, 3600, true
			says.listen(c)
		})
		name := "mail.log"
		if level > 0 {
			name += ".gz"
		}
		path, moved := filepath.Join(dir, name), filepath.Join(dir, "moved."+name)
		row := func(note string) {
			t.Helper()
			lookAgain(m)
			write(t, s, note)
			if err := m.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		m.Tick(at(1, 0, 0))
		row("a")
		if err := os.Rename(path, moved); err != nil {
			t.Fatal(err)
		}
		row("b")
		row("c")
		if level == 0 {
			if got := rowsOf(t, dir, name); !slices.Equal(got, []string{"b", "c"}) {
				t.Errorf("rows %q", got)
			}
		}
		// logrotate's "create"
		if err := os.Rename(path, moved+"2"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		row("d")
		if len(says.errors) != 2 || says.errors[0] != name+" was removed or moved away while it was written, a new one is begun" {
			t.Errorf("said %q", says.errors)
		}
		// The whole folder: rows wait until it is there again.
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		row("e")
		row("f")
		if !m.Failing() {
			t.Error("it seems to work")
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		row("g")
		m.Tick(at(2, 0, 0))
		files, err := filepath.Glob(filepath.Join(dir, "mail.2023*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%q, %v", files, err)
		}
		if got := rowsOf(t, dir, filepath.Base(files[0])); !slices.Equal(got, []string{"e", "f", "g"}) {
			t.Errorf("rows %q", got)
		}
		// Removed before a rotation, and nothing to write: no rotation, no trouble.
		row("h")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		m.Tick(at(3, 0, 0))
		if m.Failing() {
			t.Errorf("said %q", says.errors)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := len(says.warnings); n != 1 || !strings.Contains(says.warnings[0], "logs are written again") {
			t.Errorf("said %q", says.warnings)
		}
	}
}

// In the night when the clocks go back, two hours have one name.
func TestRotationOverTheEndOfSummerTimeKeepsAllRows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, change := range []time.Time{time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)} {
		for _, interval := range []float64{3600, 86400} {
			m, s, dir := newStream(t, func(c *Config) {
				c.Location, c.RotationInterval, c.KeepRotated = berlin, interval, true
			})
			var want []string
			for i := -30 * 6; i < 30*6; i++ { // every ten minutes
				now := change.Add(time.Duration(i) * 10 * time.Minute)
				m.Tick(float64(now.Unix()))
				note := now.Format("02T15.04")
				write(t, s, note)
				want = append(want, note)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "mail.*"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, notes(t, dir, filepath.Base(f))...)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%v, every %v s: %d rows of %d in %q", change, interval, len(got), len(want), files)
			}
		}
	}
}
