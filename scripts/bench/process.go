package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gzeek/gzeek/internal/mailgen"
)

// program is one of those that take turns.
type program struct {
	name string
	args []string // with the binary
}

// usage is what one process took.
type usage struct {
	wall, user, sys time.Duration
	peak            int64 // octets of resident memory
	mallocs         int64 // heap objects allocated, or -1 if it doesn't say
}

// start runs a program to its end in a new folder, where it may leave logs.
func (b *bench) start(p program, stdin *os.File) (usage, error) {
	dir, err := os.MkdirTemp(b.temp, "run-")
	if err != nil {
		return usage{}, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if stdin != nil {
		cmd.Stdin = stdin
	}
	begin := time.Now()
	err = cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(p.args, " "), err, stderr.String())
	}
	u := usage{
		wall: wall, user: cmd.ProcessState.UserTime(), sys: cmd.ProcessState.SystemTime(),
		mallocs: -1,
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = int64(r.Maxrss) << 10
	}
	for line := range strings.Lines(stderr.String()) {
		var m struct{ Mallocs *int64 }
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &m) == nil && m.Mallocs != nil {
			u.mallocs = *m.Mallocs
		}
	}
	return u, nil
}

// turns runs every program n times, one after the other in each round, after
// one round that only warms the caches up.
func (b *bench) turns(ps []program, n int) ([][]usage, error) {
	all := make([][]usage, len(ps))
	for round := -1; round < n; round++ {
		for i, p := range ps {
			u, err := b.start(p, nil)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				all[i] = append(all[i], u)
			}
		}
	}
	return all, nil
}

// gzeekProgram reads a capture with the default policies and logs.
func (b *bench) gzeekProgram(file string, workers int) program {
	p := program{"gzeek", []string{b.gzeek, "-r", file}}
	if b.offers["workers"] {
		p.name = fmt.Sprintf("gzeek --workers %d", workers)
		p.args = append(p.args, fmt.Sprintf("--workers=%d", workers))
	}
	if b.offers["memstats"] {
		p.args = append(p.args, "--memstats")
	}
	return p
}

// capture makes a capture, or takes the one that an earlier run kept.
func (b *bench) capture(p mailgen.Params) (string, mailgen.Stats, error) {
	p.Seed = b.seed
	name := filepath.Join(b.keep, fmt.Sprintf("%s-%d-%d-%d-%d.pcap", p.Profile, p.Seed, p.Size, p.Concurrent, p.Bytes))
	// The parameters are more than a name should hold, and may have been others.
	key := fmt.Sprintf("%+v", p)
	var kept struct {
		Params string
		Stats  mailgen.Stats
	}
	if j, err := os.ReadFile(name + ".json"); err == nil && json.Unmarshal(j, &kept) == nil && kept.Params == key {
		if fi, err := os.Stat(name); err == nil && fi.Size() == kept.Stats.Bytes {
			return name, kept.Stats, nil
		}
	}
	fmt.Fprintf(b.say, "writing %s\n", name)
	made, err := generator(p, name)
	if err != nil {
		return "", mailgen.Stats{}, err
	}
	st, err := made.wait(made.cmd.Start())
	if err != nil {
		return "", st, err
	}
	kept.Params, kept.Stats = key, st
	j, err := json.Marshal(kept)
	if err != nil {
		return "", st, err
	}
	return name, st, os.WriteFile(name+".json", j, 0o666)
}

// generated is a process that makes a capture. This process doesn't make any
// itself: Linux counts the memory of the process that starts another in the
// other's peak, so this one has to stay small.
type generated struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func generator(p mailgen.Params, out string) (*generated, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	j, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	g := &generated{cmd: exec.Command(self, "-params", string(j), "-o", out)}
	g.cmd.Stderr = &g.stderr
	return g, nil
}

// wait returns what became of a process that was started (or not: err).
func (g *generated) wait(err error) (st mailgen.Stats, _ error) {
	if err == nil {
		err = g.cmd.Wait()
	}
	if err == nil {
		err = json.Unmarshal(g.stderr.Bytes(), &st)
	}
	if err != nil {
		return st, fmt.Errorf("making a capture: %w\n%s", err, g.stderr.String())
	}
	return st, nil
}

// done drops a capture that isn't wanted any more, unless they are kept.
func (b *bench) done(name string) {
	if b.keep == b.temp {
		os.Remove(name)
		os.Remove(name + ".json")
	}
}

// spread is a median with the least and the greatest.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(us []usage, of func(usage) float64) spread {
	v := make([]float64, len(us))
	for i, u := range us {
		v[i] = of(u)
	}
	slices.Sort(v)
	m := v[len(v)/2]
	if len(v)%2 == 0 {
		m = (m + v[len(v)/2-1]) / 2
	}
	return spread{m, v[0], v[len(v)-1]}
}

func wallSeconds(u usage) float64 { return u.wall.Seconds() }
