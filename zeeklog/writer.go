package zeeklog

import "path/filepath"

// WriterInfo tells a new writer what it is for. Columns are the filter's, in
// the order of the values that Write gets, renamed and with extension fields.
type WriterInfo struct {
	Stream  string // the stream's id, "SMTP::LOG"
	Filter  string // the name of the filter that opened it
	Path    string // as given by the filter: "smtp"
	Columns []Column
	Config  map[string]string // the filter's config table

	RotationInterval float64 // seconds, 0 is never
	Postprocessor    string  // name of the filter's postprocessor, "" for the default

	// Options is the manager's configuration, complete; not to be changed.
	Options *Config
}

// File is the name of a file for the log: its path below Log::default_logdir,
// with an extension like ".sqlite".
func (w *WriterInfo) File(ext string) string {
	name := w.Path
	if !filepath.IsAbs(name) && w.Options.DefaultLogdir != "" {
		name = filepath.Join(w.Options.DefaultLogdir, name)
	}
	return w.Options.inDir(name + ext)
}

// Writer writes the rows of one path. The manager calls it from one goroutine.
type Writer interface {
	// Write takes one row. The values are borrowed during the call.
	Write(rec []Value) error
	// Flush hands on what the writer holds back.
	Flush() error
	// Rotate closes what is open and gives it the name base plus the writer's
	// extension. It returns the names; both are "" if nothing was open. The
	// next Write opens a new file.
	Rotate(base string, terminating bool) (newName, oldName string, err error)
	// Close ends the writer.
	Close() error
}

// sizer is a Writer that knows how large its file has become; writers that
// have it can be rotated by size.
type sizer interface{ size() int64 }

// WriterFactory makes a writer and opens what it writes to.
type WriterFactory func(info WriterInfo) (Writer, error)

// noneWriter drops everything. Zeek: src/logging/writers/none.
type noneWriter struct{}

func newNoneWriter(WriterInfo) (Writer, error)                     { return noneWriter{}, nil }
func (noneWriter) Write([]Value) error                             { return nil }
func (noneWriter) Flush() error                                    { return nil }
func (noneWriter) Rotate(string, bool) (newN, old string, e error) { return "", "", nil }
func (noneWriter) Close() error                                    { return nil }
