package mime

import "bytes"

// Lines is what was found ahead of time, without knowing anything of the mail,
// in the octets of one segment: a run of lines that look like base64. It may be
// found on another goroutine than the one that uses it.
type Lines struct {
	from          []byte // the octets behind the segment's first line end
	used, decoded int    // what skimBase64 says of them
}

// minLook is how many octets are worth a look ahead.
const minLook = 256

// Look looks at the octets of a segment; nil is none. They are kept until the
// next call.
func (l *Lines) Look(segment []byte) {
	l.from = nil
	if len(segment) < minLook {
		return
	}
	// A segment seldom begins with a line.
	rest := segment[bytes.IndexByte(segment, '\n')+1:]
	if len(rest) == 0 {
		return
	}
	l.from = rest
	l.used, l.decoded = skimBase64(rest)
}

// base64 is skimBase64, for which it has to look at data only if l doesn't know
// them. l may be nil.
func (l *Lines) base64(data []byte) (used, decoded int) {
	if l != nil && len(l.from) > 0 && len(data) == len(l.from) && &data[0] == &l.from[0] {
		return l.used, l.decoded
	}
	return skimBase64(data)
}
