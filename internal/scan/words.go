package scan

// Eight octets are looked at at a time: a word holds 0x80 in each octet of
// interest, and its trailing zeros say where the first one is. No octet carries
// into the next, since the top bits are dealt with apart.
const (
	Each = 0x0101010101010101
	Top  = 0x80 * Each
)

// AtLeast has the top bit of each octet of w set that is c or more. The top bits of
// w are to be clear.
func AtLeast(w, c uint64) uint64 { return w + (0x80-c)*Each }

// controls marks the octets of w up to CR.
func controls(w uint64) uint64 { return ^(w | AtLeast(w&^Top, '\r'+1)) & Top }

// notPrintable marks the octets of w beyond ASCII's printable ones, and '='.
func notPrintable(w uint64) uint64 {
	high := w
	w &^= Top
	return (high | ^AtLeast(w, ' ') | AtLeast(w, 0x7f) | ^AtLeast(w^'='*Each, 1)) & Top
}
