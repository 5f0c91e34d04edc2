package files

import (
	"bufio"
	"errors"
	"os"
	"slices"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files/magic"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// Config is what a Manager needs from the rest of the run.
type Config struct {
	Events *event.Events
	Timers *timer.Manager
	// FileID appends the file id of a handle to dst; it doesn't keep the handle.
	FileID func(dst, handle []byte) []byte
	// Magic names types; nil: all files are of unknown type.
	Magic *magic.Matcher
	// Weirds takes file_weird; nil: there are none.
	Weirds  *weird.Sampler
	Options Options
	// Analyzers are added to those that the package has, by name.
	Analyzers map[string]NewAnalyzer
}

// Manager holds the files that are being followed.
type Manager struct {
	events   *event.Events
	timers   *timer.Manager
	fileID   func(dst, handle []byte) []byte
	magic    *magic.Matcher
	weirds   *weird.Sampler
	opts     Options
	files    map[string]*file
	recent   [recentFiles]*file // some of files, at recentAt of their ids
	disabled map[string]bool
	more     map[string]NewAnalyzer
	reply    event.FileHandle
	stats    Stats
	root     *os.Root // of the extraction folder, nil until the first extraction

	askedID     []byte // the answer of askFileID
	freeFiles   []*file
	ended       []*file // released, but their records may still be looked at
	freeTimers  []*inactivityTimer
	freeHashes  [len(hashKinds)][]*hashAnalyzer
	freeWriters []*bufio.Writer
	matches     []magic.Match

	// What handlers may keep isn't used again.
	records   slab.Of[record]
	ids       slab.Text
	sniffed   slab.Of[event.FileMatch]
	newTimers slab.Of[inactivityTimer]
}

// Stats counts files, for status reports.
type Stats struct {
	Current int    // files being followed
	Max     int    // most at any time
	Total   uint64 // files ever begun
}

// NewManager returns a Manager without files.
func NewManager(c Config) *Manager {
	return &Manager{
		events: c.Events,
		timers: c.Timers,
		fileID: c.FileID,
		magic:  c.Magic,
		weirds: c.Weirds,
		opts:   c.Options,
		more:   c.Analyzers,
		files:  make(map[string]*file),
	}
}

// Stats returns the counters.
func (m *Manager) Stats() Stats {
	s := m.stats
	s.Current = len(m.files)
	return s
}

// SetDefaults changes the options that may change while running, for files that
// begin from now on: the record has copies (RecordType::AddField).
func (m *Manager) SetDefaults(o Options) {
	m.opts.DefaultFileTimeoutInterval = o.DefaultFileTimeoutInterval
	m.opts.DefaultFileBofBufferSize = o.DefaultFileBofBufferSize
}

// LookupFile returns the record of the file that is being followed under id,
// nil without one. The counters in it are those of its last event.
func (m *Manager) LookupFile(id string) *event.File {
	if f := m.lookup(id); f != nil {
		return &f.rec.File
	}
	return nil
}

// DisableAnalyzer turns a file analyzer off for files to come and reports
// whether it is known: Files::disable_analyzer.
func (m *Manager) DisableAnalyzer(name string) bool {
	if !m.knownAnalyzer(name) {
		return false
	}
	if m.disabled == nil {
		m.disabled = make(map[string]bool)
	}
	m.disabled[name] = true
	return true
}

// EnableAnalyzer turns a file analyzer on again: Files::enable_analyzer.
func (m *Manager) EnableAnalyzer(name string) bool {
	delete(m.disabled, name)
	return m.knownAnalyzer(name)
}

// AnalyzerEnabled says whether a file analyzer is known and on:
// Files::analyzer_enabled.
func (m *Manager) AnalyzerEnabled(name string) bool {
	return m.knownAnalyzer(name) && !m.disabled[name]
}

// DataIn takes the next octets of a file, borrowed for the call, and returns its
// id, which the caller may give as cachedID with the next piece; "" if the piece
// belongs to no file or to one that is ignored. With "" as cachedID the policies
// are asked: events that wait run before DataIn returns. conn must be fresh then
// (its record updated). tag is the protocol analyzer's name, "SMTP". A mimeType
// other than "" settles the file's type; it counts with the first piece only.
func (m *Manager) DataIn(data []byte, tag string, conn *event.Conn, isOrig bool, cachedID, mimeType string) string {
	// One stream in order doesn't move to another connection, so the
	// connections aren't looked at again here; Gap does.
	f := m.getFile(cachedID, tag, conn, isOrig, false)
	if f == nil {
		return ""
	}
	id := f.rec.ID
	if mimeType != "" {
		f.setMIME(mimeType)
	}
	f.dataIn(data)
	return id
}

// Counted is mime.Counted.
type Counted = interface{ Count(n uint64) }

// Counting implements mime.Counter: the next octets of the file would only be
// counted, since its type was sniffed and nothing is attached.
func (m *Manager) Counting(fileID string) Counted {
	f := m.lookup(fileID)
	if f == nil || f.ignored || !f.bofFull || !f.inferred || f.offset >= 1<<63 || !f.set.empty() {
		return nil
	}
	return f
}

// Collecting implements mime.Counter: fewer octets than that would only be kept
// until the type is sniffed, since nothing is attached.
func (m *Manager) Collecting(fileID string) int {
	f := m.lookup(fileID)
	if f == nil || f.ignored || f.bofFull || f.inferred || f.offset >= 1<<63 || !f.set.empty() {
		return 0
	}
	return int(min(f.bofSize-uint64(len(f.bof)), 1<<30))
}

// Room implements mime.Counter: where n octets more are kept until the type is
// sniffed.
func (m *Manager) Room(fileID string, n int) []byte {
	f := m.lookup(fileID)
	if f.bof == nil {
		f.bof = make([]byte, 0, max(firstBof, n))
	}
	f.bof = slices.Grow(f.bof, n)
	return f.bof[len(f.bof) : len(f.bof)+n]
}

// Keep implements mime.Counter: DataIn for the first of the octets of
// [Manager.Room].
func (m *Manager) Keep(fileID string, pieces []int) {
	f := m.lookup(fileID)
	f.rec.LastActive = m.events.Now
	at := len(f.bof)
	for _, n := range pieces {
		at += n
		f.ends = append(f.ends, at)
	}
	n := uint64(at - len(f.bof))
	f.bof = f.bof[:at]
	f.offset += n
	f.seen += n
}

// Gap says that n octets from offset on were missed. As for DataIn otherwise; a
// gap can begin a file.
func (m *Manager) Gap(offset, n uint64, tag string, conn *event.Conn, isOrig bool, cachedID string) string {
	f := m.getFile(cachedID, tag, conn, isOrig, true)
	if f == nil {
		return ""
	}
	id := f.rec.ID
	f.gap(offset, n)
	return id
}

// EndOfFile ends the file of that id, if there is one.
func (m *Manager) EndOfFile(fileID string) {
	if f := m.lookup(fileID); f != nil {
		m.remove(f)
	}
}

// EndOfFileConn ends the file that the policies name for one direction.
func (m *Manager) EndOfFileConn(tag string, conn *event.Conn, isOrig bool) {
	if f := m.files[string(m.askFileID(tag, conn, isOrig))]; f != nil {
		m.remove(f)
	}
}

// EndOfFileBoth ends the files of both directions, the originator's first.
func (m *Manager) EndOfFileBoth(tag string, conn *event.Conn) {
	m.EndOfFileConn(tag, conn, true)
	m.EndOfFileConn(tag, conn, false)
}

// Terminate ends the run: all files that are left time out, in the order of
// their ids (Manager::Terminate), and the queue is drained. An error is one of
// the extraction folder.
func (m *Manager) Terminate() error {
	ids := make([]string, 0, len(m.files))
	for id := range m.files {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if f := m.lookup(id); f != nil {
			m.timeout(f, true)
		}
	}
	m.events.Drain()
	if m.root == nil {
		return nil
	}
	err := m.root.Close()
	m.root = nil
	return err
}

func (m *Manager) lookup(id string) *file {
	if id == "" {
		return nil
	}
	at := recentAt(id)
	if f := m.recent[at]; f != nil && f.rec.ID == id {
		return f
	}
	f := m.files[id]
	if f != nil {
		m.recent[at] = f
	}
	return f
}

// recentFiles is how many files are found without a look into the map: enough for
// the mails of some hundred connections at a time.
const recentFiles = 1 << 10

// recentAt is a place for an id, whose first digits are as good as a hash.
func recentAt(id string) int {
	if len(id) < 3 {
		return 0
	}
	return (int(id[1])<<5 ^ int(id[2])) % recentFiles
}

// askFileID raises get_file_handle. The answer is needed at once, so everything
// that waits in the queue runs here, in the middle of a packet
// (Manager::GetFileID). It is empty without a file, and good until the next call.
func (m *Manager) askFileID(tag string, conn *event.Conn, isOrig bool) []byte {
	if !m.events.GetFileHandle.Wanted() {
		return nil
	}
	m.reply = event.FileHandle{}
	m.events.GetFileHandle.Enqueue(event.GetFileHandle{Tag: tag, Conn: conn, IsOrig: isOrig, Reply: &m.reply})
	m.events.Drain()
	if !m.reply.Set || len(m.reply.Handle) == 0 {
		return nil
	}
	m.askedID = m.fileID(m.askedID[:0], m.reply.Handle)
	return m.askedID
}

// getFile finds the file or begins it (Manager::GetFile); nil if there is none
// or it is ignored. Without an id the policies are asked.
func (m *Manager) getFile(id, tag string, conn *event.Conn, isOrig, updateConn bool) *file {
	f := m.lookup(id)
	if id == "" {
		asked := m.askFileID(tag, conn, isOrig)
		if len(asked) == 0 {
			return nil
		}
		if f = m.files[string(asked)]; f == nil {
			id = m.ids.String(asked)
		}
	}
	if f != nil {
		if f.ignored {
			return nil
		}
		f.rec.LastActive = m.events.Now
		if updateConn && f.addConn(conn) {
			f.raiseOverNewConnection(conn, isOrig)
		}
		return f
	}

	f = m.newFile(id, tag, isOrig)
	f.addConn(conn)
	m.files[id] = f
	m.stats.Total++
	m.stats.Max = max(m.stats.Max, len(m.files))
	// The timer comes before the events: handlers may arm others.
	m.schedule(f)
	f.raiseAtOnce(m.events.FileNew)
	f.raiseOverNewConnection(conn, isOrig)
	if f.ignored {
		return nil
	}
	return f
}

func (m *Manager) newFile(id, tag string, isOrig bool) *file {
	var f *file
	m.reclaim()
	if n := len(m.freeFiles); n > 0 {
		f = m.freeFiles[n-1]
		m.freeFiles = m.freeFiles[:n-1]
	} else {
		f = &file{m: m}
	}
	// The record outlives the file: handlers of its last events see it later.
	r := m.records.New()
	r.File = event.File{
		ID:              id,
		Source:          tag,
		IsOrig:          isOrig,
		Conns:           r.conns[:0],
		LastActive:      m.events.Now,
		TimeoutInterval: m.opts.DefaultFileTimeoutInterval,
		Ctl:             &r.control,
	}
	r.control = control{m: m, id: id}
	f.rec = r
	f.bofSize = m.opts.DefaultFileBofBufferSize
	return f
}

// remove ends a file (Manager::RemoveFile). It stays findable while its last
// events of the immediate kind run.
func (m *Manager) remove(f *file) {
	f.endOfFile()
	delete(m.files, f.rec.ID)
	if r := &m.recent[recentAt(f.rec.ID)]; *r == f {
		*r = nil
	}
	f.release()
	m.ended = append(m.ended, f)
	if len(m.ended) >= manyEnded {
		m.reclaim()
	}
}

// manyEnded is when ended files are worth a look though no other has begun.
const manyEnded = 64

// reclaim takes back what records of ended files still point to, if the
// handlers of their last events have run.
func (m *Manager) reclaim() {
	if len(m.ended) == 0 || !m.events.Idle() {
		return
	}
	for _, f := range m.ended {
		f.reclaim()
		if len(m.freeFiles) < keepFiles {
			m.freeFiles = append(m.freeFiles, f)
		}
	}
	clear(m.ended)
	m.ended = m.ended[:0]
}

// keepFiles is how many are kept for others at most.
const keepFiles = 1024

// timeout ends a file that was idle for too long, unless a handler of
// file_timeout prolongs it (Manager::Timeout).
func (m *Manager) timeout(f *file, terminating bool) {
	f.postpone = false
	f.raiseAtOnce(m.events.FileTimeout)
	// More time that is none would keep the timers busy for ever (in Zeek it does).
	if f.postpone && !terminating && f.rec.TimeoutInterval > 0 {
		f.rec.LastActive = m.events.Now
		m.schedule(f)
		return
	}
	m.remove(f)
}

// inactivityTimer looks after the file of an id, not after one file: it isn't
// cancelled with the file, and works on for the next file of the same id, which
// then has two (FileTimer.cc).
type inactivityTimer struct {
	timer.Timer
	m  *Manager
	id string
}

func (m *Manager) schedule(f *file) {
	var t *inactivityTimer
	if n := len(m.freeTimers); n > 0 {
		t = m.freeTimers[n-1]
		m.freeTimers = m.freeTimers[:n-1]
	} else {
		t = m.newTimers.New()
		t.m, t.Do = m, t
	}
	t.id = f.rec.ID
	m.timers.Add(&t.Timer, m.events.Now+f.rec.TimeoutInterval)
}

// Fire is the timer's.
func (t *inactivityTimer) Fire(now float64, expiring bool) {
	m, id := t.m, t.id
	t.id = ""
	m.freeTimers = append(m.freeTimers, t)

	f := m.lookup(id)
	if f == nil {
		return
	}
	if f.rec.LastActive == 0 && !expiring {
		// Begun before there was a time.
		f.rec.LastActive = m.events.Now
		m.schedule(f)
		return
	}
	idle := max(now-f.rec.LastActive, 0)
	switch {
	case idle >= f.rec.TimeoutInterval:
		m.timeout(f, false)
	case !expiring:
		m.schedule(f)
	}
}

// openRoot opens the extraction folder, which it makes if need be.
func (m *Manager) openRoot() (*os.Root, error) {
	if m.root != nil {
		return m.root, nil
	}
	dir := m.opts.FileExtractPrefix
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	m.root = root
	return root, nil
}

// reportError raises reporter_error.
func (m *Manager) reportError(msg string) {
	m.events.ReporterError.Enqueue(event.Reporter{Time: m.events.Now, Msg: msg})
}

// cause is the last error of a chain of path errors: the caller names the path.
func cause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}
