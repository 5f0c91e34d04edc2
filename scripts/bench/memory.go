package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/gzeek/gzeek/internal/mailgen"
)

// memoryRow is the peak memory of one run under one kind of load.
type memoryRow struct {
	Case    string        `json:"case"`
	Capture mailgen.Stats `json:"capture"`
	Wall    float64       `json:"wall"`
	Peak    int64         `json:"peak_bytes"`
}

// memory measures gzeek's peak under the loads that would eat it. Captures go
// through a pipe: the one with the holes is 11 GB, which no disk needs to hold.
func (b *bench) memory() error {
	cases := []struct {
		name    string
		profile string
		change  func(*mailgen.Params)
	}{
		{"start to exit, hardly a packet", mailgen.OneBig, func(p *mailgen.Params) { p.Bytes = 1000 }},
		{"ordinary mail, 1 GB, 200 sessions at a time", mailgen.Main, func(p *mailgen.Params) { p.Size = 1e9 }},
		{"1,000,000 half-open connections", mailgen.HalfOpen, func(*mailgen.Params) {}},
		{"10,000 connections, each with a hole and 1 MB above", mailgen.Holes, func(*mailgen.Params) {}},
	}
	fmt.Fprintln(b.out, "\nPeak memory of the whole process (one worker)")
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "case\tMB\tpackets\tconnections\twall s\tpeak MB\tpeak octets/connection")
	for _, c := range cases {
		p, err := mailgen.Defaults(c.profile)
		if err != nil {
			return err
		}
		c.change(&p)
		p.Seed = b.seed
		u, st, err := b.piped(p)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		b.report.Memory = append(b.report.Memory, memoryRow{c.name, st, u.wall.Seconds(), u.peak})
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.3f\t%.1f\t%d\n", c.name, st.Bytes/1e6, st.Packets, st.Sessions,
			u.wall.Seconds(), float64(u.peak)/1e6, u.peak/max(1, st.Sessions))
	}
	return t.Flush()
}

// piped runs gzeek on a capture while that is made. Times include the making.
func (b *bench) piped(p mailgen.Params) (usage, mailgen.Stats, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return usage{}, mailgen.Stats{}, err
	}
	made, err := generator(p, "-")
	if err != nil {
		return usage{}, mailgen.Stats{}, err
	}
	made.cmd.Stdout = w
	started := made.cmd.Start()
	w.Close()
	u, err := b.start(b.gzeekProgram("-", 1), r)
	// Were gzeek to end early, the generator would write for nobody for ever.
	r.Close()
	st, genErr := made.wait(started)
	if err == nil {
		err = genErr
	}
	return u, st, err
}
