package tls

import (
	"bytes"
	"testing"
)

// What is decided of a stream doesn't depend on how it is cut, only a ClientHello
// that is there as a whole confirms.
func FuzzClientHello(f *testing.F) {
	f.Add(records(hello(3), 20), []byte{1, 5, 30})
	f.Add(records(hello(9), 100), []byte{0})
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\xff\xff"), []byte{3})
	f.Add([]byte("EHLO again\r\n"), []byte{})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		whole := &host{}
		New(whole).DeliverStream(bytes.Clone(stream), true)
		cut := &host{}
		a := New(cut).(*Analyzer)
		rest := stream
		for _, n := range cuts {
			k := min(int(n), len(rest))
			a.DeliverStream(bytes.Clone(rest[:k]), true)
			rest = rest[k:]
		}
		a.DeliverStream(bytes.Clone(rest), true)
		if whole.confirmed != cut.confirmed {
			t.Fatalf("whole %v, cut %v", whole.confirmed, cut.confirmed)
		}
		if whole.confirmed && (stream[0] != 22 || stream[1] != 3) {
			t.Fatal("confirmed what is no handshake")
		}
	})
}
