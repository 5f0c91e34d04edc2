package zeeklog

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// LogFile is a log file being read.
type LogFile struct {
	*Reader
	close []func() error
}

// Open opens a log for reading, decompressed if it is gzip or zstd; "-" is the
// standard input. opt.Name is the file's name if empty.
func Open(name string, opt ReaderOptions) (*LogFile, error) {
	if opt.Name == "" {
		opt.Name = name
	}
	f := &LogFile{}
	var src io.Reader = os.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		f.close = append(f.close, file.Close)
		src = file
	}
	plain, err := Decompress(src)
	if err != nil {
		f.Close()
		return nil, err
	}
	f.close = append(f.close, plain.Close)
	f.Reader = NewReader(plain, opt)
	return f, nil
}

// Close closes the file.
func (f *LogFile) Close() error {
	var errs []error
	for i := len(f.close) - 1; i >= 0; i-- {
		errs = append(errs, f.close[i]())
	}
	f.close = nil
	return errors.Join(errs...)
}

// zstdWindow bounds the memory that a zstd file can make the reader use.
const zstdWindow = 128 << 20

// Decompress gives what r holds, decompressed if it begins like a gzip or zstd
// file. Concatenated parts are read one after the other; a file that was cut
// off ends with io.ErrUnexpectedEOF after all that can be had of it.
// Compressed data is read by goroutines of their own, ahead of the caller,
// until the result is closed. Closing it doesn't close r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		gz, err := gzip.NewReader(br)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return io.NopCloser(errReader{io.ErrUnexpectedEOF}), nil
		}
		if err != nil {
			return nil, err
		}
		return newReadAhead(gz), nil
	case bytes.Equal(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(4*zstdWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(br), nil
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }
