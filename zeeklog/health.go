package zeeklog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// health knows which logs can't be written at the moment, so that a full disk is
// told once and not once a log and second, and told again when it is over.
type health struct {
	bad  map[string]bool
	lost map[string]uint64 // rows, since the first of them became bad
	// total counts the rows of all such times.
	total       uint64
	warn, error func(string)
}

func newHealth(c *Config) *health {
	return &health{bad: map[string]bool{}, lost: map[string]uint64{}, warn: c.Warn, error: c.Error}
}

// failed notes that a log can't be written.
func (h *health) failed(name string, err error) {
	if len(h.bad) == 0 {
		h.error(fmt.Sprintf("logs can't be written: %v; their lines are kept, up to %d MiB a log, and it is tried again with every flush (Log::flush_interval)",
			err, maxWaiting>>20))
	}
	h.bad[name] = true
}

// dropped notes that a row found no room.
func (h *health) dropped(name string) {
	h.lost[name]++
	h.total++
}

// recovered notes that a log is written again.
func (h *health) recovered(name string) {
	if !h.bad[name] {
		return
	}
	delete(h.bad, name)
	if len(h.bad) > 0 {
		return
	}
	text := "logs are written again, nothing was lost"
	if len(h.lost) > 0 {
		var which []string
		for _, n := range slices.Sorted(maps.Keys(h.lost)) {
			which = append(which, fmt.Sprintf("%d of %s", h.lost[n], n))
		}
		text = "logs are written again; lines were lost: " + strings.Join(which, ", ")
	}
	clear(h.lost)
	h.warn(text)
}
