package engine_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
)

// quiet is an interface on which nothing comes in: it gives ErrTimeout for each
// token, and the end when there are no more.
type quiet chan struct{}

func (q quiet) Next(*capture.Frame) error {
	if _, ok := <-q; !ok {
		return io.EOF
	}
	return capture.ErrTimeout
}

func (q quiet) ReadBatch(*capture.Batch) error { return q.Next(nil) }
func (quiet) Stats() capture.Stats             { return capture.Stats{Link: 9, Dropped: 2} }
func (quiet) Pos() int64                       { return 0 }
func (quiet) Size() int64                      { return 0 }
func (quiet) Close() error                     { return nil }

// turn has the run take another turn.
func (q quiet) turn() { q <- struct{}{} }

// begun runs an engine over a quiet interface until the test's end.
func begun(t *testing.T, cfg engine.Config) (*engine.Engine, quiet, <-chan error) {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Live = true
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	q := make(quiet)
	done := make(chan error, 1)
	go func() {
		_, err := e.Run(context.Background(), q)
		done <- err
	}()
	return e, q, done
}

func TestDoRunsBetweenTwoPacketsInTheOrderOfCalls(t *testing.T) {
	e, q, done := begun(t, engine.Config{})
	results := make(chan error)
	called := make(chan struct{}, 1)
	go func() { results <- e.Do(t.Context(), func() { called <- struct{}{} }) }()
	// The run stands before a packet until the test lets it turn; it may take a
	// few turns until the call is queued.
	for turning := true; turning; {
		select {
		case err := <-results:
			if err != nil {
				t.Fatal(err)
			}
			turning = false
		case q <- struct{}{}:
		}
	}
	if len(called) != 1 {
		t.Error("Do came back, but the function wasn't called")
	}
	close(q)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := e.Do(t.Context(), func() { t.Error("called behind the end") }); !errors.Is(err, engine.ErrEnded) {
		t.Errorf("Do behind the end: %v", err)
	}
}

func TestDoGivesUpWithItsContextAndIsBounded(t *testing.T) {
	e, q, done := begun(t, engine.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Do(ctx, func() { t.Error("called although its caller had gone") }); !errors.Is(err, context.Canceled) {
		t.Errorf("Do with a context that is over: %v", err)
	}
	// The run doesn't turn: all of these wait, or are refused.
	waiting, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	busy := make(chan struct{})
	for range 200 {
		wg.Go(func() {
			if err := e.Do(waiting, func() {}); errors.Is(err, engine.ErrBusy) {
				busy <- struct{}{}
			}
		})
	}
	for range 200 - 64 {
		<-busy
	}
	leave()
	go func() { wg.Wait(); close(busy) }()
	for range busy {
	}
	q.turn()
	close(q)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAnEndedRunFailsWhatWaits(t *testing.T) {
	e, q, done := begun(t, engine.Config{})
	close(q) // the last turn may still take the first of them
	for range 2 {
		if err := e.Do(t.Context(), func() {}); err != nil && !errors.Is(err, engine.ErrEnded) {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestStatusTellsWhatARunDoesAndTheLastOneStays(t *testing.T) {
	dir := t.TempDir()
	e, err := engine.New(engine.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := e.Status(expired(t)); err == nil || !s.Taken.IsZero() {
		t.Errorf("the status before the run: %+v, %v", s, err)
	}
	src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "block-several-in-session"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	sum, err := e.Run(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Status(t.Context())
	if !errors.Is(err, engine.ErrEnded) {
		t.Errorf("the status behind the end: %v", err)
	}
	if !s.Ended || s.Capture.Received != sum.Packets || s.Capture.Bytes != sum.Bytes || s.Conns.Created != sum.Connections || s.Connections != 0 {
		t.Errorf("status %+v of %+v", s, sum)
	}
	lines := map[string]uint64{}
	for _, l := range s.Logs {
		lines[l.Path] = l.Lines
	}
	for path, n := range lines {
		b, err := os.ReadFile(filepath.Join(dir, path+".log"))
		if err != nil {
			t.Fatal(err)
		}
		if rows := strings.Count("\n"+string(b), "\n") - strings.Count("\n"+string(b), "\n#") - 1; uint64(rows) != n {
			t.Errorf("%s.log has %d rows, its status says %d", path, rows, n)
		}
	}
	if lines["smtp"] == 0 || lines["conn"] == 0 {
		t.Errorf("logs: %v", lines)
	}
}

// expired is a context that is over.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestReloadNowTellsWhatBecameOfIt(t *testing.T) {
	var mu sync.Mutex
	var warned []string
	dir := t.TempDir()
	e, q, done := begun(t, engine.Config{Dir: dir, Warn: func(s string) {
		mu.Lock()
		defer mu.Unlock()
		warned = append(warned, s)
	}})
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case q <- struct{}{}:
			case <-ended:
				close(q)
				return
			}
		}
	}()
	path := filepath.Join(t.TempDir(), "gzeek.toml")
	load := func(text string) func() (*redef.Config, error) {
		return func() (*redef.Config, error) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return nil, err
			}
			return redef.LoadFiles([]string{path}, engine.LogSection)
		}
	}
	r, err := e.ReloadNow(t.Context(), load("redef.SMTP.mail_path_capture = \"LOCAL_HOSTS\"\nredef.GLOBAL.bits_per_uid = 64\n"))
	if err != nil || r.Err != nil || len(r.Changes) != 2 || r.Made() != 1 || time.Since(r.At) < 0 {
		t.Errorf("reload: %+v, %v", r, err)
	}
	if s, err := e.Status(t.Context()); err != nil || s.Reload != r || s.Capture.Link != 9 || s.Capture.Dropped != 2 {
		t.Errorf("status: %+v, %v", s, err)
	}
	r, err = e.ReloadNow(t.Context(), load("redef.SMTP.nothing = 1\n"))
	if err != nil || r.Err == nil || !strings.Contains(r.Err.Error(), "gzeek.toml:1") || len(r.Changes) != 0 {
		t.Errorf("reload with a mistake: %+v, %v", r, err)
	}
	close(ended)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// All of it is told once, and is in reporter.log.
	mu.Lock()
	defer mu.Unlock()
	b, err := os.ReadFile(filepath.Join(dir, "reporter.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bits_per_uid stays 96", "1 changed, 1 wait", "options stay as they are"} {
		told := 0
		for _, w := range warned {
			told += strings.Count(w, want)
		}
		if told != 1 || strings.Count(string(b), want) != 1 {
			t.Errorf("%q: told %q; reporter.log:\n%s", want, warned, b)
		}
	}
	if !strings.Contains(string(b), "\tReporter::INFO\toptions were read anew") || !strings.Contains(string(b), "\tReporter::WARNING\toptions stay") {
		t.Errorf("reporter.log:\n%s", b)
	}
}
