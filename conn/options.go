package conn

import (
	"net/netip"

	"github.com/gzeek/gzeek/event"
)

// Options are the options of Zeek that the connection layer honours, under
// Zeek's names. Times are seconds.
type Options struct {
	IgnoreChecksums     bool           // ignore_checksums
	IgnoreChecksumsNets []netip.Prefix // ignore_checksums_nets
	BitsPerUID          int            // bits_per_uid; used by the pool, kept here for its doc

	PartialConnectionOK bool // partial_connection_ok
	TCPSynAckOK         bool // tcp_SYN_ack_ok

	TCPSynTimeout          float64 // tcp_SYN_timeout
	TCPSessionTimer        float64 // tcp_session_timer
	TCPConnectionLinger    float64 // tcp_connection_linger
	TCPAttemptDelay        float64 // tcp_attempt_delay
	TCPCloseDelay          float64 // tcp_close_delay
	TCPResetDelay          float64 // tcp_reset_delay
	TCPPartialCloseDelay   float64 // tcp_partial_close_delay
	TCPInactivityTimeout   float64 // tcp_inactivity_timeout
	UDPInactivityTimeout   float64 // udp_inactivity_timeout
	ICMPInactivityTimeout  float64 // icmp_inactivity_timeout
	UnknownInactivity      float64 // unknown_ip_inactivity_timeout
	TCPStormThresh         uint64  // tcp_storm_thresh
	TCPStormInterarrival   float64 // tcp_storm_interarrival_thresh
	TCPMaxInitialWindow    uint64  // tcp_max_initial_window
	TCPMaxAboveHole        uint64  // tcp_max_above_hole_without_any_acks
	TCPExcessiveData       uint64  // tcp_excessive_data_without_further_acks
	ReportGapsForPartial   bool    // report_gaps_for_partial
	DetectFilteredTrace    bool    // detect_filtered_trace
	MaxAnalyzerViolations  uint64  // max_analyzer_violations
	TunnelMaxChanges       uint64  // Tunnel::max_changes_per_connection
	DPDBufferSize          uint64  // dpd_buffer_size
	DPDMaxPackets          uint64  // dpd_max_packets
	DPDMatchOnlyBeginning  bool    // dpd_match_only_beginning
	DPDReassembleFirst     bool    // dpd_reassemble_first_packets
	DPDLateMatchStop       bool    // dpd_late_match_stop
	DPDIgnorePorts         bool    // dpd_ignore_ports
	VLANKeys               bool    // ConnKey::factory is CONNKEY_VLAN_FIVETUPLE
	Signatures             bool    // the signature pair of base/protocols/smtp is loaded
	KeepContents           bool    // delivered octets are kept until they are acknowledged
	SeedGiven              bool    // the end of a run goes by key order, as with -G
	LikelyServerPorts      PortSet // likely_server_ports
	SMTPPorts              PortSet // SMTP::ports
	SMTPDisabled, SSLAfter bool    // SMTP off; TLS recognised behind STARTTLS
}

// PortSet is a set of ports with their protocol.
type PortSet map[Port]bool

// Port is a number and its protocol, "25/tcp".
type Port struct {
	Number uint16
	Proto  event.Proto
}

// DefaultOptions are Zeek's defaults (base/init-bare.zeek), with all ports
// empty: policies register theirs.
func DefaultOptions() Options {
	return Options{
		PartialConnectionOK:   true,
		TCPSynAckOK:           true,
		TCPSynTimeout:         5,
		TCPSessionTimer:       6,
		TCPConnectionLinger:   5,
		TCPAttemptDelay:       5,
		TCPCloseDelay:         5,
		TCPResetDelay:         5,
		TCPPartialCloseDelay:  3,
		TCPInactivityTimeout:  300,
		UDPInactivityTimeout:  60,
		ICMPInactivityTimeout: 60,
		UnknownInactivity:     60,
		TCPStormThresh:        1000,
		TCPStormInterarrival:  1,
		TCPMaxInitialWindow:   16384,
		TCPMaxAboveHole:       16384,
		TCPExcessiveData:      10 << 20,
		MaxAnalyzerViolations: 1000,
		TunnelMaxChanges:      5,
		DPDBufferSize:         1024,
		DPDMaxPackets:         100,
		DPDMatchOnlyBeginning: true,
		DPDReassembleFirst:    true,
		DPDLateMatchStop:      false,
		Signatures:            true,
		SeedGiven:             true,
		LikelyServerPorts:     PortSet{},
		SMTPPorts:             PortSet{},
	}
}

// SetIgnoreChecksumsNets changes IgnoreChecksumsNets between two packets.
func (tb *Table) SetIgnoreChecksumsNets(nets []netip.Prefix) { tb.opts.IgnoreChecksumsNets = nets }
