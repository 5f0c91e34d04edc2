package intel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/redef"
)

func testFormat() *format {
	v := newVocabulary()
	v.wheres["SMTP::IN_FROM"] = Where{Number: 1, Name: "SMTP::IN_FROM"}
	return &format{
		separator: '\t', unset: "-", types: v.types, wheres: v.wheres,
		fields: []metaField{{name: "meta.do_notice"}, {name: "meta.if_in", enum: true}},
	}
}

const header = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\tmeta.do_notice\tmeta.if_in\n"

func TestIndicatorFilesAreReadAsZeekDoes(t *testing.T) {
	fm := testFormat()
	notice, where := MetaBool{0}, MetaWhere{1}
	for _, c := range []struct {
		name, file string
		want       Item
		notice     bool
	}{
		{"all columns", header + "a@b.c\tIntel::EMAIL\tfeed\td\tu\tT\tSMTP::IN_FROM\n",
			Item{"a@b.c", TypeEmail, &MetaData{Source: "feed", Desc: "d", HasDesc: true, URL: "u", HasURL: true}}, true},
		{"unset columns", header + "a@b.c\tIntel::EMAIL\tfeed\t-\t-\t-\t-\n",
			Item{"a@b.c", TypeEmail, &MetaData{Source: "feed"}}, false},
		{"empty columns are set", header + "\tIntel::EMAIL\t\t\t\tF\t-\n",
			Item{"", TypeEmail, &MetaData{HasDesc: true, HasURL: true}}, false},
		{"other order, other columns, none of the optional ones", "#fields\tmeta.source\tx\tindicator_type\tindicator\nf\t-\tIntel::ADDR\t1.2.3.4\n",
			Item{"1.2.3.4", TypeAddr, &MetaData{Source: "f"}}, false},
		{"a header without #fields", "indicator\tindicator_type\tmeta.source\nx\tIntel::URL\tf\n",
			Item{"x", TypeURL, &MetaData{Source: "f"}}, false},
		{"comments, empty lines, carriage returns, no last newline", "#separator x\n\n" + strings.ReplaceAll(header, "\n", "\r\n") + "\r\n# x\nx\tIntel::URL\tf\t-\t-\t1\t-\r",
			Item{"x", TypeURL, &MetaData{Source: "f"}}, true},
		{"the header again", header + header + "x\tIntel::URL\tf\t-\t-\t 0 \t-\n",
			Item{"x", TypeURL, &MetaData{Source: "f"}}, false},
		{"escapes", header + `a\x09b\x2D\x2\xgg\\x41` + "\tIntel\\x3a:URL\tf\t\\x2d\t-\tF\t-\n",
			Item{"a\tb-" + `\x2\xgg\A`, TypeURL, &MetaData{Source: "f", Desc: "-", HasDesc: true}}, false},
		{"more cells than columns", header + "x\tIntel::URL\tf\t-\t-\tF\t-\tmore\n",
			Item{"x", TypeURL, &MetaData{Source: "f"}}, false},
		{"(empty) is a word like others", header + "(empty)\tIntel::URL\tf\t-\t-\tF\t-\n",
			Item{"(empty)", TypeURL, &MetaData{Source: "f"}}, false},
	} {
		items, err := fm.read(strings.NewReader(c.file), "f.dat")
		if err != nil || len(items) != 1 {
			t.Errorf("%s: %v %v", c.name, items, err)
			continue
		}
		got, m := items[0], *items[0].Meta
		if got.Indicator != c.want.Indicator || got.Type != c.want.Type {
			t.Errorf("%s: %v, want %v", c.name, &got, &c.want)
		}
		if w := c.want.Meta; m.Source != w.Source || m.Desc != w.Desc || m.HasDesc != w.HasDesc || m.URL != w.URL || m.HasURL != w.HasURL {
			t.Errorf("%s: %+v, want %+v", c.name, m, w)
		}
		if notice.Get(&m) != c.notice {
			t.Errorf("%s: do_notice is %v", c.name, !c.notice)
		}
		if only := !where.Is(&m, Anywhere); only != (c.name == "all columns") {
			t.Errorf("%s: if_in restricts: %v", c.name, only)
		}
	}
}

func TestEveryWrongLineIsReportedWithItsNumber(t *testing.T) {
	fm := testFormat()
	for _, c := range []struct{ name, file, want string }{
		{"empty file", "", "f.dat: there is no line that names the columns (#fields)"},
		{"only comments", "# a\n#b\n", "f.dat: there is no line that names the columns (#fields)"},
		{"missing column", "#fields\tindicator\tmeta.source\n", "f.dat:1: there is no column indicator_type"},
		{"blanks for tabs", "#fields indicator indicator_type meta.source\nx Intel::URL f\n",
			"f.dat:2: there is no column indicator\nf.dat:2: there is no column indicator_type\nf.dat:2: there is no column meta.source"},
		{"short line", header + "x\tIntel::URL\tf\n", "f.dat:2: 3 fields; column meta.if_in is the 7th"},
		{"several", header + "-\tIntel::URL\tf\t-\t-\tF\t-\nx\t-\tf\t-\t-\tF\t-\nx\tIntel::URL\t-\t-\t-\tF\t-\n",
			"f.dat:2: indicator is not set\nf.dat:3: indicator_type is not set\nf.dat:4: meta.source is not set"},
		{"type", header + "\nx\tURL\tf\t-\t-\tF\t-\n", `f.dat:3: "URL" is no indicator type (Intel::ADDR, Intel::EMAIL, ...)`},
		{"address", header + "1.2.3\tIntel::ADDR\tf\t-\t-\tF\t-\n", `f.dat:2: "1.2.3" is no address`},
		{"subnet without width", header + "1.2.3.0\tIntel::SUBNET\tf\t-\t-\tF\t-\n", `f.dat:2: "1.2.3.0" is no subnet`},
		{"too wide", header + "1.2.3.0/33\tIntel::SUBNET\tf\t-\t-\tF\t-\n", `f.dat:2: "1.2.3.0/33" is no subnet`},
		{"bool", header + "x\tIntel::URL\tf\t-\t-\ttrue\t-\n", `f.dat:2: meta.do_notice: "true" is neither T nor F`},
		{"place", header + "x\tIntel::URL\tf\t-\t-\tF\tIN_FROM\n", `f.dat:2: meta.if_in: "IN_FROM" is no place where something is seen (SMTP::IN_FROM, ...)`},
		{"columns change", header + "x\tIntel::URL\tf\t-\t-\tF\t-\n#fields\tindicator\nx\n", "f.dat:3: the columns change in the middle of the file"},
		{"long line", header + strings.Repeat("x", maxLine) + "\n", "f.dat:2: the line is longer than 1048576 bytes"},
	} {
		items, err := fm.read(strings.NewReader(c.file), "f.dat")
		if err == nil || err.Error() != c.want || items != nil {
			t.Errorf("%s: %v; %v\nwant %s", c.name, items, err, c.want)
		}
	}
	_, err := fm.read(strings.NewReader(header+strings.Repeat("x\n", 1000)), "f.dat")
	if ps, _ := err.(redef.Problems); len(ps) != maxProblems {
		t.Errorf("%d problems of 1000", len(ps))
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.dat")
	_, err := testFormat().readFile(path)
	if err == nil || err.Error() != path+": cannot read indicators: no such file or directory" {
		t.Error(err)
	}
	if _, err := testFormat().readFile(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
	if err := os.WriteFile(path, []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	if items, err := testFormat().readFile(path); err != nil || len(items) != 0 {
		t.Error("a file without indicators:", items, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(header + "a@b.c\tIntel::EMAIL\tfeed\td\tu\tT\tSMTP::IN_FROM\n"))
	f.Add([]byte(header + "1.2.3.0/24\tIntel::SUBNET\tfeed\t-\t-\t-\t-\r\n"))
	f.Add([]byte("indicator\tindicator_type\tmeta.source\n\\x41\tIntel::ADDR\t-\n"))
	f.Add([]byte("#fields\n#fields\t\n\t\n"))
	fm := testFormat()
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := fm.read(strings.NewReader(string(b)), "f")
		if err != nil {
			if _, ok := err.(redef.Problems); !ok || items != nil {
				t.Errorf("%v %T", items, err)
			}
			return
		}
		for i := range items {
			if _, ok := entryOf(items[i].Indicator, items[i].Type); !ok {
				t.Errorf("%v was read", &items[i])
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	file := header + strings.Repeat("192.0.2.1\tIntel::ADDR\tfeed\tseen before\thttp://intel.example/0\tT\t-\n", 1000)
	fm := testFormat()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fm.read(strings.NewReader(file), "f"); err != nil {
			b.Fatal(err)
		}
	}
}
