package software

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	_ "github.com/gzeek/gzeek/policy/dpd" // required by base/protocols/smtp
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/policy/smtp"
)

var (
	local  = netip.MustParseAddr("10.0.0.1")
	remote = netip.MustParseAddr("8.8.8.8")
)

func start(t *testing.T, options ...string) (*policytest.Run, *Software) {
	var s *Software
	r := policytest.Start(t, policytest.Config{
		Policies: []string{"base/frameworks/software"},
		Options:  options,
		Loaded:   func(c *policy.Context) { s = policy.Use[*Software](c) },
	})
	r.At(1000)
	return r, s
}

// column returns a column of software.log.
func column(logs map[string]string, name string) []string {
	var out []string
	at := -1
	for line := range strings.Lines(logs["software"]) {
		if rest, ok := strings.CutPrefix(line, "#fields\t"); ok {
			at = slices.Index(strings.Split(strings.TrimSpace(rest), "\t"), name)
		}
	}
	for _, row := range policytest.Rows(logs["software"]) {
		out = append(out, row[at])
	}
	return out
}

func TestOnlyTrackedHostsAreTakenNoteOf(t *testing.T) {
	for _, c := range []struct {
		hosts         string
		local, remote bool
	}{
		{"LOCAL_HOSTS", true, false}, {"REMOTE_HOSTS", false, true}, {"ALL_HOSTS", true, true}, {"NO_HOSTS", false, false},
	} {
		_, s := start(t, "Software::asset_tracking="+c.hosts)
		if got := s.Found(&Info{Host: local, Unparsed: "a/1.0"}); got != c.local {
			t.Errorf("%s: local: %v", c.hosts, got)
		}
		if got := s.Found(&Info{Host: remote, Unparsed: "a/1.0"}); got != c.remote {
			t.Errorf("%s: remote: %v", c.hosts, got)
		}
		if !s.Found(&Info{Host: remote, Unparsed: "a/1.0", ForceLog: true}) {
			t.Errorf("%s: ForceLog was not forced", c.hosts)
		}
	}
}

func TestAVersionIsLoggedOnceADayAndWhenItChanges(t *testing.T) {
	r, s := start(t)
	var changes []string
	s.VersionChange.Handle("test", 0, func(e *Change) { changes = append(changes, e.Old.String()+" to "+e.New.String()) })
	at := func(now float64, unparsed string, kind Type) {
		r.At(now)
		s.Found(&Info{Host: local, Unparsed: unparsed, Type: kind})
		r.Events.Drain()
		r.Events.Drain()
	}
	at(1000, "Mailer/1.0", MailClient)
	at(1001, "Mailer/1.0", MailClient)
	at(1002, "Mailer/1.0", WebmailServer) // the type makes no difference
	at(1003, "Mailer/2.0", MailClient)
	at(1004, "Mailer/1.0", MailClient)
	at(1005, "Other/1.0", MailClient)
	at(1000+day+1, "Mailer/1.0", MailClient) // the host is forgotten as a whole
	at(1000+day+2, "Other/1.0", MailClient)
	logs := r.Finish()
	want := []string{"Mailer/1.0", "Mailer/2.0", "Mailer/1.0", "Other/1.0", "Mailer/1.0", "Other/1.0"}
	if got := column(logs, "unparsed_version"); !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
	if want := []string{"Mailer 1.0 to Mailer 2.0", "Mailer 2.0 to Mailer 1.0"}; !slices.Equal(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
	if len(r.Errors) > 0 {
		t.Error(r.Errors)
	}
}

func TestTheRowComesTwoRoundsLaterWithTheTimeOfTheFinding(t *testing.T) {
	r, s := start(t)
	r.At(1000.5)
	rows := 0
	s.Log.Logged.Handle("test", 0, func(*policy.Logged[Info]) { rows++ })
	s.Found(&Info{Host: local, Unparsed: ""})
	s.Found(&Info{Host: local, HasUnparsed: true})
	r.Events.Drain()
	if rows != 0 {
		t.Error("logged within two rounds")
	}
	r.At(1002)
	r.Events.Drain()
	logs := r.Finish()
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
	if len(r.Reported) != 1 {
		t.Errorf("a finding without a version string: %q", r.Reported)
	}
	want := []string{"1000.500000", "10.0.0.1", "-", "Software::UNKNOWN", "(empty)", "-", "-", "-", "-", "-", "(empty)"}
	if got := policytest.Rows(logs["software"]); len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNameAndVersionOfTheFinderAreTaken(t *testing.T) {
	r, s := start(t)
	v := Version{Numbers: [4]Number{{4, true}}}
	if s.Found(&Info{Host: local, Version: &v}) {
		t.Error("a version without a name was taken")
	}
	if !s.Found(&Info{Host: local, Version: &v, Name: "daemon", HostPort: 25}) {
		t.Error("a name with a version was refused")
	}
	got := policytest.Rows(r.Finish()["software"])
	want := []string{"1000.000000", "10.0.0.1", "25", "Software::UNKNOWN", "daemon", "4", "-", "-", "-", "-", "-"}
	if len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMailSoftwareIsWhereThePathEnds(t *testing.T) {
	a, b, c := netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")
	for _, x := range []struct {
		name     string
		path     []netip.Addr
		webmail  bool
		received string
		host     string
		kind     string
	}{
		{"client", []netip.Addr{a, b, c}, false, "via HTTP", "10.0.0.1", "SMTP::MAIL_CLIENT"},
		{"webmail", []netip.Addr{a, b, c}, true, "with ESMTP", "10.0.0.1", "SMTP::WEBMAIL_SERVER"},
		{"webmail over HTTP", []netip.Addr{a, b, c}, true, "from x via HTTP", "10.0.0.2", "SMTP::WEBMAIL_SERVER"},
		{"one address", []netip.Addr{a}, true, "from x via HTTP", "10.0.0.3", "SMTP::WEBMAIL_SERVER"},
		{"no address", nil, false, "", "", ""},
	} {
		var s *smtp.SMTP
		agent := "Mailer/1.0"
		if x.webmail {
			agent = "SquirrelMail/1.0"
		}
		r := policytest.Start(t, policytest.Config{
			Policies: []string{"protocols/smtp/software"},
			Loaded: func(c *policy.Context) {
				s = policy.Use[*smtp.SMTP](c)
				c.Events.SMTPRequest.Handle("test", -100, func(e *event.SMTPRequest) {
					i, _ := s.Info(e.Conn)
					i.Path = x.path
				})
			},
		})
		r.At(1000)
		conn := &event.Conn{UID: "C1", ID: event.ConnID{OrigH: local, RespH: remote, Proto: event.ProtoTCP}}
		r.Events.SMTPRequest.Enqueue(event.SMTPRequest{Conn: conn, IsOrig: true, Command: "MAIL", Arg: []byte("FROM:<a@b.c>")})
		r.Events.MIMEBeginEntity.Enqueue(event.ConnEvent{Conn: conn})
		r.Events.MIMEOneHeader.Enqueue(event.MIMEOneHeader{Conn: conn, Header: event.MIMEHeader{Name: []byte("RECEIVED"), Value: []byte(x.received)}})
		r.Events.MIMEOneHeader.Enqueue(event.MIMEOneHeader{Conn: conn, Header: event.MIMEHeader{Name: []byte("USER-AGENT"), Value: []byte(agent)}})
		r.Events.MIMEEndEntity.Enqueue(event.ConnEvent{Conn: conn})
		r.Events.SMTPReply.Enqueue(event.SMTPReply{Conn: conn, Cmd: ".", Code: 250})
		logs := r.Finish()
		if x.host == "" {
			if len(r.Errors) != 1 || logs["software"] != "" {
				t.Errorf("%s: errors %v, logged %q", x.name, r.Errors, logs["software"])
			}
			continue
		}
		if h, k := column(logs, "host"), column(logs, "software_type"); len(h) != 1 || h[0] != x.host || k[0] != x.kind {
			t.Errorf("%s: %q %q, want %q %q (%v)", x.name, h, k, x.host, x.kind, r.Errors)
		}
		row := policytest.Rows(logs["smtp"])[0]
		if got := row[len(row)-1]; got != map[bool]string{true: "T", false: "F"}[x.webmail] {
			t.Errorf("%s: is_webmail %s", x.name, got)
		}
	}
}

func TestChangesOfInterestingSoftwareAreNoticed(t *testing.T) {
	var s *Software
	r := policytest.Start(t, policytest.Config{
		Policies: []string{"frameworks/software/version-changes"},
		Options:  []string{`Software::interesting_version_changes={"Mailer"}`},
		Loaded:   func(c *policy.Context) { s = policy.Use[*Software](c) },
	})
	r.At(1000)
	for _, v := range []string{"Mailer/1.0", "Other/1.0", "Mailer/1.1", "Other/1.1"} {
		s.Found(&Info{Host: local, Unparsed: v, Type: MailClient})
	}
	log := r.Finish()["notice"]
	if len(policytest.Rows(log)) != 1 || !strings.Contains(log, "\t1000.000000 SMTP::MAIL_CLIENT 'Mailer' version changed from 1.0 to 1.1\tMailer 1.1\t10.0.0.1\t") {
		t.Errorf("notice.log:\n%s", log)
	}
}
