// Package site knows which networks are local: base/utils/site and
// base/utils/directions-and-hosts.
package site

import (
	"encoding/binary"
	"net/netip"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/utils/site",
		Doc:  "local, neighbour and private networks",
		Load: load,
	})
}

// Site answers questions about addresses. Its methods are right from zeek_init
// (priority 10) on.
type Site struct {
	localNets      *redef.SubnetSet
	neighborNets   *redef.SubnetSet
	private        *redef.SubnetSet
	privateIsLocal *redef.Bool

	local, neighbor, privateNets nets
}

// Host is Zeek's enum of the same name: which side of the network's border.
type Host string

// The values of Host.
const (
	LocalHosts  Host = "LOCAL_HOSTS"
	RemoteHosts Host = "REMOTE_HOSTS"
	AllHosts    Host = "ALL_HOSTS"
	NoHosts     Host = "NO_HOSTS"
)

// Hosts lists the values of Host in Zeek's order.
var hosts = []string{string(LocalHosts), string(RemoteHosts), string(AllHosts), string(NoHosts)}

// HostOption declares an option of type Host.
func HostOption(o *redef.Registry, name string, def Host, doc string) *redef.Enum {
	return o.Enum(name, "Host", hosts, string(def), doc)
}

func load(c *policy.Context) error {
	o := c.Options
	s := &Site{
		localNets:      o.SubnetSet("Site::local_nets", nil, "networks that are local"),
		neighborNets:   o.SubnetSet("Site::neighbor_nets", nil, "networks of neighbours"),
		private:        o.SubnetSet("Site::private_address_space", privateAddressSpace(), "address ranges without a global meaning"),
		privateIsLocal: o.Bool("Site::private_address_space_is_local", true, "private address space counts as local"),
	}
	policy.Provide(c, s)
	c.Events.ZeekInit.Handle(c.Policy(), 10, func(*struct{}) { s.update() })
	for _, opt := range []*redef.SubnetSet{s.localNets, s.neighborNets, s.private} {
		opt.OnChange(s.update)
	}
	return nil
}

func (s *Site) update() {
	s.neighbor = newNets(s.neighborNets.Get())
	s.privateNets = newNets(s.private.Get())
	s.local = newNets(s.localNets.Get())
	if s.privateIsLocal.Get() {
		s.local = newNets(s.localNets.Get(), s.private.Get())
	}
}

// IsLocal says whether an address is in Site::local_nets, private address
// space included unless that is switched off.
func (s *Site) IsLocal(a netip.Addr) bool { return s.local.contains(a) }

// HasLocal says whether there are local networks at all.
func (s *Site) HasLocal() bool { return len(s.local.v4)+len(s.local.others) > 0 }

// IsNeighbor says whether an address is in Site::neighbor_nets.
func (s *Site) IsNeighbor(a netip.Addr) bool { return s.neighbor.contains(a) }

// IsPrivate says whether an address is in Site::private_address_space.
func (s *Site) IsPrivate(a netip.Addr) bool { return s.privateNets.contains(a) }

// Matches is addr_matches_host.
func (s *Site) Matches(a netip.Addr, h Host) bool {
	switch h {
	case AllHosts:
		return true
	case LocalHosts:
		return s.IsLocal(a)
	case RemoteHosts:
		return !s.IsLocal(a)
	}
	return false
}

// nets are networks. Each connection asks some dozens of IPv4 about its ends.
type nets struct {
	v4     []net4
	others []netip.Prefix
}

type net4 struct{ addr, mask uint32 }

func newNets(lists ...[]netip.Prefix) (n nets) {
	for _, list := range lists {
		for _, p := range list {
			if !p.IsValid() || !p.Addr().Is4() {
				n.others = append(n.others, p)
				continue
			}
			mask := ^uint32(0) << (32 - p.Bits())
			n.v4 = append(n.v4, net4{number(p.Addr()) & mask, mask})
		}
	}
	return n
}

// number is an IPv4 address as a number.
func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func (n *nets) contains(a netip.Addr) bool {
	if a.Is4() || a.Is4In6() {
		addr := number(a)
		for _, p := range n.v4 {
			if addr&p.mask == p.addr {
				return true
			}
		}
		return false
	}
	for _, p := range n.others {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// privateAddressSpace is the IANA special-purpose space as Zeek 8 has it; each
// IPv4 block counts also as its 6to4 prefix (RFC 3056).
func privateAddressSpace() []netip.Prefix {
	v4 := []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/24", "239.0.0.0/8", "240.0.0.0/4", "255.255.255.255/32",
	}
	v6 := []string{
		"::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:2::/48", "2001:db8::/32",
		"fc00::/7", "fe80::/10", "fec0::/10",
	}
	var all []netip.Prefix
	for _, t := range v4 {
		p := netip.MustParsePrefix(t)
		b := p.Addr().As4()
		sixToFour := netip.AddrFrom16([16]byte{0x20, 0x02, b[0], b[1], b[2], b[3]})
		all = append(all, p, netip.PrefixFrom(sixToFour, p.Bits()+16))
	}
	for _, t := range v6 {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}
