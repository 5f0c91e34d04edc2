// Package event is the vocabulary that the rooms of gzeek share: the queue, the
// events with their Zeek names and parameters, and the values that handlers see
// (a connection, a file).
//
// Analyzers and the connection table enqueue; policies handle. Neither side
// imports the other, both import this package. It holds no parsing and no
// policy.
//
// The order in which handlers run is Zeek's (Event.cc, EventMgr::Drain; Func.cc,
// ScriptFunc::Invoke): one FIFO, drained after each packet and at the few points
// where Zeek drains earlier, at most two generations a drain; the bodies of one
// event by falling priority, equal ones in the order of registration.
//
// # Ownership
//
// Byte slices inside an event are borrowed: they are valid while its handlers
// run. Who keeps one copies it.
//
// # Concurrency
//
// A Queue and everything reached from it belong to one goroutine.
package event
