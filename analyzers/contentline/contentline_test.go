package contentline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/internal/slab"
)

// recorder is a connection and a sink that write down what they are told.
type recorder struct {
	partial, removing bool
	told              []string
	onLine            func(n int, data []byte)
	n                 int
}

func (r *recorder) IsPartial() bool { return r.partial }
func (r *recorder) Removing() bool  { return r.removing }

func (r *recorder) Weird(name, addl, source string) {
	r.told = append(r.told, fmt.Sprintf("%s %s", source, name))
}

func (r *recorder) DeliverLine(data []byte, isOrig bool) {
	r.told = append(r.told, fmt.Sprintf("%q", data))
	r.n++
	if r.onLine != nil {
		r.onLine(r.n, data)
	}
}

func TestLines(t *testing.T) {
	const (
		nul = "CONTENTLINE NUL_in_line"
		cr  = "CONTENTLINE line_terminated_with_single_CR"
	)
	for _, test := range []struct {
		name string
		in   string // packets, divided by |; $ is the end of the stream
		want []string
	}{
		{"CRLF, CR and LF all end a line", "a\r\nb\nc\rd\r\n", []string{`"a"`, `"b"`, `"c"`, cr, `"d"`}},
		{"CR CR LF is an empty line more", "a\r\r\nb\n", []string{`"a"`, `""`, `"b"`}},
		{"a CR at the end of a packet ends the line, the LF in the next belongs to it", "a\r|\nb\n", []string{`"a"`, `"b"`}},
		{"a single CR is told at the octet behind it", "a\r|b", []string{`"a"`, cr}},
		{"a single CR is told once", "a\rb\rc\n", []string{`"a"`, cr, `"b"`, `"c"`}},
		{"a line over packets", "ab|cd|e\r\nf\n", []string{`"abcde"`, `"f"`}},
		{"the first NUL is dropped, later ones stay", "a\x00b\x00c\nd\x00\n", []string{nul, `"ab\x00c"`, `"d\x00"`}},
		{"a NUL alone makes an empty line", "\x00\n", []string{nul, `""`}},
		{"a NUL behind a single CR tells both", "a\r\x00b\n", []string{`"a"`, nul, cr, `"b"`}},
		{"the end makes a line of what is left", "a\nb$", []string{`"a"`, `"b"`}},
		{"the end makes no line of nothing", "a\n$", []string{`"a"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{}
			s := newSplitter(r, &Flags{}, true)
			in, end := strings.CutSuffix(test.in, "$")
			for p := range strings.SplitSeq(in, "|") {
				s.Deliver([]byte(p))
			}
			if end {
				s.EndpointEOF()
			}
			if !slices.Equal(r.told, test.want) {
				t.Errorf("got  %s\nwant %s", r.told, test.want)
			}
		})
	}
}

func TestPartialConnectionHasNoLines(t *testing.T) {
	r := &recorder{partial: true}
	s := newSplitter(r, &Flags{}, true)
	s.Deliver([]byte("a\nb"))
	s.EndpointEOF()
	r.partial = false
	s.Deliver([]byte("c\n"))
	if want := []string{`"c"`}; !slices.Equal(r.told, want) {
		t.Errorf("got %s, want %s", r.told, want)
	}
}

func TestNothingIsDeliveredWhenRemoving(t *testing.T) {
	r := &recorder{}
	r.onLine = func(int, []byte) { r.removing = true }
	s := newSplitter(r, &Flags{}, true)
	s.Deliver([]byte("a\nb\nc"))
	s.EndpointEOF()
	if want := []string{`"a"`}; !slices.Equal(r.told, want) {
		t.Errorf("got %s, want %s", r.told, want)
	}
}

func TestWeirdsAreToldOnceForBothDirections(t *testing.T) {
	r := &recorder{}
	var flags Flags
	for _, isOrig := range []bool{true, false} {
		newSplitter(r, &flags, isOrig).Deliver([]byte("\x00a\rb\n"))
	}
	n := 0
	for _, line := range r.told {
		if strings.HasPrefix(line, "CONTENTLINE") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d weirds in %s", n, r.told)
	}
}

func TestPlainDelivery(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"5\nab\r\ncd\n", []string{`"5"`, `"ab\r\nc"`, `"d"`}},
		{"5\r|\nab|\r\nc|d\n", []string{`"5"`, `"ab"`, `"\r\nc"`, `"d"`}},
		{"0\nab\n", []string{`"0"`, `"ab"`}},
		// An LF alone in its packet, behind a CR that made the sink ask for
		// octets, makes it hand over nothing (DoDeliver).
		{"3\r|\n|ab", []string{`"3"`, `""`, `"ab"`}},
	} {
		r := &recorder{}
		var s *Splitter
		r.onLine = func(n int, data []byte) {
			if n == 1 {
				s.SetPlainDelivery(uint64(data[0] - '0'))
			}
		}
		s = newSplitter(r, &Flags{}, true)
		for p := range strings.SplitSeq(test.in, "|") {
			s.Deliver([]byte(p))
		}
		if !slices.Equal(r.told, test.want) {
			t.Errorf("%q: got %s, want %s", test.in, r.told, test.want)
		}
	}
}

func TestLinesAreCutAtTheLongest(t *testing.T) {
	for _, test := range []struct {
		name   string
		before int // octets before the end of the line
		want   []int
		weirds int
	}{
		{"one octet less than the longest", MaxLineLength - 1, []int{MaxLineLength - 1}, 0},
		{"the end does not fit and is lost", MaxLineLength, []int{MaxLineLength - 1, 1}, 1},
		{"the rest is another line", MaxLineLength + 3, []int{MaxLineLength - 1, 2}, 1},
	} {
		for _, packet := range []int{1 << 30, 65000} {
			r := &recorder{}
			var got []int
			r.onLine = func(_ int, data []byte) { got = append(got, len(data)) }
			s := newSplitter(r, &Flags{}, true)
			in := append(bytes.Repeat([]byte{'x'}, test.before), "\ny\n"...)
			for len(in) > 0 {
				n := min(packet, len(in))
				s.Deliver(in[:n])
				in = in[n:]
			}
			if !slices.Equal(got, append(test.want, 1)[:len(got)]) || len(r.told)-len(got) != test.weirds {
				t.Errorf("%s: got lines of %d, %d weirds", test.name, got, len(r.told)-len(got))
			}
			if cap(s.buf) > 0 {
				t.Errorf("%s: keeps %d octets", test.name, cap(s.buf))
			}
		}
	}
}

// slowly splits octet by octet: what Deliver has to do, without its shortcuts.
func slowly(in []byte) (told []string) {
	var line []byte
	var last byte
	var nul, cr bool
	for _, c := range in {
		switch {
		case c == '\n' && last == '\r':
		case c == '\n' || c == '\r':
			told = append(told, fmt.Sprintf("%q", line))
			line = line[:0]
		default:
			if c == 0 && !nul {
				nul = true
				told = append(told, "CONTENTLINE NUL_in_line")
			} else {
				line = append(line, c)
			}
			if last == '\r' && !cr {
				cr = true
				told = append(told, "CONTENTLINE line_terminated_with_single_CR")
			}
		}
		last = c
	}
	return told
}

func FuzzLinesDoNotDependOnPackets(f *testing.F) {
	f.Add([]byte("EHLO x\r\nMAIL\r\r\n\x00\rRCPT\n\x00"), uint64(1))
	f.Add([]byte("\n\r\n\r"), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := &recorder{}
		s := newSplitter(r, &Flags{}, true)
		for rest := in; len(rest) > 0; {
			n := min(1+rng.IntN(9), len(rest))
			packet := bytes.Clone(rest[:n])
			s.Deliver(packet)
			clear(packet)
			rest = rest[n:]
		}
		if want := slowly(in); !slices.Equal(r.told, want) {
			t.Errorf("%q:\ngot  %s\nwant %s", in, r.told, want)
		}
	})
}

type discard struct{ recorder }

func (*discard) DeliverLine([]byte, bool) {}

func BenchmarkLines(b *testing.B) {
	for _, length := range []int{20, 76, 1000} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			data := bytes.Repeat(append(bytes.Repeat([]byte{'x'}, length), "\r\n"...), 100000/length)
			d := &discard{}
			s := newSplitter(d, &Flags{}, true)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := data; len(rest) > 0; {
					n := min(1460, len(rest))
					s.Deliver(rest[:n])
					rest = rest[n:]
				}
			}
		})
	}
}

// newSplitter returns a splitter whose host is its sink, too.
func newSplitter(to interface {
	Host
	Sink
}, flags *Flags, isOrig bool) *Splitter {
	s := new(Splitter)
	s.Init(to, to, flags, new(slab.Buffers), isOrig)
	return s
}
