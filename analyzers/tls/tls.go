// Package tls recognises TLS behind STARTTLS, so far as conn.log shows it: a
// complete ClientHello confirms the service "ssl". It parses nothing else.
//
// Zeek: analyzer/protocol/ssl/{ssl-protocol,tls-handshake-analyzer}.pac.
package tls

import (
	"encoding/binary"

	"github.com/gzeek/gzeek/analyzers"
)

// Analyzer waits for a ClientHello.
type Analyzer struct {
	host analyzers.Host
	buf  []byte // the client's stream until it is decided
	resp []byte // the first octets of the server's
	done bool
}

// New returns the analyzer of a connection; it implements
// analyzers.Analyzer.
func New(h analyzers.Host) analyzers.Analyzer { return &Analyzer{host: h} }

// Name is Zeek's name of the analyzer.
func (a *Analyzer) Name() string { return "SSL" }

const (
	recordHeader    = 5
	handshakeHeader = 4
	maxHello        = 1 << 16 // of a ClientHello, over several records
)

// DeliverStream looks at the client's octets until they are, or can't be, a
// ClientHello. A server that goes on in plain text before it ends the search:
// the lines behind the first of a reply to STARTTLS.
func (a *Analyzer) DeliverStream(data []byte, isOrig bool) {
	if a.done {
		return
	}
	if !isOrig {
		if n := recordHeader - len(a.resp); n > 0 {
			a.resp = append(a.resp, data[:min(n, len(data))]...)
			a.done = len(a.resp) == recordHeader && !isRecord(a.resp)
		}
		return
	}
	a.buf = append(a.buf, data...)
	if ok, decided := clientHello(a.buf); decided || len(a.buf) > maxHello {
		if ok {
			a.host.Confirm()
		}
		a.done, a.buf = true, nil
	}
}

// isRecord says whether a server's stream may begin with these octets: a record
// of TLS, or a ServerHello of SSL 2 (ssl-protocol.pac,
// determine_ssl_record_layer).
func isRecord(b []byte) bool {
	if b[0]&0x80 != 0 {
		return b[2] == 4 && b[4] < 2
	}
	return b[0] >= 20 && b[0] <= 30 && b[1] == 3 && b[2] <= 3
}

// clientHello says whether b begins with a whole ClientHello of a known
// version (RFC 8446, sections 4.1.2 and 5.1), and whether that is decided yet.
func clientHello(b []byte) (ok, decided bool) {
	var msg []byte
	for {
		if len(b) < recordHeader {
			return false, len(b) > 0 && b[0] != 22
		}
		if b[0] != 22 || b[1] != 3 {
			return false, true
		}
		n := int(binary.BigEndian.Uint16(b[3:]))
		if n == 0 {
			return false, true
		}
		body := b[recordHeader:]
		msg = append(msg, body[:min(n, len(body))]...)
		if len(msg) >= handshakeHeader {
			if msg[0] != 1 {
				return false, true
			}
			length := int(msg[1])<<16 | int(msg[2])<<8 | int(msg[3])
			if length > maxHello {
				return false, true
			}
			if len(msg) >= handshakeHeader+length {
				hello := msg[handshakeHeader:]
				return length >= 2 && hello[0] == 3 && hello[1] <= 4, true
			}
		}
		if len(body) <= n {
			return false, false
		}
		b = body[n:]
	}
}

// Undelivered ends the search: with a hole the stream can't be parsed.
func (a *Analyzer) Undelivered(_ uint64, _ int, isOrig bool) {
	if isOrig {
		a.done, a.buf = true, nil
	}
}

// The rest of analyzers.Analyzer.

func (a *Analyzer) EndpointEOF(bool)        {}
func (a *Analyzer) ConnectionFinished(bool) {}
func (a *Analyzer) ConnectionReset()        {}
func (a *Analyzer) Done()                   { a.buf = nil }
