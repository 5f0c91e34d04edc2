// Package extract is Zeek's text helpers: what scripts of base/utils find in header values, mail bodies and replies.
//
// It isn't the place for patterns in general (package pattern) nor for rendering values (package zeeklog), and it keeps
// Zeek's oddities: an address that swallows what follows it, ^ that holds in the middle of a text, leftmost longest IP
// addresses without word boundaries. Functions that scripts call for every message are written by hand, and tests hold them
// equal to the patterns they stand for.
//
// # Ownership and concurrency
//
// Inputs are borrowed. Results alias the input where they are a piece of it and are new where something had to be cut out of
// the middle; copy what is kept. All functions are safe for concurrent use.
//
// # Limit
//
// Zeek's find_all takes no input that is longer than max_find_all_string_length: it raises the weird
// max_find_all_string_length_exceeded and returns nothing. Functions with a parameter maxLen do that too and report it by
// their last result, so that the caller raises the weird; its addl names the place in the script. A maxLen of 0 or less is no
// limit.
//
// # Sets
//
// A set of Zeek is visited in the order of its hash table. Functions that return one return its additions, in the order in
// which the script makes them, repeated ones included: put them into a dict.StringSet one after the other and its order is
// Zeek's. Some scripts make one set by looping over another; their functions take an [Order] for the set in between. So the
// whole chain of `for ( a in extract_email_addrs_set(s) ) add x[a];` is
//
//	adds, _ := ExtractEmailAddrsSet(nil, s, max, order) // find_all's set in order: additions to the returned set
//	for _, a := range order(adds) {                     // the returned set in order: additions to x
//		x.Add(string(a))
//	}
//
// Zeek: scripts/base/utils/{email,addrs,urls,numbers,files,strings}.zeek, strings.bif.
package extract

// DefaultMaxFindAllStringLength is the default of the option max_find_all_string_length, in octets. Zeek: init-bare.zeek.
const DefaultMaxFindAllStringLength = 10000

func exceeds(s []byte, maxLen int) bool { return maxLen > 0 && len(s) > maxLen }
