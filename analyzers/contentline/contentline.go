// Package contentline cuts one direction of a stream into lines.
//
// It knows no protocol: what a line means is its [Sink]'s business, which may
// also ask for a number of octets to be handed over uncut.
//
// CR, LF and CRLF each end a line, so that a line never holds one of them.
// Splitters that take only CRLF for an end, that skip octets or that know the
// size of a message in advance are not here, since SMTP has no use for them.
//
// Zeek: src/analyzer/protocol/tcp/ContentLine.cc.
package contentline

import (
	"bytes"

	"github.com/gzeek/gzeek/internal/scan"
	"github.com/gzeek/gzeek/internal/slab"
)

// MaxLineLength is the longest line in octets; a longer one is cut, and the
// octet before the cut is lost, as in Zeek.
const MaxLineLength = 16<<20 - 100

// Host is what a splitter asks of its connection; analyzers.Host is one.
type Host interface {
	// IsPartial says that the beginning of the connection was not seen.
	IsPartial() bool
	// Removing says that nobody listens to the sink any more.
	Removing() bool
	// Weird reports a deviation.
	Weird(name, addl, source string)
}

// Sink takes the lines, without their ends, and the uncut octets. Data is
// borrowed for the call.
type Sink interface {
	DeliverLine(data []byte, isOrig bool)
}

// Skimmer is what a Sink may be, too, to take many lines at once.
type Skimmer interface {
	// Skim is offered octets that begin a line, and returns how many of them it
	// has taken: whole lines with CRLF at their ends, without other CRs or LFs
	// and without NULs, for which it has done what DeliverLine would have done.
	Skim(data []byte, isOrig bool) int
	// SkimCut is Skim for data whose first line was begun in octets before: begun,
	// one or more. It may take nothing where Skim would take the whole line.
	SkimCut(begun, data []byte, isOrig bool) int
}

// Flags is what the splitters of a connection share.
type Flags struct {
	// Skim says that the Skimmer may have something to do: it isn't asked as long
	// as it doesn't.
	Skim bool

	singleCR, nul bool // reported already, once for both directions together
}

// Splitter cuts one direction. Its methods may be called from within the sink,
// except Deliver and EndpointEOF.
type Splitter struct {
	host   Host
	sink   Sink
	skim   Skimmer // nil if the sink is none
	flags  *Flags
	bufs   *slab.Buffers
	isOrig bool

	buf     []byte // the line that is not at its end yet; nil between deliveries if none is
	plain   uint64 // octets to hand over uncut before the next line
	afterCR bool   // the last octet was a CR and ended a line: an LF belongs to it
	sawNUL  bool
}

// Init makes s a splitter for the given direction. The beginnings of lines are
// kept in bufs, which many splitters share: few are within a line at a time.
func (s *Splitter) Init(host Host, sink Sink, flags *Flags, bufs *slab.Buffers, isOrig bool) {
	skim, _ := sink.(Skimmer)
	*s = Splitter{host: host, sink: sink, skim: skim, flags: flags, bufs: bufs, isOrig: isOrig}
}

// Release makes s as new. What it had of a line is lost.
func (s *Splitter) Release() {
	s.endLine()
	*s = Splitter{}
}

// SetPlainDelivery makes the splitter hand over the next n octets as they come,
// uncut. 0 goes back to lines at once.
func (s *Splitter) SetPlainDelivery(n uint64) { s.plain = n }

// Deliver takes the next octets. A line that lies whole in data is handed on
// without being copied.
func (s *Splitter) Deliver(data []byte) {
	// Without the beginning nobody knows where in a line the data start.
	if s.host.IsPartial() {
		return
	}
	for pos := 0; pos < len(data); {
		// The LF goes before anything uncut: the CR alone may have made the sink
		// ask for that. Then even nothing is handed over, if nothing is left.
		// Zeek: ContentLine.cc, DoDeliver.
		if s.afterCR && data[pos] == '\n' {
			s.afterCR = false
			pos++
		}
		if s.plain > 0 {
			n := int(min(s.plain, uint64(len(data)-pos)))
			s.afterCR = false
			s.plain -= uint64(n)
			s.forward(data[pos : pos+n])
			pos += n
		}
		if pos == len(data) {
			break
		}
		if s.flags.Skim && s.skim != nil && !s.afterCR && !s.host.Removing() {
			pos += s.skimmed(data[pos:])
			if pos == len(data) {
				break
			}
		}
		eol := scan.LineEnd(data, pos)
		if !s.afterCR && EndsAt(data, eol) && !s.tooLong(eol-pos) {
			s.emit(data[pos:eol]) // nearly all lines
			pos = eol + 2
			continue
		}
		for eol < len(data) && data[eol] == 0 {
			eol = scan.LineEnd(data, eol+1)
		}
		pos = s.take(data, pos, eol)
	}
	if len(s.buf) == 0 {
		s.endLine()
	}
}

// skimmed offers data to the Skimmer, and returns how much it has taken. A line
// that was begun before is offered alone, if its end is here.
func (s *Splitter) skimmed(data []byte) int {
	begun := len(s.buf)
	if begun == 0 {
		return s.skim.Skim(data, s.isOrig)
	}
	if n := s.skim.SkimCut(s.buf, data, s.isOrig); n > 0 {
		s.buf = s.buf[:0] // what is left of data is probably cut as well
		return n
	}
	end := bytes.IndexByte(data, '\n') + 1
	if end < 2 || data[end-2] != '\r' || s.tooLong(end) {
		return 0
	}
	s.add(data[:end])
	if s.skim.Skim(s.buf, s.isOrig) < len(s.buf) {
		s.buf = s.buf[:begun]
		return 0
	}
	s.endLine()
	if end == len(data) {
		return end
	}
	return end + s.skim.Skim(data[end:], s.isOrig)
}

// take adds data[pos:eol] to the line, and ends the line if there is an octet
// at eol. It returns where to go on.
func (s *Splitter) take(data []byte, pos, eol int) int {
	text := data[pos:eol]
	if len(text) > 0 {
		if s.afterCR && text[0] != 0 {
			s.singleCR()
		}
		if !s.sawNUL {
			if i := bytes.IndexByte(text, 0); i >= 0 {
				// Only the first NUL of a direction is dropped (CheckNUL).
				s.sawNUL = true
				if !s.flags.nul {
					s.flags.nul = true
					s.weird("NUL_in_line")
				}
				if s.afterCR {
					s.singleCR()
				}
				if s.tooLong(i) {
					return s.cut(data, pos)
				}
				s.add(text[:i])
				s.afterCR = false
				return pos + i + 1
			}
		}
		if s.afterCR {
			s.singleCR()
			s.afterCR = false
		}
	}
	if s.tooLong(len(text)) && pos+MaxLineLength-len(s.buf) < len(data) {
		return s.cut(data, pos)
	}
	if eol == len(data) {
		s.add(text)
		return eol
	}
	next := eol + 1
	s.afterCR = false
	if data[eol] == '\r' {
		if next == len(data) || data[next] != '\n' {
			s.afterCR = true
		} else {
			next++
		}
	}
	s.emit(text)
	return next
}

// tooLong says that the line with n octets more has no room for its end. Even
// the end has to fit.
func (s *Splitter) tooLong(n int) bool { return len(s.buf)+n >= MaxLineLength }

// cut ends a line by force at its longest (ContentLine.cc, DoDeliverOnce): the
// octet that doesn't fit and the one before it are lost.
func (s *Splitter) cut(data []byte, pos int) int {
	end := pos + MaxLineLength - len(s.buf)
	s.weird("contentline_size_exceeded")
	s.add(data[pos:end])
	s.buf = s.buf[:MaxLineLength-1]
	s.afterCR = data[end] == '\r'
	s.emit(nil)
	return end + 1
}

// emit hands on the line that ends with text.
func (s *Splitter) emit(text []byte) {
	if len(s.buf) == 0 {
		s.forward(text)
		return
	}
	s.add(text)
	s.forward(s.buf)
	s.endLine()
}

// add adds to the line that is not at its end.
func (s *Splitter) add(text []byte) {
	s.buf = s.bufs.Append(s.buf, text)
}

func (s *Splitter) endLine() {
	if s.buf != nil {
		s.bufs.Give(s.buf)
		s.buf = nil
	}
}

func (s *Splitter) forward(data []byte) {
	// The rest of a delivery is still split when the analyzer was disabled
	// meanwhile, but goes nowhere (Analyzer.cc, SupportAnalyzer::ForwardStream).
	if !s.host.Removing() {
		s.sink.DeliverLine(data, s.isOrig)
	}
}

// EndpointEOF says that nothing more comes: what is left is a line.
func (s *Splitter) EndpointEOF() {
	if len(s.buf) > 0 {
		s.Deliver([]byte{'\n'})
	}
}

// singleCR tells of a CR that ended a line alone, once its next octet is known.
func (s *Splitter) singleCR() {
	if !s.flags.singleCR {
		s.flags.singleCR = true
		s.weird("line_terminated_with_single_CR")
	}
}

func (s *Splitter) weird(name string) { s.host.Weird(name, "", "CONTENTLINE") }

// EndsAt says whether there is a whole CRLF at data[i].
func EndsAt(data []byte, i int) bool {
	return i+1 < len(data) && data[i] == '\r' && data[i+1] == '\n'
}
