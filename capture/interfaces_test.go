package capture

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scripted is a live source that gives batches of packets with the given
// stamps, and is quiet behind them until it is ended with err.
type scripted struct {
	batches [][]float64
	reads   atomic.Int64 // batches given
	end     chan error
	stats   Stats
}

func newScripted(batches ...[]float64) *scripted {
	return &scripted{batches: batches, end: make(chan error, 1)}
}

func (s *scripted) Next(*Frame) error { panic("batches are read") }

func (s *scripted) ReadBatch(b *Batch) error {
	b.Frames = b.Frames[:0]
	if len(s.batches) == 0 {
		select {
		case err := <-s.end:
			s.end <- err
			return err
		case <-time.After(time.Millisecond):
			return ErrTimeout
		}
	}
	for _, t := range s.batches[0] {
		b.Frames = append(b.Frames, Frame{Time: t, CapLen: 1, WireLen: 10})
	}
	s.stats.Link += uint64(len(s.batches[0]))
	s.batches = s.batches[1:]
	s.reads.Add(1)
	return nil
}

func (s *scripted) Stats() Stats { return s.stats }
func (s *scripted) Pos() int64   { return 0 }
func (s *scripted) Size() int64  { return 0 }
func (s *scripted) Close() error { return nil }

func mergeOf(t *testing.T, warn func(string), sources ...*scripted) *merged {
	t.Helper()
	m := &merged{warn: warn}
	for i, s := range sources {
		m.feeders = append(m.feeders, &feeder{name: fmt.Sprint("if", i), src: s})
	}
	m.start()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// stamps reads until nothing more comes.
func stamps(t *testing.T, m Source, n int) []float64 {
	t.Helper()
	var got []float64
	for len(got) < n {
		var f Frame
		err := m.Next(&f)
		if errors.Is(err, ErrTimeout) {
			continue
		}
		if err != nil {
			t.Fatalf("after %d packets: %v", len(got), err)
		}
		got = append(got, f.Time)
		if f.Number != uint64(len(got)) {
			t.Fatalf("packet %d has number %d", len(got), f.Number)
		}
	}
	return got
}

func TestPacketsOfSeveralInterfacesComeInTheOrderOfTheirStamps(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var sources []*scripted
		var all []float64
		for range 1 + rnd.IntN(4) {
			now, s := 0.0, newScripted()
			for range 30 {
				var b []float64
				for range 1 + rnd.IntN(20) {
					now += rnd.Float64()
					b = append(b, now)
				}
				s.batches = append(s.batches, b)
				all = append(all, b...)
			}
			sources = append(sources, s)
		}
		slices.Sort(all)
		m := mergeOf(t, nil, sources...)
		if got := stamps(t, m, len(all)); !slices.Equal(got, all) {
			t.Fatalf("seed %d, %d interfaces: out of order", seed, len(sources))
		}
		var f Frame
		if err := m.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Errorf("then: %v", err)
		}
		if err := m.Close(); err != nil { // now all counters have been looked at
			t.Fatal(err)
		}
		if st := m.Stats(); st.Received != uint64(len(all)) || st.Bytes != 10*uint64(len(all)) || st.Link != uint64(len(all)) {
			t.Errorf("%+v", st)
		}
	}
}

func TestAQuietInterfaceHoldsNobodyUp(t *testing.T) {
	m := mergeOf(t, nil, newScripted(), newScripted([]float64{1}, []float64{2}), newScripted())
	if got := stamps(t, m, 2); !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("%v", got)
	}
}

func TestInterfacesAreReadNoFartherThanBatchesAllow(t *testing.T) {
	many := func() *scripted {
		s := newScripted()
		for i := range 10 * batchesEach {
			s.batches = append(s.batches, []float64{float64(i)})
		}
		return s
	}
	a, b := many(), many()
	m := mergeOf(t, nil, a, b)
	// Each can get on to the end of its batches only if those are given back.
	for n := 0; n < 2*10*batchesEach; n++ {
		for _, s := range []*scripted{a, b} {
			if ahead := int(s.reads.Load()) - n; ahead > batchesEach {
				t.Fatalf("%d batches were read when %d packets were taken", s.reads.Load(), n)
			}
		}
		var f Frame
		for err := ErrTimeout; errors.Is(err, ErrTimeout); {
			err = m.Next(&f)
		}
	}
}

func TestOneInterfaceThatFailsIsToldAndTheOthersGoOn(t *testing.T) {
	var told []string
	a, b := newScripted([]float64{1}), newScripted([]float64{2}, []float64{3})
	a.end <- &Error{File: "if0", Offset: -1, Problem: "is gone"}
	m := mergeOf(t, func(s string) { told = append(told, s) }, a, b)
	if got := stamps(t, m, 3); !slices.Equal(got, []float64{1, 2, 3}) {
		t.Errorf("%v", got)
	}
	for len(told) == 0 {
		var f Frame
		if err := m.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Fatal(err)
		}
	}
	if !slices.Equal(told, []string{"if0: is gone; 1 other interfaces are still read"}) {
		t.Errorf("told %q", told)
	}
	b.end <- &Error{File: "if1", Offset: -1, Problem: "is gone too"}
	for {
		var f Frame
		err := m.Next(&f)
		if errors.Is(err, ErrTimeout) {
			continue
		}
		if err == nil || err.Error() != "if1: is gone too" {
			t.Errorf("%v", err)
		}
		break
	}
}

func TestStoppingGivesWhatWasSeenBefore(t *testing.T) {
	now := float64(time.Now().Unix())
	stop := make(chan struct{})
	m := mergeOf(t, nil, newScripted([]float64{now - 2, now - 1, now + 1000, now + 1001}))
	u := UntilStopped(m, stop)
	if got := stamps(t, u, 1); got[0] != now-2 {
		t.Error(got)
	}
	close(stop)
	var f Frame
	if err := u.Next(&f); err != nil || f.Time != now-1 {
		t.Errorf("%v, %v", f.Time, err)
	}
	for range 2 {
		if err := u.Next(&f); err != io.EOF {
			t.Errorf("then %v", err)
		}
	}
	if st := u.Stats(); st.Received != 2 || st.Bytes != 20 {
		t.Errorf("%+v", st)
	}
	// And one that is quiet ends, too.
	u = UntilStopped(mergeOf(t, nil, newScripted()), stop)
	err := ErrTimeout
	for errors.Is(err, ErrTimeout) {
		err = u.Next(&f)
	}
	if err != io.EOF {
		t.Error(err)
	}
}

// talk sends datagrams from several ports, so that they are several flows.
func talk(t *testing.T, flows, each int) (filter string, sent int) {
	t.Helper()
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { in.Close() })
	port := in.LocalAddr().(*net.UDPAddr).Port
	go func() {
		// Nobody needs them; the socket's buffer may overflow.
		for b := make([]byte, 100); ; {
			if _, _, err := in.ReadFrom(b); err != nil {
				return
			}
		}
	}()
	return fmt.Sprintf("udp and dst port %d", port), flows * each
}

// send sends what talk has announced.
func send(t *testing.T, filter string, flows, each, size int) {
	t.Helper()
	addr := "127.0.0.1:" + filter[strings.LastIndexByte(filter, ' ')+1:]
	for range flows {
		out, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for range each {
			if _, err := out.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		out.Close()
	}
}

// openAll opens interfaces where that is allowed.
func openAll(t *testing.T, ifaces []string, group uint16, opts LiveOptions) Source {
	t.Helper()
	s, err := OpenInterfaces(ifaces, group, opts)
	if err != nil {
		if strings.Contains(strings.ToLower(err.Error()), "permi") {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSocketsOfOneGroupShareAnInterface(t *testing.T) {
	filter, sent := talk(t, 20, 50)
	const af = "af_packet::lo"
	s := openAll(t, []string{af, af, af}, 4711, LiveOptions{BufferMB: 4, Filter: filter})
	send(t, filter, 20, 50, 10)
	stamps(t, s, sent)
	nothingMore(t, s)
	with := 0
	for _, f := range s.(*merged).feeders {
		f.mu.Lock()
		if f.seen.Received > 0 {
			with++
		}
		f.mu.Unlock()
	}
	if with < 2 {
		t.Errorf("%d of 3 sockets got packets of 20 flows", with)
	}
	if _, err := OpenInterfaces([]string{af, af}, 0, LiveOptions{BufferMB: 4}); err == nil || !strings.Contains(err.Error(), "AF_Packet::enable_fanout") {
		t.Errorf("%v", err)
	}
}

// Who has more workers gets more sockets, and each is looked at by who reads it.
func TestWorkersShareAnInterfaceAndLookAhead(t *testing.T) {
	filter, sent := talk(t, 20, 50)
	for workers, sockets := range map[int]int{2: 1, 4: 3} {
		number := func(b *Batch) { // what it finds lives in the batch
			notes, ok := b.Notes.(*[]uint64)
			if !ok {
				notes = new([]uint64)
				b.Notes = notes
			}
			*notes = slices.Grow((*notes)[:0], len(b.Frames))[:len(b.Frames)]
			for i := range b.Frames {
				(*notes)[i] = uint64(b.Frames[i].CapLen) + b.Frames[i].Number<<32
				b.Frames[i].Ahead = &(*notes)[i]
			}
		}
		s := openAll(t, []string{"af_packet::lo"}, 4713, LiveOptions{BufferMB: 4, Filter: filter, Workers: workers, Ahead: number})
		if n := len(s.(*merged).feeders); n != sockets {
			t.Fatalf("%d sockets for %d workers", n, workers)
		}
		send(t, filter, 20, 50, 10)
		numbers := map[*feeder]uint64{}
		for n := 0; n < sent; {
			var f Frame
			if err := s.Next(&f); errors.Is(err, ErrTimeout) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			n++
			from := s.(*merged).used
			numbers[from]++ // of its socket, where it was looked at
			if got, ok := f.Ahead.(*uint64); !ok || *got != uint64(f.CapLen)+numbers[from]<<32 {
				t.Fatalf("packet %d: %v, not what was found of it", n, f.Ahead)
			}
		}
		nothingMore(t, s)
		s.Close()
	}
}

func TestAnInterfaceIsSharedByAsManySocketsAsThereAreWorkersFor(t *testing.T) {
	a, b, lib := "af_packet::a", "af_packet::b", "a"
	for _, c := range []struct {
		ifaces  []string
		workers int
		want    []string
	}{
		{[]string{a}, 1, []string{a}},
		{[]string{a}, 2, []string{a}},
		{[]string{a}, 3, []string{a, a}},
		{[]string{a}, 9, []string{a, a, a, a, a, a, a, a}},
		{[]string{a, b}, 4, []string{a, b}},
		{[]string{a, b}, 5, []string{a, a, b, b}},
		{[]string{lib}, 5, []string{lib}},                // libpcap can't share
		{[]string{a, a}, 9, []string{a, a}},              // that many were asked for
		{[]string{lib, b}, 5, []string{lib, b, b}},       // the other can
		{[]string{a, b, lib}, 6, []string{a, b, lib}},    // not enough for two each
		{[]string{a, a, b}, 7, []string{a, a, b, b}},     // both
		{[]string{lib, "any"}, 99, []string{lib, "any"}}, // neither
	} {
		if got := shareOut(c.ifaces, c.workers-1); !slices.Equal(got, c.want) {
			t.Errorf("%q, %d workers: %q", c.ifaces, c.workers, got)
		}
	}
}

// The kernel gives a group to one interface only; 0 is none.
func TestEachInterfaceHasAGroupOfItsOwn(t *testing.T) {
	var ids []uint16
	for n := range 3 {
		ids = append(ids, nthGroup(0xfffe, n))
	}
	if !slices.Equal(ids, []uint16{0xfffe, 0xffff, 1}) {
		t.Error(ids)
	}
}

func TestDifferentKindsOfCaptureGoTogether(t *testing.T) {
	if !HaveLibpcap {
		t.Skip("a build without libpcap")
	}
	filter, sent := talk(t, 2, 20)
	s := openAll(t, []string{"af_packet::lo", "lo", "any"}, 0, LiveOptions{BufferMB: 4, Filter: filter})
	send(t, filter, 2, 20, 10)
	stamps(t, s, 3*sent)
	nothingMore(t, s)
}

func nothingMore(t *testing.T, s Source) {
	t.Helper()
	var f Frame
	for range 10 {
		if err := s.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Fatalf("a packet more: %v", err)
		}
	}
}

func TestWhatTheKernelDroppedAndWhatWasReadIsWhatWasSent(t *testing.T) {
	filter, sent := talk(t, 10, 2000)
	for _, ifaces := range [][]string{{"af_packet::lo"}, {"af_packet::lo", "af_packet::lo"}} {
		s := openAll(t, ifaces, 4712, LiveOptions{BufferMB: 4, Filter: filter})
		// Much more than the rings and the batches hold, and nobody reads.
		send(t, filter, 10, 2000, 1400)
		var f Frame
		n := 0
		for quiet := 0; quiet < 10; {
			if err := s.Next(&f); err == nil {
				n++
				quiet = 0
			} else if quiet++; !errors.Is(err, ErrTimeout) {
				t.Fatal(err)
			}
		}
		s.Close()
		st := s.Stats()
		if st.Dropped == 0 || st.Received != uint64(n) || st.Received+st.Dropped != uint64(sent) || st.Link != uint64(sent) {
			t.Errorf("%v: sent %d, read %d, %+v", ifaces, sent, n, st)
		}
	}
}
