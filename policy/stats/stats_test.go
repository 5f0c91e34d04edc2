package stats_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"

	_ "github.com/gzeek/gzeek/notice"
	_ "github.com/gzeek/gzeek/policy/files"
	_ "github.com/gzeek/gzeek/policy/site"
	_ "github.com/gzeek/gzeek/policy/weird"
)

func TestStatsAreThoseSinceTheLastRecord(t *testing.T) {
	for _, live := range []bool{false, true} {
		var now policy.Counters
		r := policytest.Start(t, policytest.Config{
			Policies: []string{"misc/stats"}, Options: []string{"Stats::report_interval=100sec"}, Live: live,
			Loaded: func(c *policy.Context) { c.SetCounters(func() policy.Counters { return now }) },
		})
		r.At(1000)
		r.Events.Drain()
		now = policy.Counters{
			Packets: 10, Bytes: 1000, Link: 13, Dropped: 3, Memory: 5<<20 + 1,
			TCP: policy.Tally{Now: 2, Total: 7}, UDP: policy.Tally{Now: 1, Total: 1}, Timers: policy.Tally{Now: 9, Total: 90},
			Files: policy.Tally{Total: 4}, EventsQueued: 21, EventsDispatched: 20, ReassemTCP: 17, ReassemFragments: 18, ReassemUnknown: 19,
		}
		r.At(1100)
		r.Events.Drain()
		now.Packets, now.TCP, now.EventsDispatched, now.Dropped = 15, policy.Tally{Now: 1, Total: 8}, 30, 4
		logs := r.Finish() // what is scheduled still runs
		header := "#fields\tts\tpeer\tmem\tpkts_proc\tbytes_recv\tpkts_dropped\tpkts_link\tpkt_lag\tpkts_filtered\tevents_proc\tevents_queued" +
			"\tactive_tcp_conns\tactive_udp_conns\tactive_icmp_conns\ttcp_conns\tudp_conns\ticmp_conns\ttimers\tactive_timers\tfiles\tactive_files" +
			"\tdns_requests\tactive_dns_requests\treassem_tcp_size\treassem_file_size\treassem_frag_size\treassem_unknown_size\n"
		types := "#types\ttime\tstring\tcount\tcount\tcount\tcount\tcount\tinterval" + strings.Repeat("\tcount", 19) + "\n"
		if !strings.Contains(logs["stats"], header+types) {
			t.Errorf("the log begins\n%.900s", logs["stats"])
		}
		kernel := []string{"-\t-\t-", "-\t-\t-", "-\t-\t-"}
		if live {
			kernel = []string{"0\t0\t0.000000", "3\t13\t0.000000", "1\t0\t0.000000"}
		}
		want := []string{
			"1000.000000\tzeek\t0\t0\t0\t" + kernel[0] + "\t-\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0",
			"1100.000000\tzeek\t5\t10\t1000\t" + kernel[1] + "\t-\t20\t21\t2\t1\t0\t7\t1\t0\t90\t9\t4\t0\t0\t0\t17\t0\t18\t19",
			"1100.000000\tzeek\t5\t5\t0\t" + kernel[2] + "\t-\t10\t0\t1\t1\t0\t1\t0\t0\t0\t9\t0\t0\t0\t0\t17\t0\t18\t19",
		}
		var got []string
		for _, row := range policytest.Rows(logs["stats"]) {
			got = append(got, strings.Join(row, "\t"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("live %v:\n got %q\nwant %q", live, got, want)
		}
	}
}
