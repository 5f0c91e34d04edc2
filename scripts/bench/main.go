// Command bench measures gzeek as its users meet it: whole processes over
// captures of mail that internal/mailgen makes, beside the physical neighbours
// tcpdump (reads and writes every packet, understands none) and cat (reads
// only). The programs take turns, so that a busy machine hurts all alike, and
// results are medians with their spread. Nothing here passes or fails by time.
//
//	bench -gen main -size 325MB -o mail.pcap     writes a capture
//	bench -gzeek bin/gzeek                       speed, then linearity
//	bench -gzeek bin/gzeek -mode memory          peak memory under attack
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/gzeek/gzeek/internal/mailgen"
)

// size is a flag in octets: 325MB, 64KiB, 1GB.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(v string) error {
	factor := int64(1)
	for _, u := range []struct {
		unit   string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}} {
		if n, ok := strings.CutSuffix(v, u.unit); ok {
			v, factor = n, u.factor
			break
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > 1<<50/factor {
		return errors.New("want a number with KB, MB, GB, KiB, MiB or GiB")
	}
	*s = size(n * factor)
	return nil
}

// bench is what the command line asks for.
type bench struct {
	gzeek string
	mode  string
	size  int64
	big   int // the size of linearity's one big mail
	runs  int
	keep  string
	seed  uint64
	temp  string
	say   io.Writer // progress
	out   io.Writer

	offers map[string]bool // flags that this gzeek knows
	report report
}

// report is what -json prints.
type report struct {
	Machine   string      `json:"machine"`
	Gzeek     string      `json:"gzeek"`
	Speed     []speedRow  `json:"speed,omitempty"`
	Linearity []linearRow `json:"linearity,omitempty"`
	Memory    []memoryRow `json:"memory,omitempty"`
	Notes     []string    `json:"notes,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	b := bench{say: os.Stderr, out: os.Stdout}
	mainSize, bigSize := size(325e6), size(1e9)
	var (
		gen, params, out  string
		asJSON            bool
		concurrent, conns int
		bytes, header     size
		rcpts             int
		loss, late, twice int
	)
	flag.StringVar(&gen, "gen", "", "write a capture of this `profile`, and measure nothing: "+strings.Join(mailgen.Profiles(), ", "))
	flag.StringVar(&params, "params", "", "as -gen, with all parameters as `JSON`")
	flag.StringVar(&out, "o", "-", "where -gen writes to")
	flag.Var(&mainSize, "size", "size of the main capture (the linearity table also reads one of ten times that), or of -gen's")
	flag.Uint64Var(&b.seed, "seed", 1, "another seed, other mails")
	flag.IntVar(&concurrent, "concurrent", -1, "-gen: sessions at a time")
	flag.IntVar(&conns, "connections", -1, "-gen: connections of halfopen and holes")
	flag.Var(&bytes, "bytes", "-gen: size of the mail (onebig), or what is above each hole (holes)")
	flag.Var(&header, "header", "-gen: size of bigheader's headers")
	flag.IntVar(&rcpts, "recipients", -1, "-gen: recipients of each mail of rcpts")
	flag.IntVar(&loss, "loss", -1, "-gen: frames per thousand that are missing")
	flag.IntVar(&late, "late", -1, "-gen: frames per thousand that are late")
	flag.IntVar(&twice, "doubled", -1, "-gen: frames per thousand that are there twice")
	flag.StringVar(&b.gzeek, "gzeek", "", "the gzeek `binary` to measure")
	flag.StringVar(&b.mode, "mode", "all", "what to measure: speed, linearity, memory, all (speed and linearity)")
	flag.Var(&bigSize, "big", "linearity: size of the one big mail")
	flag.IntVar(&b.runs, "n", 5, "runs of each program")
	flag.StringVar(&b.keep, "dir", "", "keep captures in this `folder`, and use those that are there (default: a temporary one)")
	flag.BoolVar(&asJSON, "json", false, "print the results as JSON")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("what is %q?", flag.Arg(0))
	}
	b.size, b.big = int64(mainSize), int(bigSize)

	if gen != "" {
		p, err := mailgen.Defaults(gen)
		if err != nil {
			return err
		}
		p.Seed, p.Size = b.seed, b.size
		for _, f := range []struct {
			given int
			to    *int
		}{
			{concurrent, &p.Concurrent}, {conns, &p.Connections}, {rcpts, &p.Recipients},
			{loss, &p.Loss}, {late, &p.Late}, {twice, &p.Doubled},
		} {
			if f.given >= 0 {
				*f.to = f.given
			}
		}
		if bytes > 0 {
			p.Bytes = int(bytes)
		}
		if header > 0 {
			p.Header = int(header)
		}
		return write(out, p)
	}
	if params != "" {
		var p mailgen.Params
		if err := json.Unmarshal([]byte(params), &p); err != nil {
			return err
		}
		return write(out, p)
	}

	if b.gzeek == "" {
		return errors.New("give -gzeek BINARY, or -gen PROFILE")
	}
	if b.runs < 1 {
		return errors.New("-n has to be 1 or more")
	}
	help, err := exec.Command(b.gzeek, "--help").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s --help: %w", b.gzeek, err)
	}
	b.offers = map[string]bool{}
	for _, f := range []string{"workers", "memstats", "quiet"} {
		b.offers[f] = strings.Contains(string(help), "--"+f)
	}
	b.temp, err = os.MkdirTemp("", "gzeek-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.temp)
	if b.keep == "" {
		b.keep = b.temp
	} else if err := os.MkdirAll(b.keep, 0o777); err != nil {
		return err
	}
	version, _ := exec.Command(b.gzeek, "--version").Output()
	b.report.Gzeek = strings.TrimSpace(string(version))
	b.report.Machine = fmt.Sprintf("%s/%s, %d CPUs%s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuName())

	var steps []func() error
	switch b.mode {
	case "speed":
		steps = append(steps, b.speed)
	case "linearity":
		steps = append(steps, b.linearity)
	case "memory":
		steps = append(steps, b.memory)
	case "all":
		steps = append(steps, b.speed, b.linearity)
	default:
		return fmt.Errorf("no mode %q", b.mode)
	}
	if asJSON {
		b.out = io.Discard
	}
	fmt.Fprintf(b.out, "%s on %s\n", b.report.Gzeek, b.report.Machine)
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(b.report)
	}
	for _, n := range b.report.Notes {
		fmt.Fprintln(b.out, "Note:", n)
	}
	return nil
}

func (b *bench) note(format string, args ...any) {
	b.report.Notes = append(b.report.Notes, fmt.Sprintf(format, args...))
}

// write generates a capture into a file, or to standard output, and says on
// standard error what it has become.
func write(name string, p mailgen.Params) error {
	out := os.Stdout
	if name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		out = f
	}
	st, err := mailgen.Generate(out, p)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stderr).Encode(st)
}

// cpuName is the processor's, where Linux tells.
func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return " (" + strings.TrimSpace(v) + ")"
		}
	}
	return ""
}
