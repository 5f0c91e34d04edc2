package btest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

const usage = `gzeek btest [options] [FILE|FOLDER|NAME...]

Runs tests written for BTest: those of the files and folders, or those that
btest.cfg names. In the tests, zeek and zeek-cut are gzeek.

  -a, --alternative=NAMES    run each test for these alternatives; - is none
  -A, --show-all             on a terminal: a line for every test
  -b, --brief                nothing about tests that pass
  -c, --config=FILE          the configuration (default: $BTEST_CFG or btest.cfg)
  -d, --diagnostics          show why tests failed
  -D, --diagnostics-all      show the diagnostics of all tests
  -f, --file-diagnostics=FILE  write diagnostics to a file
  -F, --abort-on-failure     stop at the first test that fails
  -g, --groups=GROUPS        only these groups; -NAME is all but that one
  -j, --jobs[=N]             run N tests at a time; all processors without N
  -l, --list                 list the tests
  -q, --quiet                only about tests that failed
  -r, --rerun                only the tests that failed last time
  -t, --tmp-keep             keep what tests leave
  -u, --update-interactive   ask for each file that differs from its baseline
  -U, --update-baseline      make what tests write the new baselines
  -v, --verbose              show the commands
  -w, --wait                 wait for a key after a failed test
  -x, --xml=FILE             write a report in JUnit's form
  -z, --retries=N            run failed tests again, up to N times
      --real-zeek            leave zeek and zeek-cut to PATH
`

// options are the arguments of the command.
type options struct {
	alternatives, config, diagFile, groups, xml                                string
	showAll, brief, diag, diagAll, failFast, list, quiet, rerun, keep, verbose bool
	wait, realZeek                                                             bool
	jobs, retries                                                              int
	mode                                                                       Mode
	operands                                                                   []string
}

// flag describes one option.
type flag struct {
	short    byte
	long     string
	argument int // 0 none, 1 needed, 2 may be left out
	set      func(o *options, v string) error
}

func yes(f func(o *options) *bool) func(*options, string) error {
	return func(o *options, _ string) error { *f(o) = true; return nil }
}

func text(f func(o *options) *string) func(*options, string) error {
	return func(o *options, v string) error { *f(o) = v; return nil }
}

func flags() []flag {
	return []flag{
		{'a', "alternative", 1, text(func(o *options) *string { return &o.alternatives })},
		{'A', "show-all", 0, yes(func(o *options) *bool { return &o.showAll })},
		{'b', "brief", 0, yes(func(o *options) *bool { return &o.brief })},
		{'c', "config", 1, text(func(o *options) *string { return &o.config })},
		{'d', "diagnostics", 0, yes(func(o *options) *bool { return &o.diag })},
		{'D', "diagnostics-all", 0, yes(func(o *options) *bool { return &o.diagAll })},
		{'f', "file-diagnostics", 1, text(func(o *options) *string { return &o.diagFile })},
		{'F', "abort-on-failure", 0, yes(func(o *options) *bool { return &o.failFast })},
		{'g', "groups", 1, text(func(o *options) *string { return &o.groups })},
		{'j', "jobs", 2, func(o *options, v string) (err error) {
			if o.jobs = runtime.NumCPU(); v != "" {
				o.jobs, err = strconv.Atoi(v)
			}
			return err
		}},
		{'l', "list", 0, yes(func(o *options) *bool { return &o.list })},
		{'q', "quiet", 0, yes(func(o *options) *bool { return &o.quiet })},
		{'r', "rerun", 0, yes(func(o *options) *bool { return &o.rerun })},
		{'t', "tmp-keep", 0, yes(func(o *options) *bool { return &o.keep })},
		{'u', "update-interactive", 0, func(o *options, _ string) error { o.mode = ModeInteractive; return nil }},
		{'U', "update-baseline", 0, func(o *options, _ string) error { o.mode = ModeUpdate; return nil }},
		{'v', "verbose", 0, yes(func(o *options) *bool { return &o.verbose })},
		{'w', "wait", 0, yes(func(o *options) *bool { return &o.wait })},
		{'x', "xml", 1, text(func(o *options) *string { return &o.xml })},
		{'z', "retries", 1, func(o *options, v string) (err error) { o.retries, err = strconv.Atoi(v); return err }},
		{0, "real-zeek", 0, yes(func(o *options) *bool { return &o.realZeek })},
	}
}

var errHelp = errors.New("help")

// parseArgs reads arguments as BTest does: "-j 4", "-j4", "-j", "-dv".
func parseArgs(args []string) (*options, error) {
	o := &options{jobs: 1, mode: ModeTest, config: os.Getenv("BTEST_CFG")}
	if o.config == "" {
		o.config = "btest.cfg"
	}
	all := flags()
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			o.operands = append(o.operands, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			o.operands = append(o.operands, arg)
			continue
		}
		take := func(f flag, value string, have bool) error {
			if f.argument == 1 && !have {
				if len(args) == 0 {
					return fmt.Errorf("%s needs an argument", arg)
				}
				value, args = args[0], args[1:]
			}
			if f.argument == 2 && !have && len(args) > 0 {
				if _, err := strconv.Atoi(args[0]); err == nil {
					value, args = args[0], args[1:]
				}
			}
			if err := f.set(o, value); err != nil {
				return fmt.Errorf("%s: %w", arg, err)
			}
			return nil
		}
		if name, ok := strings.CutPrefix(arg, "--"); ok {
			name, value, have := strings.Cut(name, "=")
			if name == "help" {
				return nil, errHelp
			}
			i := slices.IndexFunc(all, func(f flag) bool { return f.long == name })
			if i < 0 || (have && all[i].argument == 0) {
				return nil, fmt.Errorf("unknown option %s", arg)
			}
			if err := take(all[i], value, have); err != nil {
				return nil, err
			}
			continue
		}
		for k := 1; k < len(arg); k++ {
			if arg[k] == 'h' {
				return nil, errHelp
			}
			i := slices.IndexFunc(all, func(f flag) bool { return f.short == arg[k] })
			if i < 0 {
				return nil, fmt.Errorf("unknown option -%c", arg[k])
			}
			rest := arg[k+1:]
			if all[i].argument == 0 {
				rest = ""
			}
			if err := take(all[i], rest, rest != ""); err != nil {
				return nil, err
			}
			if rest != "" {
				break
			}
		}
	}
	if o.mode == ModeInteractive {
		o.jobs = 1
	}
	o.brief = o.brief || o.quiet
	return o, nil
}

// Main is the command "gzeek btest". It gives the exit status: 0 if all tests
// have passed, 1 if not or in trouble.
//
// The program that calls it must also answer to the names of [Helper], and to
// zeek and zeek-cut, as tests call it by these.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseArgs(args)
	if errors.Is(err, errHelp) {
		io.WriteString(stdout, usage)
		return 0
	}
	if err == nil {
		var status int
		if status, err = o.run(stdin, stdout, stderr); err == nil {
			return status
		}
	}
	fmt.Fprintf(stderr, "gzeek btest: %s\n", err)
	return 1
}

func (o *options) run(stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	started := time.Now()
	var alternatives []string
	if o.alternatives != "" {
		for _, a := range strings.Split(o.alternatives, ",") {
			alternatives = append(alternatives, strings.TrimSpace(a))
		}
	}
	cfg, err := ReadConfig(o.config, alternatives)
	if err != nil {
		return 0, err
	}
	operands := o.operands
	if o.rerun && len(operands) == 0 {
		state, err := os.ReadFile(cfg.StateFile)
		if err != nil {
			fmt.Fprintln(stderr, "warning: cannot read state file, executing all tests")
		} else if operands = strings.Fields(string(state)); len(operands) == 0 {
			fmt.Fprintln(stderr, "no tests failed last time")
			return 0, nil
		}
	}
	tests, err := cfg.FindTests(operands)
	if err != nil {
		return 0, err
	}
	if tests = selectGroups(tests, o.groups); len(tests) == 0 {
		fmt.Fprintln(stderr, "no tests to execute")
		return 0, nil
	}
	if o.list {
		for _, t := range tests {
			fmt.Fprintln(stdout, t.Name)
		}
		return 0, nil
	}
	p := &printer{
		w: stderr, jobs: o.jobs, total: len(tests) * max(1, len(alternatives)),
		verbose: o.verbose, brief: o.brief, all: o.showAll, diag: o.diag, diagAll: o.diagAll,
	}
	if f, ok := stderr.(*os.File); ok && !o.verbose && !o.brief && o.mode != ModeInteractive && term.IsTerminal(int(f.Fd())) {
		p.bar = f
	}
	if o.wait {
		p.wait = bufio.NewReader(stdin)
	}
	if o.diagFile != "" {
		f, err := os.Create(o.diagFile)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		p.file = f
	}
	helpers, err := makeHelpers(!o.realZeek)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(helpers)
	r := &Runner{
		Config: cfg, Alternatives: alternatives, Mode: o.mode, Jobs: o.jobs, Keep: o.keep,
		Retries: o.retries, StopAtFirst: o.failFast, Path: helpers, Events: p,
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, runErr := r.Run(ctx, tests)
	p.clear()
	if o.xml != "" {
		f, err := os.Create(o.xml)
		if err == nil {
			err = errors.Join(writeJUnit(f, results, started), f.Close())
		}
		if err != nil {
			return 0, err
		}
	}
	if runErr != nil {
		return 0, runErr
	}
	return o.summary(cfg, results, stderr)
}

// summary says how the run went and keeps the names of the failed tests.
func (o *options) summary(cfg *Config, results []*Result, stderr io.Writer) (int, error) {
	var passed, failed, expected, skipped, unstable int
	var names []string
	for _, r := range results {
		switch r.Status {
		case Passed:
			passed++
		case Skipped:
			skipped++
		case Unstable:
			unstable++
		case Failed:
			failed++
			if r.Test.KnownFailure {
				expected++
			} else if !slices.Contains(names, r.Test.Name) {
				names = append(names, r.Test.Name)
			}
		}
	}
	if o.mode == ModeTest {
		slices.Sort(names)
		state := strings.Join(append(names, ""), "\n")
		if err := os.WriteFile(cfg.StateFile, []byte(state), 0o666); err != nil {
			return 0, fmt.Errorf("cannot write state file: %w", err)
		}
	}
	total := passed + failed + skipped + unstable
	var more string
	if skipped > 0 {
		more += fmt.Sprintf(", %d skipped", skipped)
	}
	if unstable > 0 {
		more += fmt.Sprintf(", %d unstable", unstable)
	}
	plural := func(n int) string {
		if n == 1 {
			return ""
		}
		return "s"
	}
	switch {
	case failed > 0:
		ex := ""
		if expected > 0 {
			ex = fmt.Sprintf(" (with %d expected to fail)", expected)
		}
		if !o.quiet {
			fmt.Fprintf(stderr, "%d of %d test%s failed%s%s\n", failed, total, plural(total), ex, more)
		}
		if failed > expected {
			return 1, nil
		}
	case o.quiet:
	case more != "":
		fmt.Fprintf(stderr, "%d test%s successful%s\n", passed, plural(passed), more)
	default:
		fmt.Fprintf(stderr, "all %d tests successful\n", total)
	}
	return 0, nil
}

// makeHelpers makes a folder in which tests find this program under the names
// that they call.
func makeHelpers(zeek bool) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "gzeek-btest-")
	if err != nil {
		return "", err
	}
	names := slices.Clone(helperNames[:])
	if zeek {
		names = append(names, "zeek", "zeek-cut", "gzeek")
	}
	for _, n := range names {
		if err := os.Symlink(self, filepath.Join(dir, n)); err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}
