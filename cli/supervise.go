package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/gzeek/gzeek/engine"
)

// What systemd is told, sd_notify(3).
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping
)

// notify tells systemd, if it runs this process and wants to hear. When it can't
// be told there is nobody else to tell.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// notifyReloading tells systemd that options are being read anew; since when is
// what units of the type notify-reload want to know.
func notifyReloading() {
	notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonic().Microseconds()))
}

// idleStatus is how often systemd hears how it goes if it has no watchdog.
const idleStatus = 10 * time.Second

// summary is what systemctl status shows.
func summary(st *engine.Status) string {
	text := fmt.Sprintf("%d packets, %d lost, %d connections open", st.Capture.Received, st.Capture.Dropped, st.Connections)
	for _, i := range st.Interfaces {
		if i.Problem != "" {
			text += "; not read: " + i.Problem
		}
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// supervise tells systemd that the run has begun, how it goes on, and that it
// ends. The run's own goroutine does the telling: when it doesn't come to that
// between two packets, there is no ping, and systemd restarts what hangs.
func (s *service) supervise(ctx context.Context) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog of systemd stays off: " + err.Error())
	}
	every := idleStatus
	if watchdog > 0 {
		every = watchdog / 3
	}
	if s.eng.Do(ctx, func() { notify(ready) }) == nil {
		s.log.Info("the run takes packets")
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			notify(stopping)
			return
		case <-tick.C:
			_ = s.eng.Do(ctx, func() { notify(daemon.SdNotifyWatchdog) }) // no ping is the answer
			if st, err := s.eng.Status(ctx); err == nil {
				notify("STATUS=" + summary(&st))
			}
		}
	}
}
