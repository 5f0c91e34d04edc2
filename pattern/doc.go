// Package pattern is Zeek's pattern type: the regular expressions of Zeek scripts and signatures and the string functions
// that take them.
//
// It is not a general regular expression package. Go's regexp reads another syntax, matches runes and prefers the leftmost
// alternative; Zeek's patterns match octets, always take the longest match, treat the beginning and the end of the input as
// two extra symbols, and know flex's quotes and classes. Where an odd consequence of that design can be seen in a log, it is
// reproduced here and said so at the place.
//
// Three layers, one file group each:
//
//   - the text: expr.go reads what a user writes (/a/i | /b/), scan.go and parse.go read one regular expression;
//   - the machine: nfa.go, dfa.go (forward), reverse.go (where can a match begin at all);
//   - the use: pattern.go (==, in, prefix), search.go (split, sub, find), stream.go (signatures).
//
// # Concurrency and ownership
//
// A [Pattern] is immutable to its users and safe for any number of goroutines: the automaton behind it grows as inputs need
// it, transitions are published with atomic stores, and only the computation of a new one takes a lock. A [Stream] belongs to
// one goroutine. Inputs are borrowed for the call. Results of type [][]byte and []byte that are parts of the input alias it;
// whoever keeps them copies them. Each function says which.
//
// # Limits
//
// Text, nesting and size of the automaton are limited ([ErrTooLarge]); the cache of automaton states is bounded and begins
// anew when it is full. Searching takes time proportional to the input, whatever the input is.
//
// Zeek: re-scan.l, re-parse.y, RE.cc, NFA.cc, DFA.cc, CCL.cc, EquivClass.cc; strings.bif; Val.cc (StringVal::Replace).
package pattern
