package mime

import (
	"encoding/binary"
	"strconv"

	"github.com/gzeek/gzeek/internal/scan"
)

// decode takes a line of the body of e, which has that depth.
// Zeek: MIME.cc, DecodeDataLine.
func (m *Mail) decode(e *entity, depth int, line []byte, crlf bool) {
	switch e.encoding {
	case base64:
		m.decodeBase64(e, line)
		return
	case quotedPrintable:
		m.decodeQuotedPrintable(line)
		return
	}
	if e.lateCRLF {
		e.lateCRLF = false
		m.crlf()
	}
	m.octets(line)
	if !crlf {
		return
	}
	if depth > 0 && m.chain[depth-1].kind == multipart {
		// The last CRLF belongs to the boundary that follows.
		e.lateCRLF = true
	} else {
		m.crlf()
	}
}

func (m *Mail) crlf() {
	m.octet('\r')
	m.octet('\n')
}

// decodeQuotedPrintable keeps what is not allowed as it is, and tells.
func (m *Mail) decodeQuotedPrintable(line []byte) {
	end := len(line)
	for end > 0 && isBlank(line[end-1]) {
		end--
	}
	soft := false
	for i := 0; i < end; i++ {
		from := i
		i = scan.NotPlain(line[:end], i)
		m.octets(line[from:i])
		if i == end {
			break
		}
		c := line[i]
		switch {
		case c != '=':
			if m.events.MIMEEvent.Wanted() {
				m.event(illegalEncoding, "control characters in quoted-printable encoding: "+strconv.Itoa(int(int8(c))))
			}
			m.octet(c)
		case i == end-1:
			soft = true
		default:
			if i+2 < len(line) {
				hi, lo := unhex(line[i+1]), unhex(line[i+2])
				if hi >= 0 && lo >= 0 {
					m.octet(byte(hi<<4 | lo))
					i += 2
					continue
				}
			}
			m.event(illegalEncoding, "= is not followed by two hexadecimal digits in quoted-printable encoding")
			m.octet(c)
		}
	}
	if !soft {
		m.crlf()
	}
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// decoder is the state of base64, which runs across lines.
type decoder struct {
	group   uint32 // 6 bits for each octet of the group that isn't complete
	n       int    // octets of the group; 4 if there was no room to write it
	padding int    // how many of them are =
	after   bool   // a padded group was written: nothing more counts
	errored bool
}

// base64Batch is how many octets are decoded before they are handed on: visible
// in the order of weirds and file events, and in that the last group of a line
// whose octets would not fit waits for the next line. Zeek: MIME.cc, DecodeBase64.
const base64Batch = 128

func (m *Mail) decodeBase64(e *entity, line []byte) {
	for len(line) > 0 {
		used, out := m.decodeBatch(&e.decoder, line)
		m.octets(out)
		line = line[used:]
	}
}

// decodeBatch decodes until there is no room for a group or nothing left. It
// returns how many octets it took, and what it wrote. Zeek: Base64.cc, Decode.
func (m *Mail) decodeBatch(d *decoder, in []byte) (used int, out []byte) {
	buf := m.batch[:]
	o := 0
	for i := 0; ; {
		if d.n == 4 {
			if d.after {
				m.base64Weird(d, "extra base64 groups after '=' padding are ignored")
				d.n = 0
				continue
			}
			octets := max(3-d.padding, 0)
			if o+octets > base64Batch {
				return i, buf[:o]
			}
			v := d.group
			group := [3]byte{byte(v >> 16), byte(v >> 8), byte(v)}
			o += copy(buf[o:], group[:octets])
			d.after = d.padding > 0
			d.n, d.padding = 0, 0
		}
		// Whole groups without anything odd.
		if d.n == 0 && !d.after {
			n := wholeGroups(buf[o:], in[i:min(len(in), i+(base64Batch-o)/3*4)])
			o += n / 4 * 3
			i += n
		}
		if i == len(in) {
			return i, buf[:o]
		}
		switch c := in[i]; {
		case c == '=':
			d.padding++
			d.group = d.group << 6
			d.n++
		case sextet[c] <= 63:
			d.group = d.group<<6 | uint32(sextet[c])
			d.n++
		case !d.errored:
			m.base64Weird(d, "character "+strconv.Itoa(int(c))+" ignored by Base64 decoding")
		}
		i++
	}
}

// wholeGroups decodes as long as there are groups without anything odd, and
// returns how many octets of in it took. It may write two octets more to out
// than it decodes.
func wholeGroups(out, in []byte) (used int) {
	all := len(in)
	for len(in) >= 8 && len(out) >= 8 {
		a, b, c, d := sextet[in[0]], sextet[in[1]], sextet[in[2]], sextet[in[3]]
		e, f, g, h := sextet[in[4]], sextet[in[5]], sextet[in[6]], sextet[in[7]]
		if a|b|c|d|e|f|g|h > 63 {
			break
		}
		binary.BigEndian.PutUint64(out, uint64(a)<<58|uint64(b)<<52|uint64(c)<<46|uint64(d)<<40|
			uint64(e)<<34|uint64(f)<<28|uint64(g)<<22|uint64(h)<<16)
		in, out = in[8:], out[6:]
	}
	for len(in) >= 4 && len(out) >= 3 {
		a, b, c, d := sextet[in[0]], sextet[in[1]], sextet[in[2]], sextet[in[3]]
		if a|b|c|d > 63 {
			break
		}
		v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(d)
		out[0], out[1], out[2] = byte(v>>16), byte(v>>8), byte(v)
		in, out = in[4:], out[3:]
	}
	return all - len(in)
}

// base64Weird tells of the first error of a body only.
func (m *Mail) base64Weird(d *decoder, msg string) {
	if !d.errored {
		d.errored = true
		m.host.Weird("base64_illegal_encoding", msg, "")
	}
}

// finishBase64 writes what an incomplete group is good for.
func (m *Mail) finishBase64(e *entity) {
	d := &e.decoder
	if d.n == 0 {
		return
	}
	if d.n < 4 {
		// This one comes however often it was told before.
		m.host.Weird("base64_illegal_encoding", "incomplete base64 group, padding with "+strconv.Itoa((4-d.n)*6)+" bits of 0", "")
	}
	_, out := m.decodeBatch(d, []byte("===")[:4-d.n])
	m.octets(out)
}

// sextet is the value of an octet in base64, or more than 63.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 26 {
		t['A'+i], t['a'+i] = byte(i), byte(26+i)
	}
	for i := range 10 {
		t['0'+i] = byte(52 + i)
	}
	t['+'], t['/'] = 62, 63
	return
}()
