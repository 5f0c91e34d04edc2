package logtools

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gzeek/gzeek/zeeklog"
)

// Exit statuses of all commands but cut, which has zeek-cut's.
const (
	exitOK      = 0
	exitDiffers = 1 // something differs, or lines were bad
	exitTrouble = 2 // wrong arguments, unreadable files
)

// tool is what the commands have in common: flags, messages, bad lines.
type tool struct {
	name           string
	flags          *flag.FlagSet
	stdin          io.Reader
	stdout, stderr io.Writer
	strict         *bool
	problems       int64
}

func newTool(name, usage string, stdin io.Reader, stdout, stderr io.Writer) *tool {
	t := &tool{name: "gzeek " + name, stdin: stdin, stdout: stdout, stderr: stderr}
	t.flags = flag.NewFlagSet(t.name, flag.ContinueOnError)
	t.flags.SetOutput(stderr)
	t.flags.Usage = func() {
		fmt.Fprintf(t.flags.Output(), "%s\n", usage)
		t.flags.PrintDefaults()
	}
	t.strict = t.flags.Bool("strict", false, "end at the first bad line instead of skipping it")
	return t
}

// parse reads the arguments, flags anywhere among them. A status that isn't -1
// ends the command.
func (t *tool) parse(args []string) (operands []string, status int) {
	for {
		if slices.Contains(args, "-h") || slices.Contains(args, "--help") || slices.Contains(args, "-help") {
			t.flags.SetOutput(t.stdout)
		}
		if err := t.flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, exitOK
			}
			return nil, exitTrouble
		}
		rest := t.flags.Args()
		if len(rest) == 0 {
			return operands, -1
		}
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(operands, rest...), -1
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}

// fail prints an error and gives the status for it.
func (t *tool) fail(err error) int {
	fmt.Fprintf(t.stderr, "%s: %s\n", t.name, err)
	return exitTrouble
}

func (t *tool) usageError(format string, args ...any) int {
	return t.fail(fmt.Errorf(format+" (try --help)", args...))
}

// maxTold is how many bad lines of a command are printed; the rest is counted.
const maxTold = 20

// logFile is an open log; "-" is the standard input.
type logFile struct {
	*zeeklog.Reader
	close func()
}

func (t *tool) open(name string) (*logFile, error) {
	src := t.stdin
	closeFile := func() {}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		src, closeFile = f, func() { f.Close() }
	}
	plain, err := zeeklog.Decompress(src)
	if err != nil {
		closeFile()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &logFile{
		Reader: zeeklog.NewReader(plain, zeeklog.ReaderOptions{Name: name, Strict: *t.strict, OnProblem: t.problem}),
		close:  func() { plain.Close(); closeFile() },
	}, nil
}

func (t *tool) problem(p *zeeklog.Problem) {
	if *t.strict {
		t.problems++
		return // it comes as the error
	}
	t.told(p.Error())
}

// told prints something wrong and counts it.
func (t *tool) told(msg string) {
	t.problems++
	if t.problems <= maxTold {
		fmt.Fprintf(t.stderr, "%s: %s\n", t.name, msg)
	}
}

// status is the exit status of a command that has read everything it could.
func (t *tool) status() int {
	if t.problems > maxTold {
		fmt.Fprintf(t.stderr, "%s: %d more problems\n", t.name, t.problems-maxTold)
	}
	if t.problems > 0 {
		return exitDiffers
	}
	return exitOK
}

// inputs gives the operands, or the standard input if there are none.
func inputs(operands []string) []string {
	if len(operands) == 0 {
		return []string{"-"}
	}
	return operands
}
