package redef

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// reread gives what the importer writes to a second registry.
func reread(t *testing.T, im *Importer) *Registry {
	t.Helper()
	var b strings.Builder
	if err := im.WriteTOML(&b); err != nil {
		t.Fatal(err)
	}
	r := New(fixedKeys())
	declareTest(r)
	if err := r.Apply(load(t, b.String())); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return r
}

// settle is a value without the order of its elements, which hangs on the
// history of a set.
func settle(v any) string {
	c, ok := v.(*container)
	if !ok {
		return literal(v)
	}
	var list []string
	for _, e := range c.d.All() {
		list = append(list, literal(e.index)+literalOr(e.yield))
	}
	slices.Sort(list)
	return fmt.Sprint(list)
}

func literalOr(v any) string {
	if v == nil {
		return ""
	}
	return literal(v)
}

func sameValues(t *testing.T, im *Importer) {
	t.Helper()
	got := reread(t, im)
	for _, name := range slices.Sorted(maps.Keys(got.options)) {
		o := got.options[name]
		want := im.ev.get(im.ev.r.options[name])
		if o.typ.Kind == KindPattern {
			continue // their text grows when they are read again
		}
		if settle(o.value) != settle(want) {
			t.Errorf("%s: %s, want %s", name, settle(o.value), settle(want))
		}
	}
}

func TestImportedSettingsReadBackAsTheSameValues(t *testing.T) {
	for _, steps := range [][]string{
		{"SMTP::ports += {25/udp, 26/tcp}", "SMTP::ports -= {587/tcp}", "SMTP::ports += {27/tcp}"},
		{"SMTP::ports += {26/tcp}", "SMTP::ports -= {26/tcp, 25/tcp}"},
		{"SMTP::ports -= {25/tcp}", "SMTP::ports += {25/tcp}"},
		{"SMTP::ports = {1/tcp}", "SMTP::ports += {2/tcp}"},
		{"mmdb_dir_fallbacks += vector(\"/b\")", "mmdb_dir_fallbacks += [\"/c\", \"/d\"]"},
		{"mmdb_dir_fallbacks = vector()", "mmdb_dir_fallbacks += [\"/c\"]"},
		{"Weird::actions += {[\"z\"] = Weird::ACTION_IGNORE}", "Weird::actions -= {[\"x\"] = Weird::ACTION_LOG}"},
		{"Weird::ignore_hosts += {[10.0.0.1, \"a\"], [[2001:db8::1], \"b\"]}", "Weird::did_log = {[\"c\", \"d\\\"\"]}"},
		{"Site::local_admins += {[10.0.0.0/8] = set(\"a@b\", \"c\")}"},
		{"LogAscii::empty_field = \"\\\\ \\\" \\n\"", "tcp_inactivity_timeout = -1sec", "bits_per_uid = 2 * 0x40"},
		{"SMTP::blocklist_error_messages += /a/ | /b/i", "SMTP::blocklist_error_messages += (/c/ & /d/)"},
		{"Log::default_field_name_map += {[\"a.b\"] = \"c\"}", "Conn::port_inactivity_timeouts = table([1/tcp] = 2min)"},
	} {
		r := New(fixedKeys())
		declareTest(r)
		im := r.NewImporter()
		for _, s := range steps {
			f := strings.SplitN(s, " ", 3)
			if err := im.Set(Place{File: "x.zeek", Line: 1}, f[0], f[1], f[2]); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
		sameValues(t, im)
		if r.options["SMTP::ports"].value.(*container).d.Len() != 2 {
			t.Errorf("%v: the registry has changed", steps)
		}
	}
}

func TestAnImportedPatternMatchesAsBefore(t *testing.T) {
	r := New(fixedKeys())
	declareTest(r)
	im := r.NewImporter()
	for _, v := range []string{"/aa/ | /bb/i", "(/c/ & /d/)"} {
		if err := im.Set(Place{File: "x"}, "SMTP::blocklist_error_messages", "+=", v); err != nil {
			t.Fatal(err)
		}
	}
	p := reread(t, im).options["SMTP::blocklist_error_messages"].handle.(*Pattern).Get()
	for text, want := range map[string]bool{"spamhaus": true, "aa": true, "BB": true, "cd": true, "c": false, "AA": false} {
		if p.MatchAnywhere([]byte(text)) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

func TestARefusedImportChangesNothing(t *testing.T) {
	r := New(fixedKeys())
	o := declareTest(r)
	o.ports.Check(func(list []Port) error {
		if len(list) > 2 {
			return fmt.Errorf("too many")
		}
		return nil
	})
	im := r.NewImporter()
	if err := im.Set(Place{File: "x"}, "SMTP::ports", "+=", "{1/tcp}"); err == nil || err.Error() != "too many" {
		t.Error(err)
	}
	for _, s := range [][3]string{{"no_such", "=", "T"}, {"bits_per_uid", "+=", "1"}, {"SMTP::ports", "+=", "{x}"}, {"LogAscii::empty_field", "=", `"\xff"`}} {
		if err := im.Set(Place{File: "x"}, s[0], s[1], s[2]); err == nil {
			t.Errorf("%v is taken", s)
		}
	}
	if got := settle(im.ev.get(r.options["SMTP::ports"])); !strings.Contains(got, "25/tcp") || strings.Contains(got, "[1/tcp]") || len(im.seen) > 0 {
		t.Error(got, im.seen)
	}
}

func FuzzImportedSettingsReadBack(f *testing.F) {
	f.Add("SMTP::ports", "+=", "{26/tcp}", "-=", "{26/tcp}")
	f.Add("LogAscii::empty_field", "=", `"a" + "\x01"`, "=", "Site::local_nets")
	f.Add("Weird::actions", "+=", `{["\\"] = Weird::ACTION_LOG, }`, "-=", `{["x"] = Weird::ACTION_LOG}`)
	f.Add("SMTP::blocklist_error_messages", "+=", "/a/i | /b/", "=", "SMTP::blocklist_error_messages")
	f.Add("tcp_inactivity_timeout", "=", "1.5e3 hrs", "=", "-1usec")
	f.Add("Site::local_admins", "+=", `{[[::]/0] = {"a"}}`, "+=", "Site::local_admins")
	f.Fuzz(func(t *testing.T, name, op, value, op2, value2 string) {
		r := New(fixedKeys())
		declareTest(r)
		im := r.NewImporter()
		if im.Set(Place{File: "x\n\xff", Line: 1}, name, op, value) != nil {
			return
		}
		_ = im.Set(Place{File: "y", Line: 2}, name, op2, value2) // refused or not
		sameValues(t, im)
	})
}
