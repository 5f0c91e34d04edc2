package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/pflag"
)

// profileFlags ask where a run spends its time and memory.
type profileFlags struct {
	cpu, heap, trace string
	memstats         bool
	lent             uint64 // by useHugePages, which is nothing that the run allocates
}

func (p *profileFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile for go tool pprof to `FILE`")
	fs.StringVar(&p.heap, "memprofile", "", "write a profile of all allocations to `FILE` at the end")
	fs.StringVar(&p.trace, "trace", "", "write an execution trace for go tool trace to `FILE`")
	fs.BoolVar(&p.memstats, "memstats", false, "print what the run allocated to standard error, as a line of JSON")
}

// start begins what was asked for. The function it returns ends it and writes
// what is written at the end.
func (p *profileFlags) start(std stdio) (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s())
		}
		return errors.Join(errs...)
	}
	if p.cpu != "" {
		err = record(p.cpu, pprof.StartCPUProfile, pprof.StopCPUProfile, &stops)
	}
	if p.trace != "" && err == nil {
		err = record(p.trace, trace.Start, trace.Stop, &stops)
	}
	if p.heap != "" {
		stops = append(stops, func() error { return writeHeapProfile(p.heap) })
	}
	if p.memstats {
		stops = append(stops, func() error { return printMemStats(std.err, p.lent) })
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// record has something written to a file until the end.
func record(name string, begin func(io.Writer) error, end func(), stops *[]func() error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := begin(f); err != nil {
		return errors.Join(err, f.Close())
	}
	*stops = append(*stops, func() error {
		end()
		return f.Close()
	})
	return nil
}

func writeHeapProfile(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	runtime.GC() // what is alive is known after a collection only
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// printMemStats prints what scripts/bench reads, without the octets that were lent.
func printMemStats(w io.Writer, lent uint64) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	line, err := json.Marshal(struct{ Mallocs, TotalAlloc, HeapInuse, NumGC uint64 }{m.Mallocs, m.TotalAlloc - lent, m.HeapInuse, uint64(m.NumGC)})
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", line)
	}
	return err
}
