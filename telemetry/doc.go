// Package telemetry tells Prometheus how a run is doing: /metrics, and /healthz
// for what restarts services.
//
// Names are Zeek's where they mean the same (src/*/*.cc, where telemetry_mgr is
// asked for a family, and scripts/policy/misc/stats.zeek), with the units and
// the suffix _total that Zeek adds (src/telemetry/Utils.cc,
// BuildFullPrometheusName); what Zeek doesn't have begins with gzeek_.
//
// The run isn't measured by locks or atomic counters: a scrape asks it for a
// copy of what it counts anyway (engine.Engine.Status).
package telemetry
