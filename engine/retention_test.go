package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/internal/mailgen"
)

// measured tells how much is alive when a number of frames was read.
type measured struct {
	capture.Source
	frames int
	at     map[int]uint64
}

func (m *measured) Next(f *capture.Frame) error {
	if _, ok := m.at[m.frames]; ok {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.at[m.frames] = s.HeapAlloc
	}
	m.frames++
	return m.Source.Next(f)
}

// Records share blocks of memory, and some point to others: nothing may keep
// connections that are long gone as long as there is always another one.
func TestWhatHasEndedIsNotKept(t *testing.T) {
	params, err := mailgen.Defaults(mailgen.Small)
	if err != nil {
		t.Fatal(err)
	}
	params.Size, params.Concurrent = 24<<20, 40
	path := filepath.Join(t.TempDir(), "mail.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := mailgen.Generate(f, params)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	// What ends is gone soon, as after hours of traffic.
	e, err := engine.New(engine.Config{Dir: t.TempDir(), Workers: 1, Settings: []string{
		"tcp_close_delay=10msec", "tcp_session_timer=10msec", "tcp_reset_delay=10msec", "tcp_attempt_delay=10msec",
		"tcp_partial_close_delay=10msec", "tcp_SYN_timeout=10msec", "tcp_inactivity_timeout=1sec",
		"udp_inactivity_timeout=1sec", "default_file_timeout_interval=1sec",
	}})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	early, late := int(stats.Packets)/8, int(stats.Packets)-1
	m := &measured{Source: src, at: map[int]uint64{early: 0, late: 0}}
	if _, err := e.Run(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sessions; alive after %d frames: %d octets, after %d: %d", stats.Sessions, early, m.at[early], late, m.at[late])
	if m.at[late] > m.at[early]+2<<20 {
		t.Errorf("%d octets were alive after %d frames, %d after %d", m.at[early], early, m.at[late], late)
	}
}
