// Package dpd is the analyzer framework's policy base/frameworks/analyzer: it
// keeps the service column of connections, disables analyzers that violate
// their protocol, and writes analyzer.log.
//
// Zeek: scripts/base/frameworks/analyzer/{main,dpd,logging}.zeek.
package dpd

import (
	"bytes"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/frameworks/analyzer",
		Doc:  "names the services of connections, disables analyzers that violate their protocol; analyzer.log",
		Load: load,
	})
}

// Info is a record of analyzer.log.
type Info struct {
	TS            float64
	Kind, Name    string
	Conn          *event.Conn
	FailureReason string
	FailureData   string
	HasData       bool
}

type dpd struct {
	ctx          *policy.Context
	log          *policy.Stream[Info]
	ignore       *redef.EnumSet
	ignoreAfter  *redef.Count
	trackRemoved *redef.Bool
	maxData      *redef.Count
	services     slab.Of[string]
}

// firstServices is room for the services of nearly all connections.
const firstServices = 2

func load(c *policy.Context) error {
	policy.Provide(c, newEnabled(c.Options))
	d := &dpd{
		ctx: c,
		ignore: c.Options.EnumSet("DPD::ignore_violations", tagType, []string{"Analyzer::ANALYZER_NTLM", "Analyzer::ANALYZER_DCE_RPC"},
			"analyzers that stay in spite of violations"),
		ignoreAfter:  c.Options.Count("DPD::ignore_violations_after", 10*1024, "ignore violations once a connection has carried this many bytes; 0 never does"),
		trackRemoved: c.Options.Bool("DPD::track_removed_services_in_connection", false, "keep a removed service in the service column, with a '-' in front"),
		maxData:      c.Options.Count("Analyzer::Logging::failure_data_max_size", 40, "how much of the offending data analyzer.log shows; 0 is all"),
	}
	d.log = policy.NewStream(c, "Analyzer::Logging::LOG", "analyzer", "Analyzer::Logging::log_analyzer", columns()...)
	ev, name := c.Events, c.Policy()
	ev.AnalyzerConfirmationInfo.Handle(name, 10, func(e *event.AnalyzerConfirmation) {
		if e.Conn != nil {
			if e.Conn.Service == nil {
				e.Conn.Service = d.services.Slice(firstServices)[:0]
			}
			e.Conn.Service.Add(e.Name)
		}
	})
	ev.AnalyzerViolationInfo.Handle(name, 5, d.violation)
	ev.AnalyzerFailed.Handle(name, 0, d.logFailure)
	ev.AnalyzerFailed.Handle(name, -5, d.removeService)
	return nil
}

func columns() []policy.Column[Info] {
	str := policy.String[Info]
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		str("analyzer_kind", func(i *Info) (string, bool) { return i.Kind, true }),
		str("analyzer_name", func(i *Info) (string, bool) { return i.Name, true }),
		str("uid", func(i *Info) (string, bool) { return i.Conn.UID, true }),
		str("fuid", func(*Info) (string, bool) { return "", false }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return &i.Conn.ID })...)
	return append(cols,
		policy.Enum("proto", func(i *Info) (string, bool) { return i.Conn.ID.Proto.String(), true }),
		str("failure_reason", func(i *Info) (string, bool) { return i.FailureReason, true }),
		str("failure_data", func(i *Info) (string, bool) { return i.FailureData, i.HasData }),
	)
}

// violation disables the analyzer that raised it, unless the connection has
// carried so much that the analyzer was probably right until now.
func (d *dpd) violation(e *event.AnalyzerViolation) {
	if e.Conn == nil || e.AID == 0 || d.ignore.Has(Tag(e.Name)) {
		return
	}
	size := e.Conn.Orig.Size + e.Conn.Resp.Size
	if after := d.ignoreAfter.Get(); after > 0 && size > after {
		return
	}
	// An analyzer that is gone already, or whose connection is, has failed too.
	if e.Conn.Ctl.LookupAnalyzer(e.Name) == 0 || e.Conn.Ctl.DisableAnalyzer(e.AID) {
		f := *e
		f.Data = bytes.Clone(e.Data) // the queue's copy dies with this event
		d.ctx.Events.AnalyzerFailed.Enqueue(f)
	}
}

// logFailure writes the first failure of a service that had been confirmed.
func (d *dpd) logFailure(e *event.AnalyzerViolation) {
	if e.Conn == nil || !e.Conn.Service.Has(e.Name) || e.Conn.FailedServices.Has(e.Name) {
		return
	}
	data := e.Data
	if max := d.maxData.Get(); max > 0 && uint64(len(data)) > max {
		data = data[:max]
	}
	d.log.Write(&Info{TS: d.ctx.Now(), Kind: "protocol", Name: e.Name, Conn: e.Conn, FailureReason: e.Reason,
		FailureData: string(data), HasData: e.Data != nil})
}

func (d *dpd) removeService(e *event.AnalyzerViolation) {
	if e.Conn == nil || !e.Conn.Service.Has(e.Name) {
		return
	}
	if !d.trackRemoved.Get() {
		e.Conn.Service.Delete(e.Name)
	}
	e.Conn.FailedServices.Add(e.Name)
	if d.trackRemoved.Get() && e.Conn.Service.Has(e.Name) {
		e.Conn.Service.Add("-" + e.Name)
	}
}
