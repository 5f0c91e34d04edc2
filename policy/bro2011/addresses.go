package bro2011

import (
	"bytes"
	"net/netip"

	"github.com/gzeek/gzeek/extract"
)

// ipAddrRegex is what utils/addrs of the snapshot took for an address. An IPv4
// octet has up to three digits of any value; the compressed forms of IPv6 know no
// limit to the number of groups, so that more than eight are found as one.
const ipAddrRegex = `/[[:digit:]]{1,3}\.[[:digit:]]{1,3}\.[[:digit:]]{1,3}\.[[:digit:]]{1,3}/` +
	` | /([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}/` +
	` | /(([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?)::(([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?)/` +
	` | /(([0-9A-Fa-f]{1,4}:){6,6})([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)/` +
	` | /(([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?)::(([0-9A-Fa-f]{1,4}:)*)([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)/`

// findIPAddresses returns the texts of the addresses in s, from left to right.
// They alias s; the slice is good until the next call.
func (s *script) findIPAddresses(text []byte) [][]byte {
	s.ips = s.ips[:0]
	if !mayHoldAddress(text) {
		return s.ips
	}
	s.parts = s.re.ipAddr.AppendSplit(s.parts[:0], text, true, 0)
	for i := 1; i < len(s.parts); i += 2 {
		if isValidIP(s.parts[i]) {
			s.ips = append(s.ips, s.parts[i])
		}
	}
	return s.ips
}

// mayHoldAddress is a quick no: each form of ipAddrRegex has three dots, "::", or
// seven colons.
func mayHoldAddress(b []byte) bool {
	return bytes.Count(b, []byte{'.'}) >= 3 || bytes.Contains(b, []byte("::")) || bytes.Count(b, []byte{':'}) >= 7
}

// isValidIP judges a text that ipAddrRegex has matched. Octets may not be above
// 255; of IPv6 addresses nothing more is asked.
func isValidIP(text []byte) bool {
	if bytes.IndexByte(text, ':') >= 0 {
		return true
	}
	octet := 0
	for _, c := range text {
		if c == '.' {
			octet = 0
			continue
		}
		if octet = octet*10 + int(c-'0'); octet > 255 {
			return false
		}
	}
	return true
}

// findAddressInSMTPHeader returns the second address of a header line, the first
// if there is only one, nil if there is none.
func (s *script) findAddressInSMTPHeader(header []byte) []byte {
	switch ips := s.findIPAddresses(header); len(ips) {
	case 0:
		return nil
	case 1:
		return ips[0]
	default:
		return ips[1]
	}
}

// toAddr is to_addr: what is no address is reported and becomes ::.
func (s *script) toAddr(text []byte) netip.Addr {
	ip, ok := extract.ParseAddr(text)
	if !ok {
		s.ctx.Error("failed converting string to IP address (%s)", text)
	}
	return ip
}
