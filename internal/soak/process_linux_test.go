package soak

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a gzeek that listens.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	// from is a moment from which on it has seen all packets.
	from time.Time
	done chan struct{} // closed when its standard error has ended

	mu   sync.Mutex
	said []string
}

// listen starts gzeek on the interfaces, logs in dir.
func listen(t *testing.T, dir string, ifaces []string, args ...string) *process {
	t.Helper()
	// Checksums are filled in by cards, and packets cut up: there is none here.
	args = append([]string{"--no-config", "-C", "Pcap::snaplen=66000", "tcp_close_delay=0sec"}, args...)
	for _, i := range ifaces {
		args = append(args, "-i", i)
	}
	p := &process{t: t, cmd: exec.Command(program(t), args...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan struct{})
	go func() {
		defer close(p.done)
		once := sync.OnceFunc(func() { close(listening) })
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "listening on ") {
				once()
			}
			p.mu.Lock()
			p.said = append(p.said, lines.Text())
			p.mu.Unlock()
		}
	}()
	select {
	case <-listening:
	case <-p.done:
		t.Fatalf("gzeek doesn't listen: %q", p.said)
	}
	p.from = time.Now()
	t.Cleanup(func() {
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("gzeek said %q", p.said)
		}
	})
	return p
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.done
	p.cmd.Wait()
}

// stop ends it cleanly, and returns what it has said.
func (p *process) stop() []string {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("gzeek ended with %v: %q", err, p.said)
	}
	return p.said
}

// saying counts what was said so far.
func (p *process) saying(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.said {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

// eventually waits for a condition, for minutes if need be.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this never happened: %s", what)
		}
	}
}

// rows gives the rows of all files of a log, rotated or not, and checks that
// they consist of whole lines.
func rows(t *testing.T, dir, log string) []map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, log+".*.log"))
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, name := range append(files, filepath.Join(dir, log+".log")) {
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 && b[len(b)-1] != '\n' {
			t.Errorf("%s ends in half a line", name)
		}
		var fields []string
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			if f, ok := strings.CutPrefix(line, "#fields\t"); ok {
				fields = strings.Split(f, "\t")
			}
			if strings.HasPrefix(line, "#") {
				continue
			}
			cells := strings.Split(line, "\t")
			if len(cells) != len(fields) {
				t.Errorf("%s: a line of %d columns, not %d: %q", name, len(cells), len(fields), line)
				continue
			}
			row := map[string]string{}
			for i, f := range fields {
				row[f] = cells[i]
			}
			all = append(all, row)
		}
	}
	return all
}

// total adds up a column.
func total(t *testing.T, all []map[string]string, column string) (sum int) {
	t.Helper()
	for _, r := range all {
		n, err := strconv.Atoi(r[column])
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		sum += n
	}
	return sum
}
