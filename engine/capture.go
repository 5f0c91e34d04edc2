package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/redef"
)

// captureSettings are the options of reading packets.
type captureSettings struct {
	filter      capture.FilterParts
	ports       bool // PacketFilter::enable_auto_protocol_capture_filters
	commandLine string
	live        capture.LiveOptions
	group       uint16 // for an interface that is named several times
}

var fanoutModes = []string{"AF_Packet::FANOUT_HASH", "AF_Packet::FANOUT_CPU", "AF_Packet::FANOUT_QM"}

// declareCapture declares the options of reading packets, those of Zeek's
// AF_PACKET plugin (zeek-af_packet-plugin, scripts/init.zeek) too.
func declareCapture(o *options, r *redef.Registry) {
	bpf := r.String("cmd_line_bpf_filter", "", "a BPF expression in place of those that follow, as -f gives it")
	filters := r.StringStrings("capture_filters", nil, "BPF expressions: what matches any of them is read")
	restrict := r.StringStrings("restrict_filters", nil, "BPF expressions: only what matches all of them is read")
	def := r.String("PacketFilter::default_capture_filter", capture.MatchAll, "a BPF expression: what is read if capture_filters is empty")
	unrestricted := r.String("PacketFilter::unrestricted_filter", "", "a BPF expression: what is read whatever the filters say")
	restricted := r.String("PacketFilter::restricted_filter", "", "a BPF expression that goes before all others, like vlan")
	ports := r.Bool("PacketFilter::enable_auto_protocol_capture_filters", false, "read what goes to or from the ports of SMTP, besides capture_filters")
	o.set = append(o.set, func(s *settings) {
		c := &s.capture
		c.commandLine, c.ports = bpf.Get(), ports.Get()
		c.filter = capture.FilterParts{
			Capture: maps.Collect(filters.All()), Restrict: maps.Collect(restrict.All()),
			Default: def.Get(), Unrestricted: unrestricted.Get(), Restricted: restricted.Get(),
		}
	})

	snaplen := r.Count("Pcap::snaplen", 9216, "how many octets of a packet are taken from an interface")
	buffer := r.Count("Pcap::bufsize", 128, "the kernel's buffer for libpcap, in MiB")
	promiscuous := r.Bool("Pcap::promiscuous", true, "take what is not addressed to this machine, too (gzeek's own)")
	reopen := r.Interval("Pcap::reopen_interval", 5, "an interface that fails is opened again, tried after 0.1 s, 0.2 s and so on up to this; with 0secs its failure ends the run, unless another one is left (gzeek's own)")
	const mib = 1 << 20
	ring := r.Count("AF_Packet::buffer_size", 128*mib, "the kernel's buffer for each -i af_packet::IFACE, in octets").Check(func(n uint64) error {
		if n < mib {
			return errors.New("must be at least 1048576")
		}
		return nil
	})
	fanout := r.Bool("AF_Packet::enable_fanout", true, "an interface that is named several times is shared by as many sockets; a single one joins AF_Packet::fanout_id, and so shares with other processes, if this or that option is set")
	id := r.Count("AF_Packet::fanout_id", 23, "the number of the group that shares an interface; a second interface takes the next number").Check(func(n uint64) error {
		if n == 0 || n > 1<<16-1 {
			return errors.New("must be 1 to 65535")
		}
		return nil
	})
	mode := r.Enum("AF_Packet::fanout_mode", "AF_Packet::FanoutMode", fanoutModes, fanoutModes[0], "how it is shared: by flow, by the core that received a packet, by the card's queue")
	defrag := r.Bool("AF_Packet::enable_defrag", false, "fragments follow their flow when an interface is shared")
	o.set = append(o.set, func(s *settings) {
		l := &s.capture.live
		l.Snaplen = int(min(snaplen.Get(), 1<<20))
		l.BufferMB = int(min(max(buffer.Get(), 1), 1<<11-1)) // libpcap takes an int of octets
		l.RingMB = int(min(ring.Get()/mib, 1<<20))
		l.NoPromiscuous = !promiscuous.Get()
		l.Reopen = time.Duration(min(max(reopen.Get(), 0), 1e6) * float64(time.Second))
		l.FanoutMode, l.FanoutDefrag = capture.FanoutMode(slices.Index(fanoutModes, mode.Get())), defrag.Get()
		if !fanout.Get() {
			return
		}
		s.capture.group = uint16(id.Get())
		if isSet(r, "AF_Packet::enable_fanout") || isSet(r, "AF_Packet::fanout_id") {
			l.Fanout = s.capture.group
		}
	})
}

// isSet says whether a value was given for an option, be it the default.
func isSet(r *redef.Registry, name string) bool {
	o, ok := r.Lookup(name)
	return ok && o.Origin != redef.Place{}
}

// Filter returns the BPF expression of Config.Filter or cmd_line_bpf_filter, or
// else that of the options of Zeek's packet filter framework.
func (e *Engine) Filter() string {
	if f := e.cfg.Filter; f != "" {
		return f
	}
	if f := e.settings.capture.commandLine; f != "" {
		return f
	}
	parts := e.settings.capture.filter
	if e.settings.capture.ports {
		parts.Ports = []string{}
		for p := range e.settings.conn.SMTPPorts {
			if p.Proto == event.ProtoTCP {
				parts.Ports = append(parts.Ports, fmt.Sprintf("tcp and port %d", p.Number))
			}
		}
		slices.Sort(parts.Ports)
	}
	return parts.Combine()
}

// ExplainFilter says of an error that opening a source gave which of the options
// it is about.
func (e *Engine) ExplainFilter(err error) error {
	var fe *capture.FilterError
	if !errors.As(err, &fe) || fe.Expr == e.cfg.Filter || fe.Expr == e.settings.capture.commandLine {
		return err
	}
	return e.settings.capture.filter.Explain(fe)
}

// OpenInterfaces listens as the options say: see capture.OpenInterfaces.
func (e *Engine) OpenInterfaces(ifaces []string) (capture.Source, error) {
	opts := e.settings.capture.live
	opts.Filter, opts.Warn = e.Filter(), e.warn
	if opts.Workers = e.workers(); opts.Workers > 1 {
		l := newLooker(&e.settings)
		opts.Ahead = l.lookLive
	}
	src, err := capture.OpenInterfaces(ifaces, e.settings.capture.group, opts)
	if err != nil {
		return nil, err
	}
	e.live = src
	return src, nil
}

// Record has what src gives written to w as well, see capture.Record. Config.Warn
// hears of what is wrong with the file, from the goroutine that reads src.
func (e *Engine) Record(src capture.Source, w *capture.Writer) *capture.Recorder {
	switch {
	case e.cfg.Live: // read by the run's goroutine
		return capture.Record(src, w, e.warn)
	case e.cfg.Warn != nil:
		return capture.Record(src, w, e.cfg.Warn)
	}
	return capture.Record(src, w, func(string) {})
}

// interfaces tells how those of OpenInterfaces are doing.
func (e *Engine) interfaces() []capture.Interface {
	if e.live == nil {
		return nil
	}
	return e.live.Interfaces()
}
