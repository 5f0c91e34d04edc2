package mime

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
)

// recorder is a connection and its file manager. It writes down what it is
// told.
type recorder struct {
	ev      *event.Events
	conn    event.Conn
	told    []string
	files   int
	history []byte
	pieces  []int
}

func newRecorder() *recorder {
	r := &recorder{ev: event.NewEvents()}
	r.ev.OnError = func(e event.HandlerError) { panic(e) }
	r.ev.MIMEBeginEntity.Handle("test", 0, func(*event.ConnEvent) { r.tell("begin") })
	r.ev.MIMEEndEntity.Handle("test", 0, func(*event.ConnEvent) { r.tell("end") })
	r.ev.MIMEOneHeader.Handle("test", 0, func(e *event.MIMEOneHeader) {
		r.tell("header %s|%s|%s", e.Header.OriginalName, e.Header.Name, e.Header.Value)
	})
	r.ev.MIMEAllHeaders.Handle("test", 0, func(e *event.MIMEAllHeaders) {
		var names []string
		for _, h := range e.Headers {
			names = append(names, string(h.Name))
		}
		r.tell("all %s", strings.Join(names, " "))
	})
	r.ev.MIMEEvent.Handle("test", 0, func(e *event.MIMEEvent) { r.tell("%s: %s", e.EventType, e.Detail) })
	return r
}

func (r *recorder) tell(format string, args ...any) {
	r.told = append(r.told, fmt.Sprintf(format, args...))
}

func (r *recorder) Conn() *event.Conn     { return &r.conn }
func (r *recorder) Events() *event.Events { return r.ev }
func (r *recorder) AddHistory(c byte)     { r.history = append(r.history, c) }
func (r *recorder) Lines() *Lines         { return nil }

func (r *recorder) Weird(name, addl, source string) {
	r.ev.Drain()
	r.tell("weird %s [%s] %s", name, addl, source)
}

func (r *recorder) id(cached string) string {
	r.ev.Drain()
	if cached == "" {
		r.files++
		cached = fmt.Sprint("F", r.files)
	}
	return cached
}

func (r *recorder) DataIn(data []byte, tag string, conn *event.Conn, isOrig bool, cachedID, mimeType string) string {
	id := r.id(cachedID)
	r.tell("%s %q", id, data)
	r.pieces = append(r.pieces, len(data))
	return id
}

func (r *recorder) Gap(offset, n uint64, tag string, conn *event.Conn, isOrig bool, cachedID string) string {
	id := r.id(cachedID)
	r.tell("%s gap %d %d", id, offset, n)
	return id
}

func (r *recorder) EndOfFile(id string) { r.ev.Drain(); r.tell("%s ends", id) }

func (r *recorder) EndOfFileConn(tag string, conn *event.Conn, isOrig bool) {}

func (r *recorder) EndOfFileBoth(tag string, conn *event.Conn) { r.ev.Drain(); r.tell("nofile") }

// mail plays lines, divided by LF. A line that ends with $ has no CRLF.
func mail(text string, opts Options) *recorder {
	r := newRecorder()
	play(NewMail(r, r, "SMTP", &opts, new(slab.Buffers)), text)
	r.ev.Drain()
	return r
}

func play(m *Mail, text string) {
	m.Begin(true)
	for _, line := range strings.Split(text, "\n") {
		line, noCRLF := strings.CutSuffix(line, "$")
		m.Deliver([]byte(line), !noCRLF)
	}
	m.Done()
}

func TestMailOfAnotherConnectionLeavesNothing(t *testing.T) {
	mails := []string{
		"Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 2000) + "\nTo: a\n\n--" + strings.Repeat("b", 2000) +
			"\nContent-Transfer-Encoding: base64\n\nYWJ\n",
		"Subject: x\n y",
		"Content-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: message/rfc822\n\nSubject: z\n\ntext$\n--c--\nafter",
		"--c\n\n--b",
	}
	r := newRecorder()
	opts := DefaultOptions()
	m := NewMail(r, r, "SMTP", &opts, new(slab.Buffers))
	for range 2 {
		for _, text := range mails {
			r.told = nil
			r.files = 0
			play(m, text)
			r.ev.Drain()
			check(t, r.told, mail(text, opts).told)
			m.Reset(r)
		}
	}
}

// only returns what was told and begins with one of the prefixes.
func (r *recorder) only(prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(r.told), func(s string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
	})
}

func check(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestHeaders(t *testing.T) {
	const noBody = "illegal format: entity body missing"
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"is told when the next line comes", "Subject: x\n", []string{"header Subject|SUBJECT|x", "all SUBJECT"}},
		{"is folded, its lines joined as they are", "A: b  \n\t c \nD: e\n", []string{"header A|A|b  \t c ", "header D|D|e", "all A D"}},
		{"keeps blanks at the right, drops white space at the left", "A:\v \tb \n", []string{"header A|A|b ", "all A"}},
		{"may be a line of blanks only, which continues", "A: b\n  \nC: d\n", []string{"header A|A|b  ", "header C|C|d", "all A C"}},
		{"skips what cannot be in a name", ": Odd: y\n(c) Subj (d) : v\n", []string{"header Odd|ODD|y", "header Subj|SUBJ|v", "all ODD SUBJ"}},
		{"without a colon is nothing", "Bad Line: x\nnothing\n", []string{"all "}},
		{"has an empty value", "A:\n", []string{"header A|A|", "all A"}},
		{"ends at a NUL", "A: b\n\x00C: d\nE: f", []string{"header A|A|b", "all A"}},
		{"may begin with blanks at first", "  A: b\n", []string{"illegal format: first header line starts with linear whitespace", "header A|A|b", "all A"}},
		{"of blanks only at first is told, and is nothing", "  \nA: b\n", []string{"illegal format: first header line starts with linear whitespace", "header A|A|b", "all A"}},
		{"without a body is told", "A: b$", []string{"header A|A|b", "all A", noBody}},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, mail(test.in, DefaultOptions()).only("header", "all", "illegal"), test.want)
		})
	}
}

func TestLongHeadersAreNotContinued(t *testing.T) {
	opts := DefaultOptions()
	opts.MaxHeaderBytes = 8
	r := mail("A: 4567\n 8\n 9\n B\nC: d\n", opts)
	check(t, r.only("header", "weird"), []string{
		"weird exceeded_mime_max_header_bytes [9] SMTP",
		"weird exceeded_mime_max_header_bytes [9] SMTP",
		"header A|A|4567 8", "header C|C|d",
	})
	if string(r.history) != "XX" {
		t.Errorf("history %q", r.history)
	}
}

func TestBoundaryParameter(t *testing.T) {
	const (
		missing = "illegal format: boundary delimiter is not specified for a multipart entity -- content is treated as type application/octet-stream"
		unread  = "illegal format: Could not parse multipart boundary"
		noEqual = "illegal format: = not found in parameter specification"
		noAttr  = "illegal format: attribute name not found in parameter specification"
		noValue = "illegal format: value not found in parameter specification"
		noType  = "illegal format: media type/subtype not found in content type"
	)
	for _, test := range []struct {
		value string
		line  string // that separates, or ""
		want  []string
	}{
		{"multipart/mixed; boundary=abc", "--abc", nil},
		{"MultiPart / (c) mixed (d) ; Boundary =abc", "--abc", nil},
		{`multipart/mixed; boundary="a b;c"`, "--a b;c", nil},
		{`multipart/mixed; boundary="a\"\\b"`, `--a"\b`, nil},
		{`multipart/mixed; boundary=""`, "--", nil},
		{"multipart/mixed; boundary=abc; charset=x", "--abc;", nil},
		{"multipart/mixed; boundary= (c) abc", "--abc", nil},
		{"multipart/mixed; boundary=(c)", "--(c)", nil},
		{"multipart/mixed; charset=(c)x; boundary=y", "--y", nil},
		{"multipart/mixed; boundary=abc", "--abcd", nil}, // a prefix is enough
		{"multipart/mixed; boundary=abc", "--ABC", []string{"no"}},
		{"multipart/mixed; boundary=abc", "--ab", []string{"no"}},
		{"multipart/mixed", "", []string{missing}},
		{"multipart", "", []string{noType}},
		{"multipart/", "", []string{noType}},
		{`multipart/mixed; boundary="abc`, "", []string{unread, missing}},
		{"multipart/mixed; boundary=", "", []string{unread, missing}},
		{"multipart/mixed; boundary abc; boundary=d", "", []string{noEqual, missing}},
		{"multipart/mixed; x; boundary=d", "--d", []string{noEqual}},
		{"multipart/mixed; ;", "", []string{noAttr, missing}},
		{"multipart/mixed; x=; boundary=d", "", []string{missing}}, // the value of x is boundary
		{"multipart/mixed; x=", "", []string{noValue, missing}},
	} {
		t.Run(test.value+" "+test.line, func(t *testing.T) {
			r := mail("Content-Type: "+test.value+"\n\n"+test.line+"\nA: b\n\nc\n", DefaultOptions())
			separated := slices.Contains(r.told, "header A|A|b")
			if slices.Equal(test.want, []string{"no"}) {
				if separated {
					t.Error("separates")
				}
				return
			}
			if separated != (test.line != "") {
				t.Errorf("separates: %v", separated)
			}
			got := r.only("illegal")
			if test.line != "" && len(got) > 0 {
				got = got[:len(got)-1] // the missing closing boundary
			}
			check(t, got, test.want)
		})
	}
}

func TestLongBoundariesAreComparedWhole(t *testing.T) {
	long := strings.Repeat("x", 5*boundaryHead)
	for line, want := range map[string]bool{
		"--" + long:                            true,
		"--" + long + "y":                      true,
		"--" + long[:len(long)-1]:              false,
		"--" + long[:len(long)-1] + "y":        false,
		"--y" + long[1:]:                       false,
		"--" + long[:2000] + "y" + long[2001:]: false,
	} {
		r := mail("Content-Type: multipart/mixed; boundary="+long+"\n\n"+line+"\nA: b\n\nc\n", DefaultOptions())
		if got := slices.Contains(r.told, "header A|A|b"); got != want {
			t.Errorf("%.10s...%s separates: %v", line, line[len(line)-5:], got)
		}
	}
}

func TestTree(t *testing.T) {
	const unclosed = "illegal format: multipart closing boundary delimiter missing"
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{
			"lines outside the parts belong to nobody",
			"Content-Type: multipart/x; boundary=b\n\npreamble\n--b\n\none\n--b--\nepilogue\n--b\ntoo late\n--b--",
			[]string{"begin", "begin", `F1 "one"`, "end", "F1 ends", "end", "nofile", "nofile"},
		},
		{
			"missing ends are told from the outside in",
			"Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\none",
			[]string{"begin", "begin", "begin", `F1 "one"`, unclosed, unclosed, "end", "F1 ends", "end", "nofile", "end", "nofile", "nofile"},
		},
		{
			"the outer boundary goes first",
			"Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=bb\n\n--bb\n\none\n--b--",
			[]string{"begin", "begin", "end", "nofile", "begin", `F1 "one"`, "end", "F1 ends", "end", "nofile", "nofile"},
		},
		{
			"a message has one child, which keeps its last CRLF",
			"Content-Type: message/x\n\nA: b\n\none",
			[]string{"begin", "begin", `F1 "one\r\n"`, "end", "F1 ends", "end", "nofile", "nofile"},
		},
		{
			"the encoding is inherited",
			"Content-Transfer-Encoding: base64\nContent-Type: message/x\n\nA: b\n\nb25l",
			[]string{"begin", "begin", `F1 "one"`, "end", "F1 ends", "end", "nofile", "nofile"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, mail(test.in, DefaultOptions()).only("begin", "end", "F", "nofile", "illegal"), test.want)
		})
	}
}

func TestDepthIsLimited(t *testing.T) {
	opts := DefaultOptions()
	opts.MaxDepth = 1
	in := "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\none\n--c\n\ntwo\n--c--\n--b--"
	check(t, mail(in, opts).only("begin", "end", "F", "weird"), []string{
		"begin", "begin", "weird exceeded_mime_max_depth [1] SMTP", "weird exceeded_mime_max_depth [1] SMTP", "end", "end",
	})
}

func TestBodies(t *testing.T) {
	const (
		qp  = "Content-Transfer-Encoding: Quoted-Printable\n\n"
		b64 = "Content-Transfer-Encoding: (c) BASE64 (d)\n\n"
		bad = "illegal encoding: = is not followed by two hexadecimal digits in quoted-printable encoding"
	)
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"plain lines get their CRLF back", "\na\n\nb", []string{`F1 "a\r\n"`, `F1 "\r\n"`, `F1 "b\r\n"`}},
		{"a line without CRLF gets none", "\na$\nb", []string{`F1 "a"`, `F1 "b\r\n"`}},
		{"an unknown encoding is none", "Content-Transfer-Encoding: x-uuencode\n\n=41", []string{`F1 "=41\r\n"`}},
		{"quoted-printable", qp + "a=3db=E4 \t\nsoft=\n=", []string{`F1 "a=b\xe4\r\n"`, `F1 "soft"`}},
		{"bad quoted-printable stays", qp + "=4 \n=g1=", []string{`F1 "=4\r\n"`, bad, `F1 "=g1"`, bad}},
		{"control octets in quoted-printable are told", qp + "\x01\xe4", []string{
			"illegal encoding: control characters in quoted-printable encoding: 1",
			"illegal encoding: control characters in quoted-printable encoding: -28",
			`F1 "\x01\xe4\r\n"`,
		}},
		{"base64 runs across lines", b64 + "b25lI\nHR3bw", []string{`F1 "one"`, `F1 " tw"`, `F1 "o"`,
			"weird base64_illegal_encoding [incomplete base64 group, padding with 12 bits of 0] "}},
		{"padded base64 ends", b64 + "b25=\nb25l\nb25l", []string{`F1 "on"`,
			"weird base64_illegal_encoding [extra base64 groups after '=' padding are ignored] "}},
		{"illegal octets in base64 are skipped, the first is told", b64 + "b-2\xe45l!", []string{
			"weird base64_illegal_encoding [character 45 ignored by Base64 decoding] ", `F1 "one"`}},
		{"an incomplete group is told even after another error", b64 + "-b25", []string{
			"weird base64_illegal_encoding [character 45 ignored by Base64 decoding] ",
			"weird base64_illegal_encoding [incomplete base64 group, padding with 6 bits of 0] ", `F1 "on"`}},
		{"nothing but padding is nothing", b64 + "====\n=", []string{
			"weird base64_illegal_encoding [incomplete base64 group, padding with 18 bits of 0] ",
			"weird base64_illegal_encoding [extra base64 groups after '=' padding are ignored] "}},
		// 42 groups fit in a batch, and the 43rd waits.
		{"the last group of a long base64 line waits", b64 + strings.Repeat("YWFh", 43) + "\nYWFh",
			[]string{fmt.Sprintf("F1 %q", strings.Repeat("a", 126)), `F1 "aaaaaa"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := mail(test.in, DefaultOptions())
			got := slices.DeleteFunc(r.only("F", "illegal", "weird"), func(s string) bool { return s == "F1 ends" })
			// Events come a drain later than files and weirds do.
			slices.Sort(got)
			want := slices.Sorted(slices.Values(test.want))
			check(t, got, want)
		})
	}
}

func TestPiecesHaveALength(t *testing.T) {
	line := strings.Repeat("x", 3000)
	for _, test := range []struct {
		length, overlap int
		want            []int
	}{
		{1024, 0, []int{1024, 1024, 954, 4}},
		{1024, 24, []int{1024, 1000, 978, 4}},
		{10, 1000, []int{1032, 32, 32, 32, 32}},
	} {
		opts := DefaultOptions()
		opts.SegmentLength, opts.SegmentOverlapLength = test.length, test.overlap
		got := mail("\n"+line+"\nyy", opts).pieces
		if !slices.Equal(got[:len(test.want)], test.want) {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

func TestGap(t *testing.T) {
	opts := DefaultOptions()
	r := newRecorder()
	m := NewMail(r, r, "SMTP", &opts, new(slab.Buffers))
	m.Begin(true)
	m.Gap(5)
	m.Deliver(nil, true)
	m.Deliver([]byte("a"), true)
	m.Gap(7)
	m.Done()
	r.ev.Drain()
	check(t, r.only("F"), []string{"F1 gap 0 5", `F1 "a\r\n"`, "F1 gap 3 7", "F1 ends"})
}

// FuzzMIME: entities begin and end in pairs, and nothing is told twice that was
// there once, whatever the lines are.
func FuzzMIME(f *testing.F) {
	f.Add("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nA: b\n\nb25l\n--b--\n")
	f.Add("Content-Type: multipart/x (\\( ; boundary=\"\\\"b\"\n  \n\n--\"b\nContent-Transfer-Encoding: quoted-printable\n\n=3\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		opts := DefaultOptions()
		opts.MaxDepth = 5
		r := mail(text, opts)
		open, octets := 0, 0
		for _, s := range r.told {
			switch s {
			case "begin":
				open++
			case "end":
				open--
			}
			if open < 0 || open > 6 {
				t.Fatalf("%d entities are open", open)
			}
		}
		if open != 0 {
			t.Fatalf("%d entities are open at the end", open)
		}
		for _, n := range r.pieces {
			if n == 0 || n > 1024 {
				t.Fatalf("a piece of %d octets", n)
			}
			octets += n
		}
		if most := len(text) + 2*(strings.Count(text, "\n")+1); octets > most {
			t.Fatalf("%d octets from %d", octets, most)
		}
	})
}

func TestNamesOfFieldsAreToldInUpperCase(t *testing.T) {
	m := NewMail(&recorder{ev: event.NewEvents()}, nil, "SMTP", nil, nil)
	for c := 33; c <= 126; c++ {
		for n := range 20 {
			name := bytes.Repeat([]byte{byte(c)}, n)
			if got, want := m.upper(name), bytes.ToUpper(name); !bytes.Equal(got, want) {
				t.Fatalf("%q: %q", name, got)
			}
		}
	}
}
