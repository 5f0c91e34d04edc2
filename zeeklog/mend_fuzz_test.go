package zeeklog

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Whatever a crash has left, whole lines without a hole stay, and nothing else.
func FuzzMend(f *testing.F) {
	f.Add([]byte("a\nb\n"))
	f.Add([]byte("a\nb"))
	f.Add([]byte("a\n\x00\x00\x00\x00\x00\x00\x00\x00b\nc\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("a\x00\x00\x00\x00\x00\x00\x00b\n\n\x00\x00\x00\x00\x00\x00\x00\x00\n"))
	f.Fuzz(func(t *testing.T, left []byte) {
		name := filepath.Join(t.TempDir(), "smtp.log")
		if err := os.WriteFile(name, left, 0o600); err != nil {
			t.Fatal(err)
		}
		var want []byte
		for line := range bytes.Lines(left) {
			if bytes.HasSuffix(line, []byte("\n")) && !bytes.Contains(line, make([]byte, holeLength)) {
				want = append(want, line...)
			}
		}
		cut, err := mend(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || cut != int64(len(left)-len(want)) {
			t.Fatalf("%q became %q, %d octets less, want %q", left, got, cut, want)
		}
	})
}
