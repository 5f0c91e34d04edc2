package btest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Test is one test: what one or more files say, under one name.
type Test struct {
	Name   string // "smtp.basic", "smtp.basic-2"
	base   string // the name without the number of @TEST-START-NEXT
	number int
	Dir    string // of the file, absolute: %DIR
	parts  []part
	files  []extraFile // @TEST-START-FILE
	cloned bool        // made or followed by @TEST-START-NEXT

	Groups       []string
	Requires     []command
	CopyFiles    []string
	Ports        []string // variables that get a port number
	Serialize    string
	Include      []string // alternatives
	Exclude      []string
	KnownFailure bool
	Doc          []string
}

// part is one file of a test.
type part struct {
	number   int
	file     string // base name, under which the content is %INPUT
	content  string
	commands []command
}

type extraFile struct{ name, content string }

// command is a line to be run.
type command struct {
	line        string
	wantFailure bool
	part        int
	file        string // base name of its %INPUT
}

// keywords are the commands of one prefix.
type keywords struct {
	prefix                                string
	startFile, exec                       *regexp.Regexp
	endFile, startNext, ignore            string
	requires, group, serialize, port, alt *regexp.Regexp
	notAlt, copyFile, doc                 *regexp.Regexp
	knownFailure                          string
}

func newKeywords(prefix string) *keywords {
	p := regexp.QuoteMeta(prefix)
	arg := func(name string) *regexp.Regexp { return regexp.MustCompile(p + name + ": *(.*)") }
	return &keywords{
		prefix:    prefix,
		startFile: regexp.MustCompile(p + "START-FILE +([^\r\n ]*)"),
		exec:      regexp.MustCompile(p + "EXEC(-FAIL)?: *(.*)"),
		endFile:   prefix + "END-FILE", startNext: prefix + "START-NEXT", ignore: prefix + "IGNORE",
		requires: arg("REQUIRES"), group: arg("GROUP"), serialize: arg("SERIALIZE"), port: arg("PORT"),
		alt: arg("ALTERNATIVE"), notAlt: arg("NOT-ALTERNATIVE"), copyFile: arg("COPY-FILE"), doc: arg("DOC"),
		knownFailure: prefix + "KNOWN-FAILURE",
	}
}

// partNumber splits "t7.sh#2".
var partNumber = regexp.MustCompile(`^(.*)#([0-9]+)$`)

// parse reads the tests of a file: name is its path relative to the test base.
// A file without tests, because it is to be ignored, gives none.
func (k *keywords) parse(name string, text string) ([]*Test, error) {
	var tests []*Test
	var files []extraFile
	var content strings.Builder
	var inFile *extraFile
	add := func() (bool, error) {
		if len(tests) > 0 {
			tests = append(tests, tests[len(tests)-1].next(content.String()))
			content.Reset()
			return true, nil
		}
		t, err := k.newTest(name, content.String())
		content.Reset()
		if t != nil {
			tests = append(tests, t)
		}
		return t != nil, err
	}
	for n, line := range strings.SplitAfter(text, "\n") {
		if inFile != nil {
			if strings.Contains(line, k.endFile) {
				files = append(files, *inFile)
				inFile = nil
				continue
			}
			inFile.content += line
			continue
		}
		if m := k.startFile.FindStringSubmatch(line); m != nil {
			if m[1] == "" || !filepath.IsLocal(m[1]) {
				return nil, fmt.Errorf("%s:%d: %sSTART-FILE names no file of the test: %q", name, n+1, k.prefix, m[1])
			}
			inFile = &extraFile{name: m[1]}
			continue
		}
		switch {
		case strings.Contains(line, k.endFile):
			return nil, fmt.Errorf("%s:%d: unexpected %sEND-FILE", name, n+1, k.prefix)
		case strings.Contains(line, k.startNext):
			if ok, err := add(); !ok || err != nil {
				return nil, err
			}
		default:
			content.WriteString(line)
		}
	}
	if inFile != nil {
		files = append(files, *inFile)
	}
	if ok, err := add(); !ok || err != nil {
		return nil, err
	}
	for _, t := range tests {
		t.files = files
	}
	return tests, nil
}

// newTest reads the keywords of the first test of a file; nil if the file is
// to be ignored.
func (k *keywords) newTest(name, content string) (*Test, error) {
	base, number := name, 1
	if m := partNumber.FindStringSubmatch(name); m != nil {
		base = m[1]
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, fmt.Errorf("%s: bad number of a part", name)
		}
		number = n
	}
	t := &Test{number: 1}
	if ext := filepath.Ext(base); ext != filepath.Base(base) {
		base = strings.TrimSuffix(base, ext)
	}
	t.base = strings.TrimLeft(strings.ReplaceAll(filepath.ToSlash(base), "/", "."), ".")
	t.Name = t.base
	p := part{number: number, file: filepath.Base(name), content: content}
	seen := map[string]bool{}
	once := func(what string) error {
		if seen[what] {
			return fmt.Errorf("%s: %s defined multiple times", name, what)
		}
		seen[what] = true
		return nil
	}
	for _, line := range strings.Split(content, "\n") {
		if !strings.Contains(line, k.prefix) {
			continue
		}
		if strings.Contains(line, k.ignore) {
			return nil, nil
		}
		arg := func(r *regexp.Regexp) (string, bool) {
			m := r.FindStringSubmatch(line)
			if m == nil {
				return "", false
			}
			return strings.TrimSpace(m[1]), true
		}
		if m := k.exec.FindStringSubmatch(line); m != nil {
			p.commands = append(p.commands, command{
				line: strings.TrimSpace(m[2]), wantFailure: m[1] != "", part: number, file: p.file,
			})
		}
		if v, ok := arg(k.requires); ok {
			t.Requires = append(t.Requires, command{line: v, part: number, file: p.file})
		}
		if v, ok := arg(k.group); ok {
			t.Groups = append(t.Groups, v)
		}
		if v, ok := arg(k.serialize); ok {
			if err := once("serialize"); err != nil {
				return nil, err
			}
			t.Serialize = v
		}
		if v, ok := arg(k.port); ok && !slices.Contains(t.Ports, v) {
			t.Ports = append(t.Ports, v)
		}
		if v, ok := arg(k.notAlt); ok {
			t.Exclude = append(t.Exclude, v)
		} else if v, ok := arg(k.alt); ok {
			t.Include = append(t.Include, v)
		}
		if v, ok := arg(k.copyFile); ok {
			t.CopyFiles = append(t.CopyFiles, v)
		}
		if v, ok := arg(k.doc); ok {
			t.Doc = append(t.Doc, v)
		}
		if strings.Contains(line, k.knownFailure) {
			if err := once("known-failure"); err != nil {
				return nil, err
			}
			t.KnownFailure = true
		}
	}
	if len(p.commands) == 0 {
		return nil, fmt.Errorf("%s: mandatory keyword '%sEXEC' or '%sEXEC-FAIL' is missing", name, k.prefix, k.prefix)
	}
	t.parts = []part{p}
	return t, nil
}

// next makes the test that @TEST-START-NEXT begins: the same commands on
// another input.
func (t *Test) next(content string) *Test {
	c := *t
	c.number = t.number + 1
	c.Name = fmt.Sprintf("%s-%d", t.base, c.number)
	c.parts = slices.Clone(t.parts)
	c.parts[0].content = content
	c.cloned, t.cloned = true, true
	return &c
}

// merge takes a further part of the same test.
func (t *Test) merge(o *Test) error {
	if t.cloned || o.cloned {
		return fmt.Errorf("%s: cannot use @TEST-START-NEXT with tests split across parts", t.base)
	}
	if t.parts[len(t.parts)-1].number == o.parts[0].number {
		return fmt.Errorf("%s: two files for part %d", t.base, o.parts[0].number)
	}
	t.parts = append(t.parts, o.parts...)
	t.files = append(t.files, o.files...)
	t.Groups = append(t.Groups, o.Groups...)
	t.Requires = append(t.Requires, o.Requires...)
	t.CopyFiles = append(t.CopyFiles, o.CopyFiles...)
	t.Include = append(t.Include, o.Include...)
	t.Exclude = append(t.Exclude, o.Exclude...)
	t.Doc = append(t.Doc, o.Doc...)
	for _, p := range o.Ports {
		if !slices.Contains(t.Ports, p) {
			t.Ports = append(t.Ports, p)
		}
	}
	if t.Serialize == "" {
		t.Serialize = o.Serialize
	}
	t.KnownFailure = t.KnownFailure || o.KnownFailure
	return nil
}
