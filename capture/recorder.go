package capture

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of what a Recorder does while its file can't be written to.
const (
	maxHeld       = 4 << 20 // octets of packets that wait
	retryRecorder = time.Second
	// flushRecorder is how long an interface's packets are held back where there
	// are few of them.
	flushRecorder = time.Second
)

// Recorder is a source that writes what it gives to a capture file. It goes on
// when the file can't be written to: packets beyond a bound are left out and
// counted, and the file is gone on with as soon as there is room.
type Recorder struct {
	Source
	w    *Writer
	warn func(string)

	tried     time.Time // to write
	failing   bool
	unwritten uint64 // packets
	before    uint64 // of them when it began to fail
	strange   bool   // a packet of another link type was told of
}

// Record writes what src gives to w. warn hears of a file that can't be written
// to, on the goroutine that reads.
func Record(src Source, w *Writer, warn func(string)) *Recorder {
	return &Recorder{Source: src, w: w, warn: warn}
}

func (r *Recorder) Next(f *Frame) error {
	if err := r.Source.Next(f); err != nil {
		return r.idle(err)
	}
	r.record(f)
	return nil
}

func (r *Recorder) ReadBatch(b *Batch) error {
	if err := r.Source.ReadBatch(b); err != nil {
		return r.idle(err)
	}
	for i := range b.Frames {
		r.record(&b.Frames[i])
	}
	return nil
}

func (r *Recorder) record(f *Frame) {
	if r.failing && len(r.w.wait)+len(f.Data) > maxHeld && !r.retry() {
		r.unwritten++
		return
	}
	var strange *LinkTypeError
	err := r.w.Write(f)
	switch {
	case errors.As(err, &strange):
		r.unwritten++
		if !r.strange {
			r.strange = true
			r.warn(err.Error() + "; such packets are left out")
		}
	case err != nil:
		r.failed(err)
	}
}

// retry writes what waits, if it is time to try again.
func (r *Recorder) retry() bool {
	if time.Since(r.tried) < retryRecorder {
		return false
	}
	return r.flush()
}

func (r *Recorder) flush() bool {
	r.tried = time.Now()
	if err := r.w.Flush(); err != nil {
		r.failed(err)
		return false
	}
	if r.failing {
		r.failing = false
		r.warn(fmt.Sprintf("%s is written again, %d packets were left out", r.w.name, r.unwritten-r.before))
	}
	return true
}

func (r *Recorder) failed(err error) {
	r.tried = time.Now()
	if r.failing {
		return
	}
	r.failing, r.before = true, r.unwritten
	r.warn(fmt.Sprintf("%v; it is tried again every second, and packets are left out beyond %d MiB of them", err, maxHeld>>20))
}

// idle writes what an interface has brought before it became silent.
func (r *Recorder) idle(err error) error {
	if errors.Is(err, ErrTimeout) && len(r.w.wait) > 0 && time.Since(r.tried) >= flushRecorder {
		r.flush()
	}
	return err
}

// Stats counts the packets that were left out, too.
func (r *Recorder) Stats() Stats {
	st := r.Source.Stats()
	st.Unwritten = r.unwritten
	return st
}

// Finish ends the file; the source stays open. An error says what is missing
// there.
func (r *Recorder) Finish() error {
	if err := r.w.Close(); err != nil {
		return fmt.Errorf("%w; the last packets are missing there", err)
	}
	return nil
}
