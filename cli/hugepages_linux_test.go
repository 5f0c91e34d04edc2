package cli

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// What a young heap allocates next lies where the object was whose place was
// advised: as gzeek does it, so in a process of its own.
func TestTheHeapGrowsIntoHugePages(t *testing.T) {
	const child = "GZEEK_TEST_HUGE_PAGES"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTheHeapGrowsIntoHugePages$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		} else if strings.Contains(string(out), "--- SKIP") {
			t.Skipf("%s", out)
		}
		return
	}
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
