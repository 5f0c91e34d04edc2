package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Garbage may take this many octets before it is collected, however little is
// alive: time goes into collecting a few megabytes again and again otherwise.
// More than that only if much is alive: as much as that, as usual, since half as
// much doesn't make the peak of a million half-open connections any lower.
const (
	// firstPercent lets the first collection wait until the heap is as large as
	// the later ones, of what a mail gateway's traffic leaves alive, let it be:
	// some 40 MB, with the 5 MB of globals that count as alive.
	firstPercent = 800

	garbage    = 24 << 20
	minPercent = 50
	maxPercent = 400
	muchAlive  = 256 << 20
)

// tuneGC sets the collector's pace now and again after each collection, unless
// the user has set one (GOGC, GOMEMLIMIT).
func tuneGC() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(firstPercent)
	afterGC(&pacer{percent: firstPercent, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}})
}

type pacer struct {
	percent int
	live    []metrics.Sample
}

// A cycle is an object that nobody refers to: its cleanup runs after the next
// collection.
type cycle struct{ _ [64]byte }

func afterGC(p *pacer) { runtime.AddCleanup(new(cycle), collected, p) }

func collected(p *pacer) {
	metrics.Read(p.live)
	percent := maxPercent
	if p.live[0].Value.Kind() == metrics.KindUint64 {
		percent = gcPercent(p.live[0].Value.Uint64())
	}
	// To set it stops the world.
	if percent != p.percent {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	afterGC(p)
}

// gcPercent is by how much the heap may grow from what is alive, rounded to
// steps so that it seldom changes.
func gcPercent(live uint64) int {
	if live >= muchAlive {
		return 100
	}
	percent := min(garbage*100/max(live, 1), maxPercent)
	return max(int(percent)/50*50, minPercent)
}
