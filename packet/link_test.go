package packet

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// table is a transport that counts, and opens tunnels by the responder's port.
type table struct {
	opened   []Packet // copies of what came
	flows    map[string]*flow
	ids      int
	sessions map[string]*session
}

type flow struct{ packets, octets int }

type session struct {
	conn      event.Conn
	state     TunnelState
	confirmed []string
	violated  []string
	weirds    []string
}

func (s *session) Conn() *event.Conn { return &s.conn }
func (s *session) Confirm(a string)  { s.confirmed = append(s.confirmed, a) }
func (s *session) Violation(a, reason string, data []byte) {
	s.violated = append(s.violated, fmt.Sprintf("%s: %s (%d)", a, reason, len(data)))
}
func (s *session) Weird(name, addl, source string) { s.weirds = append(s.weirds, name) }

func (tb *table) NewUID() string { tb.ids++; return fmt.Sprint("C", tb.ids) }

func (tb *table) Deliver(p *Packet) (UDP, bool) {
	h := &p.IP
	c := *p
	c.Encap = append([]Encap(nil), p.Encap...)
	c.IP.Payload = append([]byte(nil), h.Payload...)
	tb.opened = append(tb.opened, c)
	seg := h.Payload
	if l := h.PayloadLen(); l > 0 && l < len(seg) {
		seg = seg[:l]
	}
	if h.NextProto == protoUDP && len(seg) < 8 {
		return UDP{}, false
	}
	if !p.Truncated {
		switch h.NextProto {
		case protoTCP, protoICMP, protoICMPv6:
			if !TransportChecksumOK(h, h.NextProto, seg) {
				return UDP{}, false
			}
		case protoUDP:
			if seg[6]|seg[7] != 0 && !TransportChecksumOK(h, h.NextProto, seg) {
				return UDP{}, false
			}
		}
	}
	a, b := h.Src.String(), h.Dst.String()
	if b < a {
		a, b = b, a
	}
	k := fmt.Sprintf("%s %s %d", a, b, h.NextProto)
	f := tb.flows[k]
	if f == nil {
		f = &flow{}
		tb.flows[k] = f
	}
	f.packets++
	f.octets += h.TotalLen
	if h.NextProto != protoUDP {
		return UDP{}, false
	}
	sp, dp := uint16(be16(seg)), uint16(be16(seg[2:]))
	src, dst := h.Src, h.Dst
	isOrig := true
	if sp < dp {
		sp, dp, src, dst, isOrig = dp, sp, dst, src, false
	}
	k = fmt.Sprint(src, sp, dst, dp)
	s := tb.sessions[k]
	if s == nil {
		s = &session{}
		s.conn.UID = tb.NewUID()
		s.conn.ID = event.ConnID{OrigH: src, OrigP: sp, RespH: dst, RespP: dp, Proto: event.ProtoUDP, IPProto: protoUDP}
		tb.sessions[k] = s
	}
	return UDP{Session: s, IsOrig: isOrig, RespPort: dp, Payload: seg[8:], State: &s.state}, true
}

// rig is a decoder between a transport that counts and handlers that keep the
// weirds.
type rig struct {
	*Decoder
	tb     *table
	ev     *event.Events
	timers *timer.Manager
	weirds []string
}

func newRig(opts Options) *rig {
	r := &rig{
		ev: event.NewEvents(), timers: &timer.Manager{},
		tb: &table{flows: map[string]*flow{}, sessions: map[string]*session{}},
	}
	r.Decoder = NewDecoder(opts, r.ev, r.timers, weird.NewSampler(r.ev, r.timers), r.tb)
	r.ev.NetWeird.Handle("test", 0, func(w *event.Weird) {
		r.weirds = append(r.weirds, strings.TrimSpace(fmt.Sprintf("%s %s - - %s", w.Name, w.Addl, w.Source)))
	})
	r.ev.FlowWeird.Handle("test", 0, func(w *event.Weird) {
		r.weirds = append(r.weirds, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", w.Name, w.Addl, w.Flow.OrigH, w.Flow.RespH, w.Source)))
	})
	return r
}

func (r *rig) frame(time float64, link int, data []byte, wire int) {
	r.ev.Now = max(r.ev.Now, time)
	r.timers.Advance(r.ev.Now, -1)
	r.Process(&Frame{Time: time, LinkType: link, Data: data, WireLen: wire})
	r.ev.Drain()
}

func (r *rig) file(t testing.TB, name string) { readFile(t, name, r.frame) }

func readFile(t testing.TB, name string, frame func(time float64, link int, data []byte, wire int)) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(z)
	header, err := in.Peek(24)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := pcapgo.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	// pcapgo's link types end at 255. All of these files are little-endian.
	link := int(binary.LittleEndian.Uint32(header[20:]))
	for {
		data, ci, err := pr.ReadPacketData()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		frame(float64(ci.Timestamp.UnixMicro())/1e6, link, data, ci.Length)
	}
}

// The numbers in expected.txt come from conn.log and weird.log of Zeek.
func TestPacketsAndWeirdsOfCapturesAreZeeks(t *testing.T) {
	text, err := os.ReadFile("testdata/link/expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, rest, _ := strings.Cut(l, " ")
		want[name] = append(want[name], rest)
	}
	files, _ := filepath.Glob("testdata/link/*.pcap.gz")
	if len(files) < 50 {
		t.Fatalf("%d captures", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pcap.gz")
		t.Run(name, func(t *testing.T) {
			r := newRig(DefaultOptions())
			r.file(t, file)
			var got []string
			for k, f := range r.tb.flows {
				got = append(got, fmt.Sprintf("conn %s %d %d", k, f.packets, f.octets))
			}
			seen := map[string]bool{}
			for _, w := range r.weirds {
				f := strings.Fields(w)
				if len(f) == 3 {
					f = append(f, "-")
				}
				w = "weird " + strings.Join(f, " ")
				if !seen[w] {
					seen[w] = true
					got = append(got, w)
				}
			}
			w := append([]string(nil), want[name]...)
			sort.Strings(got)
			sort.Strings(w)
			if g, w := strings.Join(got, "\n"), strings.Join(w, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
			if r.Stats().Panics != 0 {
				t.Error("panics")
			}
		})
	}
}
