//go:build linux

package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/cli/internal/privilege"
	"github.com/gzeek/gzeek/control"
)

// process is a gzeek that listens on loopback.
type process struct {
	cmd  *exec.Cmd
	dir  string // of its logs
	sock string
	errs string // the file with what it says
	env  []string
}

// started starts one and waits until it takes packets. It skips the test where
// capturing isn't permitted.
func started(t *testing.T, p *process, args ...string) *process {
	t.Helper()
	src, err := capture.OpenLive("af_packet::lo", capture.LiveOptions{})
	if err != nil {
		t.Skipf("it takes root, or the capability cap_net_raw: %v", err)
	}
	src.Close()
	if p.dir == "" {
		p.dir = t.TempDir()
	}
	p.sock, p.errs = filepath.Join(p.dir, "c.sock"), filepath.Join(p.dir, "stderr")
	if err := p.start(args...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	client := control.Client{Path: p.sock}
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if st, err := client.Status(t.Context()); err == nil && st.Problem == "" {
			return p
		}
		if time.Since(start) > time.Minute {
			b, _ := os.ReadFile(p.errs)
			t.Fatalf("it doesn't begin:\n%s", b)
		}
	}
}

func (p *process) start(args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	errs, err := os.Create(p.errs)
	if err != nil {
		return err
	}
	defer errs.Close()
	args = append([]string{"-i", "af_packet::lo", "-f", "udp port 1", "--no-config", "--control", p.sock}, args...)
	p.cmd = exec.Command(self, args...)
	p.cmd.Dir, p.cmd.Stderr = p.dir, errs
	p.cmd.Env = append(append(os.Environ(), asGzeek+"=1"), p.env...)
	return p.cmd.Start()
}

// ended ends it and gives what it said.
func (p *process) ended(t *testing.T) string {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := p.cmd.Wait()
	b, _ := os.ReadFile(p.errs)
	if err != nil {
		t.Fatalf("it ended with %v:\n%s", err, b)
	}
	return string(b)
}

// nobodysFolder is one that only a user without rights and root may write to. It is
// not below the test's, which others may not enter.
func nobodysFolder(t *testing.T) (dir string, u *privilege.User) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	u, err := privilege.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	dir, err = os.MkdirTemp("", "gzeek-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, u.UID, u.GID); err != nil {
		t.Fatal(err)
	}
	return dir, u
}

func TestAProcessHasNoCapabilityOnceItListens(t *testing.T) {
	dir, u := nobodysFolder(t)
	p := started(t, &process{dir: dir}, "--user", "nobody")
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("threads: %v, %v", tasks, err)
	}
	tasks = append(tasks, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for _, task := range tasks {
		st, err := privilege.Status(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if st[set] != "0000000000000000" {
				t.Errorf("%s: %s is %s", task, set, st[set])
			}
		}
		id := fmt.Sprint(u.UID)
		if want := strings.Join([]string{id, id, id, id}, "\t"); st["Uid"] != want || st["NoNewPrivs"] != "1" {
			t.Errorf("%s: Uid %q, NoNewPrivs %s", task, st["Uid"], st["NoNewPrivs"])
		}
	}
	// It goes on to do its work: a reload writes a row.
	if out, errs, status := gzeek(t, "reload", "--control", p.sock); status != exitOK {
		t.Errorf("reload: %d %s %s", status, out, errs)
	}
	p.ended(t)
	for name, want := range map[string]string{"reporter.log": "options were read anew", "c.sock": ""} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if want == "" != os.IsNotExist(err) || !strings.Contains(string(b), want) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestAFolderThatTheUserCannotWriteIsToldAtTheStart(t *testing.T) {
	dir, _ := nobodysFolder(t)
	p := &process{dir: dir, sock: filepath.Join(dir, "c.sock"), errs: filepath.Join(t.TempDir(), "stderr")}
	for _, c := range []struct {
		prepare func() error
		want    string
	}{
		{func() error { return os.WriteFile(filepath.Join(dir, "conn.log"), nil, 0o644) }, "conn.log is there and can't be written as nobody"},
		{func() error { return os.Chown(dir, 0, 0) }, "logs can't be written to . as nobody"},
	} {
		if err := c.prepare(); err != nil {
			t.Fatal(err)
		}
		if err := p.start("--user", "nobody"); err != nil {
			t.Fatal(err)
		}
		err := p.cmd.Wait()
		b, _ := os.ReadFile(p.errs)
		if err == nil || !strings.Contains(string(b), c.want) {
			t.Errorf("%v: %s\nwant %s", err, b, c.want)
		}
	}
}

func TestUsersAreLookedUp(t *testing.T) {
	for spec, want := range map[string]string{
		"": "write NAME or", "x:": "write NAME or", "root": "keeps every privilege", "0:0": "keeps every privilege",
		"no-such-user-1": "no user", "nobody:no-such-group-1": "no group", "4294967295:1": "is no user and no group",
		"12345678": "no user has the number",
	} {
		if u, err := privilege.Lookup(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", spec, u, err, want)
		}
	}
	u, err := privilege.Lookup("1234:5678")
	if err != nil || u.UID != 1234 || u.GID != 5678 || len(u.Groups) != 1 || u.Groups[0] != 5678 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestStatusAndReloadOverTheSocket(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "gzeek.toml")
	write := func(text string) {
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	p := started(t, &process{dir: dir}, "--config", conf, "--metrics", "127.0.0.1:0", "--log-format", "json", "Site::local_nets+={10.0.0.0/8}")

	out, errs, status := gzeek(t, "status", "--control", p.sock)
	for _, want := range []string{fmt.Sprintf("pid %d", p.cmd.Process.Pid), "af_packet::lo", conf, "Site::local_nets", "0 lost by the kernel", "heap"} {
		if status != exitOK || !strings.Contains(out, want) {
			t.Errorf("status %d lacks %q:\n%s%s", status, want, out, errs)
		}
	}
	out, _, _ = gzeek(t, "status", "--json", "--control", p.sock)
	var st control.Status
	if err := json.Unmarshal([]byte(out), &st); err != nil || st.PID != p.cmd.Process.Pid || st.Memory.Resident == 0 || st.Memory.Heap == 0 {
		t.Errorf("%+v, %v", st, err)
	}

	for _, c := range []struct {
		toml   string
		status int
		want   []string
	}{
		{"[redef.SMTP]\nmail_path_capture = \"LOCAL_HOSTS\"\n", exitOK, []string{"changed  SMTP::mail_path_capture: ALL_HOSTS is now LOCAL_HOSTS", "1 changed, 0 wait"}},
		{"[redef.SMTP]\nmail_path_capture = \"NO_HOSTS\"\n[redef.GLOBAL]\nbits_per_uid = 64\n", exitRefused,
			[]string{"refused  GLOBAL::bits_per_uid", "1 changed, 1 wait"}},
		{"[redef.SMTP]\nnothing = 1\n", exitError, []string{"options stay as they are", "gzeek.toml:2"}},
	} {
		write(c.toml)
		out, errs, status := gzeek(t, "reload", "--control", p.sock)
		for _, want := range c.want {
			if status != c.status || !strings.Contains(out+errs, strings.Replace(want, "GLOBAL::", "", 1)) {
				t.Errorf("reload: %d, want %d and %q:\n%s%s", status, c.status, want, out, errs)
			}
		}
	}
	said := p.ended(t)
	addr := ""
	for line := range strings.Lines(said) {
		var m struct{ Level, Msg, Address string }
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Level == "" || m.Msg == "" {
			t.Errorf("no message in JSON: %q", line)
		}
		if m.Address != "" {
			addr = m.Address
		}
	}
	if addr == "" {
		t.Errorf("the address of the metrics isn't told:\n%s", said)
	} else if _, err := http.Get("http://" + addr + "/healthz"); err == nil {
		t.Error("metrics are served behind the end")
	}
	if _, errs, status := gzeek(t, "status", "--control", p.sock); status != exitError || !strings.Contains(errs, "no gzeek answers there") {
		t.Errorf("status behind the end: %d %s", status, errs)
	}
}

// supervisor is systemd's side of sd_notify.
func supervisor(t *testing.T) (path string, states <-chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ch := make(chan string, 1000)
	go func() {
		defer close(ch)
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			for sc := bufio.NewScanner(strings.NewReader(string(b[:n]))); sc.Scan(); {
				ch <- sc.Text()
			}
		}
	}()
	return path, ch
}

// next waits for a state that begins so, and gives what came before it.
func next(t *testing.T, states <-chan string, prefix string) (before []string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case s := <-states:
			if strings.HasPrefix(s, prefix) {
				return before
			}
			before = append(before, s)
		case <-late:
			t.Fatalf("no %s; there were %q", prefix, before)
		}
	}
}

func TestSystemdIsTold(t *testing.T) {
	path, states := supervisor(t)
	p := started(t, &process{env: []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=300000"}})
	if before := next(t, states, "READY=1"); len(before) > 0 {
		t.Errorf("before READY: %q", before)
	}
	next(t, states, "WATCHDOG=1")
	next(t, states, "STATUS=0 packets, 0 lost")
	next(t, states, "WATCHDOG=1")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	next(t, states, "RELOADING=1")
	next(t, states, "MONOTONIC_USEC=")
	next(t, states, "READY=1")
	p.ended(t)
	next(t, states, "STOPPING=1")
}
