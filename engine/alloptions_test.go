package engine_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
)

// Each option that a run with all policies has takes its own value back, and
// refuses one of a wrong type, from the command line and from a file. The values
// of all types are tested in package redef.
func TestEveryOptionTakesItsValueAndRefusesAWrongOne(t *testing.T) {
	e := everything(t)
	var policies []string
	policies = append(policies, e.Loaded()...)
	opts := e.Options().Options()
	if len(opts) < 150 {
		t.Fatalf("only %d options", len(opts))
	}
	var right, wrong []string
	wrongNames := map[string]bool{}
	for _, o := range opts {
		literal := o.Literal
		if o.Type == "string" {
			literal = strings.ReplaceAll(strings.Trim(literal, `"`), `\"`, `"`)
		}
		right = append(right, o.Name+"="+literal)
		bad := "{[}"
		if o.Type == "string" {
			bad = `"`
		}
		wrong = append(wrong, o.Name+"="+bad)
		wrongNames[o.Name] = true
	}
	for how, cfg := range map[string][2]engine.Config{
		"argument": {{Policies: policies, Settings: right}, {Policies: policies, Settings: wrong}},
		"file": {
			{Policies: policies, Files: tomlOf(t, opts, func(o redef.Info) string { return o.Literal })},
			// No option is a date.
			{Policies: policies, Files: tomlOf(t, opts, nil)},
		},
	} {
		made, err := engine.New(cfg[0])
		if err != nil {
			t.Fatalf("with their own values by %s:\n%v", how, err)
		}
		for _, o := range made.Options().Options() {
			// A pattern that is compiled again has another layer.
			if inOrder(o.Value) != inOrder(o.Default) && o.Type != "pattern" {
				t.Errorf("%s is %s by %s, not the default any more", o.Name, o.Literal, how)
			}
			if o.Origin.File == "" {
				t.Errorf("%s was not set by %s", o.Name, how)
			}
		}
		var ps redef.Problems
		if _, err := engine.New(cfg[1]); !errors.As(err, &ps) {
			t.Fatalf("wrong values by %s: %v", how, err)
		}
		refused := map[string]bool{}
		for _, p := range ps {
			name, _, _ := strings.Cut(p.Msg, ": ")
			refused[name] = true
		}
		for n := range wrongNames {
			if !refused[n] {
				t.Errorf("%s took a wrong value by %s", n, how)
			}
		}
	}
}

// tomlOf writes a file that sets each option to a value in Zeek's form; without a
// function it is a date.
func tomlOf(t *testing.T, opts []redef.Info, value func(redef.Info) string) *redef.Config {
	t.Helper()
	var b strings.Builder
	for _, o := range opts {
		module, name := "GLOBAL", o.Name
		if i := strings.LastIndex(name, "::"); i >= 0 {
			module, name = name[:i], name[i+2:]
		}
		text := "1979-05-27"
		if value != nil {
			text = strconv.Quote(value(o))
			if o.Type == "string" {
				text = value(o) // has its quotes
			}
		}
		fmt.Fprintf(&b, "redef.%q.%s = %s\n", module, name, strings.ReplaceAll(text, `\x`, `\u00`))
	}
	path := filepath.Join(t.TempDir(), "all.toml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := redef.LoadFiles([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
