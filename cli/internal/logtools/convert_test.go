package logtools

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

const smallRows = "1700000000.123457\ta\\x09b\t3\n1700000001.000000\t-\t-\n"

// call runs a command and wants its exit status.
func call(t *testing.T, f func([]string, *strings.Reader, *bytes.Buffer, *bytes.Buffer) int, want int, in string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := f(args, strings.NewReader(in), &out, &errs); got != want {
		t.Errorf("%q: exit %d, want %d; stderr %q", args, got, want, errs.String())
	}
	return out.String(), errs.String()
}

func convert(args []string, in *strings.Reader, out, errs *bytes.Buffer) int {
	return Convert(args, in, out, errs)
}

func TestConvertTextToJSONAndBack(t *testing.T) {
	j, _ := call(t, convert, 0, small+smallRows)
	want := `{"ts":1700000000.123457,"a":"a\tb","b":3}` + "\n" + `{"ts":1700000001.0}` + "\n"
	if j != want {
		t.Fatalf("got %s", j)
	}
	text, _ := call(t, convert, 0, j, "--path", "x")
	var rows []string
	for _, l := range strings.Split(text, "\n") {
		if !strings.HasPrefix(l, "#open") && !strings.HasPrefix(l, "#close") {
			rows = append(rows, l)
		}
	}
	if got := strings.Join(rows, "\n"); got != small+smallRows {
		t.Errorf("got %q, want %q", got, small+smallRows)
	}
}

func TestConvertFormsOfTimesAndUnset(t *testing.T) {
	got, _ := call(t, convert, 0, small+smallRows, "--to", "json", "--times", "iso8601", "--unset")
	want := `{"ts":"2023-11-14T22:13:20.123457Z","a":"a\tb","b":3}` + "\n" + `{"ts":"2023-11-14T22:13:21.000000Z","a":null,"b":null}` + "\n"
	if got != want {
		t.Errorf("got %s", got)
	}
	got, _ = call(t, convert, 0, small+smallRows, "--to", "json", "--times", "millis")
	if !strings.HasPrefix(got, `{"ts":1700000000123,`) {
		t.Errorf("got %s", got)
	}
}

func TestConvertToCSV(t *testing.T) {
	got, _ := call(t, convert, 0, small+"1.5\tsay \"hi\", you\\x0a\t1\n", "--to", "csv")
	rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(rows) != 2 || rows[0][1] != "a" || rows[1][0] != "1.500000" || rows[1][1] != "say \"hi\", you\n" {
		t.Errorf("got %q (%v)", rows, err)
	}
}

func TestConvertCollectsTheColumnsOfJSONRows(t *testing.T) {
	in := `{"ts":1.5,"c":1}` + "\n" + `{"ts":2.5,"b":"x","c":-2,"d":[]}` + "\n" + `{"d":[1.5]}` + "\n"
	got, _ := call(t, convert, 0, in, "--to", "tsv")
	if !strings.Contains(got, "#fields\tts\tb\tc\td\n#types\ttime\tstring\tint\tvector[double]\n") ||
		!strings.Contains(got, "1.500000\t-\t1\t-\n2.500000\tx\t-2\t(empty)\n-\t-\t-\t1.5\n") {
		t.Errorf("got %s", got)
	}
}

func TestConvertStartsANewHeaderForLateColumns(t *testing.T) {
	in := strings.Repeat(`{"a":"x"}`+"\n", layoutRows) + `{"a":"y","b":1}` + "\n"
	got, _ := call(t, convert, 0, in, "--to", "tsv")
	if n := strings.Count(got, "#fields"); n != 2 || !strings.Contains(got, "\ny\t1\n#close") {
		t.Errorf("%d headers, end %q", n, got[len(got)-80:])
	}
	_, errs := call(t, convert, 2, in, "--to", "csv")
	if !strings.Contains(errs, "comes up after the first 10000 rows") {
		t.Errorf("stderr %q", errs)
	}
}

func TestConvertToParquetKeepsTypesOrderAndUnset(t *testing.T) {
	log := "#separator \\x09\n#path\tx\n#fields\tts\tid.orig_h\tb\tto\tn\tp\td\tbad\n#types\ttime\taddr\tbool\tset[string]\tcount\tport\tinterval\tstring\n" +
		"1700000000.123457\t10.0.0.1\tT\tx,y\t18446744073709551615\t25\t1.5\t\\xff\n-\t-\t-\t(empty)\t-\t-\t-\t-\n-\t-\t-\t-\t-\t-\t-\t(empty)\n"
	file := filepath.Join(t.TempDir(), "x.parquet")
	call(t, convert, 0, log, "-o", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	if got := strings.Join(names, " "); got != "ts id.orig_h b to n p d bad" {
		t.Errorf("columns %s", got)
	}
	r := parquet.NewReader(f)
	var rows []string
	buf := make([]parquet.Row, 3)
	n, _ := r.ReadRows(buf)
	for _, row := range buf[:n] {
		var cells []string
		for _, v := range row {
			cells = append(cells, fmt.Sprintf("%d/%d:%s", v.RepetitionLevel(), v.DefinitionLevel(), v))
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	want := []string{
		`0/1:1700000000123457 0/1:10.0.0.1 0/1:true 0/3:x 1/3:y 0/1:18446744073709551615 0/1:25 0/1:1.5 0/1:\xff`,
		`0/0:<null> 0/0:<null> 0/0:<null> 0/1:<null> 0/0:<null> 0/0:<null> 0/0:<null> 0/0:<null>`,
		`0/0:<null> 0/0:<null> 0/0:<null> 0/0:<null> 0/0:<null> 0/0:<null> 0/0:<null> 0/1:`,
	}
	for i := range want {
		if i >= len(rows) || strings.ReplaceAll(rows[i], "-1 ", "18446744073709551615 ") != want[i] {
			t.Errorf("row %d\n got %s\nwant %s", i, append(rows, "", "", "")[i], want[i])
		}
	}
}

func TestConvertCompressesByName(t *testing.T) {
	for _, ext := range []string{".gz", ".zst"} {
		file := filepath.Join(t.TempDir(), "x.json"+ext)
		call(t, convert, 0, small+smallRows, "-o", file)
		got, _ := call(t, convert, 0, "", "--to", "json", file)
		if strings.Count(got, "\n") != 2 {
			t.Errorf("%s: %q", ext, got)
		}
	}
}

func TestBadLinesAreCountedToldAndShowInTheStatus(t *testing.T) {
	in := small + strings.Repeat("x\n", 30) + smallRows
	got, errs := call(t, convert, 1, in)
	if strings.Count(got, "\n") != 2 || strings.Count(errs, "\n") != 21 || !strings.Contains(errs, "gzeek convert: -:8: 1 fields instead of 3\n") ||
		!strings.HasSuffix(errs, "gzeek convert: 10 more problems\n") {
		t.Errorf("%q, %q", got, errs)
	}
	got, errs = call(t, convert, 2, in, "--strict")
	if errs != "gzeek convert: -:8: 1 fields instead of 3\n" || got != "" {
		t.Errorf("%q, %q", got, errs)
	}
}

func TestWrongArgumentsAreToldWithStatusTwo(t *testing.T) {
	for _, args := range [][]string{{"--to", "xml"}, {"--times", "sundial"}, {"--nosuch"}, {"/nonexistent.log"}} {
		_, errs := call(t, convert, 2, "", args...)
		if errs == "" {
			t.Errorf("%q: no message", args)
		}
	}
	out, _ := call(t, convert, 0, "", "--help")
	if !strings.Contains(out, "gzeek convert [flags]") {
		t.Errorf("help %q", out)
	}
}

func TestConvertedJSONIsJSON(t *testing.T) {
	logs, err := filepath.Glob("../../../zeeklog/testdata/*/*.log")
	if err != nil || len(logs) < 10 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	for _, l := range logs {
		got, _ := call(t, convert, 0, "", "--to", "json", l)
		for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: %s", l, line)
			}
		}
	}
}
