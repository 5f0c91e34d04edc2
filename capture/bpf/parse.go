package bpf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The link types that expressions can be compiled for, as DLT_ values.
const (
	dltNull   = 0
	dltEther  = 1
	dltPPP    = 9
	dltRaw    = 12
	dltSerial = 50
	dltLoop   = 108
	dltSLL    = 113
	dltIPv4   = 228
	dltIPv6   = 229
	dltSLL2   = 276
)

const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherVLAN   = 0x8100
	etherAD     = 0x88a8
	etherQinQ   = 0x9100
	etherIPv6   = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherMTU    = 1500

	ipICMP     = 1
	ipIGMP     = 2
	ipTCP      = 6
	ipIGRP     = 9
	ipUDP      = 17
	ipFragment = 44
	ipESP      = 50
	ipAH       = 51
	ipICMP6    = 58
	ipPIM      = 103
	ipVRRP     = 112
	ipSCTP     = 132
)

// Compile compiles an expression for a link type (a DLT_ value). An empty one
// accepts everything. Host and service names are looked up.
func Compile(expr string, linkType int) (*Program, error) {
	toks, err := lex(expr)
	if err != nil {
		return nil, err
	}
	if toks[0].kind == tEnd {
		return All(), nil
	}
	p := &parser{toks: toks}
	if err := p.begin(linkType); err != nil {
		return nil, err
	}
	t, _, err := p.expr(qualifiers{bad: true}, 0)
	if err == nil && p.tok().kind != tEnd {
		err = p.syntax()
	}
	if err != nil {
		return nil, err
	}
	if t == constant(false) {
		return nil, errors.New("expression rejects all packets")
	}
	return assemble(t)
}

// qualifiers say what an address, port or number behind them means. They hold
// for what follows without own ones: "port 25 or 26".
type qualifiers struct {
	proto, dir, addr string
	bad              bool // there are none that could be inherited
}

// parser reads an expression and makes its test in one go, since "vlan",
// "mpls" and "pppoes" move all offsets for what is written behind them.
type parser struct {
	toks []token
	i    int

	link     int // of the innermost link layer
	linkhdr  int // where it begins
	linktype int // where its type field is, -1 without
	linkpl   int // where its payload begins
	nl       int // plus MPLS labels
	labels   int
}

func (p *parser) begin(link int) error {
	p.link = link
	switch link {
	case dltEther:
		p.linktype, p.linkpl = 12, 14
	case dltNull, dltLoop:
		p.linktype, p.linkpl = 0, 4
	case dltPPP, dltSerial:
		p.linktype, p.linkpl = 2, 4
	case dltRaw, dltIPv4, dltIPv6:
		p.linktype, p.linkpl = -1, 0
	case dltSLL:
		p.linktype, p.linkpl = 14, 16
	case dltSLL2:
		p.linktype, p.linkpl = 0, 20
	default:
		return fmt.Errorf("link type %d can't be filtered without libpcap (go build -tags libpcap)", link)
	}
	return nil
}

func (p *parser) tok() *token { return &p.toks[p.i] }

func (p *parser) is(words ...string) bool {
	t := p.tok()
	if t.kind != tWord {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

func (p *parser) accept(word string) bool {
	if p.is(word) {
		p.i++
		return true
	}
	return false
}

// peek looks at the n-th token from here.
func (p *parser) peek(n int, word string) bool {
	if p.i+n >= len(p.toks) {
		return false
	}
	t := p.toks[p.i+n]
	return t.kind == tWord && t.text == word
}

func (p *parser) syntax() error {
	t := p.tok()
	if t.kind == tEnd {
		return errors.New("syntax error: the expression ends too early")
	}
	return fmt.Errorf("syntax error at %q (position %d)", t.text, t.pos+1)
}

const maxDepth = 500

// expr reads terms with "and" and "or", which bind equally and to the left.
// inherited are the qualifiers of what stands before; it returns those of the
// last term.
func (p *parser) expr(inherited qualifiers, depth int) (test, qualifiers, error) {
	t, q, err := p.term(inherited, depth)
	for err == nil && p.is("and", "or") {
		isAnd := p.is("and")
		p.i++
		var u test
		if u, q, err = p.term(q, depth); err != nil {
			break
		}
		if isAnd {
			t = and(t, u)
		} else {
			t = or(t, u)
		}
	}
	return t, q, err
}

func (p *parser) term(q qualifiers, depth int) (test, qualifiers, error) {
	if depth > maxDepth {
		return nil, q, fmt.Errorf("the expression is nested more than %d deep", maxDepth)
	}
	if p.accept("not") {
		t, q, err := p.term(q, depth+1)
		if err != nil {
			return nil, q, err
		}
		return negation(t), q, nil
	}
	// A parenthesis or a number may begin arithmetic.
	if t, ok, err := p.relation(depth); ok || err != nil {
		return t, qualifiers{bad: true}, err
	}
	if p.accept("(") {
		t, _, err := p.expr(q, depth+1)
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return t, q, err
	}
	if own, ok := p.head(); ok {
		t, err := p.id(own, depth)
		return t, own, err
	}
	if t, ok, err := p.other(); ok || err != nil {
		return t, qualifiers{bad: true}, err
	}
	if t := p.tok(); t.kind == tWord && protocols[t.text] {
		p.i++
		if n := p.tok(); n.kind == tWord && unknown[n.text] {
			return nil, q, notDone(n.text)
		}
		c, err := p.abbreviation(t.text)
		return c, qualifiers{bad: true}, err
	}
	if q.bad {
		return nil, q, p.syntax()
	}
	t, err := p.id(q, depth)
	return t, q, err
}

// protocols are the names that may stand alone or before other qualifiers.
var protocols = map[string]bool{
	"ether": true, "ip": true, "arp": true, "rarp": true, "sctp": true, "tcp": true, "udp": true,
	"icmp": true, "igmp": true, "igrp": true, "pim": true, "vrrp": true, "carp": true, "ip6": true,
	"icmp6": true, "ah": true, "esp": true,
}

// unknown are words of the language that this compiler doesn't do.
var unknown = map[string]bool{
	"atalk": true, "aarp": true, "decnet": true, "lat": true, "sca": true, "moprc": true, "mopdl": true,
	"iso": true, "esis": true, "es-is": true, "isis": true, "is-is": true, "l1": true, "l2": true,
	"iih": true, "lsp": true, "snp": true, "csnp": true, "psnp": true, "clnp": true, "stp": true,
	"ipx": true, "netbeui": true, "radio": true, "protochain": true, "gateway": true, "type": true,
	"subtype": true, "dir": true, "address1": true, "addr1": true, "address2": true, "addr2": true,
	"address3": true, "addr3": true, "address4": true, "addr4": true, "ra": true, "ta": true,
	"ifindex": true, "geneve": true, "vxlan": true, "lane": true, "llc": true, "metac": true, "bcc": true,
	"oam": true, "oamf4": true, "oamf4ec": true, "oamf4sc": true, "sc": true, "ilmic": true, "vpi": true,
	"vci": true, "connectmsg": true, "metaconnect": true, "on": true, "rset": true, "rnr": true,
	"srnr": true, "reason": true, "action": true, "fisu": true, "lssu": true, "lsu": true, "msu": true,
	"hfisu": true, "hlssu": true, "hmsu": true, "sio": true, "opc": true, "dpc": true, "sls": true,
	"hsio": true, "hopc": true, "hdpc": true, "hsls": true,
}

func notDone(word string) error {
	return fmt.Errorf("%q isn't supported without libpcap (go build -tags libpcap)", word)
}

// keywords can't be names of hosts.
var keywords = map[string]bool{
	"src": true, "dst": true, "host": true, "net": true, "mask": true, "port": true, "portrange": true,
	"proto": true, "less": true, "greater": true, "byte": true, "broadcast": true, "multicast": true,
	"and": true, "or": true, "not": true, "len": true, "inbound": true, "outbound": true, "vlan": true,
	"mpls": true, "pppoed": true, "pppoes": true,
}

// head reads qualifiers if an address, port or number must follow them. It
// takes nothing otherwise.
func (p *parser) head() (qualifiers, bool) {
	start := p.i
	var q qualifiers
	if t := p.tok(); t.kind == tWord && protocols[t.text] {
		q.proto = t.text
		p.i++
	}
	if p.is("src", "dst") {
		q.dir = p.tok().text
		other := map[string]string{"src": "dst", "dst": "src"}[q.dir]
		p.i++
		if p.is("or", "and") && p.peek(1, other) {
			q.dir = p.tok().text
			p.i += 2
		}
		if p.is("host", "net", "port", "portrange") {
			q.addr = p.tok().text
			p.i++
		}
		return q, true
	}
	if p.is("host", "net", "port", "portrange", "proto") {
		q.addr = p.tok().text
		p.i++
		return q, true
	}
	p.i = start
	return q, false
}

// id reads what qualifiers are about; in parentheses there may be several.
func (p *parser) id(q qualifiers, depth int) (test, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the expression is nested more than %d deep", maxDepth)
	}
	if p.accept("not") {
		t, err := p.id(q, depth+1)
		if err != nil {
			return nil, err
		}
		return negation(t), nil
	}
	if p.accept("(") {
		t, err := p.id(q, depth+1)
		for err == nil && p.is("and", "or") {
			isAnd := p.is("and")
			p.i++
			var u test
			if u, err = p.id(q, depth+1); err != nil {
				break
			}
			if isAnd {
				t = and(t, u)
			} else {
				t = or(t, u)
			}
		}
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return t, err
	}
	t := *p.tok()
	switch t.kind {
	case tNum:
		p.i++
		return p.byNumber(q, t.num)
	case tV4:
		p.i++
		addr, bits, err := shortV4(t.text)
		if err != nil {
			return nil, err
		}
		if err := q.wantAddress("an IPv4 address"); err != nil {
			return nil, err
		}
		mask := ^uint32(0) << (32 - bits)
		addr <<= 32 - bits
		switch {
		case p.accept("/"):
			n := p.tok()
			if n.kind != tNum || n.num > 32 {
				return nil, p.syntax()
			}
			p.i++
			mask = uint32(uint64(0xffffffff) << (32 - n.num))
			if addr&^mask != 0 {
				return nil, fmt.Errorf("non-network bits set in \"%s/%d\"", t.text, n.num)
			}
			if q.addr != "net" {
				return nil, fmt.Errorf("mask syntax for networks only: \"%s/%d\"", t.text, n.num)
			}
		case p.accept("mask"):
			m := p.tok()
			if m.kind != tV4 {
				return nil, p.syntax()
			}
			p.i++
			v, bits, err := shortV4(m.text)
			if err != nil {
				return nil, err
			}
			mask = v << (32 - bits)
			if addr&^mask != 0 {
				return nil, fmt.Errorf("non-network bits set in \"%s mask %s\"", t.text, m.text)
			}
			if q.addr != "net" {
				return nil, fmt.Errorf("mask syntax for networks only: \"%s mask %s\"", t.text, m.text)
			}
		}
		return p.host4(q, addr, mask)
	case tV6:
		p.i++
		if err := q.wantAddress("an IPv6 address"); err != nil {
			return nil, err
		}
		addr := netip.MustParseAddr(t.text)
		bits := uint32(128)
		if p.accept("/") {
			n := p.tok()
			if n.kind != tNum || n.num > 128 {
				return nil, p.syntax()
			}
			p.i++
			bits = n.num
			if netip.PrefixFrom(addr, int(bits)).Masked().Addr() != addr {
				return nil, fmt.Errorf("non-network bits set in \"%s/%d\"", t.text, bits)
			}
		}
		if q.addr != "net" && bits != 128 {
			return nil, fmt.Errorf("mask syntax for networks only: \"%s/%d\"", t.text, bits)
		}
		return p.host6(q, addr, bits)
	case tMAC:
		p.i++
		if q.proto != "ether" || q.addr != "" && q.addr != "host" {
			return nil, fmt.Errorf("ethernet address %q used in a non-ether expression", t.text)
		}
		return p.mac(q.dir, t.mac)
	case tWord, tEsc:
		if t.kind == tWord && (protocols[t.text] || keywords[t.text] || unknown[t.text] || reOp.MatchString(t.text)) {
			return nil, p.syntax()
		}
		p.i++
		return p.byName(q, t.text)
	}
	return nil, p.syntax()
}

func (q qualifiers) wantAddress(what string) error {
	switch q.addr {
	case "port", "portrange", "proto":
		return fmt.Errorf("%q qualifier applied to %s", q.addr, what)
	}
	return nil
}

func (p *parser) byNumber(q qualifiers, v uint32) (test, error) {
	switch q.addr {
	case "port", "portrange":
		return p.ports(q, v, v)
	case "proto":
		return p.protocol(q.proto, v)
	}
	if q.proto == "ether" {
		return nil, fmt.Errorf("illegal link-layer address %d", v)
	}
	mask := ^uint32(0)
	if q.addr == "net" {
		for v != 0 && v>>24 == 0 {
			v <<= 8
			mask <<= 8
		}
	}
	return p.host4(q, v, mask)
}

func (p *parser) byName(q qualifiers, name string) (test, error) {
	switch q.addr {
	case "port":
		port, proto, err := service(name)
		if err != nil {
			return nil, err
		}
		if err := q.checkService(name, proto); err != nil {
			return nil, err
		}
		if q.proto == "" && proto != 0 {
			q.proto = map[uint32]string{ipTCP: "tcp", ipUDP: "udp"}[proto]
		}
		return p.ports(q, uint32(port), uint32(port))
	case "portrange":
		from, to, ok := strings.Cut(name, "-")
		if !ok {
			to = from
		}
		lo, err := portNumber(from)
		if err != nil {
			return nil, err
		}
		hi, err := portNumber(to)
		if err != nil {
			return nil, err
		}
		return p.ports(q, lo, hi)
	case "proto":
		v, err := protocolNumber(q.proto, name)
		if err != nil {
			return nil, err
		}
		return p.protocol(q.proto, v)
	case "net":
		return nil, fmt.Errorf("unknown network %q (names of networks aren't looked up)", name)
	}
	return p.hostName(q, name)
}

func (q qualifiers) checkService(name string, proto uint32) error {
	if q.proto == "udp" && proto == ipTCP {
		return fmt.Errorf("port %q is tcp", name)
	}
	if q.proto == "tcp" && proto == ipUDP {
		return fmt.Errorf("port %q is udp", name)
	}
	return nil
}

func portNumber(s string) (uint32, error) {
	if v, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(v), nil
	}
	v, _, err := service(s)
	return uint32(v), err
}

// relation reads "arithmetic compared with arithmetic". It takes nothing and
// returns false if there is none.
func (p *parser) relation(depth int) (test, bool, error) {
	start := p.i
	if !(p.tok().kind == tNum || p.is("(", "-", "len") || p.tok().kind == tWord && protocols[p.tok().text] && p.peek(1, "[")) {
		return nil, false, nil
	}
	a, err := p.arith(0, depth)
	if err != nil || !p.is("=", "!=", "<", "<=", ">", ">=") {
		var u *unsupported
		if errors.As(err, &u) {
			return nil, false, err
		}
		p.i = start
		return nil, false, nil
	}
	op := p.tok().text
	p.i++
	b, err := p.arith(0, depth)
	if err != nil {
		return nil, false, err
	}
	r := relation{a: a.v, b: b.v}
	switch op {
	case "=", "!=":
		r.op = opJeqK
	case ">", "<=":
		r.op = opJgtK
	default:
		r.op = opJgeK
	}
	var t test = r
	if x, ok := a.v.(number); ok {
		if y, ok := b.v.(number); ok {
			t = constant(r.op == opJeqK && x == y || r.op == opJgtK && x > y || r.op == opJgeK && x >= y)
		}
	}
	if op == "!=" || op == "<" || op == "<=" {
		t = negation(t)
	}
	if a.guard != nil {
		t = and(a.guard, t)
	}
	if b.guard != nil {
		t = and(b.guard, t)
	}
	return t, true, nil
}

// term of arithmetic: a value, and what must hold for it to exist.
type operand struct {
	v     value
	guard test
}

// unsupported is an error that no other reading of the expression can avoid.
type unsupported struct{ msg string }

func (e *unsupported) Error() string { return e.msg }

var arithOps = map[string]struct {
	code  uint16
	left  int // how tight it binds to what is left of it
	right int
}{
	"|": {aluOr, 1, 2}, "&": {aluAnd, 2, 3}, "<<": {aluLsh, 3, 4}, ">>": {aluRsh, 3, 4},
	"+": {aluAdd, 4, 5}, "-": {aluSub, 4, 5}, "*": {aluMul, 5, 6}, "/": {aluDiv, 5, 6},
	// libpcap's grammar gives these two no precedence: they take the nearest
	// operand on their left and everything on their right.
	"%": {aluMod, 7, 0}, "^": {aluXor, 7, 0},
}

func (p *parser) arith(min, depth int) (operand, error) {
	a, err := p.operand(depth)
	for err == nil && p.tok().kind == tWord {
		op, ok := arithOps[p.tok().text]
		if !ok || op.left < min {
			break
		}
		p.i++
		var b operand
		if b, err = p.arith(op.right, depth+1); err != nil {
			break
		}
		a, err = combineArith(op.code, a, b)
	}
	return a, err
}

func combineArith(op uint16, a, b operand) (operand, error) {
	if n, ok := b.v.(number); ok {
		switch {
		case (op == aluDiv || op == aluMod) && n == 0:
			return a, &unsupported{"division by zero"}
		case (op == aluLsh || op == aluRsh) && n > 31:
			return a, &unsupported{"shift by more than 31 bits"}
		}
		if m, ok := a.v.(number); ok {
			v, _ := alu(op, uint32(m), uint32(n))
			return operand{number(v), nil}, nil
		}
	}
	// What must hold for b is forgotten, as in libpcap: "ip[2:2] - tcp[12]"
	// doesn't ask for TCP.
	return operand{arith{op, a.v, b.v}, a.guard}, nil
}

func (p *parser) operand(depth int) (operand, error) {
	if depth > maxDepth {
		return operand{}, &unsupported{fmt.Sprintf("the arithmetic is nested more than %d deep", maxDepth)}
	}
	t := *p.tok()
	switch {
	case t.kind == tNum:
		p.i++
		return operand{v: number(t.num)}, nil
	case p.accept("len"):
		return operand{v: length{}}, nil
	case p.accept("-"):
		a, err := p.arith(6, depth+1)
		if n, ok := a.v.(number); ok {
			return operand{v: -n}, err
		}
		return operand{negate{a.v}, a.guard}, err
	case p.accept("("):
		a, err := p.arith(0, depth+1)
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return a, err
	case t.kind == tWord && protocols[t.text] && p.peek(1, "["):
		p.i += 2
		index, err := p.arith(0, depth+1)
		if err != nil {
			return index, err
		}
		size := uint32(1)
		if p.accept(":") {
			if p.tok().kind != tNum {
				return index, p.syntax()
			}
			size = p.tok().num
			p.i++
		}
		if !p.accept("]") {
			return index, p.syntax()
		}
		if size != 1 && size != 2 && size != 4 {
			return index, &unsupported{"data size must be 1, 2, or 4"}
		}
		return p.indexed(t.text, index, int(size))
	}
	return operand{}, p.syntax()
}
