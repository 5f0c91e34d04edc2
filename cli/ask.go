package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/control"
)

// exitRefused is the status of a reload that left changes for a restart.
const exitRefused = 3

// askTime is how long gzeek status and gzeek reload wait: longer than the other
// side does for its run.
const askTime = 3 * time.Minute

// asking is the command line of gzeek status and gzeek reload.
type asking struct {
	client control.Client
	json   bool
}

// askFlags reads it; done says that there is nothing to ask, with a status.
func askFlags(name, help string, args []string, std stdio) (a asking, status int, done bool) {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.Usage = func() {}
	path := fs.String("control", "", "the socket is at `PATH`")
	fs.BoolVar(&a.json, "json", false, "print the answer as JSON")
	helpFlag := fs.BoolP("help", "h", false, "print this help")
	if err := fs.Parse(args); err != nil {
		return a, usageError(std, fmt.Errorf("%w; see gzeek %s --help", err, name)), true
	}
	if *helpFlag {
		fmt.Fprint(std.out, help, fs.FlagUsages())
		return a, exitOK, true
	}
	if fs.NArg() > 0 {
		return a, usageError(std, fmt.Errorf("%s takes no arguments, but got %s", name, fs.Arg(0))), true
	}
	if *path == "" {
		found, err := control.Find(os.Getenv)
		if err != nil {
			return a, failed(std, err), true
		}
		*path = found
	}
	a.client.Path = *path
	return a, exitOK, false
}

const statusHelp = `gzeek status [--control PATH] [--json]

asks a running gzeek how it is doing, over its control socket. Without --control
the socket is looked for below $XDG_RUNTIME_DIR and /run/gzeek. The exit status is
1 if nothing answers there, or if the run behind it doesn't.

Flags:
`

func statusCommand(args []string, std stdio) int {
	a, status, done := askFlags("status", statusHelp, args, std)
	if done {
		return status
	}
	ctx, stop := context.WithTimeout(context.Background(), askTime)
	defer stop()
	st, err := a.client.Status(ctx)
	if err != nil {
		return failed(std, err)
	}
	if a.json {
		err = printJSON(std.out, st)
	} else {
		printStatus(std.out, &st)
	}
	if err != nil {
		return failed(std, err)
	}
	if st.Problem != "" {
		return exitError
	}
	return exitOK
}

const reloadHelp = `gzeek reload [--control PATH] [--json]

has a running gzeek read its configuration files anew, as SIGHUP does, waits for
it, and says what became of it. The exit status is 0 if every change was made, 3
if some wait for a restart, and 1 if the configuration has a mistake (nothing
changes then) or nothing answers.

Flags:
`

func reloadCommand(args []string, std stdio) int {
	a, status, done := askFlags("reload", reloadHelp, args, std)
	if done {
		return status
	}
	ctx, stop := context.WithTimeout(context.Background(), askTime)
	defer stop()
	r, err := a.client.Reload(ctx)
	if err != nil {
		return failed(std, err)
	}
	if a.json {
		err = printJSON(std.out, r)
	} else {
		printReload(std.out, &r)
	}
	switch {
	case err != nil:
		return failed(std, err)
	case r.Error != "":
		return failed(std, fmt.Errorf("options stay as they are: %s", r.Error))
	case len(r.Refused) > 0:
		return exitRefused
	}
	return exitOK
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printStatus(w io.Writer, s *control.Status) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("gzeek", "%s, pid %d", s.Version, s.PID)
	if s.Problem != "" {
		line("problem", "%s", s.Problem)
	}
	line("reading", "%s", strings.Join(s.Sources, " "))
	if !s.Started.IsZero() {
		if s.Problem != "" {
			line("age", "what follows is %v old", duration(s.Age))
		}
		printRun(line, s)
	}
	line("memory", "%s resident, %s of it heap", megabytes(s.Memory.Resident), megabytes(s.Memory.Heap))
	printConfig(line, s)
	if len(s.Logs) > 0 {
		fmt.Fprintln(w, "logs")
	}
	for _, l := range s.Logs {
		fmt.Fprintf(w, "  %-20s %12d lines%s\n", l.Path, l.Lines, trouble(&l))
	}
}

func printRun(line func(string, string, ...any), s *control.Status) {
	line("running", "for %v, since %s", duration(s.Uptime), s.Started.Local().Format(time.RFC3339))
	if s.NetworkTime != nil {
		line("network time", "%s", s.NetworkTime.Local().Format(time.RFC3339))
	}
	for _, i := range s.Interfaces {
		if i.Problem != "" {
			line("not read", "%s, since %s", i.Problem, i.Since.Local().Format(time.RFC3339))
		}
		if i.Failures > 0 {
			line("interface", "%s could not be read %d times, for %v in all", i.Name, i.Failures, duration(i.Unread))
		}
	}
	p := &s.Packets
	line("packets", "%d received (%s), %d lost by the kernel of %d that it saw, %d filtered", p.Received, megabytes(p.Bytes), p.Dropped, p.Link, p.Filtered)
	if p.Unwritten > 0 {
		line("", "%d not written to the file of -w", p.Unwritten)
	}
	if p.Undecodable > 0 {
		line("", "%d dropped because of an error in gzeek: please report it", p.Undecodable)
	}
	line("connections", "%d open, %d at most, %d in all", s.Connections.Open, s.Connections.Max, s.Connections.Total)
	line("files", "%d open, %d at most, %d in all", s.Files.Open, s.Files.Max, s.Files.Total)
	if s.HandlerErrors > 0 {
		line("errors", "%d of policies, see reporter.log", s.HandlerErrors)
	}
}

func printConfig(line func(string, string, ...any), s *control.Status) {
	files := "no file"
	if len(s.Config.Files) > 0 {
		files = strings.Join(s.Config.Files, " ")
	}
	if len(s.Config.Args) > 0 {
		files += "; " + strings.Join(s.Config.Args, " ")
	}
	line("config", "%s", files)
	if r := s.Reload; r != nil {
		what := fmt.Sprintf("%d changed, %d wait for a restart", len(r.Changed), len(r.Refused))
		if r.Error != "" {
			what = "mistakes: " + r.Error
		}
		line("reloaded", "%s: %s", r.At.Local().Format(time.RFC3339), what)
	}
}

func trouble(l *control.Log) string {
	var b strings.Builder
	if l.Discarded > 0 {
		fmt.Fprintf(&b, ", %d lost", l.Discarded)
	}
	if l.Failed {
		b.WriteString(", can't be written")
	}
	return b.String()
}

func duration(seconds float64) time.Duration {
	return (time.Duration(seconds * float64(time.Second))).Round(time.Second)
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func printReload(w io.Writer, r *control.Reload) {
	for _, c := range r.Changed {
		fmt.Fprintf(w, "changed  %s: %s is now %s  (%s)\n", c.Option, c.Old, c.New, c.Place)
	}
	for _, c := range r.Refused {
		fmt.Fprintf(w, "refused  %s: stays %s, not %s: %s  (%s)\n", c.Option, c.Old, c.New, c.Why, c.Place)
	}
	if r.Error == "" {
		fmt.Fprintf(w, "options were read anew: %d changed, %d wait for a restart\n", len(r.Changed), len(r.Refused))
	}
}
