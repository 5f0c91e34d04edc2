package conn

import (
	"slices"

	"github.com/gzeek/gzeek/timer"
)

// tcpTimers are the timers of a TCP connection in the order in which they were
// armed; that is the order in which they are cancelled, which matters to the
// heap.
type tcpTimers []*tcpTimer

// tcpTimer is a timer of a connection. It is used again once it is idle.
type tcpTimer struct {
	timer.Timer
	t     *tcpConn
	atEnd bool // it runs at the end of input too
	fn    func(*tcpConn, float64)
}

func (tt *tcpTimer) fire(now float64, expiring bool) {
	if expiring && !tt.atEnd {
		return
	}
	t, fn := tt.t, tt.fn
	if i := slices.Index(t.timers, tt); i >= 0 {
		t.timers = slices.Delete(t.timers, i, i+1)
	}
	t.table.putTimer(tt)
	fn(t, now)
}

// addTimer arms a timer of the connection; atEnd says that it runs at the end
// of input too.
func (t *tcpConn) addTimer(at float64, atEnd bool, fn func(*tcpConn, float64)) {
	tt := t.table.takeTimer()
	tt.t, tt.atEnd, tt.fn = t, atEnd, fn
	if t.timers == nil {
		t.timers = make(tcpTimers, 0, 4)
	}
	t.timers = append(t.timers, tt)
	t.table.timers.Add(&tt.Timer, at)
}

func (t *tcpConn) cancelTimers() {
	for i, tt := range t.timers {
		t.table.timers.Cancel(&tt.Timer)
		t.table.putTimer(tt)
		t.timers[i] = nil
	}
	t.timers = t.timers[:0]
}

// keepTimers bounds what is kept when a scan is over.
const keepTimers = 4096

func (tb *Table) takeTimer() *tcpTimer {
	if n := len(tb.idleTimers); n > 0 {
		tt := tb.idleTimers[n-1]
		tb.idleTimers = tb.idleTimers[:n-1]
		return tt
	}
	tt := &tcpTimer{}
	tt.Fire = tt.fire
	return tt
}

func (tb *Table) putTimer(tt *tcpTimer) {
	tt.t, tt.fn = nil, nil
	if len(tb.idleTimers) < keepTimers {
		tb.idleTimers = append(tb.idleTimers, tt)
	}
}
