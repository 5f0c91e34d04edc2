package conn

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
)

// wire sends segments to a table.
type wire struct {
	tb   *Table
	ev   *event.Events
	now  float64
	over []string // ports of connections that ended, with their weirds
	vlan uint16
}

func newWire(t *testing.T) *wire {
	t.Helper()
	ev, timers := event.NewEvents(), &timer.Manager{}
	ev.OnError = func(e event.HandlerError) { t.Fatal(e) }
	opts := DefaultOptions()
	opts.IgnoreChecksums = true
	opts.SMTPPorts = PortSet{{25, event.ProtoTCP}: true}
	w := &wire{ev: ev, now: 1e9}
	w.tb = NewTable(Config{
		Options: opts, Events: ev, Timers: timers, Weirds: weird.NewSampler(ev, timers), UIDs: new(serialUIDs),
		NewSMTP: func(analyzers.Host) analyzers.Analyzer { return &recorder{t: t, skip: true} },
	})
	ev.ConnWeird.Handle("test", 0, func(e *event.Weird) {
		w.over = append(w.over, fmt.Sprintf("%d %s %s", e.Conn.ID.OrigP, e.Name, e.Addl))
	})
	ev.ConnectionStateRemove.Handle("test", 0, func(e *event.ConnEvent) {
		w.over = append(w.over, fmt.Sprintf("%d removed", e.Conn.ID.OrigP))
	})
	return w
}

// segment goes from the client's port to the server, or back.
func (w *wire) segment(port uint16, fromClient bool, f flags, seq, ack uint32, data int) {
	w.now++
	w.ev.Now = w.now
	seg := make([]byte, tcpHeaderLen+data)
	src, dst := netip.AddrFrom4([4]byte{10, 0, 0, 99}), netip.AddrFrom4([4]byte{10, 0, 0, 25})
	sp, dp := port, uint16(25)
	if !fromClient {
		src, dst, sp, dp = dst, src, dp, sp
	}
	binary.BigEndian.PutUint16(seg, sp)
	binary.BigEndian.PutUint16(seg[2:], dp)
	binary.BigEndian.PutUint32(seg[4:], seq)
	binary.BigEndian.PutUint32(seg[8:], ack)
	seg[12], seg[13] = 5<<4, byte(f)
	w.tb.Deliver(&packet.Packet{Time: w.now, VLAN: w.vlan, Proto: event.ProtoTCP, IP: packet.IPHeader{
		Version: 4, Src: src, Dst: dst, HeaderSrc: src, NextProto: protoTCP,
		HdrLen: 20, TotalLen: 20 + len(seg), Payload: seg,
	}})
	w.ev.Drain()
}

// open does the handshake; each side's data begins at 1001.
func (w *wire) open(port uint16) {
	w.segment(port, true, 0x02, 1000, 0, 0)
	w.segment(port, false, 0x12, 1000, 1001, 0)
	w.segment(port, true, 0x10, 1001, 1001, 0)
}

func TestConnectionsThatHoldTheMostAreGivenUpFirstThenThoseIdleTheLongest(t *testing.T) {
	w := newWire(t)
	for _, port := range []uint16{1, 2, 3, 4, 5} {
		w.open(port)
	}
	w.segment(2, true, 0x10, 2001, 1001, 3000) // above a hole of 1000
	w.segment(4, false, 0x10, 2001, 1001, 7000)
	w.segment(1, true, 0x10, 1001, 1001, 0) // no longer idle
	if h := w.tb.Holding(); h.Streams != 10000 {
		t.Errorf("holding %+v", h)
	}
	if done := w.tb.GiveUp(0); done != (GivenUp{}) || w.tb.Len() != 5 {
		t.Errorf("gave up %+v though nothing was asked for", done)
	}
	done := w.tb.GiveUp(7000)
	if done.Connections != 1 || done.Held != 7000 || w.tb.Len() != 4 {
		t.Errorf("gave up %+v", done)
	}
	done = w.tb.GiveUp(1 << 40)
	if done.Connections != 4 || done.Held != 3000 || w.tb.Len() != 0 || w.tb.Holding() != (Holding{}) {
		t.Errorf("gave up %+v", done)
	}
	var want []string
	for _, x := range []struct {
		port, held int
	}{{4, 7000}, {2, 3000}, {3, 0}, {5, 0}, {1, 0}} {
		want = append(want, fmt.Sprintf("%d connection_given_up %d octets held", x.port, x.held), fmt.Sprintf("%d removed", x.port))
	}
	if !slices.Equal(w.over, want) {
		t.Errorf("what happened:\n%q, not\n%q", w.over, want)
	}
	if st := w.tb.Stats(); st.TCP != (Tally{0, 5}) {
		t.Errorf("%+v", st)
	}
	// What still comes begins anew.
	w.segment(4, false, 0x10, 9001, 1001, 10)
	if w.tb.Len() != 1 {
		t.Error("no new connection")
	}
}

func TestAcksOfWhatWasNeverSeenAreGaps(t *testing.T) {
	for name, c := range map[string]struct {
		send       func(w *wire)
		acks, gaps uint64
	}{
		"all there": {func(w *wire) {
			w.segment(1, true, 0x10, 1001, 1001, 100)
			w.segment(1, false, 0x10, 1001, 1101, 0)
			w.segment(1, true, 0x10, 1101, 1001, 50)
			w.segment(1, false, 0x10, 1001, 1151, 0)
			w.segment(1, false, 0x10, 1001, 1151, 0) // again
		}, 2, 0},
		"all missing": {func(w *wire) { w.segment(1, false, 0x10, 1001, 1101, 0) }, 1, 1},
		"a hole at the beginning": {func(w *wire) {
			w.segment(1, true, 0x10, 1051, 1001, 50)
			w.segment(1, false, 0x10, 1001, 1101, 0)
		}, 1, 1},
		"a hole in the middle": {func(w *wire) {
			w.segment(1, true, 0x10, 1001, 1001, 50)
			w.segment(1, true, 0x10, 1061, 1001, 40)
			w.segment(1, false, 0x10, 1001, 1101, 0)
		}, 1, 1},
		"the end is missing": {func(w *wire) {
			w.segment(1, true, 0x10, 1001, 1001, 50)
			w.segment(1, false, 0x10, 1001, 1101, 0)
		}, 1, 1},
		"one octet at the end is forgiven": {func(w *wire) {
			w.segment(1, true, 0x10, 1001, 1001, 50)
			w.segment(1, false, 0x10, 1001, 1052, 0)
		}, 1, 0},
		"below a hole": {func(w *wire) {
			w.segment(1, true, 0x10, 1001, 1001, 50)
			w.segment(1, true, 0x10, 1061, 1001, 40)
			w.segment(1, false, 0x10, 1001, 1051, 0)
		}, 1, 0},
		"one side has closed": {func(w *wire) {
			w.segment(1, true, 0x11, 1001, 1001, 0)
			w.segment(1, true, 0x10, 1001, 1101, 0)
		}, 0, 0},
	} {
		w := newWire(t)
		w.open(1)
		before := w.tb.Stats()
		c.send(w)
		if st := w.tb.Stats(); st.Acks-before.Acks != c.acks || st.Gaps-before.Gaps != c.gaps {
			t.Errorf("%s: %d acks, %d gaps, want %d, %d", name, st.Acks-before.Acks, st.Gaps-before.Gaps, c.acks, c.gaps)
		}
	}
}
