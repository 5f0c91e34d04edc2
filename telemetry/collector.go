package telemetry

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/zeeklog"
)

// A Run can be asked for its status: an *engine.Engine. With an error the status
// is an older one, or none, as its Taken says.
type Run interface {
	Status(context.Context) (engine.Status, error)
}

// answerTime is how long a run may take to answer: it does so between two
// packets, and a live one looks up every few milliseconds.
const answerTime = 2 * time.Second

// metric is one number of a status.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	get  func(*engine.Status) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// metrics are those without labels.
var metrics = []metric{
	// scripts/policy/misc/stats.zeek
	{desc("zeek_net_received_packets_total", "Total number of packets received."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Received) }},
	{desc("zeek_net_received_bytes_total", "Total number of octets of received packets, as on the wire."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Bytes) }},
	{desc("zeek_net_dropped_packets_total", "Total number of packets that the kernel dropped before they could be read."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Dropped) }},
	{desc("zeek_net_link_packets_total", "Total number of packets that the kernel saw on the interfaces, dropped ones included."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Link) }},
	{desc("zeek_net_filtered_packets_total", "Total number of packets that a filter left out after they were read."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Filtered) }},
	{desc("zeek_net_timestamp_seconds", "Network time: when the last packet was captured."), gauge,
		func(s *engine.Status) float64 { return s.NetworkTime }},
	{desc("zeek_net_packet_lag_seconds", "How far network time is behind the clock."), gauge, packetLag},

	{desc("gzeek_sessions_max", "Most connections that were open at a time."), gauge,
		func(s *engine.Status) float64 { return float64(s.Conns.MaxAtATime) }},
	{desc("gzeek_files_active", "Files that are being followed now."), gauge,
		func(s *engine.Status) float64 { return float64(s.Files.Current) }},
	{desc("gzeek_files_total", "Total number of files."), counter,
		func(s *engine.Status) float64 { return float64(s.Files.Total) }},
	{desc("gzeek_fragments_active", "IP datagrams that wait for fragments now."), gauge,
		func(s *engine.Status) float64 { return float64(s.Decoded.Fragments) }},
	{desc("gzeek_timers_active", "Timers that are armed now."), gauge,
		func(s *engine.Status) float64 { return float64(s.Timers) }},
	{desc("gzeek_packets_unprocessed_total", "Total number of packets that belong to no connection and aren't ARP."), counter,
		func(s *engine.Status) float64 { return float64(s.Decoded.Unprocessed) }},
	{desc("gzeek_packets_unwritten_total", "Total number of packets that found no room in the file of -w."), counter,
		func(s *engine.Status) float64 { return float64(s.Capture.Unwritten) }},
	{desc("gzeek_packets_undecodable_total", "Total number of packets dropped because of an error in gzeek."), counter,
		func(s *engine.Status) float64 { return float64(s.Decoded.Panics) }},
	{desc("gzeek_handler_errors_total", "Total number of run-time errors of policies; reporter.log has them."), counter,
		func(s *engine.Status) float64 { return float64(s.HandlerErrors) }},
	{desc("gzeek_status_age_seconds", "How old these numbers are: about 0 unless the run does not answer."), gauge,
		func(s *engine.Status) float64 { return time.Since(s.Taken).Seconds() }},
	{desc("gzeek_reload_timestamp_seconds", "When options were last read anew, 0 if never."), gauge,
		func(s *engine.Status) float64 {
			return reloaded(s, func(r *engine.Reloaded) float64 { return seconds(r.At) })
		}},
	{desc("gzeek_reload_ok", "Whether the last reading of options found no mistake; 1 without any reload."), gauge, reloadOK},
}

func packetLag(s *engine.Status) float64 {
	if s.NetworkTime == 0 {
		return 0
	}
	return max(seconds(s.Taken)-s.NetworkTime, 0)
}

func reloadOK(s *engine.Status) float64 {
	if s.Reload != nil && s.Reload.Err != nil {
		return 0
	}
	return 1
}

func reloaded(s *engine.Status, get func(*engine.Reloaded) float64) float64 {
	if s.Reload == nil {
		return 0
	}
	return get(s.Reload)
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

var (
	up = desc("gzeek_up", "Whether the run answered: 0 when it hangs, starts or ends.")

	interfaceUp = desc("gzeek_interface_up",
		"Whether the interface is read: 0 while its link is down, or it can't be opened.", "interface")
	interfaceFailures = desc("gzeek_interface_failures_total",
		"Total number of times that the interface could not be read any more.", "interface")
	interfaceUnread = desc("gzeek_interface_unread_seconds_total",
		"Total time in which the interface could not be read.", "interface")
	interfaceLink = desc("gzeek_interface_link_packets_total",
		"Total number of packets that the kernel saw on the interface, dropped ones included.", "interface")
	interfaceDropped = desc("gzeek_interface_dropped_packets_total",
		"Total number of packets of the interface that the kernel dropped before they could be read.", "interface")

	// src/session/Manager.cc
	activeSessions = desc("zeek_active_sessions", "Connections that are open now.", "protocol")
	totalSessions  = desc("zeek_total_sessions_total", "Total number of connections.", "protocol")

	// src/logging/Manager.cc
	streamWrites = desc("zeek_log_stream_writes_total",
		"Total number of log writes for the given stream.", "module", "stream")
	writerLabels = []string{"writer", "module", "stream", "filter_name", "path"}
	writerWrites = desc("zeek_log_writer_writes_total",
		"Total number of log writes passed to a concrete log writer not vetoed by stream or filter policies.", writerLabels...)
	writerDiscarded = desc("zeek_log_writer_discarded_writes_total",
		"Total number of log writes discarded due to size limitations, or because the writer failed.", writerLabels...)
)

// collector asks the run at each scrape.
type collector struct {
	run     Run
	version string
	info    *prometheus.Desc
}

// NewRegistry returns a registry with the metrics of a run, of the process and
// of Go's runtime.
func NewRegistry(run Run, version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{run, version, desc("gzeek_version_info", "The version of gzeek.", "version", "go_version")},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	return r
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics {
		ch <- m.desc
	}
	for _, d := range []*prometheus.Desc{c.info, up, interfaceUp, interfaceFailures, interfaceUnread, interfaceLink, interfaceDropped,
		activeSessions, totalSessions, streamWrites, writerWrites, writerDiscarded} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), answerTime)
	defer stop()
	s, err := c.run.Status(ctx)
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	put(c.info, gauge, 1, c.version, runtime.Version())
	if err == nil {
		put(up, gauge, 1)
	} else {
		put(up, gauge, 0)
	}
	if s.Taken.IsZero() {
		return // the run has counted nothing yet
	}
	for _, m := range metrics {
		put(m.desc, m.kind, m.get(&s))
	}
	for _, i := range s.Interfaces {
		up := 1.0
		if i.Problem != "" {
			up = 0
		}
		put(interfaceUp, gauge, up, i.Name)
		put(interfaceFailures, counter, float64(i.Failures), i.Name)
		put(interfaceUnread, counter, i.Unread.Seconds(), i.Name)
		put(interfaceLink, counter, float64(i.Link), i.Name)
		put(interfaceDropped, counter, float64(i.Dropped), i.Name)
	}
	for _, p := range sessions(&s) {
		put(activeSessions, gauge, float64(p.Now), p.protocol)
		put(totalSessions, counter, float64(p.Total), p.protocol)
	}
	for _, w := range s.Streams {
		put(streamWrites, counter, float64(w.Writes), module(w.Stream), w.Stream)
	}
	for _, l := range merge(s.Logs) {
		labels := []string{l.Writer, module(l.Stream), l.Stream, l.Filter, l.Path}
		put(writerWrites, counter, float64(l.Lines), labels...)
		put(writerDiscarded, counter, float64(l.Discarded), labels...)
	}
}

// protocol counts the connections of one.
type protocol struct {
	protocol string
	conn.Tally
}

// sessions are the connections by protocol; unknown are those of any other one.
func sessions(s *engine.Status) []protocol {
	c := &s.Conns
	list := []protocol{{"tcp", c.TCP}, {"udp", c.UDP}, {"icmp", c.ICMP}}
	rest := conn.Tally{Now: s.Connections, Total: c.Created}
	for i := range list {
		if s.Ended { // all were logged
			list[i].Now = 0
		}
		rest.Now -= list[i].Now
		rest.Total -= list[i].Total
	}
	return append(list, protocol{"unknown", rest})
}

// module is that of a stream's id: SMTP of SMTP::LOG (module_util.cc,
// extract_module_name).
func module(id string) string {
	if i := strings.LastIndex(id, "::"); i > 0 {
		return id[:i]
	}
	return "GLOBAL"
}

// maxPaths bounds how many logs are told apart: a filter may name its logs by
// what is in a row, and each name would be a time series for good.
const maxPaths = 200

// merge counts all logs beyond a number as one, "other".
func merge(logs []zeeklog.LogStats) []zeeklog.LogStats {
	if len(logs) <= maxPaths {
		return logs
	}
	rest := zeeklog.LogStats{Stream: "other", Filter: "other", Path: "other", Writer: "other"}
	for _, l := range logs[maxPaths:] {
		rest.Lines += l.Lines
		rest.Discarded += l.Discarded
	}
	return append(logs[:maxPaths:maxPaths], rest)
}
