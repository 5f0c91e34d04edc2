// Package misc holds small policies that belong to Zeek's default set and look
// after the run itself: reporter.log, the warning about checksum offloading,
// and timers that have no other purpose than their place in the heap.
package misc

import (
	"strings"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/frameworks/reporter",
		Doc:  "reporter.log: warnings and errors of the run",
		Load: loadReporter,
	})
	policy.Register(policy.Policy{
		Name: "base/misc/find-checksum-offloading",
		Doc:  "warns when bad checksums are probably those of the sensor's own interface",
		Load: loadChecksums,
	})
	policy.Register(policy.Policy{
		Name: "base/misc/timers",
		Doc:  "timers of Zeek's own upkeep, which decide in what order others of equal times fire",
		Load: loadTimers,
	})
}

// report is a record of reporter.log, Reporter::Info.
type report struct {
	event.Reporter
	level string
}

func loadReporter(c *policy.Context) error {
	log := policy.NewStream(c, "Reporter::LOG", "reporter", "Reporter::log_reporter",
		policy.Time("ts", func(r *report) float64 { return r.Time }),
		policy.Enum("level", func(r *report) (string, bool) { return r.level, true }),
		policy.String("message", func(r *report) (string, bool) { return r.Msg, true }),
		policy.String("location", func(r *report) (string, bool) { return r.Location, true }),
	)
	ev := c.Events
	for t, level := range map[*event.Topic[event.Reporter]]string{
		ev.ReporterInfo: "Reporter::INFO", ev.ReporterWarning: "Reporter::WARNING", ev.ReporterError: "Reporter::ERROR",
	} {
		t.Handle(c.Policy(), -5, func(e *event.Reporter) { log.Write(&report{*e, level}) })
	}
	return nil
}

// loadChecksums counts bad checksums and warns once when they are many.
func loadChecksums(c *policy.Context) error {
	interval := c.Options.Interval("ChecksumOffloading::check_interval", 10, "how often the share of bad checksums is looked at")
	var ip, tcp, udp, packets uint64
	done := false
	var check func()
	check = func() {
		if done {
			return
		}
		packets = c.Packets()
		bad := func(n uint64, share float64) bool { return packets > 0 && float64(n)/float64(packets) > share }
		switch {
		case bad(ip, 0.05) || bad(tcp, 0.05) || bad(udp, 0.05):
			var kinds []string
			for _, k := range []struct {
				name string
				n    uint64
			}{{"IP", ip}, {"TCP", tcp}, {"UDP", udp}} {
				if k.n > 0 {
					kinds = append(kinds, k.name)
				}
			}
			source := "trace file likely has"
			if c.Live {
				source = "interface is likely receiving"
			}
			c.Warning("Your %s invalid %s checksums, most likely from NIC checksum offloading.  By default, packets with invalid checksums are discarded unless -C or 'ignore_checksums' is given.  Alternatively, disable checksum offloading by the network adapter to see the actual checksums that are transmitted.",
				source, strings.Join(kinds, " and "))
			done = true
		case packets < 20:
			c.Schedule(interval.Get(), check)
		}
	}
	ev, name := c.Events, c.Policy()
	ev.ZeekInit.Handle(name, 0, func(*struct{}) { c.Schedule(interval.Get(), check) })
	ev.NetWeird.Handle(name, 0, func(e *event.Weird) {
		if e.Name == "bad_IP_checksum" {
			ip++
		}
	})
	ev.ConnWeird.Handle(name, 0, func(e *event.Weird) {
		switch e.Name {
		case "bad_TCP_checksum":
			tcp++
		case "bad_UDP_checksum":
			udp++
		}
	})
	ev.ZeekDone.Handle(name, 0, func(*struct{}) { check() })
	return nil
}
