package smtp

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/event"
)

// A step is what happens to a connection. Its text form is one line:
//
//	C "octets"    the client's octets of one packet, quoted as in Go
//	S "octets"    the server's
//	C gap SEQ N   N octets of the client from SEQ on were missed; S likewise
//	C eof         the client sends no more; S likewise
//	partial       the beginning of the connection was not seen
//	finished      both have closed
//	reset         one has reset
//	done          the connection is removed; always the last step
type step struct {
	op     string // "data", "gap", "eof", "partial", "finished", "reset", "done"
	isOrig bool
	data   []byte
	seq    uint64
	n      int
}

func (s step) String() string {
	side := map[bool]string{true: "C", false: "S"}[s.isOrig]
	switch s.op {
	case "data":
		return side + " " + strconv.QuoteToASCII(string(s.data))
	case "gap":
		return fmt.Sprintf("%s gap %d %d", side, s.seq, s.n)
	case "eof":
		return side + " eof"
	}
	return s.op
}

func parseStep(line string) (step, error) {
	side, rest, _ := strings.Cut(line, " ")
	if side != "C" && side != "S" {
		switch side {
		case "partial", "finished", "reset", "done":
			return step{op: side}, nil
		}
		return step{}, fmt.Errorf("unknown step %q", line)
	}
	st := step{isOrig: side == "C"}
	switch {
	case rest == "eof":
		st.op = "eof"
	case strings.HasPrefix(rest, "gap "):
		st.op = "gap"
		_, err := fmt.Sscanf(rest, "gap %d %d", &st.seq, &st.n)
		return st, err
	default:
		text, err := strconv.Unquote(rest)
		if err != nil {
			return step{}, fmt.Errorf("%q: %w", line, err)
		}
		st.op, st.data = "data", []byte(text)
	}
	return st, nil
}

// A session is a connection with the events that Zeek raises for it.
type session struct {
	comment []string // lines that say what it shows, with their #
	steps   []step
	want    []string // then the weirds, each with its name in front
}

// readSession reads testdata: comments, steps, a line "--", events.
func readSession(t *testing.T, path string) session {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s session
	events := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "--":
			events = true
		case events:
			s.want = append(s.want, line)
		case strings.HasPrefix(line, "#"):
			s.comment = append(s.comment, line)
		case line != "":
			st, err := parseStep(line)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			s.steps = append(s.steps, st)
		}
	}
	return s
}

func (s session) write(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	for _, c := range s.comment {
		fmt.Fprintln(&b, c)
	}
	for _, st := range s.steps {
		fmt.Fprintln(&b, st)
	}
	fmt.Fprintln(&b, "--")
	for _, e := range s.want {
		fmt.Fprintln(&b, e)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorder writes down the events of a queue, as events.log of the reference
// has them, without time, uid and file ids.
type recorder struct {
	ev    *event.Events
	lines []string
}

func newRecorder(ev *event.Events) *recorder {
	r := &recorder{ev: ev}
	conn := func(t *event.Topic[event.ConnEvent]) {
		t.Handle("test", 0, func(*event.ConnEvent) { r.add(t.Name()) })
	}
	file := func(t *event.Topic[event.FileEvent], seen bool) {
		t.Handle("test", 0, func(e *event.FileEvent) {
			if seen {
				r.add(t.Name(), strconv.FormatUint(e.File.SeenBytes, 10))
			} else {
				r.add(t.Name())
			}
		})
	}
	conn(ev.SMTPStartTLS)
	conn(ev.MIMEBeginEntity)
	conn(ev.MIMEEndEntity)
	file(ev.FileNew, false)
	file(ev.FileStateRemove, true)
	ev.SMTPRequest.Handle("test", 0, func(e *event.SMTPRequest) {
		r.add("smtp_request", tf(e.IsOrig), e.Command, string(e.Arg))
	})
	ev.SMTPReply.Handle("test", 0, func(e *event.SMTPReply) {
		r.add("smtp_reply", tf(e.IsOrig), strconv.FormatUint(e.Code, 10), e.Cmd, string(e.Msg), tf(e.ContResp))
	})
	ev.SMTPData.Handle("test", 0, func(e *event.SMTPData) {
		r.add("smtp_data", tf(e.IsOrig), string(e.Data))
	})
	ev.SMTPUnexpected.Handle("test", 0, func(e *event.SMTPUnexpected) {
		r.add("smtp_unexpected", tf(e.IsOrig), e.Msg, string(e.Detail))
	})
	ev.MIMEOneHeader.Handle("test", 0, func(e *event.MIMEOneHeader) {
		r.add("mime_one_header", string(e.Header.OriginalName), string(e.Header.Name), string(e.Header.Value))
	})
	ev.MIMEAllHeaders.Handle("test", 0, func(e *event.MIMEAllHeaders) {
		r.add("mime_all_headers", strconv.Itoa(len(e.Headers)))
	})
	return r
}

func (r *recorder) add(name string, args ...string) {
	for i, a := range args {
		args[i] = logged(a)
	}
	if len(args) > 0 {
		name += " " + strings.Join(args, ",")
	}
	r.lines = append(r.lines, name)
}

func tf(b bool) string {
	if b {
		return "T"
	}
	return "F"
}

// logged is how a log shows a string in a vector, but with escapes for all that
// isn't ASCII.
func logged(s string) string {
	if s == "" {
		return "(empty)"
	}
	if s == "-" || s == "(empty)" {
		return fmt.Sprintf(`\x%02x%s`, s[0], s[1:])
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c == ',' || c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fakeHost is a connection without packets.
type fakeHost struct {
	ev       *event.Events
	conn     event.Conn
	partial  bool
	gap      bool
	removing bool
	weirds   []string
	history  []byte
	octets   int

	conns      int
	confirmed  bool
	violations []string
}

func (h *fakeHost) Conn() *event.Conn            { h.conns++; return &h.conn }
func (h *fakeHost) Events() *event.Events        { return h.ev }
func (h *fakeHost) IsPartial() bool              { return h.partial }
func (h *fakeHost) HadGap(bool) bool             { return h.gap }
func (h *fakeHost) Removing() bool               { return h.removing }
func (h *fakeHost) AddHistory(c byte)            { h.history = append(h.history, c) }
func (h *fakeHost) Lines() *mime.Lines           { return nil }
func (h *fakeHost) StartTime() float64           { return 0 }
func (h *fakeHost) Confirm()                     { h.confirmed = true }
func (h *fakeHost) StartTLS() func([]byte, bool) { return func([]byte, bool) {} }

func (h *fakeHost) Weird(name, addl, source string) {
	h.weirds = append(h.weirds, strings.TrimSpace(name+" ["+addl+"] "+source))
}

func (h *fakeHost) Violation(reason string, data []byte) {
	text := "<nil>"
	if data != nil {
		text = string(data)
	}
	h.violations = append(h.violations, reason+": "+text)
	if !h.partial && !h.gap {
		h.ev.AnalyzerViolationInfo.Enqueue(event.AnalyzerViolation{Name: Name, Conn: &h.conn, Reason: reason})
	}
}

// fakeFiles counts the octets of files. It drains where the real one does.
type fakeFiles struct {
	ev    *event.Events
	n     int
	files map[string]*event.File
	body  map[string][]byte
}

func newFakeFiles(ev *event.Events) *fakeFiles {
	return &fakeFiles{ev: ev, files: map[string]*event.File{}, body: map[string][]byte{}}
}

func (f *fakeFiles) open(id string) (string, *event.File) {
	if id == "" {
		f.ev.Drain()
		f.n++
		id = "F" + strconv.Itoa(f.n)
	}
	file := f.files[id]
	if file == nil {
		file = &event.File{ID: id}
		f.files[id] = file
		f.ev.FileNew.Enqueue(event.FileEvent{File: file})
		f.ev.Drain()
	}
	return id, file
}

func (f *fakeFiles) DataIn(data []byte, tag string, conn *event.Conn, isOrig bool, cachedID, mimeType string) string {
	id, file := f.open(cachedID)
	file.SeenBytes += uint64(len(data))
	f.body[id] = append(f.body[id], data...)
	return id
}

func (f *fakeFiles) Gap(offset, n uint64, tag string, conn *event.Conn, isOrig bool, cachedID string) string {
	id, file := f.open(cachedID)
	file.MissingBytes += n
	return id
}

func (f *fakeFiles) EndOfFile(id string) {
	if file := f.files[id]; file != nil {
		delete(f.files, id)
		f.ev.FileStateRemove.Enqueue(event.FileEvent{File: file})
	}
}

func (f *fakeFiles) EndOfFileConn(string, *event.Conn, bool) { f.ev.Drain() }

func (f *fakeFiles) EndOfFileBoth(tag string, conn *event.Conn) {
	f.EndOfFileConn(tag, conn, true)
	f.EndOfFileConn(tag, conn, false)
}

// replay is a session that is being played.
type replay struct {
	host     *fakeHost
	files    *fakeFiles
	recorder *recorder
	analyzer *Analyzer
	ended    bool
}

func newReplay(ev *event.Events, opts *Options) *replay {
	host := &fakeHost{ev: ev}
	files := newFakeFiles(ev)
	r := &replay{host: host, files: files, analyzer: NewFactory(files, opts).New(host)}
	return r
}

// play is what the connection does at a step: protocol detection with it.
func (r *replay) play(st step) {
	h, a := r.host, r.analyzer
	// What was disabled ends before the next delivery.
	if h.removing && !r.ended {
		r.ended = true
		a.Done()
	}
	if st.op == "data" {
		h.octets += len(st.data)
	}
	if r.ended {
		return
	}
	switch st.op {
	case "data":
		data := bytes.Clone(st.data)
		a.DeliverStream(data, st.isOrig)
		for i := range data {
			data[i] = '#' // nothing may hold on to it
		}
	case "gap":
		h.gap = true
		a.Undelivered(st.seq, st.n, st.isOrig)
	case "eof":
		a.EndpointEOF(st.isOrig)
	case "partial":
		h.partial = true
	case "finished":
		a.ConnectionFinished(false)
	case "reset":
		a.ConnectionReset()
	case "done":
		r.ended = true
		a.Done()
	}
}

// run plays a session alone and returns what was recorded.
func run(steps []step, opts *Options) *replay {
	ev := event.NewEvents()
	ev.OnError = func(e event.HandlerError) { panic(e) }
	r := newReplay(ev, opts)
	r.recorder = newRecorder(ev)
	disableAtViolation(ev, r.host)
	for _, st := range steps {
		r.play(st)
		ev.DrainAll()
	}
	return r
}

// told are the events and then the weirds.
func (r *replay) told() []string {
	lines := slices.Clone(r.recorder.lines)
	for _, w := range r.host.weirds {
		lines = append(lines, "weird "+strings.ReplaceAll(w, " [] ", " "))
	}
	for _, c := range r.host.history {
		lines = append(lines, "history "+string(c))
	}
	return lines
}

// disableAtViolation is what the policy of protocol detection does.
func disableAtViolation(ev *event.Events, hosts ...*fakeHost) {
	ev.AnalyzerViolationInfo.Handle("test", 0, func(e *event.AnalyzerViolation) {
		for _, h := range hosts {
			if e.Conn == &h.conn && h.octets <= 10240 {
				h.removing = true
			}
		}
	})
}
