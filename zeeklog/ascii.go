package zeeklog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// asciiBuffer is how many bytes of whole lines wait at most for one write.
const asciiBuffer = 64 << 10

// asciiWriter writes a log as text. Only whole lines are handed to the file,
// so that a crash leaves whole lines. Zeek: src/logging/writers/ascii/Ascii.cc.
type asciiWriter struct {
	info WriterInfo
	opt  ASCII
	enc  *Encoder

	name    string // of the open file, relative to Dir
	ext     string // ".log", ".log.gz"
	special bool   // a device or stdout: never rotated, no extension

	out  io.Writer // file, compressor or stdout; nil when nothing is open
	file *os.File
	gz   *gzip.Writer

	buf     []byte
	rows    int
	written int64
}

func newASCIIWriter(info WriterInfo) (Writer, error) {
	return openASCII(info, info.Options.ASCII, info.Options.Suffix)
}

func newJSONWriter(info WriterInfo) (Writer, error) {
	opt := info.Options.ASCII
	opt.JSON = true
	return openASCII(info, opt, "json")
}

func openASCII(info WriterInfo, opt ASCII, suffix string) (Writer, error) {
	w := &asciiWriter{info: info, opt: opt}
	for k, v := range info.Config {
		if err := w.opt.set(k, v); err != nil {
			return nil, err
		}
	}
	path := info.Path
	if w.opt.ToStdout {
		path = "/dev/stdout"
	}
	w.enc = NewEncoder(w.opt, path, info.Columns)

	w.name = path
	w.special = strings.HasPrefix(w.name, "/dev/")
	if !w.special {
		w.ext = "." + suffix
		if w.opt.GzipLevel > 0 {
			w.ext += "." + orDefault(w.opt.GzipExtension, "gz")
		}
		if !strings.HasPrefix(w.name, "/") && info.Options.DefaultLogdir != "" {
			w.name = filepath.Join(info.Options.DefaultLogdir, w.name)
		}
		w.name += w.ext
	}
	if err := w.open(); err != nil {
		return nil, err
	}
	return w, nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// inDir places a relative name under Dir.
func (c *Config) inDir(name string) string {
	if c.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Dir, name)
}

func (w *asciiWriter) usesShadow() bool {
	return w.opt.LeftoverRotation && w.info.RotationInterval > 0 && !w.special
}

// open creates the file and writes the header.
func (w *asciiWriter) open() error {
	w.written, w.rows, w.buf = 0, 0, w.buf[:0]
	switch {
	case w.name == "/dev/stdout":
		w.out = w.info.Options.Stdout
	default:
		name := w.info.Options.inDir(w.name)
		if w.usesShadow() {
			if err := writeShadow(name, w.ext, w.info.Postprocessor); err != nil {
				return err
			}
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return fmt.Errorf("cannot open %s: %w", w.name, cause(err))
		}
		w.file, w.out = f, f
	}
	if w.opt.GzipLevel > 0 {
		gz, err := gzip.NewWriterLevel(w.out, w.opt.GzipLevel)
		if err != nil {
			return err
		}
		w.gz, w.out = gz, gz
	}
	w.buf = w.enc.AppendHeader(w.buf, w.now())
	return nil
}

// cause takes the path out of an *os.PathError, as messages name it already.
func cause(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	if le, ok := err.(*os.LinkError); ok {
		return le.Err
	}
	return err
}

// now is the text of #open and #close.
func (w *asciiWriter) now() string {
	o := w.info.Options
	return o.WallClock().In(o.Location).Format("2006-01-02-15-04-05")
}

func (w *asciiWriter) Write(rec []Value) error {
	if w.out == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	w.buf = w.enc.AppendRow(w.buf, rec)
	w.rows++
	if len(w.buf) >= asciiBuffer || w.rows >= w.info.Options.WriteBufferSize {
		return w.Flush()
	}
	return nil
}

// Flush writes the whole lines that are waiting.
func (w *asciiWriter) Flush() error {
	w.rows = 0
	if len(w.buf) == 0 || w.out == nil {
		return nil
	}
	n, err := w.out.Write(w.buf)
	w.written += int64(n)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	if err != nil {
		return fmt.Errorf("error writing to %s: %w", w.name, cause(err))
	}
	return nil
}

func (w *asciiWriter) size() int64 { return w.written + int64(len(w.buf)) }

// closeFile ends the open file with its #close line.
func (w *asciiWriter) closeFile() error {
	if w.out == nil {
		return nil
	}
	w.buf = w.enc.AppendFooter(w.buf, w.now())
	err := w.Flush()
	if w.gz != nil {
		if e := w.gz.Close(); err == nil && e != nil {
			err = fmt.Errorf("error writing to %s: %w", w.name, cause(e))
		}
	}
	if w.file != nil {
		if e := w.file.Close(); err == nil && e != nil {
			err = fmt.Errorf("error writing to %s: %w", w.name, cause(e))
		}
	}
	w.out, w.gz, w.file = nil, nil, nil
	return err
}

func (w *asciiWriter) Rotate(base string, terminating bool) (newName, oldName string, err error) {
	if w.out == nil || w.special {
		return "", "", nil
	}
	if err := w.closeFile(); err != nil {
		return "", "", err
	}
	newName = base + w.ext
	o := w.info.Options
	if err := os.Rename(o.inDir(w.name), o.inDir(newName)); err != nil {
		return "", "", fmt.Errorf("failed to rename %s to %s: %w", w.name, newName, cause(err))
	}
	if w.usesShadow() {
		if err := os.Remove(shadowName(o.inDir(w.name))); err != nil {
			return "", "", fmt.Errorf("cannot unlink %s: %w", shadowName(w.name), cause(err))
		}
	}
	return newName, w.name, nil
}

func (w *asciiWriter) Close() error { return w.closeFile() }

// shadowPrefix begins the name of the file that says, while a log is being
// written, that it has not been rotated yet.
const shadowPrefix = ".shadow."

func shadowName(log string) string {
	return filepath.Join(filepath.Dir(log), shadowPrefix+filepath.Base(log))
}

// writeShadow notes the log's extension and postprocessor beside it.
func writeShadow(log, ext, postprocessor string) error {
	shadow := shadowName(log)
	tmp := filepath.Join(filepath.Dir(shadow), ".tmp"+filepath.Base(shadow))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n", ext, postprocessor)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", tmp, cause(err))
	}
	_, err = f.Write(b.Bytes())
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, shadow)
	}
	if err != nil {
		os.Remove(tmp)
		//lint:ignore ST1005 these are Zeek's words
		return fmt.Errorf("Unable to rename %s to %s: %w", tmp, shadow, cause(err))
	}
	return nil
}

// leftover is a log that an earlier process did not rotate.
type leftover struct {
	name, shadow  string // with their folder
	ext           string
	postprocessor string
	open, close   time.Time
}
