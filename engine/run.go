package engine

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/packet"
)

// loop is Zeek's main loop over a packet source: each turn runs timers that an
// earlier turn had no budget for, takes one packet, and drains the event queue
// (RunState.cc, run_loop; iosource/Manager.cc, FindReadySources). It returns
// nil at the end of the source, or when the run was stopped.
func (e *Engine) loop(src feed) error {
	// How often Zeek asks its packet source before its timers.
	pollInterval := e.settings.pollInterval
	if e.cfg.Live {
		pollInterval = e.settings.pollIntervalLive
	}
	pollInterval = max(pollInterval, 1)
	for turn := uint64(1); ; turn++ {
		top, ok := e.timers.Next()
		left := ok && top <= e.events.Now
		packetFirst := turn%pollInterval == 0
		if left && !packetFirst {
			e.advance()
		}
		f, known, err := src.next()
		if err == nil {
			e.frame(f, known)
		} else if errors.Is(err, capture.ErrTimeout) {
			e.idle()
		} else if !errors.Is(err, io.EOF) {
			e.events.Drain()
			return err
		}
		if left && packetFirst {
			e.advance()
		}
		e.events.Drain()
		e.dispatched = 0
		e.upkeep(err != nil)
		if e.asks.waiting.Load() {
			e.asks.run()
		}
		if err != nil && errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// idleAfter is how long an interface may be silent before network time follows
// the clock on the wall (packet_source_inactivity_timeout).
const idleAfter = 100 * time.Millisecond

// idle moves network time while no packets come, so that timers run
// (RunState.cc, forward_network_time_if_applicable).
func (e *Engine) idle() {
	now := time.Now()
	if e.lastPacket.IsZero() {
		e.lastPacket = now
	}
	if now.Sub(e.lastPacket) < idleAfter {
		return
	}
	e.packetTime = 0
	e.events.Now = max(float64(now.UnixMicro())/1e6, e.events.Now)
	e.advance()
	e.tick()
}

// tick is called about every second of network time.
func (e *Engine) tick() {
	e.readLines()
	e.logs.Tick(e.events.Now)
}

// advance runs the timers that are due by the network time, as far as the
// turn's budget goes.
func (e *Engine) advance() {
	limit := -1
	if e.maxTimerExpires != 0 {
		limit = max(e.maxTimerExpires-e.dispatched, 0)
	}
	e.dispatched += e.timers.Advance(e.events.Now, limit)
}

// frame processes one packet (RunState.cc, dispatch_packet).
func (e *Engine) frame(f *capture.Frame, known *ahead) {
	if f.CapLen == 0 || f.WireLen == 0 {
		e.weirds.Net("empty_pcap_header", "", "")
		return
	}
	e.packets++
	e.octets += uint64(f.WireLen)
	if f.Time < 0 {
		e.weirds.Net("negative_packet_timestamp", "", "")
		return
	}
	if e.ctx.Start() == 0 {
		e.ctx.SetStart(f.Time)
		e.events.NetworkTimeInit.Enqueue(struct{}{})
	}
	if e.cfg.Live {
		e.lastPacket = time.Now()
	}
	e.packetTime = f.Time
	// Network time never goes back.
	e.events.Now = max(f.Time, e.timers.Now())
	e.advance()
	e.table.Ahead(&known.lines)
	e.decoder.Process(&packet.Frame{
		Time: f.Time, LinkType: int(f.LinkType), Data: f.Data, WireLen: int(f.WireLen), Glance: &known.glance,
	})
	e.table.Ahead(nil)
	e.events.Drain()
	e.dispatched = 0
	if sec := int64(e.events.Now); sec != e.lastTick {
		e.lastTick = sec
		e.tick()
	}
}

// finish ends a run in Zeek's order: timers, connections, files, zeek_done
// (zeek-setup.cc, done_with_network and terminate_zeek).
func (e *Engine) finish() error {
	q := e.events.Queue
	if e.events.NetDone.Wanted() {
		q.Drain()
		e.events.NetDone.Call(&struct{}{})
	}
	e.ctx.SetEnding()
	e.timers.Expire()
	rerr := e.logs.Expire() // rotation timers are among them
	q.Drain()
	q.Drain()
	e.table.Drain()
	q.Drain()
	err := e.files.Terminate()
	e.events.ZeekDone.Enqueue(struct{}{})
	e.timers.Expire()
	q.DrainAll()
	return errors.Join(rerr, err, e.logs.Close())
}

// start runs zeek_init.
func (e *Engine) start() error {
	if err := e.logs.RotateLeftovers(); err != nil {
		return err
	}
	e.initErrors = nil
	e.initializing = true
	e.events.ZeekInit.Enqueue(struct{}{})
	e.events.Drain()
	e.initializing = false
	e.readLines()
	return errors.Join(e.initErrors...)
}

// handlerFailed reports a handler body that ended early. During zeek_init that
// is fatal, as in Zeek.
func (e *Engine) handlerFailed(err event.HandlerError) {
	if e.initializing {
		e.initErrors = append(e.initErrors, err)
		return
	}
	e.scriptErrors++
	e.reports.raise(&e.reports.error, err.Err.Error(), err.Policy)
	if err.Off {
		e.fail(fmt.Sprintf("policy %s is turned off: it has panicked %d times (Policy::max_panics)", err.Policy, e.events.MaxPanics))
	}
	if e.cfg.OnHandlerError != nil {
		e.cfg.OnHandlerError(err)
	}
}
