package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy/policytest"
)

func TestTheFilterIsBuiltFromTheOptions(t *testing.T) {
	for _, c := range []struct {
		flag     string
		settings []string
		want     string
	}{
		{"", nil, "ip or not ip"},
		{"", []string{"restrict_filters+={[\"a\"]=\"not host 10.0.0.1\"}"}, "(ip or not ip) and (not host 10.0.0.1)"},
		{"", []string{"PacketFilter::default_capture_filter=ip6"}, "ip6"},
		{"", []string{"PacketFilter::enable_auto_protocol_capture_filters=T"}, "(tcp and port 25) or (tcp and port 587)"},
		{"", []string{"PacketFilter::enable_auto_protocol_capture_filters=T", "PacketFilter::restricted_filter=vlan"}, "(vlan) and ((tcp and port 25) or (tcp and port 587))"},
		{"", []string{"cmd_line_bpf_filter=port 25", "PacketFilter::restricted_filter=vlan"}, "port 25"},
		{"udp", []string{"cmd_line_bpf_filter=port 25"}, "udp"},
	} {
		e, err := engine.New(engine.Config{Settings: c.settings, Filter: c.flag, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Filter(); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.flag, c.settings, got, c.want)
		}
	}
}

func TestAPartOfTheFilterThatIsWrongIsNamed(t *testing.T) {
	e, err := engine.New(engine.Config{Settings: []string{`capture_filters+={["mail"]="tcp prot 25"}`}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = capture.OpenFiles(capture.Options{Filter: e.Filter()}, capturesOf(t, "dialog-pipe-quit"))
	if err = e.ExplainFilter(err); err == nil || !strings.HasPrefix(err.Error(), `capture_filters["mail"]: can't compile the packet filter "tcp prot 25": `) {
		t.Errorf("%v", err)
	}
}

// still is a live source on which nothing happens until it is stopped.
type still struct {
	capture.Source
	waits func()
}

func (s still) Next(*capture.Frame) error {
	s.waits()
	return capture.ErrTimeout
}
func (s still) Stats() capture.Stats { return capture.Stats{} }

// A live run writes its logs within a second by the clock, though no packet
// comes; it rotates what a killed one has left, and says which filter it has.
func TestALiveRunLooksAfterItsLogs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"smtp.log": "#fields\tx\nwhole\nhal", ".shadow.smtp.log": ".log\n\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var warned []string
	e, err := engine.New(engine.Config{
		Dir: dir, Live: true, Filter: "port 25", Warn: func(s string) { warned = append(warned, s) },
		Settings: []string{"Log::default_rotation_interval=1hr"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	written := ""
	src := still{waits: func() {
		time.Sleep(time.Millisecond) // as a source waits for packets
		if b, _ := os.ReadFile(filepath.Join(dir, "packet_filter.log")); len(b) > 0 {
			written = string(b)
			stop()
		}
	}}
	if _, err := e.Run(ctx, src); err != nil {
		t.Fatal(err)
	}
	if r := policytest.Rows(written); len(r) != 1 || r[0][2] != "port 25" {
		t.Errorf("packet_filter.log: %q", written)
	}
	left, err := filepath.Glob(filepath.Join(dir, "smtp.2*.log"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%q, %v", left, err)
	}
	if b, err := os.ReadFile(left[0]); err != nil || string(b) != "#fields\tx\nwhole\n" {
		t.Errorf("%q, %v", b, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "3 octets were cut off") {
		t.Errorf("warned %q", warned)
	}
}
