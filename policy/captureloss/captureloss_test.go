package captureloss_test

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

func TestLossIsLoggedAndMuchOfItNoticed(t *testing.T) {
	var now policy.Counters
	r := policytest.Start(t, policytest.Config{
		Policies: []string{"misc/capture-loss"},
		Loaded:   func(c *policy.Context) { c.SetCounters(func() policy.Counters { return now }) },
	})
	step := func(at float64, acks, gaps uint64) {
		now.Acks, now.Gaps = acks, gaps
		r.At(at)
		r.Events.Drain()
	}
	step(10000, 0, 0)  // only begins
	step(10060, 40, 3) // the first: 7.5 %
	step(10960, 60, 8) // 25 %
	step(11860, 60, 8) // nothing
	logs := r.Finish()
	if want := "#fields\tts\tts_delta\tpeer\tgaps\tacks\tpercent_lost\n#types\ttime\tinterval\tstring\tcount\tcount\tdouble\n"; !strings.Contains(logs["capture_loss"], want) {
		t.Errorf("the log is\n%s", logs["capture_loss"])
	}
	var rows []string
	for _, row := range policytest.Rows(logs["capture_loss"]) {
		rows = append(rows, strings.Join(row, " "))
	}
	want := []string{
		"10060.000000 60.000000 zeek 3 40 7.5",
		"10960.000000 900.000000 zeek 5 20 25.0",
		"11860.000000 900.000000 zeek 0 0 0.0",
	}
	// One more is written at the end, when what is scheduled runs.
	if len(rows) != 4 || !slices.Equal(rows[:3], want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	for n, times := range map[string]int{
		"CaptureLoss::Too_Much_Loss\tThe capture loss script detected an estimated loss rate above 25.000%\t": 1,
		"CaptureLoss::Too_Little_Traffic\tOnly observed 0 TCP ACKs and was expecting at least 1.\t":           2,
	} {
		if strings.Count(logs["notice"], n) != times {
			t.Errorf("notice.log lacks %q:\n%s", n, logs["notice"])
		}
	}
}
