package cli

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

// redefsCommand lists the options of the policies that the arguments load, with
// the values that arguments and configuration files give them.
func redefsCommand(args []string, std stdio) int {
	var f runFlags
	fs := newFlags(&f)
	changed, all, asTOML := redefsFlags(fs)
	if err := fs.Parse(args); err != nil {
		return usageError(std, explainFlag(err))
	}
	if f.help {
		fmt.Fprint(std.out, redefsHelp, fs.FlagUsages())
		return exitOK
	}
	patterns, rest := splitPatterns(fs.Args())
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return usageError(std, fmt.Errorf("%s is no pattern: a [ in it has no end", p))
		}
	}
	if *all {
		rest = append(rest, allPolicies()...)
	}
	cfg, err := configure(&f, rest)
	if err != nil {
		return usageError(std, allProblems(&f, rest, err))
	}
	if f.seedFile == "" && os.Getenv("ZEEK_SEED_FILE") == "" && os.Getenv("ZEEK_SEED_VALUES") == "" {
		cfg.Keys = listingKeys()
	}
	eng, err := engine.New(*cfg)
	if err != nil {
		return usageError(std, allProblems(&f, rest, explainPolicy(err)))
	}
	reg := eng.Options().Subset(func(name string) bool { return matchesAny(patterns, name) })
	list := reg.Options()
	if len(list) == 0 {
		return usageError(std, noOption(patterns, eng.Options()))
	}
	if *asTOML {
		return startingFile(std, cfg, eng, reg)
	}
	for _, o := range list {
		if !*changed || o.Changed {
			printOption(std, o)
		}
	}
	return exitOK
}

// listingKeys keep the elements of sets in one order from call to call, where a
// run without a seed has another one each time.
func listingKeys() *seed.Keys { return seed.New([seed.Count]uint32{}) }

// redefsFlags are the flags that redefs has beside those of a run.
func redefsFlags(fs *pflag.FlagSet) (changed, all, asTOML *bool) {
	return fs.Bool("changed", false, "only options that are not at their default"),
		fs.Bool("all", false, "load every policy, to see the options of all"),
		fs.Bool("toml", false, "print a configuration file to start from")
}

const redefsHelp = `gzeek redefs [PATTERN...] [flags, policies and settings of a run]

lists the options with type, value, where the value is from, and what they do.
PATTERN is a part of the name, or has *, ? and [] that match within it.

`

// others are policies that can't be loaded with the rest: bro-2011 stands in
// the place of base/protocols/smtp.
var others = []string{"bro-2011"}

// allPolicies are those that can be loaded together.
func allPolicies() []string {
	var names []string
	for _, p := range policy.All() {
		if !slices.Contains(others, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// splitPatterns tells patterns from what a run takes: settings have a "=",
// policies exist or have a "/", which options' names don't.
func splitPatterns(args []string) (patterns, rest []string) {
	for _, a := range args {
		_, known := policy.Find(a)
		if known || redef.IsSetting(a) || strings.Contains(a, "/") {
			rest = append(rest, a)
		} else {
			patterns = append(patterns, a)
		}
	}
	return patterns, rest
}

// matchesAny says whether one of the patterns is a part of the name or, with
// wildcards, matches all of it, blind to case. No patterns match everything.
func matchesAny(patterns []string, name string) bool {
	name = strings.ToLower(name)
	for _, p := range patterns {
		p = strings.ToLower(p)
		if strings.ContainsAny(p, "*?[") {
			if ok, err := path.Match(p, name); ok && err == nil {
				return true
			}
		} else if strings.Contains(name, p) {
			return true
		}
	}
	return len(patterns) == 0
}

func noOption(patterns []string, reg *redef.Registry) error {
	var names []string
	for _, o := range reg.Options() {
		names = append(names, o.Name)
	}
	msg := "no option matches " + strings.Join(patterns, " or ")
	for _, p := range patterns {
		if s := redef.Suggest(p, names); s != "" {
			return fmt.Errorf("%s%s", msg, s)
		}
	}
	return fmt.Errorf("%s; --all also looks at the policies that are not loaded", msg)
}

// printOption prints one option; the place of its value is that of the last
// setting that touched it.
func printOption(std stdio, o redef.Info) {
	from := o.Origin.String()
	if o.Changed {
		from += "; default " + strings.Join(strings.Fields(o.Default), " ")
	}
	live := ""
	if o.Live {
		live = "; may change while running"
	}
	fmt.Fprintf(std.out, "%s: %s = %s  (%s)\n    %s%s\n", o.Name, o.Type, o.Literal, from, o.Doc, live)
}

// startingFile prints the options as a configuration file that, read with
// --config, gives this very configuration.
func startingFile(std stdio, cfg *engine.Config, eng *engine.Engine, reg *redef.Registry) int {
	fmt.Fprint(std.out, "# Options of gzeek. A line behind a # shows a default; take the # away to change it.\n\n")
	var load []string
	if cfg.Files != nil {
		load = append(load, cfg.Files.Load...)
	}
	for _, p := range cfg.Policies {
		if p = policy.CleanName(p); !slices.Contains(load, p) {
			load = append(load, p)
		}
	}
	if len(load) == 0 {
		fmt.Fprint(std.out, "# load = [\"protocols/smtp/software\"]\n\n")
	} else {
		fmt.Fprint(std.out, "load = ", tomlList(load), "\n\n")
	}
	if err := reg.WriteTOML(std.out); err != nil {
		return failed(std, err)
	}
	if cfg.Files != nil && len(cfg.Files.FileSections(engine.LogSection)) > 0 {
		fmt.Fprintf(std.err, "gzeek: note: the [%s] tables of the configuration are not options; copy them yourself\n", engine.LogSection)
	}
	if cfg.Bare {
		fmt.Fprintln(std.err, "gzeek: note: -b stays a flag, no file can say it")
	}
	return exitOK
}

// tomlList is a list of names in TOML, one a line.
func tomlList(names []string) string {
	var b strings.Builder
	b.WriteString("[\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  %s,\n", redef.TOMLString(n))
	}
	b.WriteByte(']')
	return b.String()
}
