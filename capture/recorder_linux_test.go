package capture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gzeek/gzeek/internal/disktest"
)

func TestAFullDiskLeavesAReadableCaptureThatIsGoneOnWith(t *testing.T) {
	for _, batches := range []bool{false, true} {
		dir := disktest.Small(t, 4<<20)
		name, ballast := filepath.Join(dir, "out.pcap"), filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, bytes.Repeat([]byte{1}, 3<<20+4096), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := CreateFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		const all, size = 10000, 1001 // more than the disk and what may wait
		r := Record(&counting{of: all, size: size}, w, func(s string) { told = append(told, s) })
		for range all / 100 {
			take(t, r, 100, batches)
			got := recorded(t, name)
			if !slices.Equal(got, upTo(len(got))) {
				t.Fatalf("the file has %v", got)
			}
		}
		if len(told) != 1 || !strings.Contains(told[0], "out.pcap: can't be written: no space left on device; it is tried again every second") {
			t.Errorf("told %q", told)
		}
		lost := r.Stats().Unwritten
		if lost == 0 {
			t.Fatal("all of it has found room")
		}
		if err := errors.Join(os.Remove(ballast), unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=16m")); err != nil {
			t.Fatal(err)
		}
		r.tried = time.Now().Add(-retryRecorder)
		r.Source = &counting{n: all, of: all + 3, size: size}
		take(t, r, 3, batches)
		if err := r.Finish(); err != nil {
			t.Error(err)
		}
		kept := all - int(lost)
		if got := recorded(t, name); !slices.Equal(got, append(upTo(kept), all+1, all+2, all+3)) {
			t.Errorf("%d packets are in the file", len(got))
		}
		if want := fmt.Sprintf("out.pcap is written again, %d packets were left out", lost); len(told) != 2 || !strings.HasSuffix(told[1], want) {
			t.Errorf("told %q, not %q", told, want)
		}
	}
}
