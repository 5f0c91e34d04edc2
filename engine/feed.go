package engine

import (
	"io"
	"sync"

	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/packet"
)

// Everything that has state, and so an order, runs on one goroutine: tables,
// timers, events, policies, logs. What can be told of a frame alone is told ahead
// of it, by as many goroutines as are left: reading, headers, checksums, flows,
// lines of bodies. The engine does the same things in the same order for any
// number of workers, and so writes the same bytes.

// ahead is what is known of a frame before its turn.
type ahead struct {
	glance packet.Glance
	lines  mime.Lines
}

// looker looks at frames. It may be used by several goroutines.
type looker struct {
	opts packet.Options
	off  bool // plain frames are not analyzed as a glance would have it
}

func newLooker(s *settings) looker {
	return looker{opts: s.packet, off: !s.packet.MayGlance() || s.conn.VLANKeys}
}

func (l *looker) look(f *capture.Frame, a *ahead) {
	if l.off {
		a.glance.Plain = false
		return
	}
	a.glance.Look(&l.opts, int(f.LinkType), f.Data, int(f.WireLen))
	a.lines.Look(a.glance.Payload(f.Data))
}

// lookAll looks at all frames of a batch; known is memory for what it finds. An
// error in gzeek's own code leaves the frame, and the rest of the batch, to the
// decoder, which contains it.
func (l *looker) lookAll(frames []capture.Frame, known []ahead) []ahead {
	n := len(frames)
	if cap(known) < n {
		known = make([]ahead, n)
	}
	known = known[:n]
	done := 0
	defer func() {
		if recover() != nil {
			clear(known[done:])
		}
	}()
	for ; done < n; done++ {
		l.look(&frames[done], &known[done])
	}
	return known
}

// lookLive looks at what was read from an interface, on the goroutine that reads
// it (capture.LiveOptions.Ahead).
func (l *looker) lookLive(b *capture.Batch) {
	known, ok := b.Notes.(*[]ahead)
	if !ok {
		known = new([]ahead)
		b.Notes = known
	}
	*known = l.lookAll(b.Frames, *known)
	for i := range b.Frames {
		b.Frames[i].Ahead = &(*known)[i]
	}
}

// feed gives frames in their order, each with what is known of it. What it gives
// is valid until the next call.
type feed interface {
	// next returns io.EOF at the end, and soon after the run was stopped.
	next() (*capture.Frame, *ahead, error)
	// stats are the source's, about as far as frames were given.
	stats() capture.Stats
	// close ends what reads ahead. The source is the caller's again.
	close()
}

// newFeed reads src with the given number of workers, of which the engine is
// one, until done is closed.
func newFeed(src capture.Source, l looker, workers int, done <-chan struct{}) feed {
	if workers < 2 {
		return &serialFeed{src: src, looker: l, done: done}
	}
	return newParallelFeed(src, l, workers-1, done)
}

// newLiveFeed reads an interface until done is closed. What runs ahead are the
// goroutines that read the sockets, see lookLive; a packet never waits for others.
func newLiveFeed(src capture.Source, l looker, done <-chan struct{}) feed {
	return &serialFeed{src: src, looker: l, done: done, live: true}
}

// serialFeed looks at a frame when it is asked for it, unless somebody has.
type serialFeed struct {
	src    capture.Source
	looker looker
	done   <-chan struct{}
	live   bool
	turn   uint
	frame  capture.Frame
	ahead  ahead
}

// stopEvery is how many frames of a file are given before one looks whether the
// run was stopped.
const stopEvery = 16

func (s *serialFeed) next() (*capture.Frame, *ahead, error) {
	if s.turn++; s.live || s.turn%stopEvery == 0 {
		select {
		case <-s.done:
			return nil, nil, io.EOF
		default:
		}
	}
	s.frame.Ahead = nil
	if err := s.src.Next(&s.frame); err != nil {
		return nil, nil, err
	}
	if known, ok := s.frame.Ahead.(*ahead); ok {
		return &s.frame, known, nil
	}
	s.looker.look(&s.frame, &s.ahead)
	return &s.frame, &s.ahead, nil
}

func (s *serialFeed) stats() capture.Stats { return s.src.Stats() }

func (s *serialFeed) close() {}

// parallelFeed has goroutines read and look at batches. They take turns with
// reading, so that the batches come in order, and the looking overlaps.
type parallelFeed struct {
	src    capture.Source
	looker looker

	reading sync.Mutex  // held by who reads
	ended   bool        // the source has, guarded by reading
	order   chan *batch // in the order of the source
	free    chan *batch
	done    <-chan struct{}
	stop    chan struct{}
	workers sync.WaitGroup

	cur   *batch // in work by the engine
	pos   int
	err   error         // final
	begun capture.Stats // of the source, behind the last batch
}

// batch is some frames and what is known of them.
type batch struct {
	capture.Batch
	ahead []ahead
	err   error         // of the source, instead of frames
	stats capture.Stats // of the source behind them
	ready chan struct{} // one token once the frames were looked at
}

func newParallelFeed(src capture.Source, l looker, workers int, done <-chan struct{}) *parallelFeed {
	// One batch in work by each worker and the engine, and as many waiting.
	n := 2 * (workers + 1)
	p := &parallelFeed{
		src: src, looker: l,
		order: make(chan *batch, n), free: make(chan *batch, n), done: done, stop: make(chan struct{}),
	}
	for range n {
		p.free <- &batch{ready: make(chan struct{}, 1)}
	}
	for range workers {
		p.workers.Go(p.work)
	}
	return p
}

func (p *parallelFeed) work() {
	for {
		b := p.read()
		if b == nil {
			return
		}
		b.ahead = p.looker.lookAll(b.Frames, b.ahead)
		b.ready <- struct{}{}
	}
}

// read reads the next batch and puts it into its place; nil ends the worker.
func (p *parallelFeed) read() *batch {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.ended {
		return nil
	}
	select {
	case b := <-p.free:
		err, broken := guard(func() error { return p.src.ReadBatch(&b.Batch) })
		if broken {
			b.Frames = b.Frames[:0]
		}
		b.err, b.stats = err, p.src.Stats()
		p.ended = b.err != nil
		p.order <- b
		return b
	case <-p.stop:
		p.ended = true
		return nil
	}
}

func (p *parallelFeed) next() (*capture.Frame, *ahead, error) {
	for p.err == nil {
		if p.cur != nil {
			if i := p.pos; i < len(p.cur.Frames) {
				p.pos++
				return &p.cur.Frames[i], &p.cur.ahead[i], nil
			}
			p.free <- p.cur
		}
		p.cur, p.pos = nil, 0
		select {
		case b := <-p.order:
			<-b.ready
			p.cur, p.err, p.begun = b, b.err, b.stats
		case <-p.done:
			p.err = io.EOF
		}
	}
	return nil, nil, p.err
}

// stats are those of the last batch that was begun: the source belongs to who
// reads.
func (p *parallelFeed) stats() capture.Stats { return p.begun }

func (p *parallelFeed) close() {
	close(p.stop)
	p.workers.Wait()
}
