package timer

import (
	"fmt"
	"testing"
)

// Three timers of one time: the first is popped, the last takes the root and
// stays there because its only child is not earlier, so A C B and not A B C.
func TestEqualTimesFireInZeeksHeapOrder(t *testing.T) {
	m := &Manager{}
	var got []string
	for _, name := range []string{"A", "B", "C"} {
		m.Add(&Timer{Do: Func(func(float64, bool) { got = append(got, name) })}, 5)
	}
	m.Advance(20, -1)
	if fmt.Sprint(got) != "[A C B]" {
		t.Errorf("order %v", got)
	}
}

func TestCancelledTimersDoNotFireAndOthersStayInOrder(t *testing.T) {
	m := &Manager{}
	var got []int
	timers := make([]*Timer, 50)
	for i := range timers {
		timers[i] = &Timer{Do: Func(func(float64, bool) { got = append(got, i) })}
		m.Add(timers[i], float64((i*37)%50))
	}
	for i := 0; i < 50; i += 3 {
		m.Cancel(timers[i])
		m.Cancel(timers[i]) // idle: no effect
	}
	m.Advance(24, -1)
	m.Expire()
	if len(got) != 33 {
		t.Fatalf("%d fired", len(got))
	}
	for k := 1; k < len(got); k++ {
		if (got[k-1]*37)%50 >= (got[k]*37)%50 {
			t.Errorf("out of order at %d: %v", k, got)
		}
	}
}

func TestBudgetLeavesTheRestForTheNextTurn(t *testing.T) {
	m := &Manager{}
	n := 0
	for i := 0; i < 10; i++ {
		m.Add(&Timer{Do: Func(func(float64, bool) { n++ })}, 1)
	}
	if ran := m.Advance(2, 4); ran != 4 || n != 4 || m.Len() != 6 {
		t.Errorf("ran %d, fired %d, left %d", ran, n, m.Len())
	}
}

func TestATimerThatArmsItselfForNowDoesNotGoOnForEver(t *testing.T) {
	m := &Manager{}
	n := 0
	tm := &Timer{}
	tm.Do = Func(func(now float64, _ bool) { n++; m.Add(tm, now) })
	m.Add(tm, 1)
	if ran := m.Advance(2, -1); ran != n || n < 2 || m.Len() != 1 {
		t.Errorf("ran %d, fired %d, left %d", ran, n, m.Len())
	}
}
