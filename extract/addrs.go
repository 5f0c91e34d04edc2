package extract

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/gzeek/gzeek/internal/scan"
	"github.com/gzeek/gzeek/pattern"
)

// ipAddr is ip_addr_regex (addrs.zeek). An octet has no more than three digits and is no more than 255; a compressed IPv6
// address is written out for each number of groups before the "::"; what ends in an IPv4 address has no colon between it and
// the compressed part, so that in ::ffff:1.2.3.4 only ::ffff:1 is found.
var ipAddr = sync.OnceValue(func() *pattern.Pattern {
	const group = "[0-9A-Fa-f]{1,4}"
	const octet = `([0-9]{1,2}|[01][0-9]{2}|2[0-4][0-9]|25[0-5])`
	const v4 = octet + `\.` + octet + `\.` + octet + `\.` + octet

	// compressed has at most total groups, the "::" for at least one more.
	compressed := func(total int) string {
		forms := []string{"::(" + group + "(:" + group + "){0," + strconv.Itoa(total-1) + "})?"}
		for lead := 1; lead <= total; lead++ {
			form := group + "(:" + group + "){" + strconv.Itoa(lead-1) + "}::"
			if rest := total - lead; rest > 0 {
				form += "(" + group + "(:" + group + "){0," + strconv.Itoa(rest-1) + "})?"
			}
			forms = append(forms, form)
		}
		return "(" + strings.Join(forms, "|") + ")"
	}
	return pattern.MustCompile("/" + strings.Join([]string{
		v4,
		"(" + group + ":){7}" + group,
		compressed(7),
		"(" + group + ":){6}" + v4,
		compressed(5) + v4,
	}, "|") + "/")
})

// ExtractIPAddresses is extract_ip_addresses: the texts in s that are IP addresses, from left to right, appended to dst. With
// checkWrapping an address counts only if it is the whole of s or between addresses, or wrapped in [], (), {} or two blanks.
func ExtractIPAddresses(dst [][]byte, s []byte, checkWrapping bool) [][]byte {
	if !mayHoldIPv6(s) {
		return extractV4(dst, s, checkWrapping)
	}
	var buf [16][]byte
	parts := ipAddr().AppendSplit(buf[:0], s, true, 0)
	for i := 1; i < len(parts); i += 2 {
		if !IsValidIP(parts[i]) {
			continue
		}
		if !checkWrapping || wrapped(parts[i-1], parts[i+1]) {
			dst = append(dst, parts[i])
		}
	}
	return dst
}

// extractV4 is ExtractIPAddresses for a text without an IPv6 address. What ipAddr takes for one of IPv4 is valid.
func extractV4(dst [][]byte, s []byte, checkWrapping bool) [][]byte {
	before := 0 // the end of the address before
	start, end, ok := nextV4(s, 0)
	for ok {
		next, nextEnd, more := nextV4(s, end)
		after := len(s)
		if more {
			after = next
		}
		if !checkWrapping || wrapped(s[before:start], s[end:after]) {
			dst = append(dst, s[start:end:end])
		}
		before, start, end, ok = end, next, nextEnd, more
	}
	return dst
}

func wrapped(before, after []byte) bool {
	if len(before) == 0 || len(after) == 0 {
		return len(before) == len(after)
	}
	switch before[len(before)-1] {
	case '[':
		return after[0] == ']'
	case '(':
		return after[0] == ')'
	case '{':
		return after[0] == '}'
	case ' ':
		return after[0] == ' '
	}
	return false
}

// mayHoldIPv6 is a quick no: what isn't an IPv4 address has "::", or seven colons, or six and three dots.
func mayHoldIPv6(s []byte) bool {
	for colons := 1; ; colons++ {
		i := bytes.IndexByte(s, ':')
		if i < 0 {
			return false
		}
		if s = s[i+1:]; colons == 6 || len(s) > 0 && s[0] == ':' {
			return true
		}
	}
}

// nextV4 finds the first IPv4 address of ipAddr at or after pos. It begins with up to three digits before a dot, of which
// as many belong to it as make an octet; what is between the other dots is an octet or not, and of the digits at the end
// again as many count as make one.
func nextV4(s []byte, pos int) (start, end int, ok bool) {
	for at := pos + 1; ; at++ {
		at = scan.DotInNumber(s, at)
		if at < 0 {
			return 0, 0, false
		}
		start = at
		for start > pos && at-start < 3 && isDigit(s[start-1]) {
			start--
		}
		if !isOctet(s[start:at]) {
			start++
		}
		if end, ok := afterV4(s, at); ok {
			return start, end, true
		}
	}
}

// afterV4 is the end of the address whose first dot is at.
func afterV4(s []byte, at int) (end int, ok bool) {
	for dots := 1; ; dots++ {
		from, v := at+1, 0
		for end = from; end < len(s) && end-from < 3; end++ {
			d := s[end] - '0'
			if d > 9 {
				break
			}
			v = v*10 + int(d)
		}
		if end == from {
			return 0, false
		}
		if dots == 3 {
			if v > 255 {
				end-- // two of the three digits
			}
			return end, true
		}
		if v > 255 || end == len(s) || s[end] != '.' {
			return 0, false
		}
		at = end
	}
}

// isOctet says whether up to three digits are an octet.
func isOctet(digits []byte) bool {
	return len(digits) == 1 || len(digits) == 2 ||
		len(digits) == 3 && (digits[0] < '2' || digits[0] == '2' && (digits[1] < '5' || digits[1] == '5' && digits[2] <= '5'))
}

// ParseAddr is what to_addr makes of a text, with the quirks of Zeek's parser: octets are decimal numbers with zeros, signs
// and white space before them. IPv4-mapped addresses are IPv4. If the text is no address, to_addr gives ::, and ok is false.
// Zeek: IPAddr.cc, ConvertString.
func ParseAddr(s []byte) (addr netip.Addr, ok bool) {
	if octets, valid, _ := plainV4(s); valid {
		return netip.AddrFrom4(octets), true
	}
	if bytes.IndexByte(s, ':') >= 0 {
		if bytes.IndexByte(s, '%') >= 0 {
			return netip.IPv6Unspecified(), false
		}
		a, err := netip.ParseAddr(string(s))
		if err != nil {
			return netip.IPv6Unspecified(), false
		}
		return a.Unmap(), true
	}
	var octets [4]byte
	for i := range octets {
		if i > 0 {
			if len(s) == 0 || s[0] != '.' {
				return netip.IPv6Unspecified(), false
			}
			s = s[1:]
		}
		v, rest, ok := scanInt(s)
		if !ok || v < 0 || v > 255 {
			return netip.IPv6Unspecified(), false
		}
		octets[i], s = byte(v), rest
	}
	if len(s) > 0 {
		return netip.IPv6Unspecified(), false
	}
	return netip.AddrFrom4(octets), true
}

// scanInt reads a number as scanf's %d does where int has 32 bits and long 64.
func scanInt(s []byte) (v int32, rest []byte, ok bool) {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	var n uint64
	for len(s) > 0 && isDigit(s[0]) {
		d := uint64(s[0] - '0')
		s, ok = s[1:], true
		if n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
			if negative {
				n++
			}
			for len(s) > 0 && isDigit(s[0]) {
				s = s[1:]
			}
			break
		}
		n = n*10 + d
	}
	if negative {
		n = -n
	}
	return int32(n), s, ok
}

// IsValidIP is is_valid_ip: whether s is an IP address, up to its first NUL if it has one.
func IsValidIP(s []byte) bool {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	if _, valid, ok := plainV4(s); ok {
		return valid
	}
	_, ok := ParseAddr(s)
	return ok
}

// plainV4 reads an address of digits and dots alone; ok is false for everything else, of which it knows nothing.
func plainV4(s []byte) (octets [4]byte, valid, ok bool) {
	dots, digits, v := 0, 0, 0
	for _, c := range s {
		switch {
		case isDigit(c):
			if digits++; digits > 9 {
				return octets, false, false
			}
			v = v*10 + int(c-'0')
		case c == '.':
			if digits == 0 || v > 255 || dots == 3 {
				return octets, false, true
			}
			octets[dots] = byte(v)
			dots++
			digits, v = 0, 0
		default:
			return octets, false, false
		}
	}
	octets[3] = byte(v)
	return octets, dots == 3 && digits > 0 && v <= 255, true
}
