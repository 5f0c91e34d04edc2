package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Options of a source.
type Options struct {
	// Filter is a pcap-filter(7) expression; "" lets all through.
	Filter string
}

// frameReader is a format. next returns io.EOF, an *Error, or errNeedFill if
// the block reader may not go on.
type frameReader interface {
	next(f *Frame) error
	linkType() LinkType // the first one, for compiling a filter early
	count() uint64      // records read
}

// file is a Source of one file or stream.
type file struct {
	name   string
	raw    *countingReader
	size   int64
	closer []func() error
	br     blockReader
	rd     frameReader
	filter *Filter
	stats  Stats
	err    error // final
}

// countingReader counts what was taken from the disk.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// OpenFile opens one capture file: pcap or pcapng, plain or compressed with
// gzip or zstd, told by their content. "-" is standard input.
func OpenFile(name string, opts Options) (Source, error) {
	return openFile(name, NewFilter(opts.Filter))
}

func openFile(name string, filter *Filter) (*file, error) {
	if name == "-" {
		return open(os.Stdin, name, 0, filter, nil)
	}
	fail := func(problem, expected string, err error) (*file, error) {
		return nil, &Error{File: name, Offset: -1, Problem: problem, Expected: expected, Err: bare(err)}
	}
	f, err := os.Open(name)
	if err != nil {
		return fail("can't be opened", "", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return fail("can't be opened", "", err)
	}
	if st.IsDir() {
		f.Close()
		return fail("is a directory", "a capture file (pcap or pcapng)", nil)
	}
	var size int64
	if st.Mode().IsRegular() {
		size = st.Size()
	}
	return open(f, name, size, filter, f.Close)
}

// NewReader reads a capture from r; name is for messages.
func NewReader(r io.Reader, name string, opts Options) (Source, error) {
	return open(r, name, 0, NewFilter(opts.Filter), nil)
}

// open owns closer, also when it fails.
func open(r io.Reader, name string, size int64, filter *Filter, closer func() error) (*file, error) {
	s := &file{name: name, raw: &countingReader{r: r}, size: size, filter: filter}
	if closer != nil {
		s.closer = append(s.closer, closer)
	}
	s.br.r = s.raw
	if err := s.start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *file) start() error {
	const wanted = "a capture file (pcap or pcapng, plain or compressed with gzip or zstd)"
	for unpacked := ""; ; {
		if err := s.br.need(4); err != nil {
			e := &Error{File: s.name, Problem: "is empty", Expected: wanted}
			if n := s.br.avail(); n > 0 {
				e.Problem = fmt.Sprintf("is truncated after %d octets", n)
			}
			if unpacked != "" {
				e.Problem += " when decompressed"
			}
			if err != io.EOF {
				e.Problem, e.Err = "can't be read", bare(err)
			}
			return e
		}
		head := s.br.buf[s.br.pos:s.br.end]
		var err error
		if _, _, ok := isPcap(head); ok {
			s.rd, err = newPcapReader(&s.br, s.name)
		} else if isPcapNG(head) {
			s.rd, err = newNGReader(&s.br, s.name)
		} else if kind := compression(head); kind != "" && unpacked == "" {
			unpacked = kind
			if err := s.unpack(kind); err != nil {
				return &Error{File: s.name, Problem: "damaged " + kind + " data", Err: err}
			}
			continue
		} else {
			return &Error{File: s.name, Problem: foreign(head), Expected: wanted}
		}
		if err != nil {
			return err
		}
		return s.filter.prepare(s.rd.linkType())
	}
}

func compression(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}): // a frame to be skipped
		return "zstd"
	}
	return ""
}

// foreign says what the file seems to be.
func foreign(head []byte) string {
	for _, k := range []struct{ magic, what string }{
		{"\x1f\x8b", "compressed more than once"},
		{"\x28\xb5\x2f\xfd", "compressed more than once"},
		{"BZh", "compressed with bzip2"},
		{"\xfd7zXZ", "compressed with xz"},
		{"\x04\x22\x4d\x18", "compressed with lz4"},
		{"PK\x03\x04", "a zip archive"},
		{"snoop\x00", "a capture of Solaris' snoop"},
		{"RTSS", "a capture of Microsoft's Network Monitor"},
		{"GMBU", "a capture of Microsoft's Network Monitor"},
		{"TRSNIFF data", "a capture of Sniffer"},
		{"#separator", "a Zeek log"},
	} {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return k.what
		}
	}
	return fmt.Sprintf("unknown format (it begins with % x)", head[:4])
}

// unpack puts a decompressor below the block reader. It streams: what a bomb
// expands to is never in memory as a whole.
func (s *file) unpack(kind string) error {
	packed := io.MultiReader(bytes.NewReader(bytes.Clone(s.br.buf[s.br.pos:s.br.end])), s.raw)
	var r io.Reader
	switch kind {
	case "gzip":
		z, err := gzip.NewReader(packed)
		if err != nil {
			return err
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(packed, zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return err
		}
		s.closer = append(s.closer, func() error { z.Close(); return nil })
		r = z
	}
	s.br = blockReader{r: &unpackErrors{r, kind}, buf: s.br.buf}
	return nil
}

// unpackErrors tells a damaged archive from the end of a whole one.
type unpackErrors struct {
	r    io.Reader
	kind string
}

func (u *unpackErrors) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = &unpackError{u.kind, "the compressed file is truncated"}
		} else {
			err = &unpackError{u.kind, bare(err).Error()}
		}
	}
	return n, err
}

type unpackError struct{ kind, msg string }

func (e *unpackError) Error() string { return "damaged " + e.kind + " data: " + e.msg }

func (s *file) Next(f *Frame) error {
	if s.err != nil {
		return s.err
	}
	for {
		if err := s.rd.next(f); err != nil {
			return s.end(err)
		}
		if s.filter != nil {
			ok, err := s.filter.Match(f)
			if err != nil {
				return s.end(err)
			}
			if !ok {
				s.stats.Filtered++
				continue
			}
		}
		s.stats.count(f)
		return nil
	}
}

func (s *file) end(err error) error {
	if err != errNeedFill {
		s.err = err
	}
	return err
}

// maxBatch bounds the frames of a batch, so that many tiny packets don't
// need more memory for their descriptions than for themselves.
const maxBatch = 4096

func (s *file) ReadBatch(b *Batch) error {
	b.Frames = b.Frames[:0]
	if s.err != nil {
		return s.err
	}
	if b.buf == nil {
		b.buf = make([]byte, blockSize)
	}
	s.br.moveTo(b.buf)
	err := s.readBatch(b)
	s.br.noFill = false
	b.buf = s.br.buf
	return err
}

func (s *file) readBatch(b *Batch) error {
	for len(b.Frames) < maxBatch {
		if len(b.Frames) < cap(b.Frames) {
			b.Frames = b.Frames[:len(b.Frames)+1]
		} else {
			b.Frames = append(b.Frames, Frame{})
		}
		last := len(b.Frames) - 1
		if err := s.Next(&b.Frames[last]); err != nil {
			b.Frames = b.Frames[:last]
			if last > 0 {
				return nil // the error, if it is one, comes with the next batch
			}
			return err
		}
		s.br.noFill = true
	}
	return nil
}

func (s *file) Stats() Stats { return s.stats }
func (s *file) Pos() int64   { return s.raw.n.Load() }
func (s *file) Size() int64  { return s.size }

func (s *file) Close() error {
	var first error
	for i := len(s.closer) - 1; i >= 0; i-- {
		if err := s.closer[i](); err != nil && first == nil {
			first = err
		}
	}
	s.closer = nil
	if s.err == nil {
		s.err = os.ErrClosed
	}
	return first
}
