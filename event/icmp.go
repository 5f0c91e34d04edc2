package event

// ICMPCounterpart returns the type that answers a type of ICMP (v6: of ICMPv6), or,
// for one-way types, the code. Zeek: packet_analysis/protocol/icmp/ICMP.cc,
// ICMP4_counterpart and ICMP6_counterpart.
func ICMPCounterpart(v6 bool, typ, code uint8) (other uint8, oneWay bool) {
	pairs := icmp4Pairs
	if v6 {
		pairs = icmp6Pairs
	}
	for _, p := range pairs {
		switch typ {
		case p[0]:
			return p[1], false
		case p[1]:
			return p[0], false
		}
	}
	return code, true
}

var (
	// echo, timestamp, information, router solicitation, address mask
	icmp4Pairs = [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}}
	// echo, router, neighbour, listener, node information, home agent
	icmp6Pairs = [][2]uint8{{128, 129}, {133, 134}, {135, 136}, {130, 131}, {139, 140}, {144, 145}}
)
