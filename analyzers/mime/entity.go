package mime

import (
	"bytes"
	"crypto/sha256"

	"github.com/gzeek/gzeek/internal/slab"
)

// kind is what a content type means for the lines of a body.
type kind uint8

const (
	leaf      kind = iota // a body
	multipart             // entities between boundaries
	message               // one entity
)

// encoding is a content transfer encoding.
type encoding uint8

const (
	identity encoding = iota // 7bit, 8bit, binary and all that is unknown
	quotedPrintable
	base64
)

// keepField is the size in octets up to which an entity keeps the buffers of
// its header for the next entity of its depth.
const keepField = 8 << 10

// entity is one node of a mail.
type entity struct {
	inHeader  bool
	ended     bool
	lateCRLF  bool // a CRLF is held back: it may be the boundary's
	params    bool // the type has parameters to look at
	hasField  bool
	kind      kind
	encoding  encoding
	field     []byte // the header field that isn't complete yet, lines joined
	boundary  boundary
	decoder   decoder
	all       []fieldAt // the header block, if anybody wants it at once
	allOctets []byte
}

// fieldAt is a header field in allOctets.
type fieldAt struct{ name, nameEnd, value, end int }

func (e *entity) reset() {
	*e = entity{inHeader: true, field: e.field[:0], all: e.all[:0], allOctets: e.allOctets[:0],
		boundary: boundary{head: e.boundary.head[:0]}}
}

// release drops what is too big to be kept.
func (e *entity) release(bufs *slab.Buffers) {
	if cap(e.field) > keepField {
		bufs.Give(e.field)
		e.field = nil
	}
	if cap(e.allOctets) > keepField {
		e.all, e.allOctets = nil, nil
	}
}

// boundary recognises the lines that delimit the parts of a multipart. A long
// one isn't kept whole, since a mail may nest many.
type boundary struct {
	known  bool
	length int
	head   []byte            // its first octets
	rest   [sha256.Size]byte // hash of the others, if there are any
}

// boundaryHead is how many octets of a boundary are kept.
const boundaryHead = 1024

func (b *boundary) set(text []byte) {
	*b = boundary{known: true, length: len(text), head: append(b.head[:0], text[:min(len(text), boundaryHead)]...)}
	if len(text) > boundaryHead {
		b.rest = sha256.Sum256(text[boundaryHead:])
	}
}

// delimiter is what a line is to a boundary.
type delimiter uint8

const (
	none delimiter = iota
	separator
	closing
)

// match looks at the beginning of the line only: what follows the boundary
// doesn't matter. Zeek: MIME.cc, CheckBoundaryDelimiter.
func (b *boundary) match(line []byte) delimiter {
	if len(line) < 2 || line[0] != '-' || line[1] != '-' || len(line)-2 < b.length {
		return none
	}
	line = line[2:]
	if !bytes.HasPrefix(line, b.head) {
		return none
	}
	if b.length > boundaryHead && sha256.Sum256(line[boundaryHead:b.length]) != b.rest {
		return none
	}
	if bytes.HasPrefix(line[b.length:], []byte("--")) {
		return closing
	}
	return separator
}
