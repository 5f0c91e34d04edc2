package packet

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// piece is a fragment of a datagram from hostC to hostD, protocol 200.
type piece struct {
	offset int
	more   bool
	data   string
}

func (p piece) v4() []byte {
	return ip4(200, hostC, hostD, []byte(p.data), fragment(9, p.offset, p.more))
}

func (p piece) v6(next int) []byte {
	flags := p.offset
	if p.more {
		flags |= 1
	}
	return ip6(44, hostE, hostF, cat(next, 0, u16(flags), 0, 0, 0, 9, p.data))
}

func text(n int, c string) string { return strings.Repeat(c, n) }

func TestFragments(t *testing.T) {
	a, b, c, x := text(64, "a"), text(64, "b"), text(64, "c"), text(64, "x")
	const pair = "  10.1.0.1 10.1.0.2"
	for _, tc := range []struct {
		name   string
		pieces []piece
		want   string // payload
		weirds string
	}{
		{"in order", []piece{{0, true, a}, {64, true, b}, {128, false, c}}, a + b + c, ""},
		{"in reverse", []piece{{128, false, c}, {64, true, b}, {0, true, a}}, a + b + c, ""},
		{"the middle last", []piece{{0, true, a}, {128, false, c}, {64, true, b}}, a + b + c, ""},
		{"one is missing", []piece{{0, true, a}, {128, false, c}}, "", ""},
		{"twice the same", []piece{{0, true, a}, {0, true, a}, {64, false, b}}, a + b, "fragment_overlap" + pair},
		{"the first wins", []piece{{0, true, a}, {0, true, x}, {64, false, b}}, a + b, "fragment_inconsistency" + pair},
		{"around another", []piece{{64, true, b}, {0, true, a + x + c}, {192, false, c}}, a + b + c + c, "fragment_inconsistency" + pair},
		{"over two and a hole", []piece{{64, true, b}, {192, true, x}, {0, true, a + b + c + x + c}, {320, false, a}}, a + b + c + x + c + a, "fragment_overlap" + pair + "; fragment_overlap" + pair},
		{"small", []piece{{0, true, text(40, "a")}, {40, false, b}}, text(40, "a") + b, "excessively_small_fragment" + pair},
		{"beyond the end", []piece{{64, false, b}, {64, true, b + c}, {0, true, a}}, a + b + c, "fragment_size_inconsistency" + pair + "; fragment_overlap" + pair},
		{"two ends", []piece{{64, false, b}, {128, false, c}, {0, true, a}}, a + b + c, "fragment_size_inconsistency" + pair},
		{"more beyond a hole", []piece{{128, true, c}, {256, true, x}, {0, true, a}, {64, false, b}}, a + b + c, "fragment_size_inconsistency" + pair},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(DefaultOptions())
			for i, p := range tc.pieces {
				b := p.v4()
				r.frame(float64(1+i), dltRaw, b, len(b))
			}
			var got string
			for _, p := range r.tb.opened {
				got += string(p.IP.Payload)
				if !p.IP.Reassembled || p.IP.TotalLen != 20+len(tc.want) || p.Time != float64(len(tc.pieces)) {
					t.Errorf("%+v", p)
				}
			}
			if got != tc.want {
				t.Errorf("payload %q, want %q", got, tc.want)
			}
			if w := strings.Join(r.weirds, "; "); w != tc.weirds {
				t.Errorf("weirds %q, want %q", w, tc.weirds)
			}
			if tc.want != "" && (r.Stats().Fragments != 0 || r.timersOfFragments() != 0 || r.fragOctets != 0) {
				t.Error("something is left")
			}
		})
	}
}

// timersOfFragments counts armed timers beyond those of weirds' sampling.
func (r *rig) timersOfFragments() int {
	n := 0
	for _, f := range r.frags {
		if f.timer.Armed() {
			n++
		}
	}
	return n
}

func TestFragmentsOfIPv6LoseTheirHeader(t *testing.T) {
	seg := cat(6, 0, make([]byte, 6), tcpSyn(), text(60, "z")) // options, then TCP
	r := newRig(DefaultOptions())
	for i, p := range []piece{{0, true, string(seg[:64])}, {64, false, string(seg[64:])}} {
		b := p.v6(60)
		r.frame(float64(1+i), dltRaw, b, len(b))
	}
	if got := r.text(); got != "2001:db8::1>2001:db8::2 6/80" {
		t.Error(got)
	}
	if h := r.tb.opened[0].IP; !bytes.Equal(h.Payload, seg[8:]) || h.HdrLen != 48 {
		t.Errorf("%+v", h)
	}
}

func TestAnIncompleteDatagramGoesAfterFragTimeout(t *testing.T) {
	r := newRig(DefaultOptions())
	first := piece{0, true, text(64, "a")}.v4()
	last := piece{64, false, text(64, "b")}.v4()
	r.frame(1000, dltRaw, first, len(first))
	r.frame(1300, dltRaw, last, len(last)) // due at 1300: a datagram of its own
	if len(r.tb.opened) != 0 || r.Stats().Fragments != 1 {
		t.Errorf("%d packets, %d waiting", len(r.tb.opened), r.Stats().Fragments)
	}
	r.frame(1599, dltRaw, first, len(first))
	if len(r.tb.opened) != 1 {
		t.Error("the second one isn't complete")
	}
}

func TestAFragmentCapturedInPartIsNoFragment(t *testing.T) {
	r := newRig(DefaultOptions())
	for _, p := range []piece{{0, true, text(64, "a")}, {64, false, text(64, "b")}} {
		b := p.v4()
		r.frame(1, dltRaw, b[:60], len(b))
	}
	const weird = "incompletely_captured_fragment  10.1.0.1 10.1.0.2 IP"
	if got := r.text(); got != "10.1.0.1>10.1.0.2 200/64; "+weird+"; "+weird {
		t.Error(got)
	}
}

func TestDatagramBeyond16BitsIsSeenWrapped(t *testing.T) {
	r := newRig(DefaultOptions())
	data := text(60000, "a")
	for i, p := range []piece{{0, true, data}, {60000, false, text(5600, "b")}} {
		b := p.v4()
		r.frame(float64(i+1), dltRaw, b, len(b))
	}
	// 20+65600 octets are 84 in 16 bits.
	if got := r.text(); got != "10.1.0.1>10.1.0.2 200/64; excessively_large_fragment  10.1.0.1 10.1.0.2" {
		t.Error(got)
	}
}

func TestTunnelOfFragments(t *testing.T) {
	// The outer datagram is in fragments, and so is the inner one.
	inner := []piece{{0, true, text(64, "a")}, {64, false, text(64, "b")}}
	r := newRig(DefaultOptions())
	for i, p := range inner {
		in := p.v4()
		for k, half := range []piece{{0, true, string(in[:48])}, {48, false, string(in[48:])}} {
			b := ip4(4, hostA, hostB, []byte(half.data), fragment(20+i, half.offset, half.more))
			r.frame(float64(1+2*i+k), dltRaw, b, len(b))
		}
	}
	if r.text() != "10.1.0.1>10.1.0.2 200/128 in 1:C1" || r.Stats().Fragments != 0 {
		t.Error(r.text())
	}
}

// A fragment inside a datagram of the same key must not end up in the
// reassembly that is being analyzed.
func TestFragmentInsideItsOwnDatagram(t *testing.T) {
	r := newRig(DefaultOptions())
	in := ip4(4, hostC, hostD, []byte(text(64, "a")), fragment(9, 0, true))
	for i, p := range []piece{{0, true, string(in[:64])}, {64, false, string(in[64:])}} {
		b := ip4(4, hostC, hostD, []byte(p.data), fragment(9, p.offset, p.more))
		r.frame(float64(1+i), dltRaw, b, len(b))
	}
	if r.Stats().Panics != 0 || r.Stats().Fragments != 1 {
		t.Errorf("%+v", r.Stats())
	}
}

func TestIPTunnelKeepsItsUIDWhileItIsUsed(t *testing.T) {
	r := newRig(DefaultOptions())
	const day = 24 * 3600
	there, back := ip4(4, hostA, hostB, syn4()), ip4(4, hostB, hostA, syn4())
	for _, at := range []float64{1000, 1000 + day - 1, 1000 + 2*day - 3, 1000 + 4*day + 1} {
		r.frame(at, dltRaw, there, len(there))
		r.frame(at, dltRaw, back, len(back))
	}
	var got []string
	for _, p := range r.tb.opened {
		got = append(got, p.Encap[0].UID)
	}
	if fmt.Sprint(got) != "[C1 C1 C1 C1 C1 C1 C2 C2]" {
		t.Error(got)
	}
	if r.timers.Len() != 1 {
		t.Errorf("%d timers", r.timers.Len())
	}
}

func TestTeredoIsConfirmedByBothSides(t *testing.T) {
	r := newRig(DefaultOptions())
	b := ip4(17, hostA, hostB, udpTo(50000, 3544, syn6()))
	r.frame(1, dltRaw, b, len(b))
	r.frame(1, dltRaw, b, len(b))
	if strings.Contains(r.text(), "TEREDO") {
		t.Error(r.text())
	}
	b = ip4(17, hostB, hostA, udpTo(3544, 50000, syn6()))
	r.frame(1, dltRaw, b, len(b))
	b = ip4(17, hostB, hostA, udpTo(3544, 50000, cat(0, 0, 0)))
	r.frame(1, dltRaw, b, len(b))
	r.frame(1, dltRaw, b, len(b)) // violated: nothing more
	if !strings.HasSuffix(r.text(), "; TEREDO; TEREDO: Bad Teredo encapsulation (3); truncated_Teredo_origin_indication") {
		t.Error(r.text())
	}
}

func TestATruncatedTunnelPacketStaysTruncated(t *testing.T) {
	b := ip4(17, hostA, hostB, udpTo(50000, 4789, cat(8, make([]byte, 7), eth(0x800, ip4(6, hostC, hostD, cat(tcpSyn(), make([]byte, 100)))))))
	r := newRig(DefaultOptions())
	r.frame(1, dltRaw, b[:len(b)-50], len(b))
	if got := r.text(); got != "10.0.0.1>10.0.0.2 17/170; 10.1.0.1>10.1.0.2 6/120 in 8:C1; VXLAN" {
		t.Error(got)
	}
	for _, p := range r.tb.opened {
		if !p.Truncated {
			t.Errorf("%+v", p)
		}
	}
}

func TestSameEncap(t *testing.T) {
	a := Encap{Src: host(1), Dst: host(2), SrcPort: 1, DstPort: 2, Type: TunnelGeneve, UID: "C1"}
	turned := a
	turned.Src, turned.Dst = a.Dst, a.Src
	other := a
	other.UID = "C2"
	as := func(e Encap, typ TunnelType) []Encap { e.Type = typ; return []Encap{e} }
	for _, c := range []struct {
		a, b []Encap
		want bool
	}{
		{nil, nil, true}, {[]Encap{a}, nil, false}, {[]Encap{a}, []Encap{a, a}, false},
		{[]Encap{a}, []Encap{a}, true}, {[]Encap{a}, []Encap{other}, false},
		{[]Encap{a}, []Encap{turned}, false},
		{as(a, TunnelIP), as(turned, TunnelIP), true}, {as(a, TunnelGRE), as(turned, TunnelGRE), true},
		{as(a, TunnelVXLAN), as(turned, TunnelVXLAN), true}, {as(a, TunnelIP), as(a, TunnelGRE), false},
	} {
		if got := SameEncap(c.a, c.b); got != c.want {
			t.Errorf("%v %v: %v", c.a, c.b, got)
		}
	}
}

func host(n byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, n}) }
