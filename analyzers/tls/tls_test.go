package tls

import (
	"bytes"
	"testing"

	"github.com/gzeek/gzeek/analyzers"
)

// record wraps a handshake message in records of at most size octets.
func records(msg []byte, size int) []byte {
	var b []byte
	for len(msg) > 0 {
		n := min(size, len(msg))
		b = append(b, 22, 3, 1, byte(n>>8), byte(n))
		b = append(b, msg[:n]...)
		msg = msg[n:]
	}
	return b
}

func hello(version byte) []byte {
	body := append([]byte{3, version}, bytes.Repeat([]byte{7}, 60)...)
	return append([]byte{1, 0, 0, byte(len(body))}, body...)
}

func TestOnlyAWholeClientHelloConfirms(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"TLS 1.2", records(hello(3), 1<<14), true},
		{"in small records", records(hello(3), 7), true},
		{"more behind it", append(records(hello(1), 100), 20, 3, 3, 0, 1, 1), true},
		{"unknown version", records(hello(9), 100), false},
		{"a ServerHello", records(append([]byte{2}, hello(3)[1:]...), 100), false},
		{"plain text", []byte("EHLO again\r\n"), false},
	} {
		ok, decided := new(clientHello).feed(c.in)
		if ok != c.ok || !decided {
			t.Errorf("%s: %v, decided %v", c.name, ok, decided)
		}
	}
	whole := records(hello(3), 20)
	for i := range whole {
		if ok, _ := new(clientHello).feed(whole[:i]); ok {
			t.Errorf("confirmed after %d of %d octets", i, len(whole))
		}
	}
}

type host struct {
	analyzers.Host
	confirmed bool
}

func (h *host) Confirm() { h.confirmed = true }

func TestAServerThatGoesOnInPlainTextEndsTheSearch(t *testing.T) {
	for _, c := range []struct {
		server    string
		confirmed bool
	}{
		{"", true},
		{"220", true},
		{"220 go ahead", false},
		{"\x15\x03\x03\x00\x02\x02\x28", true},
	} {
		h := &host{}
		a := New(h)
		for _, b := range []byte(c.server) {
			a.DeliverStream([]byte{b}, false)
		}
		a.DeliverStream(records(hello(3), 100), true)
		if h.confirmed != c.confirmed {
			t.Errorf("%q: confirmed is %v", c.server, h.confirmed)
		}
	}
}
