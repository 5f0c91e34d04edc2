package dpd

import (
	"strings"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

// The analyzers of Zeek 8.0.9: options may name all of them, whether gzeek has
// them or not.
const (
	protocolAnalyzers = `
		BITTORRENT BITTORRENTTRACKER CONNSIZE CONTENTLINE CONTENTS CONTENTS_DNS CONTENTS_NCP
		CONTENTS_NETBIOSSSN CONTENTS_NFS CONTENTS_RLOGIN CONTENTS_RPC CONTENTS_RSH CONTENTS_SMB DCE_RPC DHCP
		DNP3_TCP DNP3_UDP DNS DTLS FINGER FTP FTP_ADAT FTP_DATA GNUTELLA GSSAPI HTTP IDENT IMAP IRC IRC_DATA
		KRB KRB_TCP LDAP_TCP LDAP_UDP LOGIN MODBUS MOUNT MQTT MYSQL NCP NETBIOSSSN NFS NTLM NTP NVT PIA_TCP
		PIA_UDP POP3 PORTMAPPER POSTGRESQL QUIC RADIUS RDP RDPEUDP REDIS RFB RLOGIN RSH SIP SIP_TCP SMB SMTP
		SMTP_BDAT SNMP SOCKS SSH SSL STREAM_EVENT SYSLOG TCPSTATS TELNET WEBSOCKET XMPP ZIP`
	packetAnalyzers = `
		ARP AYIYA ETHERNET FDDI GENEVE GRE GTPV1 ICMP IEEE802_11 IEEE802_11_RADIO IP IPTUNNEL LINUXSLL LINUXSLL2 LLC MPLS
		NFLOG NOVELL_802_3 NULL PBB PPP PPPOE PPPSERIAL ROOT SKIP SNAP TCP TEREDO UDP UNKNOWN_IP_TRANSPORT
		VLAN VNTAG VXLAN`
	fileAnalyzers = `
		DATA_EVENT ENTROPY EXTRACT MD5 OCSP_REPLY OCSP_REQUEST PE SHA1 SHA256 X509`
)

// The enums that name analyzers. One of AllAnalyzers::Tag may be written as the
// enum that it comes from has it: Analyzer::ANALYZER_SMTP and
// AllAnalyzers::ANALYZER_ANALYZER_SMTP are the same.
const (
	tagType    = "Analyzer::Tag"
	allTagType = "AllAnalyzers::Tag"
	allPrefix  = "AllAnalyzers::"
)

// DeclareTags makes the values of the enums that name analyzers, for policies
// with options of their types.
func DeclareTags(o *redef.Registry) {
	for _, m := range []struct{ module, names string }{
		{"Analyzer", protocolAnalyzers}, {"PacketAnalyzer", packetAnalyzers}, {"Files", fileAnalyzers},
	} {
		for _, n := range strings.Fields(m.names) {
			tag := m.module + "::ANALYZER_" + n
			o.EnumType(allTagType).Add(tag, allTag(tag))
			if m.module == "Analyzer" {
				o.EnumType(tagType).Add(tag)
			}
		}
	}
}

// allTag is a tag as Zeek prints it where all kinds of analyzers may stand.
func allTag(tag string) string {
	module, name, _ := strings.Cut(tag, "::")
	return allPrefix + strings.ToUpper(module) + "_" + name
}

// Tags are the ways to write the tag of an analyzer that was confirmed: one of
// a protocol, or one that opens packets.
func Tags(name string, protocol bool) [2]string {
	module := "PacketAnalyzer"
	if protocol {
		module = "Analyzer"
	}
	tag := module + "::ANALYZER_" + strings.ToUpper(name)
	return [2]string{allTag(tag), tag}
}

// Tag names a protocol analyzer: "Analyzer::ANALYZER_SMTP" is that of "SMTP".
func Tag(name string) string { return "Analyzer::ANALYZER_" + strings.ToUpper(name) }

// Enabled says which analyzers a run has: the options Analyzer::disable_all,
// Analyzer::disabled_analyzers and Analyzer::requested_analyzers. It is a
// service of this policy.
//
// Zeek: scripts/base/frameworks/analyzer/main.zeek.
type Enabled struct {
	disableAll          *redef.Bool
	disabled, requested *redef.EnumSet
}

func newEnabled(o *redef.Registry) *Enabled {
	DeclareTags(o)
	return &Enabled{
		disableAll: o.Bool("Analyzer::disable_all", false, "no protocol analyzer but those of Analyzer::requested_analyzers"),
		disabled: o.EnumSet("Analyzer::disabled_analyzers", allTagType, []string{allTag("Analyzer::ANALYZER_TCPSTATS")},
			"analyzers that are off"),
		requested: o.EnumSet("Analyzer::requested_analyzers", allTagType, nil, "analyzers that are on, whatever else is said"),
	}
}

// Has says whether an analyzer is on, by its tag: "Analyzer::ANALYZER_SMTP".
func (e *Enabled) Has(tag string) bool {
	in := func(s *redef.EnumSet) bool { return s.Has(tag) || s.Has(allTag(tag)) }
	switch {
	case in(e.requested):
		return true
	case in(e.disabled):
		return false
	}
	return !e.disableAll.Get() || !strings.HasPrefix(tag, "Analyzer::")
}

// AnalyzerEnabled says whether an analyzer is on in the run of c; without the
// analyzer framework all are.
func AnalyzerEnabled(c *policy.Context, tag string) bool {
	e, ok := policy.Lookup[*Enabled](c)
	return !ok || e.Has(tag)
}
