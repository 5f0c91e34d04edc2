package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inFolder changes to a new folder that has the files, and sees that nothing is
// written there.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range left {
			if _, ok := files[f.Name()]; !ok {
				t.Errorf("%s was written", f.Name())
			}
		}
	})
}

func TestCheckOfAValidConfiguration(t *testing.T) {
	inFolder(t, map[string]string{
		"gzeek.toml": "load = [\"protocols/smtp/software\"]\n[redef.GLOBAL]\nignore_checksums = true\n",
		"b.toml":     "[redef.Software]\nasset_tracking = \"ALL_HOSTS\"\n",
	})
	for _, c := range []struct {
		args, want string
	}{
		{"", "options set"},
		{"--no-config", " 0 options set"},
		{"--config b.toml", " 2 options set"},
		{"--config b.toml -C -f tcp Site::local_nets+={10.0.0.0/8} -w out.pcap -H seeds", " 3 options set"},
		{"-b --no-config base/protocols/smtp", "policies, 0 options set"},
		{"-b --no-config bro-2011", "policies, 0 options set"},
	} {
		out, errs, status := gzeek(t, append([]string{"check"}, strings.Fields(c.args)...)...)
		if status != exitOK || !strings.HasPrefix(out, "configuration is valid: ") || !strings.Contains(out, c.want) || strings.Count(out, "\n") != 1 || errs != "" {
			t.Errorf("%s: %d %q %q", c.args, status, out, errs)
		}
	}
}

func TestCheckReportsAllThatIsWrong(t *testing.T) {
	inFolder(t, map[string]string{
		"a.toml": "load = [\"protocols/smtp/softwrae\"]\n[redef.SMTP]\nmail_path_captur = \"X\"\nmail_path_capture = \"X\"\n[log.smpt]\nenabled = false\n",
		"b.toml": "x = [",
	})
	args := strings.Fields("check -e --confg=x -r none.pcap --config a.toml --config b.toml Site::local_net+={1.2.3.0/8} " +
		"Site::local_nets={1} frob SMTP::ports= Software::asset_tracking=ALL_HOSTS -w no/x -G none")
	out, errs, status := gzeek(t, append(args, "-f", "tcp porto 3")...)
	if status != exitUsage || out != "" {
		t.Errorf("%d %q", status, out)
	}
	for _, want := range []string{
		"-e executes Zeek script code",
		"did you mean --config?",
		"b.toml:1:",
		"a.toml:1:8: no policy \"protocols/smtp/softwrae\"; did you mean protocols/smtp/software?",
		"no policy \"frob\"",
		"a.toml:3:20: there is no option SMTP::mail_path_captur; did you mean SMTP::mail_path_capture?",
		"a.toml:4:21: SMTP::mail_path_capture: X is no value of Host",
		"did you mean Site::local_nets?",
		"\"1\" is no address",
		"log stream smpt",
		"none.pcap: can't be opened",
		"tcp porto 3",
		"there is no folder no",
		"cannot read the seed file none",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("missing: %s", want)
		}
	}
	// An option of a policy whose name was mistyped isn't a mistake of its own.
	if strings.Contains(errs, "asset_tracking") {
		t.Errorf("a mistake that is none")
	}
	if t.Failed() {
		t.Log(errs)
	}
}

func TestCheckAgreesWithARun(t *testing.T) {
	capture, err := filepath.Abs("../testdata/baselines/block-several-in-session/input.pcap")
	if err != nil {
		t.Fatal(err)
	}
	inFolder(t, map[string]string{"bad.toml": "[redef.SMTP]\nports = 3\n"})
	for _, args := range []string{
		"no/such/policy", "Site::local_nets=x", "--config bad.toml", "--config none.toml", "-f nonsense((", "-G none", "--nonsense", "-i eth0", "-t x",
		"Software::asset_tracking=nobody", "bro-2011",
	} {
		line := append([]string{"-r", capture}, strings.Fields(args)...)
		_, runErrs, runStatus := gzeek(t, line...)
		_, errs, status := gzeek(t, append([]string{"check"}, line...)...)
		if status != exitUsage || runStatus == exitOK {
			t.Errorf("%s: check gives %d, a run %d", args, status, runStatus)
		}
		if !strings.Contains(errs, strings.TrimSpace(strings.TrimPrefix(runErrs, "gzeek: "))) {
			t.Errorf("%s: check says %q, a run %q", args, errs, runErrs)
		}
	}
}
