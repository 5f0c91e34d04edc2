package bpf

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
)

// What a primitive tests, and in which order, follows libpcap's gencode.c: the
// order shows with packets that end before what is asked for.

func eq(off, size int, v uint32) test { return compare{at: at(off), size: size, op: opJeqK, value: v} }

func masked(off, size int, v, mask uint32) test {
	if mask == 0 {
		return constant(true)
	}
	if size == 4 && mask == ^uint32(0) {
		return eq(off, size, v)
	}
	return compare{at: at(off), size: size, mask: mask, op: opJeqK, value: v}
}

func atMost(at place, size int, v uint32) test {
	return negation(compare{at: at, size: size, op: opJgtK, value: v})
}

// pl is an offset behind the link layer.
func (p *parser) pl(off int) int { return p.linkpl + p.nl + off }

// tr is an offset behind the IPv4 header.
func (p *parser) tr(off int) place { return place{uint32(p.pl(off)), p.pl(0)} }

// etherType tests what the link layer carries, by its EtherType.
func (p *parser) etherType(v uint32) (test, error) {
	if p.labels > 0 {
		// Behind the last label the IP version is all there is.
		version := uint32(0x40)
		switch v {
		case etherIP:
		case etherIPv6:
			version = 0x60
		default:
			return nil, fmt.Errorf("unsupported protocol over mpls")
		}
		return and(masked(p.pl(-2), 1, 1, 1), masked(p.pl(0), 1, version, 0xf0)), nil
	}
	switch p.link {
	case dltRaw:
		switch v {
		case etherIP:
			return masked(0, 1, 0x40, 0xf0), nil
		case etherIPv6:
			return masked(0, 1, 0x60, 0xf0), nil
		}
		return constant(false), nil
	case dltIPv4:
		return constant(v == etherIP), nil
	case dltIPv6:
		return constant(v == etherIPv6), nil
	case dltPPP, dltSerial:
		switch v {
		case etherIP:
			v = 0x21
		case etherIPv6:
			v = 0x57
		}
		return eq(p.linktype, 2, v), nil
	case dltNull, dltLoop:
		var families []uint32
		switch v {
		case etherIP:
			families = []uint32{2}
		case etherIPv6:
			families = []uint32{24, 28, 30} // of the BSDs, FreeBSD and Darwin; libpcap asks so of files
		}
		var t test = constant(false)
		for _, f := range families {
			if p.link == dltNull {
				f = bits.ReverseBytes32(f) // in the order of the capturing machine, taken to be little-endian
			}
			t = or(t, eq(p.linktype, 4, f))
		}
		return t, nil
	}
	if v > 0xffff {
		return nil, fmt.Errorf("EtherType %d greater than maximum 65535", v)
	}
	if v <= etherMTU && p.link != dltSLL2 {
		if v > 255 {
			return nil, fmt.Errorf("LLC DSAP %d greater than maximum 255", v)
		}
		switch v {
		case 0x06, 0xe0, 0xf0, 0xfe:
			return nil, fmt.Errorf("LLC protocol %#x isn't supported without libpcap (go build -tags libpcap)", v)
		}
		if p.link == dltSLL {
			return and(eq(p.linktype, 2, 4), eq(p.linkpl, 1, v)), nil
		}
		return and(atMost(at(p.linktype), 2, etherMTU), eq(p.linktype+2, 1, v)), nil
	}
	switch v {
	case 0x809b, 0x80f3:
		return nil, fmt.Errorf("EtherType %#x isn't supported without libpcap (go build -tags libpcap)", v)
	}
	return eq(p.linktype, 2, v), nil
}

// either2 joins two tests, each of which may have failed to be made.
func either2(a test, err error, f func() (test, error)) (test, error) {
	if err != nil {
		return nil, err
	}
	b, err := f()
	if err != nil {
		return nil, err
	}
	return or(a, b), nil
}

// ipProto tests the protocol field of the IPv4 or IPv6 header that is there.
func (p *parser) ipProto(v uint32) test  { return eq(p.pl(9), 1, v) }
func (p *parser) ip6Proto(v uint32) test { return eq(p.pl(6), 1, v) }

// firstFragment holds for datagrams and first fragments.
func (p *parser) firstFragment() test {
	return negation(compare{at: at(p.pl(6)), size: 2, op: opJsetK, value: 0x1fff})
}

// protocol is "proto N".
func (p *parser) protocol(proto string, v uint32) (test, error) {
	if v > 255 && proto != "ether" {
		return nil, fmt.Errorf("protocol number %d greater than maximum 255", v)
	}
	switch proto {
	case "":
		a, err := p.protocol("ip", v)
		return either2(a, err, func() (test, error) { return p.protocol("ip6", v) })
	case "ether":
		return p.etherType(v)
	case "ip":
		ip, err := p.etherType(etherIP)
		if err != nil {
			return nil, err
		}
		return and(ip, p.ipProto(v)), nil
	case "ip6":
		ip6, err := p.etherType(etherIPv6)
		if err != nil {
			return nil, err
		}
		// One fragment header is looked through, no other extension.
		return and(ip6, or(p.ip6Proto(v), and(p.ip6Proto(ipFragment), eq(p.pl(40), 1, v)))), nil
	}
	return nil, fmt.Errorf("'%s proto' is bogus", proto)
}

// abbreviation is a protocol's name alone.
func (p *parser) abbreviation(name string) (test, error) {
	switch name {
	case "tcp":
		return p.protocol("", ipTCP)
	case "udp":
		return p.protocol("", ipUDP)
	case "sctp":
		return p.protocol("", ipSCTP)
	case "ah":
		return p.protocol("", ipAH)
	case "esp":
		return p.protocol("", ipESP)
	case "pim":
		return p.protocol("", ipPIM)
	case "icmp":
		return p.protocol("ip", ipICMP)
	case "igmp":
		return p.protocol("ip", ipIGMP)
	case "igrp":
		return p.protocol("ip", ipIGRP)
	case "vrrp", "carp":
		return p.protocol("ip", ipVRRP)
	case "icmp6":
		return p.protocol("ip6", ipICMP6)
	case "ip":
		return p.etherType(etherIP)
	case "ip6":
		return p.etherType(etherIPv6)
	case "arp":
		return p.etherType(etherARP)
	case "rarp":
		return p.etherType(etherRARP)
	}
	return nil, fmt.Errorf("%q can't stand alone", name)
}

// protocolNumber finds what a name in "proto NAME" means.
func protocolNumber(proto, name string) (uint32, error) {
	names := map[string]uint32{
		"icmp": ipICMP, "igmp": ipIGMP, "tcp": ipTCP, "igrp": ipIGRP, "igp": ipIGRP, "udp": ipUDP, "ipv6": 41,
		"rsvp": 46, "gre": 47, "esp": ipESP, "ah": ipAH, "ipv6-icmp": ipICMP6, "ospf": 89, "ipip": 4,
		"ipencap": 4, "pim": ipPIM, "vrrp": ipVRRP, "l2tp": 115, "sctp": ipSCTP,
	}
	if proto == "ether" {
		names = map[string]uint32{
			"ip": etherIP, "arp": etherARP, "rarp": etherRARP, "ip6": etherIPv6,
			"loopback": 0x9000,
		}
	}
	if v, ok := names[name]; ok {
		return v, nil
	}
	return 0, fmt.Errorf("unknown protocol %q", name)
}

// direct applies a test of the source or destination as the direction says.
func direct(dir string, src, dst func() test) test {
	switch dir {
	case "src":
		return src()
	case "dst":
		return dst()
	case "and":
		return and(src(), dst())
	}
	return or(src(), dst())
}

func (p *parser) host4(q qualifiers, addr, mask uint32) (test, error) {
	var typ uint32
	var src, dst int
	switch q.proto {
	case "":
		q.proto = "ip"
		t, err := p.host4(q, addr, mask)
		if p.labels > 0 {
			return t, err
		}
		for _, proto := range []string{"arp", "rarp"} {
			q.proto = proto
			t, err = either2(t, err, func() (test, error) { return p.host4(q, addr, mask) })
		}
		return t, err
	case "ip":
		typ, src, dst = etherIP, 12, 16
	case "arp":
		typ, src, dst = etherARP, 14, 24
	case "rarp":
		typ, src, dst = etherRARP, 14, 24
	default:
		return nil, fmt.Errorf("'%s' modifier applied to %s", q.proto, hostOrNet(q))
	}
	t, err := p.etherType(typ)
	if err != nil {
		return nil, err
	}
	return and(t, direct(q.dir,
		func() test { return masked(p.pl(src), 4, addr, mask) },
		func() test { return masked(p.pl(dst), 4, addr, mask) })), nil
}

func hostOrNet(q qualifiers) string {
	if q.addr == "net" {
		return "net"
	}
	return "host"
}

func (p *parser) host6(q qualifiers, addr netip.Addr, prefix uint32) (test, error) {
	if q.proto != "" && q.proto != "ip6" {
		return nil, fmt.Errorf("'%s' modifier applied to ip6 %s", q.proto, hostOrNet(q))
	}
	t, err := p.etherType(etherIPv6)
	if err != nil {
		return nil, err
	}
	b := addr.As16()
	side := func(off int) func() test {
		return func() test {
			var t test = constant(true)
			for i := 0; i < 4; i++ {
				var mask uint32
				if left := int(prefix) - 32*i; left >= 32 {
					mask = ^uint32(0)
				} else if left > 0 {
					mask = ^uint32(0) << (32 - left)
				}
				t = and(t, masked(p.pl(off+4*i), 4, binary.BigEndian.Uint32(b[4*i:]), mask))
			}
			return t
		}
	}
	return and(t, direct(q.dir, side(8), side(24))), nil
}

func (p *parser) hostName(q qualifiers, name string) (test, error) {
	if q.proto == "ether" {
		return nil, fmt.Errorf("unknown ether host %q (/etc/ethers isn't read)", name)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", name)
	if err != nil {
		return nil, fmt.Errorf("unknown host %q: %w", name, err)
	}
	var t test = constant(false)
	found := false
	for _, a := range addrs {
		var u test
		switch a = a.Unmap(); {
		case a.Is4() && q.proto != "ip6":
			b := a.As4()
			u, err = p.host4(q, binary.BigEndian.Uint32(b[:]), ^uint32(0))
		case a.Is6() && (q.proto == "" || q.proto == "ip6"):
			u, err = p.host6(q, a, 128)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		t, found = or(t, u), true
	}
	if !found {
		return nil, fmt.Errorf("unknown host %q for the address family asked for", name)
	}
	return t, nil
}

func (p *parser) mac(dir string, mac [6]byte) (test, error) {
	if p.link != dltEther {
		return nil, fmt.Errorf("ethernet addresses are supported only on Ethernet")
	}
	// The last four octets tell sooner.
	side := func(off int) func() test {
		return func() test {
			return and(eq(p.linkhdr+off+2, 4, binary.BigEndian.Uint32(mac[2:])),
				eq(p.linkhdr+off, 2, uint32(binary.BigEndian.Uint16(mac[:]))))
		}
	}
	return direct(dir, side(6), side(0)), nil
}

// ports is "port N" (lo == hi) and "portrange N-M", of IPv6 and IPv4.
func (p *parser) ports(q qualifiers, lo, hi uint32) (test, error) {
	if lo > 0xffff || hi > 0xffff {
		return nil, fmt.Errorf("port number %d greater than maximum 65535", max(lo, hi))
	}
	if lo > hi {
		lo, hi = hi, lo
	}
	protos := []uint32{ipSCTP, ipTCP, ipUDP}
	switch q.proto {
	case "":
	case "tcp":
		protos = []uint32{ipTCP}
	case "udp":
		protos = []uint32{ipUDP}
	case "sctp":
		protos = []uint32{ipSCTP}
	default:
		return nil, fmt.Errorf("illegal qualifier of 'port': %q", q.proto)
	}
	within := func(a place) test {
		if lo == hi {
			return compare{at: a, size: 2, op: opJeqK, value: lo}
		}
		return and(compare{at: a, size: 2, op: opJgeK, value: lo}, atMost(a, 2, hi))
	}
	one := func(of func(uint32) test) test {
		var t test = constant(false)
		for _, v := range protos {
			t = or(t, of(v))
		}
		return t
	}
	ip6, err := p.etherType(etherIPv6)
	if err != nil {
		return nil, err
	}
	ip, err := p.etherType(etherIP)
	if err != nil {
		return nil, err
	}
	t6 := and(one(p.ip6Proto), direct(q.dir,
		func() test { return within(at(p.pl(40))) }, func() test { return within(at(p.pl(42))) }))
	t4 := and(one(p.ipProto), and(p.firstFragment(), direct(q.dir,
		func() test { return within(p.tr(0)) }, func() test { return within(p.tr(2)) })))
	return or(and(ip6, t6), and(ip, t4)), nil
}

// indexed is "proto[index:size]".
func (p *parser) indexed(proto string, index operand, size int) (operand, error) {
	var guard test
	var err error
	var where place
	switch proto {
	case "ether":
		where = at(p.linkhdr)
	case "ip", "arp", "rarp", "ip6":
		where = at(p.pl(0))
		guard, err = p.abbreviation(proto)
	case "tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp":
		v := map[string]uint32{"tcp": ipTCP, "udp": ipUDP, "sctp": ipSCTP, "icmp": ipICMP, "igmp": ipIGMP,
			"igrp": ipIGRP, "pim": ipPIM, "vrrp": ipVRRP, "carp": ipVRRP}[proto]
		where = p.tr(0)
		if guard, err = p.etherType(etherIP); err == nil {
			guard = and(and(guard, p.ipProto(v)), p.firstFragment())
		}
	case "icmp6":
		where = at(p.pl(40))
		if guard, err = p.etherType(etherIPv6); err == nil {
			guard = and(guard, p.ip6Proto(ipICMP6))
		}
	default:
		return operand{}, &unsupported{fmt.Sprintf("%q does not support the index operation", proto)}
	}
	if err != nil {
		return operand{}, &unsupported{err.Error()}
	}
	if index.guard != nil {
		if guard != nil {
			guard = and(index.guard, guard)
		} else {
			guard = index.guard
		}
	}
	l := load{at: where, index: index.v, size: size}
	if n, ok := index.v.(number); ok && uint64(where.off)+uint64(n) <= 0xffffffff {
		l.at.off, l.index = where.off+uint32(n), nil
	}
	return operand{l, guard}, nil
}

// other reads primitives that aren't made of qualifiers.
func (p *parser) other() (test, bool, error) {
	start := p.i
	proto := ""
	if t := p.tok(); t.kind == tWord && protocols[t.text] {
		proto = t.text
		p.i++
	}
	if p.is("broadcast", "multicast") {
		word := p.tok().text
		p.i++
		t, err := p.casts(proto, word)
		return t, true, err
	}
	p.i = start
	t := *p.tok()
	if t.kind != tWord {
		return nil, false, nil
	}
	if unknown[t.text] {
		return nil, false, notDone(t.text)
	}
	p.i++
	switch t.text {
	case "less", "greater":
		n := p.tok()
		if n.kind != tNum {
			return nil, false, p.syntax()
		}
		p.i++
		if t.text == "less" {
			return negation(relation{opJgtK, length{}, number(n.num)}), true, nil
		}
		return relation{opJgeK, length{}, number(n.num)}, true, nil
	case "byte":
		r, err := p.byteTest()
		return r, true, err
	case "vlan", "mpls", "pppoes":
		n, err := p.optionalNumber()
		if err != nil {
			return nil, false, err
		}
		var r test
		switch t.text {
		case "vlan":
			r, err = p.vlan(n)
		case "mpls":
			r, err = p.mpls(n)
		case "pppoes":
			r, err = p.pppoes(n)
		}
		return r, true, err
	case "pppoed":
		r, err := p.etherType(etherPPPoED)
		return r, true, err
	case "inbound", "outbound":
		var out test
		switch p.link {
		case dltSLL:
			out = eq(0, 2, 4)
		case dltSLL2:
			out = eq(10, 1, 4)
		default:
			return nil, false, fmt.Errorf("%q isn't recorded in captures of this link type", t.text)
		}
		if t.text == "inbound" {
			out = negation(out)
		}
		return out, true, nil
	}
	p.i = start
	return nil, false, nil
}

// optionalNumber reads a number, maybe in parentheses, if there is one.
func (p *parser) optionalNumber() (*uint32, error) {
	start, open := p.i, 0
	for p.accept("(") {
		open++
	}
	t := p.tok()
	if t.kind != tNum {
		p.i = start
		return nil, nil
	}
	p.i++
	for ; open > 0; open-- {
		if !p.accept(")") {
			return nil, p.syntax()
		}
	}
	return &t.num, nil
}

func (p *parser) byteTest() (test, error) {
	idx := *p.tok()
	if idx.kind != tNum {
		return nil, p.syntax()
	}
	p.i++
	op := p.tok().text
	if !p.is("=", "<", ">", "&", "|") {
		return nil, p.syntax()
	}
	p.i++
	v := p.tok()
	if v.kind != tNum {
		return nil, p.syntax()
	}
	p.i++
	if v.num > 255 {
		return nil, fmt.Errorf("byte argument %d greater than maximum 255", v.num)
	}
	where := place{uint32(p.linkhdr) + idx.num, -1}
	switch op {
	case "=":
		return compare{at: where, size: 1, op: opJeqK, value: v.num}, nil
	case "<":
		return negation(compare{at: where, size: 1, op: opJgeK, value: v.num}), nil
	case ">":
		return compare{at: where, size: 1, op: opJgtK, value: v.num}, nil
	}
	code := uint16(aluAnd)
	if op == "|" {
		code = aluOr
	}
	return negation(relation{opJeqK, arith{code, load{at: where, size: 1}, number(v.num)}, number(0)}), nil
}

func (p *parser) casts(proto, word string) (test, error) {
	switch {
	case proto == "" || proto == "ether":
		if p.link != dltEther {
			return nil, fmt.Errorf("%q is supported only on Ethernet", word)
		}
		if word == "broadcast" {
			return p.mac("dst", [6]byte{255, 255, 255, 255, 255, 255})
		}
		return compare{at: at(p.linkhdr), size: 1, op: opJsetK, value: 1}, nil
	case word == "broadcast" && proto == "ip":
		return nil, fmt.Errorf("netmask not known, so 'ip broadcast' not supported")
	case word == "multicast" && proto == "ip":
		ip, err := p.etherType(etherIP)
		if err != nil {
			return nil, err
		}
		return and(ip, compare{at: at(p.pl(16)), size: 1, op: opJgeK, value: 224}), nil
	case word == "multicast" && proto == "ip6":
		ip6, err := p.etherType(etherIPv6)
		if err != nil {
			return nil, err
		}
		return and(ip6, eq(p.pl(24), 1, 255)), nil
	}
	return nil, fmt.Errorf("'%s %s' is bogus", proto, word)
}

func (p *parser) vlan(id *uint32) (test, error) {
	if p.labels > 0 {
		return nil, fmt.Errorf("no VLAN match after MPLS")
	}
	if p.link != dltEther {
		return nil, fmt.Errorf("no VLAN support for this link type")
	}
	t := or(or(eq(p.linktype, 2, etherVLAN), eq(p.linktype, 2, etherAD)), eq(p.linktype, 2, etherQinQ))
	if id != nil {
		if *id > 0xfff {
			return nil, fmt.Errorf("VLAN tag %d greater than maximum 4095", *id)
		}
		t = and(t, masked(p.pl(0), 2, *id, 0xfff))
	}
	p.linkpl += 4
	p.linktype += 4
	return t, nil
}

func (p *parser) mpls(label *uint32) (test, error) {
	var t test
	switch {
	case p.labels > 0:
		t = negation(masked(p.pl(-2), 1, 1, 1))
	case p.link == dltEther:
		t = eq(p.linktype, 2, etherMPLS)
	case p.link == dltPPP:
		t = eq(p.linktype, 2, 0x281)
	default:
		return nil, fmt.Errorf("no MPLS support for this link type")
	}
	if label != nil {
		if *label > 0xfffff {
			return nil, fmt.Errorf("MPLS label %d greater than maximum 1048575", *label)
		}
		t = and(t, masked(p.pl(0), 4, *label<<12, 0xfffff000))
	}
	p.nl += 4
	p.labels++
	return t, nil
}

func (p *parser) pppoes(session *uint32) (test, error) {
	t, err := p.etherType(etherPPPoES)
	if err != nil {
		return nil, err
	}
	if session != nil {
		if *session > 0xffff {
			return nil, fmt.Errorf("PPPoE session number %d greater than maximum 65535", *session)
		}
		t = and(t, eq(p.pl(2), 2, *session))
	}
	p.link = dltPPP
	p.linkhdr = p.pl(6)
	p.linktype = p.linkhdr
	p.linkpl = p.linkhdr + 2
	p.nl = 0
	return t, nil
}
