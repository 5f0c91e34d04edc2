package packet

import (
	"encoding/binary"
	"strconv"

	"github.com/google/gopacket/layers"
)

// Link types (DLT_ values, which differ from the LINKTYPE_ values of files for
// raw IP only) that have an analyzer. Zeek: scripts/base/packet-protocols/root.
const (
	dltNull           = int(layers.LinkTypeNull)
	dltEthernet       = int(layers.LinkTypeEthernet)
	dltPPP            = int(layers.LinkTypePPP)
	dltFDDI           = int(layers.LinkTypeFDDI)
	dltRaw            = 12
	dltPPPSerial      = int(layers.LinkTypePPP_HDLC)
	dltIEEE80211      = int(layers.LinkTypeIEEE802_11)
	dltLinuxSLL       = int(layers.LinkTypeLinuxSLL)
	dltIEEE80211Radio = int(layers.LinkTypeIEEE80211Radio)
	dltNFLog          = 239
	dltLinuxSLL2      = 276
)

// Names of analyzers as they stand in the source column of weirds.
const (
	srcEthernet  = "ETHERNET"
	srcVLAN      = "VLAN"
	srcVNTag     = "VNTAG"
	srcPBB       = "PBB"
	srcPPP       = "PPP"
	srcPPPSerial = "PPPSERIAL"
	srcPPPoE     = "PPPOE"
	srcMPLS      = "MPLS"
	srcNull      = "NULL"
	srcSLL       = "LINUXSLL"
	srcSLL2      = "LINUXSLL2"
	srcNFLog     = "NFLOG"
	src80211     = "IEEE802_11"
	srcRadio     = "IEEE802_11_RADIO"
	srcFDDI      = "FDDI"
	srcLLC       = "LLC"
	srcSNAP      = "SNAP"
	srcNovell    = "NOVELL_802_3"
	srcARP       = "ARP"
	srcIP        = "IP"
	srcIPTunnel  = "IPTUNNEL"
	srcGRE       = "GRE"
	srcVXLAN     = "VXLAN"
	srcGeneve    = "GENEVE"
	srcTeredo    = "TEREDO"
	srcAYIYA     = "AYIYA"
	srcGTPv1     = "GTPV1"
)

// EtherTypes beyond those that package layers names.
const (
	etherRARP   = 0x8035
	etherQinQ   = 0x9100
	etherPBB    = 0x88e7
	etherVNTag  = 0x8926
	etherCFP    = 0x8903 // Cisco FabricPath
	etherBridge = 0x6558 // transparent Ethernet bridging
)

// All analyzers below take the packet and where their part of it begins (off)
// and how long it is (n); n may end before the captured data does. They return
// whether analysis succeeded, which only frames with several packets ask.

// root dispatches on the link type. Whatever is unknown is taken for raw IP,
// unless an option says otherwise.
func (d *Decoder) root(f *frame, linkType, off, n int) bool {
	a := d.forward.defaults[anRoot]
	switch linkType {
	case dltEthernet:
		a = anEthernet
	case dltNull:
		a = anNull
	case dltPPP:
		a = anPPP
	case dltPPPSerial:
		a = anPPPSerial
	case dltFDDI:
		a = anFDDI
	case dltLinuxSLL:
		a = anSLL
	case dltLinuxSLL2:
		a = anSLL2
	case dltIEEE80211:
		a = an80211
	case dltIEEE80211Radio:
		a = anRadio
	case dltNFLog:
		a = anNFLog
	}
	return d.to(f, a, off, n)
}

// ethernet wants more than 16 octets: an Ethernet header and then some.
func (d *Decoder) ethernet(f *frame, off, n int) bool {
	if n <= 16 {
		d.weird(f, "truncated_ethernet_frame", "", srcEthernet)
		return false
	}
	b := f.data[off : off+n]
	typ := be16(b[12:])
	if typ == etherCFP {
		const cfp = 16
		if n <= cfp+14 {
			d.weird(f, "truncated_link_header_cfp", "", srcEthernet)
			return false
		}
		b = b[cfp:]
		off, n = off+cfp, n-cfp
		typ = be16(b[12:])
	}
	off, n = off+14, n-14
	switch {
	case typ == int(layers.EthernetTypeIPv4) || typ == int(layers.EthernetTypeIPv6):
		return d.to(f, anIP, off, n)
	case typ >= 1536:
		return d.etherType(f, off, n, typ, srcEthernet)
	case typ <= 1500:
		if n < typ {
			d.weird(f, "truncated_ethernet_frame", "", srcEthernet)
			return false
		}
		return d.ieee8023(f, off, n)
	}
	d.weird(f, "undefined_ether_type", "", srcEthernet)
	return false
}

// etherType dispatches what Ethernet and VLAN carry. from is the analyzer that
// asks: a tag inside a tag is only recognized if it is 0x8100.
func (d *Decoder) etherType(f *frame, off, n, typ int, from string) bool {
	switch typ {
	case int(layers.EthernetTypeIPv4), int(layers.EthernetTypeIPv6):
		return d.to(f, anIP, off, n)
	case int(layers.EthernetTypeDot1Q):
		return d.to(f, anVLAN, off, n)
	case int(layers.EthernetTypeQinQ), etherQinQ:
		if from == srcVLAN {
			return false
		}
		return d.to(f, anVLAN, off, n)
	case int(layers.EthernetTypeARP), etherRARP:
		return d.to(f, anARP, off, n)
	case int(layers.EthernetTypeMPLSUnicast):
		return d.to(f, anMPLS, off, n)
	case int(layers.EthernetTypePPPoESession):
		return d.to(f, anPPPoE, off, n)
	case etherVNTag:
		return d.to(f, anVNTag, off, n)
	case etherPBB:
		return d.to(f, anPBB, off, n)
	}
	// Zeek raises unknown_protocol, which no default script handles.
	return false
}

// ipOrARP dispatches EtherTypes of link layers that carry nothing else.
func (d *Decoder) ipOrARP(f *frame, off, n, typ int) bool {
	switch typ {
	case int(layers.EthernetTypeIPv4), int(layers.EthernetTypeIPv6):
		return d.to(f, anIP, off, n)
	case int(layers.EthernetTypeARP), etherRARP:
		return d.to(f, anARP, off, n)
	}
	return false
}

// ieee8023 tells the formats apart that carry no EtherType.
func (d *Decoder) ieee8023(f *frame, off, n int) bool {
	switch {
	case n < 2: // behind FabricPath
	case f.data[off] == 0xaa && f.data[off+1] == 0xaa:
		return d.to(f, anSNAP, off, n)
	case f.data[off] == 0xff && f.data[off+1] == 0xff:
		return d.to(f, anNovell, off, n)
	}
	return d.to(f, anLLC, off, n)
}

// novell leads nowhere: there is no analyzer for IPX.
func (d *Decoder) novell(f *frame, _, _ int) bool {
	d.weird(f, "no_suitable_analyzer_found", "", srcNovell)
	return false
}

// llc without SNAP leads nowhere either.
func (d *Decoder) llc(f *frame, off, n int) bool {
	if n < 3 || f.data[off+2]&3 != 3 && n < 4 {
		d.weird(f, "truncated_llc_header", "", srcLLC)
	}
	return false
}

func (d *Decoder) vlan(f *frame, off, n int) bool {
	if n <= 4 {
		d.weird(f, "truncated_VLAN_header", "", srcVLAN)
		return false
	}
	b := f.data[off : off+n]
	id := uint16(be16(b)) & 0xfff
	if f.pkt.VLAN != 0 {
		f.pkt.InnerVLAN = id
	} else {
		f.pkt.VLAN = id
	}
	typ := be16(b[2:])
	off, n = off+4, n-4
	switch {
	case typ >= 1536:
		return d.etherType(f, off, n, typ, srcVLAN)
	case typ <= 1500:
		if n < 2 {
			d.weird(f, "truncated_vlan_frame", "", srcVLAN)
			return false
		}
		return d.ieee8023(f, off, n)
	}
	d.weird(f, "undefined_vlan_protocol", "", srcVLAN)
	return false
}

func (d *Decoder) vntag(f *frame, off, n int) bool {
	if n <= 6 {
		d.weird(f, "truncated_vntag_header", "", srcVNTag)
		return false
	}
	switch be16(f.data[off+4:]) {
	case int(layers.EthernetTypeDot1Q), int(layers.EthernetTypeQinQ), etherQinQ:
		return d.to(f, anVLAN, off+6, n-6)
	}
	return false
}

func (d *Decoder) pbb(f *frame, off, n int) bool {
	if n <= 18 {
		d.weird(f, "truncated_PBB_header", "", srcPBB)
		return false
	}
	return d.toDefault(f, anPBB, off+4, n-4) // behind the service tag
}

func (d *Decoder) pppProtocol(f *frame, off, n, proto int) bool {
	switch proto {
	case 0x0021, 0x0057:
		return d.to(f, anIP, off, n)
	case 0x0281:
		return d.to(f, anMPLS, off, n)
	}
	return false
}

func (d *Decoder) ppp(f *frame, off, n int) bool {
	if n <= 2 {
		d.weird(f, "truncated_ppp_header", "", srcPPP)
		return false
	}
	if f.data[off] == 0xff && f.data[off+1] == 0x03 { // HDLC framing
		if n <= 4 {
			d.weird(f, "truncated_ppp_hdlc_header", "", srcPPP)
			return false
		}
		off, n = off+2, n-2
	}
	return d.pppProtocol(f, off+2, n-2, be16(f.data[off:]))
}

func (d *Decoder) pppSerial(f *frame, off, n int) bool {
	if n <= 4 {
		d.weird(f, "truncated_ppp_serial_header", "", srcPPPSerial)
		return false
	}
	return d.pppProtocol(f, off+4, n-4, be16(f.data[off+2:]))
}

func (d *Decoder) pppoe(f *frame, off, n int) bool {
	if n <= 8 {
		d.weird(f, "truncated_pppoe_header", "", srcPPPoE)
		return false
	}
	payload := be16(f.data[off+4:])
	proto := be16(f.data[off+6:])
	switch {
	case payload < n-6:
		d.weird(f, "pppoe_extra_data_after_payload", "", srcPPPoE)
	case payload > n-6:
		d.weirds.Net("pppoe_truncated_payload", "", srcPPPoE) // without the packet
	}
	payload = max(payload-2, 0) // the protocol counts
	if proto == 0x0021 || proto == 0x0057 {
		return d.to(f, anIP, off+8, min(payload, n-8))
	}
	return false
}

func (d *Decoder) mpls(f *frame, off, n int) bool {
	for {
		if n <= 4 {
			d.weird(f, "truncated_link_header", "", srcMPLS)
			return false
		}
		last := f.data[off+2]&1 != 0
		off, n = off+4, n-4
		if last {
			return d.toDefault(f, anMPLS, off, n)
		}
	}
}

func (d *Decoder) null(f *frame, off, n int) bool {
	if n <= 4 {
		d.weird(f, "null_analyzer_failed", "", srcNull)
		return false
	}
	switch binary.LittleEndian.Uint32(f.data[off:]) {
	case 2, 24, 28, 30: // AF_INET, and AF_INET6 of several systems
		return d.to(f, anIP, off+4, n-4)
	}
	return false
}

func (d *Decoder) linuxSLL(f *frame, off, n int) bool {
	if n <= 16 {
		d.weird(f, "truncated_Linux_SLL_header", "", srcSLL)
		return false
	}
	return d.ipOrARP(f, off+16, n-16, be16(f.data[off+14:]))
}

func (d *Decoder) linuxSLL2(f *frame, off, n int) bool {
	if n <= 20 {
		d.weird(f, "truncated_Linux_SLL2_header", "", srcSLL2)
		return false
	}
	return d.ipOrARP(f, off+20, n-20, be16(f.data[off:]))
}

// fddi skips the header and LLC unseen.
func (d *Decoder) fddi(f *frame, off, n int) bool {
	const header = 13 + 8
	if n <= header {
		d.weirds.Net("FDDI_analyzer_failed", "", srcFDDI) // without the packet
		return false
	}
	return d.toDefault(f, anFDDI, off+header, n-header)
}

// nflog walks the TLVs up to the payload. Their numbers are in the order of
// the capturing host, which the capture reader turns to little endian.
func (d *Decoder) nflog(f *frame, off, n int) bool {
	if n <= 4 {
		d.weird(f, "truncated_nflog_header", "", srcNFLog)
		return false
	}
	family := f.data[off]
	if f.data[off+1] != 0 {
		d.weird(f, "unknown_nflog_version", "", srcNFLog)
		return false
	}
	off, n = off+4, n-4
	for {
		if n <= 4 {
			d.weird(f, "nflog_no_pcap_payload", "", srcNFLog)
			return false
		}
		length := int(binary.LittleEndian.Uint16(f.data[off:]))
		const payload = 9
		if binary.LittleEndian.Uint16(f.data[off+2:]) == payload {
			off, n = off+4, n-4
			break
		}
		if length < 4 {
			d.weird(f, "nflog_bad_tlv_len", "", srcNFLog)
			return false
		}
		skip := (length + 3) &^ 3
		if skip > n {
			d.weird(f, "nflog_bad_tlv_len",
				"("+strconv.Itoa(skip)+" > "+strconv.Itoa(n)+")", srcNFLog)
			return false
		}
		off, n = off+skip, n-skip
	}
	if family == 2 || family == 10 { // AF_INET and AF_INET6 of Linux
		return d.to(f, anIP, off, n)
	}
	return false
}

func (d *Decoder) snap(f *frame, off, n int) bool {
	if n < 3 {
		d.weird(f, "truncated_snap_llc_header", "", srcSNAP)
		return false
	}
	llc := 3
	if f.data[off+2]&3 != 3 {
		llc = 4 // not an unnumbered PDU
	}
	if n < llc+5 {
		d.weird(f, "truncated_snap_header", "", srcSNAP)
		return false
	}
	b := f.data[off+llc:]
	off, n = off+llc+5, n-llc-5
	if b[0] != 0 || b[1] != 0 || b[2] != 0 { // another organization's protocols
		return false
	}
	return d.ipOrARP(f, off, n, be16(b[3:]))
}

// arp only checks that the packet is whole; no default script handles the
// events of ARP.
func (d *Decoder) arp(f *frame, off, n int) bool {
	if n >= 8 {
		hln, pln := int(f.data[off+4]), int(f.data[off+5])
		if n >= 8+2*hln+2*pln {
			f.processed = true
			return true
		}
	}
	d.weird(f, "truncated_ARP", "", srcARP)
	return false
}

func (d *Decoder) radiotap(f *frame, off, n int) bool {
	if n <= 3 {
		d.weird(f, "truncated_radiotap_header", "", srcRadio)
		return false
	}
	header := int(binary.LittleEndian.Uint16(f.data[off+2:]))
	if header >= n {
		d.weird(f, "truncated_radiotap_header", "", srcRadio)
		return false
	}
	return d.to(f, an80211, off+header, n-header)
}

func (d *Decoder) ieee80211(f *frame, off, n int) bool {
	truncated := func() bool {
		d.weird(f, "truncated_802_11_header", "", src80211)
		return false
	}
	header := 24
	if header >= n {
		return truncated()
	}
	b := f.data[off : off+n]
	control, flags := b[0], b[1]
	if control>>2&2 == 0 || control>>4&4 != 0 { // no data frame, or one without data
		return false
	}
	if flags&3 == 3 { // to and from the distribution system: a fourth address
		header += 6
		if header >= n {
			return truncated()
		}
	}
	amsdu := false
	if control>>4&8 != 0 { // quality of service
		amsdu = b[header]&0x80 != 0
		if flags&0x40 != 0 { // encrypted
			return true
		}
		header += 2
		if header >= n {
			return truncated()
		}
	}
	off, n = off+header, n-header
	if !amsdu {
		return d.llc80211(f, off, n)
	}
	index := 0
	if f.encap {
		index = len(d.stack)
	}
	for n > 0 {
		if n < 14 {
			d.weird(f, "truncated_802_11_amsdu_header", "", src80211)
			return false
		}
		length := be16(f.data[off+12:])
		if n < length+14 {
			d.weird(f, "truncated_802_11_amsdu_packet", "", src80211)
			return false
		}
		off, n = off+14, n-14
		if !d.llc80211(f, off, length) {
			d.weird(f, "invalid_802_11_amsdu_inner_packet", "", src80211)
			return false
		}
		off, n = off+length, n-length
		// Zeek takes the remainder for the padding, not what is missing to a
		// multiple of four.
		if pad := length % 4; n >= pad {
			off, n = off+pad, n-pad
		}
		if f.encap {
			d.stack = d.stack[:min(len(d.stack), index)]
		}
	}
	return true
}

func (d *Decoder) llc80211(f *frame, off, n int) bool {
	if n < 8 {
		d.weird(f, "truncated_802_11_llc_header", "", src80211)
		return false
	}
	b := f.data[off : off+n]
	if b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || b[3] != 0 || b[4] != 0 || b[5] != 0 {
		return false
	}
	return d.ipOrARP(f, off+8, n-8, be16(b[6:]))
}
