package conn

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// recorder is an analyzer that checks what it is given: each side's stream
// consists of what octetAt says, in order, and holes stand where they are.
type recorder struct {
	t    *testing.T
	pos  [2]uint64
	skip bool // numbers were set up anew on the way: positions mean nothing
}

// octetAt is the octet at a relative sequence number of a side.
func octetAt(side int, seq uint64) byte { return byte(seq*31 + uint64(side)*7 + seq>>8) }

func sideOf(isOrig bool) int {
	if isOrig {
		return 1
	}
	return 0
}

func (r *recorder) Name() string { return "SMTP" }
func (r *recorder) DeliverStream(data []byte, isOrig bool) {
	s := sideOf(isOrig)
	for i, b := range data {
		if want := octetAt(s, r.pos[s]+uint64(i)); b != want && !r.skip {
			r.t.Fatalf("side %d: octet %d is %d, want %d", s, r.pos[s]+uint64(i), b, want)
		}
	}
	r.pos[s] += uint64(len(data))
}
func (r *recorder) Undelivered(seq uint64, n int, isOrig bool) {
	s := sideOf(isOrig)
	if seq != r.pos[s] && !r.skip {
		r.t.Fatalf("side %d: a hole at %d, but the stream stands at %d", s, seq, r.pos[s])
	}
	r.pos[s] = seq + uint64(n)
}
func (r *recorder) EndpointEOF(bool)        {}
func (r *recorder) ConnectionFinished(bool) {}
func (r *recorder) ConnectionReset()        {}
func (r *recorder) Done()                   {}

type serialUIDs int

func (u *serialUIDs) NextUID() string { *u++; return "C" + strconv.Itoa(int(*u)) }

// FuzzReassembly sends segments in any order, with any overlap, acks and flags.
// Each operation is six octets: side and flags, offset of the sequence number
// (2), length, offset of the ack (2).
func FuzzReassembly(f *testing.F) {
	f.Add([]byte{0x82, 0, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 1, 0x90, 0, 1, 20, 0, 1, 0x10, 0, 1, 9, 0, 21})
	f.Add([]byte{0x82, 0, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 1, 0x90, 0, 30, 20, 0, 1, 0x10, 0, 1, 9, 0, 90, 0x91, 0, 50, 0, 0, 10})
	f.Add([]byte{0x90, 0, 1, 20, 0, 1, 0x90, 0, 5, 40, 0, 1, 0x94, 0, 60, 3, 0, 1})
	f.Add([]byte{0x82, 0, 0, 5, 0, 0, 0x12, 0, 0, 7, 0, 1, 0x91, 0, 6, 200, 0, 1, 0x11, 0, 8, 100, 0, 250, 0x90, 0, 3, 3, 0, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		ev := event.NewEvents()
		ev.OnError = func(e event.HandlerError) { t.Fatal(e) }
		timers := &timer.Manager{}
		var recorders []*recorder
		opts := DefaultOptions()
		opts.IgnoreChecksums = true
		opts.SMTPPorts = PortSet{{25, event.ProtoTCP}: true}
		uids := new(serialUIDs)
		skip := false
		tb := NewTable(Config{
			Options: opts, Events: ev, Timers: timers, Weirds: weird.NewSampler(ev, timers), UIDs: uids,
			NewSMTP: func(analyzers.Host) analyzers.Analyzer {
				// A later connection begins in the middle of the streams.
				r := &recorder{t: t, pos: [2]uint64{1, 1}, skip: skip || len(recorders) > 0}
				recorders = append(recorders, r)
				return r
			},
		})
		removed := map[string]int{}
		ev.ConnectionStateRemove.Handle("test", 0, func(e *event.ConnEvent) {
			if removed[e.Conn.UID]++; removed[e.Conn.UID] > 1 {
				t.Fatalf("%s is removed twice", e.Conn.UID)
			}
		})
		base := [2]uint32{0xffffff00, 0x7fffff80} // both wrap or change sign
		var started [2]bool
		now := 1e9
		for ; len(ops) >= 6; ops = ops[6:] {
			side := int(ops[0] >> 7)
			fl := flags(ops[0] & 0x3f)
			rel := uint64(binary.BigEndian.Uint16(ops[1:]))
			n := int(ops[3])
			ack := uint32(binary.BigEndian.Uint16(ops[4:]))
			if rel == 0 && !fl.syn() {
				rel = 1
			}
			if fl.syn() && (rel != 0 || started[side]) || !started[side] && !fl.syn() && rel != 1 || fl.rst() || fl.fin() ||
				fl.ack() && !started[1-side] && ack != 1 {
				// What follows may count from elsewhere.
				skip = true
				for _, r := range recorders {
					r.skip = true
				}
			}
			// A bare ack does not always begin a side.
			started[side] = started[side] || fl.syn() || n > 0
			seg := make([]byte, tcpHeaderLen+n)
			ports := [2]uint16{25, 40000}
			binary.BigEndian.PutUint16(seg, ports[side])
			binary.BigEndian.PutUint16(seg[2:], ports[1-side])
			binary.BigEndian.PutUint32(seg[4:], base[side]+uint32(rel))
			binary.BigEndian.PutUint32(seg[8:], base[1-side]+ack)
			seg[12], seg[13] = 5<<4, byte(fl)
			binary.BigEndian.PutUint16(seg[14:], 1000)
			first := rel
			if fl.syn() {
				first++
			}
			for i := range n {
				seg[tcpHeaderLen+i] = octetAt(side, first+uint64(i))
			}
			hosts := [2]netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 25}), netip.AddrFrom4([4]byte{10, 0, 0, 99})}
			now += 0.01
			if fl.urg() {
				now += 7 // let timers run
			}
			ev.Now = now
			timers.Advance(now, 300)
			tb.Deliver(&packet.Packet{Time: now, Proto: event.ProtoTCP, IP: packet.IPHeader{
				Version: 4, Src: hosts[side], Dst: hosts[1-side], HeaderSrc: hosts[side], NextProto: protoTCP,
				HdrLen: 20, TotalLen: 20 + len(seg), Payload: seg,
			}})
			ev.Drain()
		}
		timers.Expire()
		ev.Drain()
		tb.Drain()
		ev.DrainAll()
		if int(*uids) != len(removed) {
			t.Fatalf("%d connections, %d removed", int(*uids), len(removed))
		}
	})
}
