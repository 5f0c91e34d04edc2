package engine

import (
	"fmt"
	"runtime"
	"runtime/metrics"
)

// memory keeps a run within Config.MaxMemory: when so much is in use that it
// could be too much, garbage is collected at once, and if too much is alive then,
// connections are given up until it should be at the lower mark.
type memory struct {
	limit   uint64
	samples []metrics.Sample // octets in use, alive at the last collection
	helped  bool             // the last time there were connections to give up
}

// The marks, in parts of the limit. The rest is for garbage.
const (
	usedMark  = 0.9
	upperMark = 0.7
	lowerMark = 0.6
)

func newMemory(limit uint64) *memory {
	return &memory{limit: limit, helped: true, samples: []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"},
	}}
}

// excess is how much is to be given up now.
func (m *memory) excess() uint64 {
	metrics.Read(m.samples)
	if float64(m.samples[0].Value.Uint64()) <= usedMark*float64(m.limit) {
		return 0
	}
	runtime.GC()
	metrics.Read(m.samples)
	live := m.samples[1].Value.Uint64()
	if float64(live) <= upperMark*float64(m.limit) {
		return 0
	}
	return live - uint64(lowerMark*float64(m.limit))
}

// checkMemory gives up connections if the run takes too much memory, and says
// so.
func (e *Engine) checkMemory() {
	excess := e.memory.excess()
	if excess == 0 {
		return
	}
	done := e.table.GiveUp(excess)
	e.givenUp += uint64(done.Connections)
	var text string
	switch {
	case done.Connections > 0:
		text = fmt.Sprintf("memory is short (--max-memory %d MB): gave up %d connections, which held %d octets of data; those that held the most, then those idle the longest; %d are left",
			e.memory.limit>>20, done.Connections, done.Held, e.table.Len())
	case e.memory.helped:
		text = fmt.Sprintf("memory is short (--max-memory %d MB), but there is no connection to give up: raise the limit", e.memory.limit>>20)
	default:
		return
	}
	e.memory.helped = done.Connections > 0
	e.warn(text)
	e.events.Drain()
}
