package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
)

func TestRedefsTellsOriginTypeAndDoc(t *testing.T) {
	inFolder(t, map[string]string{"a.toml": "[redef.SMTP]\nmail_path_capture = \"REMOTE_HOSTS\"\n"})
	out, errs, status := gzeek(t, "redefs", "--config", "a.toml", "-C", "Site::local_nets+={10.0.0.0/8}")
	if status != exitOK || errs != "" {
		t.Fatal(status, errs)
	}
	for _, want := range []string{
		"SMTP::mail_path_capture: Host = REMOTE_HOSTS  (a.toml:2:21; default ALL_HOSTS)\n    how far",
		"Site::local_nets: set[subnet] = {10.0.0.0/8}  (command line; default { })\n",
		"ignore_checksums: bool = T  (command line; default F)\n",
		"tcp_close_delay: interval = 5sec  (default)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if again, _, _ := gzeek(t, "options", "--config", "a.toml", "-C", "Site::local_nets+={10.0.0.0/8}"); again != out {
		t.Error("options lists something else")
	}
}

func TestRedefsPatterns(t *testing.T) {
	inFolder(t, nil)
	names := func(args ...string) string {
		out, errs, status := gzeek(t, append([]string{"redefs"}, args...)...)
		if status != exitOK {
			return errs
		}
		var list []string
		for _, m := range regexp.MustCompile(`(?m)^([\w:]+): `).FindAllStringSubmatch(out, -1) {
			list = append(list, m[1])
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct{ args, want string }{
		{"local_net", "Site::local_nets"},
		{"site::LOCAL_NET", "Site::local_nets"},
		{"tcp_*_delay", "tcp_attempt_delay tcp_close_delay tcp_partial_close_delay tcp_reset_delay"},
		{"SMTP::mail_path* *::bdat*", "SMTP::bdat_max_line_length SMTP::mail_path_capture"},
		{"--changed ignore_checksums", ""},
		{"--changed ignore_checksums ignore_checksums=T", "ignore_checksums"},
		{"max_line protocols/smtp/software", "SMTP::bdat_max_line_length"},
		{"ignore_chekcsums", "gzeek: no option matches ignore_chekcsums; did you mean ignore_checksums?\n"},
		{"zzz", "gzeek: no option matches zzz; --all also looks at the policies that are not loaded\n"},
		{"[", "gzeek: [ is no pattern: a [ in it has no end\n"},
		{"detect_suspicious/x", "gzeek: no policy \"detect_suspicious/x\"; see gzeek policies\n"},
	} {
		if got := names(strings.Fields(c.args)...); got != c.want {
			t.Errorf("%s: %q, want %q", c.args, got, c.want)
		}
	}
}

// values are the options that a configuration file gives, as they can be set.
func values(t *testing.T, path string) map[string]redef.Info {
	t.Helper()
	files, err := redef.LoadFiles([]string{path}, engine.LogSection)
	if err != nil {
		t.Fatal(err)
	}
	eng, err := engine.New(engine.Config{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]redef.Info{}
	for _, o := range eng.Options().Options() {
		m[o.Name] = o
	}
	return m
}

// elements puts what is printed of a set in one order: without -G there is none.
func elements(s string) map[string]int {
	m := map[string]int{}
	for _, e := range strings.Split(strings.Trim(s, "{}\n"), ",\n") {
		m[e]++
	}
	return m
}

func TestAStartingFileChangesNothing(t *testing.T) {
	inFolder(t, map[string]string{
		"in.toml": "load = [\"protocols/smtp/software\"]\n[redef.LogAscii]\nempty_field = \"a \\\"b\\\\\"\n[redef_add.Site]\nlocal_nets = [\"10.0.0.0/8\"]\n" +
			"[redef.GLOBAL]\ntcp_close_delay = 7\n[redef_add.SMTP]\nblocklist_error_messages = \"/spam/\"\n",
		"out.toml": "", "all.toml": "",
	})
	for _, args := range []string{"", "--all", "--config in.toml protocols/smtp/blocklists", "--config in.toml protocols/smtp/blocklists local_nets"} {
		line := append([]string{"redefs", "--toml", "--no-config"}, strings.Fields(args)...)
		out, errs, status := gzeek(t, line...)
		if status != exitOK || errs != "" {
			t.Fatal(args, status, errs)
		}
		// Also with all marks taken off: the defaults are themselves.
		lines := strings.Split(out, "\n")
		marks := regexp.MustCompile(`^# (\w+ = .*)`)
		for i, l := range lines {
			if i > 0 && strings.HasPrefix(lines[i-1], "# ") {
				lines[i] = marks.ReplaceAllString(l, "$1")
			}
		}
		for name, text := range map[string]string{"out.toml": out, "all.toml": strings.Join(lines, "\n")} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(args, "local_nets") {
			if strings.Contains(out, "empty_field") || !strings.Contains(out, "10.0.0.0/8") {
				t.Errorf("the pattern doesn't choose: %s", out)
			}
			continue
		}
		want := map[string]string{}
		rest, _, _ := gzeek(t, append([]string{"redefs", "--no-config"}, strings.Fields(args)...)...)
		for _, m := range regexp.MustCompile(`(?m)^([\w:]+): .*? = (.*)  \(`).FindAllStringSubmatch(rest, -1) {
			want[m[1]] = m[2]
		}
		for _, name := range []string{"out.toml", "all.toml"} {
			got := values(t, name)
			if len(got) != len(want) {
				t.Errorf("%s: %s: %d options, want %d", args, name, len(got), len(want))
			}
			for n, o := range got {
				if o.Type == "pattern" || strings.HasPrefix(o.Type, "set") || strings.HasPrefix(o.Type, "table") {
					continue // below
				}
				if o.Literal != want[n] {
					t.Errorf("%s: %s: %s is %s, want %s", args, name, n, o.Literal, want[n])
				}
			}
			if args == "" {
				for n, o := range got {
					if x, y := elements(o.Value), elements(o.Default); len(x) != len(y) && o.Type != "pattern" {
						t.Errorf("%s: %s: %s is %s, want %s", args, name, n, o.Value, o.Default)
					}
				}
			} else if strings.Contains(args, "in.toml") && got["Site::local_nets"].Literal != "{10.0.0.0/8}" {
				t.Errorf("%s: local_nets is %s", name, got["Site::local_nets"].Literal)
			}
		}
	}
}
