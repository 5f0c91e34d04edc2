package conn

import (
	"bytes"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/event"
)

// tree holds the analyzers of a TCP connection in the order in which they hear
// of things: those that the port chose, then detection by content, then what
// detection attached (Analyzer.cc).
type tree struct {
	t        *tcpConn
	children []*child
	added    []*child // appended to children when no loop runs over them

	// Room for the analyzers of nearly all connections.
	few         [2]child
	room, fresh [2]*child
}

// child is an analyzer in its place. It is the analyzers.Host of its analyzer.
type child struct {
	t          *tcpConn
	a          analyzers.Analyzer
	id         event.AnalyzerID
	removing   bool // to be ended at the next delivery
	finished   bool
	fed        bool // its octets come from another analyzer
	confirmed  bool
	violations uint64
}

func (tr *tree) init(t *tcpConn) {
	tr.t = t
	tr.children, tr.added = tr.room[:0], tr.fresh[:0]
}

func (tr *tree) newChild() *child {
	n := tr.t.children
	if int(n) == len(tr.few) {
		return &child{}
	}
	tr.t.children++
	return &tr.few[n]
}

// add attaches an analyzer. It hears of what comes from the next delivery on;
// it returns nil if there is one of that name already.
func (tr *tree) add(factory func(analyzers.Host) analyzers.Analyzer, name string) *child {
	if name != "" && tr.lookup(name) != 0 {
		return nil
	}
	tr.t.table.lastAnalyzerID++
	c := tr.newChild()
	c.t, c.id = tr.t, tr.t.table.lastAnalyzerID
	c.a = factory(c)
	if tr.t.finished {
		// Analyzers that a dying connection would still attach end at once.
		c.end()
		return nil
	}
	tr.added = append(tr.added, c)
	return c
}

func (tr *tree) settle() {
	if len(tr.added) > 0 {
		tr.children = append(tr.children, tr.added...)
		tr.added = tr.added[:0]
	}
}

// each visits the settled analyzers, those marked for removal too.
func (tr *tree) each(fn func(*child)) {
	for i := 0; i < len(tr.children); i++ {
		fn(tr.children[i])
	}
}

// deliver visits the analyzers that are alive, and ends those that were marked
// for removal since (Analyzer::ForwardStream, DeleteChild).
func (tr *tree) deliver(fn func(*child)) {
	tr.settle()
	for i := 0; i < len(tr.children); {
		c := tr.children[i]
		if c.removing || c.finished {
			if c.removing {
				c.end()
				c.removing = false
			}
			tr.children = append(tr.children[:i], tr.children[i+1:]...)
			continue
		}
		fn(c)
		i++
	}
	tr.settle()
}

func (t *tcpConn) forwardStream(data []byte, isOrig bool) {
	if !t.tree.idle() {
		t.tree.deliver(func(c *child) {
			if !c.fed {
				c.a.DeliverStream(data, isOrig)
			}
		})
	}
}

func (t *tcpConn) forwardUndelivered(seq, n uint64, isOrig bool) {
	t.tree.deliver(func(c *child) { c.a.Undelivered(seq, int(n), isOrig) })
}

// idle says that no analyzer would look at data.
func (tr *tree) idle() bool {
	if len(tr.added) > 0 {
		return false
	}
	for _, c := range tr.children {
		if c.removing || c.finished {
			return false
		}
		if d, ok := c.a.(*detector); !ok || !d.idle() {
			return false
		}
	}
	return true
}

func (tr *tree) done() {
	tr.settle()
	for i := 0; i < len(tr.children); i++ {
		tr.children[i].end()
	}
}

func (tr *tree) find(match func(*child) bool) *child {
	for _, list := range [2][]*child{tr.children, tr.added} {
		for _, c := range list {
			if !c.removing && !c.finished && match(c) {
				return c
			}
		}
	}
	return nil
}

func (tr *tree) lookup(name string) event.AnalyzerID {
	if c := tr.find(func(c *child) bool { return c.a != nil && c.a.Name() == name }); c != nil {
		return c.id
	}
	return 0
}

func (tr *tree) disable(id event.AnalyzerID) bool {
	c := tr.find(func(c *child) bool { return c.id == id })
	if c == nil {
		return false
	}
	c.removing = true
	return true
}

func (c *child) end() {
	if !c.finished {
		c.a.Done()
		c.finished = true
		// The analyzer may be another connection's now.
		c.a = ended{}
	}
}

// ended stands in for an analyzer that is done.
type ended struct{}

func (ended) Name() string                  { return "" }
func (ended) DeliverStream([]byte, bool)    {}
func (ended) Undelivered(uint64, int, bool) {}
func (ended) EndpointEOF(bool)              {}
func (ended) ConnectionFinished(bool)       {}
func (ended) ConnectionReset()              {}
func (ended) Done()                         {}

// The methods of analyzers.Host.

var _ analyzers.Host = (*child)(nil)

func (c *child) Conn() *event.Conn     { return c.t.connection.Conn() }
func (c *child) Events() *event.Events { return c.t.table.events }
func (c *child) IsPartial() bool       { return c.t.isPartial }
func (c *child) StartTime() float64    { return c.t.startTime }
func (c *child) Lines() *mime.Lines    { return c.t.table.lines }
func (c *child) Removing() bool        { return c.removing || c.finished }

func (c *child) HadGap(isOrig bool) bool {
	if isOrig {
		return c.t.orig.reassem.hadGap
	}
	return c.t.resp.reassem.hadGap
}

func (c *child) Weird(name, addl, source string) { c.t.weird(name, addl, source) }

// AddHistory appends a letter once a connection (Session::CheckHistory).
func (c *child) AddHistory(letter byte) {
	if bytes.IndexByte(c.t.history, letter) < 0 {
		c.t.history = append(c.t.history, letter)
	}
}

// Confirm raises analyzer_confirmation_info, once.
func (c *child) Confirm() {
	if c.confirmed {
		return
	}
	c.confirmed = true
	if topic := c.t.table.events.AnalyzerConfirmationInfo; topic.Wanted() {
		topic.Enqueue(event.AnalyzerConfirmation{Name: c.a.Name(), Conn: c.Conn(), AID: c.id})
	}
}

// Violation raises analyzer_violation_info (TCP_ApplicationAnalyzer and
// Analyzer::AnalyzerViolation).
func (c *child) Violation(reason string, data []byte) {
	if c.t.isPartial || c.HadGap(true) || c.HadGap(false) {
		return
	}
	c.violations++
	if max := c.t.table.opts.MaxAnalyzerViolations; c.violations > max {
		if c.violations == max+1 {
			c.Weird("too_many_analyzer_violations", "", c.a.Name())
		}
		return
	}
	if ev := c.t.table.events; ev.AnalyzerViolationInfo.Wanted() {
		ev.AnalyzerViolationInfo.Enqueue(event.AnalyzerViolation{
			Name: c.a.Name(), Conn: c.Conn(), AID: c.id, Reason: reason, Data: ev.Bytes(data),
		})
	}
}

// StartTLS attaches what recognises TLS, if the table was given one.
func (c *child) StartTLS() func(data []byte, isOrig bool) {
	if f := c.t.table.newTLS; f != nil {
		if tls := c.t.tree.add(f, "SSL"); tls != nil {
			tls.fed = true
			return func(data []byte, isOrig bool) {
				if !tls.removing && !tls.finished {
					tls.a.DeliverStream(data, isOrig)
				}
			}
		}
	}
	return func([]byte, bool) {}
}
