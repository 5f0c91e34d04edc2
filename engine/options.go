package engine

import (
	"errors"
	"maps"
	"math"
	"strings"

	"github.com/gzeek/gzeek/analyzers/smtp"
	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/weird"
	"github.com/gzeek/gzeek/zeeklog"
)

// options are the options of the engine itself. Each room has a plain struct
// of its own; here they get their Zeek names. set copies the values once they
// are known.
type options struct {
	set []func(*settings)
}

// settings are the values, room by room.
type settings struct {
	packet                         packet.Options
	conn                           conn.Options
	smtp                           smtp.Options
	files                          files.Options
	weird                          weird.Options
	log                            zeeklog.Config
	capture                        captureSettings
	pollInterval, pollIntervalLive uint64
	digestSalt                     string
	bitsPerUID                     uint64
	maxTimerExpires                uint64
	maxPanics                      uint64
	rotationSize                   uint64
	validateVXLAN                  bool
	silent                         struct{ info, warning, error bool }
}

func defaultSettings() settings {
	return settings{
		validateVXLAN: true,
		packet:        packet.DefaultOptions(), conn: conn.DefaultOptions(), smtp: smtp.DefaultOptions(),
		files: files.DefaultOptions(), weird: weird.DefaultOptions(), log: zeeklog.DefaultConfig(),
	}
}

// values copies what the options say into settings.
func (o *options) values() settings {
	s := defaultSettings()
	for _, set := range o.set {
		set(&s)
	}
	return s
}

// bind declares an option whose default is the settings' own, and copies its
// value back.
func bind[V any](o *options, at func(*settings) *V, declare func(def V) interface{ Get() V }) {
	def := defaultSettings()
	h := declare(*at(&def))
	o.set = append(o.set, func(s *settings) { *at(s) = h.Get() })
}

// declareOptions declares the options of the engine; likelyPorts is the default of
// likely_server_ports.
func declareOptions(r *redef.Registry, likelyPorts []redef.Port) *options {
	o := &options{}
	boolean := func(name, doc string, at ...func(*settings) *bool) {
		for _, a := range at {
			bind(o, a, func(d bool) interface{ Get() bool } { return r.Bool(name, d, doc) })
		}
	}
	count := func(name, doc string, at func(*settings) *uint64) {
		bind(o, at, func(d uint64) interface{ Get() uint64 } { return r.Count(name, d, doc) })
	}
	interval := func(name, doc string, at func(*settings) *float64) {
		bind(o, at, func(d float64) interface{ Get() float64 } { return r.Interval(name, d, doc) })
	}
	text := func(name, doc string, at func(*settings) *string) {
		bind(o, at, func(d string) interface{ Get() string } { return r.String(name, d, doc) })
	}
	declarePackets(o, r, boolean, interval)
	declareConnections(boolean, count, interval)
	o.set = append(o.set, narrow)
	declareContents(o, r)
	declareMail(o, r, boolean, count, interval, text)
	declareLogs(o, r, boolean, count, text)

	threshold := r.Count("Weird::sampling_threshold", 25, "how many weirds of a name pass before sampling begins")
	rate := r.Count("Weird::sampling_rate", 1000, "then each one in so many passes; 0 none")
	duration := r.Interval("Weird::sampling_duration", 600, "after so long the count begins anew")
	whitelist := r.StringSet("Weird::sampling_whitelist", nil, "weirds that are never sampled")
	global := r.StringSet("Weird::sampling_global_list", nil, "weirds that are counted over all connections")
	o.set = append(o.set, func(s *settings) {
		s.weird.Threshold, s.weird.Rate, s.weird.Duration = threshold.Get(), rate.Get(), duration.Get()
		s.weird.Whitelist, s.weird.Global = stringSet(whitelist), stringSet(global)
	})

	salt := r.String("digest_salt", "Please change this value.", "keys file ids: the same salt gives the same ids")
	bits := r.Count("bits_per_uid", 96, "how long the ids of connections and files are")
	budget := r.Count("max_timer_expires", 300, "how many timers run before the next packet; 0 is all that are due")
	panics := r.Count("Policy::max_panics", 10, "a policy that has panicked so often is turned off, and the run goes on without it; 0 never")
	o.set = append(o.set, func(s *settings) {
		s.digestSalt, s.bitsPerUID, s.maxTimerExpires, s.maxPanics = salt.Get(), bits.Get(), budget.Get(), panics.Get()
	})
	likely := r.PortSet("likely_server_ports", likelyPorts, "ports of responders, to guess the direction of a connection seen from its middle")
	o.set = append(o.set, func(s *settings) { s.conn.LikelyServerPorts = connPorts(likely) })
	poll := r.Count("io_poll_interval_default", 100, "at every so manieth packet of a file, that packet comes before timers that are left over")
	pollLive := r.Count("io_poll_interval_live", 10, "the same for an interface")
	o.set = append(o.set, func(s *settings) {
		s.pollInterval, s.pollIntervalLive = poll.Get(), pollLive.Get()
	})
	tellInfo := r.Bool("Reporter::info_to_stderr", true, "a live run also tells on standard error what goes to reporter.log as INFO")
	tellWarning := r.Bool("Reporter::warnings_to_stderr", true, "the same for WARNING")
	tellError := r.Bool("Reporter::errors_to_stderr", true, "the same for ERROR")
	o.set = append(o.set, func(s *settings) {
		s.silent.info, s.silent.warning, s.silent.error = !tellInfo.Get(), !tellWarning.Get(), !tellError.Get()
	})
	declareCapture(o, r)
	return o
}

func declarePackets(o *options, r *redef.Registry, boolean func(string, string, ...func(*settings) *bool), interval func(string, string, func(*settings) *float64)) {
	boolean("ignore_checksums", "take packets with bad checksums",
		func(s *settings) *bool { return &s.packet.IgnoreChecksums }, func(s *settings) *bool { return &s.conn.IgnoreChecksums })
	nets := r.SubnetSet("ignore_checksums_nets", nil, "sources whose checksums are not looked at")
	o.set = append(o.set, func(s *settings) {
		s.packet.IgnoreChecksumsNets, s.conn.IgnoreChecksumsNets = nets.Get(), nets.Get()
	})
	interval("frag_timeout", "how long fragments of a datagram are kept", func(s *settings) *float64 { return &s.packet.FragTimeout })
	depth := r.Count("Tunnel::max_depth", 4, "how many tunnels within each other are opened")
	o.set = append(o.set, func(s *settings) { s.packet.TunnelMaxDepth = int(min(depth.Get(), 1<<16)) })
	interval("Tunnel::ip_tunnel_timeout", "how long an IP tunnel without packets is remembered",
		func(s *settings) *float64 { return &s.packet.TunnelIPTunnelTimeout })
	boolean("Tunnel::delay_teredo_confirmation", "confirm Teredo only when both sides have sent it",
		func(s *settings) *bool { return &s.packet.TunnelDelayTeredoConfirmation })
	boolean("Tunnel::delay_gtp_confirmation", "confirm GTPv1 only when both sides have sent it",
		func(s *settings) *bool { return &s.packet.TunnelDelayGTPConfirmation })
	boolean("Tunnel::validate_vxlan_checksums", "look at the UDP checksums of VXLAN",
		func(s *settings) *bool { return &s.validateVXLAN })
	ports := func(name, doc string, at func(*settings) *[]uint16) {
		def := defaultSettings()
		var list []redef.Port
		for _, p := range *at(&def) {
			list = append(list, redef.UDP(p))
		}
		h := r.PortSet(name, list, doc)
		o.set = append(o.set, func(s *settings) {
			nums := []uint16{}
			for _, p := range h.Get() {
				if p.Proto == event.ProtoUDP {
					nums = append(nums, p.Number)
				}
			}
			*at(s) = nums
		})
	}
	declareDefaultAnalyzers(o, r)
	const five, vlan = "ConnKey::CONNKEY_FIVETUPLE", "ConnKey::CONNKEY_VLAN_FIVETUPLE"
	key := r.Enum("ConnKey::factory", "ConnKey::Tag", []string{five, vlan}, five, "what makes a connection: addresses, ports and protocol, or the VLANs too")
	o.set = append(o.set, func(s *settings) { s.conn.VLANKeys = key.Get() == vlan })
	ports("PacketAnalyzer::VXLAN::vxlan_ports", "UDP ports of VXLAN", func(s *settings) *[]uint16 { return &s.packet.VXLANPorts })
	ports("PacketAnalyzer::Geneve::geneve_ports", "UDP ports of Geneve", func(s *settings) *[]uint16 { return &s.packet.GenevePorts })
	ports("PacketAnalyzer::GRE::gre_ports", "UDP ports of GRE", func(s *settings) *[]uint16 { return &s.packet.GREPorts })
}

// declareDefaultAnalyzers declares which packet analyzer takes over from which.
func declareDefaultAnalyzers(o *options, r *redef.Registry) {
	const tag = "PacketAnalyzer::ANALYZER_"
	var tags []string
	for _, name := range packet.Analyzers() {
		tags = append(tags, tag+name)
	}
	for from, to := range packet.DefaultAnalyzers() {
		h := r.Enum("PacketAnalyzer::"+from+"::default_analyzer", "PacketAnalyzer::Tag", tags, tag+to,
			"the packet analyzer that "+from+" hands on to if it has not read which")
		o.set = append(o.set, func(s *settings) {
			if s.packet.Defaults == nil {
				s.packet.Defaults = make(map[string]string)
			}
			s.packet.Defaults[from] = strings.TrimPrefix(h.Get(), tag)
		})
	}
	skip := r.Count("PacketAnalyzer::SKIP::skip_bytes", 0, "octets that the packet analyzer SKIP passes over")
	o.set = append(o.set, func(s *settings) { s.packet.SkipBytes = skip.Get() })
}

// narrow gives some options the width that they have in Zeek, which keeps them
// as int (NetVar.cc): what is larger loses its upper half, and may get negative.
func narrow(s *settings) {
	// Compared as numbers with a sign (PIA.h, TCPSessionAdapter.cc): a negative
	// limit is one that everything passes.
	for _, n := range []*uint64{&s.conn.DPDBufferSize, &s.conn.DPDMaxPackets, &s.conn.TCPStormThresh} {
		*n = uint64(max(int32(*n), 0))
	}
	// Compared as numbers without one (TCP_Reassembler.cc).
	for _, n := range []*uint64{&s.conn.TCPMaxInitialWindow, &s.conn.TCPMaxAboveHole, &s.conn.TCPExcessiveData} {
		*n = uint64(int32(*n))
	}
}

func declareConnections(boolean func(string, string, ...func(*settings) *bool), count func(string, string, func(*settings) *uint64), interval func(string, string, func(*settings) *float64)) {
	boolean("partial_connection_ok", "follow connections whose beginning was not seen", func(s *settings) *bool { return &s.conn.PartialConnectionOK })
	boolean("tcp_SYN_ack_ok", "follow connections that begin with a SYN-ACK", func(s *settings) *bool { return &s.conn.TCPSynAckOK })
	boolean("report_gaps_for_partial", "raise content_gap also where the handshake was not seen", func(s *settings) *bool { return &s.conn.ReportGapsForPartial })
	boolean("detect_filtered_trace", "recognise captures of SYN, FIN and RST only", func(s *settings) *bool { return &s.conn.DetectFilteredTrace })
	boolean("dpd_match_only_beginning", "end protocol detection when its buffer is full", func(s *settings) *bool { return &s.conn.DPDMatchOnlyBeginning })
	boolean("dpd_reassemble_first_packets", "put streams together on all ports while protocols are detected; otherwise detection looks at packets", func(s *settings) *bool { return &s.conn.DPDReassembleFirst })
	boolean("dpd_late_match_stop", "end protocol detection at a match that comes too late", func(s *settings) *bool { return &s.conn.DPDLateMatchStop })
	boolean("dpd_ignore_ports", "choose analyzers by content alone", func(s *settings) *bool { return &s.conn.DPDIgnorePorts })

	count("dpd_buffer_size", "bytes of a connection that protocol detection looks at", func(s *settings) *uint64 { return &s.conn.DPDBufferSize })
	count("dpd_max_packets", "pieces of a connection that protocol detection looks at", func(s *settings) *uint64 { return &s.conn.DPDMaxPackets })
	count("max_analyzer_violations", "violations of one analyzer that are reported", func(s *settings) *uint64 { return &s.conn.MaxAnalyzerViolations })
	count("tcp_max_initial_window", "bytes kept while nothing was ever acknowledged", func(s *settings) *uint64 { return &s.conn.TCPMaxInitialWindow })
	count("tcp_max_above_hole_without_any_acks", "bytes above a hole, nothing ever acknowledged, at which a stream is given up", func(s *settings) *uint64 { return &s.conn.TCPMaxAboveHole })
	count("tcp_excessive_data_without_further_acks", "unacknowledged bytes at which a stream is given up", func(s *settings) *uint64 { return &s.conn.TCPExcessiveData })
	count("tcp_storm_thresh", "FINs or RSTs of one side that make a storm", func(s *settings) *uint64 { return &s.conn.TCPStormThresh })
	count("Tunnel::max_changes_per_connection", "changes of a connection's tunnels that are reported; 0 all", func(s *settings) *uint64 { return &s.conn.TunnelMaxChanges })

	interval("tcp_storm_interarrival_thresh", "and how quickly they follow each other", func(s *settings) *float64 { return &s.conn.TCPStormInterarrival })
	interval("tcp_SYN_timeout", "when a new connection is first looked after", func(s *settings) *float64 { return &s.conn.TCPSynTimeout })
	interval("tcp_session_timer", "how often connections are looked after", func(s *settings) *float64 { return &s.conn.TCPSessionTimer })
	interval("tcp_connection_linger", "quiet time after which a half-closed connection may go", func(s *settings) *float64 { return &s.conn.TCPConnectionLinger })
	interval("tcp_attempt_delay", "how long an unanswered SYN is waited for", func(s *settings) *float64 { return &s.conn.TCPAttemptDelay })
	interval("tcp_close_delay", "how long a closed connection is kept", func(s *settings) *float64 { return &s.conn.TCPCloseDelay })
	interval("tcp_reset_delay", "how long a reset connection is kept", func(s *settings) *float64 { return &s.conn.TCPResetDelay })
	interval("tcp_partial_close_delay", "how long a half-seen close is waited for", func(s *settings) *float64 { return &s.conn.TCPPartialCloseDelay })
	interval("tcp_inactivity_timeout", "quiet time after which a TCP connection is removed", func(s *settings) *float64 { return &s.conn.TCPInactivityTimeout })
	interval("udp_inactivity_timeout", "quiet time after which a UDP connection is removed", func(s *settings) *float64 { return &s.conn.UDPInactivityTimeout })
	interval("icmp_inactivity_timeout", "quiet time after which an ICMP connection is removed", func(s *settings) *float64 { return &s.conn.ICMPInactivityTimeout })
	interval("unknown_ip_inactivity_timeout", "quiet time after which one of another protocol is removed", func(s *settings) *float64 { return &s.conn.UnknownInactivity })
}

// declareContents declares what has streams put together on all ports, whatever
// dpd_reassemble_first_packets says (TCPSessionAdapter::AddExtraAnalyzers); the
// event that it is for, tcp_contents, no policy here handles.
func declareContents(o *options, r *redef.Registry) {
	orig := r.Bool("tcp_content_deliver_all_orig", false, "put streams together on all ports, in both directions")
	resp := r.Bool("tcp_content_deliver_all_resp", false, "the same")
	o.set = append(o.set, func(s *settings) {
		s.conn.DPDReassembleFirst = s.conn.DPDReassembleFirst || orig.Get() || resp.Get()
	})
}

func declareMail(o *options, r *redef.Registry, boolean func(string, string, ...func(*settings) *bool), count func(string, string, func(*settings) *uint64), interval func(string, string, func(*settings) *float64), text func(string, string, func(*settings) *string)) {
	count("SMTP::bdat_max_line_length", "a longer line of a BDAT chunk is cut", func(s *settings) *uint64 { return &s.smtp.BDATMaxLineLength })
	boolean("SMTP::enable_rfc822_msg_file_analysis", "each mail as a whole is a file too", func(s *settings) *bool { return &s.smtp.EnableRFC822MsgFileAnalysis })
	count("MIME::max_depth", "how deep parts within parts are followed; 0 without limit", func(s *settings) *uint64 { return &s.smtp.MIME.MaxDepth })
	count("MIME::max_header_bytes", "a longer header field is not continued; 0 without limit", func(s *settings) *uint64 { return &s.smtp.MIME.MaxHeaderBytes })
	segment := r.Count("mime_segment_length", 1024, "bytes of a piece of a body")
	overlap := r.Count("mime_segment_overlap_length", 0, "by how much pieces get shorter")
	o.set = append(o.set, func(s *settings) {
		// int in Zeek, too: see narrow.
		s.smtp.MIME.SegmentLength = int(int32(segment.Get()))
		s.smtp.MIME.SegmentOverlapLength = int(int32(overlap.Get()))
	})

	interval("default_file_timeout_interval", "quiet time after which a file has ended", func(s *settings) *float64 { return &s.files.DefaultFileTimeoutInterval })
	count("default_file_bof_buffer_size", "bytes at the beginning of a file that name its type", func(s *settings) *uint64 { return &s.files.DefaultFileBofBufferSize })
	text("FileExtract::prefix", "folder of extracted files", func(s *settings) *string { return &s.files.FileExtractPrefix })
	count("FileExtract::default_limit", "how many bytes of a file are extracted; 0 is all", func(s *settings) *uint64 { return &s.files.FileExtractDefaultLimit })
	boolean("FileExtract::default_limit_includes_missing", "missing bytes count against the limit", func(s *settings) *bool { return &s.files.FileExtractDefaultLimitIncludesMissing })
}

func declareLogs(o *options, r *redef.Registry, boolean func(string, string, ...func(*settings) *bool), count func(string, string, func(*settings) *uint64), text func(string, string, func(*settings) *string)) {
	text("LogAscii::separator", "between columns", func(s *settings) *string { return &s.log.ASCII.Separator })
	text("LogAscii::set_separator", "between elements of sets and vectors", func(s *settings) *string { return &s.log.ASCII.SetSeparator })
	text("LogAscii::empty_field", "for empty strings, sets and vectors", func(s *settings) *string { return &s.log.ASCII.EmptyField })
	text("LogAscii::unset_field", "for unset fields", func(s *settings) *string { return &s.log.ASCII.UnsetField })
	text("LogAscii::meta_prefix", "before the header lines", func(s *settings) *string { return &s.log.ASCII.MetaPrefix })
	text("LogAscii::gzip_file_extension", "of compressed logs", func(s *settings) *string { return &s.log.ASCII.GzipExtension })
	boolean("LogAscii::include_meta", "write header lines", func(s *settings) *bool { return &s.log.ASCII.IncludeMeta })
	boolean("LogAscii::enable_utf_8", "leave valid UTF-8 as it is", func(s *settings) *bool { return &s.log.ASCII.UTF8 })
	boolean("LogAscii::use_json", "write JSON lines", func(s *settings) *bool { return &s.log.ASCII.JSON })
	boolean("LogAscii::json_include_unset_fields", "write unset fields as null", func(s *settings) *bool { return &s.log.ASCII.JSONIncludeUnset })
	boolean("LogAscii::output_to_stdout", "write all logs to standard output", func(s *settings) *bool { return &s.log.ASCII.ToStdout })
	boolean("LogAscii::enable_leftover_log_rotation", "rotate logs that a crashed run left, if logs are rotated at all; for interfaces T unless it is set", func(s *settings) *bool { return &s.log.ASCII.LeftoverRotation })
	boolean("Log::enable_local_logging", "write logs at all", func(s *settings) *bool { return &s.log.LocalLogging })
	text("Log::default_logdir", "folder of the logs", func(s *settings) *string { return &s.log.DefaultLogdir })
	text("Log::default_scope_sep", "between the names of nested fields", func(s *settings) *string { return &s.log.DefaultScopeSep })
	text("Log::default_ext_prefix", "before the names of extension fields", func(s *settings) *string { return &s.log.DefaultExtPrefix })
	text("Log::default_rotation_dir", "folder of rotated logs", func(s *settings) *string { return &s.log.RotationDir })
	text("Log::default_rotation_date_format", "of the names of rotated logs, strftime", func(s *settings) *string { return &s.log.RotationDateFormat })
	text("Log::default_rotation_postprocessor_cmd", "run with each rotated log", func(s *settings) *string { return &s.log.RotationPostprocessor })
	count("Log::rotation_size", "bytes at which a log is rotated, whatever the interval; 0 is never. Zeek doesn't have it", func(s *settings) *uint64 { return &s.rotationSize })
	name := r.String("Log::rotation_name", "", "names of rotated logs, with {path}, {open:FORMAT} and {close:FORMAT}; empty is Zeek's. Zeek has a function for it").Check(zeeklog.CheckRotationName)
	o.set = append(o.set, func(s *settings) {
		s.log.RotationName, s.log.RotationSize = name.Get(), int64(min(s.rotationSize, math.MaxInt64))
	})
	text("log_rotate_base_time", "time of day that rotation intervals count from, HH:MM", func(s *settings) *string { return &s.log.RotateBaseTime })

	level := r.Count("LogAscii::gzip_level", 0, "compress logs, 1 to 9; 0 does not").Check(gzipLevel)
	stamps := r.Enum("LogAscii::json_timestamps", "JSON::TimestampFormat", []string{"JSON::TS_EPOCH", "JSON::TS_MILLIS", "JSON::TS_ISO8601", "JSON::TS_MILLIS_UNSIGNED"}, "JSON::TS_EPOCH", "how JSON logs write times")
	rotate := r.Interval("Log::default_rotation_interval", 0, "how often logs are rotated; 0 is never").Check(notNegative)
	names := r.StringStrings("Log::default_field_name_map", nil, "other names for columns")
	env := r.StringStrings("Log::default_rotation_postprocessor_cmd_env", nil, "environment of the postprocessor")
	rows := r.Count("Log::write_buffer_size", 1000, "rows that a log holds back at most")
	flush := r.Interval("Log::flush_interval", 1, "how long it holds them back")
	syncing := r.Interval("Log::sync_interval", 0, "how often logs are brought to the disk (fsync), beside the run; with 0secs when they are rotated and at the end, which a run over files does without (gzeek's own)")
	largest := r.Count("Log::max_log_record_size", 64<<20, "a longer row is dropped")
	writer := r.Enum("Log::default_writer", "Log::Writer", zeeklog.BuiltInWriters, zeeklog.WriterASCII, "how logs are written")
	o.set = append(o.set, func(s *settings) {
		l := &s.log
		l.ASCII.GzipLevel = int(min(level.Get(), 100))
		if f, err := zeeklog.ParseTimestampFormat(stamps.Get()); err == nil {
			l.ASCII.JSONTimestamps = f
		}
		l.RotationInterval = rotate.Get()
		l.DefaultFieldNameMap = maps.Collect(names.All())
		l.RotationEnv = maps.Collect(env.All())
		l.WriteBufferSize = int(min(rows.Get(), 1<<30))
		l.FlushInterval = flush.Get()
		l.SyncInterval = max(syncing.Get(), 0)
		l.MaxLogRecordSize = int(min(largest.Get(), 1<<40))
		l.DefaultWriter = writer.Get()
	})
}

// gzipLevel refuses what leaves empty logs and an error for each in Zeek (Ascii::DoInit).
func gzipLevel(n uint64) error {
	if n > 9 {
		return errors.New("must be 1 to 9, or 0 to not compress")
	}
	return nil
}

// notNegative refuses an interval that has all timers of rotation fire with
// each packet in Zeek, each rotated log replacing the last (calc_next_rotate).
func notNegative(seconds float64) error {
	if seconds < 0 {
		return errors.New("an interval of rotation can't be negative")
	}
	return nil
}

func stringSet(s *redef.StringSet) map[string]bool {
	m := make(map[string]bool)
	for _, x := range s.Get() {
		m[x] = true
	}
	return m
}

func connPorts(s *redef.PortSet) conn.PortSet {
	m := make(conn.PortSet)
	for _, p := range s.Get() {
		m[conn.Port{Number: p.Number, Proto: p.Proto}] = true
	}
	return m
}

// likelyServerPorts are the ports that Zeek's scripts register, mail or not: the
// direction of a half-seen connection is guessed from all of them. In bare mode
// there are those of tunnels (base/packet-protocols), and of the policies of the
// run.
func likelyServerPorts(bare bool, policies []string) []redef.Port {
	tcp := []uint16{
		21, 22, 25, 53, 79, 80, 81, 88, 135, 139, 143, 443, 445, 502, 563, 585, 587, 614, 631, 636, 989, 990, 992,
		993, 995, 1080, 1883, 2811, 3128, 3389, 5222, 5223, 5269, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000,
	}
	udp := []uint16{
		53, 67, 88, 123, 137, 161, 162, 443, 514, 1812, 2123, 2152, 3389, 3544, 4789, 5060, 5072, 5353, 5355, 6081, 20000,
	}
	if bare {
		tcp, udp = nil, []uint16{2123, 2152, 3544, 4789, 5072, 6081}
		if policy.Required("base/protocols/smtp", policies) {
			tcp = []uint16{25, 587}
		}
	}
	var ports []redef.Port
	for _, p := range tcp {
		ports = append(ports, redef.TCP(p))
	}
	for _, p := range udp {
		ports = append(ports, redef.UDP(p))
	}
	return ports
}
