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
	host  analyzers.Host
	hello clientHello
	resp  []byte // the first octets of the server's
	done  bool
}

// New returns the analyzer of a connection; it implements
// analyzers.Analyzer.
func New(h analyzers.Host) analyzers.Analyzer { return &Analyzer{host: h} }

// Name is Zeek's name of the analyzer.
func (a *Analyzer) Name() string { return "SSL" }

const (
	recordHeader    = 5
	handshakeHeader = 4
	maxHello        = 1 << 16 // octets of the stream in which it has to end
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
	if ok, decided := a.hello.feed(data); decided {
		if ok {
			a.host.Confirm()
		}
		a.done = true
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

// clientHello looks for a whole ClientHello of a known version at the beginning
// of a stream (RFC 8446, sections 4.1.2 and 5.1), octet by octet and without
// keeping them, so that it doesn't matter how the stream is cut.
type clientHello struct {
	seen   int // octets of the stream
	header [recordHeader]byte
	inHead int // octets of header that are there
	left   int // octets of the record that are still to come
	msg    [handshakeHeader + 2]byte
	inMsg  int // octets of the message, of which msg has the first
}

// feed takes the next octets, and says whether they complete a ClientHello, and
// whether that is decided.
func (h *clientHello) feed(data []byte) (ok, decided bool) {
	data = data[:min(len(data), maxHello-h.seen)]
	h.seen += len(data)
	for len(data) > 0 {
		if h.left == 0 {
			n := copy(h.header[h.inHead:], data)
			h.inHead += n
			data = data[n:]
			if h.header[0] != 22 {
				return false, true
			}
			if h.inHead < recordHeader {
				break
			}
			h.inHead = 0
			h.left = int(binary.BigEndian.Uint16(h.header[3:]))
			if h.header[1] != 3 || h.left == 0 {
				return false, true
			}
			continue
		}
		body := data[:min(len(data), h.left)]
		if h.inMsg < len(h.msg) {
			copy(h.msg[h.inMsg:], body)
		}
		h.inMsg += len(body)
		h.left -= len(body)
		data = data[len(body):]
		if h.inMsg < handshakeHeader {
			continue
		}
		m := &h.msg
		length := int(m[1])<<16 | int(m[2])<<8 | int(m[3])
		if m[0] != 1 || length > maxHello {
			return false, true
		}
		if h.inMsg >= handshakeHeader+length {
			return length >= 2 && m[4] == 3 && m[5] <= 4, true
		}
	}
	return false, h.seen == maxHello
}

// Undelivered ends the search: with a hole the stream can't be parsed.
func (a *Analyzer) Undelivered(_ uint64, _ int, isOrig bool) {
	if isOrig {
		a.done = true
	}
}

// The rest of analyzers.Analyzer.

func (a *Analyzer) EndpointEOF(bool)        {}
func (a *Analyzer) ConnectionFinished(bool) {}
func (a *Analyzer) ConnectionReset()        {}
func (a *Analyzer) Done()                   {}
