package mime

import "bytes"

// Lines is what was found ahead of time, without knowing anything of the mail,
// in the octets of one segment: a run of lines that look like base64, and whether
// what stands before them looks like the end of such a line. It may be found on
// another goroutine than the one that uses it.
type Lines struct {
	segment []byte // nil if it wasn't looked at
	first   int    // octets of it up to the first line end, 0 without any
	ends    bool   // these are of the alphabet, but for a CRLF
	// What skimBase64 says of those behind.
	used, decoded int
}

// minLook is how many octets are worth a look ahead.
const minLook = 256

// Look looks at the octets of a segment; nil is none. They are kept until the
// next call.
func (l *Lines) Look(segment []byte) {
	l.segment = nil
	if len(segment) >= minLook {
		l.look(segment)
	}
}

func (l *Lines) look(segment []byte) {
	l.segment = segment
	l.first = bytes.IndexByte(segment, '\n') + 1
	l.ends = l.first >= 2 && segment[l.first-2] == '\r' && allBase64(segment[:l.first-2])
	l.used, l.decoded = skimBase64(segment[l.first:])
}

// base64 is skimBase64, for which it has to look at data only if l doesn't know
// them. l may be nil.
func (l *Lines) base64(data []byte) (used, decoded int) {
	if l != nil && len(l.segment) > 0 && len(data) == len(l.segment)-l.first && len(data) > 0 && &data[0] == &l.segment[l.first] {
		return l.used, l.decoded
	}
	return skimBase64(data)
}

// cut is skimBase64 for data whose first line has begun. It takes nothing
// without that line.
func (l *Lines) cut(begun, data []byte) (used, decoded int) {
	if l == nil || len(l.segment) != len(data) || &data[0] != &l.segment[0] {
		var other Lines
		other.look(data)
		l = &other
	}
	width := len(begun) + l.first - 2
	if !l.ends || width%4 != 0 || width > maxBase64Line || !allBase64(begun) {
		return 0, 0
	}
	return l.first + l.used, width/4*3 + l.decoded
}
