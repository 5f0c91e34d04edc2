// Package nats is the log writer Log::WRITER_NATS: it publishes each row as a
// line of JSON to a NATS server, the log smtp under the subject zeek.smtp.
//
// Publishing is at most once, as core NATS is. While the server can't be reached
// rows wait in a buffer of LogNATS::buffer_size bytes; rows that don't fit are
// dropped, counted and told, since a log must not stop the traffic. When a log
// is closed the writer waits until the server has everything, at most for
// LogNATS::close_timeout.
//
// The filter's config may name another subject (subject). The fields of
// LogAscii::json_* say how JSON is written.
package nats

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

// Writer is the writer's name.
const Writer = "Log::WRITER_NATS"

func init() {
	policy.Register(policy.Policy{
		Name:      "writers/nats",
		Doc:       "the log writer " + Writer + ": rows as JSON to a NATS server",
		API:       1,
		Component: true,
		Load:      load,
	})
}

// writers are those of one run. Its logs share one connection.
type writers struct {
	url, prefix, credentials *redef.String
	buffer                   *redef.Count
	closeTimeout             *redef.Interval

	conn  *nats.Conn
	users int
}

func load(c *policy.Context) error {
	o := c.Options
	w := &writers{
		url:          o.String("LogNATS::url", nats.DefaultURL, "the server, or several with commas between them; tls:// encrypts"),
		prefix:       o.String("LogNATS::subject_prefix", "zeek.", "before the log's name in the subject"),
		credentials:  o.String("LogNATS::credentials", "", "file with the credentials (.creds); empty is none"),
		buffer:       o.Count("LogNATS::buffer_size", 8<<20, "bytes of rows that wait while the server can't be reached"),
		closeTimeout: o.Interval("LogNATS::close_timeout", 10, "how long the end of a log waits for the server"),
	}
	c.RegisterWriter(Writer, w.new)
	return nil
}

// connect returns the connection, which it makes for the first log.
func (w *writers) connect(warn func(string)) (*nats.Conn, error) {
	if w.conn != nil {
		return w.conn, nil
	}
	opts := []nats.Option{
		nats.Name("gzeek"), nats.MaxReconnects(-1), nats.ReconnectBufSize(int(min(w.buffer.Get(), 1<<30))),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				warn(fmt.Sprintf("%s: the connection to %s is lost, and sought again: %v", Writer, w.url.Get(), err))
			}
		}),
	}
	if file := w.credentials.Get(); file != "" {
		opts = append(opts, nats.UserCredentials(file))
	}
	c, err := nats.Connect(w.url.Get(), opts...)
	if err != nil {
		return nil, fmt.Errorf("no connection to the NATS server %s (LogNATS::url): %w", w.url.Get(), err)
	}
	w.conn = c
	return c, nil
}

// writer is one log.
type writer struct {
	all     *writers
	conn    *nats.Conn
	subject string
	enc     *zeeklog.Encoder
	line    []byte
	warn    func(string)
	lost    uint64
}

func (w *writers) new(info zeeklog.WriterInfo) (zeeklog.Writer, error) {
	subject := info.Config["subject"]
	if subject == "" {
		subject = w.prefix.Get() + strings.NewReplacer(" ", "_", "\t", "_", "*", "_", ">", "_", "/", ".").Replace(info.Path)
	}
	if !validSubject(subject) {
		return nil, fmt.Errorf("%q is no subject of NATS: words with dots between them, without blanks, * and >", subject)
	}
	conn, err := w.connect(info.Options.Warn)
	if err != nil {
		return nil, err
	}
	w.users++
	format := info.Options.ASCII
	format.JSON = true
	return &writer{
		all: w, conn: conn, subject: subject, warn: info.Options.Warn,
		enc: zeeklog.NewEncoder(format, info.Path, info.Columns),
	}, nil
}

func validSubject(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.ContainsAny(word, " \t\r\n*>") {
			return false
		}
	}
	return true
}

// Write implements zeeklog.Writer. A row that can't be kept is dropped; a row
// that the server would refuse is an error.
func (l *writer) Write(rec []zeeklog.Value) error {
	l.line = l.enc.AppendRow(l.line[:0], rec)
	line := l.line[:len(l.line)-1] // without the newline
	err := l.conn.Publish(l.subject, line)
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrMaxPayload):
		if l.lost++; l.lost == 1 {
			l.warn(fmt.Sprintf("%s: rows of %s are dropped: %v", Writer, l.subject, err))
		}
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", l.subject, err)
	}
	return nil
}

// Flush implements zeeklog.Writer. The client sends by itself, at once.
func (l *writer) Flush() error { return nil }

// Rotate implements zeeklog.Writer; there is nothing to rotate.
func (l *writer) Rotate(string, bool) (newName, oldName string, err error) { return "", "", nil }

// Close implements zeeklog.Writer.
func (l *writer) Close() error {
	w := l.all
	err := l.conn.FlushTimeout(time.Duration(w.closeTimeout.Get() * float64(time.Second)))
	if err != nil {
		err = fmt.Errorf("%s: the server may not have the last rows: %w", l.subject, err)
	}
	if l.lost > 0 {
		err = errors.Join(err, fmt.Errorf("%s: %d rows were dropped", l.subject, l.lost))
	}
	if w.users--; w.users == 0 {
		w.conn.Close()
		w.conn = nil
	}
	return err
}
