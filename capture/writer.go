package capture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Writer writes a pcap file with microseconds, little-endian as libpcap does
// on the machines of today. The file takes the link type of its first frame;
// Zeek's says Ethernet whatever is in it (Zeek: iosource/pcap/Dumper.cc), which
// makes other captures unreadable.
type Writer struct {
	w     *bufio.Writer
	c     io.Closer
	name  string
	link  LinkType
	begun bool
	hdr   [24]byte
}

// NewWriter writes to w.
func NewWriter(w io.Writer, name string) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, blockSize), name: name}
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
	w.c = f
	return w, nil
}

// Write appends a frame. A frame of another link type than the first one's is
// refused, since the format can't say it.
func (w *Writer) Write(f *Frame) error {
	if !w.begun {
		w.begin(f.LinkType)
	}
	if f.LinkType != w.link {
		return &Error{File: w.name, Offset: -1, Problem: fmt.Sprintf("a frame of link type %d", f.LinkType),
			Expected: fmt.Sprintf("%d, as the file began with", w.link)}
	}
	le := binary.LittleEndian
	h := w.hdr[:16]
	le.PutUint32(h, uint32(f.Sec))
	le.PutUint32(h[4:], uint32(f.Usec))
	le.PutUint32(h[8:], uint32(len(f.Data)))
	le.PutUint32(h[12:], f.WireLen)
	w.w.Write(h) // its error comes back from the next call
	_, err := w.w.Write(f.Data)
	return w.wrap(err)
}

func (w *Writer) begin(link LinkType) {
	w.begun, w.link = true, link
	le := binary.LittleEndian
	h := w.hdr[:pcapHeaderLen]
	clear(h)
	le.PutUint32(h, magicMicro)
	le.PutUint16(h[4:], 2)
	le.PutUint16(h[6:], 4)
	le.PutUint32(h[16:], maxSnaplen(link))
	le.PutUint32(h[20:], toFileLinkType(link))
	w.w.Write(h)
}

// Flush hands what was written to the system, so that a live capture's file
// can be looked at.
func (w *Writer) Flush() error { return w.wrap(w.w.Flush()) }

// Close flushes and closes. A file without a frame says Ethernet.
func (w *Writer) Close() error {
	if !w.begun {
		w.begin(Ethernet)
	}
	err := w.w.Flush()
	if w.c != nil {
		if e := w.c.Close(); err == nil {
			err = e
		}
	}
	return w.wrap(err)
}

func (w *Writer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return &Error{File: w.name, Offset: -1, Problem: "can't be written", Err: bare(err)}
}
