package conn

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// Holding is what the connections of a table keep for later, in octets.
type Holding struct {
	Streams   uint64 // above holes, until these are filled or acknowledged
	Detection uint64 // at the beginning, for protocol detection
}

// Holding adds up what all connections keep. It goes through all of them.
func (tb *Table) Holding() Holding {
	var sum Holding
	for c := range tb.all() {
		h := c.holding()
		sum.Streams += h.Streams
		sum.Detection += h.Detection
	}
	return sum
}

// all gives the connections in no order. None may be added or removed meanwhile.
func (tb *Table) all() iter.Seq[*connection] {
	return func(yield func(*connection) bool) {
		for _, c := range tb.conns {
			for ; c != nil; c = c.next {
				if !yield(c) {
					return
				}
			}
		}
	}
}

func (c *connection) holding() (h Holding) {
	t, ok := c.impl.(*tcpConn)
	if !ok {
		return h
	}
	h.Streams = t.orig.reassem.blocks.held() + t.resp.reassem.blocks.held()
	if t.detect != nil {
		h.Detection = t.detect.held()
	}
	return h
}

// held is how much data waits for a match, or for what has matched.
func (d *detector) held() (n uint64) {
	if d.kept != nil {
		n = uint64(len(d.kept.octets))
	}
	for i := range d.packets.chunks {
		n += uint64(len(d.packets.chunks[i].data))
	}
	return n
}

// held is how much data waits for its turn.
func (l *blockList) held() (n uint64) {
	for i, r := range l.runs {
		if i == 0 {
			r = r[l.head:]
		}
		for j := range r {
			n += uint64(len(r[j].data))
		}
	}
	return n
}

// connectionCost is about what a connection takes that keeps nothing.
const connectionCost = 2500

// GivenUp is what GiveUp did.
type GivenUp struct {
	Connections int
	Octets      uint64 // about, of memory
	Held        uint64 // of them, data that waited
}

// GiveUp removes connections until about so many octets of memory are free or
// none is left: first those that keep the most data, then those that have been
// idle for the longest. Each ends as after its timeout, so that what is known of
// it is logged, and with the weird connection_given_up. It runs the handlers, so
// it may only be called between two packets.
func (tb *Table) GiveUp(octets uint64) GivenUp {
	type candidate struct {
		c    *connection
		held uint64
	}
	all := make([]candidate, 0, tb.count)
	for c := range tb.all() {
		h := c.holding()
		all = append(all, candidate{c, h.Streams + h.Detection})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.held, a.held), cmp.Compare(a.c.lastTime, b.c.lastTime), bytes.Compare(a.c.key[:], b.c.key[:]))
	})
	var done GivenUp
	for _, x := range all {
		if done.Octets >= octets {
			break
		}
		if !x.c.inTable { // a handler was faster
			continue
		}
		x.c.weird("connection_given_up", fmt.Sprintf("%d octets held", x.held), "memory")
		tb.remove(x.c)
		done.Connections++
		done.Held += x.held
		done.Octets += x.held + connectionCost
		if done.Connections%64 == 0 {
			tb.events.Drain() // so that the events of many don't fill the memory in turn
		}
	}
	tb.events.Drain()
	return done
}
