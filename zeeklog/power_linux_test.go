package zeeklog

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file system that is shut down has what had come to its disk, as after a power
// cut: EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one number, and with this flag
// the journal isn't written either.
const (
	fsShutdown   = 0x8004587d
	noJournalNow = 2
)

// powerDisk is a file system in a file.
type powerDisk struct{ image, dir string }

func newPowerDisk(t *testing.T, mkfs ...string) *powerDisk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this needs root, for a file system of its own")
	}
	if _, err := exec.LookPath(mkfs[0]); err != nil {
		t.Skip(err)
	}
	d := &powerDisk{image: filepath.Join(t.TempDir(), "disk"), dir: t.TempDir()}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(320 << 20)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], d.image)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := d.mount(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d *powerDisk) mount() error {
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %v: %s", err, out)
	}
	return nil
}

// cut takes the power away, and has it come back.
func (d *powerDisk) cut(t *testing.T, before func()) {
	t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	flags := uint32(noJournalNow)
	if err := unix.IoctlSetPointerInt(int(f.Fd()), fsShutdown, int(flags)); err != nil {
		t.Skip("this file system can't be shut down: ", err)
	}
	f.Close()
	before() // the files of the lost process
	if err := unix.Unmount(d.dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		t.Fatal(err)
	}
}

// What was rotated before a power cut is there with all its rows, and what was
// open is left as whole lines from its begin on.
func TestAPowerCutLeavesRotatedLogsAndWholeLines(t *testing.T) {
	for _, mkfs := range [][]string{{"mkfs.ext4", "-q", "-F"}, {"mkfs.xfs", "-q", "-f"}} {
		t.Run(mkfs[0], func(t *testing.T) {
			d := newPowerDisk(t, mkfs...)
			m, s, _ := newStream(t, func(c *Config) {
				c.Dir, c.RotationInterval, c.SyncRotated = d.dir, 3600, true
				c.ASCII.LeftoverRotation = true
				new(told).listen(c)
			})
			row := func(i int) string { return fmt.Sprintf("%d-%s", i, strings.Repeat("y", i%997)) }
			var all []string
			for i := range 5000 {
				// A row each second: some wait, are written or are on the disk when the
				// power goes.
				m.Tick(at(1, 0, float64(2*i)))
				write(t, s, row(i))
				all = append(all, row(i))
				if i == 4000 {
					if err := exec.Command("sync", "-d", filepath.Join(d.dir, "mail.log")).Run(); err != nil {
						t.Fatal(err)
					}
				}
			}
			d.cut(t, func() { m.Close() })

			var says told
			cfg := testConfig(t)
			cfg.Dir, cfg.ASCII.LeftoverRotation = d.dir, true
			says.listen(&cfg)
			if err := New(cfg).RotateLeftovers(); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(d.dir, "mail.*.log"))
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(files)
			var got []string
			for _, f := range files {
				text := readFile(t, d.dir, filepath.Base(f))
				if !strings.HasSuffix(text, "\n") || bytes.Contains([]byte(text), make([]byte, holeLength)) {
					t.Errorf("%s is torn", f)
				}
				got = append(got, notes(t, d.dir, filepath.Base(f))...)
			}
			// Two hours were rotated: 3600 rows.
			if len(got) < 4000 || !slices.Equal(got, all[:len(got)]) {
				t.Errorf("%d rows of %d are left in %q", len(got), len(all), files)
			}
			t.Logf("%d rows of %d are left in %d files, said %q", len(got), len(all), len(files), append(says.errors, says.warnings...))
		})
	}
}
