package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

func TestChecksumIsTheSumOfWords(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
			if n%3 == 0 {
				b[i] = 0xff // carries
			}
		}
		var want uint32
		for i := 0; i < n; i += 2 {
			v := uint32(b[i]) << 8
			if i+1 < n {
				v |= uint32(b[i+1])
			}
			want += v
			want = want>>16 + want&0xffff
		}
		if got := fold(onesSum(0, b)); uint32(got) != want {
			t.Fatalf("%d octets: %#x, want %#x", n, got, want)
		}
	}
}

func TestChecksumOfMappedAddresses(t *testing.T) {
	d, _ := nowhereDecoder()
	var h IPHeader
	seg := tcpSyn()
	b := ip6(6, "::ffff:10.1.0.1", "::ffff:10.1.0.2", seg)
	sum := onesSum(pseudoHeader(protoTCP, len(seg)), cat(b[8:40], seg)) // the pseudo header in full
	binary.BigEndian.PutUint16(seg[16:], ^fold(sum))
	d.parseIPv6(&h, &ip6Chain{}, b)
	if !TransportChecksumOK(&h, protoTCP, seg) {
		t.Error("refused")
	}
	seg[0] ^= 1
	if TransportChecksumOK(&h, protoTCP, seg) {
		t.Error("accepted")
	}
}

// Whatever comes, the decoder itself doesn't fail: contain would count it.
func FuzzProcess(f *testing.F) {
	add := func(link int, b []byte) { f.Add(uint16(link), b, uint8(0)) }
	add(1, eth(0x800, ip4(4, hostA, hostB, syn4())))
	add(1, eth(0x8100, cat(u16(5), u16(0x86dd), ip6(43, hostE, hostF, cat(6, 2, 0, 1, 0, 0, 0, 0, addr(hostE), tcpSyn())))))
	add(1, eth(0x8864, cat(0x11, 0, 0, 1, u16(42), u16(0x21), syn4())))
	add(12, ip4(47, hostA, hostB, cat(u16(0x1000), u16(0x22eb), make([]byte, 16), eth(0x800, syn4()))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 4789, cat(8, make([]byte, 7), eth(0x800, syn4())))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 6081, cat(2, 0, u16(0x6558), make([]byte, 12), eth(0x800, syn4())))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 3544, cat(0, 1, 1, 1, "ab", make([]byte, 9), syn6()))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 2152, cat(0x34, 255, u16(48), make([]byte, 4), 0, 0, 0, 0x85, 1, 0, 0, 0, syn4()))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 2123, cat(0x32, 16, u16(12), make([]byte, 8), 14, 5, 0x85, u16(4), addr(hostA)))))
	add(12, ip4(17, hostA, hostB, udpTo(50000, 5072, cat(0x42, 0x52, 0x11, 41, make([]byte, 40), syn6()))))
	add(12, piece{0, true, text(64, "a")}.v4())
	add(12, piece{64, false, text(64, "a")}.v6(6))
	add(113, cat(make([]byte, 14), u16(0x800), syn4()))
	add(276, cat(u16(0x86dd), make([]byte, 18), syn6()))
	add(127, cat(0, 0, 8, 0, make([]byte, 4), 0x88, 1, make([]byte, 22), 0x80, 0, make([]byte, 12), u16(48), 0xaa, 0xaa, 3, 0, 0, 0, u16(0x800), syn4()))
	add(239, cat(2, 0, 0, 0, 4, 0, 9, 0, syn4()))
	files, _ := filepath.Glob("testdata/link/*.pcap.gz")
	for _, name := range files {
		first := true
		readFile(f, name, func(_ float64, link int, data []byte, _ int) {
			if first && len(data) < 300 {
				add(link, data)
			}
			first = false
		})
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte, more uint8) {
		r := newRig(DefaultOptions())
		r.opts.IgnoreChecksums = more&1 != 0
		// One part of the data is a frame, so that fragments meet.
		for i := 0; len(data) > 0 && i < 8; i++ {
			n := len(data)
			if more&2 != 0 && n > 2 {
				n = min(2+int(binary.BigEndian.Uint16(data)&0x3ff), n)
				data, n = data[2:], max(n-2, 0)
			}
			before := bytes.Clone(data[:n])
			r.frame(float64(i), int(link), data[:n], n+int(more>>2))
			if !bytes.Equal(before, data[:n]) {
				t.Fatal("the frame was changed")
			}
			data = data[n:]
		}
		if r.Stats().Panics != 0 {
			t.Fatal("panic")
		}
		for _, p := range r.tb.opened {
			if len(p.Encap) > r.opts.TunnelMaxDepth {
				t.Fatal("too deep")
			}
		}
	})
}

// A panic behind the transport isn't hidden.
func TestPanicOfTheTransportPasses(t *testing.T) {
	r := newRig(DefaultOptions())
	r.tr = failing{}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r.Process(&Frame{LinkType: dltRaw, Data: syn4(), WireLen: 40})
}

type failing struct{}

func (failing) NewUID() string              { return "" }
func (failing) Deliver(*Packet) (UDP, bool) { panic("failing") }

type nowhere struct{ n int }

func (w *nowhere) NewUID() string              { return "C" }
func (w *nowhere) Deliver(*Packet) (UDP, bool) { w.n++; return UDP{}, false }

func nowhereDecoder() (*Decoder, *nowhere) {
	ev, tm, w := event.NewEvents(), &timer.Manager{}, &nowhere{}
	return NewDecoder(DefaultOptions(), ev, tm, weird.NewSampler(ev, tm), w), w
}

func TestNoAllocationPerPacket(t *testing.T) {
	d, w := nowhereDecoder()
	for _, fr := range []Frame{
		{LinkType: 1, Data: eth(0x800, syn4())},
		{LinkType: 1, Data: eth(0x8100, cat(u16(5), u16(0x86dd), syn6()))},
		{LinkType: 1, Data: eth(0x800, ip4(4, hostA, hostB, syn4()))},
	} {
		fr.WireLen = len(fr.Data)
		d.Process(&fr)
		before := w.n
		if n := testing.AllocsPerRun(100, func() { d.Process(&fr) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if w.n == before {
			t.Error("nothing came")
		}
	}
}

func BenchmarkProcess(b *testing.B) {
	full := cat(tcpSyn(), make([]byte, 1440))
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"eth-ip4", eth(0x800, ip4(6, hostC, hostD, full))},
		{"eth-vlan-ip6", eth(0x8100, cat(u16(5), u16(0x86dd), ip6(6, hostE, hostF, full)))},
		{"ip-in-ip", eth(0x800, ip4(4, hostA, hostB, ip4(6, hostC, hostD, full)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, _ := nowhereDecoder()
			fr := Frame{LinkType: 1, Data: c.data, WireLen: len(c.data)}
			b.ReportAllocs()
			b.SetBytes(int64(len(c.data)))
			for b.Loop() {
				d.Process(&fr)
			}
		})
	}
}

func BenchmarkTransportChecksum(b *testing.B) {
	var h IPHeader
	parseIPv4(&h, syn4())
	seg := make([]byte, 1460)
	b.SetBytes(int64(len(seg)))
	for b.Loop() {
		TransportChecksumOK(&h, protoTCP, seg)
	}
}

func BenchmarkCaptures(b *testing.B) {
	files, _ := filepath.Glob("testdata/link/link-*.pcap.gz")
	for b.Loop() {
		for _, f := range files {
			newRig(DefaultOptions()).file(b, f)
		}
	}
}
