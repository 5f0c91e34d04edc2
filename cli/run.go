package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

// flags of a run, as Zeek has them.
type runFlags struct {
	files    []string
	ifaces   []string
	filter   string
	write    string
	bare     bool
	noChecks bool
	seedFile string
	saveSeed string
	configs  []string
	noConfig bool
	list     bool
	version  bool
	help     bool
	quiet    bool
	memory   size
	alsoJSON bool
	workers  int
	profile  profileFlags
	service  serviceFlags
}

// refused are flags of Zeek that gzeek can't honour, and why.
var refused = map[string]string{
	"e": "executes Zeek script code, which gzeek doesn't have: write a policy in Go, or use options",
	"t": "traces script execution, and there are no scripts: use the policy misc/dump-events",
	"a": "parses scripts only: gzeek checks options and policies before it reads anything",
	"p": "adds a status prefix for ZeekControl, which doesn't run gzeek",
	"s": "reads signature files; gzeek has the one signature of SMTP built in",
	"j": "starts a supervised cluster; gzeek uses several cores in one process",
	"W": "is the watchdog; gzeek bounds its work per packet instead",
	"I": "prints an identifier: use gzeek options",
}

func newFlags(f *runFlags) *pflag.FlagSet {
	fs := pflag.NewFlagSet("gzeek", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetInterspersed(true)
	fs.StringArrayVarP(&f.files, "readfile", "r", nil, "read a capture `FILE` (pcap, pcapng; also gzip, zstd); - is standard input; several are one run")
	fs.StringArrayVarP(&f.ifaces, "iface", "i", nil, "read from an `INTERFACE`")
	fs.StringVarP(&f.filter, "filter", "f", "", "read only packets that match a BPF `EXPRESSION`")
	fs.StringVarP(&f.write, "writefile", "w", "", "write the packets that were read to `FILE`")
	fs.BoolVarP(&f.bare, "bare-mode", "b", false, "load no policies by default")
	fs.BoolVarP(&f.noChecks, "no-checksums", "C", false, "ignore checksums")
	fs.StringVarP(&f.seedFile, "load-seeds", "G", "", "take the seeds of ids and set order from `FILE` (also ZEEK_SEED_FILE)")
	fs.StringVarP(&f.saveSeed, "save-seeds", "H", "", "save the seeds to `FILE`")
	fs.StringArrayVar(&f.configs, "config", nil, "read options and policies from a TOML `FILE`; later ones win")
	fs.BoolVar(&f.noConfig, "no-config", false, "do not look for gzeek.toml and /etc/gzeek/gzeek.toml")
	fs.BoolVar(&f.alsoJSON, "also-json", false, "write every log as JSON too, to NAME.json")
	fs.IntVar(&f.workers, "workers", 0, "share the work between `N` cores; 0 is all of them for a capture, and one for an interface; the logs are the same")
	f.service.register(fs)
	f.profile.register(fs)
	fs.Var(&f.memory, "max-memory", "give up connections rather than take more than `SIZE` (like 512M, 4G): those that hold the most data, then those idle the longest")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "no progress and no summary on a terminal")
	fs.BoolVarP(&f.list, "print-plugins", "N", false, "list the policies")
	fs.BoolVarP(&f.version, "version", "v", false, "print the version")
	fs.BoolVarP(&f.help, "help", "h", false, "print this help")
	fs.Usage = func() {}
	return fs
}

func runCommand(args []string, std stdio) int {
	var f runFlags
	fs := newFlags(&f)
	if err := fs.Parse(args); err != nil {
		return usageError(std, explainFlag(err))
	}
	switch {
	case f.help:
		fmt.Fprint(std.out, shortHelp, "\nFlags:\n", fs.FlagUsages())
		fmt.Fprint(std.out, "\nOther arguments name policies or set options (Module::name=value, +=, -=).\nCommands:\n")
		for _, c := range commands() {
			fmt.Fprintf(std.out, "  gzeek %-10s %s\n", c.name, c.doc)
		}
		return exitOK
	case f.version:
		printVersion(std)
		return exitOK
	case f.list:
		return policiesCommand(nil, std)
	}
	if len(f.files) == 0 && len(f.ifaces) == 0 {
		fmt.Fprint(std.err, "gzeek: nothing to read: give -r FILE or -i INTERFACE\n\n", shortHelp)
		return exitUsage
	}
	if len(f.files) > 0 && len(f.ifaces) > 0 {
		return usageError(std, errors.New("-r and -i don't go together"))
	}
	if f.workers < 0 || f.workers > maxWorkers {
		return usageError(std, fmt.Errorf("--workers takes a number from 0, which is one for each core, to %d", maxWorkers))
	}

	// A profile of allocations would show the place that is lent.
	if f.memory == 0 && os.Getenv("GOMEMLIMIT") == "" && f.profile.heap == "" && octetsOf(f.files) >= worthHugePages {
		f.profile.lent = useHugePages()
	}
	tuneGC()
	f.memory.apply()
	stop, err := f.profile.start(std)
	if err != nil {
		return failed(std, err)
	}
	code := runEngine(&f, fs.Args(), std)
	if err := stop(); err != nil {
		return failed(std, err)
	}
	return code
}

// worthHugePages is how large captures are at least for which the heap grows
// enough to be worth the millisecond that useHugePages takes.
const worthHugePages = 32 << 20

// octetsOf is the size of files, as far as they tell one.
func octetsOf(files []string) (n int64) {
	for _, name := range files {
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			n += st.Size()
		}
	}
	return n
}

// maxWorkers is more than any run can use: each takes two batches of packets.
const maxWorkers = 256

// runEngine configures an engine and has it read what the flags say.
func runEngine(f *runFlags, args []string, std stdio) int {
	log, err := newLogger(f.service.logFormat, std.err)
	if err != nil {
		return usageError(std, err)
	}
	cfg, err := configure(f, args)
	if err != nil {
		return complain(log, allProblems(f, args, err), exitUsage)
	}
	cfg.Warn = func(s string) { log.Warn(s) }
	if f.service.logFormat != "" {
		cfg.Info = func(s string) { log.Info(s) }
	}
	cfg.OnHandlerError = func(e event.HandlerError) {
		if e.Stack != nil {
			log.Error(fmt.Sprintf("%v\n%s", e, e.Stack))
		}
	}
	eng, err := engine.New(*cfg)
	if err != nil {
		return complain(log, allProblems(f, args, explainPolicy(err)), exitUsage)
	}
	if f.saveSeed != "" {
		if err := cfg.Keys.Save(f.saveSeed); err != nil {
			return complain(log, err, exitError)
		}
	}
	return execute(eng, f, args, std, log)
}

// configure turns flags and arguments into what the engine needs.
func configure(f *runFlags, args []string) (*engine.Config, error) {
	cfg := &engine.Config{
		Bare: f.bare, Live: len(f.ifaces) > 0, Filter: f.filter, AlsoJSON: f.alsoJSON, Workers: f.workers, MaxMemory: uint64(f.memory),
	}
	for _, a := range args {
		if redef.IsSetting(a) {
			cfg.Settings = append(cfg.Settings, a)
		} else if strings.HasSuffix(a, ".zeek") && exists(a) {
			return nil, fmt.Errorf("%s is a Zeek script: gzeek runs no script code; see gzeek policies for what is built in", a)
		} else {
			cfg.Policies = append(cfg.Policies, a)
		}
	}
	if f.noChecks {
		cfg.Settings = append(cfg.Settings, "ignore_checksums=T")
	}
	keys, err := seed.Choose(f.seedFile, os.Getenv)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	if cfg.Files, err = readConfigs(f); err != nil {
		return nil, err
	}
	return cfg, nil
}

// allProblems looks for all that is wrong with a configuration where err is the
// first thing.
func allProblems(f *runFlags, args []string, err error) error {
	c := checker{f: *f}
	c.check(args)
	if len(c.problems) == 0 {
		return err
	}
	return errors.New(strings.Join(c.problems, "\n"))
}

// configPlaces are where configuration files are found by themselves.
var configPlaces = []string{"/etc/gzeek/gzeek.toml", "gzeek.toml"}

// configPaths are the configuration files of a run; later ones win.
func configPaths(f *runFlags) []string {
	var paths []string
	if !f.noConfig {
		for _, p := range configPlaces {
			if exists(p) {
				paths = append(paths, p)
			}
		}
	}
	return append(paths, f.configs...)
}

// readConfigs reads the configuration files of a run; nil without any.
func readConfigs(f *runFlags) (*redef.Config, error) {
	paths := configPaths(f)
	if len(paths) == 0 {
		return nil, nil
	}
	return redef.LoadFiles(paths, engine.LogSection)
}

func exists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir()
}

// execute opens the source and runs the engine over it.
func execute(eng *engine.Engine, f *runFlags, args []string, std stdio, log *slog.Logger) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends gzeek at once
	src, err := openSource(eng, f, ctx.Done())
	if err != nil {
		var fe *capture.FilterError
		if errors.As(err, &fe) {
			return complain(log, eng.ExplainFilter(err), exitUsage)
		}
		return complain(log, err, exitError)
	}
	defer src.Close()
	svc, err := openService(eng, f, args, log)
	if err != nil {
		return complain(log, err, exitError)
	}
	svc.run(ctx)
	if svc.live() {
		ctx = context.WithoutCancel(ctx) // the source ends by itself
		listening := "listening on " + strings.Join(f.ifaces, ", ")
		if log.Info(listening); f.service.logFormat == "" {
			fmt.Fprintln(std.err, listening) // as Zeek
		}
	}
	terminal := isTerminal(std.err) && !f.quiet
	bar := startProgress(src, std.err, terminal)
	sum, err := eng.Run(ctx, src)
	bar.stop()
	err = errors.Join(err, svc.close())
	if r, ok := src.(*capture.Recorder); ok {
		err = errors.Join(err, r.Finish())
	}
	if terminal {
		dir, _ := os.Getwd()
		fmt.Fprintf(std.err, "%d packets, %d connections, %d mails in %v; logs are in %s\n",
			sum.Packets, sum.Connections, sum.Mails, sum.Elapsed.Round(time.Millisecond), filepath.Clean(dir))
	}
	if sum.HandlerErrors > 0 {
		log.Warn(fmt.Sprintf("%d run-time errors of policies, see reporter.log", sum.HandlerErrors))
	}
	if sum.Lost > 0 {
		log.Warn(fmt.Sprintf("%d packets were lost before gzeek could read them: give it less (-f), or a faster machine", sum.Lost))
	}
	if sum.GivenUp > 0 {
		log.Warn(fmt.Sprintf("%d connections were given up to keep within --max-memory, see connection_given_up in weird.log", sum.GivenUp))
	}
	if sum.LostLines > 0 {
		log.Warn(fmt.Sprintf("%d lines of logs were lost while they could not be written", sum.LostLines))
	}
	if sum.Unwritten > 0 {
		log.Warn(fmt.Sprintf("%d packets were not written to %s", sum.Unwritten, f.write))
	}
	if sum.Undecoded > 0 {
		log.Warn(fmt.Sprintf("%d packets were dropped because of an error in gzeek's decoder: please report it with the capture", sum.Undecoded))
	}
	if err != nil {
		return complain(log, err, exitError)
	}
	return exitOK
}

// openSource opens what is to be read, and what it is to be written to. When
// stopped is closed, interfaces still give what had been seen before, so that it
// comes into the logs.
func openSource(eng *engine.Engine, f *runFlags, stopped <-chan struct{}) (capture.Source, error) {
	var src capture.Source
	var err error
	if len(f.files) > 0 {
		src, err = capture.OpenFiles(capture.Options{Filter: eng.Filter()}, f.files...)
	} else if src, err = eng.OpenInterfaces(f.ifaces); err == nil {
		src = capture.UntilStopped(src, stopped)
	}
	if err != nil || f.write == "" {
		return src, err
	}
	w, err := capture.CreateFile(f.write)
	if err != nil {
		src.Close()
		return nil, err
	}
	return eng.Record(src, w), nil
}

func failed(std stdio, err error) int {
	fmt.Fprintf(std.err, "gzeek: %v\n", err)
	return exitError
}

func usageError(std stdio, err error) int {
	fmt.Fprintf(std.err, "gzeek: %v\n", err)
	return exitUsage
}

// explainFlag says why a flag is not taken, and what was meant.
func explainFlag(err error) error {
	msg := err.Error()
	for flag, why := range refused {
		if strings.Contains(msg, "'"+flag+"' in -") {
			return fmt.Errorf("-%s %s", flag, why)
		}
	}
	if name, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		best, dist := "", 4
		newFlags(&runFlags{}).VisitAll(func(f *pflag.Flag) {
			if d := redef.Distance(name, f.Name); d < dist {
				best, dist = f.Name, d
			}
		})
		if best != "" {
			return fmt.Errorf("unknown flag --%s; did you mean --%s?", name, best)
		}
	}
	return fmt.Errorf("%s; see gzeek --help", msg)
}

// explainPolicy adds the nearest name to an unknown policy.
func explainPolicy(err error) error {
	var unknown *policy.UnknownError
	if !errors.As(err, &unknown) {
		return err
	}
	best, dist := "", 1+len(unknown.Name)/2
	for _, p := range policy.All() {
		if d := redef.Distance(unknown.Name, p.Name); d < dist {
			best, dist = p.Name, d
		}
		if filepath.Base(p.Name) == filepath.Base(unknown.Name) {
			best, dist = p.Name, 0
		}
	}
	if best != "" {
		return fmt.Errorf("%w; did you mean %s?", err, best)
	}
	return fmt.Errorf("%w; see gzeek policies", err)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
