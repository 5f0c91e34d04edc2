//go:build unix

package engine

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// mostResident is the most memory that the process ever had, in octets: what
// Zeek logs (util.cc, get_memory_usage).
func mostResident() uint64 {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return heapFromSystem()
	}
	if runtime.GOOS == "darwin" {
		return uint64(ru.Maxrss)
	}
	return uint64(ru.Maxrss) << 10
}
