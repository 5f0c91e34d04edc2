// Package mime takes a mail line by line and tells what it is made of: the tree
// of its entities with their header fields, as events, and the decoded bodies,
// as files.
//
// It doesn't know how the lines were transferred (package smtp does), and what
// becomes of a body is the business of [Files]. Words of RFC 2047 and character
// sets are left as they are.
//
// Zeek: src/analyzer/protocol/mime/MIME.cc, src/Base64.cc.
package mime

import (
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
)

// Files is the file manager as an analyzer sees it. Its methods may drain the
// event queue: handlers run, and may disable the analyzer that calls.
type Files interface {
	// DataIn hands over the next octets of the file that the connection's
	// analyzer tag ("SMTP") carries now in direction isOrig. cachedID is what an
	// earlier call returned for the same file, "" at first; mimeType is a known
	// type or "". data is borrowed for the call. conn's record was refreshed just
	// now if cachedID is "", and earlier otherwise.
	DataIn(data []byte, tag string, conn *event.Conn, isOrig bool, cachedID, mimeType string) string
	// Gap says that n octets are missing from offset on.
	Gap(offset, n uint64, tag string, conn *event.Conn, isOrig bool, cachedID string) string
	// EndOfFile ends the file of that id.
	EndOfFile(fileID string)
	// EndOfFileConn ends the file whose handle belongs to that direction now.
	EndOfFileConn(tag string, conn *event.Conn, isOrig bool)
	// EndOfFileBoth does so for both directions, the originator's first.
	EndOfFileBoth(tag string, conn *event.Conn)
}

// Host is what a mail asks of its connection; analyzers.Host is one.
type Host interface {
	// Conn refreshes the connection's record and returns it.
	Conn() *event.Conn
	Events() *event.Events
	Weird(name, addl, source string)
	AddHistory(letter byte)
	// Lines is what was found ahead of time in the octets that are being
	// delivered; nil for nothing.
	Lines() *Lines
}

// Options are the limits, by their names in Zeek.
type Options struct {
	// MaxDepth is MIME::max_depth: an entity that deep has no children, and
	// what would be their lines is dropped. The top one has depth 0. 0 for no
	// limit.
	MaxDepth uint64
	// MaxHeaderBytes is MIME::max_header_bytes: a header field that has as many
	// octets is not continued. 0 for no limit.
	MaxHeaderBytes uint64
	// SegmentLength is mime_segment_length: octets of a piece of a body.
	SegmentLength int
	// SegmentOverlapLength is mime_segment_overlap_length: by how many octets
	// pieces get shorter, to leave room for the end of the piece before.
	SegmentOverlapLength int
}

// DefaultOptions returns Zeek's defaults.
func DefaultOptions() Options {
	return Options{MaxDepth: 100, MaxHeaderBytes: 65536, SegmentLength: 1024}
}

// Categories of mime_event.
const (
	illegalFormat   = "illegal format"
	illegalEncoding = "illegal encoding"
)

// keepEntities is how many entities are kept for the next mail.
const keepEntities = 8

// Mail is one mail after the other of a connection. Begin and Done enclose each.
type Mail struct {
	host   Host
	events *event.Events
	files  Files
	// counter is files, if it is one and lines may be skimmed.
	counter Counter
	tag     string
	opts    *Options
	bufs    *slab.Buffers

	open   bool
	isOrig bool
	// chain holds the entities that the next line may belong to: the top one,
	// its current child, and so on.
	chain []*entity
	// spare holds the entities of the same depth that were here before.
	spare []*entity

	conn      *event.Conn
	fileID    string // of the entity that began last, "" without
	entityLen uint64 // octets of the entity that began last

	piece   []byte // octets of the body that are not handed over yet
	limit   int    // octets of a full piece
	overlap int    // octets of the entity that a piece leaves room for

	batch  [base64Batch + 2]byte // what base64 decodes to
	pieces []int                 // of a file's first octets, in skimHead
	text   []byte                // a detail on its way into an event
}

// NewMail returns a Mail without a mail. Tag is the name of the analyzer whose
// mail it is ("SMTP"). Opts are read at any time. Long header fields are put
// together in bufs.
func NewMail(host Host, files Files, tag string, opts *Options, bufs *slab.Buffers) *Mail {
	counter, _ := files.(Counter)
	return &Mail{host: host, events: host.Events(), files: files, counter: counter, tag: tag, opts: opts, bufs: bufs}
}

// Reset gives m to another connection, as if NewMail had made it; it keeps what
// room it has. Nil is nobody's connection, until the next Reset. m mustn't be
// open.
func (m *Mail) Reset(host Host) {
	*m = Mail{
		host: host, events: m.events, files: m.files, counter: m.counter, tag: m.tag, opts: m.opts, bufs: m.bufs,
		chain: m.chain[:0], spare: m.spare, piece: m.piece[:0], pieces: m.pieces[:0], text: m.text[:0],
	}
}

// IsOpen says whether a mail has begun and isn't done; nil is none.
func (m *Mail) IsOpen() bool { return m != nil && m.open }

// Begin begins a mail of the given direction: with its top entity.
func (m *Mail) Begin(isOrig bool) {
	m.open = true
	m.isOrig = isOrig
	m.chain = m.chain[:0]
	m.beginEntity()
}

// Done ends the mail and what is open of it.
func (m *Mail) Done() {
	m.endEntities(0)
	m.open = false
	m.chain = m.chain[:0]
	if len(m.spare) > keepEntities {
		clear(m.spare[keepEntities:])
		m.spare = m.spare[:keepEntities]
	}
	m.files.EndOfFileBoth(m.tag, m.connFor(""))
}

// Deliver takes the next line, without its end. crlf says that it had a CRLF
// at its end. Line is borrowed for the call.
func (m *Mail) Deliver(line []byte, crlf bool) {
	for i := 0; i < len(m.chain); i++ {
		e := m.chain[i]
		if e.inHeader {
			m.headerLine(e, line)
			return
		}
		switch e.kind {
		case multipart:
			// The outermost entity looks first. Zeek: MIME.cc, NewDataLine.
			switch e.boundary.match(line) {
			case separator:
				m.endEntities(i + 1)
				m.chain = m.chain[:i+1]
				if !e.ended {
					m.beginChild()
				}
				return
			case closing:
				m.endEntities(i + 1)
				m.chain = m.chain[:i+1]
				m.endEntities(i)
				return
			}
		case leaf:
			m.decode(e, i, line, crlf)
			m.flush()
			return
		}
	}
	// Lines before the first boundary and after the last, and those of entities
	// too deep, belong to nobody.
}

// Gap says that n octets of the mail were missed.
func (m *Mail) Gap(n int) {
	m.fileID = m.files.Gap(m.entityLen, uint64(n), m.tag, m.connFor(m.fileID), m.isOrig, m.fileID)
}

// beginChild begins a child of the innermost entity unless it is too deep.
func (m *Mail) beginChild() {
	depth := uint64(len(m.chain) - 1)
	if m.opts.MaxDepth > 0 && depth >= m.opts.MaxDepth {
		m.host.Weird("exceeded_mime_max_depth", strconv.FormatUint(depth, 10), m.tag)
		return
	}
	m.beginEntity()
}

func (m *Mail) beginEntity() {
	depth := len(m.chain)
	if depth == len(m.spare) {
		more := new([4]entity)
		for i := range more {
			m.spare = append(m.spare, &more[i])
		}
	}
	e := m.spare[depth]
	e.reset()
	if depth > 0 {
		e.encoding = m.chain[depth-1].encoding // inherited, whatever the RFC says
	}
	m.chain = append(m.chain, e)

	m.entityLen = 0
	m.fileID = ""
	m.overlap = 0
	m.setLimit()
	if t := m.events.MIMEBeginEntity; t.Wanted() {
		t.Enqueue(event.ConnEvent{Conn: m.host.Conn()})
	}
}

// endEntities ends the entity of depth i and those inside. They stay in the
// chain.
func (m *Mail) endEntities(i int) {
	n := len(m.chain)
	// Missing boundaries are told from the outside in, before the ends, which
	// come from the inside out. Zeek: MIME.cc, EndOfData.
	for j := i; j < n; j++ {
		e := m.chain[j]
		if e.ended { // a multipart that met its closing boundary: the last one
			n = j
			break
		}
		e.ended = true
		if j+1 < len(m.chain) && e.kind == multipart {
			m.event(illegalFormat, "multipart closing boundary delimiter missing")
		}
	}
	for j := n - 1; j >= i; j-- {
		e := m.chain[j]
		if e.inHeader {
			m.finishHeader(e)
			e.inHeader = false
			m.submitAllHeaders(e)
			m.event(illegalFormat, "entity body missing")
		} else {
			if e.encoding == base64 {
				m.finishBase64(e)
			}
			m.flush()
		}
		m.endEntity()
		e.release(m.bufs)
	}
}

func (m *Mail) endEntity() {
	if t := m.events.MIMEEndEntity; t.Wanted() {
		t.Enqueue(event.ConnEvent{Conn: m.host.Conn()})
	}
	if m.fileID != "" {
		m.files.EndOfFile(m.fileID)
	} else {
		m.files.EndOfFileBoth(m.tag, m.connFor(""))
	}
	m.fileID = ""
}

// connFor returns the connection for a call of the file manager. Only when the
// manager has to ask for the handle does Zeek refresh the record; to do so for
// each piece would show later numbers to handlers of earlier events.
// Zeek: file_analysis/Manager.cc, GetFileID.
func (m *Mail) connFor(fileID string) *event.Conn {
	if m.conn == nil || fileID == "" && m.events.GetFileHandle.Wanted() {
		m.conn = m.host.Conn()
	}
	return m.conn
}

// setLimit sets the length of the next piece. Zeek: MIME.cc, RequestBuffer.
func (m *Mail) setLimit() {
	least := max(m.opts.SegmentOverlapLength, 0)
	m.limit = max(m.opts.SegmentLength, least+32) - m.overlap
}

// octets adds to the body.
func (m *Mail) octets(data []byte) {
	for len(data) > 0 {
		n := min(m.limit-len(m.piece), len(data))
		if n == m.limit {
			m.submit(data[:n])
		} else {
			m.piece = append(m.piece, data[:n]...)
			if len(m.piece) == m.limit {
				m.flush()
			}
		}
		data = data[n:]
	}
}

func (m *Mail) octet(c byte) {
	m.piece = append(m.piece, c)
	if len(m.piece) == m.limit {
		m.flush()
	}
}

// flush hands over what there is.
func (m *Mail) flush() {
	if len(m.piece) > 0 {
		m.submit(m.piece)
		m.piece = m.piece[:0]
	}
}

func (m *Mail) submit(data []byte) {
	m.fileID = m.files.DataIn(data, m.tag, m.connFor(m.fileID), m.isOrig, m.fileID, "")
	m.entityLen += uint64(len(data))
	if m.opts.SegmentOverlapLength > 0 {
		m.overlap = min(m.overlap+len(data), m.opts.SegmentOverlapLength)
		m.setLimit()
	}
}

// event raises mime_event.
func (m *Mail) event(category, detail string) {
	if t := m.events.MIMEEvent; t.Wanted() {
		m.text = append(m.text[:0], detail...)
		t.Enqueue(event.MIMEEvent{Conn: m.host.Conn(), EventType: category, Detail: m.events.Bytes(m.text)})
	}
}
