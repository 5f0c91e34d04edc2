package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"
)

func TestSizesHaveUnits(t *testing.T) {
	for in, want := range map[string]int64{"325MB": 325e6, "64KiB": 65536, "1GB": 1e9, "17": 17, "5B": 5} {
		var s size
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%s: %d %v, want %d", in, s, err, want)
		}
	}
	for _, in := range []string{"", "MB", "-1MB", "1TB", "99999999999GB"} {
		var s size
		if s.Set(in) == nil {
			t.Errorf("%q is accepted as %d", in, s)
		}
	}
}

func TestProcessIsMeasured(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	b := bench{temp: t.TempDir()}
	u, err := b.start(program{"sh", []string{sh, "-c", `echo noise >&2; echo '{"Mallocs":7}' >&2; : >left.log; sleep 0.02`}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u.mallocs != 7 || u.wall < 20*time.Millisecond || u.peak < 1<<16 {
		t.Errorf("%+v", u)
	}
	if left, err := os.ReadDir(b.temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, err := b.start(program{"sh", []string{sh, "-c", "echo why >&2; exit 3"}}, nil); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a failed program: %v", err)
	}
}

func TestSpreadIsMedianLeastAndGreatest(t *testing.T) {
	us := []usage{{wall: 3 * time.Second}, {wall: time.Second}, {wall: 2 * time.Second}, {wall: 8 * time.Second}}
	if got, want := spreadOf(us, wallSeconds), (spread{2.5, 1, 8}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestWholeRun measures a program that only reads, in place of gzeek.
func TestWholeRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	self := dir + "/bench"
	if out, err := exec.Command("go", "build", "-o", self, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fake := dir + "/gzeek"
	script := "#!/bin/sh\ncase $1 in --help) echo '  --memstats  --workers N';; --version) echo gzeek test;; *) cat \"$2\" >/dev/null; echo '{\"Mallocs\":5}' >&2;; esac\n"
	if err := os.WriteFile(fake, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"speed", "linearity"} {
		out, err := exec.Command(self, "-gzeek", fake, "-mode", mode, "-size", "200KB", "-big", "300KB", "-n", "1").Output()
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		for _, want := range map[string][]string{
			"speed":     {"gzeek test", "gzeek --workers 2", "cat", "main:", "faults:"},
			"linearity": {"10 times", "1,000 recipients"},
		}[mode] {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: no %q in\n%s", mode, want, out)
			}
		}
	}
	gen := exec.Command(self, "-gen", "small", "-size", "100KB")
	out, err := gen.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pcapgo.NewReader(strings.NewReader(string(out))); err != nil {
		t.Error(err)
	}
}
