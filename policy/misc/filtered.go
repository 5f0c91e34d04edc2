package misc

import (
	"bytes"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/misc/find-filtered-trace",
		Doc:  "warns when a capture probably holds the control packets of TCP only",
		Load: loadFiltered,
	})
}

// loadFiltered looks whether any TCP connection of a capture carried data. On
// an interface nobody filters for that, and nothing is looked at.
//
// Zeek: scripts/base/misc/find-filtered-trace.zeek.
func loadFiltered(c *policy.Context) error {
	enable := c.Options.Bool("FilteredTraceDetection::enable", true, "warn of captures without the data of TCP connections")
	if c.Live {
		return nil
	}
	var withData, tcp, other bool
	ev, name := c.Events, c.Policy()
	ev.ConnectionStateRemove.Handle(name, 0, func(e *event.ConnEvent) {
		switch {
		case !enable.Get() || withData:
		case e.Conn.ID.Proto != event.ProtoTCP:
			other = true
		default:
			tcp = true
			withData = bytes.ContainsAny(e.Conn.History, "Dd")
		}
	})
	ev.ZeekDone.Handle(name, 0, func(*struct{}) {
		if enable.Get() && tcp && !other && !withData {
			c.Warning("The analyzed trace file was determined to contain only TCP control packets, which may indicate it's been pre-filtered.  By default, Zeek reports the missing segments for this type of trace, but the 'detect_filtered_trace' option may be toggled if that's not desired.")
		}
	})
	return nil
}
