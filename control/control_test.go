package control

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answers are handlers without a run.
var answers = Handlers{
	Status: func(context.Context) Status {
		return Status{Version: "1.2.3", Logs: []Log{{Path: "smtp", Lines: 7}}}
	},
	Reload: func(context.Context) (Reload, error) {
		return Reload{Changed: []Change{{Option: "SMTP::ports", Old: "a<b", New: "c"}}}, nil
	},
}

// listening is a server until the test ends.
func listening(t *testing.T, o Options, h Handlers) *Server {
	t.Helper()
	s, err := Listen(o, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestClientAndServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "c.sock")
	s := listening(t, Options{Path: path}, answers)
	c := Client{path}
	st, err := c.Status(t.Context())
	if err != nil || st.Version != "1.2.3" || len(st.Logs) != 1 || st.Logs[0].Lines != 7 {
		t.Errorf("status %+v, %v", st, err)
	}
	r, err := c.Reload(t.Context())
	if err != nil || len(r.Changed) != 1 || r.Changed[0].Old != "a<b" {
		t.Errorf("reload %+v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays behind: %v", err)
	}
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "no gzeek answers") {
		t.Errorf("a closed server: %v", err)
	}
}

func TestOnlyTheOwnerMayAskUnlessAGroupIsNamed(t *testing.T) {
	for name, o := range map[string]Options{
		"srw-------": {Path: filepath.Join(t.TempDir(), "c.sock")},
		"srw-rw----": {Path: filepath.Join(t.TempDir(), "c.sock"), Group: true},
	} {
		listening(t, o, answers)
		st, err := os.Lstat(o.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := "s" + st.Mode().Perm().String()[1:]; got != name || st.Mode().Type() != os.ModeSocket {
			t.Errorf("mode %v, want %s", st.Mode(), name)
		}
	}
}

func TestASocketThatIsLeftOverIsReplacedAndAnotherGzeekIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close() // as a process that was killed leaves it
	listening(t, Options{Path: path}, answers)
	if _, err := (Client{path}).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := Listen(Options{Path: path}, answers); err == nil {
		s.Close()
		t.Error("two servers have one path")
	} else if !strings.Contains(err.Error(), "another gzeek has it") {
		t.Error(err)
	}
	if _, err := (Client{path}).Status(t.Context()); err != nil {
		t.Errorf("behind the second one's try: %v", err)
	}
}

func TestAFileInTheSocketsPlaceStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Listen(Options{Path: path}, answers); err == nil {
		s.Close()
		t.Error("it listens there")
	} else if !strings.Contains(err.Error(), "something else than a socket") {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	called := make(chan string, 10)
	listening(t, Options{Path: path}, Handlers{
		Status: func(context.Context) Status { called <- "status"; return Status{} },
		Reload: func(context.Context) (Reload, error) {
			called <- "reload"
			return Reload{}, errors.New("the run is ending")
		},
	})
	for request, want := range map[string]string{
		"GET /reload HTTP/1.1\r\nHost: x\r\n\r\n":                                           "405",
		"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n":                     "405",
		"GET /other HTTP/1.1\r\nHost: x\r\n\r\n":                                            "404",
		"status\n\n":                                                                        "400",
		"GET /status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n": "431",
	} {
		if got := ask(t, path, request); !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("%.40q: %.60q, want %s", request, got, want)
		}
	}
	if len(called) > 0 {
		t.Errorf("a handler was called: %s", <-called)
	}
	if _, err := (Client{path}).Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "the run is ending") {
		t.Errorf("reload of a run that ends: %v", err)
	}
}

// ask sends octets and gives the first line of the answer.
func ask(t *testing.T, path, request string) string {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// A server that refuses may close before it has all.
	_, _ = c.Write([]byte(request))
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

func TestPaths(t *testing.T) {
	env := func(kv ...string) func(string) string {
		return func(k string) string {
			for i := 0; i < len(kv); i += 2 {
				if kv[i] == k {
					return kv[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		getenv func(string) string
		root   bool
		want   string
	}{
		{env("RUNTIME_DIRECTORY", "/run/gzeek/eth0:/run/x", "XDG_RUNTIME_DIR", "/run/user/5"), true, "/run/gzeek/eth0/control.sock"},
		{env("XDG_RUNTIME_DIR", "/run/user/5"), false, "/run/user/5/gzeek/control.sock"},
		{env("XDG_RUNTIME_DIR", "/run/user/0"), true, "/run/gzeek/control.sock"},
		{env(), false, ""},
	} {
		if got := DefaultPath(c.getenv, c.root); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	run, user := t.TempDir(), t.TempDir()
	if _, err := find(env(), run); err == nil || !strings.Contains(err.Error(), "is a gzeek running?") {
		t.Errorf("without any: %v", err)
	}
	eth0 := filepath.Join(run, "eth0", "control.sock")
	listening(t, Options{Path: eth0}, answers)
	if got, err := find(env("XDG_RUNTIME_DIR", user), run); got != eth0 {
		t.Errorf("the only one: %q, %v", got, err)
	}
	listening(t, Options{Path: filepath.Join(run, "control.sock")}, answers)
	if _, err := find(env(), run); err == nil || !strings.Contains(err.Error(), eth0) {
		t.Errorf("two: %v", err)
	}
	own := filepath.Join(user, "gzeek", "control.sock")
	listening(t, Options{Path: own}, answers)
	if got, err := find(env("XDG_RUNTIME_DIR", user), run); got != own {
		t.Errorf("the user's own: %q, %v", got, err)
	}
}

// Whatever comes over the socket is answered.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET /status HTTP/1.1\r\nHost: gzeek\r\n\r\n", "POST /reload HTTP/1.1\r\nHost: gzeek\r\nContent-Length: 3\r\n\r\nabc",
		"POST /reload HTTP/1.1\r\nHost: gzeek\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET //status/../reload HTTP/1.0\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /status", "\x00",
	} {
		f.Add([]byte(s))
	}
	h := answers.Handler()
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusOK && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			t.Errorf("%s %s is answered", r.Method, r.URL)
		case w.Code == http.StatusOK && w.Body.Len() == 0 && r.Method != http.MethodHead:
			t.Errorf("%s %s: no answer", r.Method, r.URL)
		}
	})
}
