package zeeklog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// asciiBuffer is how many bytes of whole lines wait at most for one write.
const asciiBuffer = 64 << 10

// maxWaiting is how many bytes of rows a log keeps while it can't be written.
const maxWaiting = 4 << 20

// asciiWriter writes a log as text. Only whole lines are handed to the file,
// so that a crash leaves whole lines. A file that can't be opened or written is
// no error of a row: rows are kept, and every Flush tries again.
// Zeek: src/logging/writers/ascii/Ascii.cc.
type asciiWriter struct {
	info WriterInfo
	opt  ASCII
	enc  *Encoder

	name    string // of the file, relative to Dir
	ext     string // ".log", ".log.gz"
	special bool   // a device or stdout: never rotated, no extension

	file *logFile // nil when nothing is open
	gz   *gzip.Writer
	zbuf bytes.Buffer // what gz has made of rows

	buf               []byte // rows that wait
	rows              int    // how many since the last try to write them
	written           int64  // octets of rows and header, before compression
	writing, rotating trouble
	lost              uint64    // rows that found no room
	looked            time.Time // whether the file is still there
	// ended says that the file has its #close line; body is what it had before.
	ended bool
	body  int64
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
	w.writing.key, w.rotating.key = w.name, w.name+" (rotation)"
	w.attempt(&w.writing, w.open)
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

// open creates the file; its header goes before the rows that wait.
func (w *asciiWriter) open() error {
	file := &logFile{blocks: w.opt.GzipLevel > 0}
	if w.name == "/dev/stdout" {
		file.out = w.info.Options.Stdout
	} else {
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
		file.out, file.f = f, f
	}
	w.file, w.ended, w.written = file, false, 0
	w.compressor()
	w.buf = append(w.enc.AppendHeader(nil, w.now()), w.buf...)
	return nil
}

// compressor begins a part of a compressed file.
func (w *asciiWriter) compressor() {
	if w.opt.GzipLevel > 0 {
		// The level was checked when it was set; others can't fail.
		w.gz, _ = gzip.NewWriterLevel(&w.zbuf, w.opt.GzipLevel)
	}
}

// trouble is something that may fail for a while.
type trouble struct {
	key string // for health
	on  bool   // the last try failed
}

// attempt does it, and tells when it begins and ends to fail.
func (w *asciiWriter) attempt(t *trouble, f func() error) error {
	err := f()
	switch {
	case err != nil && !t.on:
		t.on = true
		w.info.Options.health.failed(t.key, err)
	case err == nil && t.on:
		t.on = false
		w.info.Options.health.recovered(t.key)
	}
	return err
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
	before := len(w.buf)
	w.buf = w.enc.AppendRow(w.buf, rec)
	if w.writing.on {
		if w.waiting() > maxWaiting {
			w.buf = w.buf[:before]
			w.lost++
			w.info.Options.health.dropped(w.name)
		}
		return nil
	}
	w.rows++
	if len(w.buf) >= asciiBuffer || w.rows >= w.info.Options.WriteBufferSize {
		return w.Flush()
	}
	return nil
}

// waiting counts the octets that have not come to the file.
func (w *asciiWriter) waiting() int {
	n := len(w.buf)
	if w.file != nil {
		n += len(w.file.wait)
	}
	return n
}

func (w *asciiWriter) waits() (now bool, lost uint64) {
	return w.writing.on || w.rotating.on, w.lost
}

// Flush writes the whole lines that are waiting. A failure is told elsewhere,
// and tried again next time.
func (w *asciiWriter) Flush() error {
	if w.waiting() > 0 {
		w.attempt(&w.writing, w.flush)
	}
	return nil
}

func (w *asciiWriter) flush() error {
	w.rows = 0
	if time.Since(w.looked) >= lookInterval {
		w.dropRemoved()
	}
	if w.file == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	if w.ended && len(w.buf) > 0 {
		if err := w.resume(); err != nil {
			return err
		}
	}
	if err := w.hand(); err != nil {
		return fmt.Errorf("error writing to %s: %w", w.name, cause(err))
	}
	return nil
}

// hand gives the rows to the file, through the compressor if there is one.
func (w *asciiWriter) hand() error {
	switch {
	case w.gz == nil && len(w.file.wait) == 0:
		w.written += int64(len(w.buf))
		w.file.wait, w.buf = w.buf, w.file.wait
	case w.gz == nil:
		w.written += int64(len(w.buf))
		w.file.wait, w.buf = append(w.file.wait, w.buf...), w.buf[:0]
	case len(w.file.wait) == 0 && len(w.buf) > 0:
		w.written += int64(len(w.buf))
		w.gz.Write(w.buf)
		w.gz.Flush() // so that what a crash leaves can be read up to here
		w.buf = w.buf[:0]
		w.takeCompressed()
	}
	if err := w.file.flush(); err != nil || len(w.buf) == 0 {
		return err
	}
	return w.hand() // compressed rows of before are written
}

func (w *asciiWriter) takeCompressed() {
	w.file.wait = append(w.file.wait, w.zbuf.Bytes()...)
	w.zbuf.Reset()
}

func (w *asciiWriter) size() int64 { return w.written + int64(len(w.buf)) }

// end writes the #close line of the open file.
func (w *asciiWriter) end() error {
	if err := w.flush(); err != nil || w.ended {
		return err
	}
	w.body, w.ended = w.file.size, true
	w.file.wait = w.enc.AppendFooter(w.file.wait, w.now())
	if w.gz != nil {
		w.gz.Write(w.file.wait)
		w.gz.Close()
		w.file.wait = w.file.wait[:0]
		w.takeCompressed()
	}
	if err := w.file.flush(); err != nil {
		return fmt.Errorf("error writing to %s: %w", w.name, cause(err))
	}
	return nil
}

// resume goes on with a file that has its #close line, but could not be given
// its new name: the line goes, or a new part follows a compressed one.
func (w *asciiWriter) resume() error {
	if w.gz != nil {
		w.compressor()
		w.buf = append(w.enc.AppendHeader(nil, w.now()), w.buf...)
	} else if w.file.f != nil {
		if err := w.file.truncate(w.body); err != nil {
			return fmt.Errorf("error writing to %s: %w", w.name, cause(err))
		}
		w.file.size, w.file.wait = w.body, w.file.wait[:0]
	}
	w.ended = false
	return nil
}

// closeFile forgets the open file.
func (w *asciiWriter) closeFile() error {
	file := w.file
	w.file, w.gz, w.rows, w.written = nil, nil, 0, 0
	if file == nil || file.f == nil {
		return nil
	}
	if err := file.f.Close(); err != nil {
		return fmt.Errorf("error writing to %s: %w", w.name, cause(err))
	}
	return nil
}

// Rotate ends the file and gives it its name. What fails there is tried again
// with the next flush: the file then stays as it is, and takes rows.
func (w *asciiWriter) Rotate(base string, terminating bool) (newName, oldName string, err error) {
	w.dropRemoved()
	if w.file == nil && len(w.buf) == 0 || w.special {
		return "", "", nil
	}
	if err := w.attempt(&w.rotating, func() (err error) { newName, err = w.rename(base); return err }); err != nil {
		return "", "", &laterError{err}
	}
	o := w.info.Options
	if err := w.closeFile(); err != nil {
		o.Error(err.Error())
	}
	if w.usesShadow() {
		if err := os.Remove(shadowName(o.inDir(w.name))); err != nil {
			o.Error(fmt.Sprintf("cannot unlink %s: %s", shadowName(w.name), cause(err)))
		}
	}
	return newName, w.name, nil
}

func (w *asciiWriter) rename(base string) (newName string, err error) {
	if err := w.attempt(&w.writing, w.end); err != nil {
		return "", err
	}
	w.settle()
	o := w.info.Options
	newName = o.freeName(base, w.ext)
	if err := os.Rename(o.inDir(w.name), o.inDir(newName)); err != nil {
		return "", fmt.Errorf("failed to rename %s to %s: %w", w.name, newName, cause(err))
	}
	return newName, nil
}

// laterError says that a rotation could not be done now and will be tried again.
type laterError struct{ error }

func (e *laterError) Unwrap() error { return e.error }

// freeName is base with the extension; where files of other runs are kept
// (KeepRotated) and there is one of that name, a number is put between.
func (c *Config) freeName(base, ext string) string {
	name := base + ext
	for i := 2; c.KeepRotated && exists(c.inDir(name)); i++ {
		name = fmt.Sprintf("%s-%d%s", base, i, ext)
	}
	return name
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Close ends the log. What could not be written until now is lost.
func (w *asciiWriter) Close() error {
	if w.file == nil && len(w.buf) == 0 {
		return nil
	}
	err := w.end()
	if n := w.waiting(); err != nil && n > 0 {
		err = fmt.Errorf("%w; %d octets of it are lost", err, n)
	}
	w.settle()
	w.buf = nil
	return errors.Join(err, w.closeFile())
}

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
