package files_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/analyzers/smtp"
	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// unreadable are mails that go-message doesn't take apart to the end, or that
// were not captured whole: "case/number of the mail".
var unreadable = map[string]string{
	"R-postfix-odd-messages/0": "the mail has no header, for which the library has no use",
	"R-postfix-odd-messages/5": "the last boundary is missing; Zeek takes what there is of the part",
	"R-postfix-snaplen96/0":    "the capture has 96 octets of each packet, the rest is a gap",
}

// TestExtractedMailsAreWhatAMailLibraryDecodes extracts the parts of real mails
// (the captures of real servers and clients of the conformance suite) together
// with the mails as a whole, lets a mail library take the whole mails apart and
// compares the parts. Where Zeek's rules differ, the difference is exactly this:
//
//   - a quoted-printable body and one within a message/* part keep the line end
//     that belongs to the boundary behind them (MIME.cc, DecodeDataLine: only
//     plain bodies that are children of multiparts hold it back);
//   - of a message/* part other than message/rfc822, Zeek takes the first block
//     for a header, too, which is not part of the file.
func TestExtractedMailsAreWhatAMailLibraryDecodes(t *testing.T) {
	parts, exceptions := 0, 0
	eachCapture(t, "testdata/mails.tar.gz", func(name string, pcap []byte) {
		for i, m := range extractMails(t, pcap) {
			id := fmt.Sprintf("%s/%d", name, i)
			want, err := leaves(m.whole)
			if reason, ok := unreadable[id]; ok {
				if err == nil && len(want) == len(m.parts) {
					t.Errorf("%s can be read, though %s", id, reason)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: the library says: %v", id, err)
				continue
			}
			if len(want) != len(m.parts) {
				t.Errorf("%s: %d parts, want %d", id, len(m.parts), len(want))
				continue
			}
			for k, w := range want {
				got := m.parts[k]
				parts++
				switch {
				case bytes.Equal(got, w.content):
				case (w.encoding == "quoted-printable" || w.nested) && bytes.Equal(got, append(w.content, "\r\n"...)):
					exceptions++
				case strings.HasPrefix(w.mediaType, "message/") && bytes.Equal(got, append(afterHeader(w.content), "\r\n"...)):
					exceptions++
				default:
					t.Errorf("%s, part %d (%s, %s):\n%.200q\nwant:\n%.200q", id, k, w.mediaType, w.encoding, got, w.content)
				}
			}
		}
	})
	if parts < 100 || exceptions > parts/5 {
		t.Errorf("%d parts compared, %d by way of an exception", parts, exceptions)
	}
}

func afterHeader(b []byte) []byte {
	_, rest, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	return rest
}

func eachCapture(t *testing.T, path string, fn func(name string, pcap []byte)) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		fn(filepath.Dir(h.Name), b)
	}
}

// leaf is a part without parts, decoded by the library.
type leaf struct {
	mediaType, encoding string
	nested              bool // the body of a message/rfc822 part
	content             []byte
}

// leaves takes a mail apart, nested mails too. Empty parts are left out: they
// make no file.
func leaves(mail []byte) ([]leaf, error) {
	e, err := message.Read(bytes.NewReader(mail))
	if err != nil && !message.IsUnknownCharset(err) {
		return nil, err
	}
	return appendLeaves(nil, e, false)
}

func appendLeaves(dst []leaf, e *message.Entity, nested bool) ([]leaf, error) {
	if mr := e.MultipartReader(); mr != nil {
		for {
			p, err := mr.NextPart()
			if errors.Is(err, io.EOF) {
				return dst, nil
			}
			if err != nil && !message.IsUnknownCharset(err) {
				return dst, err
			}
			if dst, err = appendLeaves(dst, p, false); err != nil {
				return dst, err
			}
		}
	}
	b, err := io.ReadAll(e.Body)
	if err != nil || len(b) == 0 {
		return dst, err
	}
	mediaType, _, _ := e.Header.ContentType()
	if mediaType == "message/rfc822" {
		in, err := message.Read(bytes.NewReader(b))
		if err != nil && !message.IsUnknownCharset(err) {
			return dst, err
		}
		return appendLeaves(dst, in, true)
	}
	return append(dst, leaf{mediaType, strings.ToLower(e.Header.Get("Content-Transfer-Encoding")), nested, b}), nil
}

type extracted struct {
	whole []byte
	parts [][]byte
}

// extractMails runs a capture through everything from the frame to the file, with
// each mail as a file of its own (SMTP::enable_rfc822_msg_file_analysis).
func extractMails(t *testing.T, pcap []byte) []*extracted {
	ev := event.NewEvents()
	ev.OnError = func(e event.HandlerError) { t.Errorf("%v\n%s", e, e.Stack) }
	var timers timer.Manager
	weirds := weird.NewSampler(ev, &timers)
	opts := files.DefaultOptions()
	opts.FileExtractPrefix = t.TempDir()
	manager := files.NewManager(files.Config{
		Events: ev, Timers: &timers, Weirds: weirds, Options: opts,
		FileID: func(dst, h []byte) []byte { return append(append(dst, 'F'), h...) },
	})
	smtpOpts := smtp.DefaultOptions()
	smtpOpts.EnableRFC822MsgFileAnalysis = true
	factory := smtp.NewFactory(manager, &smtpOpts)
	connOpts := conn.DefaultOptions()
	connOpts.SMTPPorts = conn.PortSet{}
	for _, port := range []uint16{25, 587} {
		connOpts.SMTPPorts[conn.Port{Number: port, Proto: event.ProtoTCP}] = true
	}
	connOpts.LikelyServerPorts = connOpts.SMTPPorts
	table := conn.NewTable(conn.Config{
		Options: connOpts, Events: ev, Timers: &timers, Weirds: weirds, UIDs: new(uids),
		NewSMTP: func(h analyzers.Host) analyzers.Analyzer { return factory.New(h) },
	})
	decoder := packet.NewDecoder(packet.DefaultOptions(), ev, &timers, weirds, table)

	// The mail that each connection is in the middle of, and where its file is.
	type state struct {
		mail   *extracted
		wholly *event.File
		depth  int
	}
	states := make(map[*event.Conn]*state)
	of := func(c *event.Conn) *state {
		if states[c] == nil {
			states[c] = &state{}
		}
		return states[c]
	}
	var mails []*extracted
	count := 0
	names := make(map[*event.File]string)
	ev.MIMEBeginEntity.Handle("test", 10, func(e *event.ConnEvent) { of(e.Conn).depth++ })
	ev.GetFileHandle.Handle("test", 0, func(e *event.GetFileHandle) {
		st := of(e.Conn)
		*e.Reply = event.FileHandle{Handle: fmt.Appendf(nil, "%s.%d.%t", e.Conn.UID, st.depth, st.wholly != nil), Set: true}
	})
	ev.FileNew.Handle("test", 0, func(e *event.FileEvent) {
		count++
		names[e.File] = fmt.Sprint(count)
		if !e.File.Ctl.AddAnalyzer("EXTRACT", files.ExtractArgs{Filename: names[e.File]}) {
			t.Error("EXTRACT not attached")
		}
	})
	ev.FileSniff.Handle("test", 0, func(e *event.FileSniff) {
		if e.Meta.Inferred {
			return
		}
		st := of(e.File.Conns[0])
		st.mail, st.wholly = &extracted{}, e.File
		mails = append(mails, st.mail)
	})
	ev.FileStateRemove.Handle("test", 0, func(e *event.FileEvent) {
		b, err := os.ReadFile(filepath.Join(opts.FileExtractPrefix, names[e.File]))
		if err != nil {
			t.Error(err)
		}
		switch st := of(e.File.Conns[0]); {
		case st.wholly == e.File:
			st.mail.whole, st.wholly = b, nil
		case st.mail != nil:
			st.mail.parts = append(st.mail.parts, b)
		}
	})

	src, err := capture.NewReader(bytes.NewReader(pcap), "test", capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var fr capture.Frame
	for src.Next(&fr) == nil {
		ev.Now = max(ev.Now, fr.Time)
		timers.Advance(ev.Now, 300)
		decoder.Process(&packet.Frame{Time: fr.Time, LinkType: int(fr.LinkType), Data: fr.Data, WireLen: int(fr.WireLen)})
		ev.Drain()
		ev.Drain()
	}
	timers.Expire()
	ev.DrainAll()
	table.Drain()
	ev.DrainAll()
	if err := manager.Terminate(); err != nil {
		t.Error(err)
	}
	return mails
}

// uids counts.
type uids int

func (u *uids) NextUID() string {
	*u++
	return fmt.Sprintf("C%d", *u)
}
