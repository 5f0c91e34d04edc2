package smtp

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
)

// bdat cuts the octets of the chunks of one mail into lines for MIME. Lines may
// span chunks. Unlike commands they end at CRLF only.
//
// Zeek: analyzer/protocol/smtp/BDAT.cc.
type bdat struct {
	mail  interface{ Deliver(line []byte, crlf bool) }
	weird func(name, addl, source string)
	limit uint64 // octets of the longest line

	last      bool   // the chunk is the last one
	remaining uint64 // octets of the chunk that are still to come
	buf       []byte // a line that is not at its end yet
}

// bdatName is the source of the weirds.
const bdatName = "SMTP_BDAT"

// beginChunk takes the argument of BDAT and makes the splitter hand over the
// chunk. It reports whether there is one. Zeek: SMTP.cc, ProcessBdatArg.
func (a *Analyzer) beginChunk(arg []byte, isOrig bool) bool {
	size, last, err := parseChunk(arg)
	if err != nil {
		a.weird("smtp_invalid_bdat_command", err.Error())
		return false
	}
	if size > math.MaxInt64 {
		a.weird("smtp_huge_bdat_chunk", strconv.FormatUint(size, 10))
		return false
	}
	a.splitter(isOrig).SetPlainDelivery(size)
	if a.bdat == nil {
		a.beginData(isOrig, inBDAT)
		a.bdat = &bdat{mail: a.mail, weird: a.host.Weird, limit: a.opts.BDATMaxLineLength}
	}
	a.bdat.last = last
	a.bdat.remaining = size
	return true
}

// deliverChunk takes octets while chunks are expected, and returns those behind
// the chunk. A last chunk of no octets has none of its own: the client's next
// line comes here first and ends the mail. Zeek: SMTP.cc, DeliverStream.
func (a *Analyzer) deliverChunk(data []byte, isOrig bool) []byte {
	b := a.bdat
	n := min(uint64(len(data)), b.remaining)
	if n > 0 {
		b.deliver(data[:n])
		if a.fileID != "" {
			a.wholeMail(data[:n])
		}
	}
	if b.last && b.remaining == 0 {
		a.asked(endOfData, isOrig)
	}
	return data[n:]
}

// deliver takes octets of the chunk, no more than remain.
func (b *bdat) deliver(data []byte) {
	size := len(data)
	if n := len(b.buf); n > 0 && b.buf[n-1] == '\r' && data[0] != '\n' {
		b.weird("smtp_bdat_line_cr_only", "", bdatName)
		b.mail.Deliver(b.buf, false)
		b.buf = b.buf[:0]
	}
	total := len(b.buf) + len(data)
	if n := len(b.buf); n > 0 {
		// Complete the line that was begun. Only that is copied.
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		b.buf = append(b.buf, data[:end]...)
		from := b.lines(b.buf, n-1, total)
		b.buf = b.buf[:copy(b.buf, b.buf[from:])]
		data = data[end:]
	}
	if len(data) > 0 {
		from := b.lines(data, 0, total)
		b.buf = append(b.buf, data[from:]...)
	}
	b.remaining -= uint64(size)
	if b.last && b.remaining == 0 {
		b.flush()
	}
}

// lines hands on the lines of data, and returns where the rest begins. It looks
// for ends from octet i on. total is what the weird of a long line tells.
func (b *bdat) lines(data []byte, i, total int) int {
	start := 0
	for {
		// The line ends at end; next is where the one behind it begins.
		end := len(data)
		lf := bytes.IndexByte(data[i:], '\n')
		crlf := false
		if lf >= 0 {
			end = i + lf
			if crlf = lf > 0 && data[end-1] == '\r'; crlf {
				end--
			}
		}
		for {
			cut := i
			if room := b.limit - min(b.limit, uint64(i-start)); room < uint64(end-i) {
				cut += int(room)
			} else {
				break
			}
			b.weird("smtp_bdat_line_too_long", strconv.Itoa(total), bdatName)
			b.mail.Deliver(data[start:cut], false)
			start, i = cut, cut+1
		}
		switch {
		case lf < 0:
			return start
		case crlf:
			b.mail.Deliver(data[start:end], true)
			start = end + 2
		default:
			b.weird("smtp_bdat_line_lf_only", "", bdatName)
			b.mail.Deliver(data[start:end+1], false)
			start = end + 1
		}
		i = start
		if i == len(data) {
			return start
		}
	}
}

func (b *bdat) flush() {
	if len(b.buf) > 0 {
		b.mail.Deliver(b.buf, false)
		b.buf = b.buf[:0]
	}
}

// done: the mail ends, whatever is missing.
func (b *bdat) done() {
	if len(b.buf) > 0 {
		b.weird("smtp_bdat_undelivered_at_done", "", bdatName)
		b.flush()
	}
}

// maxChunkArg is as long as the largest number with LAST behind it.
const maxChunkArg = len("18446744073709551615 LAST")

// The texts are part of weird.log.
var (
	errChunkLength = errors.New("BDAT argument bad length")
	errChunkStart  = errors.New("BDAT not followed by a valid chunk-size")
	errChunkSize   = errors.New("BDAT chunk-size not valid")
	errChunkLarge  = errors.New("BDAT chunk-size too large")
	errChunkJunk   = errors.New("BDAT chunk-size followed by junk")
)

// parseChunk reads "SIZE" or "SIZE LAST". Zeek: BDAT.cc, parse_bdat_arg.
func parseChunk(arg []byte) (size uint64, last bool, err error) {
	if len(arg) == 0 || len(arg) > maxChunkArg {
		return 0, false, errChunkLength
	}
	n := 0
	for n < len(arg) && '0' <= arg[n] && arg[n] <= '9' {
		n++
	}
	if n == 0 {
		return 0, false, errChunkStart
	}
	rest := string(arg[n:])
	if rest != "" && rest[0] != ' ' && rest[0] != 0 {
		return 0, false, errChunkSize
	}
	if size, err = strconv.ParseUint(string(arg[:n]), 10, 64); err != nil {
		return 0, false, errChunkLarge
	}
	if rest == "" {
		return size, false, nil
	}
	// The length keeps out what folds to ASCII only in Unicode.
	if len(rest) != len(" LAST") || !strings.EqualFold(rest, " LAST") {
		return 0, false, errChunkJunk
	}
	return size, true, nil
}
