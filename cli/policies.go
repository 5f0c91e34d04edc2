package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/cli/internal/sitebuild"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
)

const policiesHelp = `gzeek policies [--json] [NAME...]

lists the policies that can be loaded. With names, or --json, it tells what each
handles, brings and adds.

`

// policiesCommand lists what can be loaded.
func policiesCommand(args []string, std stdio) int {
	fs := pflag.NewFlagSet("policies", pflag.ContinueOnError)
	fs.Usage = func() {}
	asJSON := fs.Bool("json", false, "print all of it as JSON, for programs")
	help := fs.BoolP("help", "h", false, "print this help")
	if err := fs.Parse(args); err != nil {
		return usageError(std, fmt.Errorf("%w; see gzeek policies --help", err))
	}
	if *help {
		fmt.Fprint(std.out, policiesHelp, fs.FlagUsages())
		return exitOK
	}
	if err := policy.Problems(); err != nil {
		return usageError(std, err)
	}
	list, err := chosen(fs.Args())
	if err != nil {
		return usageError(std, err)
	}
	if !*asJSON && fs.NArg() == 0 {
		listPolicies(std.out, list)
		return exitOK
	}
	var all []*policy.Description
	for _, p := range list {
		d, err := policy.Describe(p)
		if err != nil {
			return failed(std, err)
		}
		all = append(all, d)
	}
	if *asJSON {
		return policiesJSON(std, all)
	}
	for i, d := range all {
		if i > 0 {
			fmt.Fprintln(std.out)
		}
		describePolicy(std.out, d)
	}
	return exitOK
}

// chosen are the policies of those names, or all.
func chosen(names []string) ([]policy.Policy, error) {
	if len(names) == 0 {
		return policy.All(), nil
	}
	var list []policy.Policy
	var errs []error
	for _, n := range names {
		p, ok := policy.Find(n)
		if !ok {
			errs = append(errs, explainPolicy(&policy.UnknownError{Name: policy.CleanName(n)}))
		}
		list = append(list, p)
	}
	return list, errors.Join(errs...)
}

func isDefault(name string) bool { return slices.Contains(engine.DefaultPolicies, name) }

func listPolicies(w io.Writer, list []policy.Policy) {
	components := false
	for _, p := range list {
		mark := ' '
		switch {
		case p.Component:
			mark, components = '+', true
		case isDefault(p.Name):
			mark = '*'
		}
		fmt.Fprintf(w, "%c %-44s %s\n", mark, p.Name, p.Doc)
	}
	fmt.Fprintf(w, "\n* loaded by default, -b leaves them out but for %s\n", strings.Join(engine.BarePolicies, ", "))
	if components {
		fmt.Fprintln(w, "+ in every run, and idle until an option or a policy asks for it")
	}
}

// describePolicy prints what a policy does.
func describePolicy(w io.Writer, d *policy.Description) {
	fmt.Fprintf(w, "%s: %s\n", d.Name, d.Doc)
	row := func(head string, items []string) {
		for _, item := range items {
			fmt.Fprintf(w, "  %-10s %s\n", head, item)
			head = ""
		}
	}
	row("package", []string{d.Package})
	row("loaded", []string{loadedWhen(d)})
	row("requires", d.Requires)
	var items []string
	for _, h := range d.Handles {
		items = append(items, fmt.Sprintf("%s, priority %d", h.Event, h.Priority))
	}
	row("handles", items)
	row("raises", d.Declares)
	items = nil
	for _, p := range d.Parts {
		items = append(items, p.Kind+" "+p.Name)
	}
	row("brings", items)
	items = nil
	for _, o := range d.Options {
		items = append(items, fmt.Sprintf("%s: %s = %s  %s", o.Name, o.Type, o.Literal, o.Doc))
	}
	row("options", items)
	items = nil
	for _, s := range d.Streams {
		items = append(items, fmt.Sprintf("%s.log (%s)", s.Path(), s.ID()))
	}
	row("logs", items)
	items = nil
	for _, c := range d.Columns {
		items = append(items, fmt.Sprintf("%s: %s of %s", c.Name, c.Type, c.Stream))
	}
	row("columns", items)
}

func loadedWhen(d *policy.Description) string {
	switch {
	case d.Component:
		return "in every run"
	case isDefault(d.Name):
		return "by default"
	}
	return "when it is named"
}

// The form of gzeek policies --json.
type (
	policyJSON struct {
		Name      string       `json:"name"`
		Doc       string       `json:"doc"`
		Package   string       `json:"package"`
		Default   bool         `json:"default"`
		Component bool         `json:"component"`
		Requires  []string     `json:"requires"`
		Handles   []handleJSON `json:"handles"`
		Raises    []string     `json:"raises"`
		Brings    []partJSON   `json:"brings"`
		Options   []optionJSON `json:"options"`
		Logs      []logJSON    `json:"logs"`
		Columns   []columnJSON `json:"columns"`
	}
	handleJSON struct {
		Event    string `json:"event"`
		Priority int    `json:"priority"`
	}
	partJSON struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	}
	optionJSON struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Default string `json:"default"`
		Live    bool   `json:"live"`
		Doc     string `json:"doc"`
	}
	logJSON struct {
		Name    string       `json:"name"`
		Stream  string       `json:"stream"`
		Columns []columnJSON `json:"columns"`
	}
	columnJSON struct {
		Stream string `json:"stream"`
		Name   string `json:"name"`
		Type   string `json:"type"`
	}
)

func policiesJSON(std stdio, all []*policy.Description) int {
	list := []policyJSON{}
	for _, d := range all {
		p := policyJSON{
			Name: d.Name, Doc: d.Doc, Package: d.Package, Default: isDefault(d.Name), Component: d.Component,
			Requires: append([]string{}, d.Requires...), Raises: append([]string{}, d.Declares...),
			Handles: []handleJSON{}, Brings: []partJSON{}, Options: []optionJSON{}, Logs: []logJSON{}, Columns: []columnJSON{},
		}
		for _, h := range d.Handles {
			p.Handles = append(p.Handles, handleJSON(h))
		}
		for _, part := range d.Parts {
			p.Brings = append(p.Brings, partJSON{part.Kind, part.Name})
		}
		for _, o := range d.Options {
			p.Options = append(p.Options, optionJSON{o.Name, o.Type, o.Default, o.Live, o.Doc})
		}
		for _, s := range d.Streams {
			l := logJSON{Name: s.Path(), Stream: s.ID()}
			for _, c := range s.Columns() {
				l.Columns = append(l.Columns, columnJSON{s.ID(), c.Name, c.Type.String()})
			}
			p.Logs = append(p.Logs, l)
		}
		for _, c := range d.Columns {
			p.Columns = append(p.Columns, columnJSON{c.Stream, c.Name, c.Type.String()})
		}
		list = append(list, p)
	}
	enc := json.NewEncoder(std.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil {
		return failed(std, err)
	}
	return exitOK
}

// printVersion prints the version, and what was built in besides gzeek itself.
func printVersion(std stdio) {
	fmt.Fprintln(std.out, "gzeek", version)
	info, _ := debug.ReadBuildInfo()
	var packages []string
	for _, p := range policy.All() {
		if pkg := p.Package(); !builtIn(pkg) && !slices.Contains(packages, pkg) {
			packages = append(packages, pkg)
		}
	}
	for _, pkg := range packages {
		fmt.Fprintf(std.out, "  with %s%s\n", pkg, versionOf(info, pkg))
	}
}

// builtIn says whether every gzeek has a package with policies.
func builtIn(pkg string) bool {
	return strings.HasPrefix(pkg, sitebuild.GzeekModule+"/policy/") || strings.HasPrefix(pkg+"/", sitebuild.GzeekModule+"/notice/")
}

// versionOf is the version of the module that has a package, " v1.2.3", or "".
func versionOf(info *debug.BuildInfo, pkg string) string {
	if info == nil {
		return ""
	}
	for _, m := range info.Deps {
		if pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/") {
			if m.Replace != nil {
				return " of " + m.Replace.Path
			}
			return " " + m.Version
		}
	}
	return ""
}
