package mime

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/scan"
)

// maxAllHeaders is how many octets of a header block mime_all_headers tells at
// most. Zeek has no limit there.
const maxAllHeaders = 64 << 20

// headerLine takes a line of e's header block. Zeek: MIME.cc, Deliver.
func (m *Mail) headerLine(e *entity, line []byte) {
	switch {
	case len(line) == 0 || line[0] == 0:
		m.finishHeader(e)
		e.inHeader = false
		m.submitAllHeaders(e)
		if e.kind == message {
			m.beginChild()
		}
	case !isBlank(line[0]):
		m.beginField(e, line)
	case !e.hasField:
		m.event(illegalFormat, "first header line starts with linear whitespace")
		m.beginField(e, line[blanks(line):])
	case m.opts.MaxHeaderBytes > 0 && uint64(len(e.field)) >= m.opts.MaxHeaderBytes:
		m.host.AddHistory('X')
		m.host.Weird("exceeded_mime_max_header_bytes", strconv.Itoa(len(e.field)), m.tag)
	default:
		e.field = m.bufs.Append(e.field, line)
	}
}

func (m *Mail) beginField(e *entity, line []byte) {
	m.finishHeader(e)
	if len(line) > 0 {
		e.field = m.bufs.Append(e.field[:0], line)
		e.hasField = true
	}
}

// finishHeader takes the header field whose last line has come. That is known
// only when the next one comes.
func (m *Mail) finishHeader(e *entity) {
	if !e.hasField {
		return
	}
	e.hasField = false
	name, rest := fieldName(e.field)
	if name == nil {
		return
	}
	rest = rest[comments(rest):]
	if len(rest) == 0 || rest[0] != ':' {
		return // dropped in silence: who writes such lines doesn't write mail
	}
	value := rest[1:]
	for len(value) > 0 && isSpace(value[0]) {
		value = value[1:]
	}

	switch {
	case equalFold(name, "content-type"):
		m.contentType(e, value)
	case equalFold(name, "content-transfer-encoding"):
		m.contentEncoding(e, value)
	}
	m.submitHeader(name, value)
	if m.events.MIMEAllHeaders.Wanted() && len(e.allOctets)+len(e.field) <= maxAllHeaders {
		at := fieldAt{name: len(e.allOctets)}
		e.allOctets = append(e.allOctets, name...)
		at.nameEnd = len(e.allOctets)
		at.value = at.nameEnd
		e.allOctets = append(e.allOctets, value...)
		at.end = len(e.allOctets)
		e.all = append(e.all, at)
	}
	if cap(e.field) > keepField {
		m.bufs.Give(e.field)
		e.field = nil
	}
}

func (m *Mail) submitHeader(name, value []byte) {
	t := m.events.MIMEOneHeader
	if !t.Wanted() {
		return
	}
	conn := m.host.Conn()
	t.Enqueue(event.MIMEOneHeader{Conn: conn, Header: event.MIMEHeader{
		OriginalName: m.events.Bytes(name),
		Name:         m.upper(name),
		Value:        m.events.Bytes(value),
	}})
}

func (m *Mail) submitAllHeaders(e *entity) {
	t := m.events.MIMEAllHeaders
	if !t.Wanted() {
		return
	}
	octets := m.events.Bytes(e.allOctets)
	list := make([]event.MIMEHeader, len(e.all))
	for i, at := range e.all {
		list[i] = event.MIMEHeader{
			OriginalName: octets[at.name:at.nameEnd:at.nameEnd],
			Name:         m.upper(octets[at.name:at.nameEnd]),
			Value:        octets[at.value:at.end:at.end],
		}
	}
	t.Enqueue(event.MIMEAllHeaders{Conn: m.host.Conn(), Headers: list})
	e.all, e.allOctets = e.all[:0], e.allOctets[:0]
}

// upper copies the name for an event, in upper case.
func (m *Mail) upper(name []byte) []byte {
	up := m.events.Bytes(name)
	rest := up
	for len(rest) >= 8 { // a name is ASCII
		w := binary.LittleEndian.Uint64(rest)
		small := scan.AtLeast(w, 'a') &^ scan.AtLeast(w, 'z'+1) & scan.Top
		binary.LittleEndian.PutUint64(rest, w^small>>2)
		rest = rest[8:]
	}
	for i, c := range rest {
		if 'a' <= c && c <= 'z' {
			rest[i] = c - ('a' - 'A')
		}
	}
	return up
}

// contentType takes a Content-Type. What it can't read leaves the type as it
// was. Zeek: MIME.cc, ParseContentTypeField.
func (m *Mail) contentType(e *entity, value []byte) {
	kindName, rest, ok := typeAndSubtype(value)
	if !ok {
		m.event(illegalFormat, "media type/subtype not found in content type")
		return
	}
	switch {
	case equalFold(kindName, "multipart"):
		e.kind, e.params = multipart, true
	case equalFold(kindName, "message"):
		e.kind, e.params = message, true
	default:
		e.kind, e.params = leaf, false
	}
	if e.params {
		m.parameters(e, rest, e.kind == multipart)
	}
	if e.kind == multipart && !e.boundary.known {
		m.event(illegalFormat, "boundary delimiter is not specified for a multipart entity -- content is treated as type application/octet-stream")
		e.kind = leaf
	}
}

// contentEncoding takes a Content-Transfer-Encoding.
func (m *Mail) contentEncoding(e *entity, value []byte) {
	word, rest := token(value)
	if word == nil {
		m.event(illegalFormat, "encoding type not found in content encoding")
		return
	}
	switch {
	case equalFold(word, "quoted-printable"):
		e.encoding = quotedPrintable
	case equalFold(word, "base64"):
		e.encoding = base64
	default:
		e.encoding = identity
	}
	if e.params {
		m.parameters(e, rest, false)
	}
}

// parameters reads what follows a value: "; attribute=value" any number of
// times. Only the boundary is of interest, but what can't be read is told.
// Zeek: MIME.cc, ParseFieldParameters.
func (m *Mail) parameters(e *entity, s []byte, wantBoundary bool) {
	for {
		s = s[comments(s):]
		if len(s) == 0 || s[0] != ';' {
			return
		}
		attr, rest := token(s[1:])
		if attr == nil {
			m.event(illegalFormat, "attribute name not found in parameter specification")
			return
		}
		s = rest
		rest = rest[comments(rest):]
		if len(rest) == 0 || rest[0] != '=' {
			m.event(illegalFormat, "= not found in parameter specification")
			continue
		}
		s = rest[1:]
		isBoundary := wantBoundary && equalFold(attr, "boundary")
		value, rest, ok := parameterValue(s, isBoundary)
		switch {
		case ok:
			if isBoundary {
				e.boundary.set(value)
			}
			s = rest
		case isBoundary:
			m.event(illegalFormat, "Could not parse multipart boundary")
		default:
			m.event(illegalFormat, "value not found in parameter specification")
		}
	}
}

// What follows reads the grammar of RFC 822 and 2045 as leniently as Zeek.

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isNameChar(c byte) bool { return 33 <= c && c <= 126 && c != ':' }

func isTokenChar(c byte) bool {
	return 33 <= c && c <= 126 && bytes.IndexByte([]byte(`()<>@,;:\"/[]?=`), c) < 0
}

var nameChars = func() (t [256]bool) {
	for c := range t {
		t[c] = isNameChar(byte(c))
	}
	return
}()

// isBoundaryChar takes all that software puts into boundaries without quotes.
func isBoundaryChar(c byte) bool { return 33 <= c && c <= 126 && c != '"' }

func equalFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// blanks returns how many blanks s begins with.
func blanks(s []byte) int {
	n := 0
	for n < len(s) && isBlank(s[n]) {
		n++
	}
	return n
}

// comments returns how many octets of blanks and comments s begins with.
// Comments nest; one without an end takes the rest.
func comments(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case depth == 0:
			if !isBlank(c) {
				return i
			}
		case c == ')':
			depth--
		case c == '\\':
			i++
		}
	}
	return len(s)
}

// run finds the first octets of s that are all in the class, skipping blanks,
// comments and whatever else there is before. It returns nil without any.
// Where the class holds a parenthesis, that is no comment.
func run(s []byte, in func(byte) bool) (found, rest []byte) {
	for i := 0; i < len(s); {
		if in(s[i]) {
			j := i + 1
			for j < len(s) && in(s[j]) {
				j++
			}
			return s[i:j:j], s[j:]
		}
		i += max(comments(s[i:]), 1)
	}
	return nil, nil
}

// token skips to the first token.
func token(s []byte) (found, rest []byte) { return run(s[comments(s):], isTokenChar) }

// fieldName skips to the first name of a header field.
func fieldName(s []byte) (name, rest []byte) {
	// Nearly all fields begin with it.
	n := 0
	for n < len(s) && nameChars[s[n]] {
		n++
	}
	if n > 0 && s[0] != '(' {
		return s[:n:n], s[n:]
	}
	return run(s[comments(s):], isNameChar)
}

// typeAndSubtype reads "type/subtype" and returns the type.
func typeAndSubtype(s []byte) (first, rest []byte, ok bool) {
	first, rest = token(s)
	if first == nil {
		return nil, nil, false
	}
	rest = rest[comments(rest):]
	if len(rest) == 0 || rest[0] != '/' {
		return nil, nil, false
	}
	second, rest := token(rest[1:])
	return first, rest, second != nil
}

// parameterValue reads a token or a quoted string. A boundary has its own
// class, and a quote has to follow the = at once there.
func parameterValue(s []byte, boundary bool) (value, rest []byte, ok bool) {
	if !boundary {
		s = s[comments(s):]
	}
	if len(s) > 0 && s[0] == '"' {
		return quoted(s[1:])
	}
	if boundary {
		value, rest = run(s, isBoundaryChar)
	} else {
		value, rest = token(s)
	}
	return value, rest, value != nil
}

// quoted reads up to the closing quote and resolves backslashes.
func quoted(s []byte) (value, rest []byte, ok bool) {
	escapes := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escapes = true
			i++
		case '"':
			value, rest = s[:i:i], s[i+1:]
			if escapes {
				value = unescape(value)
			}
			return value, rest, true
		}
	}
	return nil, nil, false
}

func unescape(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) {
				break
			}
		}
		out = append(out, s[i])
	}
	return out
}
