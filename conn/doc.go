// Package conn is the connection table: whose bytes are these, and in what
// order. It takes decoded packets, keeps one Conn for each connection (TCP,
// UDP, ICMP, other IP), runs the TCP state machine and its timers, puts the
// streams together and hands them to the analyzers, and raises the connection
// events.
//
// It isn't a TCP stack: what it believes about an endpoint is what Zeek
// believes, faults included. Zeek: src/Conn.cc, session/, packet_analysis/
// protocol/{ip,tcp,udp,icmp,unknown_ip_transport}/, analyzer/protocol/tcp/,
// Reassem.cc, analyzer/protocol/pia/PIA.cc.
//
// # Where to look
//
//	table.go        finding, creating, removing connections; the end of a run
//	conn.go         what all connections have: record, uid, history, timers
//	tcptimer.go     the timers of a TCP connection
//	tcp.go          one TCP segment, step by step
//	tcpstate.go     the state machine and what closing means
//	endpoint.go     one side of a TCP connection: numbers, window, history
//	reassembler.go  one stream put together; gaps
//	blocks.go       the stored pieces of a stream
//	tree.go         the analyzers of a connection; attaching and removing them
//	detect.go       protocol detection by content
//	datagram.go     UDP, ICMP and other protocols
//
// # Concurrency
//
// A Table and its connections belong to one goroutine.
package conn
