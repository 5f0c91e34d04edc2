package zeeklog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever stands in a shadow file, the log beside it is not lost.
func FuzzLeftover(f *testing.F) {
	f.Add(".log\n\n", false)
	f.Add(".log.gz\nArchive\n", true)
	f.Add("", false)
	f.Add("/../x\n\n", false)
	f.Add(".log\x00\n\n", false)
	f.Fuzz(func(t *testing.T, shadow string, archive bool) {
		top := t.TempDir()
		dir := filepath.Join(top, "logs")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		const rows = "the rows of a log\n"
		for name, text := range map[string]string{"smtp.log": rows, shadowPrefix + "smtp.log": shadow} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := DefaultConfig()
		cfg.Dir, cfg.ASCII.LeftoverRotation = dir, true
		if archive {
			cfg.RotationDir = "archive"
		}
		m := New(cfg)
		rerr := m.RotateLeftovers()
		found := 0
		err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), shadowPrefix) {
				return err
			}
			b, err := os.ReadFile(path)
			if string(b) == rows {
				found++
			}
			if !strings.HasPrefix(path, dir+"/") {
				t.Errorf("%q is outside of the folder of logs", path)
			}
			return err
		})
		if err != nil || found != 1 {
			t.Fatalf("the log is there %d times (%v, %v)", found, err, rerr)
		}
	})
}
