package packet

import (
	"net/netip"
	"slices"
)

// Options are the options of Zeek that the decoder obeys, with their names.
// They are fixed once a Decoder is made, but for
// [Decoder.SetIgnoreChecksumsNets].
type Options struct {
	IgnoreChecksums     bool           // ignore_checksums
	IgnoreChecksumsNets []netip.Prefix // ignore_checksums_nets
	FragTimeout         float64        // frag_timeout, seconds; 0 keeps fragments for ever

	TunnelMaxDepth                int     // Tunnel::max_depth; 0 opens no tunnel
	TunnelIPTunnelTimeout         float64 // Tunnel::ip_tunnel_timeout, seconds
	TunnelDelayTeredoConfirmation bool    // Tunnel::delay_teredo_confirmation
	TunnelDelayGTPConfirmation    bool    // Tunnel::delay_gtp_confirmation

	GREPorts    []uint16 // PacketAnalyzer::GRE::gre_ports (UDP)
	AYIYAPorts  []uint16 // PacketAnalyzer::AYIYA::ayiya_ports
	GenevePorts []uint16 // PacketAnalyzer::Geneve::geneve_ports
	VXLANPorts  []uint16 // PacketAnalyzer::VXLAN::vxlan_ports
	TeredoPorts []uint16 // PacketAnalyzer::TEREDO::teredo_ports
	GTPv1Ports  []uint16 // PacketAnalyzer::GTPV1::gtpv1_ports

	// Off says which analyzers are turned off, by the name in their tag, as
	// Analyzers lists them. Their packets are not looked into. nil is none.
	Off func(name string) bool
	// Defaults is PacketAnalyzer::*::default_analyzer, by names as in
	// DefaultAnalyzers; what it doesn't have is as there.
	Defaults  map[string]string
	SkipBytes uint64 // PacketAnalyzer::SKIP::skip_bytes
}

func (o *Options) off(name string) bool { return o.Off != nil && o.Off(name) }

// DefaultOptions are Zeek's.
func DefaultOptions() Options {
	return Options{
		FragTimeout:                   300,
		TunnelMaxDepth:                4,
		TunnelIPTunnelTimeout:         24 * 3600,
		TunnelDelayTeredoConfirmation: true,
		GREPorts:                      []uint16{4754},
		AYIYAPorts:                    []uint16{5072},
		GenevePorts:                   []uint16{6081},
		VXLANPorts:                    []uint16{4789},
		TeredoPorts:                   []uint16{3544},
		GTPv1Ports:                    []uint16{2152, 2123},
	}
}

// ignoredNet says whether checksums of packets from a aren't looked at.
func (o *Options) ignoredNet(a netip.Addr) bool {
	return len(o.IgnoreChecksumsNets) > 0 &&
		slices.ContainsFunc(o.IgnoreChecksumsNets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// SetIgnoreChecksumsNets changes IgnoreChecksumsNets between two packets.
func (d *Decoder) SetIgnoreChecksumsNets(nets []netip.Prefix) { d.opts.IgnoreChecksumsNets = nets }
