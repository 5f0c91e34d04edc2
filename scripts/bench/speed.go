package main

import (
	"fmt"
	"os/exec"
	"text/tabwriter"

	"github.com/gzeek/gzeek/internal/mailgen"
)

// speedRow is one program on one capture. Times are in seconds.
type speedRow struct {
	Profile string        `json:"profile"`
	Program string        `json:"program"`
	Capture mailgen.Stats `json:"capture"`
	Wall    spread        `json:"wall"`
	User    spread        `json:"user"`
	Sys     spread        `json:"sys"`
	MBps    float64       `json:"mb_per_second"`
	Packets float64       `json:"packets_per_second"`
	Peak    spread        `json:"peak_bytes"`
	// Ratio is this program's speed to tcpdump's (or cat's where there is no
	// tcpdump): of each round, then the median and spread of these.
	Ratio  spread   `json:"ratio"`
	Allocs *float64 `json:"allocations_per_packet,omitempty"`
}

// speed measures gzeek and its neighbours on the ordinary profiles.
func (b *bench) speed() error {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		b.note("tcpdump isn't installed (Debian: apt-get install tcpdump; Fedora: dnf install tcpdump; brew install tcpdump): ratios are to cat.")
	}
	if !b.offers["workers"] {
		b.note("this gzeek has no --workers: measured as it is.")
	}
	if !b.offers["memstats"] {
		b.note("this gzeek has no --memstats: allocations per packet are unknown.")
	}
	for _, profile := range []string{mailgen.Main, mailgen.Small, mailgen.Conns, mailgen.Faulty} {
		p, err := mailgen.Defaults(profile)
		if err != nil {
			return err
		}
		p.Size = b.size
		if profile != mailgen.Main {
			p.Size /= 4 // the same time per packet shows in less
		}
		file, st, err := b.capture(p)
		if err != nil {
			return err
		}
		programs := []program{b.gzeekProgram(file, 1)}
		if b.offers["workers"] {
			programs = append(programs, b.gzeekProgram(file, 2))
		}
		if tcpdump != "" {
			programs = append(programs, program{"tcpdump", []string{tcpdump, "-r", file, "-w", "/dev/null"}})
		}
		// cat finds that /dev/null is its output, and reads all the same.
		programs = append(programs, program{"cat", []string{"cat", file}})
		base := len(programs) - 1
		if tcpdump != "" {
			base--
		}
		us, err := b.turns(programs, b.runs)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n%s: %d MB, %d packets, %d sessions, at most %d at a time; %d runs, taking turns, warm cache\n",
			profile, st.Bytes/1e6, st.Packets, st.Sessions, st.Open, b.runs)
		t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "program\twall s (min-max)\tuser s\tsys s\tMB/s\tkpackets/s\tpeak MB\tallocs/packet\tspeed to "+programs[base].name+" (min-max)")
		for i, prog := range programs {
			row := speedRow{
				Profile: profile, Program: prog.name, Capture: st,
				Wall: spreadOf(us[i], wallSeconds),
				User: spreadOf(us[i], func(u usage) float64 { return u.user.Seconds() }),
				Sys:  spreadOf(us[i], func(u usage) float64 { return u.sys.Seconds() }),
				Peak: spreadOf(us[i], func(u usage) float64 { return float64(u.peak) }),
			}
			round := 0
			row.Ratio = spreadOf(us[i], func(u usage) float64 {
				round++
				return us[base][round-1].wall.Seconds() / u.wall.Seconds()
			})
			row.MBps = float64(st.Bytes) / 1e6 / row.Wall.Median
			row.Packets = float64(st.Packets) / row.Wall.Median
			allocs := "-"
			if us[i][0].mallocs >= 0 {
				a := spreadOf(us[i], func(u usage) float64 { return float64(u.mallocs) / float64(st.Packets) }).Median
				row.Allocs = &a
				allocs = fmt.Sprintf("%.3f", a)
			}
			b.report.Speed = append(b.report.Speed, row)
			fmt.Fprintf(t, "%s\t%.3f (%.3f-%.3f)\t%.3f\t%.3f\t%.0f\t%.0f\t%.1f\t%s\t%.2f (%.2f-%.2f)\n",
				prog.name, row.Wall.Median, row.Wall.Min, row.Wall.Max, row.User.Median, row.Sys.Median,
				row.MBps, row.Packets/1e3, row.Peak.Median/1e6, allocs, row.Ratio.Median, row.Ratio.Min, row.Ratio.Max)
		}
		t.Flush()
		if profile != mailgen.Main || b.mode != "all" {
			b.done(file)
		}
	}
	return nil
}

// linearRow is one way in which traffic grows.
type linearRow struct {
	Case      string        `json:"case"`
	Capture   mailgen.Stats `json:"capture"`
	Wall      spread        `json:"wall"`
	Peak      spread        `json:"peak_bytes"`
	PerByte   float64       `json:"ns_per_byte"`
	PerPacket float64       `json:"ns_per_packet"`
	ToMain    spread        `json:"per_byte_to_main"`
}

// linearity measures whether time per byte stays as traffic grows, in each of
// the ways that could make it grow faster than the traffic.
func (b *bench) linearity() error {
	runs := max(1, min(b.runs, 3)) // these are long
	cases := []struct {
		name    string
		profile string
		change  func(*mailgen.Params)
	}{
		{"10 times the capture", mailgen.Main, func(p *mailgen.Params) { p.Size *= 10 }},
		{"100 times the connections at a time", mailgen.Main, func(p *mailgen.Params) { p.Size *= 10; p.Concurrent *= 100 }},
		{fmt.Sprintf("one mail of %d MB", b.big/1e6), mailgen.OneBig, func(p *mailgen.Params) { p.Bytes = b.big }},
		{"headers of 64 KB", mailgen.BigHeader, func(*mailgen.Params) {}},
		{"1,000 recipients", mailgen.Rcpts, func(*mailgen.Params) {}},
	}
	p, err := mailgen.Defaults(mailgen.Main)
	if err != nil {
		return err
	}
	p.Size = b.size
	mainFile, mainStats, err := b.capture(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nLinearity (one worker): time per byte to that of main, which takes its turn beside each; %d runs\n", runs)
	t := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "case\tMB\tpackets\tsessions\tat a time\twall s\tpeak MB\tns/byte\tns/packet\tns/byte to main's (min-max)")
	for _, c := range cases {
		p, err := mailgen.Defaults(c.profile)
		if err != nil {
			return err
		}
		p.Size = b.size
		c.change(&p)
		file, st, err := b.capture(p)
		if err != nil {
			return err
		}
		us, err := b.turns([]program{b.gzeekProgram(mainFile, 1), b.gzeekProgram(file, 1)}, runs)
		if err != nil {
			return err
		}
		b.done(file)
		row := linearRow{
			Case: c.name, Capture: st, Wall: spreadOf(us[1], wallSeconds),
			Peak: spreadOf(us[1], func(u usage) float64 { return float64(u.peak) }),
		}
		row.PerByte = row.Wall.Median * 1e9 / float64(st.Bytes)
		row.PerPacket = row.Wall.Median * 1e9 / float64(st.Packets)
		round := 0
		row.ToMain = spreadOf(us[1], func(u usage) float64 {
			round++
			return u.wall.Seconds() / float64(st.Bytes) / (us[0][round-1].wall.Seconds() / float64(mainStats.Bytes))
		})
		b.report.Linearity = append(b.report.Linearity, row)
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.3f\t%.1f\t%.2f\t%.0f\t%.2f (%.2f-%.2f)\n", c.name, st.Bytes/1e6, st.Packets, st.Sessions, st.Open,
			row.Wall.Median, row.Peak.Median/1e6, row.PerByte, row.PerPacket, row.ToMain.Median, row.ToMain.Min, row.ToMain.Max)
	}
	b.done(mainFile)
	return t.Flush()
}
