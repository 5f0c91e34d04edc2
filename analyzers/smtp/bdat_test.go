package smtp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestChunkArguments: the examples of BDAT.cc, and what is near them.
func TestChunkArguments(t *testing.T) {
	for _, test := range []struct {
		arg  string
		size uint64
		last bool
		err  error
	}{
		{"86 LAST", 86, true, nil},
		{"86 last", 86, true, nil},
		{"86", 86, false, nil},
		{"0", 0, false, nil},
		{"7777777777", 7777777777, false, nil},
		{"15555555557777777777", 15555555557777777777, false, nil},
		{"18446744073709551615 LAST", 18446744073709551615, true, nil},
		{"", 0, false, errChunkLength},
		{"184467440737095516150 LAST", 0, false, errChunkLength},
		{" 86 LAST", 0, false, errChunkStart},
		{"scramble LAST", 0, false, errChunkStart},
		{"-42 LAST", 0, false, errChunkStart},
		{"+42", 0, false, errChunkStart},
		{"86LAST", 0, false, errChunkSize},
		{"86\t", 0, false, errChunkSize},
		{"184467440737095516150", 0, false, errChunkLarge},
		{"18446744073709551616", 0, false, errChunkLarge},
		{"86 SCRAMBLE", 0, false, errChunkJunk},
		{"86 LASTSCRAMBLE", 0, false, errChunkJunk},
		{"86 LAST ", 0, false, errChunkJunk},
		{"86  LAST", 0, false, errChunkJunk},
		{"86 ", 0, false, errChunkJunk},
		{"86\x00", 0, false, errChunkJunk},
		{"86 LA\u017fT", 0, false, errChunkJunk},
	} {
		size, last, err := parseChunk([]byte(test.arg))
		if size != test.size || last != test.last || err != test.err {
			t.Errorf("%q: got %d %v %v", test.arg, size, last, err)
		}
	}
}

// lineLog writes down lines and weirds.
type lineLog []string

func (l *lineLog) Deliver(line []byte, crlf bool) { *l = append(*l, fmt.Sprintf("%q %v", line, crlf)) }
func (l *lineLog) weird(name, addl, _ string)     { *l = append(*l, name+" "+addl) }

func chunk(limit int, deliveries ...string) []string {
	var l lineLog
	b := bdat{mail: &l, weird: l.weird, limit: uint64(limit), last: true}
	for _, d := range deliveries {
		b.remaining += uint64(len(d))
	}
	for _, d := range deliveries {
		b.deliver([]byte(d))
	}
	b.done()
	return l
}

func TestChunkLines(t *testing.T) {
	const (
		cr   = "smtp_bdat_line_cr_only "
		lf   = "smtp_bdat_line_lf_only "
		long = "smtp_bdat_line_too_long "
	)
	for _, test := range []struct {
		limit int
		in    []string
		want  []string
	}{
		{128, []string{"MIME-", "Version: 1.0\r\n", "Subject: Zeek", " Logo\r\n"}, []string{`"MIME-Version: 1.0" true`, `"Subject: Zeek Logo" true`}},
		{128, []string{"a\r", "\nb", "\r", "\n"}, []string{`"a" true`, `"b" true`}},
		{128, []string{"a\r", "b\r\n"}, []string{cr, `"a\r" false`, `"b" true`}},
		{128, []string{"a\rb\r\n"}, []string{`"a\rb" true`}},
		{128, []string{"a\nb", "c\nd\r\n"}, []string{lf, `"a\n" false`, lf, `"bc\n" false`, `"d" true`}},
		{128, []string{"a\r\nrest"}, []string{`"a" true`, `"rest" false`}},
		{10, []string{"1234567890123: 45\r\n", "X-Test: Y\r\n"}, []string{long + "19", `"1234567890" false`, `"123: 45" true`, `"X-Test: Y" true`}},
		{10, []string{"1234567890\r\n"}, []string{`"1234567890" true`}},
		// The CR is the last octet here, and nothing says yet that it is an end.
		{10, []string{"1234567890\r", "\n"}, []string{long + "11", `"1234567890" false`, `"" true`}},
		{10, []string{"12345678901"}, []string{long + "11", `"1234567890" false`, `"1" false`}},
		{10, []string{"12345", "678901"}, []string{long + "11", `"1234567890" false`, `"1" false`}},
	} {
		if got := chunk(test.limit, test.in...); !slices.Equal(got, test.want) {
			t.Errorf("%q:\ngot  %s\nwant %s", test.in, got, test.want)
		}
	}
}

// slowChunk is what a chunk's lines are, looked at octet by octet in one buffer.
func slowChunk(limit int, deliveries ...string) (l []string) {
	buf := ""
	for _, d := range deliveries {
		if buf != "" && buf[len(buf)-1] == '\r' && d[0] != '\n' {
			l = append(l, "smtp_bdat_line_cr_only ", fmt.Sprintf("%q false", buf))
			buf = ""
		}
		i := max(len(buf)-1, 0)
		buf += d
		start := 0
		for ; i < len(buf); i++ {
			if buf[i] == '\r' && i+1 < len(buf) && buf[i+1] == '\n' {
				l = append(l, fmt.Sprintf("%q true", buf[start:i]))
				i++
				start = i + 1
			} else if buf[i] == '\n' {
				l = append(l, "smtp_bdat_line_lf_only ", fmt.Sprintf("%q false", buf[start:i+1]))
				start = i + 1
			} else if i-start >= limit {
				l = append(l, "smtp_bdat_line_too_long "+strconv.Itoa(len(buf)), fmt.Sprintf("%q false", buf[start:i]))
				start = i
			}
		}
		buf = buf[start:]
	}
	if buf != "" {
		l = append(l, fmt.Sprintf("%q false", buf))
	}
	return l
}

func TestChunkLinesHoweverTheyCome(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		var in []string
		for range 1 + rng.IntN(5) {
			d := make([]byte, 1+rng.IntN(12))
			for i := range d {
				d[i] = "\r\n\r\nabc"[rng.IntN(7)]
			}
			in = append(in, string(d))
		}
		limit := rng.IntN(8)
		if got, want := chunk(limit, in...), slowChunk(limit, in...); !slices.Equal(got, want) {
			t.Fatalf("%d %q:\ngot  %s\nwant %s", limit, in, got, want)
		}
	}
}
