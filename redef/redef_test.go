package redef

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

type testOptions struct {
	validate  *Bool
	max       *Count
	idle      *Interval
	host      *Enum
	local     *SubnetSet
	ports     *PortSet
	ignored   *EnumSet
	actions   *StringEnums
	timeouts  *PortIntervals
	ignore    *AddrStringSet
	did       *StringStringSet
	blocklist *Pattern
	names     *StringStrings
	admins    *SubnetStringSet
	paths     *StringVector
	empty     *String
}

func declareTest(r *Registry) *testOptions {
	r.EnumType("Notice::Type").Add("Notice::Tally", "SMTP::Blocklist_Error_Message", "Weird::Activity")
	return &testOptions{
		validate: r.Bool("SMTP::mail_transaction_validation", true, "doc of validate"),
		max:      r.Count("bits_per_uid", 96, "doc"),
		idle:     r.Interval("tcp_inactivity_timeout", 300, "doc"),
		host:     r.Enum("SMTP::mail_path_capture", "Host", []string{"LOCAL_HOSTS", "REMOTE_HOSTS", "ALL_HOSTS", "NO_HOSTS"}, "ALL_HOSTS", "doc"),
		local:    r.SubnetSet("Site::local_nets", nil, "doc"),
		ports:    r.PortSet("SMTP::ports", []Port{TCP(25), TCP(587)}, "doc"),
		ignored:  r.EnumSet("Notice::ignored_types", "Notice::Type", []string{"Notice::Tally"}, "doc"),
		actions: r.StringEnums("Weird::actions", "Weird::Action", []string{"ACTION_IGNORE", "ACTION_LOG", "ACTION_NOTICE"},
			map[string]string{"x": "ACTION_NOTICE", "y": "ACTION_LOG"}, "ACTION_LOG", "doc"),
		timeouts:  r.PortIntervals("Conn::port_inactivity_timeouts", map[Port]float64{TCP(21): 3600}, "doc"),
		ignore:    r.AddrStringSet("Weird::ignore_hosts", "doc"),
		did:       r.StringStringSet("Weird::did_log", "doc", [2]string{"a", "b"}),
		blocklist: r.Pattern("SMTP::blocklist_error_messages", "/spamhaus/", "doc"),
		names:     r.StringStrings("Log::default_field_name_map", nil, "doc"),
		admins:    r.SubnetStringSet("Site::local_admins", nil, "doc"),
		paths:     r.StringVector("mmdb_dir_fallbacks", []string{"/a"}, "doc"),
		empty:     r.String("LogAscii::empty_field", "(empty)", "doc"),
	}
}

func TestHandlesGiveDefaultsAtOnce(t *testing.T) {
	o := declareTest(New(fixedKeys()))
	if !o.validate.Get() || o.max.Get() != 96 || o.idle.Get() != 300 || o.host.Get() != "ALL_HOSTS" || o.local.Len() != 0 ||
		!o.ports.Has(TCP(25)) || o.ports.Has(UDP(25)) || !o.ignored.Has("Notice::Tally") ||
		o.actions.Get("x") != "ACTION_NOTICE" || o.actions.Get("none") != "ACTION_LOG" || o.timeouts.Get(TCP(21)) != 3600 ||
		!o.did.Has("a", "b") || o.did.Has("ab", "") || !o.blocklist.Get().MatchAnywhere([]byte("at spamhaus.org")) ||
		len(o.paths.Get()) != 1 {
		t.Error("a default is lost")
	}
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, text string, sections ...string) *Config {
	t.Helper()
	c, err := LoadFiles([]string{write(t, "gzeek.toml", text)}, sections...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTOMLFileSetsEverything(t *testing.T) {
	r := New(fixedKeys())
	o := declareTest(r)
	c := load(t, `
load = ["protocols/smtp/blocklists", "protocols/smtp/software", "protocols/smtp/blocklists"]

[redef.SMTP]
mail_path_capture = "REMOTE_HOSTS"
ports = ["25/tcp", "587/tcp", "2525/tcp"]
mail_transaction_validation = false
blocklist_error_messages = "/sorbs/i | /blocked using/"

[redef_add.Site]
local_nets = ["10.0.0.0/8", "2001:db8::/32"]

[redef.Site.local_admins]
"10.0.0.0/8" = ["a@example.com", "b@example.com"]

[redef_add]
"Notice::ignored_types" = ["SMTP::Blocklist_Error_Message", "Activity"]

[redef_remove.Notice]
ignored_types = ["Notice::Tally"]

[redef.GLOBAL]
bits_per_uid = 64
tcp_inactivity_timeout = 90.5
mmdb_dir_fallbacks = ["/x", "/y"]

[redef_add.Conn]
port_inactivity_timeouts = { "25/tcp" = "3sec", "26/tcp" = 4 }

[redef_add.Weird]
ignore_hosts = [["1.2.3.4", "x, y"], "[[2001:db8::1], \"z\"]"]
actions = "{[\"q\"] = Weird::ACTION_IGNORE}"

[redef_remove.Weird]
actions = ["y"]

[redef.Log]
default_field_name_map = {"id.orig_h" = "src_ip"}

[redef.LogAscii]
empty_field = "\t\"raw\\n"
`)
	if want := []string{"protocols/smtp/blocklists", "protocols/smtp/software"}; !slices.Equal(c.Load, want) {
		t.Errorf("load %q", c.Load)
	}
	if err := r.Apply(c); err != nil {
		t.Fatal(err)
	}
	sorted := func(l any) string {
		s := strings.Fields(strings.Trim(fmt.Sprint(l), "[]"))
		slices.Sort(s)
		return strings.Join(s, " ")
	}
	for what, x := range map[string][2]string{
		"host":    {o.host.Get(), "REMOTE_HOSTS"},
		"ports":   {sorted(o.ports.Get()), "25/tcp 2525/tcp 587/tcp"},
		"local":   {sorted(o.local.Get()), "10.0.0.0/8 2001:db8::/32"},
		"ignored": {sorted(o.ignored.Get()), "SMTP::Blocklist_Error_Message Weird::Activity"},
		"admins":  {sorted(o.admins.Get(netip.MustParsePrefix("10.0.0.0/8"))), "a@example.com b@example.com"},
		"numbers": {fmt.Sprint(o.max.Get(), o.idle.Get(), o.validate.Get(), o.paths.Get()), "64 90.5 false [/x /y]"},
		"times":   {fmt.Sprint(o.timeouts.Get(TCP(25)), o.timeouts.Get(TCP(26)), o.timeouts.Get(TCP(21))), "3 4 3600"},
		"actions": {fmt.Sprint(o.actions.Get("q"), " ", o.actions.Get("x"), " ", o.actions.Len()), "ACTION_IGNORE ACTION_NOTICE 2"},
		"names":   {o.names.Get("id.orig_h"), "src_ip"},
		"string":  {o.empty.Get(), "\t\"raw\\n"},
	} {
		if x[0] != x[1] {
			t.Errorf("%s: %q, want %q", what, x[0], x[1])
		}
	}
	if !o.ignore.Has(netip.MustParseAddr("::ffff:1.2.3.4"), "x, y") || !o.ignore.Has(netip.MustParseAddr("2001:db8::1"), "z") {
		t.Errorf("%v", o.ignore.Get())
	}
	if p := o.blocklist.Get(); !p.MatchAnywhere([]byte("SORBS")) || p.MatchAnywhere([]byte("BLOCKED USING")) {
		t.Errorf("%v", p)
	}
	if i := mustInfo(r, "SMTP::ports"); !strings.HasSuffix(i.Origin.String(), "gzeek.toml:6:9") || !i.Changed || i.Doc != "doc" {
		t.Errorf("%+v", i)
	}
}

func TestLaterFilesAndTheCommandLineWin(t *testing.T) {
	r := New(fixedKeys())
	o := declareTest(r)
	a := write(t, "a.toml", "[redef.GLOBAL]\nbits_per_uid = 1\ntcp_inactivity_timeout = 1\n[redef_add.Site]\nlocal_nets = \"10.0.0.0/8\"\n")
	b := write(t, "b.toml", "redef.GLOBAL.bits_per_uid = 2\n[redef_add.Site]\nlocal_nets = [\"11.0.0.0/8\"]\n")
	c, err := LoadFiles([]string{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(c, "tcp_inactivity_timeout=3sec", "Site::local_nets-={10.0.0.0/8}"); err != nil {
		t.Fatal(err)
	}
	if o.max.Get() != 2 || o.idle.Get() != 3 || fmt.Sprint(o.local.Get()) != "[11.0.0.0/8]" {
		t.Errorf("%d %v %v", o.max.Get(), o.idle.Get(), o.local.Get())
	}
	if i := mustInfo(r, "tcp_inactivity_timeout"); i.Origin.String() != "command line" {
		t.Error(i.Origin)
	}
	// Apply starts from the defaults.
	if err := r.Apply(nil); err != nil || o.max.Get() != 96 || o.local.Len() != 0 {
		t.Errorf("%v: %d %v", err, o.max.Get(), o.local.Get())
	}
}

func TestAllProblemsAreToldWithPlaceAndNearestName(t *testing.T) {
	r := New(fixedKeys())
	o := declareTest(r)
	path := write(t, "c.toml", `[redef.SMTP]
mail_path_captur = "ALL_HOSTS"
mail_path_capture = "LOCAL_HOST"
ports = ["25/tcp", "70000/tcp"]
[redef.GLOBAL]
bits_per_uid = 1.5
pkt_profile_freq = 1
[redef_add.GLOBAL]
tcp_inactivity_timeout = "1sec"
[redef."SMTP"."x"]
y = 1
[redef]
bits_per_uid = 5
`)
	c, err := LoadFiles([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Apply(c, "Smtp::ports={}", "bits_per_uid=x", "LogAscii::empty_field=fine", "nothing")
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	want := []string{
		"c.toml:2:20: there is no option SMTP::mail_path_captur; did you mean SMTP::mail_path_capture?",
		"c.toml:3:21: SMTP::mail_path_capture: LOCAL_HOST is no value of Host; did you mean LOCAL_HOSTS?",
		"c.toml:4:9: SMTP::ports: port 70000/tcp is larger than 65535",
		"c.toml:6:16: bits_per_uid: a number with a fraction is not a count",
		"c.toml:7:20: pkt_profile_freq is an option of Zeek, but not of gzeek with the policies that are loaded",
		"c.toml:9:26: tcp_inactivity_timeout is of type interval; += is for sets, tables, vectors and patterns",
		"c.toml:11:5: there is no option SMTP::x::y",
		"c.toml:13:16: bits_per_uid is set a second time in this file",
		"command line: there is no option Smtp::ports; did you mean SMTP::ports?",
		`command line: bits_per_uid: "x" is not a number`,
		"command line: nothing: expected NAME=VALUE, NAME+=VALUE or NAME-=VALUE",
	}
	if len(ps) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(ps), len(want), err)
	}
	for i := range min(len(ps), len(want)) {
		if got := ps[i].String(); got != want[i] && !strings.HasSuffix(got, "/"+want[i]) {
			t.Errorf("%s\nwant %s", got, want[i])
		}
	}
	if o.empty.Get() != "(empty)" {
		t.Error("something was set in spite of the problems")
	}
}

func TestFilesThatAreNotConfigurationsAreNamed(t *testing.T) {
	good := write(t, "good.toml", "load = []")
	for text, want := range map[string]string{
		"a = ":                     ":1:4: not TOML: ",
		"x = 1\nx = 2":             ":2:1: not TOML: Key 'x' has already been defined",
		"loda = []":                `there is no "loda" at this level; did you mean load?`,
		"load = 5":                 "load is a list of policies",
		"load = [\"a\", 5]":        "5 is no name of a policy",
		"redef = 5":                "redef is a table of options by module",
		"[log.x]\na = 1":           `there is no "log" at this level`,
		"[[redef_add]]\nSMTP = {}": "redef_add is a table",
	} {
		path := write(t, "bad.toml", text)
		_, err := LoadFiles([]string{good, path, "/none/such.toml"})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path+":1:") && !strings.Contains(err.Error(), path+":2:") {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && !strings.Contains(err.Error(), "/none/such.toml: cannot be read: no such file") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOtherPackagesReadTheirSections(t *testing.T) {
	c := load(t, "[log.smtp]\npath = \"x\"\n", "log")
	var v map[string]struct{ Path string }
	n := 0
	c.Section("log", &v, func(at Place, err error) {
		n++
		if err != nil || at.Line != 1 {
			t.Error(at, err)
		}
	})
	if n != 1 || v["smtp"].Path != "x" {
		t.Error(n, v)
	}
}

func TestReloadChangesWhatIsLiveAndRefusesTheRest(t *testing.T) {
	r := New(fixedKeys())
	o := declareTest(r)
	var called []string
	o.validate.OnChange(func() { called = append(called, fmt.Sprint("validate ", o.validate.Get(), " ", o.local.Len())) })
	o.local.OnChange(func() { called = append(called, "local") })
	o.max.OnChange(func() { called = append(called, "max") })
	if err := r.Apply(nil, "SMTP::mail_transaction_validation=T"); err != nil || called != nil {
		t.Fatal(err, called)
	}
	changes, err := r.Reload(load(t, "redef.GLOBAL.bits_per_uid = 64\nredef.SMTP.mail_transaction_validation = false\n"), "Site::local_nets={10.0.0.0/8}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%s %q %q %v", c.Name, c.Old, c.New, c.Refused != ""))
	}
	if c := changes[1]; c.OldLogged != "" || c.NewLogged != "10.0.0.0/8" {
		t.Errorf("in config.log: %q, %q", c.OldLogged, c.NewLogged)
	}
	want := []string{`SMTP::mail_transaction_validation "T" "F" false`, `Site::local_nets "{\n\n}" "{\n10.0.0.0/8\n}" false`, `bits_per_uid "96" "64" true`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if want := []string{"validate false 1", "local"}; !slices.Equal(called, want) {
		t.Errorf("hooks %q, want %q", called, want)
	}
	if o.max.Get() != 96 || o.validate.Get() {
		t.Error(o.max.Get(), o.validate.Get())
	}
	if _, err := r.Reload(nil, "SMTP::mail_transaction_validation=x"); err == nil || o.validate.Get() {
		t.Error("a wrong value", err)
	}
	// Once more: back to the defaults.
	if changes, err := r.Reload(nil); err != nil || len(changes) != 2 || !o.validate.Get() {
		t.Error(changes, err)
	}
	if changes, err := r.Reload(nil); err != nil || len(changes) != 0 {
		t.Error(changes, err)
	}
}

func TestChecksRefuseValues(t *testing.T) {
	r := New(fixedKeys())
	level := r.Count("LogAscii::gzip_level", 0, "doc").Check(func(n uint64) error {
		if n > 9 {
			return errors.New("the level is 0 to 9")
		}
		return nil
	})
	err := r.Apply(nil, "LogAscii::gzip_level=10")
	if err == nil || err.Error() != "command line: LogAscii::gzip_level: the level is 0 to 9" || level.Get() != 0 {
		t.Error(err, level.Get())
	}
}

func TestOptionsMayBeDeclaredTwiceWithOneType(t *testing.T) {
	r := New(fixedKeys())
	a, b := r.Count("x", 1, "doc"), r.Count("x", 2, "doc")
	if a != b || a.Get() != 1 {
		t.Error(a.Get(), b.Get())
	}
	s1, s2 := r.StringSet("y", []string{"a"}, "doc"), r.StringSet("y", nil, "doc")
	if err := r.Apply(nil, "y+={\"b\"}"); err != nil || !s1.Has("b") || !s2.Has("b") || s2.Len() != 2 {
		t.Error(err, s1.Get(), s2.Get())
	}
	for _, f := range []func(){
		func() { r.Int("x", 1, "doc") },
		func() { r.Interval("z", 1, "doc"); r.Double("z", 1, "doc") },
		func() { r.Bool("a b", true, "doc") },
		func() { r.Enum("e", "E", []string{"A"}, "B", "doc") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a wrong declaration was taken")
				}
			}()
			f()
		}()
	}
}

func TestLiteralsGiveTheValueAgain(t *testing.T) {
	r := New(fixedKeys())
	declareTest(r)
	if err := r.Apply(nil, `Weird::ignore_hosts={[[2001:db8::1], "a\"\\\x00é"], [1.2.3.4, ""]}`, `tcp_inactivity_timeout=1.23456789 msecs`,
		`Site::local_nets={10.0.0.0/8,[2001:db8::]/32}`, `mmdb_dir_fallbacks=["a,b", "]"]`, `Conn::port_inactivity_timeouts={[1/udp]=-5hrs}`); err != nil {
		t.Fatal(err)
	}
	for _, i := range r.Options() {
		if i.Type == "pattern" || i.Type == "string" {
			continue
		}
		r2 := New(fixedKeys())
		declareTest(r2)
		if err := r2.Apply(nil, i.Name+"="+i.Literal); err != nil {
			t.Error(err)
		} else if got := mustInfo(r2, i.Name); len(got.Value) != len(i.Value) {
			t.Errorf("%s: %q, then %q", i.Name, i.Value, got.Value)
		}
	}
}

func FuzzArgument(f *testing.F) {
	for _, s := range []string{"SMTP::ports={25/tcp, 1/udp}", "tcp_inactivity_timeout=-(1hr + 2*3.5min)/0x2", `Weird::ignore_hosts+={[[::1],"a\x41"]}`,
		"Site::local_nets-={::/0,[::ffff:1.2.3.4]/100}", "SMTP::blocklist_error_messages=/a/ | /b/i", `Conn::port_inactivity_timeouts={[1/tcp]=1 day,}`,
		"LogAscii::empty_field=\\101\\x", "bits_per_uid=9223372036854775807*2", `Site::local_admins={[10.0.0.0/8]={"a"}}`} {
		f.Add(s)
	}
	r := New(fixedKeys())
	declareTest(r)
	f.Fuzz(func(t *testing.T, arg string) {
		if len(arg) > 1000 {
			return
		}
		if err := r.Apply(nil, arg); err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			return
		}
		for _, i := range r.Options() {
			if !i.Changed || i.Type == "pattern" || i.Type == "string" {
				continue
			}
			if err := r.Apply(nil, i.Name+"="+i.Literal); err != nil {
				t.Errorf("%s: %v", i.Literal, err)
			}
			return
		}
	})
}

func FuzzTOML(f *testing.F) {
	f.Add("load = [\"a\"]\n[redef.SMTP]\nports = [\"25/tcp\"]\n[redef_add.Conn]\nport_inactivity_timeouts = {\"1/tcp\" = 5}\n")
	f.Add("redef.GLOBAL.bits_per_uid = 5\n[[redef.x]]\na=1\n[redef_remove]\n\"Weird::ignore_hosts\" = [[\"::1\", \"x\"]]\n")
	f.Add("redef = {SMTP = {ports = \"{1/tcp}\"}}\n[redef.Site.local_admins]\n\"10.0.0.0/8\" = []\n")
	r := New(fixedKeys())
	declareTest(r)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		c := &Config{}
		var ps Problems
		c.parse("x", text, nil, &ps)
		if err := r.Apply(c); err != nil && len(err.Error()) > 100*1000 {
			t.Errorf("a message of %d bytes", len(err.Error()))
		}
	})
}

var _ toml.Unmarshaler = locator{}
