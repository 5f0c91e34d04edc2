// Package scaffold writes a policy to start from: a Go module with the policy, a
// test that runs a capture and compares the logs, and a page that says how to
// build it in. What it writes compiles and passes as it is.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/gzeek/gzeek/cli/internal/sitebuild"
	"github.com/gzeek/gzeek/policy"
)

//go:embed template
var templates embed.FS

// Options say what to write.
type Options struct {
	// Name is the policy's: "site/many-recipients".
	Name string
	// Module is the path of the Go module; "" is example.com/NAME.
	Module string
	// Dir is the folder to write, which must not exist or be empty; "" is the
	// name's last part.
	Dir string
	// Gzeek is the gzeek that the module is written for.
	Gzeek sitebuild.Source
}

var (
	validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$`)
	word      = regexp.MustCompile(`[a-z0-9]+`)
)

// names are what the templates are filled with.
type names struct {
	Name, Package, Type, Module, Column, BuildDir string
	API                                           int
}

func newNames(name, dir string) (names, error) {
	if !validName.MatchString(name) {
		return names{}, fmt.Errorf("%q is no name for a policy: small letters, digits, - and _, in parts between slashes, like site/many-recipients", name)
	}
	if _, taken := policy.Find(name); taken {
		return names{}, fmt.Errorf("there is a policy %s already", name)
	}
	n := names{Name: name, API: policy.APIVersion, BuildDir: dir}
	if !filepath.IsAbs(dir) {
		n.BuildDir = "./" + filepath.ToSlash(filepath.Clean(dir))
	}
	words := word.FindAllString(path.Base(name), -1)
	if c := words[0][0]; c >= '0' && c <= '9' {
		words = append([]string{"policy"}, words...)
	}
	n.Package = strings.Join(words, "")
	n.Column = strings.Join(words, "_") + "_count"
	for _, w := range words {
		n.Module += strings.ToUpper(w[:1]) + w[1:]
	}
	n.Type = "recipientsPolicy"
	return n, nil
}

// Write writes the module and returns its folder.
func Write(o Options) (dir string, err error) {
	if dir = o.Dir; dir == "" {
		dir = path.Base(o.Name)
	}
	n, err := newNames(o.Name, dir)
	if err != nil {
		return "", err
	}
	if o.Module == "" {
		o.Module = "example.com/" + o.Name
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is there already, and not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	files := map[string][]byte{}
	for file, from := range map[string]string{
		n.Package + ".go": "policy.go.tmpl", n.Package + "_test.go": "policy_test.go.tmpl", "README.md": "README.md.tmpl",
		"testdata/smtp.log": "smtp.log.tmpl", "testdata/notice.log": "notice.log.tmpl",
	} {
		if files[file], err = fill(from, n); err != nil {
			return "", err
		}
	}
	if files["testdata/mail.pcap"], err = templates.ReadFile("template/mail.pcap"); err != nil {
		return "", err
	}
	if files["go.mod"], files["go.sum"], err = moduleFiles(o.Module, o.Gzeek); err != nil {
		return "", err
	}
	for file, text := range files {
		name := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return "", err
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func fill(file string, n names) ([]byte, error) {
	t, err := template.ParseFS(templates, "template/"+file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, n)
	return b.Bytes(), err
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t].*\n`)

// moduleFiles makes go.mod and go.sum. What gzeek needs stands in them with the
// versions and checksums of gzeek's own, so that nothing has to be looked up.
// For a released gzeek that is the go tool's to do (go mod tidy).
func moduleFiles(module string, gzeek sitebuild.Source) (mod, sum []byte, err error) {
	if gzeek.Dir == "" {
		return fmt.Appendf(nil, "module %s\n\nrequire %s %s\n", module, sitebuild.GzeekModule, gzeek.Version), nil, nil
	}
	text, err := os.ReadFile(filepath.Join(gzeek.Dir, "go.mod"))
	if err != nil {
		return nil, nil, err
	}
	if sum, err = os.ReadFile(filepath.Join(gzeek.Dir, "go.sum")); err != nil {
		return nil, nil, err
	}
	dir := gzeek.Dir
	if strings.ContainsAny(dir, " \t\"'`()[]{},") {
		dir = strconv.Quote(dir)
	}
	head := fmt.Appendf(nil, "module %s\n", module)
	foot := fmt.Appendf(nil, "\nrequire %s %s\n\nreplace %s => %s\n", sitebuild.GzeekModule, sitebuild.NoVersion, sitebuild.GzeekModule, dir)
	mod = append(head, moduleLine.ReplaceAllLiteral(text, nil)...)
	return append(mod, foot...), sum, nil
}
