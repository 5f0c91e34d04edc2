package capture

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"
)

// Interface is how an interface that is listened on is doing.
type Interface struct {
	Name string
	// Problem says why nothing is read from it now, "" if it is read. Since is when
	// that began: the problem, or the reading.
	Problem string
	Since   time.Time
	// Failures counts how often it could not be read any more, and Unread adds up
	// for how long.
	Failures uint64
	Unread   time.Duration
	// Link and Dropped are as in Stats.
	Link, Dropped uint64
}

// When a tap looks, tries and tells.
const (
	// firstRetry doubles with each failure, up to LiveOptions.Reopen.
	firstRetry = 100 * time.Millisecond
	// lookEvery is how often the link is looked at at most: while nothing comes, and in
	// a trouble.
	lookEvery = time.Second
	// Of a link that goes up and down all the time so many troubles are told in such
	// a time; all of them are counted.
	maxTold   = 5
	toldWhile = time.Minute
)

// tap is an interface that is opened again when it fails: because it was
// deleted, like a container's that is made anew. One that is only down stays
// open, and needs no privileges to be read again: the kernel then goes on with
// the same socket (net/packet/af_packet.c, packet_notifier).
//
// It belongs to the goroutine that reads, but for state and Pos.
type tap struct {
	name string
	opts LiveOptions
	open func(string, LiveOptions) (Source, error)
	tell func(string)

	src    Source // nil while it is closed
	last   uint64 // number of the last packet
	base   uint64 // what the numbers of src begin behind
	closed Stats  // of sources that were closed
	pos    int64  // the same
	err    error  // final
	link   linkState

	opened, retry, looked time.Time
	delay                 time.Duration
	troubled, troubleTold bool
	untold                string    // why it failed, until it is known whether it can be opened again
	toldFrom              time.Time // when a toldWhile began, and what was told in it
	told                  int

	mu    sync.Mutex // guards state and pos, and src where it changes
	state Interface
}

// openTap opens an interface as open does. tell hears of what becomes of it, on
// the goroutine that reads.
func openTap(name string, opts LiveOptions, open func(string, LiveOptions) (Source, error), tell func(string)) (*tap, error) {
	t := &tap{name: name, opts: opts.withDefaults(), open: open, tell: tell, delay: firstRetry}
	if t.tell == nil {
		t.tell = func(string) {}
	}
	src, err := open(name, t.opts)
	if err != nil {
		return nil, err
	}
	// Whoever opens it again wants to miss nothing once it is up.
	t.opts.downToo = true
	t.state.Name, t.state.Since = name, time.Now()
	t.link.watch(name)
	t.use(src)
	return t, nil
}

func (t *tap) use(src Source) {
	t.opened, t.base = time.Now(), t.last
	t.mu.Lock()
	t.src = src
	t.mu.Unlock()
}

func (t *tap) Next(f *Frame) (err error) {
	defer t.contain(&err)
	if t.src == nil || t.err != nil {
		if err := t.reopen(); err != nil {
			return err
		}
	}
	if err := t.src.Next(f); err != nil {
		return t.failed(err)
	}
	f.Number += t.base
	t.last = f.Number
	t.came(f.Time)
	return nil
}

func (t *tap) ReadBatch(b *Batch) (err error) {
	defer t.contain(&err)
	if t.src == nil || t.err != nil {
		if err := t.reopen(); err != nil {
			return err
		}
	}
	if err := t.src.ReadBatch(b); err != nil {
		return t.failed(err)
	}
	for i := range b.Frames {
		b.Frames[i].Number += t.base
		t.last = b.Frames[i].Number
	}
	if n := len(b.Frames); n > 0 {
		t.came(b.Frames[n-1].Time)
	}
	return nil
}

// came looks whether a packet ends a trouble. One alone proves nothing: it may have
// waited in the kernel's buffer when the link went down, or be what the kernel says as
// its last words on an interface that is being deleted (IGMP and MLD leaves).
func (t *tap) came(stamp float64) {
	switch {
	case !t.troubled:
	case stamp > float64(t.state.Since.Add(lookEvery).UnixMicro())/1e6:
		t.recovered()
	default:
		t.look()
	}
}

// asksOnce says that its source can't tell whether more packets wait.
func (t *tap) asksOnce() bool {
	_, ok := t.src.(*pcapLive)
	return ok
}

// failed decides what becomes of an error of the source.
func (t *tap) failed(err error) error {
	if errors.Is(err, ErrTimeout) {
		t.look()
		return ErrTimeout
	}
	if errors.Is(err, io.EOF) {
		return err
	}
	t.closeSource()
	t.trouble(err.Error())
	if t.opts.Reopen <= 0 {
		t.err = err
		return err
	}
	t.untold, t.retry = err.Error(), time.Now()
	if t.retry.Sub(t.opened) >= t.opts.Reopen {
		t.delay = firstRetry
	} else {
		t.retry = t.retry.Add(t.delay)
	}
	return ErrTimeout
}

// reopen tries to, when it is time, and returns ErrTimeout until it is open.
func (t *tap) reopen() error {
	if t.err != nil {
		return t.err
	}
	if wait := time.Until(t.retry); wait > 0 {
		time.Sleep(min(wait, t.opts.Timeout))
		return ErrTimeout
	}
	t.retry = time.Now().Add(t.delay)
	t.delay = min(2*t.delay, t.opts.Reopen)
	src, err := t.open(t.name, t.opts)
	if errors.Is(err, fs.ErrPermission) {
		t.err = errors.New(t.because() + "can't be opened again: not permitted: privileges were given up once it was open (--user); start gzeek anew")
		t.trouble(t.err.Error())
		return t.err
	}
	if err != nil {
		t.trouble(err.Error())
		if t.untold != "" {
			t.announce(t.untold + "; it is opened again as soon as that can be done")
		}
		return ErrTimeout
	}
	t.use(src)
	if problem := t.link.problem(); problem != "" {
		t.trouble(t.name + ": " + problem)
		return nil
	}
	t.recovered()
	return nil
}

// because begins a sentence about what followed from a failure.
func (t *tap) because() string {
	if t.untold != "" {
		return t.untold + "; it "
	}
	return t.name + ": "
}

// look notices that the link is down, and up again. It stays open.
func (t *tap) look() {
	now := time.Now()
	if now.Sub(t.looked) < lookEvery {
		return
	}
	t.looked = now
	problem := t.link.problem()
	switch {
	case problem != "":
		problem = t.name + ": " + problem
		if t.trouble(problem) {
			t.announce(problem + "; it is read again as soon as it is up")
		}
	case t.troubled:
		t.recovered()
	}
}

// trouble notes why nothing is read, and says whether that is new.
func (t *tap) trouble(problem string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.Problem = problem
	if t.troubled {
		return false
	}
	t.troubled = true
	t.state.Failures++
	t.state.Since = time.Now()
	return true
}

// announce tells of a trouble, unless there were too many.
func (t *tap) announce(text string) {
	t.untold = ""
	now := time.Now()
	if now.Sub(t.toldFrom) >= toldWhile {
		t.toldFrom, t.told = now, 0
	}
	if t.told < maxTold {
		t.told++
		t.troubleTold = true
		t.tell(text)
	}
}

// recovered notes that it is read again.
func (t *tap) recovered() {
	now := time.Now()
	t.mu.Lock()
	unread := now.Sub(t.state.Since)
	t.state.Unread += unread
	t.state.Problem, t.state.Since = "", now
	t.mu.Unlock()
	again := "is read again, after " + unread.Round(10*time.Millisecond).String()
	if t.untold != "" {
		t.announce(t.because() + again)
	} else if t.troubleTold {
		t.tell(t.because() + again)
	}
	t.troubled, t.troubleTold = false, false
}

// contain turns a panic of gzeek's own code into an error, after which nothing
// more is read.
func (t *tap) contain(err *error) {
	if r := recover(); r != nil {
		t.err = broken(t.name, r)
		*err = t.err
	}
}

func (t *tap) closeSource() error {
	if t.src == nil {
		return nil
	}
	src := t.src
	err := src.Close()
	t.closed.add(src.Stats())
	t.mu.Lock()
	t.pos += src.Pos()
	t.src = nil
	t.mu.Unlock()
	return err
}

// Stats counts over all that was opened.
func (t *tap) Stats() Stats {
	st := t.closed
	if t.src != nil {
		st.add(t.src.Stats())
	}
	t.mu.Lock()
	t.state.Link, t.state.Dropped = st.Link, st.Dropped
	t.mu.Unlock()
	return st
}

// Interfaces tells how it is doing. It may be called from any goroutine.
func (t *tap) Interfaces() []Interface {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	if s.Problem != "" {
		s.Unread += time.Since(s.Since)
	}
	return []Interface{s}
}

// Pos may be called from any goroutine.
func (t *tap) Pos() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.src == nil {
		return t.pos
	}
	return t.pos + t.src.Pos()
}

func (t *tap) Size() int64 { return 0 }

func (t *tap) Close() error {
	err := t.closeSource()
	t.link.close()
	if t.err == nil {
		t.err = io.EOF
	}
	return err
}
