package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

// NetVar.cc, init_net_var: counts that Zeek keeps as int.
func TestLargeCountsAreNarrowedAsInZeek(t *testing.T) {
	for _, x := range []struct {
		option string
		at     func(*settings) any
		want   map[string]string
	}{
		{"mime_segment_length", func(s *settings) any { return s.smtp.MIME.SegmentLength },
			map[string]string{"0": "0", "2147483647": "2147483647", "2147483648": "-2147483648", "4294967312": "16"}},
		{"mime_segment_overlap_length", func(s *settings) any { return s.smtp.MIME.SegmentOverlapLength },
			map[string]string{"7": "7", "4294967295": "-1"}},
		{"dpd_buffer_size", func(s *settings) any { return s.conn.DPDBufferSize },
			map[string]string{"0": "0", "1024": "1024", "2147483648": "0", "4294967295": "0", "4294967297": "1"}},
		{"dpd_max_packets", func(s *settings) any { return s.conn.DPDMaxPackets },
			map[string]string{"1": "1", "18446744073709551615": "0"}},
		{"tcp_storm_thresh", func(s *settings) any { return s.conn.TCPStormThresh },
			map[string]string{"1000": "1000", "4294967295": "0"}},
		{"tcp_max_initial_window", func(s *settings) any { return s.conn.TCPMaxInitialWindow },
			map[string]string{"0": "0", "4294967296": "0", "4294967295": "18446744073709551615"}},
		{"tcp_max_above_hole_without_any_acks", func(s *settings) any { return s.conn.TCPMaxAboveHole },
			map[string]string{"1": "1", "2147483648": "18446744071562067968"}},
		{"tcp_excessive_data_without_further_acks", func(s *settings) any { return s.conn.TCPExcessiveData },
			map[string]string{"4294967297": "1"}},
	} {
		for value, want := range x.want {
			r := redef.New(seed.New([seed.Count]uint32{}))
			o := declareOptions(r, nil)
			if err := r.Apply(nil, x.option+"="+value); err != nil {
				t.Fatal(err)
			}
			s := o.values()
			if got := fmt.Sprint(x.at(&s)); got != want {
				t.Errorf("%s=%s: %s, want %s", x.option, value, got, want)
			}
		}
	}
}

// Values with which Zeek writes no logs, or replaces each by the next.
func TestOptionsThatZeekTakesToNoGoodAreRefused(t *testing.T) {
	for _, bad := range []string{"LogAscii::gzip_level=10", "Log::default_rotation_interval=-1sec"} {
		r := redef.New(seed.New([seed.Count]uint32{}))
		declareOptions(r, nil)
		name, _, _ := strings.Cut(bad, "=")
		if err := r.Apply(nil, bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
