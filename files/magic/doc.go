// Package magic names the MIME type of a file from its first octets, as Zeek's
// file signatures do.
//
// It is the answer to "what is this?" only: collecting the first octets of a
// file and deciding when to ask is the file manager's work, and the type that a
// mail header claims plays no part.
//
// The rules are data, in rules.txt, which also explains their notation. index.go
// is made from them and says which octets a rule looks at first, so that only
// the few rules are compiled that a file calls for, when it does: compiling all
// takes longer than a small capture.
//
// Zeek: scripts/base/frameworks/files/magic (the rules), RuleMatcher.cc, Match
// (which rules hold: every one whose expression matches some beginning of the
// data; "." includes line ends, the end of the data is never announced), and
// file_analysis/Manager.cc, DetectMIME (which of them is the answer).
package magic
