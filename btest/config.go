package btest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Config is what a btest.cfg says. Paths are absolute.
type Config struct {
	TestBase     string
	BaselineDirs []string // searched in order; new baselines go to the first
	TmpDir       string
	StateFile    string
	TestDirs     []string
	IgnoreDirs   []string
	IgnoreFiles  []string // globs

	CommandPrefix string // "@TEST-"
	MinVersion    string

	Initializer, Finalizer, Teardown             string
	PartInitializer, PartFinalizer, PartTeardown string
	PortLow, PortHigh                            int

	Environment  []Var
	Alternatives map[string]*Alternative
}

// Var is an environment variable.
type Var struct{ Name, Value string }

// Alternative is a way to run tests differently: option -a.
type Alternative struct {
	Name          string
	Environment   []Var
	Filters       []Var // command -> filter
	Substitutions []Var // word -> replacement
}

// version is that of the BTest whose manual this package follows.
const version = "0.72"

// ini is a file in the form of Python's configparser.
type ini struct {
	sections map[string][]Var
	defaults map[string]string // for interpolation, lower-case names
}

// parseINI reads sections of "name = value" or "name: value"; names are
// lower-cased, lines that begin with a blank go on with the value before.
func parseINI(text []byte) (*ini, error) {
	f := &ini{sections: map[string][]Var{}, defaults: map[string]string{}}
	section := ""
	var last *Var
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimRight(sc.Text(), " \t\r")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case (line[0] == ' ' || line[0] == '\t') && last != nil:
			last.Value += "\n" + trimmed
			continue
		case trimmed[0] == '[':
			end := strings.IndexByte(trimmed, ']')
			if end < 0 {
				return nil, fmt.Errorf("line %d: section without ]", n)
			}
			section = trimmed[1:end]
			last = nil
			if _, ok := f.sections[section]; !ok {
				f.sections[section] = nil
			}
			continue
		}
		at := strings.IndexAny(trimmed, "=:")
		if at <= 0 {
			return nil, fmt.Errorf("line %d: no name and value: %q", n, trimmed)
		}
		if section == "" {
			return nil, fmt.Errorf("line %d: %q stands before the first section", n, trimmed)
		}
		name := strings.ToLower(strings.TrimSpace(trimmed[:at]))
		value := strings.TrimSpace(trimmed[at+1:])
		if section == "DEFAULT" {
			f.defaults[name] = value
			last = nil
			continue
		}
		f.sections[section] = append(f.sections[section], Var{name, value})
		vars := f.sections[section]
		last = &vars[len(vars)-1]
	}
	return f, sc.Err()
}

// get gives an option's value with %(macros)s and `commands` replaced.
func (f *ini) get(section, name string) (string, bool, error) {
	raw, ok := "", false
	for _, v := range f.sections[section] {
		if v.Name == strings.ToLower(name) {
			raw, ok = v.Value, true
		}
	}
	if !ok {
		return "", false, nil
	}
	s, err := f.expand(section, raw, 0)
	if err != nil {
		return "", false, fmt.Errorf("[%s] %s: %w", section, name, err)
	}
	s, err = expandBackticks(s)
	if err != nil {
		return "", false, fmt.Errorf("[%s] %s: %w", section, name, err)
	}
	return s, true, nil
}

// items gives all options of a section.
func (f *ini) items(section string) ([]Var, error) {
	var out []Var
	for _, v := range f.sections[section] {
		s, _, err := f.get(section, v.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, Var{v.Name, s})
	}
	return out, nil
}

// maxValue bounds what macros can grow to.
const maxValue = 1 << 20

// expand replaces %(name)s, by options of the section and then defaults.
func (f *ini) expand(section, s string, depth int) (string, error) {
	if depth > 10 {
		return "", fmt.Errorf("macros nested too deeply")
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		switch {
		case strings.HasPrefix(s, "%%"):
			b.WriteByte('%')
			s = s[2:]
		case strings.HasPrefix(s, "%("):
			end := strings.Index(s, ")s")
			if end < 0 {
				return "", fmt.Errorf("%q is no macro", s)
			}
			name := strings.ToLower(s[2:end])
			s = s[end+2:]
			value, found := f.defaults[name]
			for _, v := range f.sections[section] {
				if v.Name == name {
					value, found = v.Value, true
				}
			}
			if !found {
				return "", fmt.Errorf("unknown macro %%(%s)s", name)
			}
			value, err := f.expand(section, value, depth+1)
			if err != nil {
				return "", err
			}
			if b.Len()+len(value) > maxValue {
				return "", fmt.Errorf("macros make a value of more than %d bytes", maxValue)
			}
			b.WriteString(value)
		default:
			return "", fmt.Errorf("'%%' must be followed by '%%' or '(', found: %q", s)
		}
	}
}

// expandBackticks replaces `command` by what it prints.
func expandBackticks(s string) (string, error) {
	before, rest, ok := strings.Cut(s, "`")
	if !ok {
		return s, nil
	}
	cmd, after, ok := strings.Cut(rest, "`")
	if !ok {
		return s, nil
	}
	out := []byte(nil)
	if cmd != "" {
		c := exec.Command("/bin/sh", "-c", cmd)
		c.Stderr = os.Stderr
		var err error
		if out, err = c.Output(); err != nil {
			if _, ran := err.(*exec.ExitError); !ran {
				return "", fmt.Errorf("cannot execute '%s': %w", cmd, err)
			}
		}
	}
	tail, err := expandBackticks(after)
	if err != nil {
		return "", err
	}
	return before + strings.TrimSpace(string(out)) + tail, nil
}

// ReadConfig reads a configuration file for the given alternatives.
func ReadConfig(name string, alternatives []string) (*Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("configuration file '%s' not found", name)
	}
	f, err := parseINI(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c, err := f.config(filepath.Dir(name), alternatives)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// config works out what the file says.
func (f *ini) config(dir string, alternatives []string) (*Config, error) {
	for _, e := range os.Environ() {
		n, v, _ := strings.Cut(e, "=")
		// The environment's values are no macros of the file.
		f.setDefault(n, strings.ReplaceAll(v, "%", "%%"))
	}
	f.setDefault("default_path", strings.ReplaceAll(os.Getenv("PATH"), "%", "%%"))
	base, err := f.override(alternatives, "BTEST_TEST_BASE", dir)
	if err != nil {
		return nil, err
	}
	c := &Config{Alternatives: map[string]*Alternative{}}
	if c.TestBase, err = filepath.Abs(base); err != nil {
		return nil, err
	}
	f.defaults["testbase"] = c.TestBase
	baseline, err := f.override(alternatives, "BTEST_BASELINE_DIR", "")
	if err != nil {
		return nil, err
	}
	text := func(name, def string) string {
		v, ok, e := f.get("btest", name)
		if e != nil && err == nil {
			err = e
		}
		if !ok {
			return def
		}
		return v
	}
	if baseline == "" {
		baseline = text("BaselineDir", filepath.Join(c.TestBase, "Baseline"))
	}
	f.defaults["baselinedir"] = baseline
	abs := func(p string) string {
		if filepath.IsAbs(p) {
			return filepath.Clean(p)
		}
		return filepath.Join(c.TestBase, p)
	}
	for _, d := range strings.Split(baseline, ":") {
		c.BaselineDirs = append(c.BaselineDirs, abs(d))
	}
	c.StateFile = abs(text("StateFile", ".btest.failed.dat"))
	c.TmpDir = abs(text("TmpDir", ".tmp"))
	c.TestDirs = strings.Fields(text("TestDirs", ""))
	c.IgnoreDirs = strings.Fields(text("IgnoreDirs", ""))
	c.IgnoreFiles = strings.Fields(text("IgnoreFiles", ""))
	c.CommandPrefix = text("CommandPrefix", "@TEST-")
	c.MinVersion = text("MinVersion", "")
	c.Initializer, c.Finalizer, c.Teardown = text("Initializer", ""), text("Finalizer", ""), text("Teardown", "")
	c.PartInitializer, c.PartFinalizer, c.PartTeardown = text("PartInitializer", ""), text("PartFinalizer", ""), text("PartTeardown", "")
	ports := text("PortRange", "1024-65535")
	if err != nil {
		return nil, err
	}
	if n, e := fmt.Sscanf(ports, "%d-%d", &c.PortLow, &c.PortHigh); n != 2 || e != nil || c.PortLow > c.PortHigh {
		return nil, fmt.Errorf("invalid PortRange value: %s", ports)
	}
	if c.Environment, err = f.items("environment"); err != nil {
		return nil, err
	}
	for _, name := range alternatives {
		a := &Alternative{Name: name}
		c.Alternatives[name] = a
		if name == "-" {
			continue
		}
		for section, dst := range map[string]*[]Var{"environment-": &a.Environment, "filter-": &a.Filters, "substitution-": &a.Substitutions} {
			if *dst, err = f.items(section + name); err != nil {
				return nil, err
			}
		}
	}
	if c.MinVersion != "" && olderThan(version, c.MinVersion) {
		return nil, fmt.Errorf("requires at least BTest %s, this is %s", c.MinVersion, version)
	}
	return c, nil
}

func (f *ini) setDefault(name, value string) {
	name = strings.ToLower(name)
	if _, ok := f.defaults[name]; !ok {
		f.defaults[name] = value
	}
}

// override gives a variable that alternatives may set for the driver itself.
func (f *ini) override(alternatives []string, name, def string) (string, error) {
	if v := os.Getenv(name); v != "" {
		def = v
	}
	for _, a := range alternatives {
		if v, ok, err := f.get("environment-"+a, name); err != nil || ok {
			return v, err
		}
	}
	return def, nil
}

// olderThan compares versions like 0.72 and 1.1-8.
func olderThan(have, want string) bool {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '-' })
	}
	h, w := split(have), split(want)
	for i := range w {
		if i >= len(h) {
			return true
		}
		var x, y int
		fmt.Sscan(h[i], &x)
		fmt.Sscan(w[i], &y)
		if x != y {
			return x < y
		}
	}
	return false
}
