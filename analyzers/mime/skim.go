package mime

import (
	"bytes"
	"encoding/binary"

	"github.com/gzeek/gzeek/analyzers/contentline"
	"github.com/gzeek/gzeek/internal/scan"
)

// Most octets of mail traffic lie in bodies whose content nobody wants: the type
// was sniffed, nothing is attached to the file, and what is left of a line is
// how many octets it decodes to. Skim counts those instead of decoding them. It
// is equal to Deliver and DataIn because it takes only lines of which all is
// known at a glance, and leaves the first other one to them:
//
//   - A line ends with CRLF, and neither CR, LF nor NUL is in it, so the splitter
//     would have handed it on whole and without a weird.
//   - It begins with neither '.', which is the transport's business, nor "--",
//     without which nothing is a boundary.
//   - Base64: all octets are of the alphabet and make whole groups, no group was
//     open before, and the line fits into one batch, so none is open afterwards.
//     Quoted-printable: each '=' is an escape or the end. Identity: anything.
//   - Pieces of a body differ in number only, and files.Manager uses that for
//     nothing but its counters, as long as the content is not needed. With
//     mime_segment_overlap_length, however, each piece changes the next.

// The lines before that, whose octets are collected until the type can be
// sniffed, are decoded as ever, and those of header blocks are read as ever, but
// taken one after the other without the way through the splitter: such a line
// can't make a handler run.

// Counter is what Files may implement, too.
type Counter interface {
	// Counting returns the file if DataIn would do no more with its next octets
	// than count them, else nil.
	Counting(fileID string) Counted
	// Collecting returns how many octets DataIn would only keep for later,
	// before it does more: 0 if it would do more at once.
	Collecting(fileID string) int
	// Room returns where these octets are kept: n of them, fewer than Collecting
	// has said. What is written there counts once it is kept, which has to be
	// before anything else happens.
	Room(fileID string, n int) []byte
	// Keep does what DataIn would do with the first of them, in pieces of these
	// lengths, each more than 0.
	Keep(fileID string, pieces []int)
}

// Counted is a file of which octets are counted. It is good until anything else
// happens. An alias: who implements Counter need not know this package.
type Counted = interface {
	// Count does what DataIn would do with n octets, more than 0.
	Count(n uint64)
}

// Skim takes as many whole lines with their ends from the beginning of data as
// it can do without running a handler, and returns how many octets that are, often 0.
// The others are for Deliver. Data begins at the beginning of a line.
func (m *Mail) Skim(data []byte) (used int) {
	if e := m.header(); e != nil {
		return m.skimHeader(e, data)
	}
	if m.counter == nil || m.fileID == "" || m.opts.SegmentOverlapLength > 0 {
		return 0
	}
	depth, e := m.body()
	if e == nil {
		return 0
	}
	file := m.counter.Counting(m.fileID)
	if file == nil {
		return m.skimHead(e, depth, data)
	}
	n := 0
	switch e.encoding {
	case base64:
		if d := &e.decoder; d.n == 0 && !d.after {
			used, n = m.host.Lines().base64(data)
		}
	case quotedPrintable:
		used, n = skimQuotedPrintable(data)
	default:
		var lines int
		used, lines = skimIdentity(data)
		if lines == 0 {
			return 0
		}
		// Used counts each line with its CRLF.
		n = used
		if depth > 0 && m.chain[depth-1].kind == multipart {
			// Each line holds its CRLF back until the next one (see decode).
			if !e.lateCRLF {
				n -= 2
			}
			e.lateCRLF = true
		} else if e.lateCRLF {
			e.lateCRLF = false
			n += 2
		}
	}
	if n > 0 {
		file.Count(uint64(n))
		m.entityLen += uint64(n)
	}
	return used
}

// SkimCut is Skim for data whose first line was begun before. It takes base64
// only, which is what most lines that are cut between segments are.
func (m *Mail) SkimCut(begun, data []byte) (used int) {
	if m.header() != nil || m.counter == nil || m.fileID == "" || m.opts.SegmentOverlapLength > 0 {
		return 0
	}
	_, e := m.body()
	if e == nil || e.encoding != base64 || e.decoder.n > 0 || e.decoder.after {
		return 0
	}
	file := m.counter.Counting(m.fileID)
	if file == nil {
		return 0
	}
	used, n := m.host.Lines().cut(begun, data)
	if n > 0 {
		file.Count(uint64(n))
		m.entityLen += uint64(n)
	}
	return used
}

// skimHeader is Skim for the lines of a header block.
func (m *Mail) skimHeader(e *entity, data []byte) (used int) {
	for used < len(data) && e.inHeader && !mustLook(data[used:]) {
		end := scan.LineEnd(data, used)
		if !contentline.EndsAt(data, end) {
			break
		}
		m.headerLine(e, data[used:end])
		used = end + 2
	}
	return used
}

// header returns the entity whose header block the next line belongs to unless
// it is a boundary, nil without one.
func (m *Mail) header() *entity {
	if n := len(m.chain); n > 0 && m.chain[n-1].inHeader {
		return m.chain[n-1]
	}
	return nil
}

// manyPieces is more than the first octets of nearly all files have.
const manyPieces = 64

// skimHead is Skim for the first octets of a file.
func (m *Mail) skimHead(e *entity, depth int, data []byte) (used int) {
	most := m.counter.Collecting(m.fileID) - 1
	if most <= 0 {
		return 0
	}
	// What lines decode to is at most as long as they are, and the line end that
	// was held back before them.
	const behind = 8 // what decodeVectors needs more
	room := m.counter.Room(m.fileID, min(most, len(data)+2+behind))
	if m.pieces == nil {
		m.pieces = make([]int, 0, manyPieces)
	}
	h := head{pieces: m.pieces[:0], room: room}
	switch e.encoding {
	case base64:
		if d := &e.decoder; hasVectors && d.n == 0 && !d.after {
			used = h.base64(data, min(m.limit, base64Batch), behind)
		}
	case quotedPrintable:
		used = h.quotedPrintable(data, m.limit)
	default:
		used = h.identity(data, m.limit, &e.lateCRLF, depth > 0 && m.chain[depth-1].kind == multipart)
	}
	if len(h.pieces) > 0 {
		m.counter.Keep(m.fileID, h.pieces)
		m.entityLen += uint64(h.n)
	}
	m.pieces = h.pieces
	if e.encoding == base64 {
		used += m.skimOddBase64(e, depth, data[used:], most-h.n)
	}
	return used
}

// skimOddBase64 takes lines that head.base64 has not.
func (m *Mail) skimOddBase64(e *entity, depth int, data []byte, room int) (used int) {
	for used < len(data) && !mustLook(data[used:]) {
		end := scan.LineEnd(data, used)
		// The groups of before may give three octets more.
		if room -= end - used + 3; room < 0 || !contentline.EndsAt(data, end) {
			break
		}
		m.decode(e, depth, data[used:end], true)
		m.flush()
		used = end + 2
	}
	return used
}

// head is what lines decode to, in the room for a file's first octets.
type head struct {
	room   []byte
	n      int   // octets of it that are used
	pieces []int // their parts
}

// add adds a piece, whose octets are there already.
func (h *head) add(n int) {
	if n > 0 {
		h.pieces = append(h.pieces, n)
		h.n += n
	}
}

// base64 decodes lines that are as long as the one before, each a piece, and
// returns how much it took.
func (h *head) base64(data []byte, limit, behind int) (used int) {
	for {
		width := bytes.IndexByte(data[used:], '\n') - 1
		piece := width / 4 * 3
		if width < 32 || width%4 != 0 || piece > limit {
			return used
		}
		most := min((len(data)-used)/(width+2), (len(h.room)-h.n-behind)/piece)
		if most <= 0 {
			return used
		}
		lines := decodeVectors(&h.room[h.n], &data[used], len(data)-used, width, most)
		if lines == 0 {
			return used
		}
		for range lines {
			h.add(piece)
		}
		used += lines * (width + 2)
	}
}

// identity takes lines as they are, each with its end or, in a part of a
// multipart entity, with that of the one before (see Mail.decode).
func (h *head) identity(data []byte, limit int, late *bool, part bool) (used int) {
	for used < len(data) && !mustLook(data[used:]) {
		end := scan.LineEnd(data, used)
		line := data[used:end]
		if len(line)+4 > min(limit, len(h.room)-h.n) || !contentline.EndsAt(data, end) {
			break
		}
		out := h.room[h.n:]
		n := 0
		if *late {
			n = copy(out, "\r\n")
		}
		n += copy(out[n:], line)
		if *late = part; !part {
			n += copy(out[n:], "\r\n")
		}
		h.add(n)
		used = end + 2
	}
	return used
}

// quotedPrintable decodes lines in which everything is allowed.
func (h *head) quotedPrintable(data []byte, limit int) (used int) {
	for used < len(data) && !mustLook(data[used:]) {
		end := scan.LineEnd(data, used)
		line := data[used:end]
		if len(line)+2 > min(limit, len(h.room)-h.n) || !contentline.EndsAt(data, end) {
			break
		}
		for len(line) > 0 && isBlank(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
		out := h.room[h.n:]
		n, soft := 0, false
		for i := 0; i < len(line); {
			to := scan.NotPlain(line, i)
			n += copy(out[n:], line[i:to])
			i = to
			switch left := len(line) - i; {
			case left == 0:
			case left == 1 && line[i] == '=':
				soft = true
				i++
			case left > 2 && line[i] == '=' && unhex(line[i+1]) >= 0 && unhex(line[i+2]) >= 0:
				out[n] = byte(unhex(line[i+1])<<4 | unhex(line[i+2]))
				n++
				i += 3
			default:
				return used
			}
		}
		if !soft {
			n += copy(out[n:], "\r\n")
		}
		h.add(n)
		used = end + 2
	}
	return used
}

// body returns the entity whose body the next line belongs to unless it is a
// boundary, and its depth; nil without one.
func (m *Mail) body() (int, *entity) {
	for i, e := range m.chain {
		switch {
		case e.inHeader:
			return 0, nil
		case e.kind == leaf:
			return i, e
		}
	}
	return 0, nil
}

// mustLook says that the line is not the body's at first sight.
func mustLook(line []byte) bool {
	return line[0] == '.' || line[0] == '-' && (len(line) < 2 || line[1] == '-')
}

// maxBase64Line is the longest line that is decoded at once.
const maxBase64Line = base64Batch / 3 * 4

// skimBase64 takes lines, and returns their octets and what they decode to.
func skimBase64(data []byte) (used, decoded int) {
	for {
		// The lines behind a line are probably as long as it is: then it suffices
		// to look whether anything in them is odd, not where.
		width := bytes.IndexByte(data[used:], '\n') - 1
		if width <= 0 || width%4 != 0 || width > maxBase64Line {
			return used, decoded
		}
		lines := linesOf(data[used:], width)
		if lines == 0 {
			return used, decoded
		}
		decoded += lines * (width / 4 * 3)
		used += lines * (width + 2)
	}
}

// linesOf counts the lines in a row at the beginning of data that have the width,
// more than 0, of octets of the alphabet.
func linesOf(data []byte, width int) (lines int) {
	if hasVectors && width >= 32 && len(data) > width {
		return linesVectors(&data[0], len(data), width)
	}
	for contentline.EndsAt(data, width) && allBase64(data[:width]) {
		data = data[width+2:]
		lines++
	}
	return lines
}

// allBase64 says whether all octets of b are of the alphabet. Two are looked up
// at once, without a decision for each: lines that are as long as the one before
// seldom hold anything else.
func allBase64(b []byte) bool {
	if len(b) < 8 {
		for _, c := range b {
			if sextet[c] > 63 {
				return false
			}
		}
		return true
	}
	t := base64Pairs
	last := b[len(b)-8:]
	good := t[binary.LittleEndian.Uint16(last)] & t[binary.LittleEndian.Uint16(last[2:])] &
		t[binary.LittleEndian.Uint16(last[4:])] & t[binary.LittleEndian.Uint16(last[6:])]
	for len(b) > 8 {
		good &= t[binary.LittleEndian.Uint16(b)] & t[binary.LittleEndian.Uint16(b[2:])] &
			t[binary.LittleEndian.Uint16(b[4:])] & t[binary.LittleEndian.Uint16(b[6:])]
		b = b[8:]
	}
	return good != 0
}

// base64Pairs is 1 for each two octets of the alphabet, 0 for others. Only 8 KB
// of it are touched as long as nothing is odd.
var base64Pairs = func() *[1 << 16]uint8 {
	var t [1 << 16]uint8
	for i, a := range sextet {
		if a > 63 {
			continue
		}
		for j, b := range sextet {
			if b <= 63 {
				t[i<<8|j] = 1
			}
		}
	}
	return &t
}()

// skimIdentity takes lines, and returns their octets and their number.
func skimIdentity(data []byte) (used, lines int) {
	for used < len(data) && !mustLook(data[used:]) {
		end := scan.LineEnd(data, used)
		if !contentline.EndsAt(data, end) {
			return used, lines
		}
		used = end + 2
		lines++
	}
	return used, lines
}

// skimQuotedPrintable takes lines, and returns their octets and what they decode
// to.
func skimQuotedPrintable(data []byte) (used, decoded int) {
	for used < len(data) && !mustLook(data[used:]) {
		n, ok := 0, false
		i := used // up to here the line is looked at
		soft := false
		for !ok {
			from := i
			i = scan.NotPlain(data, i)
			n += i - from
			switch {
			case contentline.EndsAt(data, i):
				ok = true
			case i+2 < len(data) && data[i] == '=' && unhex(data[i+1]) >= 0 && unhex(data[i+2]) >= 0:
				n++
				i += 3
			case i < len(data) && data[i] == '=' && contentline.EndsAt(data, i+1):
				soft = true
				ok = true
				i++
			default:
				return used, decoded
			}
		}
		if soft {
			decoded += n
		} else {
			// Blanks at the end don't count.
			for j := i; j > used && isBlank(data[j-1]); j-- {
				n--
			}
			decoded += n + 2
		}
		used = i + 2
	}
	return used, decoded
}
