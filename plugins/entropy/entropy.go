// Package entropy is the file analyzer Files::ANALYZER_ENTROPY, and the policy
// frameworks/files/entropy-test-all-files, which attaches it to every file and
// puts the bits per byte into files.log. Content near 8 is compressed or
// encrypted.
//
// Zeek: src/file_analysis/analyzer/entropy/Entropy.cc, src/RandTest.cc,
// scripts/policy/frameworks/files/entropy-test-all-files.zeek.
package entropy

import (
	"math"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/policy"
	policyfiles "github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:      "analyzers/entropy",
		Doc:       "the file analyzer Files::ANALYZER_ENTROPY",
		API:       1,
		Component: true,
		Load:      loadAnalyzer,
	})
	policy.Register(policy.Policy{
		Name:     "frameworks/files/entropy-test-all-files",
		Doc:      "the entropy of every file in files.log",
		API:      1,
		Requires: []string{"analyzers/entropy", "base/frameworks/files"},
		Load:     loadPolicy,
	})
}

// Result is Zeek's entropy_test_result.
type Result struct {
	Entropy           float64 // bits a byte, 0 to 8
	ChiSquare         float64
	Mean              float64 // of the bytes' values
	MonteCarloPi      float64
	SerialCorrelation float64 // -100000 where there is none (all bytes equal)
}

// FileEntropy is the event file_entropy.
type FileEntropy struct {
	File   *event.File
	Result Result
}

// Entropy is the service of analyzers/entropy.
type Entropy struct {
	FileEntropy *event.Topic[FileEntropy]
}

func loadAnalyzer(c *policy.Context) error {
	e := &Entropy{FileEntropy: event.Declare[FileEntropy](c.Events.Queue, "file_entropy", "f: fa_file", "ent: entropy_test_result")}
	policy.Provide(c, e)
	c.RegisterFileAnalyzer("ENTROPY", func(f *event.File, _ any) (files.Analyzer, error) {
		return &analyzer{topic: e.FileEntropy, file: f}, nil
	})
	return nil
}

func loadPolicy(c *policy.Context) error {
	p := policy.Use[*policyfiles.Files](c)
	entropy := event.NewSlot[float64](&p.InfoSlots)
	c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) { p.AddAnalyzer(e.File, "ENTROPY", nil) })
	policy.Use[*Entropy](c).FileEntropy.Handle(c.Policy(), 0, func(e *FileEntropy) {
		entropy.Set(p.Info(e.File), e.Result.Entropy)
	})
	p.Log.AddColumn(policy.Column[policyfiles.Info]{
		Name: "entropy", Type: zeeklog.T(zeeklog.Double),
		Get: func(i *policyfiles.Info, v *zeeklog.Value) {
			if x, ok := entropy.Get(i); ok {
				v.SetDouble(x)
			}
		},
	})
	return nil
}

// analyzer measures one file. A file with a gap has no result, as in Zeek.
type analyzer struct {
	topic *event.Topic[FileEntropy]
	file  *event.File
	test  test
}

// Deliver implements files.Analyzer.
func (a *analyzer) Deliver(data []byte) (more bool) {
	a.test.add(data)
	return true
}

// Gap implements files.Analyzer.
func (a *analyzer) Gap(uint64, uint64) (more bool) { return false }

// End implements files.Analyzer.
func (a *analyzer) End() {
	if a.test.total > 0 {
		a.topic.Enqueue(FileEntropy{a.file, a.test.result()})
	}
}

// monteBytes are the bytes of one throw of the Monte Carlo test, three for each
// coordinate.
const monteBytes = 6

// inCircle is the square of the circle's radius, 256^3 - 1.
const inCircle = (1<<24 - 1) * (1<<24 - 1)

// test runs the tests for randomness of John Walker's program ent over a stream
// of bytes (RandTest.cc).
type test struct {
	count              [256]uint64
	total              uint64
	monte              [monteBytes]byte
	filled             int
	throws, hits       uint64
	first, last        float64
	cross, sum, square float64 // of the serial correlation
}

func (t *test) add(data []byte) {
	for _, b := range data {
		x := float64(b)
		if t.total == 0 {
			t.first = x
		} else {
			t.cross += t.last * x
		}
		t.sum += x
		t.square += x * x
		t.last = x
		t.count[b]++
		t.total++
		t.monte[t.filled] = b
		if t.filled++; t.filled == monteBytes {
			t.throw()
		}
	}
}

func (t *test) throw() {
	t.filled = 0
	t.throws++
	coordinate := func(b []byte) float64 { return float64(int(b[0])<<16 | int(b[1])<<8 | int(b[2])) }
	x, y := coordinate(t.monte[:3]), coordinate(t.monte[3:])
	if x*x+y*y <= inCircle {
		t.hits++
	}
}

// result is what has come so far; there must be a byte.
func (t *test) result() Result {
	n := float64(t.total)
	r := Result{SerialCorrelation: -100000}
	square := t.sum * t.sum
	if d := n*t.square - square; d != 0 {
		r.SerialCorrelation = (n*(t.cross+t.last*t.first) - square) / d
	}
	expected, sum := n/256, 0.0
	for b, k := range t.count {
		k := float64(k)
		r.ChiSquare += (k - expected) * (k - expected) / expected
		sum += float64(b) * k
		if k > 0 {
			r.Entropy += k / n * log2(n/k)
		}
	}
	r.Mean = sum / n
	if t.throws > 0 {
		r.MonteCarloPi = 4 * float64(t.hits) / float64(t.throws)
	}
	return r
}

// log2 is rounded as in Zeek, which takes the logarithm to base 10.
func log2(x float64) float64 { return math.Log10(x) * 3.32192809488736234787 }
