package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const packaging = "../packaging"

func packaged(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(packaging, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What units and containers call exists: flags are not renamed under them.
func TestWhatPackagesCallExists(t *testing.T) {
	unit := packaged(t, "systemd/gzeek@.service")
	for _, m := range regexp.MustCompile(`(?m)^Exec(?:Start|Reload)=(.*)$`).FindAllStringSubmatch(unit, -1) {
		takes(t, strings.Fields(m[1])[1:])
	}
	var args []string
	dockerfile := packaged(t, "docker/Dockerfile")
	for _, m := range regexp.MustCompile(`(?m)^(?:ENTRYPOINT|    CMD) (\[.*\])$`).FindAllStringSubmatch(dockerfile, -1) {
		if err := json.Unmarshal([]byte(m[1]), &args); err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
		takes(t, args[1:])
	}
	compose := packaged(t, "docker/compose.yaml")
	m := regexp.MustCompile(`(?m)^    command: (\[.*\])$`).FindStringSubmatch(compose)
	if m == nil {
		t.Fatal("compose.yaml has no command")
	}
	if err := json.Unmarshal([]byte(m[1]), &args); err != nil {
		t.Fatalf("%s: %v", m[1], err)
	}
	takes(t, args)
	if out, errs, status := gzeek(t, "check", "--no-config", "--config", filepath.Join(packaging, "gzeek.toml")); status != exitOK {
		t.Errorf("gzeek.toml: %s%s", out, errs)
	}
}

// takes fails unless a command line is one that gzeek takes.
func takes(t *testing.T, args []string) {
	t.Helper()
	for _, c := range commands() {
		if c.name == args[0] {
			if _, errs, status := gzeek(t, append(args, "--help")...); status != exitOK {
				t.Errorf("%q: %s", args, errs)
			}
			return
		}
	}
	var f runFlags
	if err := newFlags(&f).Parse(args); err != nil {
		t.Errorf("%q: %v", args, err)
	}
	if _, err := newLogger(f.service.logFormat, nil); err != nil {
		t.Errorf("%q: %v", args, err)
	}
}

// systemd says what it doesn't understand in the unit.
func TestTheUnitIsOneForSystemd(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze to ask")
	}
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip(err)
	}
	unit := strings.ReplaceAll(packaged(t, "systemd/gzeek@.service"), "/usr/bin/gzeek", program)
	path := filepath.Join(t.TempDir(), "gzeek@.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(verify, "--man=no", "--recursive-errors=no", "verify", path)
	if b, err := cmd.CombinedOutput(); err != nil || len(b) > 0 {
		t.Errorf("%v\n%s", err, b)
	}
}
