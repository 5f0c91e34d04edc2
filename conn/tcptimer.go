package conn

import "github.com/gzeek/gzeek/timer"

// tcpTimer is a timer of a connection. It is used again once it is idle.
//
// The timers of a connection are a ring in the order in which they were armed;
// that is the order in which they are cancelled, which matters to the heap.
type tcpTimer struct {
	timer.Timer
	t          *tcpConn
	prev, next *tcpTimer
	atEnd      bool // it runs at the end of input too
	fn         func(*tcpConn, float64)
}

// Fire is the timer's.
func (tt *tcpTimer) Fire(now float64, expiring bool) {
	if expiring && !tt.atEnd {
		return
	}
	t, fn := tt.t, tt.fn
	t.drop(tt)
	fn(t, now)
}

// addTimer arms a timer of the connection; atEnd says that it runs at the end
// of input too.
func (t *tcpConn) addTimer(at float64, atEnd bool, fn func(*tcpConn, float64)) {
	tt := t.table.takeTimer()
	tt.t, tt.atEnd, tt.fn = t, atEnd, fn
	if first := t.timers; first == nil {
		t.timers, tt.prev, tt.next = tt, tt, tt
	} else {
		tt.prev, tt.next = first.prev, first
		first.prev.next, first.prev = tt, tt
	}
	t.table.timers.Add(&tt.Timer, at)
}

func (t *tcpConn) cancelTimers() {
	for t.timers != nil {
		t.table.timers.Cancel(&t.timers.Timer)
		t.drop(t.timers)
	}
}

// drop takes a timer that is idle out of the ring.
func (t *tcpConn) drop(tt *tcpTimer) {
	switch {
	case tt.next == tt:
		t.timers = nil
	case t.timers == tt:
		t.timers = tt.next
		fallthrough
	default:
		tt.prev.next, tt.next.prev = tt.next, tt.prev
	}
	t.table.putTimer(tt)
}

// keepTimers bounds what is kept when a scan is over.
const keepTimers = 4096

func (tb *Table) takeTimer() *tcpTimer {
	if n := len(tb.idleTimers); n > 0 {
		tt := tb.idleTimers[n-1]
		tb.idleTimers = tb.idleTimers[:n-1]
		return tt
	}
	tt := tb.newTimers.New()
	tt.Do = tt
	return tt
}

func (tb *Table) putTimer(tt *tcpTimer) {
	tt.t, tt.prev, tt.next, tt.fn = nil, nil, nil, nil
	if len(tb.idleTimers) < keepTimers {
		tb.idleTimers = append(tb.idleTimers, tt)
	}
}
