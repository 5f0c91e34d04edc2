package notice_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	_ "github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/weird"
	"github.com/gzeek/gzeek/seed"
)

const testType = "Test::Notice"

// start runs the framework with a type of the test's own.
func start(t *testing.T, cfg policytest.Config, options ...string) (*policytest.Run, *notice.Framework) {
	t.Helper()
	keys, err := seed.Load("testdata/random.seed")
	if err != nil {
		t.Fatal(err)
	}
	var f *notice.Framework
	loaded := cfg.Loaded
	cfg.Policies = append([]string{"base/frameworks/notice"}, cfg.Policies...)
	cfg.Keys, cfg.Options = keys, options
	cfg.Loaded = func(c *policy.Context) {
		f = policy.Use[*notice.Framework](c)
		f.DeclareType(testType)
		if loaded != nil {
			loaded(c)
		}
	}
	r := policytest.Start(t, cfg)
	return r, f
}

func connection() *event.Conn {
	return &event.Conn{UID: "C1", ID: event.ConnID{
		OrigH: netip.MustParseAddr("8.8.8.8"), OrigP: 40000, RespH: netip.MustParseAddr("10.0.0.25"), RespP: 25, Proto: event.ProtoTCP,
	}}
}

// rows are those of notice.log, each by column.
func rows(log string) []map[string]string {
	var names []string
	for line := range strings.Lines(log) {
		if f, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#fields\t"); ok {
			names = strings.Split(f, "\t")
		}
	}
	var all []map[string]string
	for _, f := range policytest.Rows(log) {
		row := map[string]string{}
		for k, n := range names {
			row[n] = f[k]
		}
		all = append(all, row)
	}
	return all
}

func TestColumnsAreThoseOfZeekInOrder(t *testing.T) {
	r, f := start(t, policytest.Config{})
	r.At(1000.5)
	f.Raise(&notice.Notice{Note: testType, Conn: connection(), Msg: "m", Sub: "s"})
	want := "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tfuid\tfile_mime_type\tfile_desc\tproto\tnote\tmsg\tsub\tsrc\tdst\tp\tn\tpeer_descr\tactions\temail_dest\tsuppress_for\tremote_location.country_code\tremote_location.region\tremote_location.city\tremote_location.latitude\tremote_location.longitude\n" +
		"#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tenum\tenum\tstring\tstring\taddr\taddr\tport\tcount\tstring\tset[enum]\tset[string]\tinterval\tstring\tstring\tstring\tdouble\tdouble\n" +
		"1000.500000\tC1\t8.8.8.8\t40000\t10.0.0.25\t25\t-\t-\t-\ttcp\tTest::Notice\tm\ts\t8.8.8.8\t10.0.0.25\t25\t-\t-\tNotice::ACTION_LOG\t(empty)\t3600.000000\t-\t-\t-\t-\t-\n"
	if got := r.Finish()["notice"]; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The orders were seen in Zeek with this seed.
func TestActionsAreInTheOrderOfTheDictionary(t *testing.T) {
	for option, want := range map[string]string{
		"Notice::alarmed_types":         "Notice::ACTION_ALARM,Notice::ACTION_LOG",
		"Notice::emailed_types":         "Notice::ACTION_EMAIL,Notice::ACTION_LOG",
		"Notice::lookup_location_types": "Notice::ACTION_ADD_GEODATA,Notice::ACTION_LOG",
	} {
		r, f := start(t, policytest.Config{}, option+"+={"+testType+"}")
		r.At(1000)
		f.Raise(&notice.Notice{Note: testType, Conn: connection()})
		logs := r.Finish()
		if got := rows(logs["notice"])[0]["actions"]; got != want {
			t.Errorf("%s: actions %s, want %s", option, got, want)
		}
		if _, alarm := logs["notice_alarm"]; alarm != (option == "Notice::alarmed_types") {
			t.Errorf("%s: notice_alarm.log is %v", option, alarm)
		}
	}
}

func TestAnIgnoredTypeIsNotLoggedYetSuppressesAndReachesTheHook(t *testing.T) {
	heard, begun := 0, 0
	r, f := start(t, policytest.Config{Loaded: func(c *policy.Context) {
		f := policy.Use[*notice.Framework](c)
		f.OnNotice(0, func(n *notice.Notice) bool { heard += 1 + n.Actions.Len(); return true })
		f.BeginSuppression.Handle("test", 0, func(*notice.Suppression) { begun++ })
	}}, "Notice::ignored_types+={"+testType+"}")
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, Identifier: "x"})
	r.Events.Drain()
	if _, logged := r.Finish()["notice"]; logged || heard != 1 || begun != 1 {
		t.Errorf("logged %v, hook %d, begun %d", logged, heard, begun)
	}
}

// A step of a session: at a time a notice is raised, or just a packet comes.
type step struct {
	at     float64
	raise  string // the identifier; "" is a packet without a notice
	logged bool
}

func TestSuppressionEndsWhenTheTableIsLookedThroughAfterItsTime(t *testing.T) {
	for name, steps := range map[string][]step{
		"within the hour":                         {{1000, "x", true}, {1000 + 3594, "x", false}},
		"after the hour and a gap":                {{1000, "x", true}, {1000 + 3606, "x", true}},
		"other identifiers are others":            {{1000, "x", true}, {1001, "y", true}, {1002, "x", false}},
		"a suppressed notice does not prolong it": {{1000, "x", true}, {4000, "x", false}, {4700, "x", true}},
		// Entries of the first second count as made before time began, and
		// stay, unless an earlier look has set them anew.
		"steady traffic keeps it up to ten seconds longer": {{1000, "", false}, {1005, "x", true},
			{1010.5, "", false}, {4604.9, "", false}, {4605.5, "x", false}, {4612, "", false}, {4613, "x", false}, {4616, "x", true}},
	} {
		t.Run(name, func(t *testing.T) {
			r, f := start(t, policytest.Config{})
			want := 0
			for _, s := range steps {
				r.At(s.at)
				if s.raise != "" {
					if got := !f.Suppresses(&notice.Notice{Note: testType, Identifier: s.raise}); got != s.logged {
						t.Errorf("at %v %s is logged: %v", s.at, s.raise, got)
					}
					f.Raise(&notice.Notice{Note: testType, Identifier: s.raise})
				}
				r.Events.Drain()
				if s.logged {
					want++
				}
			}
			if got := len(rows(r.Finish()["notice"])); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
		})
	}
}

func TestSuppressionIntervals(t *testing.T) {
	for option, want := range map[string]string{
		"Notice::default_suppression_interval=30min":                    "1800.000000",
		"Notice::not_suppressed_types+={" + testType + "}":              "0.000000",
		"Notice::type_suppression_intervals+={[" + testType + "]=5sec}": "5.000000",
		"Notice::type_suppression_intervals+={[Notice::Tally]=5sec}":    "3600.000000",
	} {
		r, f := start(t, policytest.Config{}, option)
		r.At(1000)
		f.Raise(&notice.Notice{Note: testType, Identifier: "x"})
		f.Raise(&notice.Notice{Note: testType, Identifier: "x"})
		got := rows(r.Finish()["notice"])
		wantRows := 1
		if want == "0.000000" {
			wantRows = 2
		}
		if len(got) != wantRows || got[0]["suppress_for"] != want {
			t.Errorf("%s: %v", option, got)
		}
	}
}

func TestHooksRunByPriorityAndABreakOrAnErrorEndWhatTheyEndInZeek(t *testing.T) {
	var order []string
	r, f := start(t, policytest.Config{Loaded: func(c *policy.Context) {
		f := policy.Use[*notice.Framework](c)
		add := func(priority int, name string, goOn bool) {
			f.OnNotice(priority, func(*notice.Notice) bool { order = append(order, name); return goOn })
		}
		add(3, "low", true)
		add(5, "high", true)
		f.OnNotice(4, func(*notice.Notice) bool { panic(event.ScriptError{Msg: "index"}) })
		add(3, "breaks", false)
		add(3, "never", true)
	}})
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType})
	if _, logged := r.Finish()["notice"]; logged || !slices.Equal(order, []string{"high", "low", "breaks"}) {
		t.Errorf("order %v, logged %v", order, logged)
	}
	if len(r.Errors) != 1 || r.Errors[0].Event != "Notice::notice" {
		t.Errorf("errors %v", r.Errors)
	}
}

func TestAFileStandsForItsConnection(t *testing.T) {
	file := &event.File{ID: "F1", Source: "TEST", Conns: []*event.Conn{connection()}}
	r, f := start(t, policytest.Config{Policies: []string{"base/frameworks/files"}, Loaded: func(c *policy.Context) {
		p := policy.Use[*files.Files](c)
		p.Register("TEST", files.Handles{Describe: func(*event.File) string { return "described" }})
		p.Info(file).MIMEType = "text/plain"
	}})
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, UID: "Cother", File: file})
	row := rows(r.Finish()["notice"])[0]
	if row["fuid"] != "F1" || row["file_desc"] != "described" || row["file_mime_type"] != "text/plain" || row["uid"] != "C1" || row["src"] != "8.8.8.8" {
		t.Errorf("row %v", row)
	}
}

func TestAnUnknownTypeInAnOptionIsAnError(t *testing.T) {
	r, _ := start(t, policytest.Config{})
	if err := r.Options.Apply(nil, "Notice::emailed_types+={Test::Notise}"); err == nil || !strings.Contains(err.Error(), testType) {
		t.Errorf("error %v", err)
	}
}

func TestADropIsAnEvent(t *testing.T) {
	var dropped []*notice.Notice
	r, f := start(t, policytest.Config{Policies: []string{"frameworks/notice/actions/drop"}, Loaded: func(c *policy.Context) {
		f := policy.Use[*notice.Framework](c)
		f.OnPolicy(0, func(n *notice.Notice) bool { n.Actions.Add(notice.ActionDrop); return true })
		f.Drop.Handle("test", 0, func(d *notice.Dropped) { dropped = append(dropped, d.Notice) })
	}})
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, Conn: connection()})
	r.Events.Drain()
	if row := rows(r.Finish()["notice"])[0]; len(dropped) != 1 || row["dropped"] != "T" {
		t.Errorf("dropped %d, row %v", len(dropped), row)
	}
}

// sendmail writes each mail to a file in dir.
func sendmail(t *testing.T) (dir, option string) {
	dir = t.TempDir()
	program := filepath.Join(dir, "sendmail")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >> %[1]s/args\ncat > $(mktemp %[1]s/mail.XXXXXX)\n", dir)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, "Notice::sendmail=" + program
}

func mails(t *testing.T, dir string) []string {
	names, _ := filepath.Glob(filepath.Join(dir, "mail.*"))
	var all []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}

func TestMailsHaveZeeksText(t *testing.T) {
	dir, program := sendmail(t)
	r, f := start(t, policytest.Config{Live: true}, program, "Notice::mail_dest=soc@example.com", "Notice::reply_to=a@example.com",
		"Notice::emailed_types+={"+testType+"}")
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, Conn: connection(), Msg: "m", Sub: "s", EmailBodySections: []string{"more"}})
	row := rows(r.Finish()["notice"])[0]
	if row["email_dest"] != "soc@example.com" {
		t.Errorf("row %v", row)
	}
	want := "From: Zeek <zeek@localhost>\nSubject: [Zeek] Test::Notice\nTo: soc@example.com\nUser-Agent: Zeek/8.0.9\nReply-To: a@example.com\n" +
		"\nMessage: m\nSub-message: s\n\nConnection: 8.8.8.8:40000 -> 10.0.0.25:25\nConnection uid: C1\n" +
		"\nEmail Extensions\n----------------\nmore\n\n\n--\n[Automatically generated]\n\n"
	if got := mails(t, dir); len(got) != 1 || got[0] != want {
		t.Errorf("mails %q\nwant %q", got, want)
	}
	if args, _ := os.ReadFile(filepath.Join(dir, "args")); string(args) != "-t -oi\n" {
		t.Errorf("arguments %q", args)
	}
}

func TestNoMailIsSentWhenAFileIsRead(t *testing.T) {
	dir, program := sendmail(t)
	r, f := start(t, policytest.Config{}, program, "Notice::mail_dest=soc@example.com", "Notice::emailed_types+={"+testType+"}")
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType})
	row := rows(r.Finish()["notice"])[0]
	if got := mails(t, dir); len(got) > 0 || row["email_dest"] != "soc@example.com" {
		t.Errorf("mails %q, row %v", got, row)
	}
}

func TestPageAndAdministratorsGetMails(t *testing.T) {
	dir, program := sendmail(t)
	r, f := start(t, policytest.Config{Live: true, Loaded: func(c *policy.Context) {
		policy.Use[*notice.Framework](c).OnPolicy(0, func(n *notice.Notice) bool {
			n.Actions.Add(notice.ActionPage)
			n.Actions.Add(notice.ActionEmailAdmin)
			return true
		})
	}}, program, "Notice::mail_page_dest=pager@example.com", `Site::local_admins={[10.0.0.0/8]=set("net@example.com")}`)
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, Conn: connection()})
	r.Finish()
	got := strings.Join(mails(t, dir), "")
	if !strings.Contains(got, "To: net@example.com\n") || !strings.Contains(got, "To: pager@example.com\n") || strings.Count(got, "To: ") != 2 {
		t.Errorf("mails %q", got)
	}
}

// site.zeek, find_all_emails; PrefixTable.cc, Lookup.
func TestAdministratorsOfAnAddressAreThoseOfAllNetworksUpTo32BitsAroundIt(t *testing.T) {
	for _, x := range []struct{ admins, resp, want string }{
		{`[10.0.0.0/8]=set("a@b")`, "10.0.0.25", "a@b"},
		{`[10.0.0.0/8]=set("a@b"),[10.0.0.0/24]=set("c@d")`, "10.0.0.25", "a@b, c@d"},
		{`[10.0.0.0/8]=set("a@b"),[10.0.0.0/24]=set("a@b","")`, "10.0.0.25", "a@b"},
		{`[10.0.0.25/32]=set("a@b")`, "10.0.0.25", "a@b"},
		{`[10.1.0.0/16]=set("a@b")`, "10.0.0.25", ""},
		{`[0.0.0.0/0]=set("a@b")`, "10.0.0.25", "a@b"},
		{`[[::]/0]=set("a@b")`, "10.0.0.25", "a@b"},
		{`[[::]/80]=set("a@b"),[10.0.0.0/9]=set("c@d")`, "10.0.0.25", "a@b, c@d"},
		{`[[2001:db8::]/32]=set("a@b"),[[2001::]/16]=set("c@d")`, "2001:db8::25", "a@b, c@d"},
		{`[[2001:db8::]/33]=set("a@b")`, "2001:db8::25", ""}, // of IPv6, too, it asks for 32 bits at most
		{`[[::]/0]=set("a@b")`, "2001:db8::25", "a@b"},
	} {
		r, f := start(t, policytest.Config{Loaded: func(c *policy.Context) {
			policy.Use[*notice.Framework](c).OnPolicy(0, func(n *notice.Notice) bool {
				n.Actions.Add(notice.ActionEmailAdmin)
				return true
			})
		}}, "Site::local_admins={"+x.admins+"}")
		r.At(1000)
		c := connection()
		c.ID.OrigH = netip.MustParseAddr(x.resp)
		c.ID.RespH = c.ID.OrigH
		f.Raise(&notice.Notice{Note: testType, Conn: c})
		row := rows(r.Finish()["notice"])[0]
		got := strings.ReplaceAll(row["email_dest"], `\x2c`, ",")
		if got == "(empty)" {
			got = ""
		}
		if parts := strings.Split(got, ", "); got != "" {
			slices.Sort(parts)
			got = strings.Join(parts, ", ")
		}
		if got != x.want {
			t.Errorf("%s, %s: %q, want %q", x.admins, x.resp, row["email_dest"], x.want)
		}
	}
}

func TestATokenHoldsMailsBackForMaxEmailDelayAtMost(t *testing.T) {
	dir, program := sendmail(t)
	answer := make(chan string)
	r, f := start(t, policytest.Config{Live: true, Loaded: func(c *policy.Context) {
		f := policy.Use[*notice.Framework](c)
		f.OnNotice(-1, func(n *notice.Notice) bool {
			f.Defer(n, "test", func() string { return <-answer })
			return true
		})
	}}, program, "Notice::mail_dest=soc@example.com", "Notice::emailed_types+={"+testType+"}")
	second := func(at float64) {
		r.At(at)
		r.Events.Drain()
	}
	second(1000)
	f.Raise(&notice.Notice{Note: testType})
	second(1002)
	if got := mails(t, dir); len(got) > 0 {
		t.Errorf("sent early: %q", got)
	}
	second(1016)
	close(answer)
	r.Finish()
	if got := mails(t, dir); len(got) != 1 {
		t.Errorf("mails %q", got)
	}
}

func TestAlarmsAreSummedUpForPeople(t *testing.T) {
	r, f := start(t, policytest.Config{}, "Notice::force_email_summaries=T", "Notice::alarmed_types+={"+testType+"}", "Notice::flag_nets={10.0.0.0/8}")
	t.Chdir(t.TempDir())
	r.At(1000)
	f.Raise(&notice.Notice{Note: testType, Conn: connection(), Msg: "m", Sub: "s\x01"})
	r.Finish()
	b, err := os.ReadFile("alarm-mail.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], ">> 19") || !strings.HasSuffix(lines[0], " Test::Notice 8.8.8.8:40000/tcp -> 10.0.0.25:25/tcp (uid C1)") ||
		lines[1] != "   m" || lines[2] != `   s\x01` || lines[3] != "   # 8.8.8.8 = <skipped>  10.0.0.25 = <skipped>" {
		t.Errorf("%q", lines)
	}
}
