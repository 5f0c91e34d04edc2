package btest

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxTestFile bounds the size of a test file.
const maxTestFile = 64 << 20

// FindTests gives the tests of the files, folders and names, in order of their
// names; without any, those of the configured folders.
func (c *Config) FindTests(operands []string) ([]*Test, error) {
	k := newKeywords(c.CommandPrefix)
	f := &finder{c: c, k: k, seen: map[string]bool{}}
	if len(operands) == 0 {
		if err := f.configured(); err != nil {
			return nil, err
		}
		return mergeParts(f.tests)
	}
	for _, o := range operands {
		if err := f.operand(o); err != nil {
			return nil, err
		}
	}
	return mergeParts(f.tests)
}

type finder struct {
	c     *Config
	k     *keywords
	tests []*Test
	seen  map[string]bool // files read
}

func (f *finder) configured() error {
	for _, d := range f.c.TestDirs {
		dirs, err := filepath.Glob(filepath.Join(f.c.TestBase, d))
		if err != nil {
			return err
		}
		for _, p := range dirs {
			if st, err := os.Stat(p); err == nil && st.IsDir() {
				if err := f.folder(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *finder) operand(o string) error {
	path := o
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.c.TestBase, o)
	}
	if partNumber.MatchString(path) {
		return fmt.Errorf("do not specify files with part numbers directly, use the base test name (%s)", o)
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return f.folder(path)
	case err == nil:
		if err := f.file(path); err != nil {
			return err
		}
		return f.otherParts(path)
	}
	if parts, _ := filepath.Glob(globQuote(path) + "#*"); len(parts) > 0 {
		return f.otherParts(path)
	}
	// A test by its name, among those configured.
	all := &finder{c: f.c, k: f.k, seen: map[string]bool{}}
	if err := all.configured(); err != nil {
		return err
	}
	found := false
	for _, t := range all.tests {
		if t.Name == o {
			f.tests = append(f.tests, t)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("cannot read %s", path)
	}
	return nil
}

func (f *finder) otherParts(path string) error {
	parts, err := filepath.Glob(globQuote(path) + "#*")
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := f.file(p); err != nil {
			return err
		}
	}
	return nil
}

func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

func (f *finder) folder(dir string) error {
	if slices.Contains(f.c.IgnoreDirs, filepath.Base(dir)) {
		return nil
	}
	return filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			if slices.Contains(f.c.IgnoreDirs, rel) || fileExists(filepath.Join(p, ".btest-ignore")) {
				return fs.SkipDir
			}
			return nil
		}
		for _, g := range f.c.IgnoreFiles {
			if ok, _ := filepath.Match(g, e.Name()); ok {
				return nil
			}
		}
		return f.file(p)
	})
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (f *finder) file(path string) error {
	if f.seen[path] {
		return nil
	}
	f.seen[path] = true
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() > maxTestFile {
		return fmt.Errorf("%s: no test file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read test file: %w", err)
	}
	rel, err := filepath.Rel(f.c.TestBase, path)
	if err != nil {
		return err
	}
	tests, err := f.k.parse(rel, string(text))
	if err != nil {
		return err
	}
	for _, t := range tests {
		t.Dir = filepath.Dir(path)
	}
	f.tests = append(f.tests, tests...)
	return nil
}

// mergeParts makes one test of the parts of each, and sorts the tests.
func mergeParts(tests []*Test) ([]*Test, error) {
	slices.SortStableFunc(tests, func(a, b *Test) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.number, b.number), cmp.Compare(a.parts[0].number, b.parts[0].number))
	})
	var out []*Test
	for _, t := range tests {
		if n := len(out); n > 0 && out[n-1].Name == t.Name {
			if slices.Equal(partsOf(out[n-1]), partsOf(t)) {
				continue // the same test, named twice
			}
			if err := out[n-1].merge(t); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, t)
	}
	return out, nil
}

func partsOf(t *Test) []string {
	var p []string
	for _, x := range t.parts {
		p = append(p, x.file)
	}
	return p
}

// selectGroups keeps the tests of some groups; "-name" is all that are not in
// a group, "-" all that are in none.
func selectGroups(tests []*Test, groups string) []*Test {
	if groups == "" {
		return tests
	}
	var want, not []string
	for _, g := range strings.Split(groups, ",") {
		if n, ok := strings.CutPrefix(g, "-"); ok {
			not = append(not, n)
		} else {
			want = append(want, g)
		}
	}
	in := func(t *Test, names []string) bool {
		return slices.ContainsFunc(t.Groups, func(g string) bool { return slices.Contains(names, g) })
	}
	return slices.DeleteFunc(slices.Clone(tests), func(t *Test) bool {
		switch {
		case in(t, want):
			return false
		case slices.Contains(not, ""):
			return len(t.Groups) > 0
		case len(not) > 0:
			return in(t, not)
		}
		return true
	})
}
