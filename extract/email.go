package extract

import "bytes"

// An address is what stands around an @. In Zeek's pattern (email.zeek)
//
//	/(^|[<,:[:blank:]])[^<,:[:blank:]@]+"@"[^>,;[:blank:]]+([>,;[:blank:]]|$)/
//
// the ^ holds at every offset, since find_all signals a beginning at each, so that the opening character is taken if it is
// there and else not needed.
// What an octet may be in a match.
const (
	opens      = 1 << iota // may stand before the local part
	notInLocal             // ends the local part, to the left
	endsDomain             // ends the domain and belongs to the match
	notKept                // is cut out of the match, wherever it stands
)

var inEmail = func() (roles [256]uint8) {
	for role, octets := range map[uint8]string{opens: "<,: \t", notInLocal: "<,: \t@", endsDomain: ">,; \t", notKept: "<>,:; \t"} {
		for i := range len(octets) {
			roles[octets[i]] |= role
		}
	}
	return roles
}()

// nextEmail finds the first match at or after pos, without an end if there is none. plain says that nothing has to be cut out
// of its middle.
func nextEmail(s []byte, pos int) (start, end int, plain, ok bool) {
	for {
		at := bytes.IndexByte(s[pos:], '@')
		if at < 0 {
			return 0, 0, false, false
		}
		at += pos
		seen := uint8(0)
		local := at
		for local > pos {
			role := inEmail[s[local-1]]
			if role&notInLocal != 0 {
				break
			}
			seen |= role
			local--
		}
		if local == at || at+1 == len(s) || inEmail[s[at+1]]&endsDomain != 0 {
			pos = at + 1
			continue
		}
		end = at + 1
		for end < len(s) {
			role := inEmail[s[end]]
			if role&endsDomain != 0 {
				break
			}
			seen |= role
			end++
		}
		if local > pos && inEmail[s[local-1]]&opens != 0 {
			local--
		}
		if end < len(s) {
			end++
		}
		return local, end, seen&notKept == 0, true
	}
}

// trimAddress is keepAddress of a plain match.
func trimAddress(m []byte) []byte {
	for len(m) > 0 && inEmail[m[0]]&notKept != 0 {
		m = m[1:]
	}
	for len(m) > 0 && inEmail[m[len(m)-1]]&notKept != 0 {
		m = m[:len(m)-1]
	}
	return m[:len(m):len(m)]
}

// keepAddress is the match without the characters that are not part of an address.
func keepAddress(m []byte) []byte {
	m = trimAddress(m)
	for i, c := range m {
		if inEmail[c]&notKept != 0 {
			kept := append(make([]byte, 0, len(m)), m[:i]...)
			for _, c := range m[i:] {
				if inEmail[c]&notKept == 0 {
					kept = append(kept, c)
				}
			}
			return kept
		}
	}
	return m
}

// ExtractEmailAddrsVec is extract_email_addrs_vec: the addresses in s from left to right, appended to dst.
func ExtractEmailAddrsVec(dst [][]byte, s []byte, maxLen int) (addrs [][]byte, exceeded bool) {
	if exceeds(s, maxLen) {
		return dst, true
	}
	for pos := 0; ; {
		start, end, _, ok := nextEmail(s, pos)
		if !ok {
			return dst, false
		}
		dst = append(dst, keepAddress(s[start:end]))
		pos = end
	}
}

// ExtractFirstEmailAddr is extract_first_email_addr: the first address in s, nil if there is none.
func ExtractFirstEmailAddr(s []byte, maxLen int) (addr []byte, exceeded bool) {
	if exceeds(s, maxLen) {
		return nil, true
	}
	start, end, _, ok := nextEmail(s, 0)
	if !ok {
		return nil, false
	}
	return keepAddress(s[start:end]), false
}

// ExtractEmailAddrsSet is extract_email_addrs_set: the additions to the set it returns, appended to dst. order is that of the
// set of find_all, whose members still have the characters around the address.
func ExtractEmailAddrsSet(dst [][]byte, s []byte, maxLen int, order Order) (additions [][]byte, exceeded bool) {
	if exceeds(s, maxLen) {
		return dst, true
	}
	from, keep := len(dst), trimAddress
	for pos := 0; ; {
		start, end, plain, ok := nextEmail(s, pos)
		if !ok {
			break
		}
		if !plain {
			keep = keepAddress
		}
		dst = append(dst, s[start:end:end])
		pos = end
	}
	return each(dst, from, order, keep), false
}

// each brings the additions from an offset on into the order of their set and applies fn to the members.
func each(dst [][]byte, from int, order Order, fn func([]byte) []byte) [][]byte {
	visited := order.visit(dst[from:])
	dst = dst[:from+copy(dst[from:], visited)]
	for i := from; i < len(dst); i++ {
		dst[i] = fn(dst[i])
	}
	return dst
}

// SplitMIMEEmailAddresses is split_mime_email_addresses: what stands between the commas of a header value and has an @ with
// something on both sides, display names and brackets included; commas in a quoted string before it do not count. These are
// the additions to the set it returns, appended to dst; order is that of the set of find_all, whose members still have white
// space at their ends.
func SplitMIMEEmailAddresses(dst [][]byte, s []byte, maxLen int, order Order) (additions [][]byte, exceeded bool) {
	if exceeds(s, maxLen) {
		return dst, true
	}
	from := len(dst)
	for pos := 0; ; {
		start, end, ok := nextMIMEAddress(s, pos)
		if !ok {
			break
		}
		dst = append(dst, s[start:end:end])
		pos = end
	}
	return each(dst, from, order, Strip), false
}

// nextMIMEAddress finds the first match of /(\"[^"]*\")?[^,]+@[^,]+/ at or after pos, in one pass: within a run without commas
// either its beginning matches, or only a quoted string that leaves the run can make a match begin in it, and of the quotes
// in the run only the last one opens such a string.
func nextMIMEAddress(s []byte, pos int) (start, end int, ok bool) {
	for pos < len(s) {
		comma := indexFrom(s, pos, ',')
		plain := hasInnerAt(s[pos:comma])
		if plain && s[pos] != '"' {
			return pos, comma, true
		}
		quote := pos
		if !plain {
			quote = bytes.LastIndexByte(s[pos:comma], '"')
			if quote < 0 {
				pos = comma + 1
				continue
			}
			quote += pos
		}
		if closing := indexFrom(s, quote+1, '"'); closing < len(s) {
			// The longer one of both is taken, and that with the quoted string is never the shorter.
			end := indexFrom(s, closing+1, ',')
			if hasInnerAt(s[closing+1 : end]) {
				return quote, end, true
			}
		}
		if plain {
			return pos, comma, true
		}
		pos = comma + 1
	}
	return 0, 0, false
}

// hasInnerAt says whether an @ has something before and after it.
func hasInnerAt(run []byte) bool {
	return len(run) > 2 && bytes.IndexByte(run[1:len(run)-1], '@') >= 0
}

// indexFrom is the offset of c at or after pos, or the length of s.
func indexFrom(s []byte, pos int, c byte) int {
	if i := bytes.IndexByte(s[pos:], c); i >= 0 {
		return pos + i
	}
	return len(s)
}
