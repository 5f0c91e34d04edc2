package smtp

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
)

var update = flag.Bool("update", false, "rewrite the events in testdata; only commit what you can explain")

func sessionFiles(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no sessions in testdata")
	}
	return files
}

// TestSessions plays what testdata holds: sessions of the reference cases with
// the events that Zeek raised, and small ones that show one behaviour each.
func TestSessions(t *testing.T) {
	for _, path := range sessionFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s := readSession(t, path)
			got := run(s.steps, nil).told()
			if *update {
				s.want = got
				s.write(t, path)
				return
			}
			compare(t, got, s.want)
		})
	}
}

// TestCuttingDoesNotMatter: what is raised depends on the octets, not on the
// packets they came in. Chunks of BDAT are the exception, as in Zeek: a CR at
// the end of a packet counts there.
func TestCuttingDoesNotMatter(t *testing.T) {
	for _, path := range sessionFiles(t) {
		s := readSession(t, path)
		whole := joinSteps(s.steps)
		if strings.Contains(strings.ToUpper(octets(whole)), "BDAT") {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			want := runAlone(whole)
			rng := rand.New(rand.NewPCG(1, 2))
			for _, most := range []int{1, 2, 3, 7, 80, 1500} {
				compare(t, runAlone(cutSteps(whole, func() int { return 1 + rng.IntN(most) })), want)
			}
		})
	}
}

// runAlone plays without the policy that disables the analyzer, since that acts
// after each packet.
func runAlone(steps []step) []string {
	ev := event.NewEvents()
	r := newReplay(ev, nil)
	r.recorder = newRecorder(ev)
	for _, st := range steps {
		r.play(st)
		ev.DrainAll()
	}
	return r.told()
}

// joinSteps joins the octets of one side as long as nothing else happens.
func joinSteps(steps []step) []step {
	var out []step
	for _, st := range steps {
		if n := len(out); n > 0 && st.op == "data" && out[n-1].op == "data" && out[n-1].isOrig == st.isOrig {
			out[n-1].data = append(out[n-1].data[:len(out[n-1].data):len(out[n-1].data)], st.data...)
			continue
		}
		out = append(out, st)
	}
	return out
}

func cutSteps(steps []step, size func() int) []step {
	var out []step
	for _, st := range steps {
		for st.op == "data" && len(st.data) > 0 {
			n := min(size(), len(st.data))
			out = append(out, step{op: "data", isOrig: st.isOrig, data: st.data[:n]})
			st.data = st.data[n:]
		}
		if st.op != "data" {
			out = append(out, st)
		}
	}
	return out
}

func octets(steps []step) string {
	var b strings.Builder
	for _, st := range steps {
		b.Write(st.data)
	}
	return b.String()
}
