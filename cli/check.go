package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

// checkCommand says whether a run with these flags and arguments would start.
// It reads what such a run reads before its first packet and writes nothing.
func checkCommand(args []string, std stdio) int {
	c := checker{}
	fs := c.flags(args)
	if c.f.help {
		fmt.Fprint(std.out, checkHelp, fs.FlagUsages())
		return exitOK
	}
	eng := c.check(fs.Args())
	if len(c.problems) > 0 {
		for _, p := range c.problems {
			fmt.Fprintf(std.err, "gzeek: %s\n", p)
		}
		return exitUsage
	}
	set := 0
	for _, o := range eng.Options().Options() {
		if o.Origin.File != "" {
			set++
		}
	}
	fmt.Fprintf(std.out, "configuration is valid: %d policies, %d options set\n", len(eng.Loaded()), set)
	return exitOK
}

const checkHelp = `gzeek check [flags, policies and settings of a run]

says what is wrong with a configuration, all at once, without running.

Flags:
`

// checker collects what is wrong with a configuration. A run stops at the first
// kind of mistake; a checker goes on, and takes care that a mistake doesn't make
// others appear: when not all policies are known that were meant, the options
// are looked for in all that there are.
type checker struct {
	f        runFlags
	problems []string
	guess    bool // not all that was asked for is loaded
}

func (c *checker) wrong(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSuffix(line, "\n")
		if !slices.Contains(c.problems, line) {
			c.problems = append(c.problems, line)
		}
	}
}

// flags parses the flags; those that are not taken are reported and left out.
func (c *checker) flags(args []string) *pflag.FlagSet {
	for {
		c.f = runFlags{}
		fs := newFlags(&c.f)
		err := fs.Parse(args)
		if err == nil {
			return fs
		}
		c.wrong(explainFlag(err))
		at := offender(args, err)
		if at < 0 {
			// What stands behind it is not known.
			c.f, fs = runFlags{}, newFlags(&c.f)
			return fs
		}
		args = slices.Delete(slices.Clone(args), at, at+1)
	}
}

// offender finds the argument that an error of pflag is about, -1 if that
// doesn't show.
func offender(args []string, err error) int {
	msg := err.Error()
	name, long := strings.CutPrefix(msg, "unknown flag: ")
	return slices.IndexFunc(args, func(a string) bool {
		if long {
			return a == name || strings.HasPrefix(a, name+"=")
		}
		return len(a) > 1 && a[0] == '-' && strings.HasSuffix(msg, " in "+a)
	})
}

// check looks at everything else and returns the engine of a run, nil if there
// can't be one.
func (c *checker) check(args []string) *engine.Engine {
	f := &c.f
	if len(f.files) > 0 && len(f.ifaces) > 0 {
		c.wrong(errors.New("-r and -i don't go together"))
	}
	cfg := c.arguments(args)
	cfg.Files = c.configFiles()
	c.policies(cfg)
	if c.guess && !slices.ContainsFunc(cfg.Policies, func(p string) bool { return slices.Contains(others, p) }) {
		cfg.Bare = false
		cfg.Policies = append(cfg.Policies, allPolicies()...)
	}
	eng, err := engine.New(*cfg)
	c.wrong(err)
	filter := f.filter
	if filter == "" && eng != nil {
		filter = eng.Filter()
	}
	c.captures(filter)
	for _, name := range []string{f.write, f.saveSeed} {
		if name == "" || name == "-" {
			continue
		}
		if st, err := os.Stat(filepath.Dir(name)); err != nil || !st.IsDir() {
			c.wrong(fmt.Errorf("%s can't be written: there is no folder %s", name, filepath.Dir(name)))
		}
	}
	return eng
}

// arguments asks configure about each argument alone, so that it reports each.
func (c *checker) arguments(args []string) *engine.Config {
	f := c.f
	f.noConfig, f.configs = true, nil // files are read apart from this
	cfg, err := configure(&f, nil)
	if err != nil {
		c.wrong(err)
		cfg = &engine.Config{Bare: c.f.bare, Live: len(c.f.ifaces) > 0, AlsoJSON: c.f.alsoJSON}
	}
	settings := cfg.Settings // of flags: they come behind those of arguments
	cfg.Settings = nil
	for _, a := range args {
		one, err := configure(&runFlags{noConfig: true}, []string{a})
		if err != nil {
			c.wrong(err)
			c.guess = true
			continue
		}
		cfg.Settings = append(cfg.Settings, one.Settings...)
		cfg.Policies = append(cfg.Policies, one.Policies...)
	}
	cfg.Settings = append(cfg.Settings, settings...)
	return cfg
}

// configFiles reads the configuration files, as far as they can be read.
func (c *checker) configFiles() *redef.Config {
	files, err := redef.LoadFiles(configPaths(&c.f), engine.LogSection)
	if err != nil {
		c.wrong(err)
		c.guess = true
	}
	return files
}

// policies reports those that don't exist and takes them out.
func (c *checker) policies(cfg *engine.Config) {
	unknown := func(name string) error {
		if _, ok := policy.Find(name); ok {
			return nil
		}
		c.guess = true
		return explainPolicy(&policy.UnknownError{Name: policy.CleanName(name)})
	}
	if cfg.Files != nil {
		var known []string
		for i, name := range cfg.Files.Load {
			if err := unknown(name); err != nil {
				c.wrong(fmt.Errorf("%v: %w", cfg.Files.LoadPlaces[i], err))
			} else {
				known = append(known, name)
			}
		}
		cfg.Files.Load = known
	}
	cfg.Policies = slices.DeleteFunc(cfg.Policies, func(name string) bool {
		err := unknown(name)
		c.wrong(err)
		return err != nil
	})
}

// captures opens the files that are to be read, but no pipes: what is taken
// from these is gone.
func (c *checker) captures(filter string) {
	opened := false
	for _, name := range c.f.files {
		if st, err := os.Stat(name); name == "-" || err == nil && !st.Mode().IsRegular() && !st.IsDir() {
			continue
		}
		src, err := capture.OpenFile(name, capture.Options{Filter: filter})
		c.wrong(err)
		if err == nil {
			src.Close()
		}
		var fe *capture.FilterError
		opened = opened || err == nil || errors.As(err, &fe)
	}
	if !opened {
		frame := capture.Frame{LinkType: capture.Ethernet, Data: make([]byte, 64), WireLen: 64}
		_, err := capture.NewFilter(filter).Match(&frame)
		c.wrong(err)
	}
}
