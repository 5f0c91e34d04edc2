package sitebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Options say what to build.
type Options struct {
	// With are the packages to build in, as users write them: a folder, or a
	// module's package with or without "@version".
	With []string
	// Gzeek is where gzeek itself is taken from.
	Gzeek Source
	// Output is the file to write.
	Output string
	// Tags are build tags, Flags other flags for go build.
	Tags  string
	Flags []string
	// Keep is a folder for the module that is built, with its go.mod and
	// go.sum; "" is one that is removed. What is in it already is built on: its
	// go.sum must fit.
	Keep string
	// Log hears of the go tool's commands and what they say; nil drops it.
	Log io.Writer
}

// Build builds. The output is written when everything is right; until then what
// was there stays.
func Build(ctx context.Context, o Options) error {
	b := &build{Options: o}
	if len(o.With) == 0 {
		return errors.New("nothing to build in: say --with FOLDER or --with MODULE@VERSION")
	}
	var errs []error
	for _, text := range o.With {
		p, err := parsePlugin(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !slices.ContainsFunc(b.plugins, func(q *plugin) bool { return q.pkg == p.pkg }) {
			b.plugins = append(b.plugins, p)
		}
	}
	errs = append(errs, b.checkModules())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var err error
	if b.tool, err = exec.LookPath("go"); err != nil {
		return errors.New("the go tool is not in PATH: a gzeek with more policies is compiled, so Go must be installed (https://go.dev/dl)")
	}
	return b.run(ctx)
}

type build struct {
	Options
	plugins []*plugin
	tool    string
	dir     string // of the module
}

// checkModules finds modules that are in two folders.
func (b *build) checkModules() error {
	roots := map[string]string{}
	if b.Gzeek.Dir != "" {
		roots[GzeekModule] = b.Gzeek.Dir
	}
	for _, p := range b.plugins {
		if p.module == "" {
			continue
		}
		if root, ok := roots[p.module]; ok && root != p.dir {
			return fmt.Errorf("--with %s is of module %s in %s, but that module is taken from %s", p.text, p.module, p.dir, root)
		} else if p.module == GzeekModule && !ok {
			return fmt.Errorf("--with %s is a part of gzeek, but gzeek is taken from %s: say --gzeek %s", p.text, b.Gzeek, p.dir)
		}
		roots[p.module] = p.dir
	}
	return nil
}

func (b *build) run(ctx context.Context) error {
	b.dir = b.Keep
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "gzeek-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.dir = dir
	} else if err := os.MkdirAll(b.dir, 0o777); err != nil {
		return err
	}
	if err := b.writeModule(ctx); err != nil {
		return err
	}
	if err := b.copyProfile(ctx); err != nil {
		return err
	}
	out, err := filepath.Abs(b.Output)
	if err != nil {
		return err
	}
	// Beside the output, so that it can take its place at once.
	tmp, err := os.MkdirTemp(filepath.Dir(out), ".gzeek-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, filepath.Base(out))
	args := append([]string{"build", "-o", binary}, b.Flags...)
	if b.Tags != "" {
		args = append(args, "-tags", b.Tags)
	}
	if msg, err := b.goTool(ctx, append(args, ".")...); err != nil {
		return b.explain(msg, err)
	}
	if err := b.check(ctx, binary); err != nil {
		return err
	}
	return os.Rename(binary, out)
}

// writeModule writes main.go, go.mod and go.sum. The go.sum begins with the
// checksums that the folders have, so that what they were tested with is what
// is built in; the go tool adds what else it needs and checks that against the
// checksum database, as its environment says.
func (b *build) writeModule(ctx context.Context) error {
	var main strings.Builder
	fmt.Fprintf(&main, "// Written by gzeek build.\npackage main\n\nimport (\n\t\"os\"\n\n\t\"%s/cli\"\n\n", GzeekModule)
	for _, p := range b.plugins {
		fmt.Fprintf(&main, "\t_ %q\n", p.pkg)
	}
	main.WriteString(")\n\nfunc main() { os.Exit(cli.Main()) }\n")
	if err := os.WriteFile(filepath.Join(b.dir, "main.go"), []byte(main.String()), 0o666); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(b.dir, "go.mod")); err != nil {
		if msg, err := b.goTool(ctx, "mod", "init", "gzeek-site"); err != nil {
			return b.explain(msg, err)
		}
	}
	edit := []string{"mod", "edit"}
	folders := map[string]string{}
	if b.Gzeek.Dir != "" {
		folders[GzeekModule] = b.Gzeek.Dir
	}
	for _, p := range b.plugins {
		if p.dir != "" {
			folders[p.module] = p.dir
		}
	}
	sums := readLines(filepath.Join(b.dir, "go.sum"))
	for mod, dir := range folders {
		edit = append(edit, "-require="+mod+"@"+NoVersion, "-replace="+mod+"="+dir)
		sums = append(sums, readLines(filepath.Join(dir, "go.sum"))...)
	}
	if len(folders) > 0 {
		if msg, err := b.goTool(ctx, edit...); err != nil {
			return b.explain(msg, err)
		}
	}
	slices.Sort(sums)
	sums = slices.Compact(sums)
	if err := os.WriteFile(filepath.Join(b.dir, "go.sum"), []byte(strings.Join(sums, "")), 0o666); err != nil {
		return err
	}
	get := []string{"get"}
	if b.Gzeek.Version != "" {
		get = append(get, GzeekModule+"@"+b.Gzeek.Version)
	}
	for _, p := range b.plugins {
		if p.dir == "" {
			version := p.version
			if version == "" {
				version = "latest"
			}
			get = append(get, p.pkg+"@"+version)
		}
	}
	if len(get) > 1 {
		if msg, err := b.goTool(ctx, get...); err != nil {
			return b.explain(msg, err)
		}
	}
	return nil
}

// copyProfile puts gzeek's own profile beside main.go, where the go tool looks
// for it: a site's gzeek is optimized like any other. A file that is there stays.
func (b *build) copyProfile(ctx context.Context) error {
	const name = "default.pgo"
	to := filepath.Join(b.dir, name)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	dir, err := b.goTool(ctx, "list", "-f", "{{.Dir}}", GzeekModule+"/cmd/gzeek")
	if err != nil {
		return b.explain(dir, err)
	}
	// What the go tool downloads is told before, in lines of its own.
	lines := strings.Split(strings.TrimSpace(dir), "\n")
	profile, err := os.ReadFile(filepath.Join(lines[len(lines)-1], name))
	if errors.Is(err, os.ErrNotExist) {
		return nil // of a version that had none
	} else if err != nil {
		return err
	}
	return os.WriteFile(to, profile, 0o666)
}

// readLines returns the lines of a file with their ends; none if it isn't there.
func readLines(name string) []string {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return slices.Collect(strings.Lines(string(text)))
}

// goTool runs the go tool in the module, and returns what it says. The
// environment is the user's: proxies, checksum database, caches. Only a
// workspace around the module must not count, and go.mod may be completed.
func (b *build) goTool(ctx context.Context, args ...string) (string, error) {
	if b.Log != nil {
		fmt.Fprintln(b.Log, "go", strings.Join(args, " "))
	}
	cmd := exec.CommandContext(ctx, b.tool, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"))
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = &out
	if b.Log != nil {
		cmd.Stdout = io.MultiWriter(&out, b.Log)
		cmd.Stderr = cmd.Stdout
	}
	err := cmd.Run()
	return out.String(), err
}

// registered is what check asks of gzeek policies --json.
type registered struct{ Name, Package string }

// check has the new binary list its policies. It fails if a package that was to
// be built in has registered nothing, or if the binary refuses what there is
// (a name that is taken, another version of the API).
func (b *build) check(ctx context.Context, binary string) error {
	if os.Getenv("GOOS") != "" && os.Getenv("GOOS") != runtime.GOOS || os.Getenv("GOARCH") != "" && os.Getenv("GOARCH") != runtime.GOARCH {
		return nil // it doesn't run here
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "policies", "--json")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		msg := strings.TrimSpace(strings.ReplaceAll(errs.String(), "gzeek: ", ""))
		if strings.HasPrefix(msg, "panic:") {
			msg = "a package panics while it is initialized:\n" + clip(msg)
		}
		return fmt.Errorf("what was built can't be used: %s", orError(msg, err))
	}
	var list []registered
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		return fmt.Errorf("what was built can't be used: gzeek policies --json: %w", err)
	}
	var failed []error
	for _, p := range b.plugins {
		if !slices.ContainsFunc(list, func(r registered) bool { return r.Package == p.pkg || strings.HasPrefix(r.Package, p.pkg+"/") }) {
			failed = append(failed, fmt.Errorf("package %s registers nothing: call policy.Register in an init function of it (or of a package below it that it imports)", p.pkg))
		}
	}
	return errors.Join(failed...)
}

func orError(msg string, err error) string {
	if msg == "" {
		return err.Error()
	}
	return msg
}

// reasons are what the go tool says, and what it means here.
var reasons = []struct{ says, means string }{
	{"checksum mismatch", "a module is not what its checksum says: don't use it before you know why"},
	{"unknown revision", "there is no such version"},
	{"invalid version", "there is no such version"},
	{"no matching versions", "there is no such version"},
	{"is a program, not an importable package", "that package is a program: name one that registers policies"},
	{"no Go files in", "the module has no package there: name the package that registers policies (MODULE/PACKAGE@VERSION)"},
	{"does not contain package", "the module has no such package"},
	{"missing go.sum entry", "a checksum is missing and can't be had"},
	{"requires go >=", "this Go is too old"},
	{"dial tcp", "the module can't be downloaded: the network or the proxy (GOPROXY) doesn't answer"},
	{"module lookup disabled", "the module is not here, and the go tool may not look for it (GOPROXY=off)"},
	{"no required module provides package", "there is no module with that package"},
	{"repository not found", "there is no such module"},
	{"not found: module", "there is no such module"},
	{"reading http", "the proxy (GOPROXY) doesn't have that module in that version"},
}

// explain makes an error of what the go tool has said.
func (b *build) explain(msg string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	msg = strings.TrimSpace(msg)
	for _, p := range b.plugins {
		if strings.HasPrefix(msg, "# "+p.pkg+"\n") || strings.Contains(msg, "\n# "+p.pkg+"\n") {
			return fmt.Errorf("package %s doesn't compile with the gzeek of %s; is it written for that version?\n%s", p.pkg, b.Gzeek, clip(msg))
		}
	}
	for _, r := range reasons {
		if strings.Contains(msg, r.says) {
			return fmt.Errorf("%s\n%s", r.means, clip(msg))
		}
	}
	return fmt.Errorf("the go tool fails: %w\n%s", err, clip(msg))
}

// clip keeps an error's text short; --verbose shows all.
func clip(msg string) string {
	const lines = 20
	all := strings.Split(msg, "\n")
	if len(all) > lines {
		all = append(all[:lines], fmt.Sprintf("... %d lines more, see --verbose", len(all)-lines))
	}
	return "  " + strings.Join(all, "\n  ")
}
