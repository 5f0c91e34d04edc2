package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/gzeek/gzeek/event"
)

// ExtractArgs are the arguments of EXTRACT.
type ExtractArgs struct {
	// Filename is relative to FileExtract::prefix and can't leave it. Whoever
	// takes it from a mail calls [SafeName].
	Filename string // extract_filename
	// Limit is how many octets are written, 0 is without bound.
	Limit                uint64 // extract_limit
	LimitIncludesMissing bool   // extract_limit_includes_missing
}

// ExtractionControl is what the engine behind a record (event.File.Ctl) offers
// for extraction.
type ExtractionControl interface {
	// SetExtractionLimit changes the limit of an attached EXTRACT, which args
	// (ExtractArgs, as attached) name: FileExtract::set_limit.
	SetExtractionLimit(args any, limit uint64) bool
}

var _ interface {
	event.FileControl
	ExtractionControl
} = (*control)(nil)

// extract is EXTRACT: it writes the content to a file below FileExtract::prefix
// (analyzer/extract/Extract.cc). Gaps become holes; one at the end leaves no
// trace.
type extract struct {
	passive
	args    ExtractArgs
	limit   uint64
	written uint64 // counts against limit
	file    *os.File
	w       *bufio.Writer // nil once writing has failed
}

// extractBuffer is the size of the write buffer of each extracted file.
const extractBuffer = 8 << 10

// newExtract creates the file, or empties it. If that fails the analyzer is
// attached nevertheless, as in Zeek, and leaves with the first octets.
func (m *Manager) newExtract(args ExtractArgs) *extract {
	x := &extract{args: args, limit: args.Limit}
	root, err := m.openRoot()
	if err == nil {
		x.file, err = root.OpenFile(args.Filename, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	}
	if err != nil {
		m.reportError(fmt.Sprintf("cannot open %s: %v", m.extractPath(args), cause(err)))
		return x
	}
	if n := len(m.freeWriters); n > 0 {
		x.w = m.freeWriters[n-1]
		m.freeWriters = m.freeWriters[:n-1]
		x.w.Reset(x.file)
	} else {
		x.w = bufio.NewWriterSize(x.file, extractBuffer)
	}
	return x
}

func (m *Manager) extractPath(args ExtractArgs) string {
	return filepath.Join(m.opts.FileExtractPrefix, args.Filename)
}

// room says how many of n octets may still be written, and whether that is
// fewer.
func (x *extract) room(n uint64) (allowed uint64, exceeded bool) {
	switch {
	case x.limit == 0:
		return n, false
	case x.written >= x.limit:
		return 0, true
	case n > x.limit-x.written:
		return x.limit - x.written, true
	}
	return n, false
}

// ask is room, and lets the policies raise the limit if it is reached.
func (x *extract) ask(f *file, n uint64) (allowed uint64, exceeded bool) {
	allowed, exceeded = x.room(n)
	t := f.m.events.FileExtractionLimit
	if !exceeded || !t.Wanted() {
		return allowed, exceeded
	}
	f.refresh()
	t.Enqueue(event.FileExtractionLimit{File: &f.rec.File, Args: x.args, Limit: x.limit, Len: n})
	f.settle()
	return x.room(n)
}

func (x *extract) deliverStream(f *file, data []byte) bool {
	if x.w == nil {
		return false
	}
	n, exceeded := x.ask(f, uint64(len(data)))
	if n > 0 {
		if _, err := x.w.Write(data[:n]); err != nil {
			x.fail(f.m, "failed to write to extracted file", err)
			return false
		}
		x.written += n
	}
	if exceeded {
		// Nothing more may come for long: the file is still being followed.
		if err := x.w.Flush(); err != nil {
			x.fail(f.m, "failed to write to extracted file", err)
		}
	}
	return !exceeded
}

func (x *extract) undelivered(f *file, offset, n uint64) bool {
	if x.w == nil {
		return false
	}
	if x.args.LimitIncludesMissing {
		if _, exceeded := x.ask(f, n); exceeded {
			return false
		}
		x.written += n
	}
	if err := x.seek(offset + n); err != nil {
		x.fail(f.m, "failed to seek in extracted file", err)
		return false
	}
	return true
}

func (x *extract) seek(to uint64) error {
	if err := x.w.Flush(); err != nil {
		return err
	}
	if to > math.MaxInt64 {
		return errors.New("invalid offset")
	}
	_, err := x.file.Seek(int64(to), io.SeekStart)
	return err
}

// fail gives the file up.
func (x *extract) fail(m *Manager, what string, err error) {
	m.reportError(fmt.Sprintf("%s %s: %v", what, m.extractPath(x.args), cause(err)))
	x.close(m)
}

// close gives back file and buffer and drops what is still in the buffer.
func (x *extract) close(m *Manager) error {
	if x.w == nil {
		return nil
	}
	x.w.Reset(nil)
	m.freeWriters = append(m.freeWriters, x.w)
	x.w = nil
	return x.file.Close()
}

func (x *extract) release(m *Manager) {
	if x.w == nil {
		return
	}
	err := x.w.Flush()
	if cerr := x.close(m); err == nil {
		err = cerr
	}
	if err != nil {
		m.reportError(fmt.Sprintf("cannot close %s: %v", m.extractPath(x.args), cause(err)))
	}
}
