package event_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/event"
)

// recorder is a queue with an event, and what came of it.
type recorder struct {
	*event.Queue
	topic *event.Topic[int]
	ran   []string
	errs  []event.HandlerError
}

func newRecorder() *recorder {
	r := &recorder{Queue: event.NewQueue()}
	r.topic = event.Declare[int](r.Queue, "e")
	r.OnError = func(e event.HandlerError) { r.errs = append(r.errs, e) }
	return r
}

// body registers one that notes its run and does f.
func (r *recorder) body(policy string, priority int, f func()) {
	r.topic.Handle(policy, priority, func(*int) {
		r.ran = append(r.ran, r.Running())
		f()
	})
}

func (r *recorder) raise() {
	r.topic.Enqueue(1)
	r.Drain()
}

func nothing() {}

func TestAPanicEndsOneBodyAndNamesItsPolicy(t *testing.T) {
	r := newRecorder()
	r.body("a", 1, nothing)
	r.body("b", 0, func() { panic("a slip") })
	r.body("c", -1, func() { panic(event.ScriptError{Msg: "a field is missing"}) })
	r.body("d", -2, nothing)
	r.raise()
	if !slices.Equal(r.ran, []string{"a", "b", "c", "d"}) {
		t.Error("ran", r.ran)
	}
	if len(r.errs) != 2 || r.errs[0].Policy != "b" || r.errs[0].Stack == nil || r.errs[1].Policy != "c" || r.errs[1].Stack != nil {
		t.Errorf("errors: %v", r.errs)
	}
	if r.Running() != "" {
		t.Error("still running", r.Running())
	}
}

func TestAPolicyIsTurnedOffAfterItsLastPanic(t *testing.T) {
	r := newRecorder()
	r.MaxPanics = 3
	r.body("bad", 0, func() { panic("a slip") })
	r.body("bad", 0, func() { panic(event.ScriptError{Msg: "no panic"}) })
	r.body("good", 0, nothing)
	hook := event.NewHook[int](r.Queue, "h")
	hook.Add("bad", 0, func(int) bool { return false })
	for range 3 {
		if hook.Run(1) {
			t.Fatal("the hook's body did not run")
		}
		r.raise()
	}
	if n := len(r.errs); n != 5 || !r.errs[n-1].Off || r.errs[n-2].Off {
		t.Fatalf("errors: %v", r.errs)
	}
	r.ran = nil
	r.raise()
	if !slices.Equal(r.ran, []string{"good"}) || len(r.errs) != 5 {
		t.Errorf("ran %v, errors %v", r.ran, r.errs)
	}
	if !hook.Run(1) {
		t.Error("a hook still asks a policy that is off")
	}
	if r.Guard("bad", "a timer", func() { t.Error("a guarded function of a policy that is off ran") }) {
		t.Error("Guard says that it ran")
	}
	if !r.Off("bad") || r.Off("good") {
		t.Error("Off is wrong")
	}
}

func TestWithoutALimitNoPolicyIsTurnedOff(t *testing.T) {
	r := newRecorder()
	r.body("bad", 0, func() { panic("a slip") })
	for range 50 {
		r.raise()
	}
	if len(r.errs) != 50 {
		t.Errorf("%d errors", len(r.errs))
	}
}

func TestHooks(t *testing.T) {
	for _, c := range []struct {
		name     string
		run      func(*event.Hook[*[]string], *[]string) bool
		want     []string
		wantPass bool
	}{
		{"Run ends at the first false", (*event.Hook[*[]string]).Run, []string{"panics", "passes", "ends"}, false},
		{"RunAll runs all", (*event.Hook[*[]string]).RunAll, []string{"panics", "passes", "ends", "last"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder()
			h := event.NewHook[*[]string](r.Queue, "h")
			if h.Used() || !h.Run(nil) {
				t.Error("a hook without bodies is used, or ends")
			}
			add := func(name string, priority int, f func() bool) {
				h.Add(name, priority, func(ran *[]string) bool {
					*ran = append(*ran, name)
					return f()
				})
			}
			add("ends", 0, func() bool { return false })
			add("last", 0, func() bool { return true })
			add("passes", 5, func() bool { return true })
			add("panics", 10, func() bool { panic("a slip") })
			var ran []string
			if pass := c.run(h, &ran); pass != c.wantPass || !slices.Equal(ran, c.want) {
				t.Errorf("pass %v, ran %v", pass, ran)
			}
			if len(r.errs) != 1 || r.errs[0].Policy != "panics" {
				t.Errorf("errors: %v", r.errs)
			}
		})
	}
}

func TestTheRunningPolicyIsRightAfterANestedDrain(t *testing.T) {
	r := newRecorder()
	inner := event.Declare[int](r.Queue, "inner")
	inner.Handle("inner", 0, func(*int) { panic("a slip") })
	r.body("outer", 0, func() {
		inner.Enqueue(1)
		r.Drain()
		r.ran = append(r.ran, r.Running())
	})
	r.raise()
	if want := []string{"outer", "outer"}; !slices.Equal(r.ran, want) {
		t.Errorf("ran %v", r.ran)
	}
	if len(r.errs) != 1 || r.errs[0].Policy != "inner" {
		t.Errorf("errors: %v", r.errs)
	}
}

func TestBodiesRunByPriorityThenInOrder(t *testing.T) {
	r := newRecorder()
	for i, p := range []int{0, 5, -5, 5, 0} {
		r.body(fmt.Sprint(i), p, nothing)
	}
	r.raise()
	if !slices.Equal(r.ran, []string{"1", "3", "0", "4", "2"}) {
		t.Error("ran", r.ran)
	}
}
