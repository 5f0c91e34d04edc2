package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"github.com/gzeek/gzeek/capture"
)

// Bounds of what clients may ask for.
const (
	maxConns     = 32
	maxHeader    = 16 << 10
	headerTime   = 5 * time.Second
	writeTime    = 30 * time.Second
	idleTime     = 2 * time.Minute
	healthTime   = 5 * time.Second
	shutdownTime = 2 * time.Second
)

// Handler serves /metrics and /healthz.
func Handler(run Run, reg *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: maxConns}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), healthTime)
		defer stop()
		st, err := run.Status(ctx)
		if err != nil {
			http.Error(w, reason(err), http.StatusServiceUnavailable)
			return
		}
		problems := unread(st.Interfaces)
		if len(problems) > 0 && len(problems) == len(st.Interfaces) {
			http.Error(w, "no interface is read\n"+strings.Join(problems, "\n"), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, strings.Join(append([]string{"ok"}, problems...), "\n"))
	})
	return mux
}

// unread says of each interface that isn't read why.
func unread(all []capture.Interface) (problems []string) {
	for _, i := range all {
		if i.Problem != "" {
			problems = append(problems, i.Problem)
		}
	}
	return problems
}

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "the run does not answer"
	}
	return err.Error()
}

// Server serves until it is closed.
type Server struct {
	srv  http.Server
	addr net.Addr
	done chan struct{}
}

// Listen serves on a TCP address, like ":9911" or "127.0.0.1:0".
func Listen(addr string, h http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	s := &Server{addr: l.Addr(), done: make(chan struct{})}
	s.srv = http.Server{
		Handler: h, MaxHeaderBytes: maxHeader,
		ReadTimeout: headerTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
	}
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(netutil.LimitListener(l, maxConns)) // ends with Close
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.addr }

// Close ends the server; answers under way get a moment.
func (s *Server) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), shutdownTime)
	defer stop()
	err := s.srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.srv.Close()
	}
	<-s.done
	return err
}
