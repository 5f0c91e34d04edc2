package intel

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/policy"
	_ "github.com/gzeek/gzeek/policy/dpd" // required by base/protocols/smtp
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/weird" // required by the notice framework
	"github.com/gzeek/gzeek/seed"
)

// referenceKeys are those under which the reference was made.
func referenceKeys() *seed.Keys {
	return seed.New([seed.Count]uint32{
		3242042762, 2472729180, 3854654306, 4143636391, 2813126450, 2121129191, 686818433, 744720527, 3491082460, 2407233142, 381425458,
		2316409758, 3664224129, 1620985466, 1669164794, 3160914580, 798359651, 126337246, 2810964862, 4206061352, 317149051,
	})
}

func start(t *testing.T, policies []string, options ...string) (*policytest.Run, *Framework) {
	t.Helper()
	var f *Framework
	r := policytest.Start(t, policytest.Config{
		Policies: append([]string{base}, policies...), Options: options, Keys: referenceKeys(),
		Loaded: func(c *policy.Context) { f = policy.Use[*Framework](c) },
	})
	return r, f
}

func item(indicator string, t Type, source string) Item {
	return Item{Indicator: indicator, Type: t, Meta: &MetaData{Source: source}}
}

// column returns some columns of a log, a row each.
func column(log string, names ...string) []string {
	var out []string
	var at []int
	for line := range strings.Lines(log) {
		if rest, ok := strings.CutPrefix(line, "#fields\t"); ok {
			fields := strings.Split(strings.TrimSpace(rest), "\t")
			for _, n := range names {
				at = append(at, slices.Index(fields, n))
			}
		}
	}
	for _, row := range policytest.Rows(log) {
		var cells []string
		for _, i := range at {
			cells = append(cells, row[i])
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// The vector intel_order-1 of the reference.
func TestItemsSourcesAndTypesComeInZeeksOrder(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/do_notice"})
	notice := MetaBool{0}
	for _, x := range []struct {
		indicator string
		t         Type
		source    string
		notice    bool
	}{
		{"1.2.3.4", TypeAddr, "feedA", true}, {"1.2.3.4", TypeAddr, "feedB", false},
		{"1.2.3.4", TypeAddr, "feedC", true}, {"1.2.3.4", TypeAddr, "feedD", false},
		{"1.2.0.0/16", TypeSubnet, "net1", false},
	} {
		i := item(x.indicator, x.t, x.source)
		notice.Set(i.Meta, x.notice)
		f.Insert(i)
	}
	var sources []string
	f.Match.Handle("test", 0, func(m *Match) {
		for i := range m.Items.All() {
			sources = append(sources, i.Meta.Source)
		}
	})
	r.At(1000)
	f.Seen(Seen{Host: netip.MustParseAddr("1.2.3.4"), Where: Anywhere})
	log := r.Finish()["intel"]
	same(t, "items", sources, []string{"feedB", "feedD", "feedC", "net1", "feedA"})
	same(t, "columns", column(log, "seen.indicator", "seen.indicator_type", "sources", "matched"),
		[]string{"1.2.3.4 Intel::ADDR feedA,net1,feedC,feedB,feedD Intel::ADDR,Intel::SUBNET"})
}

func TestARowHasAllThatIsKnown(t *testing.T) {
	r, f := start(t, nil)
	f.Insert(item("x", TypeFileName, "feed"))
	r.At(1000)
	conn := &event.Conn{UID: "C1", ID: event.ConnID{OrigH: netip.MustParseAddr("10.0.0.1"), OrigP: 1, RespH: netip.MustParseAddr("10.0.0.2"), RespP: 25}}
	file := &event.File{ID: "F1", Source: "SMTP", Conns: []*event.Conn{conn}}
	f.files.Info(file).MIMEType = "text/plain"
	f.Seen(Seen{Indicator: "X", Type: TypeFileName, File: file, Where: Anywhere})
	file2 := &event.File{ID: "F2", Conns: []*event.Conn{conn, conn}}
	f.Seen(Seen{Indicator: "x", Type: TypeFileName, File: file2, Where: Anywhere, Node: "other"})
	f.Seen(Seen{Indicator: "x", Type: TypeFileName, UID: "C2", FUID: "F3", Where: Anywhere})
	want := "1000.000000\tC1\t10.0.0.1\t1\t10.0.0.2\t25\tX\tIntel::FILE_NAME\tIntel::IN_ANYWHERE\tzeek\tIntel::FILE_NAME\tfeed\tF1\ttext/plain\t(empty)\n" +
		"1000.000000\t-\t-\t-\t-\t-\tx\tIntel::FILE_NAME\tIntel::IN_ANYWHERE\tother\tIntel::FILE_NAME\tfeed\tF2\t-\t(empty)\n" +
		"1000.000000\tC2\t-\t-\t-\t-\tx\tIntel::FILE_NAME\tIntel::IN_ANYWHERE\tzeek\tIntel::FILE_NAME\tfeed\tF3\t-\t-\n"
	log := r.Finish()["intel"]
	if !strings.HasSuffix(log, want) {
		t.Errorf("%s\nwant\n%s", log, want)
	}
}

func TestLookupsAreBlindToCaseAndKnowNetworks(t *testing.T) {
	_, f := start(t, nil)
	for _, i := range []Item{
		item("Evil.Example", TypeDomain, "f"), item("a@B.c", TypeEmail, "f"), item("2001:DB8::1", TypeAddr, "f"),
		item("10.0.0.0/8", TypeSubnet, "f"), item("10.1.2.3/16", TypeSubnet, "f"), item("2001:db8:1::/48", TypeSubnet, "f"),
	} {
		f.Insert(i)
	}
	for _, c := range []struct {
		s     Seen
		items []string
	}{
		{Seen{Indicator: "EVIL.example", Type: TypeDomain}, []string{"EVIL.example"}},
		{Seen{Indicator: "evil.example", Type: TypeEmail}, nil},
		{Seen{Indicator: "A@b.C", Type: TypeEmail}, []string{"A@b.C"}},
		{Seen{Indicator: "", Type: TypeEmail}, nil},
		{Seen{Host: netip.MustParseAddr("2001:db8::1")}, []string{"2001:db8::1"}},
		{Seen{Host: netip.MustParseAddr("10.2.3.4")}, []string{"10.0.0.0/8"}},
		{Seen{Host: netip.MustParseAddr("::ffff:10.1.3.4")}, []string{"10.0.0.0/8", "10.1.0.0/16"}},
		{Seen{Host: netip.MustParseAddr("11.0.0.0")}, nil},
		{Seen{Host: netip.MustParseAddr("2001:db8:1:ffff::")}, []string{"2001:db8:1::/48"}},
		{Seen{Host: netip.MustParseAddr("2001:db8:2::")}, nil},
	} {
		found := f.store.hasText(c.s.Indicator, c.s.Type)
		if c.s.Host.IsValid() {
			found = f.store.hasHost(c.s.Host)
		}
		var items []string
		for i := range f.items(&c.s).All() {
			items = append(items, i.Indicator)
		}
		slices.Sort(items)
		if found != (len(c.items) > 0) {
			t.Errorf("%+v is found: %v", c.s, found)
		}
		same(t, fmt.Sprintf("%+v", c.s), items, c.items)
	}
	f.Insert(item("::/0", TypeSubnet, "f"))
	if !f.store.hasHost(netip.MustParseAddr("11.0.0.0")) {
		t.Error("IPv4 addresses are in ::/0 too")
	}
}

func TestHooksChangeAndVetoMatches(t *testing.T) {
	r, f := start(t, nil)
	f.Insert(item("hit", TypeURL, "f"))
	f.Insert(item("1.2.3.4", TypeAddr, "f"))
	var heard []string
	f.OnSeenPolicy(0, func(s *Seen, found bool) bool {
		heard = append(heard, fmt.Sprint(s.Indicator, found))
		s.Node = "changed"
		return s.UID != "no"
	})
	f.OnSeenPolicy(10, func(s *Seen, _ bool) bool {
		if s.UID == "error" {
			panic(event.ScriptError{Msg: "x"}) // no veto
		}
		return true
	})
	f.OnExtendMatch(0, func(i *Info, _ *Seen, _ *dict.Set[*Item]) bool { return i.UID != "unlogged" })
	r.At(1000)
	for _, s := range []Seen{
		{Indicator: "hit", Type: TypeURL}, {Indicator: "miss", Type: TypeURL}, {Indicator: "hit", Type: TypeURL, UID: "no"},
		{Indicator: "hit", Type: TypeURL, UID: "error"}, {Indicator: "hit", Type: TypeURL, UID: "unlogged"}, {Host: netip.MustParseAddr("1.2.3.4")},
	} {
		f.Seen(s)
	}
	logs := r.Finish()
	same(t, "heard", heard, []string{"hittrue", "missfalse", "hittrue", "hittrue", "hittrue", "true"})
	same(t, "logged", column(logs["intel"], "seen.indicator", "uid", "seen.node"), []string{"hit - changed", "hit error changed", "1.2.3.4 - changed"})
	if len(r.Errors) != 1 {
		t.Error(r.Errors)
	}
}

func TestRemovalTakesBackOneSourceAtATime(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/removal"})
	var gone []string
	f.OnRemoved(0, func(v string, t Type) { gone = append(gone, v+" "+t.Name) })
	remove := func(i Item) {
		MetaBool{0}.Set(i.Meta, true)
		f.Insert(i)
		r.Events.Drain()
	}
	for _, x := range []struct {
		indicator string
		t         Type
	}{{"1.2.3.4", TypeAddr}, {"1.2.3.0/24", TypeSubnet}, {"A@b", TypeEmail}} {
		f.Insert(item(x.indicator, x.t, "one"))
		f.Insert(item(x.indicator, x.t, "two"))
		remove(item(x.indicator, x.t, "one"))
		if n := f.store.counts[x.t.Number]; n != 1 {
			t.Errorf("%s went with the first of two sources", x.indicator)
		}
		remove(item(x.indicator, x.t, "two"))
		if n := f.store.counts[x.t.Number]; n != 0 || len(f.store.widths) != 0 {
			t.Errorf("%s stays without a source", x.indicator)
		}
		remove(item(x.indicator, x.t, "two")) // reported, no error
	}
	same(t, "hook", gone, []string{"1.2.3.4 Intel::ADDR", "1.2.3.0/24 Intel::SUBNET", "a@b Intel::EMAIL"})
	if len(r.Errors) != 0 {
		t.Error(r.Errors)
	}
}

func TestWhitelistedIndicatorsAreNotLogged(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/whitelist"})
	white := item("a", TypeURL, "two")
	MetaBool{0}.Set(white.Meta, true)
	f.Insert(item("a", TypeURL, "one"))
	f.Insert(item("b", TypeURL, "one"))
	f.Insert(white)
	r.At(1000)
	f.Seen(Seen{Indicator: "a", Type: TypeURL})
	f.Seen(Seen{Indicator: "b", Type: TypeURL})
	same(t, "logged", column(r.Finish()["intel"], "seen.indicator"), []string{"b"})
}

func TestIndicatorsExpireUnlessInsertedAgain(t *testing.T) {
	for _, c := range []struct {
		policies []string
		option   string
		after    float64 // seconds after the last insertion
		stays    bool
	}{
		{nil, "Intel::item_expiration=-1min", 1e6, true},
		{nil, "Intel::item_expiration=1min", 1e6, true}, // nobody breaks the hook
		{[]string{"frameworks/intel/do_expire"}, "Intel::item_expiration=1min", 59, true},
		{[]string{"frameworks/intel/do_expire"}, "Intel::item_expiration=1min", 71, false},
		{[]string{"frameworks/intel/do_expire"}, "peer_description=x", 599, true},
		{[]string{"frameworks/intel/do_expire"}, "peer_description=x", 611, false},
		{[]string{"frameworks/intel/do_expire"}, "Intel::item_expiration=-1min", 1e6, true},
	} {
		r, f := start(t, c.policies, c.option)
		r.At(1000)
		for _, now := range []float64{1000, 1050} {
			r.At(now)
			f.Insert(item("1.2.3.4", TypeAddr, "f"))
			f.Insert(item("1.2.0.0/16", TypeSubnet, "f"))
			f.Insert(item("url", TypeURL, "f"))
		}
		r.At(1050 + c.after)
		got := []bool{f.store.hosts.Len() == 1, f.store.subnets.Len() == 1 && len(f.store.widths) == 1, f.store.text.Len() == 1 && f.store.counts[TypeURL.Number] == 1}
		if !slices.Equal(got, []bool{c.stays, c.stays, c.stays}) {
			t.Errorf("%+v: stays %v", c, got)
		}
	}
}

func TestTypesWithoutIndicatorsAreNotLookedUpWhenGroupsAreManaged(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/seen/manage-event-groups"})
	if !f.disabled[TypeURL] || f.Wants(TypeURL) {
		t.Error("a type without indicators is wanted")
	}
	f.Insert(item("u", TypeURL, "f"))
	f.Insert(item("v", TypeURL, "f"))
	if !f.Wants(TypeURL) || f.Wants(TypeEmail) {
		t.Error("a type with indicators isn't wanted")
	}
	f.Remove(item("u", TypeURL, "f"), true)
	f.Remove(item("v", TypeURL, "f"), true)
	r.Events.Drain()
	if !f.disabled[TypeURL] {
		t.Error("a type is looked up after its last indicator went")
	}
}

func TestNoticesAreGivenWhereTheSourceWantsThem(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/do_notice", "frameworks/intel/seen"})
	from, to := f.names.wheres["SMTP::IN_FROM"], f.names.wheres["SMTP::IN_TO"]
	if from.Number != 14 {
		t.Errorf("%s has number %d", from.Name, from.Number)
	}
	wanted := item("a@b", TypeEmail, "one")
	MetaBool{0}.Set(wanted.Meta, true)
	MetaWhere{1}.Set(wanted.Meta, from)
	f.Insert(wanted)
	f.Insert(item("a@b", TypeEmail, "two"))
	r.At(1000)
	conn := &event.Conn{UID: "C1", ID: event.ConnID{OrigH: netip.MustParseAddr("10.0.0.2"), RespH: netip.MustParseAddr("10.0.0.1")}}
	back := &event.Conn{UID: "C2", ID: event.ConnID{OrigH: netip.MustParseAddr("10.0.0.1"), RespH: netip.MustParseAddr("10.0.0.2")}}
	for _, s := range []Seen{
		{Indicator: "A@b", Type: TypeEmail, Where: to, Conn: conn},
		{Indicator: "A@b", Type: TypeEmail, Where: from, Conn: conn},
		{Indicator: "A@b", Type: TypeEmail, Where: from, Conn: conn}, // suppressed
		{Indicator: "A@b", Type: TypeEmail, Where: from, Conn: back}, // the same ends
		{Indicator: "A@b", Type: TypeEmail, Where: from},             // never suppressed
	} {
		f.Seen(s)
		r.Events.Drain()
	}
	logs := r.Finish()
	want := "C1 Intel::Notice Intel hit on A@b at SMTP::IN_FROM A@b"
	same(t, "notices", column(logs["notice"], "uid", "note", "msg", "sub"), []string{want, strings.Replace(want, "C1", "-", 1)})
	if n := len(column(logs["intel"], "uid")); n != 5 {
		t.Errorf("%d rows in intel.log", n)
	}
}

func TestMailIsLookedUpAtTheEndOfEachPart(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/seen"})
	for _, i := range []Item{
		item("10.0.0.1", TypeAddr, "f"), item("1.1.1.1", TypeAddr, "f"), item("2.2.2.2", TypeAddr, "f"), item("Mailer 1", TypeSoftware, "f"),
		item("from@a.b", TypeEmail, "f"), item("rcpt@a.b", TypeEmail, "f"), item("hfrom@a.b", TypeEmail, "f"), item("to@a.b", TypeEmail, "f"),
		item("cc <cc@a.b>", TypeEmail, "f"), item("reply@a.b", TypeEmail, "f"), item("a.b/c", TypeURL, "f"),
		item("name.txt", TypeFileName, "f"), item("abc", TypeFileHash, "f"),
	} {
		f.Insert(i)
	}
	r.At(1000)
	ev := r.Events
	c := &event.Conn{UID: "C1", ID: event.ConnID{OrigH: netip.MustParseAddr("10.0.0.1"), RespH: netip.MustParseAddr("10.0.0.2")}}
	ev.ConnectionEstablished.Enqueue(event.ConnEvent{Conn: c}) // not in that state
	ev.Drain()
	c.Orig.State, c.Resp.State = tcpEstablished, tcpEstablished
	ev.ConnectionEstablished.Enqueue(event.ConnEvent{Conn: c})
	ev.MIMEEndEntity.Enqueue(event.ConnEvent{Conn: c}) // no mail
	request := func(cmd, arg string) {
		ev.SMTPRequest.Enqueue(event.SMTPRequest{Conn: c, IsOrig: true, Command: cmd, Arg: []byte(arg)})
	}
	request("MAIL", "FROM:<from@a.b>")
	request("RCPT", "TO:<rcpt@a.b>")
	ev.MIMEBeginEntity.Enqueue(event.ConnEvent{Conn: c})
	for _, h := range [][2]string{
		{"RECEIVED", "from x ([1.1.1.1])"}, {"X-ORIGINATING-IP", "[2.2.2.2]"}, {"USER-AGENT", "Mailer 1"},
		{"FROM", "x <hfrom@a.b>"}, {"TO", "y <to@a.b>"}, {"CC", "cc <cc@a.b>"}, {"REPLY-TO", "reply@a.b"},
	} {
		ev.MIMEOneHeader.Enqueue(event.MIMEOneHeader{Conn: c, Header: event.MIMEHeader{Name: []byte(h[0]), Value: []byte(h[1])}})
	}
	ctl := &fileControl{}
	file := &event.File{ID: "F1", Source: "SMTP", Conns: []*event.Conn{c}, Ctl: ctl}
	ev.FileNew.Enqueue(event.FileEvent{File: file})
	ev.MIMEEndEntity.Enqueue(event.ConnEvent{Conn: c})
	ev.Drain()
	ev.Drain()
	ctl.data.Enqueue(files.StreamData{File: file, Data: []byte("see http://a.b/c and http://a.b/d\n")})
	ev.FileHash.Enqueue(event.FileHash{File: file, Kind: "md5", Hash: "ABC"})
	i := f.files.Info(file)
	i.Filename, i.HasFilename = "Name.txt", true
	ev.FileOverNewConnection.Enqueue(event.FileOverNewConnection{File: file, Conn: c})
	ev.Drain()
	got := column(r.Finish()["intel"], "seen.where", "seen.indicator")
	same(t, "seen", got, []string{
		"Conn::IN_ORIG 10.0.0.1", "SMTP::IN_RECEIVED_HEADER 10.0.0.1",
		"SMTP::IN_RECEIVED_HEADER 1.1.1.1", "SMTP::IN_X_ORIGINATING_IP_HEADER 2.2.2.2", "SMTP::IN_HEADER Mailer 1",
		"SMTP::IN_MAIL_FROM from@a.b", "SMTP::IN_RCPT_TO rcpt@a.b", "SMTP::IN_FROM hfrom@a.b", "SMTP::IN_TO to@a.b",
		"SMTP::IN_CC cc <cc@a.b>", "SMTP::IN_REPLY_TO reply@a.b",
		"SMTP::IN_MESSAGE a.b/c", "Files::IN_HASH ABC", "Files::IN_NAME Name.txt",
	})
	if len(r.Errors) > 0 {
		t.Error(r.Errors)
	}
}

func TestURLsOfMailsAreWhatTheOptionSays(t *testing.T) {
	r, f := start(t, []string{"frameworks/intel/seen"}, `url_regex=/(xmpp|http):[a-z.\/]+/`)
	for _, i := range []string{"xmpp:a.b", "a.b/c"} {
		f.Insert(item(i, TypeURL, "f"))
	}
	r.At(1000)
	ctl := &fileControl{}
	c := &event.Conn{UID: "C1"}
	file := &event.File{ID: "F1", Source: "SMTP", Conns: []*event.Conn{c}, Ctl: ctl}
	r.Events.FileNew.Enqueue(event.FileEvent{File: file})
	r.Events.Drain()
	ctl.data.Enqueue(files.StreamData{File: file, Data: []byte("xmpp:a.b and http://a.b/c, https://a.b/c")})
	r.Events.Drain()
	got := column(r.Finish()["intel"], "seen.indicator")
	slices.Sort(got)
	same(t, "URLs", got, []string{"a.b/c", "xmpp:a.b"})
}

// fileControl takes the event that the URL policy wants data with.
type fileControl struct {
	event.FileControl
	data *event.Topic[files.StreamData]
}

func (c *fileControl) AddAnalyzer(name string, args any) bool {
	if a, ok := args.(files.DataEventArgs); ok && name == "DATA_EVENT" {
		c.data = a.StreamEvent
	}
	return true
}

func TestFilesAreReadBeforeTheFirstPacket(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.dat", "#fields\tindicator\tindicator_type\tmeta.source\na\tIntel::URL\tA\n")
	write(t, dir+"/b.dat", "#fields\tindicator\tindicator_type\tmeta.source\nb\tIntel::URL\tB\n")
	_, f := start(t, nil, `Intel::read_files={"a.dat","`+dir+`/b.dat"}`, "Intel::path_prefix="+dir+"//")
	if f.store.text.Len() != 2 {
		t.Errorf("%d indicators", f.store.text.Len())
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatChangesForTheWorseKeepsWhatItHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.dat")
	const columns = "#fields\tindicator\tindicator_type\tmeta.source\n"
	write(t, path, columns+"a\tIntel::URL\tA\n")
	_, f := start(t, nil, `Intel::read_files={"`+path+`"}`)
	has := func(want ...string) {
		t.Helper()
		var got []string
		for k := range f.store.text.All() {
			got = append(got, k.text)
		}
		slices.Sort(got)
		same(t, "indicators", got, want)
	}
	has("a")
	if err := f.Reread(); err != nil {
		t.Error(err)
	}
	write(t, path, columns+"b\tIntel::URL\tA\nc\tIntel::NOTHING\tA\n")
	if err := f.Reread(); err == nil || !strings.HasPrefix(err.Error(), path+":3: ") {
		t.Error(err)
	}
	has("a")
	if err := f.Reread(); err != nil {
		t.Error("reported twice:", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := f.Reread(); err == nil {
		t.Error("a missing file was not reported")
	}
	if err := f.Reread(); err != nil {
		t.Error("reported twice:", err)
	}
	has("a")
	write(t, path, columns+"b\tIntel::URL\tA\n")
	if err := f.Reread(); err != nil {
		t.Error(err)
	}
	has("a", "b")
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	f.Remove(item("b", TypeURL, "A"), true)
	if err := f.Reread(); err != nil {
		t.Error(err)
	}
	has("a", "b")
}

func TestALiveRunTakesInWhatChangesInTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.dat")
	const columns = "#fields\tindicator\tindicator_type\tmeta.source\n"
	write(t, path, columns+"a\tIntel::URL\tA\n")
	var f *Framework
	r := policytest.Start(t, policytest.Config{
		Policies: []string{base}, Options: []string{`Intel::read_files={"` + path + `"}`}, Keys: referenceKeys(),
		Loaded: func(c *policy.Context) {
			c.Live = true
			f = policy.Use[*Framework](c)
		},
	})
	now := 1e9
	second := func() {
		now += 1.5
		r.At(now)
		r.Events.Drain()
	}
	has := func(want ...string) {
		t.Helper()
		var got []string
		for k := range f.store.text.All() {
			got = append(got, k.text)
		}
		slices.Sort(got)
		same(t, "indicators", got, want)
	}
	second()
	has("a")
	write(t, path, columns+"longer\tIntel::URL\tA\n")
	second()
	has("a", "longer")
	write(t, path, columns+"other\tIntel::NOTHING\tA\n")
	second()
	second()
	has("a", "longer")
	if len(r.Reported) != 1 || !strings.Contains(r.Reported[0], path+":2: ") {
		t.Errorf("reported: %q", r.Reported)
	}
}

func BenchmarkSeenMiss(b *testing.B) {
	t := &testing.T{}
	_, f := start(t, nil)
	for i := range 100000 {
		f.Insert(item(fmt.Sprintf("user%d@example.net", i), TypeEmail, "feed"))
		f.Insert(item(fmt.Sprintf("10.%d.%d.0/24", i>>8&0xff, i&0xff), TypeSubnet, "feed"))
	}
	host := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		f.Seen(Seen{Indicator: "anna@example.org", Type: TypeEmail})
		f.Seen(Seen{Host: host})
	}
}
