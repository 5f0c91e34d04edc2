package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// reopened is what opening an interface gives, one try after another: a source
// or an error. The last one stays.
type reopened struct {
	tries []any
	n     int
}

func (r *reopened) open(string, LiveOptions) (Source, error) {
	try := r.tries[min(r.n, len(r.tries)-1)]
	r.n++
	if err, ok := try.(error); ok {
		return nil, err
	}
	return try.(*batched), nil
}

// batched gives the frames of a scripted source one by one.
type batched struct {
	*scripted
	left   []Frame
	number uint64
	panics bool
}

func give(stamps ...float64) *batched {
	s := newScripted()
	if len(stamps) > 0 {
		s.batches = [][]float64{stamps}
	}
	return &batched{scripted: s}
}

// failing ends with an error behind its packets.
func failing(stamps ...float64) *batched {
	b := give(stamps...)
	b.end <- &Error{File: "if0", Offset: -1, Problem: "is gone"}
	return b
}

func (b *batched) Next(f *Frame) error {
	if b.panics {
		panic("a slip")
	}
	if len(b.left) == 0 {
		var batch Batch
		if err := b.scripted.ReadBatch(&batch); err != nil {
			return err
		}
		b.left = batch.Frames
	}
	*f, b.left = b.left[0], b.left[1:]
	b.number++
	f.Number = b.number
	return nil
}

func (b *batched) ReadBatch(batch *Batch) error {
	return copyBatch(batch, b.Next, func(*Frame) error { return ErrTimeout })
}

func tapOf(t *testing.T, opts LiveOptions, tries ...any) (tap *tap, told *[]string) {
	t.Helper()
	told = new([]string)
	opts.Timeout = time.Millisecond
	tap, err := openTap("if0", opts, (&reopened{tries: tries}).open, func(s string) { *told = append(*told, s) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	return tap, told
}

func TestAnInterfaceThatFailsIsOpenedAgain(t *testing.T) {
	gone := &Error{File: "if0", Offset: -1, Problem: "can't listen", Err: errors.New(`no interface "if0"`)}
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, failing(1, 2), gone, gone, give(3, 4))
	if got := stamps(t, tap, 4); !slices.Equal(got, []float64{1, 2, 3, 4}) { // numbered on, too
		t.Errorf("%v", got)
	}
	if len(*told) != 2 || (*told)[0] != "if0: is gone; it is opened again as soon as that can be done" || !strings.HasPrefix((*told)[1], "if0: is read again, after ") {
		t.Errorf("told %q", *told)
	}
	if i := tap.Interfaces()[0]; i.Name != "if0" || i.Problem != "" || i.Failures != 1 || i.Unread <= 0 {
		t.Errorf("%+v", i)
	}
	if st := tap.Stats(); st.Link != 4 || tap.Interfaces()[0].Link != 4 {
		t.Errorf("%+v", st)
	}
}

func TestAnInterfaceThatCanBeOpenedAtOnceIsToldOnce(t *testing.T) {
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, failing(1), give(2))
	stamps(t, tap, 2)
	if len(*told) != 1 || !strings.HasPrefix((*told)[0], "if0: is gone; it is read again, after ") {
		t.Errorf("told %q", *told)
	}
}

func TestWhyAnInterfaceIsNotReadCanBeAsked(t *testing.T) {
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, failing(1), errors.New("can't listen: no interface"))
	stamps(t, tap, 1)
	var f Frame
	for tap.Interfaces()[0].Problem != "can't listen: no interface" {
		if err := tap.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Fatal(err)
		}
	}
	before := tap.Interfaces()[0]
	if after := tap.Interfaces()[0]; after.Unread <= before.Unread || after.Failures != 1 || !after.Since.Equal(before.Since) {
		t.Errorf("%+v, then %+v", before, after)
	}
	if len(*told) != 1 {
		t.Errorf("each try is told: %q", *told)
	}
}

func TestAnInterfaceThatMayNotBeOpenedAgainIsAnError(t *testing.T) {
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, failing(1), &Error{File: "if0", Offset: -1, Problem: "can't listen", Err: denied(notPermitted)})
	stamps(t, tap, 1)
	var f Frame
	err := ErrTimeout
	for errors.Is(err, ErrTimeout) {
		err = tap.Next(&f)
	}
	if !strings.HasPrefix(err.Error(), "if0: is gone; it can't be opened again: not permitted: privileges were given up") {
		t.Error(err)
	}
	if again := tap.Next(&f); again != err || len(*told) > 0 {
		t.Errorf("then %v, told %q", again, *told)
	}
}

func TestWithoutReopeningAFailureIsAnError(t *testing.T) {
	tap, told := tapOf(t, LiveOptions{}, failing(1), give(2))
	stamps(t, tap, 1)
	var f Frame
	if err := tap.Next(&f); err == nil || err.Error() != "if0: is gone" || len(*told) > 0 {
		t.Errorf("%v, told %q", err, *told)
	}
	if i := tap.Interfaces()[0]; i.Problem != "if0: is gone" || i.Failures != 1 {
		t.Errorf("%+v", i)
	}
}

func TestRetriesBecomeRarerUpToTheBound(t *testing.T) {
	tap, _ := tapOf(t, LiveOptions{Reopen: 300 * time.Millisecond}, failing(1), errors.New("no"))
	stamps(t, tap, 1)
	var f Frame
	var delays []time.Duration
	for len(delays) < 4 {
		if err := tap.Next(&f); !errors.Is(err, ErrTimeout) {
			t.Fatal(err)
		}
		if len(delays) == 0 || delays[len(delays)-1] != tap.delay {
			delays = append(delays, tap.delay)
		}
		tap.retry = time.Time{} // now
		if tap.delay == 300*time.Millisecond {
			break
		}
	}
	if want := []time.Duration{firstRetry, 2 * firstRetry, 3 * firstRetry}; !slices.Equal(delays, want) {
		t.Errorf("%v", delays)
	}
}

func TestAPanicOfReadingIsAnErrorThatNamesTheInterface(t *testing.T) {
	bad := give()
	bad.panics = true
	tap, _ := tapOf(t, LiveOptions{Reopen: time.Second}, bad)
	var f Frame
	var b Batch
	for _, err := range []error{tap.Next(&f), tap.ReadBatch(&b)} {
		if err == nil || !strings.HasPrefix(err.Error(), "if0: an error in gzeek, please report it: a slip\n") || !strings.Contains(err.Error(), "batched") {
			t.Errorf("%v", err)
		}
	}
}

// panicking panics when it is asked for packets, or for its counters.
type panicking struct {
	*scripted
	stats bool
}

func (p *panicking) ReadBatch(b *Batch) error {
	if !p.stats {
		panic("a slip")
	}
	return p.scripted.ReadBatch(b)
}

func (p *panicking) Stats() Stats {
	if p.stats {
		panic("a slip")
	}
	return p.scripted.Stats()
}

func TestAPanicBesideOthersEndsTheReadingInOrder(t *testing.T) {
	for _, inStats := range []bool{false, true} {
		good := newScripted([]float64{1, 2, 3})
		m := &merged{feeders: []*feeder{{name: "if0", src: good}, {name: "if1", src: &panicking{newScripted(), inStats}}}}
		m.start()
		var f Frame
		var got []float64
		err := ErrTimeout
		for err == nil || errors.Is(err, ErrTimeout) {
			if err = m.Next(&f); err == nil {
				got = append(got, f.Time)
			}
		}
		if !strings.HasPrefix(err.Error(), "if1: an error in gzeek, please report it: a slip\n") {
			t.Errorf("%v", err)
		}
		if !slices.IsSorted(got) || len(got) != 0 && len(got) != 3 { // it may be too early for any
			t.Errorf("%v", got)
		}
		if inStats {
			continue // it can't be closed without being asked
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Next(&f); err != io.EOF {
			t.Errorf("behind the end: %v", err)
		}
	}
}

func TestWhatWasReadBeforeTheLastInterfaceFailedIsGiven(t *testing.T) {
	a, b := newScripted([]float64{1, 2}), newScripted()
	m := mergeOf(t, nil, a, b)
	a.end <- &Error{File: "if0", Offset: -1, Problem: "is gone"}
	for !m.feeders[0].done { // its packets wait: if1 may have older ones
		m.take(<-m.ch)
	}
	b.end <- &Error{File: "if1", Offset: -1, Problem: "is gone, too"}
	for !m.feeders[1].done {
		m.take(<-m.ch)
	}
	if got := stamps(t, m, 2); !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("%v", got)
	}
	var f Frame
	if err := m.Next(&f); err == nil || err.Error() != "if1: is gone, too" {
		t.Errorf("%v", err)
	}
}

func TestOneOfSeveralThatFailsIsReopenedWhileOthersAreRead(t *testing.T) {
	var told []string
	m := &merged{warn: func(s string) { told = append(told, s) }}
	for i, tries := range [][]any{{failing(1), fs.ErrNotExist, give(4)}, {give(2)}, {give(3)}} {
		f := &feeder{name: fmt.Sprint("if", i)}
		tap, err := openTap("if0", LiveOptions{Timeout: time.Millisecond, Reopen: time.Second}, (&reopened{tries: tries}).open,
			func(s string) { f.news = append(f.news, s) })
		if err != nil {
			t.Fatal(err)
		}
		f.src = tap
		m.feeders = append(m.feeders, f)
	}
	m.start()
	t.Cleanup(func() { m.Close() })
	if got := stamps(t, m, 4); !slices.Equal(got, []float64{1, 2, 3, 4}) {
		t.Errorf("%v", got)
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "if0: is gone; ") || !strings.HasPrefix(told[1], "if0: is read again") {
		t.Errorf("told %q", told)
	}
	all := m.Interfaces() // three sockets of one name
	if len(all) != 1 || all[0].Failures != 1 || all[0].Problem != "" {
		t.Errorf("%+v", all)
	}
}

func TestALinkThatFlapsIsToldAFewTimesAndCountedEachTime(t *testing.T) {
	tap, told := tapOf(t, LiveOptions{Reopen: time.Second}, give())
	down := func() {
		if tap.trouble("if0: the interface is down") {
			tap.announce("if0: the interface is down")
		}
	}
	for range 100 {
		down()
		tap.recovered()
	}
	if i := tap.Interfaces()[0]; i.Failures != 100 || len(*told) != 2*maxTold {
		t.Errorf("%+v, told %d", i, len(*told))
	}
	tap.toldFrom = tap.toldFrom.Add(-toldWhile)
	down()
	if len(*told) != 2*maxTold+1 {
		t.Errorf("later told %d", len(*told))
	}
}
