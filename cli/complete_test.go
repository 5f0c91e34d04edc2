package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
)

// asGzeek makes the test's own binary act as gzeek, for shells that call it.
const asGzeek = "GZEEK_TEST_AS_GZEEK"

func init() {
	if os.Getenv(asGzeek) != "" {
		os.Exit(run(os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
	}
}

// gzeek runs a command and returns what it printed and its exit status.
func gzeek(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var o, e strings.Builder
	status = run(args, stdio{strings.NewReader(""), &o, &e})
	return o.String(), e.String(), status
}

func completed(t *testing.T, words ...string) []string {
	t.Helper()
	out, _, status := gzeek(t, append([]string{"__complete"}, words...)...)
	if status != exitOK {
		t.Fatalf("status %d", status)
	}
	var list []string
	for line := range strings.Lines(out) {
		word, _, ok := strings.Cut(line, "\t")
		if !ok {
			t.Errorf("no tab in %q", line)
		}
		list = append(list, word)
	}
	return list
}

func TestCompletionKnowsEveryPolicyAndOption(t *testing.T) {
	got := map[string]bool{}
	for _, w := range completed(t, "-r", "x.pcap", "") {
		got[w] = true
	}
	for _, p := range policy.All() {
		if !got[p.Name] {
			t.Errorf("policy %s is not offered", p.Name)
		}
		// Alone, and with the default set, as far as it can be loaded there.
		for _, bare := range []bool{true, false} {
			eng, err := engine.New(engine.Config{Bare: bare, Policies: []string{p.Name}})
			if err != nil {
				continue
			}
			for _, o := range eng.Options().Options() {
				if !got[o.Name+"="] {
					t.Errorf("option %s of %s is not offered", o.Name, p.Name)
				}
			}
		}
	}
}

func TestCompletionGoesByWhatStandsBefore(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string // all candidates, or some and "..."
	}{
		{[]string{"red"}, "redefs"},
		{[]string{"completion", ""}, "bash fish zsh"},
		{[]string{"completion", "bash", ""}, ""},
		{[]string{"--config", ""}, ""},
		{[]string{"-r", ""}, ""},
		{[]string{"-Cr", ""}, ""},
		{[]string{"-C", "protocols/smtp/bl"}, "protocols/smtp/blocklists"},
		{[]string{"cut", ""}, ""},
		{[]string{"import-redefs", ""}, ""},
		{[]string{"import-redefs", "--s"}, "--strict"},
		{[]string{"--readf"}, "--readfile"},
		{[]string{"check", "--readf"}, "--readfile"},
		{[]string{"redefs", "--to"}, "--toml"},
		{[]string{"redefs", "SMTP::mail_pa"}, "SMTP::mail_path_capture= SMTP::mail_path_capture"},
		{[]string{"ignore_checksums="}, "ignore_checksums=T ignore_checksums=F"},
		{[]string{"SMTP::mail_path_capture=R"}, "SMTP::mail_path_capture=REMOTE_HOSTS"},
		{[]string{"no_such="}, ""},
		{[]string{"\xff", "-"}, "--readfile ..."},
		{nil, "btest ..."},
	} {
		got := completed(t, c.words...)
		if first, some := strings.CutSuffix(c.want, " ..."); some {
			if !slices.Contains(got, first) {
				t.Errorf("%q: %q, without %s", c.words, got, first)
			}
		} else if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: %q, want %q", c.words, s, c.want)
		}
	}
}

// bashCompletes sources the script in bash and calls its function for a line
// that was cut into words as bash cuts it.
func bashCompletes(t *testing.T, words ...string) []string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script, _, _ := gzeek(t, "completion", "bash")
	path := filepath.Join(t.TempDir(), "gzeek.bash")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	const call = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gzeek; printf '%s\n' "${COMPREPLY[@]}"`
	cmd := exec.Command(bash, append([]string{"--norc", "-euc", call, "bash", path, self}, words...)...)
	cmd.Env = append(os.Environ(), asGzeek+"=1", "COMP_LINE=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func TestTheBashScriptCompletesInBash(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"import"}, "import-redefs"},
		{[]string{"-C", "--readf"}, "--readfile"},
		{[]string{"-r", "a.pcap", "protocols/smtp/bl"}, "protocols/smtp/blocklists"},
		{[]string{"-r", ""}, ""}, // bash names files then
		// bash cuts at : and =, and replaces the last piece only.
		{[]string{"Site", "::", "local_ne"}, "local_nets="},
		{[]string{"Software", "::", "sens"}, ""},
		{[]string{"SMTP", "::", "mail_path_capture", "=", "NO"}, "NO_HOSTS"},
		{[]string{"ignore_checksums", "="}, "T F"},
		{[]string{"tcp_close_d"}, "tcp_close_delay="},
		// A user may have taken : out of COMP_WORDBREAKS.
		{[]string{"Site::local_ne"}, "Site::local_nets="},
	} {
		if got := strings.Join(bashCompletes(t, c.words...), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	if got := bashCompletes(t, "-r", "a.pcap", "SMTP", "::"); len(got) < 5 || !slices.Contains(got, "mail_path_capture=") {
		t.Errorf("behind SMTP::: %q", got)
	}
}

func TestCompletionRefusesOtherShells(t *testing.T) {
	_, errs, status := gzeek(t, "completion", "bsh")
	if status != exitUsage || !strings.Contains(errs, "did you mean bash?") {
		t.Errorf("%d %s", status, errs)
	}
}
