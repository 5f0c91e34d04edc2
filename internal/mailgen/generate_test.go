package mailgen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// little gives a profile's parameters, cut down for a test.
func little(t testing.TB, profile string) Params {
	t.Helper()
	p, err := Defaults(profile)
	if err != nil {
		t.Fatal(err)
	}
	p.Size = 2_000_000
	p.Concurrent = min(p.Concurrent, 50)
	p.Connections = 40
	if profile == HalfOpen {
		p.Connections = 3000
	}
	p.Bytes = 60_000
	if profile == OneBig {
		p.Bytes = 3_000_000
	}
	p.Recipients = 300
	return p
}

func generate(t testing.TB, p Params) ([]byte, Stats) {
	t.Helper()
	var b bytes.Buffer
	st, err := Generate(&b, p)
	if err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != st.Bytes {
		t.Fatalf("%d octets written, Stats say %d", b.Len(), st.Bytes)
	}
	return b.Bytes(), st
}

// half is one direction of a connection as a receiver without mercy sees it:
// every segment has to be the next one.
type half struct {
	started bool
	next    uint32
	data    []byte
	gaps    int
	fin     bool
}

type link struct {
	half  map[netip.AddrPort]*half // by sender
	first netip.AddrPort           // who sent the first frame
	rst   bool
}

// decode reads a capture with gopacket, and fails for any frame that it does
// not understand, for wrong checksums, and for time that goes back. strict
// also wants each segment to follow the one before.
func decode(t *testing.T, capture []byte, strict bool) []*link {
	t.Helper()
	r, err := pcapgo.NewReader(bytes.NewReader(capture))
	if err != nil {
		t.Fatal(err)
	}
	links := map[[2]netip.AddrPort]*link{}
	var order []*link
	var last int64
	for n := 1; ; n++ {
		data, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return order
		}
		if err != nil {
			t.Fatal(err)
		}
		if us := ci.Timestamp.UnixMicro(); us < last {
			t.Fatalf("frame %d: time goes back by %d µs", n, last-us)
		} else {
			last = us
		}
		pkt := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		if e := pkt.ErrorLayer(); e != nil {
			t.Fatalf("frame %d: %v", n, e.Error())
		}
		tcp, ok := pkt.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok {
			t.Fatalf("frame %d is no TCP: %v", n, pkt)
		}
		if err := tcp.SetNetworkLayerForChecksum(pkt.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		again := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializePacket(again, gopacket.SerializeOptions{ComputeChecksums: true}, pkt); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("frame %d: with checksums that gopacket computes\n%x, not\n%x", n, again.Bytes(), data)
		}
		src, _ := netip.AddrFromSlice(pkt.NetworkLayer().NetworkFlow().Src().Raw())
		dst, _ := netip.AddrFromSlice(pkt.NetworkLayer().NetworkFlow().Dst().Raw())
		from, to := netip.AddrPortFrom(src, uint16(tcp.SrcPort)), netip.AddrPortFrom(dst, uint16(tcp.DstPort))
		key := [2]netip.AddrPort{from, to}
		if from.Compare(to) > 0 {
			key = [2]netip.AddrPort{to, from}
		}
		l := links[key]
		if l == nil {
			l = &link{half: map[netip.AddrPort]*half{from: {}, to: {}}, first: from}
			links[key] = l
			order = append(order, l)
			if strict && (!tcp.SYN || tcp.ACK) {
				t.Fatalf("frame %d: a connection begins without a SYN", n)
			}
		}
		l.rst = l.rst || tcp.RST
		if !strict {
			continue
		}
		h := l.half[from]
		switch {
		case tcp.SYN:
			h.started, h.next = true, tcp.Seq+1
			continue
		case tcp.RST:
			continue
		case tcp.Seq != h.next:
			h.gaps++
			h.next = tcp.Seq
		}
		h.data = append(h.data, tcp.Payload...)
		h.next += uint32(len(tcp.Payload))
		if tcp.FIN {
			h.fin = true
			h.next++
		}
		if peer := l.half[to]; tcp.ACK && peer.gaps == 0 && int32(tcp.Ack-peer.next) > 0 {
			t.Fatalf("frame %d acknowledges what was never sent", n)
		}
	}
}

// talk checks that a finished session is SMTP from the banner to the end, and
// returns how many mails were accepted.
func talk(cli, srv string) (mails int, err error) {
	reply := func() (string, error) {
		for {
			line, rest, ok := strings.Cut(srv, "\r\n")
			if !ok || len(line) < 4 {
				return "", fmt.Errorf("no reply, but %q", srv)
			}
			srv = rest
			if line[3] == ' ' {
				return line[:3], nil
			}
		}
	}
	if code, err := reply(); err != nil || code != "220" && code != "554" {
		return 0, fmt.Errorf("banner %s %v", code, err)
	}
	for cli != "" {
		line, rest, ok := strings.Cut(cli, "\r\n")
		if !ok {
			return mails, fmt.Errorf("command without an end: %q", line)
		}
		cli = rest
		code, err := reply()
		if err != nil {
			return mails, fmt.Errorf("after %q: %w", line, err)
		}
		verb, _, _ := strings.Cut(line, " ")
		want := map[string]string{
			"EHLO": "250", "HELO": "250", "MAIL": "250 553", "RCPT": "250 550 450",
			"DATA": "354 554", "RSET": "250", "QUIT": "221",
		}[verb]
		if want == "" || !strings.Contains(want, code) {
			return mails, fmt.Errorf("%q is answered with %s", line, code)
		}
		if verb != "DATA" || code != "354" {
			continue
		}
		text, rest, ok := strings.Cut(cli, "\r\n.\r\n")
		if !ok {
			return mails, fmt.Errorf("mail without an end")
		}
		head, _, ok := strings.Cut(text, "\r\n\r\n")
		if !ok || !strings.HasPrefix(head, "Received: ") || !strings.Contains(head, "\r\nSubject: ") {
			return mails, fmt.Errorf("header %.200q", head)
		}
		for l := range strings.SplitSeq(text, "\r\n") {
			if strings.HasPrefix(l, ".") && !strings.HasPrefix(l, "..") {
				return mails, fmt.Errorf("line %q isn't stuffed", l)
			}
		}
		cli = rest
		if code, err := reply(); err != nil || code != "250" {
			return mails, fmt.Errorf("mail is answered with %s %v", code, err)
		}
		mails++
	}
	if srv != "" {
		return mails, fmt.Errorf("the server goes on: %q", srv)
	}
	return mails, nil
}

func TestSessionsAreWholeSMTP(t *testing.T) {
	for _, profile := range []string{Main, Small, Conns, OneBig, BigHeader, Rcpts} {
		t.Run(profile, func(t *testing.T) {
			data, st := generate(t, little(t, profile))
			links := decode(t, data, true)
			if int64(len(links)) != st.Sessions {
				t.Errorf("%d connections, Stats say %d", len(links), st.Sessions)
			}
			mails, silent := 0, 0
			for _, l := range links {
				var cli, srv *half
				for from, h := range l.half {
					if h.gaps > 0 {
						t.Fatalf("%d gaps from %v", h.gaps, from)
					}
					if from == l.first {
						cli = h
					} else {
						srv = h
					}
				}
				if len(srv.data) == 0 && profile == Conns {
					silent++
					continue
				}
				if !l.rst && (!cli.fin || !srv.fin) {
					t.Fatal("a connection without its end")
				}
				n, err := talk(string(cli.data), string(srv.data))
				if err != nil {
					t.Fatal(err)
				}
				mails += n
			}
			if mails == 0 {
				t.Error("no mail at all")
			}
			if profile == Conns && silent == 0 {
				t.Error("no SYN without an answer")
			}
		})
	}
}

func TestProfilesHaveWhatTheirNameSays(t *testing.T) {
	t.Run(OneBig, func(t *testing.T) {
		_, st := generate(t, little(t, OneBig))
		if st.Sessions != 1 || st.Bytes < 3_000_000 || st.Bytes > 3_500_000 {
			t.Errorf("%+v", st)
		}
	})
	t.Run(BigHeader, func(t *testing.T) {
		data, _ := generate(t, little(t, BigHeader))
		for _, l := range decode(t, data, true) {
			_, text, _ := strings.Cut(string(l.half[l.first].data), "DATA\r\n")
			head, _, _ := strings.Cut(text, "\r\n\r\n")
			if len(head) < 64<<10 || len(head) > 70<<10 {
				t.Errorf("header of %d octets", len(head))
			}
		}
	})
	t.Run(Rcpts, func(t *testing.T) {
		data, _ := generate(t, little(t, Rcpts))
		for _, l := range decode(t, data, true) {
			if n := strings.Count(string(l.half[l.first].data), "RCPT TO:<"); n != 300 {
				t.Errorf("%d recipients", n)
			}
		}
	})
	t.Run(HalfOpen, func(t *testing.T) {
		data, st := generate(t, little(t, HalfOpen))
		if links := decode(t, data, true); len(links) != 3000 || st.Packets != 3000 {
			t.Errorf("%d connections in %d frames", len(links), st.Packets)
		}
	})
	t.Run(Holes, func(t *testing.T) {
		p := little(t, Holes)
		data, _ := generate(t, p)
		links := decode(t, data, true)
		if len(links) != p.Connections {
			t.Errorf("%d connections", len(links))
		}
		for _, l := range links {
			h := l.half[l.first]
			_, text, _ := strings.Cut(string(h.data), "DATA\r\n")
			if h.gaps != 1 || h.fin || len(text) != p.Bytes+2*(mss-20) {
				t.Errorf("%d gaps, %d octets of mail", h.gaps, len(text))
			}
		}
	})
	t.Run(Faulty, func(t *testing.T) {
		p := little(t, Faulty)
		p.Size = 6_000_000
		p.Loss, p.Late, p.Doubled = 20, 20, 10
		data, st := generate(t, p)
		decode(t, data, false)
		sent := st.Packets + st.Lost - st.Doubled
		for _, f := range []struct {
			name    string
			n, want int64
		}{{"lost", st.Lost, 20}, {"late", st.Late, 20}, {"doubled", st.Doubled, 10}} {
			if got := f.n * 1000 / sent; got < f.want*3/4 || got > f.want*5/4 {
				t.Errorf("%s: %d in 1000, want about %d", f.name, got, f.want)
			}
		}
		// The faults are the tap's: what is said stays the same.
		p.Loss, p.Late, p.Doubled = 0, 0, 0
		if _, clean := generate(t, p); clean.Packets != sent {
			t.Errorf("%d frames sent with faults, %d without", sent, clean.Packets)
		}
	})
	t.Run("concurrency", func(t *testing.T) {
		p := little(t, Main)
		p.Concurrent = 7
		if _, st := generate(t, p); st.Open != 7 || st.Sessions < 8 {
			t.Errorf("%+v", st)
		}
	})
}

// hashes of the little captures: a change of any octet shows, on any machine.
var hashes = map[string]string{
	Main:      "3f68dd44a5e16c3757d8f587",
	Small:     "c07d712663f235765bc4590f",
	Conns:     "4356058e73eefb2f00b76d9c",
	Faulty:    "c119066f5ce4bf9638f9185b",
	HalfOpen:  "d8a69ebd9b5f31ded5298a8c",
	Holes:     "2e7e78607b8ec2c535ec42ba",
	OneBig:    "1da0b4fa02e84b61adb287c8",
	BigHeader: "3bc1a6b925d63a5c68637e65",
	Rcpts:     "509102d208c84943ab2454fa",
}

func TestSameParametersGiveSameBytes(t *testing.T) {
	for _, profile := range Profiles() {
		h := sha256.New()
		if _, err := Generate(h, little(t, profile)); err != nil {
			t.Fatal(err)
		}
		if got := short(h); got != hashes[profile] {
			t.Errorf("%s: %s, pinned is %q", profile, got, hashes[profile])
		}
		p := little(t, profile)
		p.Seed++
		h.Reset()
		if _, err := Generate(h, p); err != nil {
			t.Fatal(err)
		}
		if short(h) == hashes[profile] {
			t.Errorf("%s: another seed gives the same", profile)
		}
	}
}

func short(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:12]) }

func TestErrors(t *testing.T) {
	if _, err := Defaults("mian"); err == nil || !strings.Contains(err.Error(), "mian") {
		t.Errorf("unknown profile: %v", err)
	}
	p := little(t, Main)
	p.Loss = 1001
	if _, err := Generate(io.Discard, p); err == nil {
		t.Error("more faults than frames are accepted")
	}
	full := errors.New("full")
	if _, err := Generate(writerFunc(func([]byte) (int, error) { return 0, full }), little(t, Main)); !errors.Is(err, full) {
		t.Errorf("the writer's error: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestLogNormalIsCentredAndBounded(t *testing.T) {
	var r random
	r.seed(1, 2)
	below := 0
	for range 20_000 {
		v := r.logNormal(10_000, 32, 100, 1<<20)
		if v < 100 || v > 1<<20 {
			t.Fatal(v)
		}
		if v < 10_000 {
			below++
		}
	}
	if below < 9_600 || below > 10_400 {
		t.Errorf("%d of 20000 are below the median", below)
	}
}

func BenchmarkMain(b *testing.B) {
	p, err := Defaults(Main)
	if err != nil {
		b.Fatal(err)
	}
	p.Size = 50_000_000
	for b.Loop() {
		st, err := Generate(io.Discard, p)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(st.Bytes)
	}
}
