// Package stats is misc/stats: stats.log says at intervals what a run has read,
// lost and holds.
//
// Zeek: scripts/policy/misc/stats.zeek. Its telemetry is not here.
package stats

import (
	"time"

	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "misc/stats",
		Doc:      "stats.log: memory, packets read and lost, connections, events, timers, at intervals",
		Requires: []string{"base/frameworks/notice"},
		Load:     load,
	})
}

// Info is a record of stats.log, Stats::Info. Numbers are those since the last
// record, unless they say what is there now.
type Info struct {
	TS   float64 // seconds since the epoch
	Peer string
	// Live says that packets come from an interface: only then are lag, and what
	// the kernel saw and lost, known.
	Live bool
	Lag  float64 // of the packet in work behind the clock on the wall, seconds
	// Now are the counters, Last those of the record before.
	Now, Last policy.Counters
}

func load(c *policy.Context) error {
	interval := c.Options.Interval("Stats::report_interval", 300, "how often stats.log is written").Live()
	peer := c.Options.String("peer_description", "zeek", "names this sensor in logs")
	log := policy.NewStream(c, "Stats::LOG", "stats", "Stats::log_stats", columns()...)

	var check func(last policy.Counters)
	check = func(last policy.Counters) {
		now := c.Counters()
		info := &Info{TS: c.Now(), Peer: peer.Get(), Live: c.Live, Now: now, Last: last}
		if now.PacketTime != 0 {
			info.Lag = float64(time.Now().UnixMicro())/1e6 - now.PacketTime
		}
		log.Write(info)
		c.Schedule(interval.Get(), func() { check(now) })
	}
	c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
		first := c.Counters()
		c.Schedule(interval.Get(), func() { check(first) })
	})
	return nil
}

// A column is of one of these kinds.
func since(name string, get func(*policy.Counters) uint64) policy.Column[Info] {
	return policy.Count(name, func(i *Info) (uint64, bool) { return get(&i.Now) - get(&i.Last), true })
}

func sinceLive(name string, get func(*policy.Counters) uint64) policy.Column[Info] {
	return policy.Count(name, func(i *Info) (uint64, bool) { return get(&i.Now) - get(&i.Last), i.Live })
}

func now(name string, get func(*policy.Counters) uint64) policy.Column[Info] {
	return policy.Count(name, func(i *Info) (uint64, bool) { return get(&i.Now), true })
}

func none(name string) policy.Column[Info] {
	return policy.Count(name, func(*Info) (uint64, bool) { return 0, true })
}

func columns() []policy.Column[Info] {
	type counters = policy.Counters
	return []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.String("peer", func(i *Info) (string, bool) { return i.Peer, true }),
		now("mem", func(c *counters) uint64 { return c.Memory >> 20 }),
		since("pkts_proc", func(c *counters) uint64 { return c.Packets }),
		since("bytes_recv", func(c *counters) uint64 { return c.Bytes }),
		sinceLive("pkts_dropped", func(c *counters) uint64 { return c.Dropped }),
		sinceLive("pkts_link", func(c *counters) uint64 { return c.Link }),
		policy.Interval("pkt_lag", func(i *Info) (float64, bool) { return i.Lag, i.Live }),
		// Neither libpcap nor AF_PACKET says what a filter left out.
		policy.Count("pkts_filtered", func(*Info) (uint64, bool) { return 0, false }),
		since("events_proc", func(c *counters) uint64 { return c.EventsDispatched }),
		since("events_queued", func(c *counters) uint64 { return c.EventsQueued }),
		now("active_tcp_conns", func(c *counters) uint64 { return uint64(c.TCP.Now) }),
		now("active_udp_conns", func(c *counters) uint64 { return uint64(c.UDP.Now) }),
		now("active_icmp_conns", func(c *counters) uint64 { return uint64(c.ICMP.Now) }),
		since("tcp_conns", func(c *counters) uint64 { return c.TCP.Total }),
		since("udp_conns", func(c *counters) uint64 { return c.UDP.Total }),
		since("icmp_conns", func(c *counters) uint64 { return c.ICMP.Total }),
		since("timers", func(c *counters) uint64 { return c.Timers.Total }),
		now("active_timers", func(c *counters) uint64 { return uint64(c.Timers.Now) }),
		since("files", func(c *counters) uint64 { return c.Files.Total }),
		now("active_files", func(c *counters) uint64 { return uint64(c.Files.Now) }),
		// gzeek asks no name server through an engine of its own, and puts no files
		// together.
		none("dns_requests"),
		none("active_dns_requests"),
		now("reassem_tcp_size", func(c *counters) uint64 { return c.ReassemTCP }),
		none("reassem_file_size"),
		now("reassem_frag_size", func(c *counters) uint64 { return c.ReassemFragments }),
		now("reassem_unknown_size", func(c *counters) uint64 { return c.ReassemUnknown }),
	}
}
