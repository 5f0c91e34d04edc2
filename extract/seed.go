package extract

import (
	"sync"

	"github.com/gzeek/gzeek/pattern"
)

// The IP expressions of the snapshot of June 2011 that the seed's script belongs to: any three digits are an octet at first,
// and a compressed IPv6 address may have any number of groups.
const (
	seedGroups = "(([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?)"
	seedV4     = `[[:digit:]]{1,3}\.[[:digit:]]{1,3}\.[[:digit:]]{1,3}\.[[:digit:]]{1,3}`
	seedDotted = `([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)`
	seedV6     = "([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}" +
		"|" + seedGroups + "::" + seedGroups +
		"|([0-9A-Fa-f]{1,4}:){6}" + seedDotted +
		"|" + seedGroups + "::(([0-9A-Fa-f]{1,4}:)*)" + seedDotted
)

var (
	seedIPv4Addr = sync.OnceValue(func() *pattern.Pattern { return pattern.MustCompile("/" + seedV4 + "/") })
	seedIPv6Addr = sync.OnceValue(func() *pattern.Pattern { return pattern.MustCompile("/" + seedV6 + "/") })
	seedIPAddr   = sync.OnceValue(func() *pattern.Pattern { return pattern.MustCompile("/" + seedV4 + "|" + seedV6 + "/") })
)

// SeedFindIPAddresses is find_ip_addresses of the seed's time (the prelude calls it seed_find_ip_addresses): the texts in s that
// look like IP addresses, from left to right, appended to dst. Not all of them are addresses to [ParseAddr].
func SeedFindIPAddresses(dst [][]byte, s []byte) [][]byte {
	var buf [16][]byte
	parts := seedIPAddr().AppendSplit(buf[:0], s, true, 0)
	for i := 1; i < len(parts); i += 2 {
		if SeedIsValidIP(parts[i]) {
			dst = append(dst, parts[i])
		}
	}
	return dst
}

// SeedIsValidIP is is_valid_ip of the seed's time: dotted numbers are checked, all that looks like IPv6 is taken.
func SeedIsValidIP(s []byte) bool {
	if seedIPv4Addr().MatchExactly(s) {
		valid, _ := plainV4(s)
		return valid
	}
	return seedIPv6Addr().MatchExactly(s)
}
