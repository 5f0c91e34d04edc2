package btest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Helper gives the helper that tests call by this name, nil if there is none:
// btest-diff, btest-bg-run, btest-bg-wait, btest-progress. A program that runs
// tests must answer to these names (see [Main]).
func Helper(name string) func(args []string, stdout, stderr io.Writer) int {
	switch name {
	case "btest-diff":
		return Diff
	case "btest-bg-run":
		return bgRun
	case "btest-bg-run-helper":
		return bgRunHelper
	case "btest-bg-wait":
		return bgWait
	case "btest-progress":
		return progress
	}
	return nil
}

// helperNames are the names under which tests find the helpers.
var helperNames = [...]string{"btest-diff", "btest-bg-run", "btest-bg-run-helper", "btest-bg-wait", "btest-progress"}

// bgRun starts a command in the background, in a new folder.
func bgRun(args []string, stdout, _ io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(stdout, "usage: btest-bg-run <tag> <cmdline>")
		return 1
	}
	fail := func(err error) int {
		fmt.Fprintf(os.Stderr, "btest-bg-run: %s\n", err)
		return 1
	}
	dir := args[0]
	if fileExists(dir) {
		return fail(fmt.Errorf("directory '%s' already exists", dir))
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return fail(err)
	}
	procs, err := os.OpenFile(".bgprocs", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fail(err)
	}
	fmt.Fprintln(procs, dir)
	if err := procs.Close(); err != nil {
		return fail(err)
	}
	line := strings.Join(args[1:], " ")
	if err := os.WriteFile(filepath.Join(dir, ".cmdline"), []byte(line+"\n"), 0o666); err != nil {
		return fail(err)
	}
	out, err := os.Create(filepath.Join(dir, ".stdout"))
	if err != nil {
		return fail(err)
	}
	errs, err := os.Create(filepath.Join(dir, ".stderr"))
	if err != nil {
		return fail(err)
	}
	cmd := exec.Command("btest-bg-run-helper", line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	// The command is known to run, or to have ended, when its number is there.
	for range 200 {
		if fileExists(filepath.Join(dir, ".pid")) {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fail(fmt.Errorf("%s: the command did not start", dir))
}

// bgRunHelper runs the command of bgRun in a session of its own and notes how
// it ends. A hangup ends all its processes.
func bgRunHelper(args []string, _, stderr io.Writer) int {
	note := func(name string, n int) {
		tmp := name + ".tmp"
		if err := os.WriteFile(tmp, []byte(strconv.Itoa(n)+"\n"), 0o666); err == nil {
			os.Rename(tmp, name)
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	shell, err := exec.LookPath("bash")
	if err != nil {
		shell = "/bin/sh"
	}
	cmd := exec.Command(shell, "-c", strings.Join(args, " "))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, err)
		note(".exitcode", 127)
		note(".pid", os.Getpid())
		return 127
	}
	note(".pid", os.Getpid())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		status := 0
		if err != nil {
			status = cmd.ProcessState.ExitCode()
			if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				status = 128 + int(ws.Signal())
			}
		}
		note(".exitcode", status)
		return 0
	case <-signals:
	}
	// The group is this helper's session.
	signal.Ignore(syscall.SIGTERM)
	syscall.Kill(0, syscall.SIGTERM)
	status := 15
	select {
	case <-done:
	case <-time.After(time.Second):
		cmd.Process.Kill()
		status = 9
	}
	note(".exitcode", status)
	return 0
}

// bgWait waits for everything that bgRun started.
func bgWait(args []string, stdout, stderr io.Writer) int {
	timeoutOK := false
	if len(args) > 0 && args[0] == "-k" {
		timeoutOK = true
		args = args[1:]
	}
	var seconds int
	if len(args) == 1 {
		seconds, _ = strconv.Atoi(args[0])
	}
	if seconds <= 0 {
		fmt.Fprintln(stdout, "usage: btest-bg-wait [-k] <timeout>")
		return 1
	}
	list, err := os.ReadFile(".bgprocs")
	if err != nil {
		fmt.Fprintf(stderr, "btest-bg-wait: nothing was started: %s\n", err)
		return 1
	}
	procs := strings.Fields(string(list))
	ended := func(p string) bool { return fileExists(filepath.Join(p, ".exitcode")) }
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	var late []string
	for _, p := range procs {
		for !ended(p) && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if !ended(p) {
			late = append(late, p)
		}
	}
	for _, p := range late {
		signalProcess(p, syscall.SIGHUP)
	}
	for _, p := range late {
		for range 150 {
			if ended(p) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !ended(p) {
			signalProcess(p, syscall.SIGKILL)
		}
	}
	// What is written here comes into the test's own output.
	if len(late) > 0 && !timeoutOK {
		fmt.Fprint(stderr, "The following processes did not terminate:\n\n")
		for _, p := range late {
			fmt.Fprint(stderr, readSome(filepath.Join(p, ".cmdline")))
		}
		fmt.Fprint(stderr, "\n-----------\n")
	}
	status := 0
	for _, p := range procs {
		pid := strings.TrimSpace(readSome(filepath.Join(p, ".pid")))
		line := strings.TrimSpace(readSome(filepath.Join(p, ".cmdline")))
		fmt.Fprintf(stdout, "<<< [%s] %s\n%s>>>\n", pid, line, readSome(filepath.Join(p, ".stdout")))
		fmt.Fprintf(stderr, "<<< [%s] %s\n%s>>>\n", pid, line, readSome(filepath.Join(p, ".stderr")))
	}
	for _, p := range procs {
		isLate := false
		for _, l := range late {
			isLate = isLate || l == p
		}
		if isLate {
			if !timeoutOK {
				status = 1
			}
			continue
		}
		if code := strings.TrimSpace(readSome(filepath.Join(p, ".exitcode"))); code != "0" {
			fmt.Fprintf(stderr, ">>> process %s failed with exitcode %s: %s\n", p, code, strings.TrimSpace(readSome(filepath.Join(p, ".cmdline"))))
			status = 1
		}
	}
	return status
}

func signalProcess(dir string, s syscall.Signal) {
	pid, err := strconv.Atoi(strings.TrimSpace(readSome(filepath.Join(dir, ".pid"))))
	if err == nil && pid > 1 {
		syscall.Kill(pid, s)
	}
}

// progress leaves a message that the driver shows while the test runs.
func progress(args []string, stdout, stderr io.Writer) int {
	quiet, stamp := false, true
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-q":
			quiet = true
		case "-T":
			stamp = false
		default:
			args = nil
			continue
		}
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprint(stderr, "usage: btest-progress [-q] [-T] <message>\n\n  -q: do not print the message to standard output and error\n  -T: no time on standard error\n")
		return 1
	}
	msg := "[btest] -- " + strings.Join(args, " ")
	if !quiet {
		fmt.Fprintln(stdout, msg)
		if stamp {
			msg += " -- " + time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + " "
		}
		fmt.Fprintln(stderr, msg)
	}
	// Written under another name first, so that nobody reads half of it.
	name := fmt.Sprintf(".progress.%d.%d", time.Now().UnixNano(), os.Getpid())
	tmp := ".new" + name
	err := os.WriteFile(tmp, []byte(strings.Join(args, " ")+"\n"), 0o666)
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		fmt.Fprintf(stderr, "btest-progress: %s\n", err)
		return 1
	}
	return 0
}
