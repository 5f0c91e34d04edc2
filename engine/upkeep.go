package engine

import (
	"runtime"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/policy"
)

// upkeepEvery is after how many packets a run looks after itself; it does so
// whenever none comes, too.
const upkeepEvery = 128

// upkeep is called at the end of every turn of the loop; quiet says that no
// packet came.
func (e *Engine) upkeep(quiet bool) {
	if e.cfg.Live {
		e.flushOnTime(quiet)
	}
	if e.turns++; e.memory != nil && (quiet || e.turns%upkeepEvery == 0) {
		e.checkMemory()
	}
}

// flushOnTime bounds how long a live run holds rows back by the clock on the
// wall: packets may come slower than it, and network time with them. What could
// not be written is tried again here, too.
func (e *Engine) flushOnTime(quiet bool) {
	now := e.lastPacket
	if quiet {
		now = time.Now()
	}
	if now.Sub(e.flushed).Seconds() < e.settings.log.FlushInterval {
		return
	}
	e.flushed = now
	if err := e.logs.Flush(); err != nil {
		e.warn(err.Error())
	}
}

// counters is what policies are told of the run.
func (e *Engine) counters(src capture.Source) policy.Counters {
	conns, files, decoder := e.table.Stats(), e.files.Stats(), e.decoder.Stats()
	var st capture.Stats
	if e.cfg.Live { // files are read by others, and nothing of them is lost
		st = src.Stats()
	}
	held := e.table.Holding()
	dispatched := e.events.Dispatched()
	return policy.Counters{
		Packets: e.packets, Bytes: e.octets, Link: st.Link, Dropped: st.Dropped, PacketTime: e.packetTime,
		TCP: policy.Tally(conns.TCP), UDP: policy.Tally(conns.UDP), ICMP: policy.Tally(conns.ICMP),
		Timers:       policy.Tally{Now: e.timers.Len(), Total: e.timers.Armed()},
		Files:        policy.Tally{Now: files.Current, Total: files.Total},
		EventsQueued: dispatched + uint64(e.events.Len()), EventsDispatched: dispatched,
		ReassemTCP: held.Streams, ReassemUnknown: held.Detection, ReassemFragments: uint64(decoder.FragOctets),
		Acks: conns.Acks, Gaps: conns.Gaps, Memory: mostResident(),
	}
}

// heapFromSystem is what Go's memory manager has taken, where the system isn't
// asked.
func heapFromSystem() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}
