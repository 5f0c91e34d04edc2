package packet

import (
	"slices"
	"strings"
)

// analyzer is a packet analyzer: what looks at one layer.
type analyzer uint8

// The analyzers of Zeek. Those of tunnels on UDP come first: TunnelState has a bit
// for each.
const (
	noAnalyzer analyzer = iota
	anGRE
	anAYIYA
	anGeneve
	anVXLAN
	anTeredo
	anGTPv1
	anARP
	anEthernet
	anFDDI
	anICMP
	an80211
	anRadio
	anIP
	anIPTunnel
	anSLL
	anSLL2
	anLLC
	anMPLS
	anNFLog
	anNovell
	anNull
	anPBB
	anPPP
	anPPPSerial
	anPPPoE
	anRoot
	anSkip
	anSNAP
	anTCP
	anUDP
	anUnknown
	anVLAN
	anVNTag
	lastAnalyzer = anVNTag
)

// analyzerNames are the names in the tags: PacketAnalyzer::ANALYZER_GRE.
var analyzerNames = [lastAnalyzer + 1]string{
	anGRE: srcGRE, anAYIYA: srcAYIYA, anGeneve: srcGeneve, anVXLAN: srcVXLAN, anTeredo: srcTeredo, anGTPv1: srcGTPv1,
	anARP: srcARP, anEthernet: srcEthernet, anFDDI: srcFDDI, anICMP: "ICMP", an80211: src80211, anRadio: srcRadio,
	anIP: srcIP, anIPTunnel: srcIPTunnel, anSLL: srcSLL, anSLL2: srcSLL2, anLLC: srcLLC, anMPLS: srcMPLS,
	anNFLog: srcNFLog, anNovell: srcNovell, anNull: srcNull, anPBB: srcPBB, anPPP: srcPPP, anPPPSerial: srcPPPSerial,
	anPPPoE: srcPPPoE, anRoot: "ROOT", anSkip: "SKIP", anSNAP: srcSNAP, anTCP: "TCP", anUDP: "UDP",
	anUnknown: "UNKNOWN_IP_TRANSPORT", anVLAN: srcVLAN, anVNTag: srcVNTag,
}

// Analyzers are the names of all analyzers, in the order of the alphabet.
func Analyzers() []string { return slices.Sorted(slices.Values(analyzerNames[1:])) }

// DefaultAnalyzers says which analyzer takes over from which, by their names,
// where the first has not found one by what it has read: Options.Defaults of Zeek.
func DefaultAnalyzers() map[string]string {
	return map[string]string{
		"FDDI": srcIP, "GRE": srcIPTunnel, "GTPV1": srcIP, "IP": "UNKNOWN_IP_TRANSPORT", "IPTUNNEL": srcIP, "MPLS": srcIP,
		"PBB": srcEthernet, "ROOT": srcIP, "SKIP": srcIP, "TEREDO": srcIP, "VXLAN": srcEthernet,
	}
}

func analyzerNamed(name string) analyzer {
	return analyzer(max(slices.Index(analyzerNames[:], name), 0))
}

// forwarding is which analyzers are off, and which take over by default.
type forwarding struct {
	off      [lastAnalyzer + 1]bool
	defaults [lastAnalyzer + 1]analyzer
}

func newForwarding(o *Options) *forwarding {
	w := &forwarding{}
	for a, name := range analyzerNames {
		w.off[a] = name != "" && o.off(name)
	}
	for from, to := range DefaultAnalyzers() {
		if other := o.Defaults[from]; other != "" {
			to = other
		}
		w.defaults[analyzerNamed(from)] = analyzerNamed(to)
	}
	return w
}

// MayGlance says whether plain frames are analyzed as Glance takes for granted.
func (o *Options) MayGlance() bool {
	w := newForwarding(o)
	return !w.off[anEthernet] && !w.off[anVLAN] && !w.off[anIP] && !w.off[anTCP] && w.defaults[anRoot] == anIP
}

// to hands n octets of the frame from off on to an analyzer that was found by an
// identifier, unless it is off.
//
// Zeek: packet_analysis/Analyzer.cc, ForwardPacket with an identifier.
func (d *Decoder) to(f *frame, a analyzer, off, n int) bool {
	return !d.forward.off[a] && d.run(f, a, off, n)
}

// toDefault does so where nothing has said what follows. That an analyzer is off
// doesn't count there.
//
// Zeek: packet_analysis/Analyzer.cc, ForwardPacket without an identifier.
func (d *Decoder) toDefault(f *frame, from analyzer, off, n int) bool {
	return d.run(f, d.forward.defaults[from], off, n)
}

// run runs an analyzer. Those behind IP need a packet that has got there; Zeek
// ends the whole run without.
func (d *Decoder) run(f *frame, a analyzer, off, n int) bool {
	switch a {
	case anIP:
		return d.ip(f, off, n)
	case anEthernet:
		return d.ethernet(f, off, n)
	case anVLAN:
		return d.vlan(f, off, n)
	case anTCP, anUDP, anICMP, anUnknown:
		return f.hasIP && d.deliver(f, a)
	case anIPTunnel:
		return f.hasIP && d.ipTunnel(f, f.data[off:off+n])
	case anGRE:
		return f.hasIP && d.gre(f, f.data[off:off+n])
	case anAYIYA, anGeneve, anVXLAN, anTeredo, anGTPv1: // these come from UDP only
		d.weirds.Net(strings.ToLower(analyzerNames[a])+"_missing_connection", "", analyzerNames[a])
		return false
	case anSkip:
		return d.skip(f, off, n)
	}
	if link := linkAnalyzers[a]; link != nil {
		return link(d, f, off, n)
	}
	return false
}

// linkAnalyzers are the others, that take any octets.
var linkAnalyzers [lastAnalyzer + 1]func(d *Decoder, f *frame, off, n int) bool

func init() { // the analyzers lead back here
	linkAnalyzers = [lastAnalyzer + 1]func(d *Decoder, f *frame, off, n int) bool{
		anARP: (*Decoder).arp, anFDDI: (*Decoder).fddi, an80211: (*Decoder).ieee80211, anRadio: (*Decoder).radiotap,
		anSLL: (*Decoder).linuxSLL, anSLL2: (*Decoder).linuxSLL2, anLLC: (*Decoder).llc, anMPLS: (*Decoder).mpls,
		anNFLog: (*Decoder).nflog, anNovell: (*Decoder).novell, anNull: (*Decoder).null, anPBB: (*Decoder).pbb,
		anPPP: (*Decoder).ppp, anPPPSerial: (*Decoder).pppSerial, anPPPoE: (*Decoder).pppoe, anSNAP: (*Decoder).snap,
		anVNTag: (*Decoder).vntag,
	}
}

// skip passes over octets that nobody understands. Nothing leads here unless an
// option says so.
func (d *Decoder) skip(f *frame, off, n int) bool {
	skip := d.opts.SkipBytes
	if uint64(n) < skip || skip == 0 && d.forward.defaults[anSkip] == anSkip {
		return false
	}
	return d.toDefault(f, anSkip, off+int(skip), n-int(skip))
}

// part finds where b begins, which is cut out of the frame's data.
func (f *frame) part(b []byte) int { return cap(f.data) - cap(b) }
