package cli

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// size is a number of octets, given like 512M or 4G; 0 is none.
type size uint64

// leastMemory is what a run needs to do anything.
const leastMemory = 64 << 20

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	number, unit := strings.TrimSuffix(strings.ToUpper(text), "B"), uint64(1)
	number = strings.TrimSuffix(number, "I")
	if i := strings.IndexAny(number, "KMGT"); i >= 0 && i == len(number)-1 {
		unit = 1 << (10 * (1 + strings.IndexByte("KMGT", number[i])))
		number = number[:i]
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is no size: expected a number with K, M, G or T, like 512M", text)
	}
	if n*unit < leastMemory {
		return fmt.Errorf("%s is too small: gzeek needs at least %dM", text, leastMemory>>20)
	}
	*s = size(n * unit)
	return nil
}

// String implements pflag.Value.
func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return fmt.Sprintf("%dM", *s>>20)
}

// Type implements pflag.Value.
func (s *size) Type() string { return "SIZE" }

// apply has the garbage collector work harder before the limit is reached,
// unless the user has set a limit for it.
func (s *size) apply() {
	if *s > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(*s / 100 * 95))
	}
}
