package sitebuild

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// GzeekModule is the path of gzeek's module.
const GzeekModule = "github.com/gzeek/gzeek"

// NoVersion stands for a module that is replaced by a folder.
const NoVersion = "v0.0.0-00010101000000-000000000000"

// Source is where gzeek is taken from: a folder, or a version of the module.
type Source struct{ Dir, Version string }

func (s Source) String() string {
	if s.Dir != "" {
		return s.Dir
	}
	return GzeekModule + "@" + s.Version
}

var versionText = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+[-+.0-9A-Za-z]*$|^latest$`)

// ParseSource takes what a user says: a folder or a version.
func ParseSource(text string) (Source, error) {
	if versionText.MatchString(text) {
		if _, err := os.Stat(text); err != nil {
			return Source{Version: text}, nil
		}
	}
	root, mod, err := moduleOf(text)
	if err != nil {
		return Source{}, err
	}
	if mod != GzeekModule {
		return Source{}, fmt.Errorf("%s is module %s, not a checkout of gzeek (%s)", root, mod, GzeekModule)
	}
	return Source{Dir: root}, nil
}

// errNoSource says what to do when the source can't be found.
var errNoSource = errors.New("where gzeek's own source is doesn't show from this binary: say --gzeek FOLDER, a checkout of gzeek")

// FindSource finds the source of the running binary: the checkout that it was
// built in, or the released version that it is.
func FindSource() (Source, error) {
	var places []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) { // not with -trimpath
		places = append(places, filepath.Dir(file))
	}
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			places = append(places, filepath.Dir(exe)) // bin/gzeek of a checkout
		}
	}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, d := range info.Deps { // a binary that gzeek build has made
			if d.Path == GzeekModule && d.Replace != nil {
				places = append(places, d.Replace.Path)
			}
		}
	}
	for _, p := range places {
		if s, ok := checkout(p); ok {
			return s, nil
		}
	}
	if ok {
		for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
			if m.Path == GzeekModule && m.Sum != "" { // downloaded, so it is published
				return Source{Version: m.Version}, nil
			}
		}
	}
	if s, ok := checkout("."); ok {
		return s, nil
	}
	return Source{}, errNoSource
}

// checkout says whether a folder is in a checkout of gzeek.
func checkout(dir string) (Source, bool) {
	root, mod, err := moduleOf(dir)
	return Source{Dir: root}, err == nil && mod == GzeekModule
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)"?`)

// moduleOf finds the module that a folder belongs to: the folder with its
// go.mod, and its path.
func moduleOf(dir string) (root, mod string, err error) {
	st, err := os.Stat(dir)
	if err != nil {
		return "", "", fmt.Errorf("there is no folder %s", dir)
	}
	if !st.IsDir() {
		return "", "", fmt.Errorf("%s is no folder", dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	for root = dir; ; root = filepath.Dir(root) {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil {
			m := moduleLine.FindSubmatch(text)
			if m == nil {
				return "", "", fmt.Errorf("%s has no module line", filepath.Join(root, "go.mod"))
			}
			return root, string(m[1]), nil
		}
		if root == filepath.Dir(root) {
			return "", "", fmt.Errorf("%s is in no Go module: there is no go.mod in it or above it (make one: go mod init example.com/NAME)", dir)
		}
	}
}

// plugin is what a --with names: a package, and the module that it is of.
type plugin struct {
	text    string // as the user wrote it
	pkg     string // import path
	module  string // of a folder; "" is for the go tool to find
	dir     string // root of the module that replaces it
	version string // of what is not a folder; "" is the latest
}

// parsePlugin takes ./folder, module or module@version.
func parsePlugin(text string) (*plugin, error) {
	name, version, hasVersion := strings.Cut(text, "@")
	if st, err := os.Stat(text); err == nil && st.IsDir() {
		return localPlugin(text)
	}
	first, _, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(text, ".") || filepath.IsAbs(text):
		return nil, fmt.Errorf("--with %s: there is no such folder", text)
	case hasVersion && version == "":
		return nil, fmt.Errorf("--with %s: there is no version behind the @", text)
	case !strings.Contains(first, ".") || path.Clean(name) != name:
		return nil, fmt.Errorf("--with %s: this is neither a folder nor the path of a module, which begins with a host (example.com/policy)", text)
	}
	return &plugin{text: text, pkg: name, version: version}, nil
}

func localPlugin(dir string) (*plugin, error) {
	root, mod, err := moduleOf(dir)
	if err != nil {
		return nil, fmt.Errorf("--with %w", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if files, _ := filepath.Glob(filepath.Join(abs, "*.go")); len(files) == 0 {
		return nil, fmt.Errorf("--with %s: there are no Go files in it; name the folder of the package that registers a policy", dir)
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return nil, err
	}
	return &plugin{text: dir, pkg: path.Join(mod, filepath.ToSlash(rel)), module: mod, dir: root}, nil
}
