package files

import (
	"fmt"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/weird"
)

// record is a file's script record and the way back to the file.
type record struct {
	event.File
	control
	conns [1]*event.Conn // room for File.Conns, enough for nearly all
}

// file is a file being followed. It is recycled after its end; the record isn't.
type file struct {
	m   *Manager
	rec *record

	// The first pieces, kept until the file ends, for analyzers that come
	// later; ends are where each piece ends in bof. No more are collected once
	// bofFull: their sum has reached default_file_bof_buffer_size, or the type
	// was given, or there was a gap.
	bof      []byte
	ends     []int
	bofSize  uint64 // fa_file$bof_buffer_size: the option's value when the file began
	bofFull  bool
	inferred bool // the type was sniffed, or given

	offset   uint64 // of the next octet
	seen     uint64
	missing  uint64
	overflow uint64

	set      analyzerSet
	postpone bool // a handler of file_timeout wants more time
	ignored  bool // Files::stop
	done     bool // the end has come, nothing can be attached
	weirds   weird.State
}

// bofKept is how much room for first octets a recycled file keeps.
const bofKept = 64 << 10

// release makes a file that has ended ready for another, but for what its record
// still points to.
func (f *file) release() {
	f.set.clear(f.m)
	*f = file{m: f.m, rec: f.rec, bof: f.bof, ends: f.ends, set: f.set}
}

// reclaim takes the first octets back from the record of a released file.
func (f *file) reclaim() {
	f.rec.BofBuffer, f.rec.Conns, f.rec.conns[0] = nil, nil, nil
	f.rec, f.bof, f.ends = nil, f.bof[:0], f.ends[:0]
	if cap(f.bof) > bofKept {
		f.bof, f.ends = nil, nil
	}
}

// addConn notes a connection over which the file is seen and reports whether it
// is new. Connections are told apart by their addresses and ports
// (File::UpdateConnectionFields).
func (f *file) addConn(conn *event.Conn) bool {
	if conn == nil {
		return false
	}
	for _, c := range f.rec.Conns {
		if c == conn || c.ID == conn.ID {
			return false
		}
	}
	f.rec.Conns = append(f.rec.Conns, conn)
	return true
}

// available says whether an event of the file is raised at all
// (File::FileEventAvailable).
func (f *file) available(wanted bool) bool { return wanted && !f.ignored }

// refresh brings the record's counters up to date. Zeek does so only when an
// event of the file is raised (File::FileEvent), so that between two of them
// policies see the older numbers.
func (f *file) refresh() {
	f.rec.SeenBytes = f.seen
	f.rec.MissingBytes = f.missing
	f.rec.OverflowBytes = f.overflow
}

// raise queues an event that can wait.
func (f *file) raise(t *event.Topic[event.FileEvent]) {
	if !f.available(t.Wanted()) {
		return
	}
	f.refresh()
	t.Enqueue(event.FileEvent{File: &f.rec.File})
}

// raiseAtOnce queues an event and runs it.
func (f *file) raiseAtOnce(t *event.Topic[event.FileEvent]) {
	if !f.available(t.Wanted()) {
		return
	}
	f.raise(t)
	f.settle()
}

func (f *file) raiseOverNewConnection(conn *event.Conn, isOrig bool) {
	t := f.m.events.FileOverNewConnection
	if conn == nil || !f.available(t.Wanted()) {
		return
	}
	f.refresh()
	t.Enqueue(event.FileOverNewConnection{File: &f.rec.File, Conn: conn, IsOrig: isOrig})
	f.settle()
}

// settle runs what is queued, this file's event last, and attaches and detaches
// what its handlers asked for: the next octet may depend on it.
func (f *file) settle() {
	f.m.events.Drain()
	f.set.apply(f)
}

// setMIME settles the type, unless there was content before (File::SetMime).
func (f *file) setMIME(mimeType string) {
	if len(f.bof) != 0 || f.inferred {
		return
	}
	f.inferred = true
	f.bofFull = true
	f.raiseSniff(event.FileMetadata{MIMEType: mimeType})
}

// infer sniffs the type from the first octets (File::InferMetadata). Without a
// single octet there is no event, and no second try.
func (f *file) infer() {
	f.inferred = true
	if f.rec.BofBuffer == nil {
		if len(f.bof) == 0 {
			return
		}
		f.publishBof()
	}
	if !f.available(f.m.events.FileSniff.Wanted()) {
		return
	}
	meta := event.FileMetadata{Inferred: true}
	if f.m.magic != nil {
		head := f.rec.BofBuffer
		if uint64(len(head)) > f.bofSize {
			head = head[:f.bofSize]
		}
		f.m.matches = f.m.magic.AppendMatches(f.m.matches[:0], head)
		meta.MIMETypes = f.m.sniffed.Slice(len(f.m.matches))[:0]
		for i, match := range f.m.matches {
			if i == 0 {
				meta.MIMEType = match.Type
			}
			fm := event.FileMatch{Strength: match.Strength, MIME: match.Type}
			if n := len(meta.MIMETypes); n > 0 && meta.MIMETypes[n-1].Strength == fm.Strength {
				meta.MIMETypes[n-1] = fm // one a strength: the last (GenMIMEMatchesVal)
				continue
			}
			meta.MIMETypes = append(meta.MIMETypes, fm)
		}
	}
	f.raiseSniff(meta)
}

func (f *file) raiseSniff(meta event.FileMetadata) {
	t := f.m.events.FileSniff
	if !f.available(t.Wanted()) {
		return
	}
	f.refresh()
	t.Enqueue(event.FileSniff{File: &f.rec.File, Meta: meta})
	f.settle()
}

// publishBof lends the first octets to the record, until reclaim.
func (f *file) publishBof() { f.rec.BofBuffer = f.bof[:len(f.bof):len(f.bof)] }

// firstBof is room for the first octets of most files.
const firstBof = 5 << 10

// bufferBof collects first octets (File::BufferBOF). A piece is kept whole even
// if it exceeds the size.
func (f *file) bufferBof(data []byte) {
	if f.bofFull {
		return
	}
	if len(data) > 0 { // empty pieces aren't kept: there may be any number of them
		if f.bof == nil {
			f.bof = make([]byte, 0, max(firstBof, len(data)))
		}
		f.bof = append(f.bof, data...)
		f.ends = append(f.ends, len(f.bof))
	}
	if uint64(len(f.bof)) < f.bofSize {
		return
	}
	f.bofFull = true
	if len(f.bof) > 0 {
		f.publishBof()
	}
}

// flushBof ends the collecting, so that what was collected is sniffed and
// delivered.
func (f *file) flushBof() {
	if f.bofFull {
		return
	}
	f.bofFull = true
	f.deliverStream(nil)
}

// dataIn takes the next octets (File::DataIn, File::DeliverChunk).
func (f *file) dataIn(data []byte) {
	f.set.apply(f)
	if room := ^uint64(0) - f.offset; uint64(len(data)) > room {
		if f.m.weirds != nil {
			f.m.weirds.File(&f.weirds, &f.rec.File, "file_offset_overflow",
				fmt.Sprintf("offset=%x len=%x", f.offset, len(data)), f.rec.Source)
		}
		data = data[:room]
	}
	offset := f.offset
	f.deliverStream(data)
	f.set.deliverChunk(f, data, offset)
	f.set.apply(f)
}

// Count implements mime.Counted: dataIn for n octets that would only be counted.
func (f *file) Count(n uint64) {
	f.rec.LastActive = f.m.events.Now
	f.offset += n
	f.seen += n
}

// deliverStream sniffs if it is time to, then feeds the analyzers
// (File::DeliverStream).
func (f *file) deliverStream(data []byte) {
	behind := len(f.ends)
	f.bufferBof(data)
	// The record's number, not the file's: it lags behind without a handler of
	// file_gap.
	if !f.inferred && f.bofFull && f.rec.MissingBytes == 0 {
		f.infer()
	}
	f.set.deliverStream(f, data, behind)
	f.offset += uint64(len(data))
	f.seen += uint64(len(data))
}

// gap tells of n octets that were missed (File::Gap). The type is sniffed from
// what there was before.
func (f *file) gap(offset, n uint64) {
	f.flushBof()
	f.set.undelivered(f, offset, n)
	if t := f.m.events.FileGap; f.available(t.Wanted()) {
		f.refresh()
		t.Enqueue(event.FileGap{File: &f.rec.File, Offset: offset, Len: n})
	}
	f.set.apply(f)
	f.offset += n
	f.missing += n
}

// endOfFile ends the analysis (File::EndOfFile).
func (f *file) endOfFile() {
	if f.done {
		return
	}
	f.flushBof()
	f.set.apply(f)
	f.done = true
	f.set.endOfFile(f)
	f.raise(f.m.events.FileStateRemove)
	f.set.apply(f)
}
