package smtp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/timer"
)

// attachAt is how many octets are sniffed of files whose content is wanted from
// then on.
const attachAt = 400

// playBody plays steps with the real file manager, whose files need their
// content for the first head octets only, and returns all that can be told of
// them, and how many octets were skimmed. Each line is taken by itself if slow.
func playBody(steps []step, head uint64, slow bool) (told []string, skimmed int) {
	ev := event.NewEvents()
	ev.OnError = func(e event.HandlerError) { panic(e) }
	var timers timer.Manager
	host := &fakeHost{ev: ev}
	opts := files.DefaultOptions()
	opts.DefaultFileBofBufferSize = head
	manager := files.NewManager(files.Config{
		Events: ev, Timers: &timers, Options: opts,
		FileID: func(dst, h []byte) []byte { return append(append(dst, 'F'), h...) },
	})
	counted := &countedFiles{Manager: manager}
	r := &replay{host: host, analyzer: NewFactory(counted, nil).New(host)}
	r.analyzer.slow = slow
	r.recorder = newRecorder(ev)
	entities := 0
	ev.MIMEBeginEntity.Handle("test", 1, func(*event.ConnEvent) {
		entities++
		r.analyzer.SkipData() // or else lines are wanted
	})
	ev.GetFileHandle.Handle("test", 0, func(e *event.GetFileHandle) {
		r.recorder.add("get_file_handle", tf(e.IsOrig))
		*e.Reply = event.FileHandle{Handle: []byte(strconv.Itoa(entities)), Set: true}
	})
	state := func(f *event.File) {
		r.recorder.add("file", f.ID, fmt.Sprint(f.SeenBytes, f.MissingBytes, f.OverflowBytes, f.LastActive), string(f.BofBuffer))
	}
	for _, topic := range []*event.Topic[event.FileEvent]{ev.FileNew, ev.FileStateRemove, ev.FileTimeout} {
		topic.Handle("test", 1, func(e *event.FileEvent) { state(e.File) })
	}
	pieces := event.Declare[files.StreamData](ev.Queue, "pieces", "f: fa_file", "data: string")
	pieces.Handle("test", 0, func(e *files.StreamData) { r.recorder.add("pieces", string(e.Data)) })
	ev.FileSniff.Handle("test", 0, func(e *event.FileSniff) {
		state(e.File)
		if head >= attachAt { // it sees the pieces that were collected
			e.File.Ctl.AddAnalyzer("DATA_EVENT", files.DataEventArgs{StreamEvent: pieces})
		}
	})
	ev.FileGap.Handle("test", 0, func(e *event.FileGap) { state(e.File) })
	for i, st := range steps {
		ev.Now = float64(i + 1)
		r.play(st)
		ev.DrainAll()
	}
	return r.told(), counted.n
}

// countedFiles notes what was skimmed.
type countedFiles struct {
	*files.Manager
	n int
}

func (c *countedFiles) Counting(fileID string) files.Counted {
	if f := c.Manager.Counting(fileID); f != nil {
		return noted{f, c}
	}
	return nil
}

type noted struct {
	files.Counted
	by *countedFiles
}

func (n noted) Count(octets uint64) {
	n.by.n += int(octets)
	n.Counted.Count(octets)
}

// bothWays compares what is told of a mail with the given octets behind DATA, cut
// into packets of the given sizes, with and without skimming.
func bothWays(t *testing.T, mail []byte, size func() int) (skimmed int) {
	t.Helper()
	steps := with(envelope, talk("DATA\r\n", "354 go\r\n")...)
	steps = append(steps, cutSteps([]step{{op: "data", isOrig: true, data: mail}}, size)...)
	steps = append(steps, talk("250 ok\r\n", "QUIT\r\n", "221 bye\r\n")...)
	steps = append(steps, step{op: "eof", isOrig: true}, step{op: "done"})
	for _, head := range []uint64{8, 300, attachAt} {
		want, _ := playBody(steps, head, true)
		got, n := playBody(steps, head, false)
		if !slices.Equal(got, want) {
			t.Errorf("mail %q, %d octets to be sniffed:\ngot:  %q\nwant: %q", mail, head, got, want)
		}
		skimmed += n
	}
	return skimmed
}

// bodyLine are lines of which some are only just skimmed, or not.
func bodyLine(rng *rand.Rand) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b []byte
	switch rng.IntN(8) {
	case 0, 1, 2: // base64
		for range rng.IntN(60) * (1 + rng.IntN(4)) {
			b = append(b, alphabet[rng.IntN(64)])
		}
		if rng.IntN(4) > 0 {
			b = b[:len(b)/4*4]
		}
		if line := b; rng.IntN(2) == 0 { // some that are as long
			for range rng.IntN(8) {
				b = append(append(b, "\r\n"...), line...)
			}
		}
	case 3: // quoted-printable
		for range rng.IntN(20) {
			b = append(b, []string{"plain ", "text", "=3D", "=c3=A4", "\t", "=", " ", "=0D", "=0a", "..", "--"}[rng.IntN(11)]...)
		}
	case 4, 5:
		b = append(b, "Lines of text, which may be anything but often are like this one  "[rng.IntN(66):]...)
	case 6:
		b = append(b, []string{".", "..", "-", "--", "--b", "--b--", "--c", "-- ", "", "=", "==", "====", "AAA=", "QUIT"}[rng.IntN(14)]...)
	case 7:
		for range rng.IntN(30) {
			b = append(b, byte(rng.IntN(256)))
		}
	}
	for rng.IntN(6) == 0 && len(b) > 0 {
		few, bits := byte(rng.IntN(256)), byte(rng.IntN(256)) // small values more often
		b[rng.IntN(len(b))] = few & bits
	}
	return b
}

var bodyHeaders = []string{
	"",
	"Content-Transfer-Encoding: base64\r\n",
	"Content-Transfer-Encoding: quoted-printable\r\n",
	"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n",
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n",
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n",
	"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
}

// TestSkimmingChangesNothing: mails of odd lines are told of as without it,
// however they are cut.
func TestSkimmingChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	skimmed := 0
	for i := range 3000 {
		mail := []byte(bodyHeaders[i%len(bodyHeaders)] + "\r\n")
		for range rng.IntN(25) {
			mail = append(mail, bodyLine(rng)...)
			mail = append(mail, []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\n\r", "\r\r\n"}[rng.IntN(10)]...)
		}
		if i%2 == 0 { // a mail that has an end
			mail = append(mail, "\r\n.\r\n"...)
		}
		most := []int{3, 20, 200, 3000}[rng.IntN(4)]
		skimmed += bothWays(t, mail, func() int { return 1 + rng.IntN(most) })
		if t.Failed() {
			return
		}
	}
	if skimmed < 100000 {
		t.Errorf("only %d octets were skimmed", skimmed)
	}
}

// headerLine are lines of header blocks, of which some end it or only look so.
func headerLine(rng *rand.Rand) []byte {
	b := []byte([]string{
		"Subject: x", "X-Long:" + strings.Repeat(" word", rng.IntN(40)), " folded", "\tfolded, too", "", "no field",
		"Content-Type: multipart/mixed; boundary=b", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
		"--b", "--b--", "-", ".", "..x: y", "QUIT", " ", "(comment) Name (comment): value",
	}[rng.IntN(17)])
	for rng.IntN(6) == 0 && len(b) > 0 {
		few, bits := byte(rng.IntN(256)), byte(rng.IntN(256)) // small values more often
		b[rng.IntN(len(b))] = few & bits
	}
	return b
}

// TestSkimmingHeadersChangesNothing: header blocks of odd lines are told of as
// line by line.
func TestSkimmingHeadersChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		var mail []byte
		for range rng.IntN(40) {
			mail = append(mail, headerLine(rng)...)
			mail = append(mail, []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\n\r", "\r\r\n"}[rng.IntN(10)]...)
		}
		most := []int{3, 20, 200, 3000}[rng.IntN(4)]
		bothWays(t, mail, func() int { return 1 + rng.IntN(most) })
		if t.Failed() {
			return
		}
	}
}

// TestSkimmingLineLengths: lines of a kind, each length around the words and
// batches, at each place in a word.
func TestSkimmingLineLengths(t *testing.T) {
	for _, header := range bodyHeaders {
		for _, fill := range []string{"A", "=3D", "ab=\r\n", "\t", "x "} {
			for n := range 180 {
				line := bytes.Repeat([]byte(fill), n)[:n]
				mail := []byte(header + "\r\nlong enough to be sniffed\r\nAAAAAAAAAAAAAAAAAAAAAAAA\r\n")
				for range 3 {
					mail = append(append(mail, line...), "\r\n"...)
				}
				bothWays(t, append(mail, ".\r\n"...), func() int { return len(mail) })
			}
		}
	}
}

// FuzzSkim is TestSkimmingChangesNothing with octets of any kind.
func FuzzSkim(f *testing.F) {
	f.Add(uint8(1), uint16(40), []byte("AAAABBBBCCCCDDDDEEEEFFFF\r\nAAAABBBB\r\nAAA=\r\n\r\n.\r\n"))
	f.Add(uint8(2), uint16(9), []byte("one line of text =3D\r\nand one that goes on=\r\n in the next  \r\n..\r\n.\r\n"))
	f.Add(uint8(3), uint16(100), []byte("a body before a boundary\r\nmore\r\n\r\n--b--\r\n.\r\n"))
	f.Add(uint8(4), uint16(1), []byte("AAAABBBBCCCCDDDD\r\nA\x00AA\r\nAAAA\rBBBB\n--b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, header uint8, size uint16, body []byte) {
		mail := append([]byte(bodyHeaders[int(header)%len(bodyHeaders)]+"\r\n"), body...)
		bothWays(t, mail, func() int { return 1 + int(size) })
	})
}
