package event_test

import (
	"fmt"
	"testing"

	"github.com/gzeek/gzeek/event"
)

// BenchmarkEmptyHandler is what a handler costs that does nothing: raising the
// event, the queue, and the calls.
func BenchmarkEmptyHandler(b *testing.B) {
	for _, n := range []int{0, 1, 2, 8} {
		b.Run(fmt.Sprintf("handlers=%d", n), func(b *testing.B) {
			ev := event.NewEvents()
			ev.OnError = func(e event.HandlerError) { b.Fatal(e) }
			for i := range n {
				ev.SMTPRequest.Handle(fmt.Sprintf("policy-%d", i), 0, func(*event.SMTPRequest) {})
			}
			c := &event.Conn{}
			b.ReportAllocs()
			for b.Loop() {
				ev.SMTPRequest.Enqueue(event.SMTPRequest{Conn: c, IsOrig: true, Command: "NOOP"})
				ev.Drain()
			}
		})
	}
}
