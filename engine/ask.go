package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// What other goroutines may get as an answer from Do.
var (
	// ErrEnded says that the run takes no packets any more.
	ErrEnded = errors.New("the run is ending")
	// ErrBusy says that as many wait already as may.
	ErrBusy = errors.New("too many requests wait for the run")
)

// maxAsks bounds how many functions wait for the run's goroutine.
const maxAsks = 64

// asks are functions that other goroutines want to have called by the run's,
// which looks at one flag a turn.
type asks struct {
	waiting atomic.Bool
	mu      sync.Mutex
	list    []*ask
	ended   bool
}

// ask is a function that is called once, unless it was given up before.
type ask struct {
	taken atomic.Bool // called, or given up
	call  func()
	done  chan struct{}
}

// take says whether the caller is the first to take it.
func (a *ask) take() bool { return a.taken.CompareAndSwap(false, true) }

// add queues f; even if many wait already when it must not be lost.
func (q *asks) add(f func(), must bool) (*ask, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.ended:
		return nil, ErrEnded
	case !must && len(q.list) >= maxAsks:
		return nil, ErrBusy
	}
	a := &ask{call: f, done: make(chan struct{})}
	q.list = append(q.list, a)
	q.waiting.Store(true)
	return a, nil
}

// run calls what waits. It belongs to the run's goroutine.
func (q *asks) run() {
	q.mu.Lock()
	list := q.list
	q.list = nil
	q.waiting.Store(false)
	q.mu.Unlock()
	for _, a := range list {
		if a.take() {
			a.call()
		}
		close(a.done)
	}
}

// end has everything that waits, and that comes later, fail.
func (q *asks) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	for _, a := range q.list {
		a.take()
		close(a.done)
	}
	q.list = nil
	q.waiting.Store(false)
}

// Do has the run's goroutine call f between two packets, when nothing else
// touches what the run owns, and waits until it has. It may be called from any
// other goroutine, before Run too. Without an error f has been called; with the
// one of ctx, ErrEnded or ErrBusy it never will be.
func (e *Engine) Do(ctx context.Context, f func()) error {
	called := false
	a, err := e.asks.add(func() { f(); called = true }, false)
	if err != nil {
		return err
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		if a.take() {
			return ctx.Err()
		}
		<-a.done // it is being called
	}
	if !called {
		return ErrEnded
	}
	return nil
}
