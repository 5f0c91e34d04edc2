package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/cli/internal/scaffold"
)

const newPolicyHelp = `gzeek new-policy NAME

writes a folder with a policy to start from: a Go module with the policy, a test
that runs a capture, and a README that says how to build it in. NAME is what the
policy is loaded by, like site/many-recipients.

`

type newPolicyArgs struct {
	module, dir, gzeek string
	help               bool
}

func newPolicyFlags(a *newPolicyArgs) *pflag.FlagSet {
	fs := pflag.NewFlagSet("new-policy", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {}
	fs.StringVar(&a.module, "module", "", "the `PATH` of the Go module; otherwise example.com/NAME")
	fs.StringVar(&a.dir, "dir", "", "the `FOLDER` to write; otherwise the last part of NAME")
	fs.StringVar(&a.gzeek, "gzeek", "", "the gzeek that it is for, a folder or a version; otherwise where this program was built")
	fs.BoolVarP(&a.help, "help", "h", false, "print this help")
	return fs
}

// newPolicyCommand writes a policy to start from.
func newPolicyCommand(args []string, std stdio) int {
	var a newPolicyArgs
	fs := newPolicyFlags(&a)
	if err := fs.Parse(args); err != nil {
		return usageError(std, fmt.Errorf("%w; see gzeek new-policy --help", err))
	}
	if a.help {
		fmt.Fprint(std.out, newPolicyHelp, fs.FlagUsages())
		return exitOK
	}
	if fs.NArg() != 1 {
		return usageError(std, errors.New("new-policy takes one name, like site/many-recipients"))
	}
	source, err := chooseSource(a.gzeek)
	if err != nil {
		return usageError(std, err)
	}
	dir, err := scaffold.Write(scaffold.Options{Name: fs.Arg(0), Module: a.module, Dir: a.dir, Gzeek: source})
	if err != nil {
		return usageError(std, err)
	}
	tidy := ""
	if source.Dir == "" {
		tidy = "go mod tidy && "
	}
	fmt.Fprintf(std.out, "%s has a policy and its test: cd %s && %sgo test ./...\n", dir, dir, tidy)
	return exitOK
}
