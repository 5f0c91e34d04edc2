package bpf

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

type kind uint8

const (
	tEnd  kind = iota
	tWord      // a keyword, an operator or a name
	tNum
	tV4  // 1.2.3.4, also shortened: 1.2.3
	tV6  // an IPv6 address
	tMAC // a hardware address
	tEsc // \name: a name that isn't taken as keyword
)

type token struct {
	kind kind
	text string
	num  uint32
	mac  [6]byte
	pos  int
}

var (
	reWord = regexp.MustCompile(`^[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?`)
	reNum  = regexp.MustCompile(`^(?:0[xX][0-9A-Fa-f]+|[0-9]+)$`)
	reV4   = regexp.MustCompile(`^(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+)){1,3}$`)
	reMAC  = regexp.MustCompile(`^[0-9A-Fa-f]{1,2}(?:[-:.][0-9A-Fa-f]{1,2}){5}$|^[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}$|^[0-9A-Fa-f]{12}$`)
	reEsc  = regexp.MustCompile(`^\\([^ !()\n\t]+)`)
	reHex  = regexp.MustCompile(`^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*`)
	reOp   = regexp.MustCompile(`^(?:>=|<=|!=|==|<<|>>|&&|\|\||[+\-*/%:\[\]!<>()&|^=])`)
)

// synonyms are spellings of one keyword.
var synonyms = map[string]string{
	"==": "=", "&&": "and", "||": "or", "!": "not", "length": "len",
	"ppp": "ether", "slip": "ether", "fddi": "ether", "tr": "ether", "wlan": "ether", "link": "ether",
	"ifname": "on", "ruleset": "rset", "rulenum": "rnr", "subrulenum": "srnr", "direction": "dir",
}

// constants are names that the language has for numbers.
var constants = map[string]uint32{
	"icmptype": 0, "icmpcode": 1, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4,
	"icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10,
	"icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14,
	"icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6type": 0, "icmp6code": 1, "icmp6-destinationunreach": 1, "icmp6-packettoobig": 2,
	"icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4, "icmp6-echo": 128, "icmp6-echoreply": 129,
	"icmp6-multicastlistenerquery": 130, "icmp6-multicastlistenerreportv1": 131,
	"icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133, "icmp6-routeradvert": 134,
	"icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
	"icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146,
	"icmp6-mobileprefixadvert": 147, "icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149,
	"icmp6-multicastrouteradvert": 151, "icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16,
	"tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
}

// maxExpr bounds what is compiled; libpcap has no bound but its stack.
const maxExpr = 1 << 16

func lex(s string) ([]token, error) {
	if len(s) > maxExpr {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxExpr)
	}
	var out []token
	for i := 0; i < len(s); {
		rest := s[i:]
		if strings.IndexByte(" \t\r\n", rest[0]) >= 0 {
			i++
			continue
		}
		t := token{kind: tWord, pos: i}
		// The longest spelling wins, as in libpcap's lexer.
		word, hex := reWord.FindString(rest), reHex.FindString(rest)
		if len(hex) > len(word) {
			t.text = hex
			if addr, err := netip.ParseAddr(hex); err == nil && addr.Is6() {
				t.kind = tV6
			} else if reMAC.MatchString(hex) {
				t.kind = tMAC
			} else {
				return nil, fmt.Errorf("%q is neither an IPv6 nor an Ethernet address", hex)
			}
		} else if word != "" {
			t.text = word
			if n, ok := constants[word]; ok {
				t.kind, t.num = tNum, n
			} else if reMAC.MatchString(word) {
				t.kind = tMAC
			} else if reNum.MatchString(word) {
				n, err := strconv.ParseUint(word, 0, 32)
				if err != nil {
					return nil, fmt.Errorf("%q isn't a number of 32 bits", word)
				}
				t.kind, t.num = tNum, uint32(n)
			} else if reV4.MatchString(word) {
				t.kind = tV4
			}
		} else if m := reEsc.FindStringSubmatch(rest); m != nil {
			t.kind, t.text = tEsc, m[1]
			i++
		} else if op := reOp.FindString(rest); op != "" {
			t.text = op
		} else {
			return nil, fmt.Errorf("illegal character %q at position %d", rest[0], i+1)
		}
		i += len(t.text)
		if t.kind == tMAC {
			mac, err := parseMAC(t.text)
			if err != nil {
				return nil, err
			}
			t.mac = mac
		}
		if t.kind == tWord {
			if c, ok := synonyms[t.text]; ok {
				t.text = c
			}
		}
		out = append(out, t)
	}
	return append(out, token{kind: tEnd, pos: len(s)}), nil
}

func parseMAC(s string) (mac [6]byte, err error) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' || r == '.' })
	if len(parts) == 6 {
		for i, p := range parts {
			v, err := strconv.ParseUint(p, 16, 8)
			if err != nil {
				return mac, fmt.Errorf("%q isn't an Ethernet address", s)
			}
			mac[i] = byte(v)
		}
		return mac, nil
	}
	v, err := strconv.ParseUint(strings.Join(parts, ""), 16, 48)
	if err != nil {
		return mac, fmt.Errorf("%q isn't an Ethernet address", s)
	}
	for i := range mac {
		mac[i] = byte(v >> (40 - 8*i))
	}
	return mac, nil
}

// shortV4 reads an IPv4 address of which trailing parts may be missing; bits
// is what is there.
func shortV4(s string) (addr uint32, bits int, err error) {
	for _, p := range strings.Split(s, ".") {
		v, err := strconv.ParseUint(p, 0, 32)
		if err != nil || v > 255 {
			return 0, 0, fmt.Errorf("%q isn't an IPv4 address", s)
		}
		addr = addr<<8 | uint32(v)
		bits += 8
	}
	return addr, bits, nil
}

// service finds the port of a service's name, and whether that is TCP or UDP
// (0: either).
func service(name string) (port uint16, proto uint32, err error) {
	tcp, terr := net.LookupPort("tcp", name)
	udp, uerr := net.LookupPort("udp", name)
	switch {
	case terr == nil && uerr == nil:
		return uint16(tcp), 0, nil // libpcap too takes TCP's if they differ
	case terr == nil:
		return uint16(tcp), ipTCP, nil
	case uerr == nil:
		return uint16(udp), ipUDP, nil
	}
	return 0, 0, fmt.Errorf("unknown port %q", name)
}
