package conn

import (
	"fmt"
	"io"

	"github.com/gzeek/gzeek/event"
)

// contents records what a side sends, in order, with a note for each hole that
// has something behind it (set_contents_file; TCP_Reassembler.cc, RecordToSeq).
type contents struct{ w io.WriteCloser }

var _ event.ContentsRecorder = (*connection)(nil)

// KeepContents has connections that begin from now on keep what they delivered
// until it is acknowledged, so that a recording can begin with it. Call it
// between two packets.
func (tb *Table) KeepContents(keep bool) { tb.opts.KeepContents = keep }

// RecordContents implements event.ContentsRecorder.
func (c *connection) RecordContents(isOrig bool, w io.WriteCloser) bool {
	var t *tcpConn
	if cur := c.current(); cur != nil {
		t, _ = cur.impl.(*tcpConn)
	}
	if t == nil || t.finished {
		w.Close()
		return false
	}
	r := &t.resp.reassem
	if isOrig {
		r = &t.orig.reassem
	}
	if r.recording {
		r.record().w.Close()
	}
	if c.table.recordings == nil {
		c.table.recordings = make(map[*reassembler]contents)
	}
	c.table.recordings[r], r.recording = contents{w}, true
	if !r.blocks.empty() {
		r.recordTo(r.blocks.first().seq, r.last)
	}
	return true
}

// record is where a stream that is recorded goes to. It is kept outside of the
// connections, which hardly ever need it.
func (r *reassembler) record() contents { return r.e.tcp.table.recordings[r] }

// recordTo records the stored pieces of [from, to).
func (r *reassembler) recordTo(from, to uint64) {
	p := r.blocks.search(from)
	b := r.blocks.at(p)
	if b == nil {
		return
	}
	last, out := from, r.record()
	for ; b != nil && b.upper <= to; b = r.blocks.at(p) {
		if b.seq > last {
			out.gap(b.seq - last)
		}
		out.write(b.data)
		last = b.upper
		p = r.blocks.next(p)
	}
	if b != nil && last < to {
		out.gap(to - last)
	}
}

// endRecord records what was never delivered, and ends the recording.
func (r *reassembler) endRecord() {
	if !r.recording {
		return
	}
	if !r.blocks.empty() {
		if upper := r.blocks.last().upper; r.last < upper {
			r.recordTo(r.last, upper)
		}
	}
	r.record().w.Close()
	delete(r.e.tcp.table.recordings, r)
	r.recording = false
}

// Errors are the writer's business: a stream doesn't end because of them.

func (c contents) write(data []byte) { _, _ = c.w.Write(data) }
func (c contents) gap(n uint64)      { _, _ = fmt.Fprintf(c.w, "\n<<gap %d>>\n", n) }
