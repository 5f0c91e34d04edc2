package packet

import (
	"encoding/binary"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// keeper keeps the last packet that came.
type keeper struct{ pkt *Packet }

func (k *keeper) NewUID() string { return "C" }
func (k *keeper) Deliver(p *Packet) (UDP, bool) {
	c := *p
	k.pkt = &c
	return UDP{}, false
}

func keeping(opts Options) (*Decoder, *keeper, *weird.Sampler) {
	ev, tm, k := event.NewEvents(), &timer.Manager{}, &keeper{}
	w := weird.NewSampler(ev, tm)
	return NewDecoder(opts, ev, tm, w, k), k, w
}

// sameWithGlance checks that a frame which a glance finds plain comes out as it
// does without one, and that what the glance says of it is true. It returns
// whether the frame is plain.
func sameWithGlance(t *testing.T, opts Options, link int, data []byte, wire int) bool {
	t.Helper()
	var g Glance
	g.Look(&opts, link, data, wire)
	if !g.Plain {
		return false
	}
	slow, want, _ := keeping(opts)
	slow.Process(&Frame{Time: 1, LinkType: link, Data: data, WireLen: wire})
	fast, got, _ := keeping(opts)
	fast.Process(&Frame{Time: 1, LinkType: link, Data: data, WireLen: wire, Glance: &g})
	if want.pkt == nil {
		t.Fatalf("a glance finds plain what the decoder refuses: % x", data)
	}
	p := got.pkt
	p.Glance = nil
	if !reflect.DeepEqual(p, want.pkt) {
		t.Fatalf("with a glance\n%+v\nwithout\n%+v", p, want.pkt)
	}
	if a, b := slow.Stats(), fast.Stats(); a != b {
		t.Errorf("counters %+v, without %+v", b, a)
	}
	h := &p.IP
	seg := h.Payload[:h.PayloadLen()]
	if !opts.IgnoreChecksums && !TransportChecksumOK(h, protoTCP, seg) {
		t.Error("the checksum is wrong")
	}
	key, forward := NewFlowKey(h.Src, h.Dst, uint16(be16(seg)), uint16(be16(seg[2:])), protoTCP, false)
	if key != g.Flow || forward != g.Forward || key.Hash() != g.Hash {
		t.Error("another flow")
	}
	if want := seg[int(seg[12]>>4)*4:]; string(g.Payload(data)) != string(want) {
		t.Errorf("payload %q, not %q", g.Payload(data), want)
	}
	return true
}

// summed puts the right TCP checksum into an IP packet without extensions.
func summed(b []byte) []byte {
	h, from := 20, 12
	if b[0]>>4 == 6 {
		h, from = 40, 8
	}
	sum := onesSum(onesSum(pseudoHeader(protoTCP, len(b)-h), b[from:h]), b[h:])
	binary.BigEndian.PutUint16(b[h+16:], ^fold(sum))
	return b
}

func TestPlainFramesComeOutAsFromTheDecoder(t *testing.T) {
	long := cat(tcpSyn(), text(100, "x"))
	for name, data := range map[string][]byte{
		"IPv4":          eth(0x800, summed(syn4())),
		"IPv4, padded":  cat(eth(0x800, summed(syn4())), make([]byte, 6)),
		"IPv4, data":    eth(0x800, summed(ip4(6, hostC, hostD, long))),
		"IPv6":          eth(0x86dd, summed(syn6())),
		"VLAN":          eth(0x8100, cat(u16(5), u16(0x800), summed(syn4()))),
		"wrong TCP sum": eth(0x800, ip4(6, hostC, hostD, long)),
	} {
		opts := DefaultOptions()
		opts.IgnoreChecksums = name == "wrong TCP sum"
		if !sameWithGlance(t, opts, dltEthernet, data, len(data)) {
			t.Errorf("%s: not plain", name)
		}
	}
	for name, data := range map[string][]byte{
		"two VLANs":     eth(0x8100, cat(u16(5), u16(0x8100), u16(6), u16(0x800), summed(syn4()))),
		"fragment":      eth(0x800, piece{0, true, string(tcpSyn())}.v4()),
		"tunnel":        eth(0x800, ip4(4, hostA, hostB, summed(syn4()))),
		"UDP":           eth(0x800, ip4(17, hostA, hostB, udpTo(50000, 53, []byte("x")))),
		"wrong TCP sum": eth(0x800, ip4(6, hostC, hostD, long)),
		"extension":     eth(0x86dd, ip6(0, hostE, hostF, cat(6, 0, 1, 4, 0, 0, 0, 0, tcpSyn()))),
		"cut":           eth(0x800, summed(syn4()))[:50],
	} {
		if sameWithGlance(t, DefaultOptions(), dltEthernet, data, len(data)) {
			t.Errorf("%s: plain", name)
		}
	}
}

func FuzzGlance(f *testing.F) {
	f.Add(uint8(1), eth(0x800, summed(syn4())), uint8(0))
	f.Add(uint8(1), eth(0x86dd, syn6()), uint8(1))
	f.Add(uint8(1), eth(0x8100, cat(u16(5), u16(0x800), syn4())), uint8(1))
	f.Add(uint8(12), ip4(6, hostC, hostD, cat(tcpSyn(), text(40, "a"))), uint8(1))
	files, _ := filepath.Glob("testdata/link/*.pcap.gz")
	for _, name := range files {
		n := 0
		readFile(f, name, func(_ float64, link int, data []byte, _ int) {
			if n++; n < 5 && len(data) < 300 {
				f.Add(uint8(link), data, uint8(0))
			}
		})
	}
	f.Fuzz(func(t *testing.T, link uint8, data []byte, more uint8) {
		opts := DefaultOptions()
		opts.IgnoreChecksums = more&1 != 0
		sameWithGlance(t, opts, int(link), data, len(data)+int(more>>2))
	})
}
