package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/seed"
)

func TestLogsAreTheSameForAnyNumberOfWorkers(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join(baselines, "*", "input.*"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no baselines (%v)", err)
	}
	for i, input := range inputs {
		if raceDetector && i%8 != 0 {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(input)), func(t *testing.T) {
			t.Parallel()
			want := allThatIsWritten(t, input, 1, nil)
			for _, workers := range []int{2, 7} {
				// Batches of few packets, and other goroutines first, now and then.
				for _, r := range []*rand.Rand{nil, rand.New(rand.NewPCG(1, uint64(workers)))} {
					if got := allThatIsWritten(t, input, workers, r); got != want {
						t.Errorf("%d workers, batches cut: %t\n%s", workers, r != nil, diff([]byte(want), []byte(got)))
					}
				}
			}
		})
	}
}

// allThatIsWritten returns all that a run writes, and how it ends.
func allThatIsWritten(t *testing.T, input string, workers int, r *rand.Rand) string {
	t.Helper()
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	e, err := engine.New(engine.Config{Keys: keys, Dir: dir, Workers: workers, Policies: []string{"misc/dump-events"}})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, input)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if r != nil {
		src = &choppy{Source: src, rand: r}
	}
	sum, err := e.Run(context.Background(), src)
	sum.Elapsed = 0
	var all bytes.Buffer
	fmt.Fprintln(&all, sum, err)
	logs, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(filepath.Base(log) + "\n")
		all.Write(clock.ReplaceAll(b, []byte("#$1")))
	}
	return all.String()
}

// choppy gives batches of few frames at times that nobody can foresee.
type choppy struct {
	capture.Source
	rand *rand.Rand
}

func (c *choppy) ReadBatch(b *capture.Batch) error {
	b.Frames = b.Frames[:0]
	for range 1 + c.rand.IntN(5) {
		var f capture.Frame
		if err := c.Next(&f); err != nil {
			if len(b.Frames) > 0 && err == io.EOF {
				return nil // it comes again
			}
			return err
		}
		f.Data = bytes.Clone(f.Data)
		b.Frames = append(b.Frames, f)
		for range c.rand.IntN(3) {
			runtime.Gosched()
		}
	}
	return nil
}

func TestWorkersEndWithARunThatIsStopped(t *testing.T) {
	input, _ := filepath.Glob(filepath.Join(baselines, "*", "input.*"))
	for _, workers := range []int{1, 2, 7} {
		e, err := engine.New(engine.Config{Dir: t.TempDir(), Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		f, err := capture.OpenFiles(capture.Options{}, input[0])
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		src := &endless{name: input[0], cur: f, after: 1000, then: cancel}
		sum, err := e.Run(ctx, src)
		if err != nil || sum.Packets == 0 {
			t.Errorf("%d workers: %d packets, %v", workers, sum.Packets, err)
		}
		// Nobody reads any more.
		src.cur.Close()
	}
}

// endless reads a capture again and again, and calls then after a number of
// frames.
type endless struct {
	capture.Source
	name  string
	cur   capture.Source
	after int
	then  func()
}

func (s *endless) Next(f *capture.Frame) error {
	if s.after--; s.after == 0 {
		s.then()
	}
	err := s.cur.Next(f)
	if err == io.EOF {
		s.cur.Close()
		if s.cur, err = capture.OpenFiles(capture.Options{}, s.name); err == nil {
			err = s.cur.Next(f)
		}
	}
	return err
}

func (s *endless) ReadBatch(b *capture.Batch) error {
	var f capture.Frame
	err := s.Next(&f)
	f.Data = bytes.Clone(f.Data)
	b.Frames = append(b.Frames[:0], f)
	return err
}

func (s *endless) Stats() capture.Stats { return s.cur.Stats() }
