package policy_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// theAPI are the packages of gzeek that a policy is written on. Each is open to
// other modules, and what policies need beyond it is a hole in the API.
var theAPI = map[string]string{
	"policy":  "what a policy registers and gets",
	"event":   "events, connections, files, hooks",
	"notice":  "notices; itself a policy",
	"redef":   "options",
	"zeeklog": "values, types and text of logs",
	"dict":    "sets and tables in Zeek's order",
	"extract": "what Zeek's string functions find in texts",
	"pattern": "Zeek's patterns",
	"seed":    "the keys that order sets: for dict",
	"timer":   "timers in network time",
	"files":   "arguments and interface of file analyzers",
}

// exceptions are no part of the API, and a policy can do without.
var exceptions = map[string]string{
	"internal/slab": "memory for many small values at once: it makes built-in policies faster, and holds nothing of gzeek",
}

// Policies stand on the API and on other policies. A few files of notice and
// policy/files are policies too. Nobody needs a room below: the packages that
// read packets, follow connections and parse.
func TestBuiltInPoliciesStandOnTheAPIAlone(t *testing.T) {
	const module = "github.com/gzeek/gzeek/"
	looked := 0
	for _, root := range []string{".", "../notice", "../examples", "../plugins"} {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			dir := filepath.ToSlash(filepath.Dir(file))
			if dir == "." || dir == "policytest" {
				return nil // the API itself, and what tests policies
			}
			looked++
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, i := range f.Imports {
				name, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				rel, ours := strings.CutPrefix(name, module)
				if !ours || theAPI[rel] != "" || exceptions[rel] != "" || strings.HasPrefix(rel, "policy/") || strings.HasPrefix(rel, "notice/") {
					continue
				}
				t.Errorf("%s imports %s: policies stand on the API (%s) and on other policies", file, name, path.Join(module, "policy"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// The API has no internal package and none of the engine in it, so that what it
// hands out can be named by every module.
func TestTheAPIIsOpen(t *testing.T) {
	for name := range theAPI {
		if strings.Contains(name, "internal") {
			t.Errorf("%s is closed to other modules", name)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// The interface of protocol analyzers, and weirds of no connection.
	below := map[string]bool{"analyzers": true, "weird": true}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			rel, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "github.com/gzeek/gzeek/")
			if ours && theAPI[rel] == "" && !below[rel] {
				t.Errorf("%s imports %s", file, rel)
			}
		}
	}
}
