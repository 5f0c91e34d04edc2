package files

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files/magic"
	"github.com/gzeek/gzeek/timer"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/*.txt")

// TestScripts runs testdata/*.txt: lines that begin with "> " are commands (see
// stage.do), the lines up to the next one are what they print: the answer of the
// manager and the events in the order in which their handlers run. Rewrite them
// with -update only if you understand what changed them.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := newStage(t)
			var got bytes.Buffer
			for line := range strings.Lines(string(want)) {
				switch {
				case strings.HasPrefix(line, "> "):
					got.WriteString(line)
					s.out.Reset()
					if err := s.do(strings.Fields(line[2:])); err != nil {
						t.Fatalf("%s: %v", strings.TrimSpace(line), err)
					}
					got.Write(s.out.Bytes())
				case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
					got.WriteString(line)
				}
			}
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got:\n%s\nwant:\n%s", got.Bytes(), want)
			}
		})
	}
}

// matcher is one for all tests: making it takes longer than they do.
var matcher = sync.OnceValues(magic.New)

// stage is a manager with handlers that print.
type stage struct {
	t       testing.TB
	ev      *event.Events
	timers  timer.Manager
	m       *Manager
	opts    Options
	out     bytes.Buffer
	conns   map[string]*event.Conn
	handles map[string]string
	mute    []string
	actions map[string][][]string
	topics  struct {
		stream *event.Topic[StreamData]
		chunk  *event.Topic[ChunkData]
	}
}

func newStage(t testing.TB) *stage {
	s := &stage{
		t:       t,
		ev:      event.NewEvents(),
		opts:    DefaultOptions(),
		conns:   make(map[string]*event.Conn),
		handles: make(map[string]string),
		actions: make(map[string][][]string),
	}
	s.opts.FileExtractPrefix = filepath.Join(t.TempDir(), "extract_files")
	s.ev.OnError = func(e event.HandlerError) { t.Errorf("%v\n%s", e, e.Stack) }
	return s
}

// start makes the manager; what is set up later comes too late.
func (s *stage) start() *Manager {
	if s.m != nil {
		return s.m
	}
	types, err := matcher()
	if err != nil {
		s.t.Fatal(err)
	}
	s.m = NewManager(Config{
		Events: s.ev,
		Timers: &s.timers,
		FileID: func(dst, h []byte) []byte { return append(append(dst, 'F'), h...) },
		Magic:  types, Options: s.opts,
	})
	ev := s.ev
	handle(s, ev.GetFileHandle, func(e *event.GetFileHandle) *event.File {
		s.printf("get_file_handle %s %s", e.Conn.UID, tf(e.IsOrig))
		h, ok := s.handles[e.Conn.UID+tf(e.IsOrig)]
		*e.Reply = event.FileHandle{Handle: []byte(h), Set: ok}
		return nil
	})
	file := func(topic *event.Topic[event.FileEvent]) {
		handle(s, topic, func(e *event.FileEvent) *event.File {
			s.printf("%s %s", topic.Name(), counters(e.File))
			return e.File
		})
	}
	file(ev.FileNew)
	file(ev.FileTimeout)
	file(ev.FileStateRemove)
	handle(s, ev.FileOverNewConnection, func(e *event.FileOverNewConnection) *event.File {
		s.printf("file_over_new_connection %s %s %s", counters(e.File), e.Conn.UID, tf(e.IsOrig))
		return e.File
	})
	handle(s, ev.FileSniff, func(e *event.FileSniff) *event.File {
		s.printf("file_sniff %s type=%q inferred=%s bof=%d", counters(e.File), e.Meta.MIMEType, tf(e.Meta.Inferred), len(e.File.BofBuffer))
		return e.File
	})
	handle(s, ev.FileGap, func(e *event.FileGap) *event.File {
		s.printf("file_gap %s offset=%d len=%d", counters(e.File), e.Offset, e.Len)
		return e.File
	})
	handle(s, ev.FileHash, func(e *event.FileHash) *event.File {
		s.printf("file_hash %s %s %s", e.File.ID, e.Kind, e.Hash)
		return e.File
	})
	handle(s, ev.FileExtractionLimit, func(e *event.FileExtractionLimit) *event.File {
		s.printf("file_extraction_limit %s limit=%d len=%d", counters(e.File), e.Limit, e.Len)
		return e.File
	})
	handle(s, ev.ReporterError, func(e *event.Reporter) *event.File {
		dir := s.opts.FileExtractPrefix
		s.printf("reporter_error %s", strings.NewReplacer(dir, "DIR", filepath.Dir(dir), "UP").Replace(e.Msg))
		return nil
	})
	s.topics.stream = event.Declare[StreamData](ev.Queue, "stream_event")
	handle(s, s.topics.stream, func(e *StreamData) *event.File {
		s.printf("stream_event %s %s", e.File.ID, short(e.Data))
		return e.File
	})
	s.topics.chunk = event.Declare[ChunkData](ev.Queue, "chunk_event")
	handle(s, s.topics.chunk, func(e *ChunkData) *event.File {
		s.printf("chunk_event %s %s at %d", e.File.ID, short(e.Data), e.Offset)
		return e.File
	})
	return s.m
}

// handle registers a body that prints, then does what "on" commands ask for.
func handle[E any](s *stage, topic *event.Topic[E], body func(*E) *event.File) {
	if slices.Contains(s.mute, topic.Name()) {
		return
	}
	topic.Handle("test", 0, func(e *E) {
		f := body(e)
		for _, action := range s.actions[topic.Name()] {
			s.act(f, action)
		}
	})
}

func (s *stage) act(f *event.File, action []string) {
	switch action[0] {
	case "add":
		if !f.Ctl.AddAnalyzer(action[1], s.args(action)) {
			s.printf("not added")
		}
	case "remove":
		s.printf("removed: %t", f.Ctl.RemoveAnalyzer(action[1], s.args(action)))
	case "stop":
		f.Ctl.Stop()
	case "timeout":
		f.Ctl.SetTimeout(float(action[1]))
	case "limit": // limit NAME LIMIT missing NEW
		s.printf("set_limit: %t", f.Ctl.(ExtractionControl).SetExtractionLimit(
			s.args(append([]string{"add", "EXTRACT"}, action[1:4]...)), count(action[4])))
	default:
		s.t.Fatalf("no action %q", action)
	}
}

func (s *stage) args(action []string) any {
	switch action[1] {
	case "EXTRACT": // EXTRACT NAME LIMIT missing|existing
		return ExtractArgs{Filename: action[2], Limit: count(action[3]), LimitIncludesMissing: action[4] == "missing"}
	case "DATA_EVENT":
		a := DataEventArgs{}
		if slices.Contains(action, "stream") {
			a.StreamEvent = s.topics.stream
		}
		if slices.Contains(action, "chunk") {
			a.ChunkEvent = s.topics.chunk
		}
		return a
	}
	return nil
}

func (s *stage) do(cmd []string) error {
	switch cmd[0] {
	case "unhandled": // EVENT: no handler for it
		s.mute = append(s.mute, cmd[1])
		return nil
	case "bof": // N: default_file_bof_buffer_size
		s.opts.DefaultFileBofBufferSize = count(cmd[1])
		return nil
	}
	m := s.start()
	switch cmd[0] {
	case "now": // T: sets the clock and runs what is due
		s.ev.Now = float(cmd[1])
		s.timers.Advance(s.ev.Now, -1)
		s.ev.Drain()
	case "conn": // NAME ORIG_PORT
		c := &event.Conn{UID: cmd[1]}
		c.ID.OrigH, c.ID.RespH = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		c.ID.OrigP, c.ID.RespP = uint16(count(cmd[2])), 25
		s.conns[cmd[1]] = c
	case "handle": // CONN DIR HANDLE|none: what get_file_handle answers
		s.handles[cmd[1]+cmd[2]] = strings.TrimPrefix(cmd[3], "none")
	case "on": // EVENT ACTION...: what its handler does
		s.actions[cmd[1]] = append(s.actions[cmd[1]], cmd[2:])
	case "off": // EVENT: nothing any more
		delete(s.actions, cmd[1])
	case "data": // CONN DIR ID|- OCTETS [TYPE]
		mime := ""
		if len(cmd) > 5 {
			mime = cmd[5]
		}
		s.printf("= %q", m.DataIn(octets(cmd[4]), "SMTP", s.conns[cmd[1]], cmd[2] == "T", strings.TrimPrefix(cmd[3], "-"), mime))
	case "gap": // CONN DIR ID|- OFFSET LENGTH
		s.printf("= %q", m.Gap(count(cmd[4]), count(cmd[5]), "SMTP", s.conns[cmd[1]], cmd[2] == "T", strings.TrimPrefix(cmd[3], "-")))
	case "end": // ID
		m.EndOfFile(cmd[1])
	case "endconn": // CONN DIR
		m.EndOfFileConn("SMTP", s.conns[cmd[1]], cmd[2] == "T")
	case "endboth": // CONN
		m.EndOfFileBoth("SMTP", s.conns[cmd[1]])
	case "drain":
		s.ev.Drain()
	case "expire": // the end of the run's timers
		s.timers.Expire()
		s.ev.Drain()
	case "terminate":
		return m.Terminate()
	case "disable":
		s.printf("%t", m.DisableAnalyzer(cmd[1]))
	case "timers":
		s.printf("%d", s.timers.Len())
	case "stats":
		s.printf("%+v", m.Stats())
	case "extracted": // the folder's files
		s.printExtracted()
	default:
		return fmt.Errorf("no command %q", cmd[0])
	}
	return nil
}

func (s *stage) printExtracted() {
	entries, err := os.ReadDir(s.opts.FileExtractPrefix)
	if err != nil {
		s.printf("no folder")
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(s.opts.FileExtractPrefix, e.Name()))
		if err != nil {
			s.t.Fatal(err)
		}
		s.printf("%s %s", e.Name(), short(b))
	}
}

func (s *stage) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func counters(f *event.File) string {
	out := fmt.Sprintf("%s seen=%d missing=%d active=%v conns=", f.ID, f.SeenBytes, f.MissingBytes, f.LastActive)
	for i, c := range f.Conns {
		if i > 0 {
			out += ","
		}
		out += c.UID
	}
	return out
}

func short(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%q... (%d)", b[:8], len(b))
	}
	return fmt.Sprintf("%q", b)
}

func tf(b bool) string {
	if b {
		return "T"
	}
	return "F"
}

// octets reads "-" (none), "x*100" (repeated) or the text itself.
func octets(s string) []byte {
	if s == "-" {
		return nil
	}
	if text, n, ok := strings.Cut(s, "*"); ok {
		return bytes.Repeat([]byte(text), int(count(n)))
	}
	return []byte(s)
}

func count(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func float(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return f
}
