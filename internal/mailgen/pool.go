package mailgen

import "encoding/base64"

// rope is octets in pieces, so that a mail of 1 GB is a list of references.
type rope struct {
	pieces [][]byte
	at     int // octets of the first piece that are taken
}

func (r *rope) add(b []byte) {
	if len(b) > 0 {
		r.pieces = append(r.pieces, b)
	}
}

// take appends the next n octets to b.
func (r *rope) take(b []byte, n int) []byte {
	for n > 0 {
		p := r.pieces[0][r.at:]
		if len(p) > n {
			r.at += n
			return append(b, p[:n]...)
		}
		b = append(b, p...)
		n -= len(p)
		r.pieces = r.pieces[1:]
		r.at = 0
	}
	return b
}

// pool is a stock of whole lines that bodies are cut from.
type pool struct {
	data  []byte
	lines []int // where each begins
}

func (p *pool) line(b ...byte) {
	p.lines = append(p.lines, len(p.data))
	p.data = append(append(p.data, b...), '\r', '\n')
}

// pieces adds whole lines of at least n octets to the rope, and returns how
// many octets they are.
func (p *pool) pieces(to *rope, r *random, n int) int {
	added := 0
	for added < n {
		from := p.lines[r.n(len(p.lines))]
		rest := p.data[from:]
		if want := n - added; want < len(rest) {
			// Up to the end of the line in which the last octet is.
			end := want
			for rest[end-1] != '\n' {
				end++
			}
			rest = rest[:end]
		}
		to.add(rest)
		added += len(rest)
	}
	return added
}

// pools are the bodies' stocks.
type pools struct{ text, html, quoted, base64 pool }

var words = []string{
	"the", "of", "and", "to", "in", "we", "that", "for", "is", "on", "with", "as", "by", "at", "from", "please",
	"meeting", "report", "attached", "invoice", "project", "tomorrow", "budget", "figures", "review", "customer",
	"delivery", "schedule", "thanks", "regards", "version", "document", "contract", "question", "update", "office",
	"morning", "agenda", "minutes", "proposal", "quarter", "shipment", "account", "service", "network", "printer",
	"deadline", "holiday", "summary", "draft", "change", "request", "number", "address", "confirm", "available",
}

func newPools(seed uint64) *pools {
	var r random
	r.seed(seed, 0x706f6f6c)
	ps := &pools{}
	var l []byte
	for len(ps.text.data) < 256<<10 {
		l = l[:0]
		switch r.n(40) {
		case 0: // an empty line between paragraphs
		case 1:
			l = append(l, "> "...)
		case 2:
			if r.percent(20) {
				l = append(l, ".."...) // a stuffed dot
			}
		}
		if len(l) > 0 || r.n(12) > 0 {
			l = sentence(l, &r, r.between(30, 72))
		}
		ps.text.line(l...)
	}
	for len(ps.html.data) < 256<<10 {
		l = append(l[:0], r.pick([]string{"<p>", "<td class=\"c1\">", "<li>", "<div style=\"color:#333\">", "<b>"})...)
		l = sentence(l, &r, r.between(30, 90))
		l = append(l, r.pick([]string{"</p>", "</td>", "</li>", "</div>", "</b><br>"})...)
		ps.html.line(l...)
	}
	for len(ps.quoted.data) < 256<<10 {
		l = sentence(l[:0], &r, r.between(30, 50))
		l = append(l, r.pick([]string{" caf=C3=A9", " =E2=82=AC 12,50", " stra=C3=9Fe", " a=3Db", ""})...)
		if r.percent(60) {
			l = append(l, " ="...)
		}
		ps.quoted.line(l...)
	}
	raw := make([]byte, 57)
	enc := make([]byte, 76)
	for len(ps.base64.data) < 1<<20 {
		for i := 0; i < len(raw); i += 8 {
			v := r.pcg.Uint64()
			for j := i; j < min(i+8, len(raw)); j++ {
				raw[j] = byte(v)
				v >>= 8
			}
		}
		base64.StdEncoding.Encode(enc, raw)
		ps.base64.line(enc...)
	}
	return ps
}

// sentence appends words up to about n octets.
func sentence(b []byte, r *random, n int) []byte {
	for {
		w := r.pick(words)
		if len(b)+len(w) > n {
			return b
		}
		if len(b) > 0 && b[len(b)-1] != ' ' && b[len(b)-1] != '>' {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
}

// skip drops the next n octets.
func (r *rope) skip(n int) {
	for n > 0 {
		p := r.pieces[0][r.at:]
		if len(p) > n {
			r.at += n
			return
		}
		n -= len(p)
		r.pieces = r.pieces[1:]
		r.at = 0
	}
}
