// Package mailgen writes captures of mail traffic that never took place: whole
// SMTP sessions over TCP with right checksums, many of them at a time on one
// clock, as a classic pcap file. The benchmarks, the memory tests and the
// comparisons on large captures use it, so that nobody needs (or may see) a
// real site's mail.
//
// The same [Params] give the same bytes on every machine and with every
// version of Go: randomness comes from PCG alone and no floating point is used.
//
// It is not a fuzzer: what a session says is valid SMTP and MIME (RFC 5321,
// RFC 2045), and only the faults asked for ([Params.Loss] and its like) and
// the profiles named hostile break anything. It does not read captures, and it
// shares no code with gzeek's own decoder, so that the two can't agree on an
// error.
//
// A capture is made where a tap beside the receiving server would make it: the
// server reacts within microseconds, the client after a round trip.
package mailgen
