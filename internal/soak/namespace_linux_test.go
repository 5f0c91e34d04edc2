package soak

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/gzeek/gzeek/capture"
)

// role is what this process is: "" the test, "sensor" the test in its
// namespace, "mailhost" the servers in theirs.
var role = os.Getenv("GZEEK_SOAK_ROLE")

func TestMain(m *testing.M) {
	if role == "mailhost" {
		if err := mailhost(); err != nil {
			fmt.Fprintln(os.Stderr, "mailhost:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// again makes this program run as a role, in a network namespace of its own. It
// dies with this one.
func again(as string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GZEEK_SOAK_ROLE="+as)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// inside says whether the test runs in the sensor's namespace. If it doesn't,
// it has been run there when inside returns.
func inside(t *testing.T) bool {
	t.Helper()
	if role == "sensor" {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("this needs root, for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("this needs the program ip (apt-get install iproute2)")
	}
	cmd := again("sensor", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=0")
	cmd.Env = append(cmd.Env, "GZEEK_SOAK_BINARY="+program(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Skipf("no network namespace can be made here: %v", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("in the namespace: %v", err)
	}
	return false
}

var build struct {
	sync.Once
	path string
	err  error
}

// program is the program under test.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("GZEEK_SOAK_BINARY"); path != "" {
		return path
	}
	build.Do(func() {
		dir, err := os.MkdirTemp("", "gzeek-soak")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "gzeek")
		tags := ""
		if capture.HaveLibpcap { // as this test was built
			tags = "libpcap"
		}
		// By the profile everything would be compiled once more, for no other behaviour.
		if out, err := exec.Command("go", "build", "-pgo=off", "-tags", tags, "-o", build.path, "github.com/gzeek/gzeek/cmd/gzeek").CombinedOutput(); err != nil {
			build.err = fmt.Errorf("go build: %v\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

func ip(args string) error {
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %v: %s", args, err, out)
	}
	return nil
}

// addresses of the servers; the sensor has the first address of each network.
var servers = []string{"10.77.1.2:25", "10.77.2.2:2525"}

// network is the mail host that the sensor is joined with.
type network struct {
	host *exec.Cmd
	in   io.Writer
	out  *bufio.Reader
}

// link joins the sensor with a new mail host by tap1 and tap2.
func link(t *testing.T) *network {
	t.Helper()
	host := again("mailhost")
	host.Stderr = os.Stderr
	in, err1 := host.StdinPipe()
	out, err2 := host.StdoutPipe()
	if err := errorsOf(err1, err2, host.Start(), ip("link set lo up")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := host.Wait(); err != nil {
			t.Error("mail host:", err)
		}
	})
	n := &network{host, in, bufio.NewReader(out)}
	for i := 1; i <= len(servers); i++ {
		if err := n.pair(i); err != nil {
			t.Skipf("no veth pair can be made here: %v", err)
		}
	}
	n.configure(t)
	return n
}

// pair makes the i-th pair of veth.
func (n *network) pair(i int) error {
	return errorsOf(
		ip(fmt.Sprintf("link add tap%d type veth peer name mx%d netns %d", i, i, n.host.Process.Pid)),
		ip(fmt.Sprintf("addr add 10.77.%d.1/24 dev tap%d", i, i)),
		ip(fmt.Sprintf("link set tap%d up", i)),
	)
}

// configure has the mail host give its ends their addresses.
func (n *network) configure(t *testing.T) {
	t.Helper()
	if _, err := fmt.Fprintln(n.in, "configure"); err != nil {
		t.Fatal(err)
	}
	if line, err := n.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("mail host: %q, %v", line, err)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// mailhost serves until its standard input ends. Each line there has it configure
// the links that it has.
func mailhost() error {
	if err := ip("link set lo up"); err != nil {
		return err
	}
	serving := false
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		for i := range servers {
			if err := errorsOf(
				ip(fmt.Sprintf("addr replace 10.77.%d.2/24 dev mx%d", i+1, i+1)),
				ip(fmt.Sprintf("link set mx%d up", i+1)),
			); err != nil {
				return err
			}
		}
		if !serving {
			serving = true
			if err := serve(); err != nil {
				return err
			}
		}
		fmt.Println("ready")
	}
	return nil
}

func serve() error {
	for _, addr := range servers {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return acceptAll{}, nil }))
		s.Domain, s.ReadTimeout, s.WriteTimeout = "mx.soak.example", time.Minute, time.Minute
		go s.Serve(l)
	}
	return nil
}

// acceptAll takes every mail and forgets it.
type acceptAll struct{}

func (acceptAll) Reset()                               {}
func (acceptAll) Logout() error                        { return nil }
func (acceptAll) Mail(string, *smtp.MailOptions) error { return nil }
func (acceptAll) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (acceptAll) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }
