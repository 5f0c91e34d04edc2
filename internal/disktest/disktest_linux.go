// Package disktest gives tests a disk that can be full.
package disktest

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// Small mounts a file system of so many octets in a folder of the test, which is
// skipped where that isn't permitted.
func Small(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skipf("a small disk needs root: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
