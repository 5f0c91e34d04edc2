package tls

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/analyzers"
)

// record is one record.
func record(typ byte, body ...byte) []byte {
	return append([]byte{typ, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// records wraps a handshake message in records of at most size octets.
func records(msg []byte, size int) []byte {
	var b []byte
	for len(msg) > 0 {
		n := min(size, len(msg))
		b = append(b, record(22, msg[:n]...)...)
		msg = msg[n:]
	}
	return b
}

func message(typ byte, body ...byte) []byte {
	return append([]byte{typ, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// client is a ClientHello of a version and with what follows its fields.
func client(major, minor byte, extensions ...byte) []byte {
	body := append([]byte{major, minor}, make([]byte, 32)...)
	body = append(body, 2, 7, 7)       // a session
	body = append(body, 0, 2, 0x13, 1) // a cipher suite
	body = append(body, 1, 0)          // no compression
	return message(1, append(body, extensions...)...)
}

func server(major, minor byte, extensions ...byte) []byte {
	body := append([]byte{major, minor}, make([]byte, 32)...)
	body = append(body, 0, 0x13, 1, 0)
	return message(2, append(body, extensions...)...)
}

var (
	serverName = []byte{0, 7, 0, 0, 0, 3, 'a', 'b', 'c'}
	choose13   = []byte{0, 6, 0, 43, 0, 2, 3, 4}
)

// host keeps what an analyzer says.
type host struct {
	analyzers.Host
	confirmed  bool
	violations []string
}

func (h *host) Confirm() { h.confirmed = true }

func (h *host) Violation(reason string, _ []byte) { h.violations = append(h.violations, reason) }

// chunk is what one side sends.
type chunk struct {
	isOrig bool
	data   []byte
}

func orig(b ...[]byte) chunk { return chunk{true, bytes.Join(b, nil)} }
func resp(b ...[]byte) chunk { return chunk{false, bytes.Join(b, nil)} }

// run feeds chunks in pieces of at most n octets.
func run(chunks []chunk, n int) *host {
	h := &host{}
	a := New(h)
	for _, c := range chunks {
		for rest := c.data; len(rest) > 0; {
			k := min(n, len(rest))
			a.DeliverStream(bytes.Clone(rest[:k]), c.isOrig)
			rest = rest[k:]
		}
	}
	a.Done()
	return h
}

func TestAClientHelloConfirmsAndWhatIsNoTLSViolates(t *testing.T) {
	hello := records(client(3, 3), 1<<14)
	plain := []byte("220 go ahead\r\n")
	for _, c := range []struct {
		name      string
		in        []chunk
		confirmed bool
		violation string // the only one, or what it begins with
	}{
		{"TLS 1.2", []chunk{orig(hello)}, true, ""},
		{"TLS 1.0", []chunk{orig(records(client(3, 1), 100))}, true, ""},
		{"with extensions", []chunk{orig(records(client(3, 3, serverName...), 100))}, true, ""},
		{"in small records", []chunk{orig(records(client(3, 3), 7))}, true, ""},
		{"a draft of TLS 1.3", []chunk{orig(records(client(0x7f, 23), 100))}, true, ""},
		{"sent by the server", []chunk{resp(hello)}, true, ""},
		{"cut short", []chunk{orig(hello[:len(hello)-1])}, false, ""},
		{"SSL 2 with a version of TLS", []chunk{orig([]byte{0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16}, make([]byte, 19))}, true, ""},
		{"SSL 2 of a foreign version", []chunk{orig([]byte{0x80, 28, 1, 9, 9})}, false, "Invalid version in SSL client hello. Version: 2313"},
		{"no SSL 2", []chunk{orig([]byte{0x80, 28, 7, 3, 1})}, false, "Invalid headers in SSL connection. Head1: 28, head2: 7, head3: 3"},
		{"unknown version", []chunk{orig(records(client(9, 9), 100))}, false, "unsupported client SSL version 0x0909"},
		{"a session that is too long", []chunk{orig(records(message(1, append([]byte{3, 3}, bytes.Repeat([]byte{99}, 40)...)...), 100))}, false,
			"Binpac exception: binpac exception: out_of_bound: ClientHello:session_id: 99 > 7"},
		{"an extension that is too long", []chunk{orig(records(client(3, 3, 0, 7, 0, 0, 0, 9, 1), 100))}, false,
			"Binpac exception: binpac exception: out_of_bound: SSLExtension:data: 9 > 1"},
		{"plain text", []chunk{orig([]byte("EHLO again\r\n"))}, false, "Invalid version in TLS connection. Version: 18508"},
		{"a type that is none", []chunk{orig([]byte{99, 3, 3, 0, 1, 0})}, false, "Invalid type in TLS connection. Version: 771, Type: 99"},
		{"plain text of the server first", []chunk{resp(plain), orig(hello)}, false, "Invalid version in TLS connection. Version: 12848"},
		{"three octets of plain text", []chunk{resp(plain[:3]), orig(hello)}, true, ""},
		{"plain text behind the hello", []chunk{orig(hello), resp(plain)}, true, "Invalid version late in TLS connection. Packet reported version: 12848"},
		{"an alert", []chunk{resp(record(21, 2, 40)), orig(hello)}, true, ""},
		{"half an alert", []chunk{orig(hello), resp(record(21, 2))}, true, "Binpac exception: "},
		{"a record of an unknown type", []chunk{orig(hello), resp(record(29, 1))}, true, "unknown SSL record type (29) from responder"},
		{"a message of an unknown type", []chunk{orig(hello), resp(records(message(99, 1), 9))}, true, "unknown handshake message (99) from responder"},
		{"a ServerHello of an unknown version", []chunk{orig(hello), resp(records(server(9, 9), 99))}, true, "unsupported server SSL version 0x0909"},
		{"records that are encrypted", []chunk{
			orig(hello), resp(records(server(3, 3), 99)),
			orig(record(20, 1), record(22, 99, 9, 9, 9)), resp(record(20, 1), record(22, 99, 9, 9, 9)),
		}, true, ""},
		{"plain text once both sides have encrypted", []chunk{
			orig(hello), resp(records(server(3, 3), 99), record(20, 1), record(22, 9)),
			orig(record(20, 1), record(22, 9)), resp(plain),
		}, true, ""},
		{"change_cipher_spec encrypts nothing in TLS 1.3", []chunk{
			orig(hello), resp(records(server(3, 3, choose13...), 99), record(20, 1), record(29, 1)),
		}, true, "unknown SSL record type (29) from responder"},
		{"application data does", []chunk{
			orig(hello), resp(records(server(3, 3, choose13...), 99), record(23, 1), record(29, 1)),
		}, true, ""},
		{"but not in TLS 1.2", []chunk{
			orig(hello), resp(records(server(3, 3), 99), record(23, 1), record(29, 1)),
		}, true, "unknown SSL record type (29) from responder"},
	} {
		for _, n := range []int{1 << 20, 1, 3} {
			h := run(c.in, n)
			if h.confirmed != c.confirmed {
				t.Errorf("%s, %d octets at a time: confirmed is %v", c.name, n, h.confirmed)
			}
			if v := strings.Join(h.violations, " / "); (v == "") != (c.violation == "") || !strings.HasPrefix(v, c.violation) || strings.Contains(v, " / ") {
				t.Errorf("%s, %d octets at a time: violations %q, want %q", c.name, n, v, c.violation)
			}
		}
	}
}

func TestAGapOnEitherSideEndsTheSearch(t *testing.T) {
	for _, isOrig := range []bool{false, true} {
		h := &host{}
		a := New(h)
		a.Undelivered(1, 1, isOrig)
		a.DeliverStream(records(client(3, 3), 100), true)
		if h.confirmed {
			t.Errorf("confirmed behind a gap, isOrig %v", isOrig)
		}
	}
}

func TestAHelloThatIsTooLongIsNotKept(t *testing.T) {
	long := []byte{1, 0xff, 0xff, 0xff}
	h := run([]chunk{orig(record(22, long...), record(22, make([]byte, 1<<14)...))}, 1<<20)
	if h.confirmed || h.violations != nil {
		t.Errorf("confirmed %v, violations %v", h.confirmed, h.violations)
	}
	a := New(&host{}).(*Analyzer)
	a.DeliverStream(record(22, append(long, make([]byte, 1<<14)...)...), true)
	if n := len(a.sides[1].handshake.body); n > 0 {
		t.Errorf("%d octets are kept", n)
	}
}
