//go:build unix

package cli

import "golang.org/x/sys/unix"

// mayWrite asks the kernel whether a file may be written, or a folder may get
// files.
func mayWrite(name string) error {
	if err := unix.Access(name, unix.F_OK); err != nil {
		return err
	}
	mode := uint32(unix.W_OK)
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode |= unix.X_OK
	}
	return unix.Access(name, mode)
}
