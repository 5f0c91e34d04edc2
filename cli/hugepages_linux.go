package cli

import (
	"bytes"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// hugePages is how many octets of the heap to come may lie in huge pages. It is
// address space alone: what isn't used of it is no memory.
const hugePages = 256 << 20

// useHugePages has the kernel back the first part of the heap by huge pages as
// it is used. Much of a run's heap is used only once, until the first garbage is
// collected, so each page of 4 KB costs a fault; and records of thousands of
// connections are in more pages than the processor remembers. Go's runtime asks
// for huge pages nowhere, so a large object lends its place: it is never touched,
// and the heap grows into it when it is gone.
//
// It is of use only where the kernel leaves the choice to programs ("madvise", as
// Debian and Ubuntu do). It returns how many octets it has lent.
func useHugePages() uint64 {
	modes, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil || !bytes.Contains(modes, []byte("[madvise]")) {
		return 0
	}
	adviseHugePages(hugePages)
	return hugePages
}

func adviseHugePages(n int) {
	place := make([]byte, n)
	_ = unix.Madvise(place, unix.MADV_HUGEPAGE) // nothing is lost without
	runtime.KeepAlive(place)
	runtime.GC()
}
