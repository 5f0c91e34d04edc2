package capture

import (
	"errors"
	"io"
)

// blockSize is what is read from a file at a time. Larger blocks fall out of
// the second-level cache before their packets are looked at.
const blockSize = 256 << 10

// errNeedFill says that no further whole record lies in the block. It never
// leaves the package.
var errNeedFill = errors.New("capture: block exhausted")

// blockReader gives windows of a stream without copying: the octets between pos
// and end of buf are read but not consumed.
type blockReader struct {
	r        io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0] in the stream
	err      error // what the stream ended with, io.EOF or worse
	// noFill forbids to read on, since frames were given out that point into buf.
	noFill bool
}

func (b *blockReader) offset() int64 { return b.base + int64(b.pos) }

func (b *blockReader) avail() int { return b.end - b.pos }

// need makes n octets available at pos. It returns errNeedFill if that is
// forbidden, b.err if the stream ends before.
func (b *blockReader) need(n int) error {
	if b.end-b.pos >= n {
		return nil
	}
	return b.fill(n)
}

func (b *blockReader) fill(n int) error {
	if b.noFill {
		return errNeedFill
	}
	if b.err != nil {
		return b.err
	}
	if b.buf == nil {
		b.buf = make([]byte, blockSize)
	}
	if b.pos > 0 {
		b.moveTo(b.buf)
	}
	idle := 0
	for b.end < n {
		if b.end == len(b.buf) {
			// Grows only as octets do arrive: a length field alone costs nothing.
			bigger := make([]byte, 2*len(b.buf))
			copy(bigger, b.buf)
			b.buf = bigger
		}
		m, err := b.r.Read(b.buf[b.end:])
		b.end += m
		if m > 0 {
			idle = 0
		} else if idle++; err == nil && idle > 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			b.err = err
			if b.end < n {
				return err
			}
			return nil
		}
	}
	return nil
}

// moveTo carries what isn't consumed to the beginning of buf, which may be
// b.buf itself, and goes on with buf.
func (b *blockReader) moveTo(buf []byte) {
	if rest := b.avail(); rest > len(buf) {
		buf = make([]byte, max(rest, blockSize))
	}
	n := copy(buf, b.buf[b.pos:b.end])
	b.base += int64(b.pos)
	b.buf, b.pos, b.end = buf, 0, n
}
