// Package tls follows TLS behind STARTTLS, so far as conn.log shows it: a
// ClientHello confirms the service "ssl", and what can't be TLS is a violation,
// which takes the service away again. Nothing else is told of it.
//
// Certificates and keys are not looked at: a message whose inside is broken is a
// violation only if it is a hello.
//
// Files: tls.go the record layer, handshake.go the messages in its records.
//
// Zeek: analyzer/protocol/ssl/{SSL.cc,ssl-protocol.pac,ssl-dtls-protocol.pac,
// ssl-analyzer.pac,tls-handshake-protocol.pac,tls-handshake-analyzer.pac}.
package tls

import (
	"encoding/binary"
	"fmt"

	"github.com/gzeek/gzeek/analyzers"
)

// Analyzer follows one connection from the 220 of STARTTLS on.
type Analyzer struct {
	host  analyzers.Host
	sides [2]side // the responder's, the originator's

	record     uint16 // version of the record layer, 0 until there was a record
	negotiated uint16 // what the first ServerHello has chosen, 0 until then
	// done: what was a violation can't be followed any further, and what is
	// encrypted by both sides needn't be (SSL::disable_analyzer_after_detection).
	done bool
}

// New returns the analyzer of a connection; it implements
// analyzers.Analyzer.
func New(h analyzers.Host) analyzers.Analyzer { return &Analyzer{host: h} }

// Name is Zeek's name of the analyzer.
func (a *Analyzer) Name() string { return "SSL" }

const recordHeader = 5

// Types of records (RFC 8446, section 5.1; RFC 6520, section 3). Those of SSL 2
// are numbered as Zeek numbers them.
const (
	changeCipherSpec = 20
	alert            = 21
	handshakeRecord  = 22
	applicationData  = 23
	heartbeat        = 24
	sslClientHello   = 301
)

// Versions, as they stand in records and hellos.
const (
	ssl2  = 0x0002
	ssl3  = 0x0300
	tls12 = 0x0303
	tls13 = 0x0304
)

// side is one direction.
type side struct {
	header    [recordHeader]byte
	inHead    int    // octets of header that are there
	kind      int    // type of the record
	left      int    // octets of the record that are still to come
	body      []byte // those that are there, of a record that is looked into
	encrypted bool
	handshake handshake
}

// DeliverStream takes the next octets of a side.
func (a *Analyzer) DeliverStream(data []byte, isOrig bool) {
	s := a.side(isOrig)
	for len(data) > 0 && !a.done {
		if s.inHead < recordHeader {
			n := copy(s.header[s.inHead:], data)
			s.inHead += n
			data = data[n:]
			if s.inHead == recordHeader {
				a.begin(s, isOrig)
			}
			continue
		}
		n := min(len(data), s.left)
		if s.looksInside() {
			s.body = append(s.body, data[:n]...)
		}
		s.left -= n
		data = data[n:]
		if s.left == 0 {
			s.inHead = 0
			a.complete(s, isOrig)
			s.body = nil
		}
	}
}

func (a *Analyzer) side(isOrig bool) *side {
	if isOrig {
		return &a.sides[1]
	}
	return &a.sides[0]
}

// looksInside says whether the octets of the record are needed when it is there
// as a whole.
func (s *side) looksInside() bool { return !s.encrypted && s.kind != applicationData }

// begin judges the header of a record (ssl-protocol.pac,
// determine_ssl_record_layer).
func (a *Analyzer) begin(s *side, isOrig bool) {
	h := &s.header
	version := binary.BigEndian.Uint16(h[1:])
	s.kind, s.left = int(h[0]), int(binary.BigEndian.Uint16(h[3:]))
	switch {
	case a.record != 0:
		if !isRecordVersion(version) {
			a.stop(fmt.Sprintf("Invalid version late in TLS connection. Packet reported version: %d", version))
		}
	case h[0]&0x80 != 0:
		a.beginSSL2(s, isOrig)
	case !isRecordVersion(version):
		a.stop(fmt.Sprintf("Invalid version in TLS connection. Version: %d", version))
	case h[0] < 20 || h[0] > 30:
		a.stop(fmt.Sprintf("Invalid type in TLS connection. Version: %d, Type: %d", version, h[0]))
	default:
		a.record = version
	}
	if s.left <= 0 {
		s.inHead = 0 // a record of nothing
	}
}

// beginSSL2 takes the header of a record of SSL 2. A client may begin with that
// and go on with TLS; a server that answers so speaks it, and is left alone.
func (a *Analyzer) beginSSL2(s *side, isOrig bool) {
	h := &s.header
	version := binary.BigEndian.Uint16(h[3:])
	switch {
	case h[2] == 1 && isOrig:
		if version != ssl2 && !isRecordVersion(version) {
			a.stop(fmt.Sprintf("Invalid version in SSL client hello. Version: %d", version))
		}
		s.kind, s.left = sslClientHello, int(h[0]&0x7f)<<8+int(h[1])-3
	case h[2] == 4 && h[4] < 2 && !isOrig:
		a.done = true
	default:
		a.stop(fmt.Sprintf("Invalid headers in SSL connection. Head1: %d, head2: %d, head3: %d", h[1], h[2], h[3]))
	}
}

// complete takes a record that is there as a whole.
func (a *Analyzer) complete(s *side, isOrig bool) {
	if !s.encrypted && s.kind == applicationData && (a.negotiated < ssl3 || a.negotiated > tls12) && a.negotiated != ssl2 {
		// There is no other sign in TLS 1.3 (ssl-protocol.pac, determine_state).
		s.encrypted = true
	}
	if s.encrypted {
		a.done = a.sides[0].encrypted && a.sides[1].encrypted
		return
	}
	switch s.kind {
	case changeCipherSpec:
		s.encrypted = !a.isTLS13()
		if s.encrypted && len(s.body) > 1 {
			a.done = a.sides[0].encrypted && a.sides[1].encrypted
		}
	case alert:
		if n := min(len(s.body), a.maxAlerts()*2); n%2 != 0 {
			a.broken("Alert:description", n+1, n)
		}
	case handshakeRecord:
		a.handshakeOctets(&s.handshake, s.body, isOrig)
	case heartbeat:
		if n := len(s.body); n < 3 {
			a.broken("Heartbeat:payload_length", 3, n)
		}
	case sslClientHello:
		a.ssl2ClientHello(s)
	case applicationData:
	default:
		a.host.Violation(fmt.Sprintf("unknown SSL record type (%d) from %s", s.kind, sender(isOrig)), nil)
	}
}

// maxAlerts is SSL::max_alerts_per_record; TLS 1.3 allows one.
func (a *Analyzer) maxAlerts() int {
	if a.isTLS13() {
		return 1
	}
	return 10
}

// isTLS13 counts drafts too (ssl-dtls-protocol.pac, determine_tls13).
func (a *Analyzer) isTLS13() bool { return a.negotiated == tls13 || a.negotiated/0xff == 0x7f }

func isRecordVersion(v uint16) bool { return v >= ssl3 && v <= tls12 }

// stop raises a violation after which nothing makes sense.
func (a *Analyzer) stop(reason string) {
	a.host.Violation(reason, nil)
	a.done = true
}

// broken raises the violation of something whose field needs more octets than
// there are.
func (a *Analyzer) broken(field string, need, have int) {
	a.stop(fmt.Sprintf("Binpac exception: binpac exception: out_of_bound: %s: %d > %d", field, need, have))
}

func sender(isOrig bool) string {
	if isOrig {
		return "originator"
	}
	return "responder"
}

// Undelivered ends the analysis: SMTP, which the streams come through, doesn't
// know any more what they are (SMTP.cc, Undelivered).
func (a *Analyzer) Undelivered(uint64, int, bool) { a.done = true }

// Done drops what is kept.
func (a *Analyzer) Done() {
	a.done = true
	a.sides = [2]side{}
}

// The rest of analyzers.Analyzer.

func (a *Analyzer) EndpointEOF(bool)        {}
func (a *Analyzer) ConnectionFinished(bool) {}
func (a *Analyzer) ConnectionReset()        {}
