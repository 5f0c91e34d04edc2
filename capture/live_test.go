package capture

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// listen opens a live source on the loopback interface, where that is allowed.
func listen(t *testing.T, iface string, opts LiveOptions) Source {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("loopback is called otherwise here")
	}
	s, err := OpenLive(iface, opts)
	if err != nil {
		if strings.Contains(strings.ToLower(err.Error()), "permi") {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	return s
}

// say sends UDP datagrams to a port of this machine.
func say(t *testing.T, texts ...string) (port int) {
	t.Helper()
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer in.Close()
	out, err := net.Dial("udp", in.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, s := range texts {
		if _, err := out.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	return in.LocalAddr().(*net.UDPAddr).Port
}

func liveSources(t *testing.T, run func(t *testing.T, iface string)) {
	names := []string{"af_packet::lo"}
	if HaveLibpcap {
		names = append(names, "lo")
	}
	for _, n := range names {
		t.Run(n, func(t *testing.T) { run(t, n) })
	}
}

func TestLiveSeesEachPacketOnce(t *testing.T) {
	liveSources(t, func(t *testing.T, iface string) {
		const mark = "gzeek-live-test-"
		s := listen(t, iface, LiveOptions{BufferMB: 4, Filter: "udp and host 127.0.0.1"})
		defer s.Close()
		before := time.Now().Add(-time.Second)
		say(t, mark+"1", mark+"2", mark+"3")
		var got []string
		deadline := time.Now().Add(5 * time.Second)
		batch := false
		take := func(f Frame) {
			if i := strings.Index(string(f.Data), mark); i >= 0 {
				got = append(got, string(f.Data[i:]))
				if f.LinkType != Ethernet || f.WireLen != uint32(14+20+8+len(mark)+1) || f.CapLen != f.WireLen {
					t.Errorf("%+v", f)
				}
				if f.Time < float64(before.Unix()) || f.Time > float64(time.Now().Unix()+2) {
					t.Errorf("time %f", f.Time)
				}
			}
		}
		for len(got) < 3 && time.Now().Before(deadline) {
			var f Frame
			var b Batch
			var err error
			if batch {
				err = s.ReadBatch(&b)
			} else if err = s.Next(&f); err == nil {
				b.Frames = []Frame{f}
			}
			batch = true
			if errors.Is(err, ErrTimeout) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range b.Frames {
				take(f)
			}
		}
		for i := 0; i < 3; i++ { // nothing more comes
			var f Frame
			if s.Next(&f) == nil {
				take(f)
			}
		}
		if strings.Join(got, " ") != mark+"1 "+mark+"2 "+mark+"3" {
			t.Errorf("saw %q", got)
		}
		if st := s.Stats(); st.Received < 3 || st.Link < 3 || st.Dropped != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestLiveFilterAndSnaplen(t *testing.T) {
	liveSources(t, func(t *testing.T, iface string) {
		s := listen(t, iface, LiveOptions{BufferMB: 4, Snaplen: 50, Filter: "udp and greater 900 and less 1100 and src host 127.0.0.1"})
		defer s.Close()
		say(t, "short", strings.Repeat("x", 1000))
		deadline := time.Now().Add(5 * time.Second)
		for time.Now().Before(deadline) {
			var f Frame
			err := s.Next(&f)
			if errors.Is(err, ErrTimeout) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.WireLen != 1042 || f.CapLen != 50 || len(f.Data) != 50 {
				t.Errorf("%+v", f)
			}
			return
		}
		t.Error("nothing came")
	})
}

func TestLiveTimesOut(t *testing.T) {
	liveSources(t, func(t *testing.T, iface string) {
		s := listen(t, iface, LiveOptions{BufferMB: 4, Filter: "tcp port 1 and udp port 1 or ether proto 0x1234", Timeout: 10 * time.Millisecond})
		// Without a timeout this would wait until the test's own limit.
		var f Frame
		if err := s.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Errorf("%v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Next(&f); err == nil || errors.Is(err, ErrTimeout) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestLiveErrors(t *testing.T) {
	for iface, want := range map[string]string{
		"af_packet::nosuch0": `af_packet::nosuch0: can't listen`,
		"nosuch0":            `nosuch0: can't listen`,
	} {
		_, err := OpenLive(iface, LiveOptions{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", iface, err)
		}
	}
	if _, err := OpenLive("eth0", LiveOptions{}); !HaveLibpcap && !strings.Contains(err.Error(), "apt-get install libpcap-dev") {
		t.Errorf("the error doesn't tell the way out: %v", err)
	}
}

func TestLiveBadFilter(t *testing.T) {
	liveSources(t, func(t *testing.T, iface string) {
		_, err := OpenLive(iface, LiveOptions{Filter: "tcp port", BufferMB: 4})
		var fe *FilterError
		if err != nil && strings.Contains(strings.ToLower(err.Error()), "permi") {
			t.Skip(err)
		}
		if !errors.As(err, &fe) {
			t.Errorf("%v", err)
		}
	})
}
