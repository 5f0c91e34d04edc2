package mime

import (
	"bytes"
	stdbase64 "encoding/base64"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
)

// sink takes bodies and nothing else.
type sink struct {
	ev   *event.Events
	conn event.Conn
	keep bool
	body []byte
	n    int
}

func newSink(keep bool) *sink { return &sink{ev: event.NewEvents(), keep: keep} }

func (s *sink) Conn() *event.Conn                                            { return &s.conn }
func (s *sink) Events() *event.Events                                        { return s.ev }
func (s *sink) AddHistory(byte)                                              {}
func (s *sink) Lines() *Lines                                                { return nil }
func (s *sink) Weird(name, addl, source string)                              {}
func (s *sink) EndOfFile(string)                                             {}
func (s *sink) EndOfFileConn(string, *event.Conn, bool)                      {}
func (s *sink) EndOfFileBoth(string, *event.Conn)                            {}
func (s *sink) Gap(uint64, uint64, string, *event.Conn, bool, string) string { return "F" }

func (s *sink) DataIn(data []byte, _ string, _ *event.Conn, _ bool, _, _ string) string {
	if s.keep {
		s.body = append(s.body, data...)
	}
	s.n += len(data)
	return "F"
}

func TestDecodingUndoesEncoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		body := make([]byte, rng.IntN(5000))
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		text := stdbase64.StdEncoding.EncodeToString(body)
		var quoted bytes.Buffer
		w := quotedprintable.NewWriter(&quoted)
		w.Binary = true
		w.Write(body)
		w.Close()

		width := 1 + rng.IntN(300)
		var lines []string
		for len(text) > 0 {
			n := min(width, len(text))
			lines = append(lines, text[:n])
			text = text[n:]
		}
		for encoding, lines := range map[string][]string{
			"base64":           lines,
			"quoted-printable": strings.Split(quoted.String()+"=", "\r\n"),
		} {
			s := newSink(true)
			opts := DefaultOptions()
			m := NewMail(s, s, "SMTP", &opts, new(slab.Buffers))
			m.Begin(true)
			m.Deliver([]byte("Content-Transfer-Encoding: "+encoding), true)
			m.Deliver(nil, true)
			for _, line := range lines {
				m.Deliver([]byte(line), true)
			}
			m.Done()
			if !bytes.Equal(s.body, body) {
				t.Fatalf("%s in lines of %d: %d octets became %d", encoding, width, len(body), len(s.body))
			}
		}
	}
}

func BenchmarkBody(b *testing.B) {
	words := strings.Repeat("the quick brown fox jumps over the lazy dog ", 2)[:74]
	for encoding, line := range map[string]string{
		"7bit":             words,
		"quoted-printable": words[:60] + "=E4=F6=FC",
		"base64":           stdbase64.StdEncoding.EncodeToString([]byte(words))[:76],
	} {
		b.Run(encoding, func(b *testing.B) {
			s := newSink(false)
			opts := DefaultOptions()
			m := NewMail(s, s, "SMTP", &opts, new(slab.Buffers))
			m.Begin(true)
			m.Deliver([]byte("Content-Transfer-Encoding: "+encoding), true)
			m.Deliver(nil, true)
			text := []byte(line)
			b.SetBytes(int64(len(text)) + 2)
			b.ReportAllocs()
			for b.Loop() {
				m.Deliver(text, true)
			}
		})
	}
}
