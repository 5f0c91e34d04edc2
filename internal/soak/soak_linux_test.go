package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// both interfaces, the second one by two sockets that share it.
var taps = []string{"af_packet::tap1", "af_packet::tap2", "af_packet::tap2"}

const (
	hupEvery  = 3 * time.Second
	killEvery = 20 * time.Second
	// doubt is how long before a kill -9 a mail must have ended to be sure to be
	// logged: Log::flush_interval is 1 s, the rest is for a busy machine.
	doubt = 4 * time.Second
)

// life is the time in which a process saw everything, and was sure to log it.
type life struct{ from, to time.Time }

// TestSoak runs for GZEEK_SOAK (like 3m): every mail that was seen whole by one
// process is in exactly one line, whatever happens to it.
func TestSoak(t *testing.T) {
	how := os.Getenv("GZEEK_SOAK")
	if how == "" {
		t.Skip("a soak runs with GZEEK_SOAK=3m (make soak)")
	}
	long, err := time.ParseDuration(how)
	if err != nil || long <= 0 {
		t.Fatalf("GZEEK_SOAK=%s is no duration like 3m", how)
	}
	if !inside(t) {
		return
	}
	link(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "soak.toml")
	configure := func(n int) {
		text := fmt.Sprintf("[redef.SMTP]\nmail_path_capture = %q\n", []string{"ALL_HOSTS", "NO_HOSTS"}[n%2])
		if err := os.WriteFile(config+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(config+".new", config); err != nil {
			t.Fatal(err)
		}
	}
	configure(0)
	kills, hups := 0, 0
	start := func() *process {
		// Every other process shares tap1 between two sockets, and looks ahead.
		workers := []string{"--workers=1", "--workers=7"}[kills%2]
		return listen(t, dir, taps, workers, "--config", config, "misc/stats", "misc/capture-loss", "Stats::report_interval=1sec",
			"Log::default_rotation_interval=5sec")
	}
	p := start()
	s := startSenders(6)
	var lives []life
	kill, hup, end := time.NewTicker(killEvery), time.NewTicker(hupEvery), time.After(long)
	for running := true; running; {
		select {
		case <-hup.C:
			hups++
			configure(hups)
			p.signal(syscall.SIGHUP)
		case <-kill.C:
			kills++
			lives = append(lives, life{p.from, time.Now().Add(-doubt)})
			p.kill()
			p = start()
		case <-end:
			running = false
		}
	}
	mails := s.finish(t)
	lives = append(lives, life{p.from, time.Now()})
	p.stop()

	dropped := total(t, rows(t, dir, "stats"), "pkts_dropped")
	var whole []mail
	for _, m := range mails {
		for _, l := range lives {
			if m.begin.After(l.from) && m.end.Before(l.to) {
				whole = append(whole, m)
				break
			}
		}
	}
	lines, twice, inDoubt := logged(t, dir), 0, 0
	for _, n := range lines {
		if n > 1 {
			twice++
		}
	}
	sure := map[string]bool{}
	for _, m := range whole {
		sure[m.from] = true
	}
	for _, m := range mails {
		if !sure[m.from] && lines[m.from] > 0 {
			inDoubt++
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "smtp*.log"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("soak of %v: %d mails sent, %d seen whole by one process and %d beside a kill -9 or a start (%d of these logged); "+
		"%d lines in %d smtp logs, %d mails in several lines; %d kill -9, %d SIGHUP, %d packets dropped by the kernel\n",
		long, len(mails), len(whole), len(mails)-len(whole), inDoubt, len(lines), len(files), twice, kills, hups, dropped)
	if dropped > 0 {
		t.Errorf("the kernel dropped %d packets: this machine is too busy for the rate", dropped)
	}
	if twice > 0 {
		t.Errorf("%d mails are in several lines", twice)
	}
	if len(whole) == 0 {
		t.Error("no mail was seen whole: the soak is too short")
	}
	wantOnce(t, dir, whole)
	for _, log := range []string{"conn", "files", "weird", "capture_loss", "packet_filter", "config"} {
		rows(t, dir, log)
	}
	wantNoOrphans(t, dir)
}

// wantNoOrphans says that every shadow file has its log.
func wantNoOrphans(t *testing.T, dir string) {
	t.Helper()
	shadows, err := filepath.Glob(filepath.Join(dir, ".shadow.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shadows {
		if _, err := os.Stat(filepath.Join(dir, strings.TrimPrefix(filepath.Base(s), ".shadow."))); err != nil {
			t.Error(err)
		}
	}
}
