package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shellWith writes the completion script of a shell and runs code in it, with
// this program as gzeek. It skips the test where there is no such shell.
func shellWith(t *testing.T, shell, code string, args ...string) []string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("there is no %s here: its completion is only looked at as a text", shell)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "gzeek")); err != nil {
		t.Fatal(err)
	}
	script, _, _ := gzeek(t, "completion", shell)
	file := filepath.Join(dir, "completion")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := map[string][]string{"zsh": {"-f", "-c"}, "fish": {"--no-config", "-c"}}[shell]
	cmd := exec.Command(path, append(append(slices.Clone(flags), code), args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asGzeek+"=1", "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "SCRIPT="+file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", shell, args, err, out)
	}
	var lines []string
	for l := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSuffix(l, "\n"))
	}
	return lines
}

// zshCompletes calls the script's function in zsh as its completion system does,
// and returns what it offers: NAME, or NAME without a space behind it as NAME|.
func zshCompletes(t *testing.T, words ...string) []string {
	t.Helper()
	const code = `
compdef() { [[ $1 == _gzeek && $2 == gzeek ]] || print "compdef $*" }
_files() { print FILES }
compadd() {
    local behind=
    if [[ $1 == -S ]]; then behind='|'; shift 2; fi
    [[ $1 == -- ]] && shift
    local word
    for word in "$@"; do print -r -- "$word$behind"; done
}
source $SCRIPT
words=("$@") CURRENT=$#
_gzeek`
	return shellWith(t, "zsh", code, append([]string{"zsh", "gzeek"}, words...)...)
}

// fishCompletes has fish complete a line.
func fishCompletes(t *testing.T, words ...string) []string {
	t.Helper()
	const code = `source $SCRIPT; complete --do-complete "$argv[1]"`
	var list []string
	for _, l := range shellWith(t, "fish", code, strings.Join(append([]string{"gzeek"}, words...), " ")) {
		word, _, _ := strings.Cut(l, "\t")
		list = append(list, word)
	}
	return list
}

func TestTheScriptsCompleteInTheirShells(t *testing.T) {
	cases := []struct {
		words []string
		want  string
	}{
		{[]string{"import"}, "import-redefs"},
		{[]string{"-C", "--readf"}, "--readfile"},
		{[]string{"-r", "a.pcap", "protocols/smtp/bl"}, "protocols/smtp/blocklists"},
		{[]string{"Site::local_ne"}, "Site::local_nets="},
		{[]string{"tcp_close_d"}, "tcp_close_delay="},
		{[]string{"SMTP::mail_path_capture=NO"}, "SMTP::mail_path_capture=NO_HOSTS"},
		{[]string{"ignore_checksums="}, "ignore_checksums=F ignore_checksums=T"},
	}
	t.Run("zsh", func(t *testing.T) {
		for _, c := range cases {
			got := zshCompletes(t, c.words...)
			for i, w := range got {
				name, open := strings.CutSuffix(w, "|")
				if open != strings.HasSuffix(name, "=") {
					t.Errorf("%q: %q: a space belongs behind names, none behind =", c.words, w)
				}
				got[i] = name
			}
			slices.Sort(got)
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%q: %q, want %q", c.words, s, c.want)
			}
		}
		if got := zshCompletes(t, "-r", ""); !slices.Equal(got, []string{"FILES"}) {
			t.Errorf("behind -r: %q, want files", got)
		}
	})
	t.Run("fish", func(t *testing.T) {
		for _, c := range cases {
			got := fishCompletes(t, c.words...)
			slices.Sort(got)
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%q: %q, want %q", c.words, s, c.want)
			}
		}
		if got := fishCompletes(t, "-r", "compl"); !slices.Equal(got, []string{"completion"}) {
			t.Errorf("behind -r: %q, want the file of that name", got)
		}
	})
}

// What holds of the scripts where their shells are not installed.
func TestTheScriptsAskTheProgram(t *testing.T) {
	for shell, parts := range map[string][]string{
		"bash": {`"${COMP_WORDS[0]}" __complete`, "complete -o default -F _gzeek gzeek\n"},
		"zsh":  {"#compdef gzeek\n", "__complete", "_files", "compdef _gzeek gzeek"},
		"fish": {"$words[1] __complete", "__fish_complete_path", "complete -c gzeek -f -a '(__gzeek_complete)'"},
	} {
		script, _, status := gzeek(t, "completion", shell)
		if status != exitOK {
			t.Fatalf("%s: status %d", shell, status)
		}
		for _, p := range parts {
			if !strings.Contains(script, p) {
				t.Errorf("%s: no %q in the script", shell, p)
			}
		}
	}
}
