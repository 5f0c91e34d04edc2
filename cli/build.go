package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/cli/internal/sitebuild"
)

const buildHelp = `gzeek build --with ./folder --with module/package@version -o gzeek-site

builds a gzeek with more policies, log writers or analyzers. It needs Go.

`

type buildArgs struct {
	with                      []string
	output, gzeek, tags, keep string
	verbose, help             bool
}

func buildFlags(a *buildArgs) *pflag.FlagSet {
	fs := pflag.NewFlagSet("build", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {}
	fs.StringArrayVar(&a.with, "with", nil, "build in the `PACKAGE` of a folder (./folder) or of a module (example.com/package@v1.2.3); again for more")
	fs.StringVarP(&a.output, "output", "o", "gzeek-site", "write the program to `FILE`")
	fs.StringVar(&a.gzeek, "gzeek", "", "take gzeek itself from `SOURCE`, a folder or a version; otherwise from where this program was built")
	fs.StringVar(&a.tags, "tags", buildTags(), "build with these `TAGS`, separated by commas")
	fs.StringVar(&a.keep, "keep", "", "keep the module in `FOLDER`, with the versions and checksums that were used, to build again from it")
	fs.BoolVarP(&a.verbose, "verbose", "v", false, "show the commands of the go tool and all that it says")
	fs.BoolVarP(&a.help, "help", "h", false, "print this help")
	return fs
}

// buildTags are the build tags of this program.
func buildTags() string { return buildSetting("-tags") }

// buildSetting is a flag that this program was built with.
func buildSetting(key string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
	}
	return ""
}

// buildCommand builds a gzeek with more in it.
func buildCommand(args []string, std stdio) int {
	var a buildArgs
	fs := buildFlags(&a)
	if err := fs.Parse(args); err != nil {
		return usageError(std, fmt.Errorf("%w; see gzeek build --help", err))
	}
	if a.help {
		fmt.Fprint(std.out, buildHelp, fs.FlagUsages())
		return exitOK
	}
	if fs.NArg() > 0 {
		return usageError(std, fmt.Errorf("build takes no argument %s; is it a policy? --with %s", fs.Arg(0), fs.Arg(0)))
	}
	source, err := chooseSource(a.gzeek)
	if err != nil {
		return usageError(std, err)
	}
	opts := sitebuild.Options{
		With: a.with, Gzeek: source, Output: a.output, Tags: a.tags, Keep: a.keep,
		Flags: []string{"-ldflags", fmt.Sprintf("-s -w -X %s/cli.version=%s", sitebuild.GzeekModule, version)},
	}
	if buildSetting("-trimpath") == "true" { // as this program: packages that are compiled already serve again
		opts.Flags = append(opts.Flags, "-trimpath")
	}
	if a.verbose {
		opts.Log = std.err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := sitebuild.Build(ctx, opts); err != nil {
		return failed(std, err)
	}
	fmt.Fprintf(std.out, "%s is built with gzeek from %s; %s policies lists what it has\n", a.output, source, a.output)
	return exitOK
}

// chooseSource is where gzeek's source is: what the user says, or else what the
// program knows.
func chooseSource(text string) (sitebuild.Source, error) {
	if text != "" {
		return sitebuild.ParseSource(text)
	}
	return sitebuild.FindSource()
}
