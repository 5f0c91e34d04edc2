package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Everything that is wrong with files and arguments is told at once, with its
// place; the program ends with status 2 and has written nothing.
func TestEverythingWrongIsToldAtOnceAndNothingIsWritten(t *testing.T) {
	capture, err := filepath.Abs("../testdata/baselines/dialog-pipe-quit/input.pcap")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files []string
		args  []string
		want  []string // a line each
	}{
		"unknown names": {
			files: []string{"[redef.SMTP]\nmail_path_captur = \"ALL_HOSTS\"\n[redef.GLOBAL]\n  tcp_close_dely = \"1min\"\n[redef_ad.Site]\nx = 1\n"},
			args:  []string{"Notice::ignored_type+={Weird::Activity}"},
			want: []string{
				`1.toml:5:1: there is no "redef_ad" at this level; did you mean redef_add?`,
				"1.toml:2:20: there is no option SMTP::mail_path_captur; did you mean SMTP::mail_path_capture?",
				"1.toml:4:20: there is no option tcp_close_dely; did you mean tcp_close_delay?",
				"command line: there is no option Notice::ignored_type; did you mean Notice::ignored_types?",
			},
		},
		"wrong types and values": {
			files: []string{"[redef.SMTP]\nmail_path_capture = \"SOME_HOSTS\"\nmax_invalid_mail_transactions = -1\n[redef_add.Site]\nlocal_nets = [\"10.0.0.0/8\", \"10.0.0.0/33\"]\n"},
			args:  []string{"bits_per_uid=long", "tcp_close_delay=90"},
			want: []string{
				"1.toml:2:21: SMTP::mail_path_capture: SOME_HOSTS is no value of Host",
				"1.toml:3:33: SMTP::max_invalid_mail_transactions: -1 is negative",
				"1.toml:5:14: Site::local_nets: the width of the subnet",
				"command line: bits_per_uid: ", "command line: tcp_close_delay: an interval needs a unit",
			},
		},
		"no TOML, said twice, and more in another file": {
			files: []string{"[redef.SMTP\nx = 1\n", "[redef.GLOBAL]\nbits_per_uid = 64\nbits_per_uid = 96\n", "[redef.GLOBAL]\nnothing_at_all = 1\n"},
			want: []string{
				"1.toml:1:12: not TOML: ", "2.toml:3:1: not TOML: Key 'redef.GLOBAL.bits_per_uid' has already been defined",
				"3.toml:2:18: there is no option nothing_at_all",
			},
		},
		"what can't be added to, in two files": {
			files: []string{"[redef_add.SMTP]\nmail_path_capture = \"NO_HOSTS\"\n", "[redef_remove.GLOBAL]\nbits_per_uid = 1\n"},
			want: []string{
				"1.toml:2:21: SMTP::mail_path_capture is of type Host; += is for", "2.toml:2:16: bits_per_uid is of type count; -= is for",
			},
		},
		"policies and options": {
			files: []string{"load = [\"protocols/smtp/softwrae\", \"protocols/smtp/blocklists\"]\n[redef.Software]\nasset_tracking = \"SOME_HOSTS\"\n[redef.SMTP]\nblocklist_error_messages = \"x\"\nnonsense = 1\n"},
			args:  []string{"frob", "Site::local_nets={1}", "Software::asset_tracking=ALL_HOSTS"},
			want: []string{
				`no policy "frob"`,
				`1.toml:1:8: no policy "protocols/smtp/softwrae"; did you mean protocols/smtp/software?`,
				"1.toml:3:18: Software::asset_tracking: SOME_HOSTS is no value of Host",
				"1.toml:5:28: SMTP::blocklist_error_messages: ",
				"1.toml:6:12: there is no option SMTP::nonsense",
				"command line: Site::local_nets: ",
			},
		},
		"streams and options": {
			files: []string{"[log.smpt]\nenabled = false\n[redef.Log]\nrotation_name = \"x\"\n"},
			want: []string{
				"1.toml:1:1: no policy that is loaded has a log stream smpt; did you mean smtp?", "1.toml:4:17: Log::rotation_name: there is no {path}",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"--no-config", "-r", capture}
			for i, text := range c.files {
				file := string(rune('1'+i)) + ".toml"
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", file)
			}
			cmd := exec.Command(self, append(args, c.args...)...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), asGzeek+"=1")
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
				t.Errorf("ends with %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains("\n"+strings.TrimPrefix(string(out), "gzeek: "), "\n"+w) {
					t.Errorf("no line %q in\n%s", w, out)
				}
			}
			if n := strings.Count(string(out), "\n"); n != len(c.want) {
				t.Errorf("%d lines, want %d:\n%s", n, len(c.want), out)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != len(c.files) {
				t.Errorf("the folder holds %v (%v)", left, err)
			}
		})
	}
}
