package logtools

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the reference was made with TZ=UTC
	os.Unsetenv("ZEEK_CUT_TIMEFMT")
	os.Unsetenv("BRO_CUT_TIMEFMT")
	os.Exit(m.Run())
}

// octets turns the reference's strings, one character per byte, into bytes.
func octets(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

type cutCall struct {
	Input          any // a name, or several, one after the other
	Args           []string
	Exit           int
	Stdout, Stderr string
}

func (c cutCall) data(inputs map[string]string) string {
	if name, ok := c.Input.(string); ok {
		return octets(inputs[name])
	}
	var b strings.Builder
	for _, name := range c.Input.([]any) {
		b.WriteString(octets(inputs[name.(string)]))
	}
	return b.String()
}

func TestCutPrintsWhatZeekCutPrints(t *testing.T) {
	f, err := os.Open("testdata/zeek_cut.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		Inputs map[string]string
		Calls  []cutCall
	}
	if err := json.NewDecoder(z).Decode(&ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Calls) != 261 {
		t.Fatalf("%d calls", len(ref.Calls))
	}
	for _, c := range ref.Calls {
		var out, errs bytes.Buffer
		exit := Cut(c.Args, strings.NewReader(c.data(ref.Inputs)), &out, &errs)
		if exit != c.Exit || out.String() != octets(c.Stdout) || errs.String() != octets(c.Stderr) {
			t.Errorf("%v %q: exit %d, want %d; stderr %q, want %q", c.Input, c.Args, exit, c.Exit, errs.String(), c.Stderr)
			g, w := strings.Split(out.String(), "\n"), strings.Split(octets(c.Stdout), "\n")
			for i := range min(len(g), len(w)) {
				if g[i] != w[i] {
					t.Errorf("line %d: got %q, want %q", i+1, g[i], w[i])
					break
				}
			}
		}
	}
}

const small = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tx\n#fields\tts\ta\tb\n#types\ttime\tstring\tcount\n"

func TestCutFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args           []string
		in             string
		exit           int
		stdout, stderr string
	}{
		"joined flags":              {[]string{"-nF,", "a"}, small + "1.5\tx\t2\n", 0, "1.5,2\n", ""},
		"flags after columns":       {[]string{"b", "-F", ";", "a"}, small + "1.5\tx\t2\n", 0, "2;x\n", ""},
		"-- ends flags":             {[]string{"--", "-n", "a"}, small + "1.5\tx\t2\n", 0, "\tx\n", ""},
		"minimal":                   {[]string{"-m", "a", "b"}, small + "1.5\tx\t2\n", 0, "a\tb\nx\t2\n", ""},
		"long separator":            {[]string{"-F", "ab"}, "", 1, "", "zeek-cut: field separator must be a single character\n"},
		"empty format":              {[]string{"-D", ""}, "", 1, "", "zeek-cut: time format string cannot be empty\n"},
		"missing argument":          {[]string{"-F"}, "", 1, cutUsage, "zeek-cut: option requires an argument -- 'F'\n"},
		"unknown flag":              {[]string{"-x"}, "", 1, cutUsage, "zeek-cut: invalid option -- 'x'\n"},
		"help":                      {[]string{"--help"}, "", 1, cutUsage, ""},
		"short row":                 {[]string{"b"}, small + "1.5\tx\n1.5\tx\t3\n", 0, "3\n", "zeek-cut: skipping log line (not enough fields)\n"},
		"no types":                  {nil, "#fields\ta\nx\n", 1, "", "zeek-cut: bad log header (missing #types line)\n"},
		"no fields":                 {nil, "#types\ta\nx\n", 1, "", "zeek-cut: bad log header (missing #fields line)\n"},
		"few types with times":      {[]string{"-d"}, "#fields\ta\tb\n#types\ttime\n", 1, "", "zeek-cut: log header does not have enough fields\n"},
		"bad separator":             {nil, "#separator \n", 1, "", "zeek-cut: bad log header (invalid #separator line)\n"},
		"bad unset":                 {nil, "#unset_field\t\n", 1, "", "zeek-cut: bad log header (invalid #unset_field line)\n"},
		"times":                     {[]string{"-u"}, small + "0.9\tx\t1\n-\tx\t1\nsoon\tx\t1\n99999999999999999999.0\tx\t1\n", 0, "1970-01-01T00:00:00+0000\tx\t1\n-\tx\t1\nsoon\tx\t1\n99999999999999999999.0\tx\t1\n", "zeek-cut: time field is not valid: soon\nzeek-cut: time value out-of-range: 99999999999999999999.0\n"},
		"no newline at the end":     {[]string{"b"}, small + "1.5\tx\t23", 0, "23\n", ""},
		"types line names times so": {[]string{"-cu", "ts"}, small, 0, strings.Replace(small, "#fields\tts\ta\tb\n#types\ttime\tstring\tcount\n", "#fields\tts\n#types\tstring\n", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			exit := Cut(c.args, strings.NewReader(c.in), &out, &errs)
			if exit != c.exit || out.String() != c.stdout || errs.String() != c.stderr {
				t.Errorf("exit %d, stdout %q, stderr %q\nwant %d, %q, %q", exit, out.String(), errs.String(), c.exit, c.stdout, c.stderr)
			}
		})
	}
}

func TestCutGivesSecondsInUTCAsTheyAre(t *testing.T) {
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = time.FixedZone("", -5*3600)
	const log = "#separator \\x09\n#fields\tts\n#types\ttime\n1700000000.250000\n"
	for _, flag := range []string{"-U", "-D"} {
		var out bytes.Buffer
		if Cut([]string{flag, "%s", "ts"}, strings.NewReader(log), &out, io.Discard) != 0 || out.String() != "1700000000\n" {
			t.Errorf("%s: %q", flag, out.String())
		}
	}
}

func BenchmarkCut(b *testing.B) {
	var log bytes.Buffer
	log.WriteString("#separator \\x09\n#unset_field\t-\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\n" +
		"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\n")
	for i := range 100000 {
		fmt.Fprintf(&log, "%d.%06d\tCfjzcP1jIeDGnnN71k\t192.168.1.%d\t%d\t10.0.0.1\t25\ttcp\tsmtp\t0.123456\t%d\n", 1700000000+i/10, i, i%256, i%65536, i)
	}
	for _, args := range [][]string{{"ts", "uid"}, {"id.orig_h", "orig_bytes"}, {}, {"-u", "ts"}} {
		b.Run(strings.Join(append(args, "columns"), "_"), func(b *testing.B) {
			b.SetBytes(int64(log.Len()))
			for b.Loop() {
				if Cut(args, bytes.NewReader(log.Bytes()), io.Discard, io.Discard) != 0 {
					b.Fatal("failed")
				}
			}
		})
	}
}
