package zeekscript

import (
	"fmt"
	"strings"
	"testing"
)

// short writes statements one a line.
func short(list []Statement) string {
	var b strings.Builder
	for _, s := range list {
		switch s.Kind {
		case Load:
			fmt.Fprintf(&b, "%d load %s\n", s.Line, s.Name)
		case Set:
			module := s.Module
			if module != "" {
				module = "(" + module + ")"
			}
			fmt.Fprintf(&b, "%d %s%s %s %s\n", s.Line, module, s.Name, s.Op, s.Value)
		default:
			fmt.Fprintf(&b, "%d - %s\n", s.Line, s.Why)
		}
	}
	return b.String()
}

var cases = []struct{ name, text, want string }{
	{"nothing", "", ""},
	{"only comments", "# a\n##! b; c\n", ""},
	{"loads", "@load a/b\n@load ./c # why\n@load \"d\"\n@load", "1 load a/b\n2 load ./c\n3 load d\n4 - @load: a name should follow\n"},
	{"a load without a line end", "@load a", "1 load a\n"},
	{"the three operators", "redef A::b = T; redef c += { 1 };\nredef d -= {2};", "1 A::b = T\n1 c += { 1 }\n2 d -= {2}\n"},
	{"no spaces", "redef a=T;redef b+={1};", "1 a = T\n1 b += {1}\n"},
	{"a negative value", "redef a=-5sec; redef b = - 1;", "1 a = -5sec\n1 b = - 1\n"},
	{"several lines and comments", "redef x += {\n\t10.0.0.0/8,  # { office\n\t[2001:db8::]/32, # \"v6;\n};\n@load z", "1 x += { 10.0.0.0/8, [2001:db8::]/32, }\n5 load z\n"},
	{"a table", "redef t += { [\"a\", 25/tcp] = 1 hr, [\"b\", 1/udp] = 5min, };", "1 t += { [\"a\", 25/tcp] = 1 hr, [\"b\", 1/udp] = 5min, }\n"},
	{"strings hide what they hold", `redef s = "a;b#c\"}{" + "\\";`, `1 s = "a;b#c\"}{" + "\\"` + "\n"},
	{"patterns hide what they hold", `redef p += /a;"\/#}/i | /b/ & /c/;`, `1 p += /a;"\/#}/i | /b/ & /c/` + "\n"},
	{"slashes divide", "redef a = 4 / 2; redef b = (1) / 2; redef c = 10.0.0.0 / 8;", "1 a = 4 / 2\n1 b = (1) / 2\n1 c = 10.0.0.0 / 8\n"},
	{"constructors", "redef a = set (1);\nredef b = vector(1, 2); redef c = table ( [1] = 2 );", "1 a = set(1)\n2 b = vector(1, 2)\n2 c = table( [1] = 2 )\n"},
	{"attributes", "option a: set[string] = {} &redef; const b = 1 &redef &deprecated=\"x\";", "1 a = {}\n1 b = 1\n"},
	{"a constant that stays", "const a = 1;", "1 - const a: it is a constant of the script, without &redef\n"},
	{"a constant's value is not its attribute", `const a = "&redef";`, "1 - const a: it is a constant of the script, without &redef\n"},
	{"modules", "module M;\nredef a = T;\nmodule GLOBAL;\nredef a = T;", "2 (M)a = T\n4 a = T\n"},
	{"exports", "export {\nredef a = T;\nglobal f: function(x: count): bool;\n}\nredef b = T;", "2 a = T\n3 - global f: gzeek has no scripts that would use it\n5 b = T\n"},
	{"bodies", "event e(c: connection) &priority=5\n{ if ( /}\"/ in x ) { print \"}\"; } }\nfunction f(): bool { return T; }\nhook h() {}\nredef a = T;",
		"1 - event e: gzeek runs no script code\n3 - function f: gzeek runs no script code\n4 - hook h: gzeek runs no script code\n5 a = T\n"},
	{"records and enums", "redef record A += { b: count &log; };\nredef enum C += { D, E };\nredef a = T;",
		"1 - redef record A: it extends a type of scripts\n2 - redef enum C: it extends a type of scripts\n3 a = T\n"},
	{"conditions", "@ifdef ( A )\nredef a = T;\n@if ( b )\n@load x\n@endif\n@else # not\nredef a = F;\n@endif\nredef b = T;",
		"1 - @ifdef ( A ): conditions are not evaluated\n2 - redef a stands under an @if, which gzeek does not evaluate\n" +
			"3 - @if ( b ): conditions are not evaluated\n4 - @load x stands under an @if, which gzeek does not evaluate\n" +
			"7 - redef a stands under an @if, which gzeek does not evaluate\n9 b = T\n"},
	{"a condition inside a value", "redef a = { 1,\n@ifdef ( X )\n2,\n@endif\n3 };\nredef b = T;", "1 - redef a: @ifdef inside of the value, which gzeek does not evaluate\n6 b = T\n"},
	{"a condition without end", "@if ( T )\n", "1 - @if ( T ): conditions are not evaluated\n2 - an @if has no @endif\n"},
	{"other directives", "@load-sigs x\n@unload y\n", "1 - @load-sigs x: gzeek has nothing like it\n2 - @unload y: gzeek has nothing like it\n"},
	{"the script's folder", `redef a += { @DIR + "/x" };`, `1 a += { "/d\"ir" + "/x" }` + "\n"},
	{"one element", `redef a["x"] = T; redef b = T;`, "1 - redef a: it sets one element; write a += { [...] = ... };\n1 b = T\n"},
	{"no value", "redef a = ; redef b; redef = 1; redef", "1 - redef a: there is no value behind the =\n1 - redef b: it sets no value\n1 - redef =: a name should follow\n1 - redef : a name should follow\n"},
	{"no end", "redef a = T", "1 - redef a: there is no ; at its end\n"},
	{"a string without end", "redef a = \"x;\n;redef b = T;", "1 - redef a: a string has no end on its line\n2 b = T\n"},
	{"a pattern without end", "redef a = /x;\n;redef b = T;", "1 - redef a: a pattern has no end on its line\n2 b = T\n"},
	{"brackets that close nothing", "redef a = );\n} redef b = T;", "1 - redef a: ) closes nothing\n2 - \"}\" begins no statement\n"},
	{"statements of scripts", "print 1;\nif ( T ) { x(); }\nredef a = T;", "1 - print ...: gzeek runs no script code\n2 - if ...: gzeek runs no script code\n3 a = T\n"},
	{"lines of Windows", "@load a\r\nredef b = T;\r\n", "1 load a\n2 b = T\n"},
}

func TestStatementsOfScripts(t *testing.T) {
	for _, c := range cases {
		if got := short(Parse(c.text, `/d"ir`)); got != c.want {
			t.Errorf("%s: %q\n%swant\n%s", c.name, c.text, got, c.want)
		}
	}
}

func TestLargeScriptsAreRefused(t *testing.T) {
	if got := Parse(strings.Repeat(";", MaxSize+1), ""); len(got) != 1 || got[0].Kind != Skipped {
		t.Errorf("%d statements", len(got))
	}
}

func TestHostileScriptsTakeLinearTime(t *testing.T) {
	for _, unit := range []string{"{", "redef a = {", "export {", "@if (x)\n", "redef a = \"", "/", "event e() {", "redef x:", "@load a\n", "&a", "redef a = set"} {
		Parse(strings.Repeat(unit, MaxSize/4/len(unit)), "")
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		last := 0
		for _, s := range Parse(text, "/dir") {
			if s.Line < 1 || s.Line > lines {
				t.Errorf("line %d of %d", s.Line, lines)
			}
			if s.Line < last {
				t.Errorf("line %d behind line %d", s.Line, last)
			}
			last = s.Line
			switch s.Kind {
			case Load:
			case Set:
				if s.Name == "" || s.Value == "" || s.Why != "" || strings.Contains(s.Value, "\n") || s.Op != "=" && s.Op != "+=" && s.Op != "-=" {
					t.Errorf("%+v", s)
				}
			case Skipped:
				if s.Why == "" {
					t.Errorf("%+v", s)
				}
			default:
				t.Errorf("%+v", s)
			}
		}
	})
}
