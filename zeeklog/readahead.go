package zeeklog

import (
	"io"
	"sync"
)

// readAhead reads r in a goroutine of its own, two blocks ahead at most, so
// that decompressing and parsing use two cores.
type readAhead struct {
	full  chan block
	empty chan []byte
	done  chan struct{}
	once  sync.Once
	now   block
	at    int
}

type block struct {
	b   []byte
	err error
}

const aheadSize = 256 << 10

func newReadAhead(r io.Reader) *readAhead {
	a := &readAhead{full: make(chan block, 2), empty: make(chan []byte, 3), done: make(chan struct{})}
	for range cap(a.empty) {
		a.empty <- make([]byte, aheadSize)
	}
	go func() {
		defer close(a.full)
		for {
			var buf []byte
			select {
			case buf = <-a.empty:
			case <-a.done:
				return
			}
			n, err := fillBlock(r, buf)
			select {
			case a.full <- block{buf[:n], err}:
			case <-a.done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

// fillBlock reads until the block is full or there is an error, which is kept
// as it is.
func fillBlock(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = r.Read(buf[n:])
		n += k
	}
	return n, err
}

// Read gives what has been read ahead.
func (a *readAhead) Read(p []byte) (int, error) {
	for a.at == len(a.now.b) {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.b != nil {
			a.empty <- a.now.b[:cap(a.now.b)]
		}
		next, ok := <-a.full
		if !ok {
			next.err = io.ErrClosedPipe
		}
		a.now, a.at = next, 0
	}
	n := copy(p, a.now.b[a.at:])
	a.at += n
	return n, nil
}

// Close ends the reading ahead, without waiting for a read that blocks. It
// does not close what is read.
func (a *readAhead) Close() error {
	a.once.Do(func() { close(a.done) })
	return nil
}
