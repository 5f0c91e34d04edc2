package bro2011

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goNames are the functions, methods and types that the Go files of a folder
// declare.
func goNames(t *testing.T, dir string) map[string]bool {
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok {
						names[ts.Name.Name] = true
					}
				}
			}
		}
	}
	return names
}

var quoted = regexp.MustCompile("`([^`]+)`")

// The second column of the table of parts names functions and types of this
// package; elsewhere a name with a small letter first and a capital inside is one.
func TestThePageNamesOnlyWhatExists(t *testing.T) {
	page, err := os.ReadFile("../../docs/bro-2011.md")
	if err != nil {
		t.Fatal(err)
	}
	here := goNames(t, ".")
	others := map[string]map[string]bool{"blocklists": goNames(t, "../blocklists"), "suspicious": goNames(t, "../suspicious")}
	goName := regexp.MustCompile(`^[a-z]+[A-Z][A-Za-z]*$`)
	checked := 0
	check := func(name string) {
		if pkg, fn, ok := strings.Cut(name, "."); ok && others[pkg] != nil {
			checked++
			if !others[pkg][fn] {
				t.Errorf("%s does not exist", name)
			}
			return
		}
		checked++
		if !here[name] {
			t.Errorf("%s does not exist", name)
		}
	}
	table := false
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "|") {
			cells := strings.Split(line, "|")
			if strings.Contains(cells[2], "in Go") {
				table = true
			}
			if table {
				for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
					check(m[1])
				}
				continue
			}
		} else {
			table = false
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if pkg, _, ok := strings.Cut(m[1], "."); goName.MatchString(m[1]) || ok && others[pkg] != nil {
				check(m[1])
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d names in the page", checked)
	}
}
