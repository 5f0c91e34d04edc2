package files

import (
	"strings"
	"unicode/utf8"
)

// maxName is the longest name that SafeName returns, in octets; the file systems
// in use take 255.
const maxName = 200

// SafeName makes a file name out of whatever a mail says: one element, no path,
// in valid UTF-8, without control characters, characters that shells or other
// systems mind, or a leading dot, and of at most 200 octets. The end of a long
// name, with its extension, is kept. It never returns "".
func SafeName(s string) string {
	if len(s) > 4*maxName { // enough for the end, whatever is replaced
		s = s[len(s)-4*maxName:]
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch {
		case r == utf8.RuneError, r < ' ', r >= 0x7f && r <= 0x9f, r == '\u2028', r == '\u2029',
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069',
			strings.ContainsRune(`/\:*?"<>|`, r):
			b.WriteByte('_')
		default:
			b.WriteRune(r)
		}
	}
	name := b.String()
	if len(name) > maxName {
		name = name[len(name)-maxName:]
		for len(name) > 0 && !utf8.RuneStart(name[0]) {
			name = name[1:]
		}
	}
	name = strings.TrimRight(name, ". ")
	if name == "" {
		return "_"
	}
	if name[0] == '.' || name[0] == '-' || name[0] == ' ' {
		name = "_" + name[1:]
	}
	return name
}
