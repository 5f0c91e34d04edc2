package packetfilter_test

import (
	"strings"
	"testing"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"

	_ "github.com/gzeek/gzeek/notice"
	_ "github.com/gzeek/gzeek/policy/files"
	_ "github.com/gzeek/gzeek/policy/packetfilter"
	_ "github.com/gzeek/gzeek/policy/site"
	_ "github.com/gzeek/gzeek/policy/weird"
)

func TestTheFilterAndDropsOfTheKernelAreLogged(t *testing.T) {
	var now policy.Counters
	r := policytest.Start(t, policytest.Config{
		Policies: []string{"base/frameworks/packet-filter"}, Live: true,
		Loaded: func(c *policy.Context) {
			c.SetFilter("tcp port 25")
			c.SetCounters(func() policy.Counters { return now })
		},
	})
	step := func(at float64, packets, dropped, link uint64) {
		now.Packets, now.Dropped, now.Link = packets, dropped, link
		r.At(at)
		r.Events.Drain()
	}
	step(10000, 1, 0, 1)
	step(10300, 100, 0, 100)
	step(10600, 150, 7, 157)
	step(10900, 151, 9, 157)
	logs := r.Finish()
	if want := "#fields\tts\tnode\tfilter\tinit\tsuccess\tfailure_reason\n#types\ttime\tstring\tstring\tbool\tbool\tstring\n"; !strings.Contains(logs["packet_filter"], want) {
		t.Errorf("the log is\n%s", logs["packet_filter"])
	}
	rows := policytest.Rows(logs["packet_filter"])
	if len(rows) != 1 || strings.Join(rows[0][1:], "\t") != "zeek\ttcp port 25\tT\tT\t-" || len(rows[0][0]) != len("1790000000.000000") {
		t.Errorf("rows %q", rows)
	}
	for _, n := range []string{
		"PacketFilter::Dropped_Packets\t7 packets dropped after filtering, 57 received, 57 on link\t",
		"PacketFilter::Dropped_Packets\t2 packets dropped after filtering, 3 received\t",
	} {
		if strings.Count(logs["notice"], n) != 1 {
			t.Errorf("notice.log lacks %q:\n%s", n, logs["notice"])
		}
	}
}
