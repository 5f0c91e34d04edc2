package redef

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lineRegistry has a live option of each kind.
func lineRegistry() *Registry {
	r := New(fixedKeys())
	r.Bool("M::b", false, "d").Live()
	r.Count("M::c", 1, "d").Live()
	r.Int("M::i", 1, "d").Live()
	r.Double("M::d", 1, "d").Live()
	r.Interval("M::v", 1, "d").Live()
	r.String("M::s", "x", "d").Live()
	r.Port("M::p", TCP(1), "d").Live()
	r.Pattern("M::re", "/x/", "d").Live()
	r.Enum("M::e", "M::E", []string{"M::A", "M::B"}, "M::A", "d").Live()
	r.StringSet("M::ss", []string{"x"}, "d").h.Live()
	r.PortSet("M::ps", nil, "d").h.Live()
	r.SubnetSet("M::ns", nil, "d").h.Live()
	r.CountVector("M::cv", nil, "d").Live()
	r.StringStrings("M::t", nil, "d").h.Live()
	r.Count("M::fixed", 1, "d")
	return r
}

func TestLinesHaveZeeksPlainForm(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"M::b T", "T"}, {"M::b 1", "T"}, {"M::b true", `!"true" is not T or F`},
		{"M::c\t 77  ", "77"}, {"M::c -1", "!"}, {"M::c", "!"},
		{"M::i -5", "-5"},
		{"M::d 2.5", "2.5"},
		{"M::v 90", "1.0 min 30.0 secs"}, {"M::v 1.5min", "!is no number"},
		{"M::s two  words, ", "two  words"}, {"M::s ", ""}, {`M::s a\x41\xzz`, `aA\xzz`},
		{"M::p 25/TCP", "25/tcp"}, {"M::p 7", "7/unknown"},
		{"M::re /a|b/", "/^?(a|b)$?/"}, {"M::re a|b", "!is not a pattern between slashes"},
		{"M::e M::B", "M::B"}, {"M::e M::C", "!"},
		{"M::ss a,b b", "{\n\ta,\n\tb b\n}"}, {"M::ss  ", "{\n\n}"},
		{"M::ps 25/tcp, 587/tcp", "{\n\t25/tcp,\n\t587/tcp\n}"}, {"M::ps 25/tcp,x", "!"},
		{"M::ns 10.0.0.0/8,2001:db8::/32", "{\n\t10.0.0.0/8,\n\t2001:db8::/32\n}"},
		{"M::cv 1,2", "[1, 2]"},
		{"M::t a", "!cannot be written in such a file"},
		{"M::fixed 2", "!can only be set before the start"},
		{"M::ccc 2", "!there is no option M::ccc; did you mean M::c?"},
		{" M::c 2", "!is not the name of an option"},
	} {
		r := lineRegistry()
		path := filepath.Join(t.TempDir(), "zeek.conf")
		if err := os.WriteFile(path, []byte("# a comment\r\n\n"+c.line+"\r\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		lines, problems, err := ReadLines(path)
		if err != nil {
			t.Fatal(err)
		}
		changes, more := r.SetLines(lines)
		problems = append(problems, more...)
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if len(problems) != 1 || len(changes) != 0 || !strings.Contains(problems[0].Msg, want) || problems[0].Place.Line != 3 {
				t.Errorf("%q: %v, changes %v", c.line, problems, changes)
			}
			continue
		}
		if len(problems) > 0 || len(changes) != 1 {
			t.Errorf("%q: %v, changes %v", c.line, problems, changes)
			continue
		}
		name, _, _ := strings.Cut(strings.ReplaceAll(c.line, "\t", " "), " ")
		o, _ := r.Lookup(name)
		if got := inAnyOrder(o.Value); got != inAnyOrder(c.want) || o.Origin.File != path {
			t.Errorf("%q: %q from %v, want %q", c.line, o.Value, o.Origin, c.want)
		}
	}
}

// inAnyOrder makes sets comparable.
func inAnyOrder(s string) string {
	if !strings.HasPrefix(s, "{") {
		return s
	}
	elems := strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\t' || c == ',' })
	slices.Sort(elems)
	return strings.Join(elems, "|")
}

func TestLinesWinUntilOtherLinesDo(t *testing.T) {
	r := lineRegistry()
	called := 0
	r.Count("M::c", 0, "").OnChange(func() { called++ })
	set := func(v string) []Change {
		ch, problems := r.SetLines([]Line{{"M::c", v, Place{File: "f", Line: 1}}})
		if problems != nil {
			t.Fatal(problems)
		}
		return ch
	}
	value := func() string { o, _ := r.Lookup("M::c"); return o.Value }
	if ch := set("5"); len(ch) != 1 || ch[0].OldLogged != "1" || ch[0].NewLogged != "5" || ch[0].Place.String() != "f" || value() != "5" {
		t.Errorf("%+v, then %s", ch, value())
	}
	if ch := set("5"); len(ch) != 1 { // Zeek logs that, too
		t.Errorf("%+v", ch)
	}
	if ch, err := r.Reload(nil, "M::c=7", "M::i=8"); err != nil || len(ch) != 1 || ch[0].Name != "M::i" || value() != "5" {
		t.Errorf("%+v, %v, then %s", ch, err, value())
	}
	set("6")
	if value() != "6" || called != 3 {
		t.Errorf("%s after %d calls", value(), called)
	}
}
