//go:build unix

package control

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// listenAs makes a socket with a mode from its first moment: bind(2) gives it
// 0777 less the process's mask. The mask belongs to the whole process, so a file
// that another goroutine makes just then has less than it should; this runs
// before the others do.
func listenAs(path string, mode os.FileMode) (net.Listener, error) {
	old := unix.Umask(0o777 &^ int(mode))
	defer unix.Umask(old)
	return net.Listen("unix", path)
}

func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
