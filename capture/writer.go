package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Writer writes a pcap file with microseconds, little-endian as libpcap does
// on the machines of today. The file takes the link type of its first frame;
// Zeek's says Ethernet whatever is in it (Zeek: iosource/pcap/Dumper.cc), which
// makes other captures unreadable.
//
// A file that can't be written to (the disk is full) is one of whole records all
// the same, and can be gone on with: what it hasn't got waits for the next Flush.
type Writer struct {
	out   io.Writer
	f     *os.File // out, if it can be truncated
	size  int64    // octets of out
	wait  []byte   // what out hasn't got
	name  string
	link  LinkType
	begun bool
}

// NewWriter writes to w.
func NewWriter(w io.Writer, name string) *Writer {
	return &Writer{out: w, name: name}
}

// CreateFile makes or empties a file; "-" is standard output.
func CreateFile(name string) (*Writer, error) {
	if name == "-" {
		return NewWriter(os.Stdout, name), nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, &Error{File: name, Offset: -1, Problem: "can't be written", Err: bare(err)}
	}
	w := NewWriter(f, name)
	w.f = f
	return w, nil
}

// Write appends a frame. A frame of another link type than the first one's is
// refused with a *LinkTypeError, since the format can't say it; with any other
// error the frame waits.
func (w *Writer) Write(f *Frame) error {
	if !w.begun {
		w.begin(f.LinkType)
	}
	if f.LinkType != w.link {
		return &LinkTypeError{Name: w.name, File: w.link, Frame: f.LinkType}
	}
	le := binary.LittleEndian
	b := le.AppendUint32(w.wait, uint32(f.Sec))
	b = le.AppendUint32(b, uint32(f.Usec))
	b = le.AppendUint32(b, uint32(len(f.Data)))
	b = le.AppendUint32(b, f.WireLen)
	w.wait = append(b, f.Data...)
	if len(w.wait) < blockSize {
		return nil
	}
	return w.Flush()
}

// LinkTypeError says that a frame has another link type than the file.
type LinkTypeError struct {
	Name        string
	File, Frame LinkType
}

func (e *LinkTypeError) Error() string {
	return fmt.Sprintf("%s: a frame of link type %d: expected %d, as the file began with", e.Name, e.Frame, e.File)
}

func (w *Writer) begin(link LinkType) {
	w.begun, w.link = true, link
	h := make([]byte, pcapHeaderLen, blockSize)
	le := binary.LittleEndian
	le.PutUint32(h, magicMicro)
	le.PutUint16(h[4:], 2)
	le.PutUint16(h[6:], 4)
	le.PutUint32(h[16:], maxSnaplen(link))
	le.PutUint32(h[20:], toFileLinkType(link))
	w.wait = h
}

// Flush hands what was written to the system, so that a live capture's file
// can be looked at.
func (w *Writer) Flush() error {
	if len(w.wait) == 0 {
		return nil
	}
	n, err := w.out.Write(w.wait)
	if err != nil && w.f != nil && w.cutBack() == nil {
		n = 0
	}
	w.size += int64(n)
	w.wait = w.wait[:copy(w.wait, w.wait[n:])]
	return w.wrap(err)
}

// cutBack takes off what the last write has left, which needs no space.
func (w *Writer) cutBack() error {
	if err := w.f.Truncate(w.size); err != nil {
		return err
	}
	_, err := w.f.Seek(w.size, io.SeekStart)
	return err
}

// Close flushes and closes. A file without a frame says Ethernet.
func (w *Writer) Close() error {
	if !w.begun {
		w.begin(Ethernet)
	}
	err := w.Flush()
	if w.f != nil {
		if e := w.f.Close(); err == nil {
			err = w.wrap(e)
		}
	}
	return err
}

func (w *Writer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &Error{File: w.name, Offset: -1, Problem: "can't be written", Err: bare(err)}
}
