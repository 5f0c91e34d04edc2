package cli

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// What is allocated next lies where the object was whose place was advised.
func TestTheHeapGrowsIntoHugePages(t *testing.T) {
	const n = 64 << 20
	adviseHugePages(n)
	memory := make([]byte, n/4)
	address := fmt.Sprintf("%p", memory)
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	runtime.KeepAlive(memory)
	var at uint64
	if _, err := fmt.Sscanf(address, "0x%x", &at); err != nil {
		t.Fatal(err)
	}
	inside, found := false, false
	for line := range strings.Lines(string(smaps)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			found = true
			if !strings.Contains(flags, " hg") {
				t.Errorf("no huge pages at %s:%s", address, flags)
			}
		}
	}
	if !found {
		t.Skip("this kernel tells no flags of memory")
	}
}
