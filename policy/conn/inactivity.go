package conn

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/redef"
)

// loadInactivity gives connections of interactive services more time: by port,
// when the connection is established, and by analyzer, when it is confirmed
// (base/protocols/conn/inactivity).
func loadInactivity(c *policy.Context) {
	o := c.Options
	dpd.DeclareTags(o)
	hour := func(ports ...uint16) map[redef.Port]float64 {
		m := make(map[redef.Port]float64)
		for _, p := range ports {
			m[redef.TCP(p)] = 3600
		}
		return m
	}
	byPort := o.PortIntervals("Conn::port_inactivity_timeouts", hour(21, 22, 23, 513), "how long a quiet connection is kept, by the responder's port")
	byAnalyzer := o.EnumIntervals("Conn::analyzer_inactivity_timeouts", "AllAnalyzers::Tag", map[string]float64{
		"AllAnalyzers::ANALYZER_ANALYZER_FTP": 3600, "AllAnalyzers::ANALYZER_ANALYZER_SSH": 3600,
	}, "how long a quiet connection is kept, by the service that was recognised")
	type analyzer struct {
		name     string
		protocol bool
	}
	tags := make(map[analyzer][2]string)
	c.Events.AnalyzerConfirmationInfo.Handle(c.Policy(), 0, func(e *event.AnalyzerConfirmation) {
		if e.Conn == nil {
			return
		}
		a := analyzer{e.Name, e.AID != 0}
		if _, ok := tags[a]; !ok {
			tags[a] = dpd.Tags(a.name, a.protocol)
		}
		for _, tag := range tags[a] {
			if t, ok := byAnalyzer.Lookup(tag); ok {
				e.Conn.Ctl.SetInactivityTimeout(t)
				break
			}
		}
	})
	likely := o.PortSet("likely_server_ports", nil, "")
	c.Events.ConnectionEstablished.Handle(c.Policy(), 0, func(e *event.ConnEvent) {
		id := &e.Conn.ID
		port := redef.Port{Number: id.RespP, Proto: id.Proto}
		if e.Conn.Orig.State == tcpInactive {
			// Half of the connection was not seen: the service may be at the
			// other end.
			if orig := (redef.Port{Number: id.OrigP, Proto: id.Proto}); !likely.Has(port) && likely.Has(orig) {
				port = orig
			}
		}
		if t, ok := byPort.Lookup(port); ok {
			e.Conn.Ctl.SetInactivityTimeout(t)
		}
	})
}
