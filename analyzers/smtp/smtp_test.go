package smtp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
)

// talk makes steps of packets: those of the server begin with a digit.
func talk(packets ...string) []step {
	var steps []step
	for _, p := range packets {
		steps = append(steps, step{op: "data", isOrig: p[0] < '0' || p[0] > '9', data: []byte(p)})
	}
	return steps
}

func with(steps []step, more ...step) []step { return append(slices.Clip(steps), more...) }

var envelope = talk("220 hi\r\n", "HELO x\r\n", "250 ok\r\n", "MAIL FROM:<a>\r\n", "250 ok\r\n", "RCPT TO:<b>\r\n", "250 ok\r\n")

// TestGapAfterSTARTTLS: the octets of TLS are taken for lines then, whatever is
// in them (facts: the client's are swallowed until a reply).
func TestGapAfterSTARTTLS(t *testing.T) {
	steps := with(talk("220 hi\r\n", "STARTTLS\r\n", "220 go\r\nx\r\n", "\x16\x03\x01"),
		step{op: "gap", isOrig: true, seq: 14, n: 3},
		step{op: "data", isOrig: true, data: []byte("\x17\r\n\r")},
		step{op: "data", data: []byte("\x16\nx\r\r")},
		step{op: "data", data: []byte("250 ok")},
	)
	got := run(steps, nil).told()
	compare(t, got[len(got)-8:], []string{
		`smtp_unexpected T,content gap,seq = 14\x2c len = 3`,
		`smtp_unexpected T,more than one <CR> at the end of line,\x17\x0d\x0a\x0d`,
		`smtp_unexpected T,Bare <CR> or <LF> appears in the middle of line,\x17\x0d\x0a`,
		`smtp_unexpected F,more than one <CR> at the end of line,\x16\x0ax\x0d\x0d`,
		`smtp_unexpected F,Bare <CR> or <LF> appears in the middle of line,\x16\x0ax`,
		`smtp_unexpected F,reply code out of range,\x16\x0ax`,
		`smtp_request T,(UNKNOWN),(empty)`,
		`smtp_reply F,250,(UNKNOWN),ok,F`,
	})
}

func TestPendingCommandsAreLimited(t *testing.T) {
	steps := talk("220 hi\r\n", strings.Repeat("NOOP\r\n", 2*maxPending+3)+"QUIT\r\n")
	r := run(steps, nil)
	if want := []string{"smtp_excessive_pending_cmds [] SMTP", "smtp_excessive_pending_cmds [] SMTP"}; !slices.Equal(r.host.weirds, want) {
		t.Errorf("got %q", r.host.weirds)
	}
	if n := r.analyzer.pending.len(); n != 3 {
		t.Errorf("%d pending", n)
	}
	// What awaits a reply first is kept.
	r.play(talk("250 1\r\n250 2\r\n")[0])
	r.play(talk("250 3\r\n221 4\r\n")[0])
	r.host.ev.DrainAll()
	if last := r.recorder.lines[len(r.recorder.lines)-1]; last != "smtp_reply F,221,QUIT,4,F" {
		t.Errorf("the last reply is %s", last)
	}
}

// TestChunkAfterDividedLineEnd: the LF of the command comes alone, and makes the
// splitter hand over no octets, which is a line (ContentLine.cc, DoDeliver).
func TestChunkAfterDividedLineEnd(t *testing.T) {
	got := run(with(envelope, talk("BDAT 3 LAST\r", "\n", "A:b")...), nil).recorder.lines
	compare(t, got[len(got)-7:], []string{
		"smtp_request T,BDAT,3 LAST",
		"mime_begin_entity",
		`smtp_unexpected T,unexpected command,BDAT reply = 0 state = 13`,
		`smtp_unexpected T,unknown command,(empty)`,
		"mime_one_header A,A,b",
		"mime_all_headers 1",
		"mime_end_entity",
	})
}

// TestNestedMail: the reply to the first dot ends DATA of the second mail, whose
// lines are commands then, and DATA among them begins a third one.
func TestNestedMail(t *testing.T) {
	mail := "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n"
	steps := with(talk("220 hi\r\n", "HELO x\r\n", "250 ok\r\n", mail+"\r\none\r\n.\r\n"+mail),
		talk("250 1\r\n250 2\r\n354 3\r\n250 4\r\n", "DATA\r\n")...)
	r := run(with(steps, step{op: "done"}), nil)
	if want := []string{"smtp_nested_mail_transaction [] SMTP"}; !slices.Equal(r.host.weirds, want) {
		t.Errorf("got %q", r.host.weirds)
	}
	begun, ended := 0, 0
	for _, line := range r.recorder.lines {
		switch line {
		case "mime_begin_entity":
			begun++
		case "mime_end_entity":
			ended++
		}
	}
	if begun != 3 || ended != 3 {
		t.Errorf("%d mails begun, %d ended", begun, ended)
	}
}

func TestSkipData(t *testing.T) {
	ev := event.NewEvents()
	r := newReplay(ev, nil)
	r.recorder = newRecorder(ev)
	ev.SMTPData.Handle("test", -1, func(e *event.SMTPData) {
		if string(e.Data) == "skip" {
			r.analyzer.SkipData()
		}
	})
	body := talk("DATA\r\n", "skip\r\n", "hidden\r\n.\r\n", "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n", "shown\r\n.\r\n")
	for _, st := range with(envelope, body...) {
		r.play(st)
		ev.DrainAll()
	}
	got := slices.DeleteFunc(r.recorder.lines, func(s string) bool { return !strings.HasPrefix(s, "smtp_data") })
	compare(t, got, []string{"smtp_data T,skip", "smtp_data T,shown"})
}

// TestDisabledInTheMiddleOfAPacket: a handler that runs while a file is made
// disables the analyzer. The line is finished, and no other one is begun.
func TestDisabledInTheMiddleOfAPacket(t *testing.T) {
	ev := event.NewEvents()
	r := newReplay(ev, nil)
	r.recorder = newRecorder(ev)
	ev.FileNew.Handle("test", 0, func(*event.FileEvent) { r.host.removing = true })
	for _, st := range with(envelope, talk("DATA\r\n\r\none\r\ntwo\r\n.\r\n", "QUIT\r\n")...) {
		r.play(st)
		ev.DrainAll()
	}
	got := r.recorder.lines
	compare(t, got[len(got)-4:], []string{
		"file_new", "smtp_data T,one",
		// The next packet finds the mail open.
		"mime_end_entity", "file_state_remove 5",
	})
}

// TestWholeMailIsAFile: SMTP::enable_rfc822_msg_file_analysis.
func TestWholeMailIsAFile(t *testing.T) {
	opts := DefaultOptions()
	opts.EnableRFC822MsgFileAnalysis = true
	for name, body := range map[string][]step{
		"DATA": talk("DATA\r\n", "A: b\n\n..c\n.\r\n"),
		"BDAT": talk("BDAT 5\r\nA: b\r", "BDAT 6 LAST\r\n\n\r\n.c\n"),
	} {
		t.Run(name, func(t *testing.T) {
			r := run(with(envelope, body...), &opts)
			want := map[string]string{
				"DATA": "A: b\r\n\r\n.c\r\n",
				"BDAT": "A: b\r\n\r\n.c\n",
			}[name]
			if got := string(r.files.body["F1"]); got != want {
				t.Errorf("the whole is %q, want %q", got, want)
			}
			if got := string(r.files.body["F2"]); got != want[8:] {
				t.Errorf("the body is %q", got)
			}
			if len(r.files.files) != 0 {
				t.Error("files are open")
			}
			events := slices.DeleteFunc(r.recorder.lines, func(s string) bool {
				return !isFileEvent(s) && !strings.HasPrefix(s, "mime_") && s != "smtp_request T,.,."
			})
			want = "mime_begin_entity;file_new;mime_one_header A,A,b;mime_all_headers 1;file_new;mime_end_entity;" +
				fmt.Sprintf("file_state_remove %d;file_state_remove %d", len(want)-8, len(want))
			if name == "DATA" {
				want += ";smtp_request T,.,."
			}
			compare(t, events, strings.Split(want, ";"))
		})
	}
}

// TestConfirmation: requests confirm, replies and unknown commands don't.
func TestConfirmation(t *testing.T) {
	for _, test := range []struct {
		steps []step
		want  bool
	}{
		{talk("220 hi\r\n", "foo\r\n", "500 what\r\n"), false},
		{talk("HELO x\r\n"), true},
		{with(talk("220 hi\r\n"), step{op: "gap", seq: 9, n: 1}), false},
		{with(talk("220 hi\r\n"), step{op: "gap", seq: 9, n: 1}, talk("250 hi\r\n")[0]), true},
	} {
		if got := run(test.steps, nil).host.confirmed; got != test.want {
			t.Errorf("%v: confirmed is %v", test.steps, got)
		}
	}
}

func TestViolation(t *testing.T) {
	for line, want := range map[string]string{
		"":      "<nil>",
		"25":    "25",
		"2x0 a": "2x0 a",
		"099 a": "099 a",
		"600 a": "600 a",
	} {
		ev := event.NewEvents()
		r := newReplay(ev, nil)
		r.play(step{op: "data", data: []byte(line + "\r\n")})
		if want := []string{"reply code -1 out of range: " + want}; !slices.Equal(r.host.violations, want) {
			t.Errorf("%q: got %q", line, r.host.violations)
		}
	}
	for _, line := range []string{"100", "599-a", "250x y"} {
		r := newReplay(event.NewEvents(), nil)
		r.play(step{op: "data", data: []byte(line + "\r\n")})
		if len(r.host.violations) != 0 {
			t.Errorf("%q: got %q", line, r.host.violations)
		}
	}
}

// TestNobodyListens: without handlers nothing is made, least of all a uid.
func TestNobodyListens(t *testing.T) {
	r := newReplay(event.NewEvents(), nil)
	for _, st := range with(envelope, talk("foo\r\n", "DATA\r\n", "A: b\r\n\r\n")...) {
		r.play(st)
	}
	if r.host.conns != 0 {
		t.Errorf("asked for the connection %d times", r.host.conns)
	}
}

// FuzzSMTP plays any octets in any order. Each octet of cuts is a step: the high
// bit is the side, the others how many octets it sends; 0 and 1 are events of
// the connection.
func FuzzSMTP(f *testing.F) {
	f.Add([]byte("EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nA: b\r\n\r\nc\r\n.\r\nQUIT\r\n"),
		[]byte("220 a\r\n250-b\r\n250 c\r\n250 d\r\n250 e\r\n354 f\r\n250 g\r\n221 h\r\n"), []byte("\x87\x08\x90\x7f\xff"))
	f.Add([]byte("HELO x\r\nBDAT 7\r\nA: b\r\n\rBDAT 3 LAST\r\n\nc\rTURN\r\nAUTH\r\nx\r\n"),
		[]byte("220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n334 f\r\n"), []byte("\x87\x08\x91\x20\xff\x01\x0a\x80\x7f"))
	f.Add([]byte("STARTTLS\r\n\x16\r\n\x00\r"), []byte("220 a\r\n220 b\r\n\x16\x03"), []byte("\x90\x10\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, client, server, cuts []byte) {
		var steps []step
		seq := uint64(1)
		for _, c := range cuts {
			isOrig := c < 0x80
			from := &server
			if isOrig {
				from = &client
			}
			switch n := int(c & 0x7f); n {
			case 0:
				steps = append(steps, step{op: "gap", isOrig: isOrig, seq: seq, n: 3})
			case 1:
				steps = append(steps, step{op: "eof", isOrig: isOrig}, step{op: "finished"})
			default:
				n = min(n, len(*from))
				steps = append(steps, step{op: "data", isOrig: isOrig, data: (*from)[:n:n]})
				*from = (*from)[n:]
			}
		}
		steps = append(steps,
			step{op: "data", isOrig: true, data: client}, step{op: "data", data: server}, step{op: "done"})
		opts := DefaultOptions()
		opts.BDATMaxLineLength = 20
		opts.EnableRFC822MsgFileAnalysis = len(cuts)%2 == 1
		r := run(steps, &opts)
		open := 0
		for _, line := range r.recorder.lines {
			switch {
			case line == "mime_begin_entity", line == "file_new":
				open++
			case line == "mime_end_entity", strings.HasPrefix(line, "file_state_remove"):
				open--
			}
		}
		if open != 0 {
			t.Errorf("%d entities or files are open at the end", open)
		}
		if len(r.analyzer.pending.list) > 2*maxPending {
			t.Errorf("%d commands are kept", len(r.analyzer.pending.list))
		}
	})
}

func BenchmarkSession(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and then again and again.\r\n", 4000)
	base64 := strings.Repeat(strings.Repeat("VGhl", 19)+"\r\n", 4000)
	for name, body := range map[string]string{
		"text":   "Subject: x\r\n\r\n" + text,
		"base64": "Content-Transfer-Encoding: base64\r\n\r\n" + base64,
	} {
		for _, listen := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/smtp_data=%v", name, listen), func(b *testing.B) {
				ev := event.NewEvents()
				ev.SMTPRequest.Handle("bench", 0, func(*event.SMTPRequest) {})
				ev.SMTPReply.Handle("bench", 0, func(*event.SMTPReply) {})
				ev.MIMEOneHeader.Handle("bench", 0, func(*event.MIMEOneHeader) {})
				if listen {
					ev.SMTPData.Handle("bench", 0, func(*event.SMTPData) {})
				}
				host := &fakeHost{ev: ev}
				a := NewFactory(noFiles{}, nil).New(host)
				play := func(steps []step) {
					for _, st := range steps {
						a.DeliverStream(st.data, st.isOrig)
						ev.Drain()
					}
				}
				play(envelope[:3])
				mail := with(envelope[3:], talk("DATA\r\n", "354 go\r\n")...)
				mail = with(mail, cutSteps(talk(body+".\r\n"), func() int { return 1460 })...)
				mail = with(mail, talk("250 ok\r\n")...)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					play(mail)
				}
			})
		}
	}
}

// noFiles takes all and does nothing.
type noFiles struct{}

func (noFiles) DataIn([]byte, string, *event.Conn, bool, string, string) string { return "F" }
func (noFiles) Gap(uint64, uint64, string, *event.Conn, bool, string) string    { return "F" }
func (noFiles) EndOfFile(string)                                                {}
func (noFiles) EndOfFileConn(string, *event.Conn, bool)                         {}
func (noFiles) EndOfFileBoth(string, *event.Conn)                               {}
