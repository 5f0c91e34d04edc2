package zeeklog

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// syncer brings open logs to the disk beside the run, all of them one after
// another, and begins with none before the last time is over: a slow disk makes it
// rarer, and nobody waits for it.
type syncer struct {
	wg   sync.WaitGroup
	last time.Time // when it began; the manager's goroutine has it

	mu   sync.Mutex
	busy bool
	err  error // what went wrong since anybody asked
}

// syncing is a Writer whose file may have to come to the disk.
type syncing interface{ onDisk() *os.File }

// syncOnTime begins to sync if it is time, and gives the error of the last time.
func (m *Manager) syncOnTime() error {
	if m.cfg.SyncInterval <= 0 {
		return nil
	}
	s := &m.syncer
	s.mu.Lock()
	err, busy := s.err, s.busy
	s.err = nil
	s.mu.Unlock()
	if busy || time.Since(s.last).Seconds() < m.cfg.SyncInterval {
		return err
	}
	files := m.openFiles()
	s.last = time.Now()
	s.mu.Lock()
	s.busy = true
	s.mu.Unlock()
	s.wg.Go(func() {
		var errs []error
		for _, f := range files {
			// One that was rotated meanwhile is on the disk.
			if err := m.cfg.syncFile(f); err != nil && !errors.Is(err, os.ErrClosed) {
				errs = append(errs, notOnDisk(f.Name(), err))
			}
		}
		s.mu.Lock()
		s.busy, s.err = false, errors.Join(errs...)
		s.mu.Unlock()
	})
	return err
}

func (m *Manager) openFiles() (files []*os.File) {
	for _, s := range m.streams {
		for _, w := range s.order {
			if x, ok := w.w.(syncing); ok && !w.disabled {
				if f := x.onDisk(); f != nil {
					files = append(files, f)
				}
			}
		}
	}
	return files
}

func notOnDisk(name string, err error) error {
	return fmt.Errorf("%s may not be on the disk: %w", name, cause(err))
}

// onDisk is the open file, nil for what isn't one.
func (w *asciiWriter) onDisk() *os.File {
	if w.file == nil || w.special {
		return nil
	}
	return w.file.f
}

// settle brings a file to the disk that is about to get its final name. Without
// that the new name may be on the disk before the rows are, and no shadow file
// tells the next start to look at it. It is no reason not to go on.
func (w *asciiWriter) settle() {
	o := w.info.Options
	f := w.onDisk()
	if f == nil || !o.SyncRotated {
		return
	}
	if err := o.syncFile(f); err != nil {
		o.Error(notOnDisk(w.name, err).Error())
	}
}
