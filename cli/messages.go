package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// logFormats are the values of --log-format.
var logFormats = []string{"text", "json"}

// newLogger makes what gzeek says on standard error go out in a form: "" is for
// people, and has warnings and errors alone.
func newLogger(format string, w io.Writer) (*slog.Logger, error) {
	switch format {
	case "":
		return slog.New(&plainHandler{mu: &sync.Mutex{}, w: w}), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, fmt.Errorf("--log-format %s: write one of %s", format, strings.Join(logFormats, ", "))
}

// plainHandler writes sentences: "warning: ...", "gzeek: ...".
type plainHandler struct {
	mu    *sync.Mutex
	w     io.Writer
	attrs []slog.Attr
}

func (h *plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if r.Level >= slog.LevelError {
		b.WriteString("gzeek: ")
	} else {
		b.WriteString("warning: ")
	}
	b.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " (%s %v)", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &plainHandler{mu: h.mu, w: h.w, attrs: slices.Concat(h.attrs, attrs)}
}

// WithGroup is not used: messages have few attributes.
func (h *plainHandler) WithGroup(string) slog.Handler { return h }

// complain says why a run can't be, and returns the status for that.
func complain(log *slog.Logger, err error, status int) int {
	log.Error(err.Error())
	return status
}
