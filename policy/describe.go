package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/timer"
	"github.com/gzeek/gzeek/zeeklog"
)

// AddedColumn is a column that a policy adds to the stream of another one.
type AddedColumn struct {
	Policy string
	Stream string // "SMTP::LOG"
	zeeklog.Column
}

// Description tells what a policy does, as it shows when it is loaded.
type Description struct {
	Name, Doc, Package string
	Component          bool
	Requires           []string
	// Handles are the events that it handles, Declares those that it brings.
	Handles  []Handled
	Declares []string
	Options  []redef.Info
	Streams  []DeclaredStream
	Columns  []AddedColumn
	Parts    []Part
}

// Handled is an event that a policy handles at a priority.
type Handled struct {
	Event    string
	Priority int
}

// Describe loads a policy and what it requires in a run of its own, without
// options and packets, and tells what came with it.
func Describe(p Policy) (*Description, error) {
	c := NewContext()
	c.Keys = seed.New([seed.Count]uint32{})
	c.Events, c.Timers = event.NewEvents(), &timer.Manager{}
	c.Bare = true
	c.DeclareOptions(redef.New(c.Keys))
	if _, err := c.LoadAll(p.Requires); err != nil {
		return nil, err
	}
	options, topics := names(c.Options.Options()), len(c.Events.Topics())
	if _, err := c.LoadAll(append(slices.Clone(p.Requires), p.Name)); err != nil {
		return nil, err
	}
	d := &Description{Name: p.Name, Doc: p.Doc, Package: p.pkg, Component: p.Component, Requires: p.Requires}
	for i, t := range c.Events.Topics() {
		if i >= topics {
			d.Declares = append(d.Declares, t.Name)
		}
		for _, h := range t.Handlers() {
			if h.Policy == p.Name {
				d.Handles = append(d.Handles, Handled{t.Name, h.Priority})
			}
		}
	}
	slices.SortStableFunc(d.Handles, func(a, b Handled) int {
		return cmp.Or(strings.Compare(a.Event, b.Event), cmp.Compare(b.Priority, a.Priority))
	})
	d.Handles = slices.Compact(d.Handles)
	for _, o := range c.Options.Options() {
		if !slices.Contains(options, o.Name) {
			d.Options = append(d.Options, o)
		}
	}
	for _, s := range c.declared {
		if s.Policy() == p.Name {
			d.Streams = append(d.Streams, s)
		}
	}
	for _, col := range c.columns {
		if col.Policy == p.Name {
			d.Columns = append(d.Columns, col)
		}
	}
	for _, part := range c.parts {
		if part.Policy == p.Name {
			d.Parts = append(d.Parts, part)
		}
	}
	return d, nil
}

func names(options []redef.Info) []string {
	list := make([]string, len(options))
	for i, o := range options {
		list[i] = o.Name
	}
	return list
}
