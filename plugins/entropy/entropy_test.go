package entropy

import (
	"math"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/engine/enginetest"
)

func TestLogs(t *testing.T) {
	enginetest.Run{
		Captures: []string{"../../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"},
		Policies: []string{"frameworks/files/entropy-test-all-files"},
	}.Compare(t, "testdata", "files")
}

// Without the policy the analyzer is there, and nothing changes.
func TestTheAnalyzerAloneChangesNothing(t *testing.T) {
	capture := []string{"../../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"}
	res, err := enginetest.Run{Captures: capture}.Do()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := enginetest.Run{Captures: capture, Settings: []string{"Analyzer::disabled_analyzers+={Files::ANALYZER_ENTROPY}"},
		Policies: []string{"frameworks/files/entropy-test-all-files"}}.Do()
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"fuid", "analyzers"} {
		if a, b := enginetest.Columns(res.Logs["files"], log), enginetest.Columns(bare.Logs["files"], log); a != b || a == "" {
			t.Errorf("%s: %q and %q", log, a, b)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// What is wanted was calculated by another program, from the definitions.
func TestResults(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		name string
		data []byte
		want Result
	}{
		{"one byte", []byte{7}, Result{Entropy: 0, ChiSquare: 255, Mean: 7, SerialCorrelation: -100000}},
		{"equal bytes", slices.Repeat([]byte{0}, 600), Result{Entropy: 0, ChiSquare: 153000, Mean: 0, MonteCarloPi: 4, SerialCorrelation: -100000}},
		{"two values", slices.Repeat([]byte{0, 255}, 300), Result{Entropy: 1, ChiSquare: 76200, Mean: 127.5, MonteCarloPi: 4, SerialCorrelation: -1}},
		{"each value once", all, Result{Entropy: 8, ChiSquare: 0, Mean: 127.5, MonteCarloPi: 4 * 30. / 42, SerialCorrelation: 0.9766536964980544}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var x test
			// In pieces, as files come.
			for i := 0; i < len(c.data); i += 5 {
				x.add(c.data[i:min(i+5, len(c.data))])
			}
			r := x.result()
			if !near(r.Entropy, c.want.Entropy) || !near(r.ChiSquare, c.want.ChiSquare) || !near(r.Mean, c.want.Mean) ||
				!near(r.MonteCarloPi, c.want.MonteCarloPi) || math.Abs(r.SerialCorrelation-c.want.SerialCorrelation) > 1e-6 {
				t.Errorf("got  %+v\nwant %+v", r, c.want)
			}
		})
	}
}
