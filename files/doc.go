// Package files is file analysis: it follows the files that travel in the mail
// from their first octet to their last, tells policies about them, and runs the
// file analyzers that policies attach (hashing, extraction, delivery of the
// content).
//
// A protocol analyzer hands in what it has decoded, piece by piece
// ([Manager.DataIn]), and which file a piece belongs to is asked of the policies
// (get_file_handle). The package knows nothing of mail, names no file's type
// itself (package magic does) and writes no log: the files policy does.
//
// Zeek: src/file_analysis/{Manager,File,FileTimer,AnalyzerSet}.cc,
// file_analysis/analyzer/{hash,extract,data_event}/.
//
// # Where to look
//
//	manager.go    which file, its beginning and its end, timeouts
//	file.go       one file: its first octets, gaps, events, delivery
//	analyzer.go   what is attached to a file, and when that changes
//	hash.go       MD5, SHA1, SHA256
//	extract.go    EXTRACT
//	dataevent.go  DATA_EVENT
//	name.go       file names that can do no harm
//	options.go    options under Zeek's names
//
// # What is left out
//
// Content comes in order from mail, so there is no reassembly of files
// (Files::enable_reassembler, Files::reassembly_buffer_size), no announced size
// (total_bytes stays unset) and no overflow. PE, X509 and the OCSP analyzers can
// be attached, because files.log names them, and do nothing. Files::disable has
// no effect in Zeek 8.0.9 (Manager::IsDisabled looks up a number in a table that
// is indexed by analyzers), so it isn't an option here.
//
// Zeek keeps the analyzers of a file in a hash table; here they stay in the
// order of attachment. That is visible only in the order of the file_hash events
// of one file.
//
// # Concurrency
//
// A Manager and its files belong to one goroutine.
package files
