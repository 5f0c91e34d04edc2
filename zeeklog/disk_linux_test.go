package zeeklog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gzeek/gzeek/internal/disktest"
)

func TestAFullDiskLosesNothingThatThereIsRoomFor(t *testing.T) {
	for _, level := range []int{0, 6} {
		dir := disktest.Small(t, 64<<10)
		var says told
		m, s, _ := newStream(t, func(c *Config) {
			c.Dir, c.RotationInterval, c.ASCII.LeftoverRotation, c.ASCII.GzipLevel = dir, 3600, true, level
			says.listen(c)
		})
		name := "mail.log"
		if level > 0 {
			name += ".gz"
		}
		m.Tick(at(1, 0, 0))
		var want []string
		row := func(i int) {
			n := fmt.Sprintf("%d-%s", i, strings.Repeat("y", i%97))
			want = append(want, n)
			write(t, s, n)
		}
		now := at(1, 0, 1)
		for i := range 100 {
			row(i)
			m.Tick(now)
			now += 2
		}
		ballast := filepath.Join(dir, "ballast")
		os.WriteFile(ballast, bytes.Repeat([]byte{1}, 64<<10), 0o644) // as much as fits
		for i := 100; i < 2000; i++ {
			row(i)
			m.Tick(now)
			now += 2
			if b, err := os.ReadFile(filepath.Join(dir, name)); level == 0 && (err != nil || !bytes.HasSuffix(b, []byte("\n"))) {
				t.Fatalf("the log ends in half a line: %v", err)
			}
		}
		if len(says.errors) != 1 || !strings.Contains(says.errors[0], "no space left on device") || len(says.warnings) != 0 {
			t.Fatalf("said %q, %q", says.errors, says.warnings)
		}
		m.Tick(at(2, 0, 0)) // a rotation is due, and waits
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		// The disk is still too small for all rows: make it bigger.
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
		m.Tick(at(2, 0, 2))
		row(2000)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		var got []string
		files, err := filepath.Glob(filepath.Join(dir, "mail.*"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(files)
		for _, f := range files {
			got = append(got, rowsOf(t, dir, filepath.Base(f))...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("level %d: %d rows of %d are in the logs", level, len(got), len(want))
		}
		if len(says.errors) != 1 || !slices.Equal(says.warnings, []string{"logs are written again, nothing was lost"}) {
			t.Errorf("said %q, %q", says.errors, says.warnings)
		}
	}
}
