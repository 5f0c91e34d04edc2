package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Places of the socket.
const (
	runDir = "/run/gzeek"
	name   = "control.sock"
)

// DefaultPath is the socket of a run that isn't told one: below what systemd
// made for the service (RUNTIME_DIRECTORY), /run/gzeek for root, and else below
// XDG_RUNTIME_DIR; "" without that.
func DefaultPath(getenv func(string) string, root bool) string {
	if dir, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, name)
	}
	if root {
		return filepath.Join(runDir, name)
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "gzeek", name)
	}
	return ""
}

// Find looks for the socket of a running gzeek where DefaultPath and the units of
// systemd put it: the user's own, or the only one of the system.
func Find(getenv func(string) string) (string, error) { return find(getenv, runDir) }

func find(getenv func(string) string, runDir string) (string, error) {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		if p := filepath.Join(dir, "gzeek", name); isSocket(p) {
			return p, nil
		}
	}
	var found []string
	for _, pattern := range []string{name, "*/" + name} {
		list, _ := filepath.Glob(filepath.Join(runDir, pattern)) // the pattern is a good one
		for _, p := range list {
			if isSocket(p) {
				found = append(found, p)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no control socket below %s: is a gzeek running? if it has another --control PATH, give it here too", runDir)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("there are several: give --control with one of %s", strings.Join(found, " "))
}

func isSocket(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().Type() == os.ModeSocket
}

// maxAnswer bounds what a client reads.
const maxAnswer = 64 << 20

// Client asks at a socket.
type Client struct{ Path string }

// Status asks for the status.
func (c Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, "/status", &s)
	return s, err
}

// Reload has the options read anew, and waits until they are.
func (c Client) Reload(ctx context.Context) (Reload, error) {
	var r Reload
	err := c.do(ctx, http.MethodPost, "/reload", &r)
	return r, err
}

func (c Client) do(ctx context.Context, method, path string, into any) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.Path)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://gzeek"+path, nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return c.explain(err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", c.Path, strings.TrimSpace(string(b)))
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: its answer isn't gzeek's: %w", c.Path, err)
	}
	return nil
}

// explain says what a failure to connect means.
func (c Client) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: no gzeek answers there", c.Path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: not permitted: ask as root, or as a user whose group may", c.Path)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer in time: the process hangs, or is very busy", c.Path)
	}
	return fmt.Errorf("%s: %w", c.Path, err)
}
