// Package packetfilter is base/frameworks/packet-filter: packet_filter.log says
// which filter a run has begun with, and a notice is raised when the kernel drops
// packets. The filter itself is built and installed where packets are read; it
// doesn't change while a run goes on.
//
// Zeek loads it always. gzeek does for interfaces, and for files if it is named.
//
// Zeek: scripts/base/frameworks/packet-filter/main.zeek and netstats.zeek.
package packetfilter

import (
	"fmt"
	"time"

	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/packet-filter",
		Doc:      "packet_filter.log: the filter that packets are read with; a notice when the kernel drops packets. Loaded for interfaces",
		Requires: []string{"base/frameworks/notice"},
		Load:     load,
	})
}

// Info is a record of packet_filter.log, PacketFilter::Info.
type Info struct {
	TS            float64 // seconds since the epoch
	Node          string
	Filter        string
	Init, Success bool
	FailureReason string // "" is unset
}

// netStatsInterval is PacketFilter::stats_collection_interval, a constant.
const netStatsInterval = 300 // seconds

func load(c *policy.Context) error {
	peer := c.Options.String("peer_description", "zeek", "names this sensor in logs")
	n := policy.Use[*notice.Framework](c)
	n.DeclareType("PacketFilter::Compile_Failure")
	n.DeclareType("PacketFilter::Install_Failure")
	n.DeclareType("PacketFilter::Too_Long_To_Compile_Filter")
	dropped := n.DeclareType("PacketFilter::Dropped_Packets")
	log := policy.NewStream(c, "PacketFilter::LOG", "packet_filter", "",
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.String("node", func(i *Info) (string, bool) { return i.Node, true }),
		policy.String("filter", func(i *Info) (string, bool) { return i.Filter, true }),
		policy.Bool("init", func(i *Info) (bool, bool) { return i.Init, true }),
		policy.Bool("success", func(i *Info) (bool, bool) { return i.Success, true }),
		policy.Text("failure_reason", func(i *Info) string { return i.FailureReason }),
	)
	init := c.Events.ZeekInit
	init.Handle(c.Policy(), -6, func(*struct{}) {
		// A filter that can't be used ends the run before this one begins.
		log.Write(&Info{TS: float64(time.Now().UnixMicro()) / 1e6, Node: peer.Get(), Filter: c.Filter(), Init: true, Success: true})
	})
	if c.Live {
		init.Handle(c.Policy(), 0, func(*struct{}) { watchDrops(c, n, dropped, c.Counters()) })
	}
	return nil
}

// watchDrops is net_stats_update.
func watchDrops(c *policy.Context, n *notice.Framework, kind notice.Type, last policy.Counters) {
	c.Schedule(netStatsInterval, func() {
		now := c.Counters()
		if lost := now.Dropped - last.Dropped; lost > 0 {
			msg := fmt.Sprintf("%d packets dropped after filtering, %d received", lost, now.Packets-last.Packets+lost)
			if link := now.Link - last.Link; link != 0 {
				msg += fmt.Sprintf(", %d on link", link)
			}
			n.Raise(&notice.Notice{Note: kind, Msg: msg})
		}
		watchDrops(c, n, kind, now)
	})
}
