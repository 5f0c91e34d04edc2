package files

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/timer"
)

// TestFilesAllocateLittle follows files with all their events, each with a handle
// of its own and first octets that are published.
func TestFilesAllocateLittle(t *testing.T) {
	types, err := matcher()
	if err != nil {
		t.Fatal(err)
	}
	ev := event.NewEvents()
	var timers timer.Manager
	n := 0
	ev.GetFileHandle.Handle("test", 0, func(e *event.GetFileHandle) {
		e.Reply.Handle, e.Reply.Set = strconv.AppendInt(e.Reply.Handle[:0], int64(n), 10), true
	})
	for _, topic := range []*event.Topic[event.FileEvent]{ev.FileNew, ev.FileStateRemove} {
		topic.Handle("test", 0, func(*event.FileEvent) {})
	}
	ev.FileOverNewConnection.Handle("test", 0, func(*event.FileOverNewConnection) {})
	sniffed := ""
	ev.FileSniff.Handle("test", 0, func(e *event.FileSniff) { sniffed = e.Meta.MIMEType })
	m := NewManager(Config{Events: ev, Timers: &timers, Magic: types, Options: DefaultOptions(),
		FileID: func(dst, handle []byte) []byte { return append(append(dst, 'F'), handle...) }})

	conn := &event.Conn{UID: "C1"}
	data := bytes.Repeat([]byte("%PDF-1.7 and what follows it ..."), 32)
	one := func() {
		n++
		id := ""
		for range 5 {
			id = m.DataIn(data, "SMTP", conn, true, id, "")
		}
		m.EndOfFile(id)
		ev.Drain()
		ev.Now += 10
		timers.Advance(ev.Now, -1)
	}
	for range 100 {
		one()
	}
	if sniffed != "application/pdf" || m.Stats().Total != 100 || m.Stats().Current != 0 {
		t.Fatalf("%q, %+v", sniffed, m.Stats())
	}
	// The handler's copy of the handle, and shares of blocks that don't add up to
	// another one: of first octets a third.
	if a := testing.AllocsPerRun(1000, one); a > 1 {
		t.Errorf("%v allocations a file", a)
	}
}
