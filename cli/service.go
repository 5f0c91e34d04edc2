package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/cli/internal/privilege"
	"github.com/gzeek/gzeek/control"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/telemetry"
)

// serviceFlags are those of a run that goes on for long.
type serviceFlags struct {
	user      string
	control   string
	metrics   string
	logFormat string
}

func (s *serviceFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&s.user, "user", "", "become `NAME[:GROUP]` once interfaces are open, without any privilege")
	fs.StringVar(&s.control, "control", "", "answer gzeek status and gzeek reload on the unix socket `PATH`; none is without (default for -i: /run/gzeek/control.sock, or below $XDG_RUNTIME_DIR)")
	fs.StringVar(&s.metrics, "metrics", "", "serve /metrics for Prometheus, and /healthz, on `ADDRESS`, like 127.0.0.1:9911")
	fs.StringVar(&s.logFormat, "log-format", "", "write messages as `text|json`, with time and level")
}

// noControl as a path is no socket.
const noControl = "none"

// service is what surrounds a run: how others ask it and watch it.
type service struct {
	f    *runFlags
	args []string // policies and settings
	eng  *engine.Engine
	log  *slog.Logger
	user *privilege.User

	socket  string
	control *control.Server
	metrics *telemetry.Server
	loading sync.Mutex // one reload at a time

	stop  context.CancelFunc // ends the goroutines
	tasks sync.WaitGroup
}

// openService opens what it takes privileges for, and then gives them up: the
// source is open already.
func openService(eng *engine.Engine, f *runFlags, args []string, log *slog.Logger) (*service, error) {
	s := &service{f: f, args: args, eng: eng, log: log}
	for _, step := range []func() error{s.lookupUser, s.serveMetrics, s.prepareControl, s.dropPrivileges, s.serveControl} {
		if err := step(); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *service) live() bool { return len(s.f.ifaces) > 0 }

func (s *service) lookupUser() (err error) {
	if s.f.service.user != "" {
		s.user, err = privilege.Lookup(s.f.service.user)
	}
	return err
}

func (s *service) serveMetrics() (err error) {
	if s.f.service.metrics == "" {
		return nil
	}
	reg := telemetry.NewRegistry(s.eng, version)
	if s.metrics, err = telemetry.Listen(s.f.service.metrics, telemetry.Handler(s.eng, reg)); err != nil {
		return err
	}
	s.log.Info("metrics are served", "address", s.metrics.Addr().String())
	return nil
}

// prepareControl decides where the control socket is, "" for nowhere. A live run
// has one even if nobody asked for it.
func (s *service) prepareControl() error {
	s.socket = s.f.service.control
	if s.socket == "" && s.live() {
		s.socket = control.DefaultPath(os.Getenv, os.Geteuid() == 0)
	}
	if s.socket == noControl {
		s.socket = ""
	}
	if s.socket == "" || s.user == nil {
		return nil
	}
	return control.Prepare(s.socket, s.user.UID, s.user.GID)
}

// dropPrivileges is for a run that is told to be another user's. A live run of an
// ordinary user that was given capabilities gives them up too.
func (s *service) dropPrivileges() error {
	if s.user == nil && (!s.live() || os.Geteuid() == 0) {
		return nil
	}
	if err := privilege.Drop(s.user); err != nil {
		return fmt.Errorf("privileges: %w", err)
	}
	if s.user != nil {
		s.log.Info("privileges are dropped", "user", s.user.Name)
	}
	return s.checkLogs()
}

// serveControl opens the control socket. Where nobody asked for one the run goes
// on without.
func (s *service) serveControl() (err error) {
	if s.socket == "" {
		return nil
	}
	s.control, err = control.Listen(control.Options{Path: s.socket, Group: s.user != nil},
		control.Handlers{Status: s.status, Reload: s.reloadReport})
	switch {
	case err == nil:
		s.log.Info("control socket is open", "path", s.socket)
	case s.f.service.control == "":
		s.log.Info("gzeek status and gzeek reload can't reach this run", "reason", err.Error())
		err = nil
	}
	return err
}

// checkLogs says at the start what would otherwise be found out with the first
// row of a log.
func (s *service) checkLogs() error {
	who := fmt.Sprintf("user %d", os.Geteuid())
	if s.user != nil {
		who = s.user.Name
	}
	for _, dir := range s.eng.LogFolders() {
		if err := mayWrite(dir); err != nil {
			return fmt.Errorf("logs can't be written to %s as %s: %w: make it theirs (chown %s %s) or choose another with Log::default_logdir",
				dir, who, err, who, dir)
		}
		for _, log := range s.eng.Streams() {
			name := filepath.Join(dir, log.Path()+".log")
			if err := mayWrite(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%s is there and can't be written as %s: %w: move it away, or chown %s %s", name, who, err, who, name)
			}
		}
	}
	return nil
}

// run begins what goes on beside the run, until close.
func (s *service) run(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	s.tasks.Go(func() { s.supervise(ctx) })
	if s.live() {
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		s.tasks.Go(func() {
			defer signal.Stop(hangups)
			for {
				select {
				case <-ctx.Done():
					return
				case <-hangups:
					// What came of it is said by the run itself.
					_, _ = s.reload(ctx)
				}
			}
		})
	}
}

func (s *service) reload(ctx context.Context) (*engine.Reloaded, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	notifyReloading()
	r, err := s.eng.ReloadNow(ctx, func() (*redef.Config, error) { return readConfigs(s.f) })
	if !errors.Is(err, engine.ErrEnded) {
		notify(ready)
	}
	return r, err
}

// close ends all of it; the run is over.
func (s *service) close() error {
	if s.stop != nil {
		s.stop()
	}
	s.tasks.Wait()
	var errs []error
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	if s.metrics != nil {
		errs = append(errs, s.metrics.Close())
	}
	return errors.Join(errs...)
}

// status answers GET /status.
func (s *service) status(ctx context.Context) control.Status {
	st, err := s.eng.Status(ctx)
	out := control.Status{
		Version: version, PID: os.Getpid(), Sources: append(append([]string{}, s.f.ifaces...), s.f.files...),
		Policies: st.Policies, HandlerErrors: st.HandlerErrors,
		Config: control.Config{Files: configPaths(s.f), Args: s.args},
		Memory: memory(),
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("the run does not answer: it is starting, or hangs")
	}
	if err != nil {
		out.Problem = err.Error()
	}
	if st.Taken.IsZero() {
		return out
	}
	now := time.Now()
	out.Started, out.Uptime = st.Started, now.Sub(st.Started).Seconds()
	if err != nil {
		out.Age = now.Sub(st.Taken).Seconds()
	}
	if st.NetworkTime > 0 {
		t := time.UnixMicro(int64(st.NetworkTime * 1e6))
		out.NetworkTime = &t
	}
	c := st.Capture
	out.Packets = control.Packets{Received: c.Received, Bytes: c.Bytes, Link: c.Link, Dropped: c.Dropped,
		Filtered: c.Filtered, Unwritten: c.Unwritten, Undecodable: st.Decoded.Panics}
	for _, i := range st.Interfaces {
		out.Interfaces = append(out.Interfaces, control.Interface{Name: i.Name, Problem: i.Problem, Since: i.Since,
			Failures: i.Failures, Unread: i.Unread.Seconds(), Link: i.Link, Dropped: i.Dropped})
	}
	out.Connections = control.Counts{Open: st.Connections, Max: st.Conns.MaxAtATime, Total: st.Conns.Created}
	out.Files = control.Counts{Open: st.Files.Current, Max: st.Files.Max, Total: st.Files.Total}
	for _, l := range st.Logs {
		out.Logs = append(out.Logs, control.Log{Path: l.Path, Stream: l.Stream, Filter: l.Filter, Writer: l.Writer,
			Lines: l.Lines, Discarded: l.Discarded, Failed: l.Failed})
	}
	if st.Reload != nil {
		r := report(st.Reload)
		out.Reload = &r
	}
	return out
}

// reloadReport answers POST /reload.
func (s *service) reloadReport(ctx context.Context) (control.Reload, error) {
	r, err := s.reload(ctx)
	if err != nil {
		return control.Reload{}, err
	}
	return report(r), nil
}

func report(r *engine.Reloaded) control.Reload {
	out := control.Reload{At: r.At, Changed: []control.Change{}, Refused: []control.Change{}}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	for _, c := range r.Changes {
		ch := control.Change{Option: c.Name, Old: c.OldLogged, New: c.NewLogged, Place: c.Place.String(), Why: c.Refused}
		if c.Refused != "" {
			out.Refused = append(out.Refused, ch)
		} else {
			out.Changed = append(out.Changed, ch)
		}
	}
	return out
}

func memory() control.Memory {
	var m control.Memory
	if p, err := procfs.Self(); err == nil {
		if st, err := p.Stat(); err == nil {
			m.Resident = uint64(st.ResidentMemory())
		}
	}
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	if heap[0].Value.Kind() == metrics.KindUint64 {
		m.Heap = heap[0].Value.Uint64()
	}
	return m
}
