package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Live is a source of interfaces.
type Live interface {
	Source
	// Interfaces tells how they are doing, each name once. It may be called from
	// any goroutine.
	Interfaces() []Interface
}

// OpenInterfaces listens on interfaces, as OpenLive does on each, and gives
// their packets as one source in the order of their stamps. One that fails later
// is opened again (LiveOptions.Reopen) while the others are read. group shares an
// interface between several AF_PACKET sockets: as many as it was named times, or
// as there are workers for. With group 0 each interface has one, and to name it
// several times is an error, since every packet would come several times.
//
// Several interfaces, and those of several workers, are read by a goroutine for
// each socket, which hands over batches of a fixed number: when these are full,
// packets wait in the kernel's buffer, and what doesn't fit there the kernel drops
// and counts. Nothing is dropped here.
func OpenInterfaces(ifaces []string, group uint16, opts LiveOptions) (Live, error) {
	if group != 0 {
		ifaces = shareOut(ifaces, opts.Workers-1)
	}
	if len(ifaces) == 1 && opts.Workers < 2 {
		t, err := openTap(ifaces[0], opts, OpenLive, opts.Warn)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	m := &merged{warn: opts.Warn}
	var names []string
	for _, name := range ifaces {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		o := opts
		if times(ifaces, name) > 1 {
			if o.Fanout = group; group == 0 || !strings.HasPrefix(name, afPacketPrefix) {
				m.closeSources()
				return nil, &Error{File: name, Offset: -1, Problem: "is given several times",
					Err: errors.New("only " + afPacketPrefix + "IFACE may be, which then shares its packets (AF_Packet::enable_fanout=T)")}
			}
		}
		if o.Fanout != 0 {
			o.Fanout = nthGroup(o.Fanout, slices.Index(names, name))
		}
		f := &feeder{name: name, ahead: opts.Ahead}
		t, err := openTap(name, o, OpenLive, func(text string) { f.news = append(f.news, text) })
		if err != nil {
			m.closeSources()
			return nil, err
		}
		f.src = t
		m.feeders = append(m.feeders, f)
	}
	m.start()
	return m, nil
}

// shareOut names AF_PACKET interfaces as often as there are readers for them. Who
// names one several times has decided that.
func shareOut(ifaces []string, readers int) []string {
	each := readers / max(len(ifaces), 1)
	if each < 2 {
		return ifaces
	}
	var all []string
	for _, name := range ifaces {
		n := 1
		if strings.HasPrefix(name, afPacketPrefix) && times(ifaces, name) == 1 {
			n = each
		}
		all = append(all, slices.Repeat([]string{name}, n)...)
	}
	return all
}

// nthGroup is the group of the nth interface: a group belongs to one
// (net/packet/af_packet.c, fanout_add). Interfaces beyond the first count on from
// its number.
func nthGroup(first uint16, n int) uint16 {
	return uint16((int(first)-1+n)%0xffff) + 1 // 0 is no group
}

func times(list []string, s string) (n int) {
	for _, t := range list {
		if t == s {
			n++
		}
	}
	return n
}

// batchesEach is how many batches of a source may be on their way. A batch is
// blockSize octets at most, or one packet.
const batchesEach = 16

// merged merges live sources.
type merged struct {
	feeders []*feeder
	ch      chan delivery
	quit    chan struct{}
	wg      sync.WaitGroup
	warn    func(string)

	arrived uint64  // batches
	used    *feeder // whose packet was given last
	number  uint64
	stats   Stats // received and their octets
	err     error
	closed  bool
}

// delivery is what a feeder sends: a batch, or the error of having none.
// ErrTimeout says that nothing came in a whole timeout. news is what became of the
// interface meanwhile.
type delivery struct {
	from  *feeder
	batch *Batch
	err   error
	news  []string
}

// feeder is one source. The upper fields belong to its goroutine or are
// guarded, the lower ones to who reads from the merged source.
type feeder struct {
	name  string
	src   Source
	ahead func(*Batch) // nil for nothing
	free  chan *Batch
	news  []string // for the next delivery
	mu    sync.Mutex
	seen  Stats // as its goroutine saw them last

	queue []numbered
	at    int // in the first batch of queue
	// heard is how many batches had arrived when this source was heard of last,
	// quiet how many before it was quiet for a whole timeout: nothing of it can
	// be older than what is in them.
	heard, quiet uint64
	// timedOut says that it was quiet since Next last said ErrTimeout.
	timedOut bool
	done     bool
}

type numbered struct {
	*Batch
	number uint64
}

func (m *merged) start() {
	m.ch = make(chan delivery, 2*len(m.feeders))
	m.quit = make(chan struct{})
	for _, f := range m.feeders {
		f.free = make(chan *Batch, batchesEach)
		for range batchesEach {
			f.free <- &Batch{}
		}
		m.wg.Add(1)
		go func() {
			defer m.wg.Done()
			f.feed(m.ch, m.quit)
		}()
	}
}

// feed reads until the source ends or quit is closed. A panic of this goroutine
// would end the process before logs are closed, so it is an error of the source.
func (f *feeder) feed(ch chan<- delivery, quit <-chan struct{}) {
	var b *Batch
	for n := 0; ; n++ {
		if b == nil {
			select {
			case b = <-f.free:
			case <-quit:
				return
			}
		}
		err := guarded(f.name, func() error {
			err := f.read(b, ch)
			if err != nil || n%batchesEach == 0 {
				f.look()
			}
			if err == nil && f.ahead != nil {
				f.ahead(b)
			}
			return err
		})
		d := delivery{from: f, err: err, news: f.news}
		f.news = nil
		if err == nil {
			d.batch, b = b, nil
		}
		select {
		case ch <- d:
		case <-quit:
			return
		}
		if err != nil && !errors.Is(err, ErrTimeout) {
			return
		}
	}
}

// read fills a batch. libpcap doesn't tell whether more packets are there: it is
// asked for them as long as nobody waits for the batch.
func (f *feeder) read(b *Batch, ch chan<- delivery) error {
	if t, ok := f.src.(*tap); !ok || !t.asksOnce() {
		return f.src.ReadBatch(b)
	}
	return copyBatch(b, f.src.Next, func(fr *Frame) error {
		if len(ch) == 0 {
			return ErrTimeout
		}
		return f.src.Next(fr)
	})
}

// look takes the source's counters, which only its goroutine may ask for.
func (f *feeder) look() {
	st := f.src.Stats()
	f.mu.Lock()
	f.seen = st
	f.mu.Unlock()
}

func (f *feeder) head() *Frame {
	if len(f.queue) == 0 {
		return nil
	}
	return &f.queue[0].Frames[f.at]
}

func (m *merged) Next(f *Frame) error { return m.next(f, true) }

func (m *merged) next(f *Frame, wait bool) error {
	m.recycle()
	for {
		if m.closed {
			return io.EOF
		}
		if first := m.first(); first != nil {
			m.give(f, first)
			return nil
		}
		if m.err != nil {
			return m.err
		}
		var d delivery
		select {
		case d = <-m.ch:
		default:
			if !wait {
				return ErrTimeout
			}
			d = <-m.ch
		}
		if m.take(d) {
			return ErrTimeout
		}
	}
}

// first returns the source of the oldest packet, nil while another source may
// still bring an older one. Behind an error nothing more is waited for.
func (m *merged) first() *feeder {
	var first *feeder
	for _, f := range m.feeders {
		if h := f.head(); h != nil && (first == nil || h.Time < first.head().Time) {
			first = f
		}
	}
	if first == nil || m.err != nil {
		return first
	}
	for _, f := range m.feeders {
		if len(f.queue) == 0 && !f.done && f.quiet < first.queue[0].number {
			return nil
		}
	}
	return first
}

func (m *merged) give(f *Frame, from *feeder) {
	*f = *from.head()
	m.number++
	f.Number = m.number
	m.used = from
	m.stats.count(f)
}

// recycle gives back the batch that the last packet was in, if it was its last.
func (m *merged) recycle() {
	f := m.used
	if f == nil {
		return
	}
	m.used = nil
	if f.at++; f.at < len(f.queue[0].Frames) {
		return
	}
	f.at = 0
	f.free <- f.queue[0].Batch
	f.queue = f.queue[:copy(f.queue, f.queue[1:])]
}

// take notes what a source has sent; true if all of them have been quiet for a
// whole timeout since it was true last.
func (m *merged) take(d delivery) (quiet bool) {
	f := d.from
	if m.warn != nil {
		for _, text := range d.news {
			m.warn(text)
		}
	}
	switch {
	case d.err == nil:
		m.arrived++
		f.timedOut = false
		f.queue = append(f.queue, numbered{d.batch, m.arrived})
	case errors.Is(d.err, ErrTimeout):
		f.quiet, f.timedOut = f.heard, true
		quiet = m.allTimedOut()
	default:
		f.done = true
		m.failed(d.err)
	}
	f.heard = m.arrived
	return quiet
}

func (m *merged) allTimedOut() bool {
	for _, f := range m.feeders {
		if !f.done && !f.timedOut || len(f.queue) > 0 {
			return false
		}
	}
	for _, f := range m.feeders {
		f.timedOut = false
	}
	return true
}

// failed goes on with the other interfaces, as long as there are any. An error in
// gzeek ends the run, as it does with any other source.
func (m *merged) failed(err error) {
	var bug *panicked
	left := 0
	for _, f := range m.feeders {
		if !f.done {
			left++
		}
	}
	if left == 0 || errors.As(err, &bug) {
		m.err = err
	} else if m.warn != nil && !errors.Is(err, io.EOF) {
		m.warn(fmt.Sprintf("%v; %d other interfaces are still read", err, left))
	}
}

func (m *merged) ReadBatch(b *Batch) error {
	return copyBatch(b, m.Next, func(f *Frame) error { return m.next(f, false) })
}

func (m *merged) Stats() Stats {
	st := m.stats
	for _, f := range m.feeders {
		f.mu.Lock()
		seen := f.seen
		f.mu.Unlock()
		st.Filtered += seen.Filtered
		st.Link += seen.Link
		st.Dropped += seen.Dropped
	}
	return st
}

// Interfaces adds up the sockets that share an interface; one that isn't read
// makes it one that isn't.
func (m *merged) Interfaces() []Interface {
	var list []Interface
	at := map[string]int{}
	for _, f := range m.feeders {
		t, ok := f.src.(*tap)
		if !ok {
			continue
		}
		one := t.Interfaces()[0]
		i, ok := at[one.Name]
		if !ok {
			at[one.Name] = len(list)
			list = append(list, one)
			continue
		}
		all := &list[i]
		if all.Problem == "" && one.Problem != "" {
			all.Problem, all.Since = one.Problem, one.Since
		}
		all.Failures += one.Failures
		all.Unread = max(all.Unread, one.Unread)
		all.Link += one.Link
		all.Dropped += one.Dropped
	}
	return list
}

func (m *merged) Pos() int64 {
	var n int64
	for _, f := range m.feeders {
		n += f.src.Pos()
	}
	return n
}

func (m *merged) Size() int64 { return 0 }

func (m *merged) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	close(m.quit)
	m.wg.Wait()
	for _, f := range m.feeders {
		f.look()
	}
	return m.closeSources()
}

func (m *merged) closeSources() error {
	var errs []error
	for _, f := range m.feeders {
		errs = append(errs, f.src.Close())
	}
	return errors.Join(errs...)
}

// UntilStopped gives what src gives until stop is closed, then what had been
// seen on the wire before that moment, and io.EOF. So a clean end loses nothing
// of what waits in the kernel's buffer, and comes even though packets go on
// coming.
func UntilStopped(src Source, stop <-chan struct{}) Source {
	return &untilStopped{Source: src, stop: stop}
}

// drainingLimit bounds the time for what waits, should the clock be set back.
// drainingQuiet is how often in a row nothing must have come: the kernel hands a
// packet over after a while, and what several sources have said of being quiet
// may be from before (as many as m.ch holds, and one in each one's hand).
const (
	drainingLimit = 30 * time.Second
	drainingQuiet = 5
)

type untilStopped struct {
	Source
	stop    <-chan struct{}
	stopped time.Time
	quiet   int   // timeouts in a row since
	newer   Stats // of the packet that was read, but is newer
	ended   bool
}

func (u *untilStopped) Next(f *Frame) error {
	if u.ended {
		return io.EOF
	}
	select {
	case <-u.stop:
		if u.stopped.IsZero() {
			u.stopped = time.Now()
		}
	default:
	}
	err := u.Source.Next(f)
	if u.stopped.IsZero() {
		return err
	}
	if errors.Is(err, ErrTimeout) {
		if u.quiet++; u.quiet < drainingQuiet {
			return err
		}
	}
	if err == nil {
		u.quiet = 0
	}
	if err == nil && f.Time <= float64(u.stopped.UnixMicro())/1e6 && time.Since(u.stopped) < drainingLimit {
		return nil
	}
	if err == nil {
		u.newer.count(f)
	}
	u.ended = true
	if err == nil || errors.Is(err, ErrTimeout) {
		err = io.EOF
	}
	return err
}

// ReadBatch copies: packets are looked at one by one.
func (u *untilStopped) ReadBatch(b *Batch) error {
	if u.stopped.IsZero() {
		select {
		case <-u.stop:
		default:
			return u.Source.ReadBatch(b)
		}
	}
	b.Frames = b.Frames[:0]
	var f Frame
	if err := u.Next(&f); err != nil {
		return err
	}
	f.Data = bytes.Clone(f.Data)
	b.Frames = append(b.Frames, f)
	return nil
}

func (u *untilStopped) Stats() Stats {
	st := u.Source.Stats()
	st.Received -= u.newer.Received
	st.Bytes -= u.newer.Bytes
	return st
}
