package bro2011

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/pattern"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"
)

// session drives one connection. Columns are those of its smtp.log.
type session struct {
	*policytest.Run
	c *event.Conn
	t *testing.T
}

func newSession(t *testing.T, options ...string) *session {
	s := &session{t: t, c: &event.Conn{UID: "C1", ID: event.ConnID{
		OrigH: netip.MustParseAddr("192.0.2.1"), OrigP: 40000, RespH: netip.MustParseAddr("198.51.100.25"), RespP: 25, Proto: event.ProtoTCP,
	}}}
	s.Run = policytest.Start(t, policytest.Config{Policies: []string{"bro-2011"}, Bare: true, Options: options,
		Loaded: func(c *policy.Context) {
			for _, d := range c.Events.Topics() {
				if d.Name == "SMTP::log_smtp" {
					return
				}
			}
			t.Error("no event SMTP::log_smtp")
		}})
	s.At(1000)
	return s
}

func (s *session) request(command, arg string) {
	s.Events.SMTPRequest.Enqueue(event.SMTPRequest{Conn: s.c, IsOrig: true, Command: command, Arg: []byte(arg)})
	s.Events.Drain()
}

func (s *session) reply(code uint64, msg string) {
	s.Events.SMTPReply.Enqueue(event.SMTPReply{Conn: s.c, Code: code, Msg: []byte(msg)})
	s.Events.Drain()
}

func (s *session) data(lines ...string) {
	for _, l := range lines {
		s.Events.SMTPData.Enqueue(event.SMTPData{Conn: s.c, IsOrig: true, Data: []byte(l)})
	}
	s.Events.Drain()
}

// message is a mail's envelope and lines.
func (s *session) message(lines ...string) {
	s.request("MAIL", "FROM:<a@b.example>")
	s.request("DATA", "")
	s.data(lines...)
}

func (s *session) remove() {
	s.Events.ConnectionStateRemove.Enqueue(event.ConnEvent{Conn: s.c})
	s.Events.Drain()
}

// rows ends the run; each row of smtp.log is by column.
func (s *session) rows() []map[string]string {
	s.t.Helper()
	s.remove()
	log := s.Finish()["smtp"]
	var names []string
	for line := range strings.Lines(log) {
		if f, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#fields\t"); ok {
			names = strings.Split(f, "\t")
		}
	}
	var rows []map[string]string
	for _, f := range policytest.Rows(log) {
		row := map[string]string{}
		for k, n := range names {
			row[n] = f[k]
		}
		rows = append(rows, row)
	}
	return rows
}

// one ends the run and returns the only row.
func (s *session) one() map[string]string {
	s.t.Helper()
	rows := s.rows()
	if len(rows) != 1 {
		s.t.Fatalf("%d rows", len(rows))
	}
	return rows[0]
}

// Header lines in, a column of smtp.log out. Every quirk of the script that shows
// in one mail has a line here.
func TestQuirksOfTheHeader(t *testing.T) {
	for _, q := range []struct {
		quirk        string
		lines        []string
		column, want string
	}{
		{"SUBJECCT: a folded Subject is not continued",
			[]string{"Subject: first", " second"}, "subject", "first"},
		{"other fields are continued with one blank for all",
			[]string{"Message-ID: <1", "\t \t2>"}, "msg_id", "<1 2>"},
		{"Date is not continued",
			[]string{"Date: Mon", " Tue"}, "date", "Mon"},
		{"To is not continued",
			[]string{"To: a@example.com,", " b@example.com"}, "to", `a@example.com\x2c`},
		{"a To value is one element, whole",
			[]string{"To: a@example.com, b@example.com"}, "to", `a@example.com\x2c b@example.com`},
		{"the second address of X-Originating-IP",
			[]string{"X-Originating-IP: 192.0.2.7 192.0.2.8"}, "x_originating_ip", "192.0.2.8"},
		{"one address in X-Originating-IP is none",
			[]string{"X-Originating-IP: [192.0.2.7]"}, "x_originating_ip", "-"},
		{"the second address of a Received header",
			[]string{"Received: from a (192.0.2.7) by b (192.0.2.8)"}, "path", "198.51.100.25,192.0.2.1,192.0.2.8"},
		{"the only address of a Received header",
			[]string{"Received: from a (192.0.2.7) by b"}, "path", "198.51.100.25,192.0.2.1,192.0.2.7"},
		{"an address in a folded line of Received counts too",
			[]string{"Received: from a", "\tby b (192.0.2.9)"}, "path", "198.51.100.25,192.0.2.1,192.0.2.9"},
		{"an address that ends the path is not repeated",
			[]string{"Received: from a (192.0.2.7)", "Received: from a (192.0.2.7)"}, "path", "198.51.100.25,192.0.2.1,192.0.2.7"},
		{"the latest Received is the first",
			[]string{"Received: one", "Received: two", "Received: three"}, "first_received", "three"},
		{"and the one before it the second",
			[]string{"Received: one", "Received: two", "Received: three"}, "second_received", "two"},
		{"X-Mailer, and its continuation, is the user agent",
			[]string{"X-Mailer: M", " 1.0"}, "user_agent", "M 1.0"},
		{"a blank line ends the header",
			[]string{"Subject: a", "", "Subject: b"}, "subject", "a"},
		{"a line of blanks ends the header, too, and continues its last field",
			[]string{"From: a", " \t", "From: b"}, "from", "a "},
		{"a line without a colon is no field, and nothing continues it",
			[]string{"From: a", "nothing", " more"}, "from", "a"},
		{"a field without a value is empty, not unset",
			[]string{"Reply-To:", ""}, "reply_to", "(empty)"},
		{"a file name keeps its quotes",
			[]string{"", `Content-Disposition: attachment; filename="a b.txt"`}, "files", `"a b.txt"`},
		{"what follows a file name stays with it",
			[]string{"", `content-disposition: attachment; FileName=a; size=1`}, "files", "a; size=1"},
		{"the last filename= counts",
			[]string{"", `Content-Disposition: attachment; filename=a; filename=b`}, "files", "b"},
		{"filename without = keeps the whole line",
			[]string{"", `Content-Disposition: attachment; filename*=utf-8''a`}, "files", `Content-Disposition: attachment; filename*=utf-8''a`},
		{"a file name in the header itself is none",
			[]string{`Content-Disposition: attachment; filename=a`}, "files", "-"},
		{"IPv6 of any length is an address, here a bad one that becomes ::",
			[]string{"Received: from a (1:2:3:4:5:6:7:8:9::1)"}, "path", "198.51.100.25,192.0.2.1,::"},
		{"an octet above 255 is no address",
			[]string{"Received: from a (192.0.2.256)"}, "path", "198.51.100.25,192.0.2.1"},
		{"an octet may have zeros in front",
			[]string{"Received: from a (192.000.002.007)"}, "path", "198.51.100.25,192.0.2.1,192.0.2.7"},
		{"a compressed IPv6 address",
			[]string{"Received: from a ([2001:db8::7])"}, "path", "198.51.100.25,192.0.2.1,2001:db8::7"},
		{"an IPv6 address written out",
			[]string{"Received: from a ([2001:db8:1:2:3:4:5:6])"}, "path", "198.51.100.25,192.0.2.1,2001:db8:1:2:3:4:5:6"},
		{"the tag of an address literal is part of what is found",
			[]string{"Received: from a ([IPv6:2001:db8::7])"}, "path", "198.51.100.25,192.0.2.1,6:2001:db8::7"},
		{"IPv4 in IPv6",
			[]string{"Received: from a (::ffff:192.0.2.9)"}, "path", "198.51.100.25,192.0.2.1,192.0.2.9"},
	} {
		t.Run(q.quirk, func(t *testing.T) {
			s := newSession(t)
			s.message(q.lines...)
			if got := s.one()[q.column]; got != q.want {
				t.Errorf("%s is %q, want %q", q.column, got, q.want)
			}
			for _, e := range s.Errors {
				t.Error(e)
			}
		})
	}
}

func TestContinuationOfAFieldThatWasNeverSetEndsThatHandlerOnlyAndIsReported(t *testing.T) {
	s := newSession(t)
	s.message("Subjecct: x", " more", "From: a@example.com", "Received: from b (192.0.2.7)")
	if len(s.Errors) != 1 || s.Errors[0].Event != "smtp_data" || s.Errors[0].Err.Error() != "field value missing (c$smtp$subject)" {
		t.Errorf("errors %v", s.Errors)
	}
	row := s.one()
	if row["from"] != "a@example.com" || row["path"] != "198.51.100.25,192.0.2.1,192.0.2.7" || row["subject"] != "-" {
		t.Errorf("row %v", row)
	}
}

func TestDataFromAServerWithoutARecordIsAnErrorOfThePathHandlerOnly(t *testing.T) {
	s := newSession(t)
	s.Events.SMTPData.Enqueue(event.SMTPData{Conn: s.c, IsOrig: false, Data: []byte("Received: x")})
	s.Events.Drain()
	if len(s.Errors) != 1 || s.Errors[0].Err.Error() != "field value missing (c$smtp)" {
		t.Errorf("errors %v", s.Errors)
	}
}

func TestLastReplyIsTheLastErrorOtherThan421(t *testing.T) {
	s := newSession(t)
	s.reply(220, "hello")
	s.reply(550, "no")
	s.reply(250, "ok")
	s.reply(421, "bye")
	if got := s.one()["last_reply"]; got != "550 no" {
		t.Errorf("last_reply %q", got)
	}
}

func TestMailFromIsCutAtTheFirstBlankAndRcptToIsNot(t *testing.T) {
	s := newSession(t)
	s.request("mail", "From: \t<a@b.example> SIZE=1")
	s.request("RCPT", "tO:<c@d.example> NOTIFY=NEVER")
	s.request("RCPT", "<no@prefix.example>")
	row := s.one()
	if row["mailfrom"] != "<a@b.example>" || row["rcptto"] != "<c@d.example> NOTIFY=NEVER" {
		t.Errorf("row %v", row)
	}
}

// The count of messages rises when a record is written, and a record is written
// at a MAIL FROM only if it has risen: so all mails of a connection share one.
func TestMailsOfAConnectionShareOneRecord(t *testing.T) {
	s := newSession(t)
	s.request("EHLO", "host.example")
	s.message("Subject: one", "")
	s.request("MAIL", "FROM:<second@b.example>")
	row := s.one()
	if row["mailfrom"] != "<second@b.example>" || row["subject"] != "one" {
		t.Errorf("row %v", row)
	}
}

// After a record is done an event begins another, which the next MAIL FROM then
// writes, and which takes HELO from the state.
func TestADoneRecordIsFollowedByAnother(t *testing.T) {
	s := newSession(t)
	s.request("EHLO", "host.example")
	s.remove()
	s.remove() // done: not written again
	s.request("MAIL", "FROM:<late@b.example>")
	rows := s.rows()
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for k, want := range []string{"-", "-", "<late@b.example>"} {
		if rows[k]["mailfrom"] != want || rows[k]["helo"] != "host.example" {
			t.Errorf("row %d: %v", k, rows[k])
		}
	}
}

func TestThePathEndsAtAHostThatMailPathCaptureDoesNotWant(t *testing.T) {
	for capture, want := range map[string]string{
		"ALL_HOSTS":    "198.51.100.25,192.0.2.1,8.8.8.8,9.9.9.9",
		"LOCAL_HOSTS":  "198.51.100.25,192.0.2.1,8.8.8.8",
		"REMOTE_HOSTS": "198.51.100.25,192.0.2.1,8.8.8.8,9.9.9.9",
		"NO_HOSTS":     "198.51.100.25,192.0.2.1,8.8.8.8",
	} {
		s := newSession(t, "SMTP::mail_path_capture="+capture)
		s.message("Received: from a (8.8.8.8)", "Received: from b (9.9.9.9)")
		if got := s.one()["path"]; got != want {
			t.Errorf("%s: path %s, want %s", capture, got, want)
		}
	}
}

func TestBlocklistErrorsGiveNoticesThatAreNeverSuppressed(t *testing.T) {
	s := newSession(t)
	s.reply(554, "see http://www.spamhaus.org/query?ip=192.0.2.1")
	s.reply(554, "see http://www.spamhaus.org/query?ip=192.0.2.1")
	s.reply(554, "see http://www.spamhaus.org/query?ip=192.0.2.2 and 192.0.2.1")
	s.reply(421, "see http://www.spamhaus.org/query?ip=192.0.2.1")
	s.remove()
	var got []string
	for _, f := range policytest.Rows(s.Finish()["notice"]) {
		got = append(got, f[10]+" "+f[11])
	}
	want := []string{
		"SMTP::SMTP_BL_Blocked_Host 192.0.2.1 is on an SMTP block list",
		"SMTP::SMTP_BL_Blocked_Host 192.0.2.1 is on an SMTP block list",
		"SMTP::SMTP_BL_Error_Message 192.0.2.1 received an error message mentioning an SMTP block list",
	}
	if !slices.Equal(got, want) {
		t.Errorf("notices %q", got)
	}
}

func TestItStandsForTheDefaultSetAndIsRefusedBesideIt(t *testing.T) {
	p, _ := policy.Find("bro-2011")
	if err := p.Load(policy.NewContext()); err == nil || !strings.Contains(err.Error(), "-b") {
		t.Errorf("error %v", err)
	}
}

// What the handlers do by hand is what the script's expressions do.
func TestHandWrittenCutsAreThoseOfTheExpressions(t *testing.T) {
	colon, blank := pattern.MustCompile(`/:[[:blank:]]*/`), pattern.MustCompile(`/[[:blank:]]?/`)
	blankLine, leading := pattern.MustCompile(`/^[[:blank:]]*$/`), pattern.MustCompile(`/^[[:blank:]]*/`)
	alphabet := []byte("a: \t\n\x00")
	var walk func(b []byte, depth int)
	walk = func(b []byte, depth int) {
		before, after, found := cutColon(b)
		parts := colon.Split1(b)
		if found != (len(parts) == 2) || string(before) != string(parts[0]) || found && string(after) != string(parts[1]) {
			t.Fatalf("cutColon(%q)", b)
		}
		if string(beforeBlank(b)) != string(blank.Split1(b)[0]) {
			t.Fatalf("beforeBlank(%q)", b)
		}
		if (len(trimBlanks(b)) == 0) != blankLine.MatchAnywhere(b) || string(trimBlanks(b)) != string(leading.Sub(b, nil)) {
			t.Fatalf("trimBlanks(%q)", b)
		}
		if depth == 0 {
			return
		}
		for _, c := range alphabet {
			walk(append(b[:len(b):len(b)], c), depth-1)
		}
	}
	walk(nil, 5)
}

func TestHeaderLinesOfKnownNamesCostNoMemory(t *testing.T) {
	s := newSession(t)
	s.message("X-Spam-Level: 1")
	line := event.SMTPData{Conn: s.c, IsOrig: true, Data: []byte("X-Spam-Level: 1")}
	body := event.SMTPData{Conn: s.c, IsOrig: true, Data: []byte("contents of a line")}
	n := testing.AllocsPerRun(100, func() {
		s.Events.SMTPData.Call(&line)
		s.Events.SMTPData.Call(&body)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAddressesAreWhatTheSnapshotFound(t *testing.T) {
	s := &script{re: newExpressions()}
	for in, want := range map[string][]string{
		"a [1.2.3.4] (999.1.1.1) 256.1.1.1 300.1.2.3": {"1.2.3.4"},
		"1.2.3.4.5":             {"1.2.3.4"},
		"x ::ffff:1.2.3.4":      {"::ffff:1.2.3.4"},
		"IPv6:2001:db8::1":      {"6:2001:db8::1"},
		"a::b":                  {"a::b"},
		"12:34:56 +0000":        nil,
		"1:2:3:4:5:6:7:8:9":     {"1:2:3:4:5:6:7:8"},
		"1:2:3:4:5:6:7:8:9::":   {"1:2:3:4:5:6:7:8:9::"},
		"1:2:3:4:5:6:999.1.1.1": {"1:2:3:4:5:6:999.1.1.1"}, // taken without a look, as the snapshot did
	} {
		got := s.findIPAddresses([]byte(in))
		if len(got) != len(want) {
			t.Errorf("%q: %q, want %q", in, got, want)
			continue
		}
		for i := range got {
			if string(got[i]) != want[i] {
				t.Errorf("%q: %q, want %q", in, got, want)
			}
		}
	}
}
