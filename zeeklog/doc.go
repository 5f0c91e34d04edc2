// Package zeeklog writes and reads Zeek's logs.
//
// The writing side is Zeek's logging framework: a [Manager] owns streams
// ([Manager.CreateStream]), a [Stream] has columns and filters
// ([Stream.AddFilter]), and every filter leads rows to writers, one per path.
// The built-in writer is Zeek's ASCII writer (tab separated values with a
// header, or JSON lines); others register by name ([Manager.RegisterWriter]).
// The bytes are those of Zeek 8.0.9.
//
// The reading side ([NewReader], [Open]) takes such files back, whoever wrote
// them: any separators, changed headers, concatenated, truncated, compressed,
// JSON with every form of time stamp.
//
// The package knows nothing of packets, events or policies and imports no
// other package of gzeek, so that any Go program may use it alone.
//
// Only [Decompress] (and so [Open]) and the commands of postprocessors start
// goroutines. A Manager and what it made must be used by one goroutine at a time;
// so must a Reader. Different ones are independent.
//
// Source in Zeek: src/logging/Manager.cc, src/logging/writers/ascii/Ascii.cc,
// src/threading/formatters/{Ascii,JSON}.cc, src/Desc.cc and
// scripts/base/frameworks/logging.
package zeeklog
