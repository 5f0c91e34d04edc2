package cli

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/gzeek/gzeek/btest"
	"github.com/gzeek/gzeek/cli/internal/logtools"
)

// logCommands are the tools for logs, and the runner of baseline tests.
func logCommands() []command {
	tool := func(f func(args []string, in io.Reader, out, err io.Writer) int) func([]string, stdio) int {
		return func(args []string, std stdio) int { return f(args, std.in, std.out, std.err) }
	}
	return []command{
		{"btest", "runs tests written for BTest", tool(btest.Main)},
		{"cat", "prints several logs as one, ordered by time", tool(logtools.Cat)},
		{"convert", "turns logs into text, JSON, CSV or Parquet", tool(logtools.Convert)},
		{"cut", "takes columns out of a log, as zeek-cut does", tool(logtools.Cut)},
		{"diff", "shows where two logs differ", tool(logtools.Diff)},
		{"merge", "is cat by another name", tool(logtools.Cat)},
		{"stats", "tells what the columns of a log hold", tool(logtools.Stats)},
		{"top", "counts rows by the values of columns", tool(logtools.Top)},
	}
}

// nickname gives the command for a name under which scripts and tests call
// this program: zeek-cut and the helpers of BTest. It is nil for others; zeek
// is gzeek without a command.
func nickname(arg0 string) func(args []string, std stdio) int {
	name := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if name == "zeek-cut" || name == "bro-cut" {
		return func(args []string, std stdio) int { return logtools.Cut(args, std.in, std.out, std.err) }
	}
	if f := btest.Helper(name); f != nil {
		return func(args []string, std stdio) int { return f(args, std.out, std.err) }
	}
	return nil
}
