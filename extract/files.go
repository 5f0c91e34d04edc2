package extract

import (
	"bytes"
	"sync"

	"github.com/gzeek/gzeek/pattern"
)

// Zeek: scripts/base/utils/files.zeek. In the second one the range from + to ^ is as wide as it looks: digits, capitals and
// most punctuation are in it.
var (
	upToName = sync.OnceValue(func() *pattern.Pattern {
		return pattern.MustCompile(`/^.*[nN][aA][mM][eE][[:blank:]]*\*?=[[:blank:]]*/`)
	})
	languageTag = sync.OnceValue(func() *pattern.Pattern {
		return pattern.MustCompile("/^[a-zA-Z0-9!#$%&+-^_`{}~]+'[a-zA-Z0-9!#$%&+-^_`{}~]*'/")
	})
	upToApostrophe = sync.OnceValue(func() *pattern.Pattern {
		return pattern.MustCompile(`/^.+'.*'/`)
	})
)

// ExtractFilenameFromContentDisposition is extract_filename_from_content_disposition: what follows the last "name=" or
// "name*=" of the value's first line, up to the closing quote if it begins with one and to the end of the value if not; without
// charset'language', percent-decoded. A value without a "name=" is taken for the name itself.
func ExtractFilenameFromContentDisposition(value []byte) []byte {
	name := upToName().Sub(value, nil)
	if len(name) > 0 && name[0] == '"' {
		name = name[1:]
		name = name[:indexFrom(name, 0, '"')]
	}
	if bytes.IndexByte(name, '\'') >= 0 && languageTag().MatchAnywhere(name) {
		name = upToApostrophe().Sub(name, nil)
	}
	return UnescapeURI(name)
}

// UnescapeURI is unescape_URI: s with %41 and %u0041 decoded. A percent sign before another one is dropped; one that begins no
// escape stays. The result is s itself if it has no percent sign, else new. Zeek: analyzer/protocol/http/HTTP.cc.
func UnescapeURI(s []byte) []byte {
	i := bytes.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		esc := s[i+1:]
		switch {
		case len(esc) < 2:
			return append(out, s[i:]...) // cut short: as it is
		case esc[0] == '%':
		case isHex(esc[0]) && isHex(esc[1]):
			out = append(out, hexValue(esc[0])<<4|hexValue(esc[1]))
			i += 2
		case len(esc) >= 5 && esc[0] == 'u' && isHex(esc[1]) && isHex(esc[2]) && isHex(esc[3]) && isHex(esc[4]):
			// A high octet of zero is not written.
			if esc[1] != '0' || esc[2] != '0' {
				out = append(out, hexValue(esc[1])<<4|hexValue(esc[2]))
			}
			out = append(out, hexValue(esc[3])<<4|hexValue(esc[4]))
			i += 5
		default:
			out = append(out, '%', esc[0])
			i++
		}
	}
	return out
}
