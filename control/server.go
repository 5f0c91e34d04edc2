package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of what clients may ask for.
const (
	maxConns     = 8
	maxHeader    = 4 << 10
	headerTime   = 5 * time.Second
	statusTime   = 5 * time.Second
	reloadTime   = 2 * time.Minute // lists of indicators may be long
	shutdownTime = 2 * time.Second
)

// Handlers answer the requests. They are called from several goroutines.
type Handlers struct {
	Status func(context.Context) Status
	// Reload fails if the run can't be asked; mistakes in the configuration are
	// in the answer.
	Reload func(context.Context) (Reload, error)
}

// Handler serves the requests.
func (h Handlers) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), statusTime)
		defer stop()
		answer(w, h.Status(ctx))
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), reloadTime)
		defer stop()
		re, err := h.Reload(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer(w, re)
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a client that has gone hears nothing
}

// Server answers on a socket until it is closed.
type Server struct {
	srv  http.Server
	lock *os.File
	done chan struct{}
}

// Options say where a Server listens and who may ask.
type Options struct {
	Path string
	// Group lets the group of the process ask too, not only its user.
	Group bool
}

// Prepare makes the folder of the socket, if it isn't there, for a process that
// runs as this user when it listens.
func Prepare(path string, uid, gid int) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return nil // if it can't be used, Listen says why
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if err := os.Lchown(dir, uid, gid); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Listen opens the socket. One that an ended process has left is replaced; one
// that another process answers on is an error, which tells so.
//
// The right to the path is a lock on the file PATH.lock, which ends with the
// process and so can't be stale; the file itself stays.
func Listen(o Options, h Handlers) (*Server, error) {
	lock, err := take(o.Path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", o.Path, err)
	}
	l, err := listen(o)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("control socket %s: %w", o.Path, err)
	}
	s := &Server{lock: lock, done: make(chan struct{})}
	s.srv = http.Server{
		Handler: h.Handler(), MaxHeaderBytes: maxHeader,
		ReadTimeout: headerTime, WriteTimeout: reloadTime + headerTime, IdleTimeout: headerTime,
	}
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(netutil.LimitListener(l, maxConns)) // ends with Close
	}()
	return s, nil
}

// take gets the lock.
func take(name string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, errors.New("another gzeek has it: give this one another --control PATH")
	}
	return f, nil
}

// listen makes the socket; the lock is held.
func listen(o Options) (net.Listener, error) {
	if st, err := os.Lstat(o.Path); err == nil {
		if st.Mode().Type() != os.ModeSocket {
			return nil, errors.New("there is something else than a socket")
		}
		if err := os.Remove(o.Path); err != nil {
			return nil, err
		}
	}
	mode := os.FileMode(0o600)
	if o.Group {
		mode = 0o660
	}
	return listenAs(o.Path, mode)
}

// Close ends the server: requests that are being answered get a moment, and the
// socket is removed.
func (s *Server) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), shutdownTime)
	defer stop()
	err := s.srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.srv.Close()
	}
	<-s.done
	return errors.Join(err, s.lock.Close())
}
