package conn

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/protocols/conn/contents",
		Doc:  "writes what each side of a TCP connection sends to a file, if it is asked to",
		Load: loadContents,
	})
}

// loadContents is base/protocols/conn/contents.zeek. The engine looks at
// Conn::default_extract too: streams must be kept for it from their beginning.
func loadContents(c *policy.Context) error {
	prefix := c.Options.String("Conn::extraction_prefix", "contents", "what the names of files with the contents of connections begin with")
	extract := c.Options.Bool("Conn::default_extract", false, "write the contents of all TCP connections to files")
	c.Events.ConnectionEstablished.Handle(c.Policy(), -5, func(e *event.ConnEvent) {
		r, ok := e.Conn.Ctl.(event.ContentsRecorder)
		if !ok || !extract.Get() {
			return
		}
		for _, isOrig := range []bool{true, false} {
			f, err := createContents(contentsName(prefix.Get(), &e.Conn.ID, isOrig))
			if err != nil {
				c.Error("cannot write the contents of %s: %v", e.Conn.UID, err)
				continue
			}
			f.failed = func(err error) { c.Error("contents of %s are not complete: %v", e.Conn.UID, err) }
			r.RecordContents(isOrig, f)
		}
	})
	return nil
}

// contentsName is generate_extraction_filename of base/utils/files.zeek.
func contentsName(prefix string, id *event.ConnID, isOrig bool) string {
	uri := func(a netip.Addr) string {
		if a.Is6() {
			return "[" + policy.FmtAddr(a) + "]"
		}
		return policy.FmtAddr(a)
	}
	name := fmt.Sprintf("%s:%d-%s:%d", uri(id.OrigH), id.OrigP, uri(id.RespH), id.RespP)
	if prefix != "" {
		name = prefix + "_" + name
	}
	if isOrig {
		return name + "_orig.dat"
	}
	return name + "_resp.dat"
}

// contentsBuffer is how much of one side waits for being written.
const contentsBuffer = 4 << 10

// contentsFile is open only while it writes: there may be more connections than
// a process can have files.
type contentsFile struct {
	name   string
	buf    []byte
	failed func(error)
}

func createContents(name string) (*contentsFile, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &contentsFile{name: name}, f.Close()
}

// Write implements io.Writer. The first error is told; nothing is written then.
func (f *contentsFile) Write(data []byte) (int, error) {
	if f.failed == nil {
		return 0, fs.ErrClosed
	}
	if len(f.buf)+len(data) > contentsBuffer {
		if err := f.flush(); err != nil {
			return 0, err
		}
	}
	f.buf = append(f.buf, data...)
	return len(data), nil
}

func (f *contentsFile) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	file, err := os.OpenFile(f.name, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = file.Write(f.buf)
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}
	f.buf = f.buf[:0]
	if err != nil {
		f.failed(err)
		f.failed = nil
	}
	return err
}

// Close implements io.Closer.
func (f *contentsFile) Close() error {
	if f.failed == nil {
		return nil
	}
	err := f.flush()
	f.buf, f.failed = nil, nil
	return err
}
