package engine

import (
	"math"

	"github.com/gzeek/gzeek/event"
)

// reporter is Zeek's Reporter for what the engine and the logs have to say: an
// event, which becomes a row of reporter.log, and a sentence for people
// (Reporter.cc, Reporter::DoLog).
//
// A run over files tells people at once. A live run tells them what policies
// report too, as Zeek does in both cases, from handlers of the events.
type reporter struct {
	events *event.Events
	live   bool

	info, warning, error report

	// within says that a report is being handled: what goes wrong with that,
	// like a full disk under reporter.log, is told, but makes no report again
	// (in_error_handler there).
	within bool
}

// report is one level of reports.
type report struct {
	topic *event.Topic[event.Reporter]
	tell  func(string)
	// silent is the opposite of Reporter::info_to_stderr and its like. It is for
	// what handlers tell.
	silent bool
}

func newReporter(events *event.Events, cfg *Config) *reporter {
	warn := cfg.Warn
	if warn == nil {
		warn = func(string) {}
	}
	info := cfg.Info
	if info == nil {
		info = warn
	}
	r := &reporter{
		events: events, live: cfg.Live,
		info:    report{topic: events.ReporterInfo, tell: info},
		warning: report{topic: events.ReporterWarning, tell: warn},
		error:   report{topic: events.ReporterError, tell: warn},
	}
	for _, l := range []*report{&r.info, &r.warning, &r.error} {
		l.topic.Handle("engine", math.MaxInt, func(e *event.Reporter) {
			r.within = true
			if r.live && !l.silent {
				l.tell(e.Msg)
			}
		})
		l.topic.Handle("engine", math.MinInt, func(*event.Reporter) { r.within = false })
	}
	return r
}

// say raises the event, and tells people unless its handler will.
func (r *reporter) say(l *report, msg string) {
	r.raise(l, msg, "")
	if r.within || !r.live {
		l.tell(msg)
	}
}

// raise raises the event alone.
func (r *reporter) raise(l *report, msg, location string) {
	if !r.within {
		l.topic.Enqueue(event.Reporter{Time: r.events.Now, Msg: msg, Location: location})
	}
}

func (e *Engine) note(msg string) { e.reports.say(&e.reports.info, msg) }
func (e *Engine) warn(msg string) { e.reports.say(&e.reports.warning, msg) }
func (e *Engine) fail(msg string) { e.reports.say(&e.reports.error, msg) }
