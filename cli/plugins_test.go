package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/policy"
)

// The whole way of a new policy: it is written, its test passes, it is built in,
// and a run with it writes what its test says.
func TestANewPolicyPassesItsTestAndIsBuiltIn(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a gzeek")
	}
	t.Chdir(t.TempDir())
	out, errs, status := gzeek(t, "new-policy", "site/many-recipients")
	if status != exitOK {
		t.Fatal(out, errs)
	}
	if _, errs, status = gzeek(t, "new-policy", "site/many-recipients"); status != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("written over: %d %s", status, errs)
	}
	// As it is: the go tool may complete nothing.
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = "many-recipients"
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, b)
		}
	}
	program, err := filepath.Abs("gzeek-site")
	if err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(gzeekRoot(t), "examples", "senderrate")
	// By the profile, whose place alone is tested, all would be compiled anew.
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -pgo=off")
	if out, errs, status = gzeek(t, "build", "--with", "./many-recipients", "--with", example, "--keep", "module", "-o", program); status != exitOK {
		t.Fatal(out, errs)
	}
	cmd := exec.Command(program, "policies", "--json", "site/many-recipients", "site/sender-rate")
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []policyJSON
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 2 || list[0].Package != "example.com/site/many-recipients" {
		t.Fatalf("%v\n%s", err, b)
	}
	if len(list[0].Columns) != 1 || list[0].Columns[0] != (columnJSON{"SMTP::LOG", "many_recipients_count", "count"}) || len(list[1].Options) != 3 {
		t.Errorf("%s", b)
	}
	if err := os.Mkdir("logs", 0o777); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program, "-r", "../many-recipients/testdata/mail.pcap", "site/many-recipients", "ManyRecipients::max_recipients=2")
	cmd.Dir = "logs"
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	notices, err := os.ReadFile("logs/notice.log")
	if err != nil || !strings.Contains(string(notices), "ManyRecipients::Many_Recipients") {
		t.Errorf("%v\n%s", err, notices)
	}
	if b, err := exec.Command(program, "version").Output(); err != nil || strings.Count(string(b), "\n  with ") != 2 {
		t.Errorf("%v\n%s", err, b)
	}
	profile, err := os.ReadFile(filepath.Join(gzeekRoot(t), "cmd", "gzeek", "default.pgo"))
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile("module/default.pgo"); err != nil || !bytes.Equal(kept, profile) {
		t.Errorf("a site's gzeek is not optimized by gzeek's profile: %v", err)
	}
	// The module that was kept has checksums of what was built in.
	if sum, err := os.ReadFile("module/go.sum"); err != nil || !strings.Contains(string(sum), "h1:") {
		t.Errorf("%v\n%s", err, sum)
	}

	// What can't be used leaves the program as it is.
	before, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ source, want string }{
		"empty": {"package empty\n", "package example.com/empty registers nothing"},
		"taken": {register(`Name: "site/many-recipients"`), "policy site/many-recipients is registered twice: by package example.com/"},
		"newer": {register(`Name: "newer", API: 99`), "is written for version 99 of the policy API"},
		"wrong": {register(`Name: "wrong", Nothing: 1`), "package example.com/wrong doesn't compile with the gzeek of"},
		"panic": {"package panics\n\nfunc init() { panic(\"a slip\") }\n", "a package panics while it is initialized"},
		"main":  {"package main\n\nfunc main() {}\n", "that package is a program"},
	} {
		writeModule(t, name, c.source)
		_, errs, status := gzeek(t, "build", "--with", "./"+name, "--with", "./many-recipients", "-o", program)
		if status != exitError || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d, %s", name, status, errs)
		}
	}
	if after, err := os.Stat(program); err != nil || !os.SameFile(before, after) {
		t.Error("the program was replaced")
	}
	if left, _ := filepath.Glob(".gzeek-build-*"); len(left) > 0 {
		t.Error("left behind:", left)
	}
}

// register is a package that registers a policy with these fields.
func register(fields string) string {
	return `package p

import "github.com/gzeek/gzeek/policy"

func init() {
	policy.Register(policy.Policy{` + fields + `, Load: func(*policy.Context) error { return nil }})
}
`
}

func writeModule(t *testing.T, name, source string) {
	t.Helper()
	if err := os.Mkdir(name, 0o777); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"go.mod": "module example.com/" + name + "\n\ngo 1.26\n", "p.go": source} {
		if err := os.WriteFile(filepath.Join(name, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func gzeekRoot(t *testing.T) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

func TestBuildSaysWhatIsWrongBeforeItCompiles(t *testing.T) {
	root := gzeekRoot(t)
	t.Chdir(t.TempDir())
	for _, dir := range []string{"empty", "gomod"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("gomod/go.mod", []byte("module example.com/m\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "nothing to build in: say --with FOLDER or --with MODULE@VERSION"},
		{"--with ./nowhere", "--with ./nowhere: there is no such folder"},
		{"--with policy", "--with policy: this is neither a folder nor the path of a module"},
		{"--with example.com/x@", "--with example.com/x@: there is no version behind the @"},
		{"--with ./empty", "is in no Go module: there is no go.mod in it or above it (make one: go mod init"},
		{"--with ./gomod", "--with ./gomod: there are no Go files in it"},
		{"--with ./gomod --gzeek ./gomod", "is module example.com/m, not a checkout of gzeek"},
		{"--with ./gomod --gzeek ./nowhere", "there is no folder ./nowhere"},
		{"--gzeek v1.0.0 --with " + root + "/examples/senderrate", "is a part of gzeek, but gzeek is taken from github.com/gzeek/gzeek@v1.0.0: say --gzeek " + root},
		{"./gomod", "build takes no argument ./gomod; is it a policy? --with ./gomod"},
		{"--wiht x", "unknown flag: --wiht; see gzeek build --help"},
	} {
		_, errs, status := gzeek(t, append([]string{"build"}, strings.Fields(c.args)...)...)
		if status == exitOK || !strings.Contains(errs, c.want) {
			t.Errorf("build %s: status %d, %s", c.args, status, errs)
		}
	}
	t.Setenv("PATH", "")
	if _, errs, _ := gzeek(t, "build", "--with", root+"/examples/senderrate"); !strings.Contains(errs, "the go tool is not in PATH") {
		t.Error(errs)
	}
}

func TestNewPolicyTakesNamesOnly(t *testing.T) {
	inFolder(t, nil)
	for args, want := range map[string]string{
		"":                    "new-policy takes one name",
		"a b":                 "new-policy takes one name",
		"Site/X":              "is no name for a policy",
		"../x":                "is no name for a policy",
		"base/protocols/smtp": "there is a policy base/protocols/smtp already",
		"--gzeek ./nowhere x": "there is no folder ./nowhere",
	} {
		_, errs, status := gzeek(t, append([]string{"new-policy"}, strings.Fields(args)...)...)
		if status != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("new-policy %s: status %d, %s", args, status, errs)
		}
	}
}

func TestPoliciesAreListedAndDescribed(t *testing.T) {
	inFolder(t, nil)
	out, _, status := gzeek(t, "policies")
	if status != exitOK || !strings.Contains(out, "* base/protocols/smtp ") || !strings.Contains(out, "\n  protocols/smtp/blocklists ") {
		t.Errorf("status %d\n%s", status, out)
	}
	out, _, status = gzeek(t, "policies", "protocols/smtp/software", "base/protocols/smtp")
	for _, want := range []string{
		"protocols/smtp/software: ", "  loaded     when it is named\n", "  columns    is_webmail: bool of SMTP::LOG\n",
		"  handles    ", "  package    github.com/gzeek/gzeek/policy/software\n", "  loaded     by default\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing: %s\n%s", want, out)
		}
	}
	if status != exitOK {
		t.Error("status", status)
	}
	out, _, status = gzeek(t, "policies", "--json")
	var list []policyJSON
	if err := json.Unmarshal([]byte(out), &list); err != nil || status != exitOK || len(list) != len(policy.All()) {
		t.Fatalf("%d policies, status %d, %v", len(list), status, err)
	}
	for _, p := range list {
		if !builtIn(p.Package) || p.Doc == "" {
			t.Errorf("%+v", p)
		}
	}
	if _, errs, status := gzeek(t, "policies", "protocols/smtp/blocklist"); status != exitUsage || !strings.Contains(errs, "did you mean protocols/smtp/blocklists?") {
		t.Error(errs)
	}
}
