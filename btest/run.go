package btest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Status is how a test ended.
type Status int

// The ways for a test to end.
const (
	Passed Status = iota
	Failed
	Skipped
	Unstable // failed at first, passed when run again
)

// Result is what came out of a test.
type Result struct {
	Test        *Test
	Alternative string
	Status      Status
	Retry       int      // how often the test was run again before this
	Messages    []string // what failed
	Diag        string   // what the last command left as diagnostics
	Stderr      string   // of all commands
	Verbose     string   // what the test left for option -v
	Duration    time.Duration
}

// Name is the test's name, with the alternative if there is one.
func (r *Result) Name() string {
	if r.Alternative != "" {
		return r.Test.Name + " [" + r.Alternative + "]"
	}
	return r.Test.Name
}

// Mode says what btest-diff does.
type Mode string

// The modes of btest-diff.
const (
	ModeTest        Mode = "TEST"
	ModeUpdate      Mode = "UPDATE"
	ModeInteractive Mode = "UPDATE_INTERACTIVE"
)

// Exit statuses of a test's command that mean something.
const (
	statusNoBaseline = 100 // the test has failed, but goes on
	statusAbort      = 200 // all tests end
)

// Runner runs tests.
type Runner struct {
	Config       *Config
	Alternatives []string // "-" is none
	Mode         Mode
	Jobs         int
	Keep         bool // do not remove what tests leave
	Retries      int
	StopAtFirst  bool
	// Path is put in front of PATH: the folder of helpers.
	Path string
	// Events are told what happens, one at a time.
	Events Events

	mu    sync.Mutex
	ports map[int]bool // in use by running tests
	next  int          // port to try
	abort bool
}

// Events is told what happens during a run. Calls do not overlap.
type Events interface {
	Start(t *Test, alternative string)
	Command(t *Test, alternative, line string, part int)
	Progress(t *Test, alternative, message string)
	Done(r *Result)
}

// errAborted ends a run because a command asked for it.
var errAborted = errors.New("aborted")

// job is a test with an alternative.
type job struct {
	test        *Test
	alternative string
}

// Run runs the tests and gives their results in the order in which they ended.
// Tests that are not for any chosen alternative are left out.
func (r *Runner) Run(ctx context.Context, tests []*Test) ([]*Result, error) {
	for _, d := range append(slices.Clone(r.Config.BaselineDirs[:1]), r.Config.TmpDir) {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, err
		}
	}
	r.ports = map[int]bool{}
	r.next = r.Config.PortLow
	// Tests of one serialization set are one piece of work.
	var work [][]job
	sets := map[string]int{}
	for _, t := range tests {
		jobs := r.jobs(t)
		if len(jobs) == 0 {
			continue
		}
		if t.Serialize != "" {
			if i, ok := sets[t.Serialize]; ok {
				work[i] = append(work[i], jobs...)
				continue
			}
			sets[t.Serialize] = len(work)
		}
		// The alternatives of a test share its folder.
		work = append(work, jobs)
	}
	queue := make(chan []job)
	var wg sync.WaitGroup
	var results []*Result
	n := max(1, r.Jobs)
	if r.Mode == ModeInteractive {
		n = 1
	}
	for range n {
		wg.Go(func() {
			for jobs := range queue {
				for _, j := range jobs {
					if r.stopped(ctx) {
						break
					}
					res := r.runWithRetries(ctx, j)
					r.mu.Lock()
					results = append(results, res)
					if r.StopAtFirst && res.Status == Failed && !j.test.KnownFailure {
						r.abort = true
					}
					r.mu.Unlock()
				}
			}
		})
	}
	for _, w := range work {
		queue <- w
	}
	close(queue)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return results, err
	}
	if r.abort {
		return results, errAborted
	}
	return results, nil
}

func (r *Runner) stopped(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.abort || ctx.Err() != nil
}

// jobs gives the ways in which a test is to be run.
func (r *Runner) jobs(t *Test) []job {
	if len(r.Alternatives) == 0 {
		if (len(t.Include) > 0 && !slices.Contains(t.Include, "default")) || slices.Contains(t.Exclude, "default") {
			return nil
		}
		return []job{{test: t}}
	}
	var jobs []job
	for _, a := range r.Alternatives {
		if slices.Contains(t.Exclude, a) || (len(t.Include) > 0 && !slices.Contains(t.Include, a)) {
			continue
		}
		if a == "-" {
			a = ""
		}
		jobs = append(jobs, job{t, a})
	}
	return jobs
}

func (r *Runner) runWithRetries(ctx context.Context, j job) *Result {
	r.tell(func(e Events) { e.Start(j.test, j.alternative) })
	res := r.run(ctx, j)
	for n := 1; n <= r.Retries && res.Status == Failed && !j.test.KnownFailure && !r.stopped(ctx); n++ {
		res = r.run(ctx, j)
		res.Retry = n
		if res.Status == Passed {
			res.Status = Unstable
		}
	}
	r.tell(func(e Events) { e.Done(res) })
	return res
}

func (r *Runner) tell(f func(Events)) {
	if r.Events != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		f(r.Events)
	}
}

// running is a test being run.
type running struct {
	*Runner
	ctx         context.Context
	test        *Test
	alternative string
	dir         string
	baselines   []string
	ports       []int
	out, err    *os.File
	log         *os.File
	res         *Result
	failures    int
	last        int // exit status of the last command
}

func (r *Runner) run(ctx context.Context, j job) *Result {
	started := time.Now()
	res := &Result{Test: j.test, Alternative: j.alternative}
	x := &running{Runner: r, ctx: ctx, test: j.test, alternative: j.alternative, res: res, dir: filepath.Join(r.Config.TmpDir, j.test.Name)}
	for _, d := range r.Config.BaselineDirs {
		x.baselines = append(x.baselines, filepath.Join(d, j.test.Name))
	}
	err := x.prepare()
	if err == nil {
		stop := x.watchProgress()
		x.commands()
		stop()
	} else {
		res.Status = Failed
		res.Messages = append(res.Messages, err.Error())
	}
	x.finish()
	res.Duration = time.Since(started)
	if res.Status != Failed && !r.Keep {
		os.RemoveAll(x.dir)
	}
	return res
}

// prepare makes the test's folder with its files.
func (x *running) prepare() error {
	if err := os.RemoveAll(x.dir); err != nil {
		return fmt.Errorf("cannot remove tmp directory %s: %w", x.dir, err)
	}
	for _, d := range append([]string{x.dir}, x.baselines...) {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return err
		}
	}
	for _, f := range x.test.files {
		name := filepath.Join(x.dir, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f.content), 0o666); err != nil {
			return err
		}
	}
	for _, f := range x.test.CopyFiles {
		src := x.expandEnv(f)
		if !filepath.IsAbs(src) {
			src = filepath.Join(x.Config.TestBase, src)
		}
		if err := copyFile(src, filepath.Join(x.dir, filepath.Base(src))); err != nil {
			return fmt.Errorf("cannot copy %s: %w", src, err)
		}
	}
	for _, p := range x.test.parts {
		if err := os.WriteFile(filepath.Join(x.dir, p.file), []byte(p.content), 0o666); err != nil {
			return err
		}
	}
	for name, f := range map[string]**os.File{".log": &x.log, ".stdout": &x.out, ".stderr": &x.err} {
		var err error
		if *f, err = os.Create(filepath.Join(x.dir, name)); err != nil {
			return err
		}
	}
	for range x.test.Ports {
		p, err := x.takePort()
		if err != nil {
			return err
		}
		x.ports = append(x.ports, p)
	}
	return nil
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, st.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

var envReference = regexp.MustCompile(`\$\{(\w+)\}`)

// expandEnv replaces ${NAME}.
func (x *running) expandEnv(s string) string {
	return envReference.ReplaceAllStringFunc(s, func(m string) string {
		name := m[2 : len(m)-1]
		for _, v := range x.Config.Environment {
			if strings.EqualFold(v.Name, name) {
				return v.Value
			}
		}
		return os.Getenv(name)
	})
}

// takePort finds a free TCP port that no running test has.
func (r *Runner) takePort() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.Config.PortHigh - r.Config.PortLow + 1 {
		p := r.next
		if r.next++; r.next > r.Config.PortHigh {
			r.next = r.Config.PortLow
		}
		if r.ports[p] {
			continue
		}
		l, err := net.Listen("tcp4", fmt.Sprintf(":%d", p))
		if err != nil {
			continue
		}
		l.Close()
		r.ports[p] = true
		return p, nil
	}
	return 0, fmt.Errorf("failed to obtain a port between %d and %d", r.Config.PortLow, r.Config.PortHigh)
}

// commands runs what the test and the configuration say.
func (x *running) commands() {
	for _, c := range x.test.Requires {
		if ok, _ := x.execute(c, nil); !ok {
			x.res.Status, x.res.Messages = Skipped, nil
			return
		}
	}
	own := func(line string, n int, what string) command {
		return command{line: line + " " + x.test.Name, part: n, file: what}
	}
	c := x.Config
	ran := false
	goesOn := func() bool { return x.failures == 0 || x.last == statusNoBaseline }
	if c.Initializer != "" {
		ran = true
		x.step(own(c.Initializer, 1, "<Initializer>"))
	}
	for _, p := range x.test.parts {
		if !goesOn() {
			break
		}
		cmds := p.commands
		if c.PartInitializer != "" {
			cmds = slices.Insert(slices.Clone(cmds), 0, own(c.PartInitializer, p.number, "<PartInitializer>"))
		}
		if c.PartFinalizer != "" {
			cmds = append(slices.Clone(cmds), own(c.PartFinalizer, p.number, "<PartFinalizer>"))
		}
		for _, cmd := range cmds {
			ran = true
			if x.step(cmd); !goesOn() {
				break
			}
		}
		if c.PartTeardown != "" {
			x.tearDown(own(c.PartTeardown, p.number, "<PartTeardown>"))
		}
	}
	if c.Finalizer != "" && goesOn() {
		ran = true
		x.step(own(c.Finalizer, 1, "<Finalizer>"))
	}
	if c.Teardown != "" && ran {
		x.tearDown(own(c.Teardown, 1, "<Teardown>"))
	}
	if x.failures > 0 {
		x.res.Status = Failed
	}
	if x.last == statusAbort {
		x.mu.Lock()
		x.Runner.abort = true
		x.mu.Unlock()
	}
}

func (x *running) step(c command) {
	ok, status := x.execute(c, nil)
	x.last = status
	if !ok {
		x.failures++
	}
}

func (x *running) tearDown(c command) {
	env := []string{fmt.Sprintf("TEST_LAST_RETCODE=%d", x.last)}
	if x.failures > 0 {
		env = append(env, "TEST_FAILED=1")
	}
	if ok, status := x.execute(c, env); !ok {
		x.failures++
		x.last = status
	}
}

// execute runs one command and tells whether it did what was wanted.
func (x *running) execute(c command, env []string) (bool, int) {
	line := c.line
	input := filepath.Join(x.dir, c.file)
	if a := x.Config.Alternatives[x.alternative]; x.alternative != "" && a != nil {
		if filter := a.filterFor(line); filter != "" && !c.wantFailure {
			filtered := filepath.Join(x.dir, "filtered-"+c.file)
			for _, l := range []string{filter + " " + input + " " + filtered, "mv " + filtered + " " + input} {
				if status := x.shell(l, c.part, nil); status != 0 {
					x.message("'%s' failed unexpectedly (exit code %d)", l, status)
					return false, status
				}
			}
		}
		for _, s := range a.Substitutions {
			line = replaceWord(line, s.Name, s.Value)
		}
		for _, v := range a.Environment {
			env = append(env, strings.ToUpper(v.Name)+"="+v.Value)
		}
	}
	x.tell(func(e Events) { e.Command(x.test, x.alternative, line, c.part) })
	line = strings.ReplaceAll(line, "%INPUT", input)
	line = strings.ReplaceAll(line, "%DIR", x.test.Dir)
	want := "success"
	if c.wantFailure {
		want = "failure"
	}
	fmt.Fprintf(x.log, "%s (expect %s)\n", line, want)
	status := x.shell(line, c.part, env)
	if (status == 0) != c.wantFailure {
		return true, status
	}
	if status == 0 {
		x.message("'%s' succeeded unexpectedly (exit code 0)", line)
	} else {
		x.message("'%s' failed unexpectedly (exit code %d)", line, status)
	}
	return false, status
}

func (x *running) message(format string, args ...any) {
	x.res.Messages = append(x.res.Messages, fmt.Sprintf(format, args...))
}

// filterFor gives the filter for the command that a line begins with.
func (a *Alternative) filterFor(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	for _, f := range a.Filters {
		if f.Name == filepath.Base(words[0]) {
			return f.Value
		}
	}
	return ""
}

// replaceWord replaces a word wherever it stands as a whole.
func replaceWord(line, word, by string) string {
	r, err := regexp.Compile(`\b` + regexp.QuoteMeta(word) + `\b`)
	if err != nil {
		return line
	}
	return r.ReplaceAllLiteralString(line, by)
}

// shell runs a line in the test's folder. Its whole process group ends with a
// cancelled run.
func (x *running) shell(line string, part int, env []string) int {
	cmd := exec.CommandContext(x.ctx, "/bin/sh", "-c", line)
	cmd.Dir = x.dir
	cmd.Stdout, cmd.Stderr = x.out, x.err
	cmd.Env = append(x.environment(part), env...)
	if x.Mode != ModeInteractive { // which needs the terminal
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	}
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return -int(ws.Signal())
		}
		return exit.ExitCode()
	}
	fmt.Fprintf(x.err, "%s: %s\n", line, err)
	return 127
}

func (x *running) environment(part int) []string {
	env := os.Environ()
	path := os.Getenv("PATH")
	for _, v := range x.Config.Environment {
		name := strings.ToUpper(v.Name)
		if name == "PATH" {
			path = v.Value
			continue
		}
		env = append(env, name+"="+v.Value)
	}
	if x.Path != "" {
		path = x.Path + ":" + path
	}
	env = append(env,
		"PATH="+path,
		"PWD="+x.dir,
		"TEST_BASELINE="+strings.Join(x.baselines, ":"),
		"TEST_DIAGNOSTICS="+filepath.Join(x.dir, ".diag"),
		"TEST_MODE="+string(x.Mode),
		"TEST_NAME="+x.test.Name,
		"TEST_VERBOSE="+filepath.Join(x.dir, ".verbose"),
		fmt.Sprintf("TEST_PART=%d", part),
		"TEST_BASE="+x.Config.TestBase,
	)
	for i, name := range slices.Sorted(slices.Values(x.test.Ports)) {
		env = append(env, fmt.Sprintf("%s=%d/tcp", name, x.ports[i]))
	}
	return env
}

// watchProgress tells what btest-progress leaves, until the result is called.
func (x *running) watchProgress() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				x.progress()
				return
			case <-tick.C:
				x.progress()
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func (x *running) progress() {
	files, _ := filepath.Glob(filepath.Join(globQuote(x.dir), ".progress.*"))
	slices.Sort(files)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		os.Remove(f)
		for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			x.tell(func(e Events) { e.Progress(x.test, x.alternative, l) })
		}
	}
}

// finish reads what the commands left and gives back what was taken.
func (x *running) finish() {
	for _, f := range []*os.File{x.log, x.out, x.err} {
		if f != nil {
			f.Close()
		}
	}
	x.res.Diag = readSome(filepath.Join(x.dir, ".diag"))
	x.res.Stderr = readSome(filepath.Join(x.dir, ".stderr"))
	x.res.Verbose = readSome(filepath.Join(x.dir, ".verbose"))
	x.mu.Lock()
	for _, p := range x.ports {
		delete(x.Runner.ports, p)
	}
	x.mu.Unlock()
	for _, d := range x.baselines {
		os.Remove(d) // if no baseline was made there
	}
}

// readSome reads a file of diagnostics, at most a megabyte of it.
func readSome(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(b)
}
