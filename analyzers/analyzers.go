// Package analyzers holds the seam between a connection and what parses its
// bytes. The analyzers themselves live below it: contentline, smtp, mime.
//
// An analyzer gets the two byte streams of one connection, in order, with the
// holes marked, and raises events. It knows its connection only as a Host.
// Zeek: src/analyzer/Analyzer.h, analyzer/protocol/tcp/TCP.h.
package analyzers

import (
	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/event"
)

// Analyzer parses one connection's streams.
//
// Data is borrowed for the call. Methods are called from one goroutine. After
// Done nothing else is called.
type Analyzer interface {
	// Name is the analyzer's tag without prefix, in upper case: "SMTP".
	Name() string
	// DeliverStream hands over the next octets of one side.
	DeliverStream(data []byte, isOrig bool)
	// Undelivered says that n octets of one side, from relative sequence
	// number seq on, were acknowledged but never seen.
	Undelivered(seq uint64, n int, isOrig bool)
	// EndpointEOF says that one side will send nothing more.
	EndpointEOF(isOrig bool)
	// ConnectionFinished says that both sides have closed (half: the other
	// one was never seen active).
	ConnectionFinished(half bool)
	// ConnectionReset says that a side has reset the connection.
	ConnectionReset()
	// Done flushes what is open: the connection or the analyzer goes away.
	Done()
}

// Host is what an analyzer may ask of its connection.
type Host interface {
	// Conn refreshes the script record (and draws the uid) and returns it, to
	// be put into an event: Connection::GetVal.
	Conn() *event.Conn
	// Events are the topics of the run.
	Events() *event.Events
	// IsPartial says that the connection's beginning was not seen
	// (TCP_Analyzer::IsPartial). It may change.
	IsPartial() bool
	// HadGap says that octets of that side were missed (TCP_Analyzer::HadGap).
	HadGap(isOrig bool) bool
	// Removing says that the analyzer was disabled, or has ended: it gets the
	// rest of the octets that are being delivered, but what it splits them into
	// is not parsed any more (Analyzer.cc, SupportAnalyzer::ForwardStream).
	Removing() bool
	// Weird raises conn_weird, sampled as Zeek samples.
	Weird(name, addl, source string)
	// AddHistory appends a letter to the connection's history unless it was
	// added before for that kind (Connection::AddHistory).
	AddHistory(letter byte)
	// Lines is what was found ahead of time in the octets that are being
	// delivered; nil for nothing.
	Lines() *mime.Lines
	// StartTime is the connection's first packet's time.
	StartTime() float64
	// Confirm raises analyzer_confirmation_info, once an analyzer.
	Confirm()
	// Violation raises analyzer_violation_info unless the connection is
	// partial or had a gap (TCP_ApplicationAnalyzer::AnalyzerViolation). data
	// may be nil; it is borrowed for the call.
	Violation(reason string, data []byte)
	// StartTLS says that from here on the streams are TLS, and returns where
	// their octets go. What recognises TLS is the caller's child in Zeek: it gets
	// all of them from the caller, whoever delivers to that.
	StartTLS() func(data []byte, isOrig bool)
}
