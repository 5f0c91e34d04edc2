// Package engine wires one run together: packets become connections,
// connections feed analyzers, analyzers raise events, policies handle them, and
// what policies log is written as Zeek would write it.
//
// It is the public face for embedding; package cli is thin on top of it. An
// Engine is one run: make it, run it, throw it away. Several may run in one
// process, each on its own goroutine.
package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/analyzers/smtp"
	"github.com/gzeek/gzeek/analyzers/tls"
	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/files/magic"
	"github.com/gzeek/gzeek/packet"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/weird"
	"github.com/gzeek/gzeek/zeeklog"
)

// Config says what to run.
type Config struct {
	// Bare loads no default policies (-b).
	Bare bool
	// Policies are loaded after the default ones, by name.
	Policies []string
	// Settings are options as on the command line, "Module::name=value".
	Settings []string
	// Files are the configuration files, already read; nil without any.
	Files *redef.Config
	// Keys decide ids and the order of sets; nil takes random ones.
	Keys *seed.Keys
	// Dir is the folder of the logs; "" is the working folder.
	Dir string
	// Live says that packets come from an interface.
	Live bool
	// Workers is how many goroutines share the work: the engine's own, and those
	// that read and look at frames ahead of it. 0 is one for each core; for a live
	// run it is one. The logs of a capture are the same for any number.
	Workers int
	// Filter is a BPF expression in place of those of the options (-f).
	Filter string
	// MaxMemory is how many octets the run may take; connections are given up
	// beyond. 0 is no limit.
	MaxMemory uint64
	// AlsoJSON writes every log a second time, as JSON in PATH.json.
	AlsoJSON bool
	// Warn hears of what goes wrong without ending the run, a sentence each; nil
	// drops it. Info hears of what is only worth knowing; nil is Warn. What they
	// hear while a live run goes on is in reporter.log too.
	Warn, Info func(string)
	// OnHandlerError hears of handler bodies that failed; nil drops it (they
	// are in reporter.log).
	OnHandlerError func(event.HandlerError)
}

// Engine is one run.
type Engine struct {
	cfg      Config
	settings settings
	keys     *seed.Keys
	options  *options
	registry *redef.Registry
	reload   atomic.Pointer[func() (*redef.Config, error)] // asked for by Reload
	asks     asks
	status   atomic.Pointer[Status] // the last one that was published
	loaded   []string

	ctx     *policy.Context
	events  *event.Events
	timers  *timer.Manager
	weirds  *weird.Sampler
	ids     *seed.IDs
	table   *conn.Table
	decoder *packet.Decoder
	files   *files.Manager
	logs    *zeeklog.Manager

	packets, octets uint64 // of frames that have begun
	maxTimerExpires int
	dispatched      int // timers of this turn
	lastTick        int64
	lastPacket      time.Time // live only
	flushed         time.Time // the logs, live only
	packetTime      float64   // of the packet in work, 0 without one
	turns           uint64
	memory          *memory // nil without a limit
	givenUp         uint64  // connections, for want of memory
	initializing    bool
	initErrors      []error
	scriptErrors    uint64
	started         time.Time
	ended           bool
	feed            feed
	live            capture.Live // nil unless OpenInterfaces opened it
	lastReload      *Reloaded
	lineFiles       lineFiles
	reports         *reporter
}

// New loads the policies, sets the options and wires the rooms. An error of
// type redef.Problems lists everything that is wrong with the options; nothing
// has been written then.
func New(cfg Config) (*Engine, error) {
	if err := policy.Problems(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, keys: cfg.Keys}
	if e.keys == nil {
		e.keys = seed.Random()
	}
	e.events = event.NewEvents()
	e.events.OnError = e.handlerFailed
	e.reports = newReporter(e.events, &cfg)
	e.timers = &timer.Manager{}
	e.weirds = weird.NewSampler(e.events, e.timers)
	e.registry = redef.New(e.keys)
	names := cfg.policies()
	e.options = declareOptions(e.registry, likelyServerPorts(cfg.Bare, names))

	e.ctx = policy.NewContext()
	e.ctx.Events, e.ctx.Timers, e.ctx.Keys, e.ctx.Weirds = e.events, e.timers, e.keys, e.weirds
	e.ctx.Live, e.ctx.Bare = cfg.Live, cfg.Bare
	e.ctx.DeclareOptions(e.registry)
	loaded, err := e.ctx.LoadAll(names)
	if err != nil {
		return nil, err
	}
	e.loaded = loaded
	e.ctx.ArmTables()
	err = e.registry.Apply(cfg.Files, cfg.Settings...)
	e.settings = e.options.values()
	if err := e.logStreams(err); err != nil {
		return nil, err
	}
	if err := e.build(); err != nil {
		return nil, err
	}
	return e, nil
}

// policies are those of the run, in the order in which they are to be loaded.
func (cfg *Config) policies() []string {
	names := append([]string{"base/misc/timers"}, policy.Components()...)
	if cfg.Bare {
		names = append(names, BarePolicies...)
	} else {
		names = append(names, DefaultPolicies...)
		if cfg.Live {
			names = append(names, LivePolicies...)
		}
	}
	if cfg.Files != nil {
		names = append(names, cfg.Files.Load...)
	}
	return append(names, cfg.Policies...)
}

// build makes the rooms with the options' values.
func (e *Engine) build() error {
	s := &e.settings
	e.keys.SetDigestSalt(s.digestSalt)
	e.ids = seed.NewIDs(e.keys, s.bitsPerUID)
	e.weirds.Options = s.weird
	e.reports.info.silent, e.reports.warning.silent, e.reports.error.silent = s.silent.info, s.silent.warning, s.silent.error
	e.maxTimerExpires = int(int32(s.maxTimerExpires)) // an int in Zeek, too
	e.events.MaxPanics = s.maxPanics

	types, err := magic.New()
	if err != nil {
		return fmt.Errorf("file signatures: %w", err)
	}
	e.files = files.NewManager(files.Config{
		Events: e.events, Timers: e.timers, FileID: e.ids.AppendFileID, Magic: types, Weirds: e.weirds, Options: s.files,
		Analyzers: e.ctx.FileAnalyzers(),
	})
	e.ctx.Files = e.files

	s.conn.Signatures = !e.cfg.Bare || e.has("base/protocols/smtp")
	if e.has("base/protocols/smtp") {
		s.conn.SMTPPorts = smtpPorts
	}
	if ports, ok := policy.Lookup[policy.SMTPPorts](e.ctx); ok {
		s.conn.SMTPPorts = connPorts(ports.Set)
	}
	s.conn.KeepContents = e.recordsContents()
	s.conn.SMTPDisabled = !dpd.AnalyzerEnabled(e.ctx, "Analyzer::ANALYZER_SMTP")
	mails := smtp.NewFactory(e.files, &e.settings.smtp)
	tableConfig := conn.Config{
		Options: s.conn, Events: e.events, Timers: e.timers, Weirds: e.weirds, UIDs: e.ids,
		NewSMTP:    func(h analyzers.Host) analyzers.Analyzer { return mails.New(h) },
		VXLANPorts: s.packet.VXLANPorts, ValidateVXLANChecksums: s.validateVXLAN,
	}
	tableConfig.ByPort = e.analyzersByPort()
	if dpd.AnalyzerEnabled(e.ctx, "Analyzer::ANALYZER_SSL") {
		tableConfig.NewTLS = tls.New
	}
	e.table = conn.NewTable(tableConfig)
	s.packet.Off = func(name string) bool { return !dpd.AnalyzerEnabled(e.ctx, "PacketAnalyzer::ANALYZER_"+name) }
	e.decoder = packet.NewDecoder(s.packet, e.events, e.timers, e.weirds, e.table)

	if e.cfg.MaxMemory > 0 {
		e.memory = newMemory(e.cfg.MaxMemory)
	}
	if e.cfg.Live {
		// A run that was killed leaves logs that nobody else will look after; Zeek
		// leaves that to its supervisor (base/frameworks/cluster/nodes/logger.zeek).
		s.log.ASCII.LeftoverRotation = s.log.ASCII.LeftoverRotation || !isSet(e.registry, "LogAscii::enable_leftover_log_rotation")
		s.log.KeepRotated = true
	}
	s.log.SyncRotated = e.cfg.Live || s.log.SyncInterval > 0
	s.log.Dir = e.cfg.Dir
	s.log.NetworkTime = func() float64 { return e.events.Now }
	s.log.Warn = e.warn
	s.log.Error = e.fail
	s.log.Weird = func(name, addl string) { e.weirds.Net(name, addl, "") }
	if e.cfg.AlsoJSON {
		s.log.ExtraFilters = append(s.log.ExtraFilters, zeeklog.Filter{Name: "json", Writer: zeeklog.WriterJSON})
	}
	e.logs = zeeklog.New(s.log)
	for name, w := range e.ctx.Writers() {
		e.logs.RegisterWriter(name, w)
	}
	e.ctx.Logs = e.logs
	return nil
}

// analyzersByPort are the analyzers of policies, by the ports that attach them.
func (e *Engine) analyzersByPort() map[uint16][]func(analyzers.Host) analyzers.Analyzer {
	byPort := map[uint16][]func(analyzers.Host) analyzers.Analyzer{}
	for _, a := range e.ctx.Analyzers() {
		if !dpd.AnalyzerEnabled(e.ctx, "Analyzer::ANALYZER_"+a.Name) {
			continue
		}
		for _, p := range a.Ports.Get() {
			if p.Proto == event.ProtoTCP {
				byPort[p.Number] = append(byPort[p.Number], a.New)
			}
		}
	}
	return byPort
}

// smtpPorts are those of base/protocols/smtp.
var smtpPorts = conn.PortSet{
	{Number: 25, Proto: event.ProtoTCP}:  true,
	{Number: 587, Proto: event.ProtoTCP}: true,
}

func (e *Engine) has(name string) bool { return slices.Contains(e.loaded, name) }

// Options returns the registry, for listings.
func (e *Engine) Options() *redef.Registry { return e.registry }

// Loaded lists the loaded policies in their order.
func (e *Engine) Loaded() []string { return e.loaded }

// liveSettings hands the rooms those of their options that may change while
// they run. All others are as they were: Reload refuses to change them.
func (e *Engine) liveSettings() {
	s := e.options.values()
	e.weirds.Options = s.weird
	e.files.SetDefaults(s.files)
	e.decoder.SetIgnoreChecksumsNets(s.packet.IgnoreChecksumsNets)
	e.table.SetIgnoreChecksumsNets(s.conn.IgnoreChecksumsNets)
	e.table.KeepContents(e.recordsContents())
	e.logs.SetRotation(s.log.RotationDir, s.log.RotationEnv)
}

// recordsContents says whether base/protocols/conn/contents writes down what
// connections carry.
func (e *Engine) recordsContents() bool {
	o, ok := e.registry.Lookup("Conn::default_extract")
	return ok && o.Value == "T"
}

// Streams lists the log streams of the loaded policies.
func (e *Engine) Streams() []policy.DeclaredStream { return slices.Clone(e.ctx.Streams()) }

// Events are the topics of the run: an embedding program may handle any of
// them before Run.
func (e *Engine) Events() *event.Events { return e.events }

// Summary is what a run has done.
type Summary struct {
	Packets, Bytes uint64
	Connections    uint64
	Mails          uint64 // records of smtp.log
	Files          uint64
	HandlerErrors  uint64
	// Lost are packets that the kernel dropped before gzeek could read them.
	Lost uint64
	// GivenUp are connections that were given up for want of memory.
	GivenUp uint64
	// LostLines are lines that found no room while a log could not be written.
	LostLines uint64
	// Unwritten are packets that found no room in the file of Record.
	Unwritten uint64
	// Undecoded are packets that were dropped because of an error in gzeek's
	// decoder.
	Undecoded uint64
	Elapsed   time.Duration
}

// Run reads src to its end, or until ctx is done, and writes the logs. An error
// of the source comes back after everything that was read before it has been
// logged and the logs are closed.
func (e *Engine) Run(ctx context.Context, src capture.Source) (Summary, error) {
	e.started = time.Now()
	defer e.asks.end()
	e.ctx.SetPackets(func() uint64 { return e.packets })
	e.ctx.SetCounters(func() policy.Counters { return e.counters(src) })
	e.ctx.SetFilter(e.Filter())
	if err := e.start(); err != nil {
		return Summary{}, err
	}
	if e.cfg.Live {
		e.feed = newLiveFeed(src, newLooker(&e.settings), ctx.Done())
	} else {
		e.feed = newFeed(src, newLooker(&e.settings), e.workers(), ctx.Done())
	}
	err, broken := guard(func() error { return e.loop(e.feed) })
	e.ended = true
	e.asks.end()
	if broken {
		err = fmt.Errorf("packet %d: %w", e.packets, err)
	} else {
		var ferr error
		ferr, broken = guard(e.finish)
		err = errors.Join(err, ferr)
	}
	if broken {
		err = errors.Join(err, e.logs.Close())
	}
	e.feed.close() // after the logs: it waits for what is being read
	st := src.Stats()
	e.publish(st)
	return Summary{
		Packets: e.packets, Bytes: e.octets, Connections: e.table.Stats().Created, Mails: e.mailsLogged(),
		Files: e.files.Stats().Total, HandlerErrors: e.scriptErrors,
		Lost: st.Dropped, GivenUp: e.givenUp, LostLines: e.logs.Lost(), Unwritten: st.Unwritten, Undecoded: e.decoder.Stats().Panics, Elapsed: time.Since(e.started),
	}, err
}

// workers is the number of goroutines for this run. Live, more than one have to
// be asked for: they copy each packet once more, and each has a buffer of the
// kernel.
func (e *Engine) workers() int {
	switch {
	case e.cfg.Workers > 0:
		return e.cfg.Workers
	case e.cfg.Live:
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// guard turns a panic of gzeek's own code into an error, so that the logs of a
// run that can't go on are closed with all that was written.
func guard(f func() error) (err error, broken bool) {
	defer func() {
		if r := recover(); r != nil {
			err, broken = fmt.Errorf("an error in gzeek, please report it: %v\n%s", r, debug.Stack()), true
		}
	}()
	return f(), false
}

func (e *Engine) mailsLogged() uint64 {
	var n uint64
	for _, s := range e.logs.Streams() {
		if s.Path() == "smtp" {
			n += s.Writes()
		}
	}
	return n
}
