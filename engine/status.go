package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/config"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

// Status is what a run has done so far and holds now. It is a copy that nobody
// changes.
type Status struct {
	Taken       time.Time // when
	Started     time.Time // of the run
	NetworkTime float64   // seconds since 1970, 0 before the first packet
	Ended       bool      // the run takes no packets any more

	Capture       capture.Stats
	Interfaces    []capture.Interface // of OpenInterfaces
	Decoded       packet.Stats
	Connections   int        // open now
	Conns         conn.Stats // since the start
	Files         files.Stats
	Timers        int    // armed now
	HandlerErrors uint64 // of policies
	Streams       []zeeklog.StreamStats
	Logs          []zeeklog.LogStats
	Policies      []string
	Reload        *Reloaded // the last one; nil without any
}

// Reloaded is what came of reading the options anew.
type Reloaded struct {
	At time.Time
	// Err says what is wrong with the configuration; nothing has changed then.
	Err error
	// Changes were made, or wait for a restart (Refused), by name.
	Changes []redef.Change
}

// Made counts the changes that were made; the others wait for a restart.
func (r *Reloaded) Made() int {
	n := 0
	for i := range r.Changes {
		if r.Changes[i].Refused == "" {
			n++
		}
	}
	return n
}

// Status asks the run for its status. With an error it is the one of the last
// time anybody asked, or the last one of an ended run; its Taken says so, and is
// zero if there is none. It may be called from any goroutine but the run's.
func (e *Engine) Status(ctx context.Context) (Status, error) {
	err := e.Do(ctx, func() { e.publish(e.feed.stats()) })
	if s := e.status.Load(); s != nil {
		return *s, err
	}
	return Status{}, err
}

// publish makes the status of now the last one; c are the counters of the
// source. It belongs to the run's goroutine.
func (e *Engine) publish(c capture.Stats) {
	c.Received, c.Bytes = e.packets, e.octets
	open := e.table.Len()
	if e.ended {
		open = 0 // all were logged; the table is thrown away with them in it
	}
	e.status.Store(&Status{
		Taken: time.Now(), Started: e.started, NetworkTime: e.events.Now, Ended: e.ended,
		Capture: c, Interfaces: e.interfaces(), Decoded: e.decoder.Stats(),
		Connections: open, Conns: e.table.Stats(), Files: e.files.Stats(),
		Timers: e.timers.Len(), HandlerErrors: e.scriptErrors,
		Streams: e.logs.StreamStats(), Logs: e.logs.Stats(), Policies: slices.Clone(e.loaded), Reload: e.lastReload,
	})
}

// Reload has the options read anew between two packets of a run: load gives the
// configuration files. Options that may change while running do, and config.log
// says so; what is wrong, or waits for a restart, is reported as a warning. It
// may be called from any goroutine; load and Warn are called from the run's. A
// call that comes before the last one was taken replaces it.
func (e *Engine) Reload(load func() (*redef.Config, error)) {
	if e.reload.Swap(&load) != nil {
		return // the one that waits takes it
	}
	// An ended run reads nothing anew, so that there is nobody to tell.
	_, _ = e.asks.add(func() { e.reloadNow(*e.reload.Swap(nil)) }, true)
}

// ReloadNow is Reload for who wants to hear what came of it. Like Do it must not
// be called from the run's goroutine.
func (e *Engine) ReloadNow(ctx context.Context, load func() (*redef.Config, error)) (*Reloaded, error) {
	var r *Reloaded
	if err := e.Do(ctx, func() { r = e.reloadNow(load) }); err != nil {
		return nil, err
	}
	return r, nil
}

func (e *Engine) reloadNow(load func() (*redef.Config, error)) *Reloaded {
	r := &Reloaded{At: time.Now()}
	e.lastReload = r
	files, err := load()
	if err == nil {
		r.Changes, err = e.registry.Reload(files, e.cfg.Settings...)
	}
	if err != nil {
		r.Err = err
		e.warn("options stay as they are: " + err.Error())
		e.events.Drain()
		return r
	}
	e.liveSettings()
	log, _ := policy.Lookup[*config.Changes](e.ctx)
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Refused != "" {
			e.warn(fmt.Sprintf("%v: %s stays %s: %s", c.Place, c.Name, c.OldLogged, c.Refused))
		} else if log != nil {
			log.Changed(c)
		}
	}
	made := r.Made()
	e.note(fmt.Sprintf("options were read anew: %d changed, %d wait for a restart", made, len(r.Changes)-made))
	e.events.Drain()
	return r
}

// LogFolders are the folders that logs are written to and rotated to; for one
// that is still to be made, the nearest above it.
func (e *Engine) LogFolders() []string {
	l := &e.settings.log
	base := l.Dir
	if base == "" {
		base = "."
	}
	in := func(dir string) string {
		if filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(base, dir)
	}
	list := []string{in(l.DefaultLogdir)}
	if l.RotationDir != "" {
		// It is made when it is needed.
		dir := in(l.RotationDir)
		for !isDir(dir) && filepath.Dir(dir) != dir {
			dir = filepath.Dir(dir)
		}
		list = append(list, dir)
	}
	return list
}

func isDir(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}
