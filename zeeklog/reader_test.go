package zeeklog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tmail\n#open\t2023-11-14-22-13-20\n" +
	"#fields\tts\tn\ts\tto\n#types\ttime\tcount\tstring\tset[string]\n"

// read gives each row as text, and the problems.
func read(t *testing.T, log string, opt ReaderOptions) (rows, problems []string, err error) {
	t.Helper()
	opt.OnProblem = func(p *Problem) { problems = append(problems, p.Error()) }
	r := NewReader(strings.NewReader(log), opt)
	for r.Next() {
		var cells []string
		rec := r.Record()
		for i := range rec.Columns() {
			v := rec.Value(i)
			cells = append(cells, fmt.Sprintf("%s=%s", v.Kind(), v.AppendText(nil)))
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	if int(r.Problems()) != len(problems) {
		t.Errorf("%d problems counted, %d told", r.Problems(), len(problems))
	}
	return rows, problems, r.Err()
}

func wantRows(t *testing.T, log string, opt ReaderOptions, rows, problems []string) {
	t.Helper()
	gotRows, gotProblems, err := read(t, log, opt)
	if err != nil {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(gotRows, rows) {
		t.Errorf("rows\n got %q\nwant %q", gotRows, rows)
	}
	if !slices.Equal(gotProblems, problems) {
		t.Errorf("problems\n got %q\nwant %q", gotProblems, problems)
	}
}

func TestRowsOfTextAreTyped(t *testing.T) {
	wantRows(t, head+"1.5\t3\ta\\x09b\\\\c\tx\\x2cy,-,(empty)\n2.0\t-\t(empty)\t(empty)\n", ReaderOptions{},
		[]string{"time=1.500000 count=3 string=a\tb\\c set=x,y,,", "time=2.000000 void= string= set="}, nil)
}

func TestUnsetAndEmptyAreTold(t *testing.T) {
	r := NewReader(strings.NewReader(head+"1.0\t1\t-\t-\n1.0\t1\t(empty)\t(empty)\n1.0\t1\t\\x2d\t\\x28empty)\n"), ReaderOptions{})
	want := []struct {
		set  bool
		s    string
		elem int
	}{{false, "", 0}, {true, "", 0}, {true, "-", 1}}
	for _, w := range want {
		if !r.Next() {
			t.Fatal(r.Err())
		}
		s, to := r.Record().Get("s"), r.Record().Get("to")
		if s.IsSet() != w.set || to.IsSet() != w.set || s.AsString() != w.s || to.Len() != w.elem {
			t.Errorf("got %v %q %d, want %+v", s.IsSet(), s.AsString(), to.Len(), w)
		}
	}
}

func TestBadLinesAreToldWithTheirNumberAndSkipped(t *testing.T) {
	log := head + "1.0\t1\ta\n1.0\t1\ta\tb\tc\nx\t-1\ta\tb\n1.0\t1\ta\tb\n1.0\t1"
	wantRows(t, log, ReaderOptions{Name: "f"},
		[]string{"string=x string=-1 string=a set=b", "time=1.000000 count=1 string=a set=b"},
		[]string{"f:9: 3 fields instead of 4", "f:10: 5 fields instead of 4",
			`f:11: column ts: "x" is no time`, `f:11: column n: "-1" is no count`, "f:13: 2 fields instead of 4"})
	rows, problems, err := read(t, log, ReaderOptions{Name: "f", Strict: true})
	var p *Problem
	if !errors.As(err, &p) || p.Line != 9 || len(rows) != 0 || len(problems) != 1 {
		t.Errorf("strict: %q %q %v", rows, problems, err)
	}
}

func TestHeadersMayLieAndChange(t *testing.T) {
	other := "#separator ;\n#set_separator;|\n#empty_field;E\n#unset_field;U\n#path;x\n#fields;a;b\n#types;set[addr];bool\n"
	wantRows(t, head+"1.0\t1\ta\tb\n#close\t2023\n"+other+"10.0.0.1|U;T\nE;U\n"+head+"2.0\t1\ta\tb\n", ReaderOptions{},
		[]string{"time=1.000000 count=1 string=a set=b", "set=10.0.0.1, bool=T", "set= void=", "time=2.000000 count=1 string=a set=b"}, nil)
	wantRows(t, "#separator \\x09\n#fields\ta\tb\n#types\tcount\n1\t2\n", ReaderOptions{},
		[]string{"count=1 string=2"}, []string{"-:3: 1 types for 2 fields"})
	wantRows(t, "#separator \\x09\n#fields\ta\n#types\tgadget\nx\n", ReaderOptions{},
		[]string{"string=x"}, []string{`-:3: unknown type "gadget"`})
	wantRows(t, "#separator \\x09\nx\n", ReaderOptions{}, nil, []string{"-:2: row before a #fields line"})
	wantRows(t, "//separator \\x7c\n//fields|a|b\n//types|string|string\n#|1\n\\x2f/|2\n//close|x\n", ReaderOptions{},
		[]string{"string=# string=1", "string=// string=2"}, nil)
}

func TestCarriageReturnsOfDOSLinesAreNoContent(t *testing.T) {
	wantRows(t, strings.ReplaceAll(head+"1.0\t1\ta\tb\n", "\n", "\r\n"), ReaderOptions{},
		[]string{"time=1.000000 count=1 string=a set=b"}, nil)
	wantRows(t, "{\"a\":1}\r\n", ReaderOptions{}, []string{"count=1"}, nil)
}

func TestLogsWithoutHeader(t *testing.T) {
	wantRows(t, "1.0\tx,y\n", ReaderOptions{}, []string{"string=1.0 string=x,y"}, nil)
	wantRows(t, "1.0\tx,y\n", ReaderOptions{Columns: []Column{Col("ts", Time), {"v", VectorOf(String)}}}, []string{"time=1.000000 vector=x,y"}, nil)
	wantRows(t, "ts\ts\n1.0\tx\n", ReaderOptions{TSV: true}, []string{"string=1.0 string=x"}, nil)
	wantRows(t, "", ReaderOptions{}, nil, nil)
}

func TestJSONRowsAreTypedByNameAndLook(t *testing.T) {
	wantRows(t, `{"ts":1700000000.123457,"id.orig_h":"10.0.0.1","id.orig_p":25,"tls":true,"to":["a\u00e9","\ud83d\ude00"],"n":-3,"big":18446744073709551615,"x":null,"note":"A::B","d":1e100}`+"\n",
		ReaderOptions{}, []string{"time=1700000000.123457 addr=10.0.0.1 port=25 bool=T set=aé,😀 int=-3 count=18446744073709551615 void= enum=A::B double=10000000000000000159028911097599180468360808563945281389781327557747838772170381060813469985856815104.0"}, nil)
	wantRows(t, `{"id":{"orig_h":"::1","orig_p":1}, "a" : [ ] }`, ReaderOptions{}, []string{"addr=::1 port=1 vector="}, nil)
}

func TestJSONTimesInEveryForm(t *testing.T) {
	want := []string{"time=1700000000.123000"}
	for _, ts := range []string{`1700000000.123`, `1700000000123`, `"2023-11-14T22:13:20.123000Z"`, `"2023-11-14T22:13:20.123Z"`, `"2023-11-14T23:13:20.123+01:00"`} {
		wantRows(t, `{"ts":`+ts+`}`, ReaderOptions{}, want, nil)
	}
	wantRows(t, `{"ts":"yesterday"}`, ReaderOptions{}, []string{"string=yesterday"}, nil)
}

func TestBadJSONIsToldWithItsPlace(t *testing.T) {
	for line, want := range map[string]string{
		`{"a":1`:                    "no ',' or '}' at byte 7",
		`{"a":1} x`:                 "text after the record at byte 9",
		`{"a":[1,{}]}`:              "no JSON value at byte 9",
		`{"a":"x`:                   "string without an end at byte 8",
		`{"a":"\q"}`:                "bad escape at byte 9",
		`{"a":"\u12"}`:              "bad \\u at byte 11",
		`{"a":-}`:                   "no JSON number at byte 6",
		`{a:1}`:                     "no name at byte 2",
		`{"a" 1}`:                   "no ':' at byte 6",
		`[1]`:                       "no JSON object at byte 1",
		strings.Repeat(`{"a":`, 40): "objects nested too deeply at byte 86",
	} {
		wantRows(t, `{"a":1}`+"\n"+line+"\n"+`{"a":2}`, ReaderOptions{}, []string{"count=1", "count=2"}, []string{"-:2: " + want})
	}
}

func TestJSONThenTextInOneFile(t *testing.T) {
	wantRows(t, "{\"n\":1}\n"+head+"1.0\t1\ta\tb\n", ReaderOptions{}, []string{"count=1", "time=1.000000 count=1 string=a set=b"}, nil)
}

// endless gives lines that never end, or only after n bytes.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.n)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.n -= n
	return n, nil
}

func TestAVeryLongLineCostsNoMemory(t *testing.T) {
	var problems []string
	src := io.MultiReader(strings.NewReader(head), &endless{n: 1 << 30}, strings.NewReader("\n1.0\t1\ta\tb\n"))
	r := NewReader(src, ReaderOptions{MaxLine: 1 << 20, OnProblem: func(p *Problem) { problems = append(problems, p.Error()) }})
	rows := 0
	for r.Next() {
		rows++
	}
	if rows != 1 || !slices.Equal(problems, []string{"-:9: line longer than 1048576 bytes"}) || r.Err() != nil {
		t.Errorf("%d rows, %q, %v", rows, problems, r.Err())
	}
	if n := len(r.src.buf); n > 4<<20 {
		t.Errorf("%d bytes of buffer", n)
	}
}

func compressed(t *testing.T, kind, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zst" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompressedFilesAlsoConcatenatedAndCutOff(t *testing.T) {
	log := head + strings.Repeat("1.0\t1\ta\tb\n", 20000)
	for _, kind := range []string{"gz", "zst"} {
		z := compressed(t, kind, log)
		for name, c := range map[string]struct {
			data     []byte
			min, max int
			problem  bool
		}{
			"whole":   {z, 20000, 20000, false},
			"two":     {slices.Concat(z, z), 40000, 40000, false},
			"cut off": {z[:len(z)-7], 0, 20000, true},
		} {
			file := filepath.Join(t.TempDir(), "a.log."+kind)
			if err := os.WriteFile(file, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			problems := 0
			f, err := Open(file, ReaderOptions{OnProblem: func(*Problem) { problems++ }})
			if err != nil {
				t.Fatal(err)
			}
			rows := 0
			for f.Next() {
				rows++
			}
			if rows < c.min || rows > c.max || (problems > 0) != c.problem || f.Err() != nil {
				t.Errorf("%s %s: %d rows, %d problems, %v", kind, name, rows, problems, f.Err())
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTimesKeepTheirMicroseconds(t *testing.T) {
	for us := int64(1795430400000000); us < 1795430400000000+3000; us++ {
		text := fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
		var v Value
		if !parsePlain(&v, Time, []byte(text)) || v.AsTime().UnixMicro() != us {
			t.Fatalf("%s became %s", text, v.AsTime())
		}
	}
	var v Value
	v.SetInterval(1e300)
	if v.AsDuration() != math.MaxInt64 {
		t.Errorf("%v", v.AsDuration())
	}
	v.SetTime(-1.5)
	if got := v.AsTime(); !got.Equal(time.Unix(-2, 5e8)) {
		t.Errorf("%v", got)
	}
}

func TestStructsAreFilledByTags(t *testing.T) {
	type conn struct {
		Orig netip.Addr `zeek:"orig_h"`
		Port uint16     `zeek:"orig_p"`
	}
	type row struct {
		TS    time.Time      `zeek:"ts"`
		ID    conn           `zeek:"id"`
		S     string         `zeek:"s"`
		P     *string        `zeek:"p"`
		Q     *string        `zeek:"q"`
		Set   []string       `zeek:"set"`
		None  []netip.Prefix `zeek:"none"`
		Empty []uint64       `zeek:"empty"`
		D     time.Duration  `zeek:"d"`
		Gone  int            `zeek:"gone"`
		Other int
	}
	log := "#separator \\x09\n#fields\tts\tid.orig_h\tid.orig_p\ts\tp\tq\tset\tnone\tempty\td\n" +
		"#types\ttime\taddr\tport\tstring\tstring\tstring\tset[string]\tset[subnet]\tvector[count]\tinterval\n" +
		"1.000001\t10.0.0.1\t25\tx\ty\t-\ta,b\t-\t(empty)\t1.500000\n"
	d, err := NewDecoder[row]()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(strings.NewReader(log), ReaderOptions{})
	if !r.Next() {
		t.Fatal(r.Err())
	}
	got := row{Gone: 7, Other: 8}
	if err := d.Decode(r.Record(), &got); err != nil {
		t.Fatal(err)
	}
	if got.TS.UnixMicro() != 1000001 || got.ID.Orig.String() != "10.0.0.1" || got.ID.Port != 25 || got.S != "x" || *got.P != "y" || got.Q != nil ||
		!slices.Equal(got.Set, []string{"a", "b"}) || got.None != nil || got.Empty == nil || got.D != 1500*time.Millisecond || got.Gone != 0 || got.Other != 8 {
		t.Errorf("got %+v", got)
	}

	type bad struct {
		N int8 `zeek:"s"`
	}
	b, err := NewDecoder[bad]()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Decode(r.Record(), &bad{}); err == nil || err.Error() != `-:4: column s: string "x" does not fit int8` {
		t.Errorf("error %v", err)
	}
	if _, err := NewDecoder[struct {
		C chan int `zeek:"x"`
	}](); err == nil {
		t.Error("a channel was taken for a column")
	}
}

func TestReadingAllocatesNothingPerRow(t *testing.T) {
	for name, log := range map[string]string{
		"text": head + strings.Repeat("1.5\t3\ta\\x09b\tx,y\\x2c\n", 5000),
		"json": strings.Repeat(`{"ts":1700000000.5,"id.orig_h":"10.0.0.1","to":["a\n","b"],"s":"\u00e9"}`+"\n", 5000),
	} {
		n := testing.AllocsPerRun(3, func() {
			r := NewReader(strings.NewReader(log), ReaderOptions{})
			for r.Next() {
				r.Record().Values()
			}
			if r.Rows() != 5000 {
				t.Fatalf("%d rows, %v", r.Rows(), r.Err())
			}
		})
		if n > 200 {
			t.Errorf("%s: %v allocations for 5000 rows", name, n)
		}
	}
}
