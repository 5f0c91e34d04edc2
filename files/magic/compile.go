package magic

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// program is a compiled pattern: segments with gaps of free octets between
// them. Nearly every rule is one segment of texts at fixed places.
//
// What precedes an unbounded gap need only end as early as possible, since the
// gap takes whatever is left; so every segment is searched once, without going
// back. Bounded gaps are accepted only where the segment before them can end
// at one place only (see compile).
type program []segment

type segment struct {
	min, max int // octets of the gap before the segment; max may be unbounded

	// Either texts or auto is set.
	texts []text // alternatives
	auto  *automaton
	need  []byte // with auto and a gap: the segment begins with it
}

// text is a pattern of fixed length.
type text struct {
	length int
	steps  []step // ordered so that what most likely fails comes first
	steady bool   // it has an octet to search for:
	key    byte   // the rarest one,
	at     int    // at this place
}

// step is one condition of a text. Octets without condition have no step.
type step struct {
	at      int
	literal []byte // octets from at on, or nil:
	set     set    // the octet at at is one of it
}

func (t *text) holds(b []byte) bool {
	if len(b) < t.length {
		return false
	}
	for i := range t.steps {
		s := &t.steps[i]
		if s.literal == nil {
			if !s.set.has(b[s.at]) {
				return false
			}
		} else if string(b[s.at:s.at+len(s.literal)]) != string(s.literal) {
			return false
		}
	}
	return true
}

// find returns the end of the first occurrence of t in b that begins at from
// to last, or -1.
func (t *text) find(b []byte, from, last int) int {
	last = min(last, len(b)-t.length)
	for from <= last {
		if t.steady {
			i := bytes.IndexByte(b[from+t.at:last+t.at+1], t.key)
			if i < 0 {
				return -1
			}
			from += i
		}
		if t.holds(b[from:]) {
			return from + t.length
		}
		from++
	}
	return -1
}

// holds reports whether the pattern matches some beginning of b.
func (p program) holds(b []byte) bool {
	pos := 0
	for i := range p {
		if pos = p[i].end(b, pos); pos < 0 {
			return false
		}
	}
	return true
}

// end returns the earliest place where the segment ends if its gap begins at
// pos, or -1.
func (s *segment) end(b []byte, pos int) int {
	from := pos + s.min
	if from > len(b) {
		return -1
	}
	if s.auto != nil {
		if s.need != nil {
			i := bytes.Index(b[from:], s.need)
			if i < 0 {
				return -1
			}
			from += i
		}
		return s.auto.find(b, from)
	}
	last := len(b)
	if s.max != unbounded {
		last = pos + s.max
	}
	best := -1
	for i := range s.texts {
		if end := s.texts[i].find(b, from, last); end >= 0 && (best < 0 || end < best) {
			best = end
		}
	}
	return best
}

// maxTexts and maxTextLength bound what is written out as texts; what needs
// more becomes an automaton.
const (
	maxTexts      = 32
	maxTextLength = 1024
)

var errGap = errors.New("a bounded gap follows a part whose end is not certain")

func compile(n *node) (program, error) {
	parts := trimEnd(flatten(nil, n))
	var p program
	var seg segment
	var run []*node
	certain := true // where the segment before the gap ends
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		if seg.min != seg.max && seg.max != unbounded && !certain {
			return errGap
		}
		body := &node{kind: row, subs: run}
		if seqs, ok := sequences(body); ok {
			for _, q := range seqs {
				seg.texts = append(seg.texts, newText(q))
				certain = certain && len(q) == len(seqs[0])
			}
			certain = certain && seg.min == seg.max
		} else {
			if seg.min != seg.max && seg.max != unbounded {
				return errGap
			}
			certain = false
			seg.auto = &automaton{pattern: body, anywhere: seg.max == unbounded}
			if seg.max == unbounded {
				seg.need = opening(run)
			}
		}
		p = append(p, seg)
		seg, run = segment{}, nil
		return nil
	}
	for i, n := range parts {
		if n.kind == repeat && n.subs[0].kind == octet && n.subs[0].set == anyOctet && n.min != n.max {
			if err := flush(); err != nil {
				return nil, err
			}
			seg.min += n.min
			if n.max == unbounded || seg.max == unbounded {
				seg.max = unbounded
			} else {
				seg.max += n.max
			}
			continue
		}
		if run == nil {
			run = make([]*node, 0, len(parts)-i)
		}
		run = append(run, n)
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if len(p) == 0 {
		return nil, errors.New("the pattern holds for everything")
	}
	return p, nil
}

// flatten appends the parts of n in a row to dst.
func flatten(dst []*node, n *node) []*node {
	if n.kind != row {
		return append(dst, n)
	}
	dst = slices.Grow(dst, len(n.subs))
	for _, s := range n.subs {
		dst = flatten(dst, s)
	}
	return dst
}

// trimEnd drops what makes no difference at the end, where a beginning of the
// data suffices: optional parts and more repetitions than needed.
func trimEnd(parts []*node) []*node {
	for len(parts) > 0 {
		last := parts[len(parts)-1]
		if last.nullable() {
			parts = parts[:len(parts)-1]
			continue
		}
		if last.kind == repeat && last.min != last.max {
			parts[len(parts)-1] = &node{kind: repeat, subs: last.subs, min: last.min, max: last.min}
		}
		break
	}
	return parts
}

// sequences writes n out as alternatives of fixed length, if they are few.
func sequences(n *node) ([][]set, bool) {
	switch n.kind {
	case octet:
		return [][]set{{n.set}}, true
	case row:
		all := [][]set{make([]set, 0, len(n.subs))}
		for _, s := range n.subs {
			if s.kind == octet { // nearly all are
				if len(all[0]) >= maxTextLength {
					return nil, false
				}
				for i := range all {
					all[i] = append(all[i], s.set)
				}
				continue
			}
			next, ok := sequences(s)
			if !ok {
				return nil, false
			}
			if all, ok = join(all, next); !ok {
				return nil, false
			}
		}
		return all, true
	case either:
		var all [][]set
		for _, s := range n.subs {
			next, ok := sequences(s)
			if !ok {
				return nil, false
			}
			all = append(all, next...)
		}
		return all, len(all) <= maxTexts
	}
	if n.max == unbounded {
		return nil, false
	}
	sub, ok := sequences(n.subs[0])
	if !ok {
		return nil, false
	}
	if len(sub) == 1 && n.min == n.max { // nearly all are
		one := sub[0]
		if len(one)*n.max > maxTextLength {
			return nil, false
		}
		x := make([]set, 0, len(one)*n.max)
		for range n.max {
			x = append(x, one...)
		}
		return [][]set{x}, true
	}
	var all [][]set
	power := [][]set{nil}
	for i := 0; ; i++ {
		if i >= n.min {
			for _, x := range power {
				all = append(all, slices.Clone(x))
			}
		}
		if i == n.max {
			return all, len(all) <= maxTexts
		}
		if power, ok = join(power, sub); !ok || len(all) > maxTexts {
			return nil, false
		}
	}
}

// join puts each of b behind each of a, which it may use up.
func join(a, b [][]set) ([][]set, bool) {
	if len(a)*len(b) > maxTexts {
		return nil, false
	}
	if len(a) == 1 && len(b) == 1 {
		// The usual case, without a copy of what is there already.
		x := append(a[0], b[0]...)
		return [][]set{x}, len(x) <= maxTextLength
	}
	all := make([][]set, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxTextLength {
				return nil, false
			}
			all = append(all, slices.Concat(x, y))
		}
	}
	return all, true
}

func newText(q []set) text {
	t := text{length: len(q)}
	var sets []step
	literals := make([]byte, 0, len(q))
	for i := 0; i < len(q); {
		size, c := q[i].size()
		if size != 1 {
			if size < 256 {
				sets = append(sets, step{at: i, set: q[i]})
			}
			i++
			continue
		}
		s := step{at: i}
		from := len(literals)
		for size == 1 {
			literals = append(literals, c)
			if i++; i == len(q) {
				break
			}
			size, c = q[i].size()
		}
		s.literal = literals[from:len(literals):len(literals)]
		t.steps = append(t.steps, s)
		for j, c := range s.literal {
			if !t.steady || commonness(c) < commonness(t.key) {
				t.steady, t.key, t.at = true, c, s.at+j
			}
		}
	}
	t.steps = append(t.steps, sets...)
	return t
}

// commonness is higher for octets that texts, markup and archives are full of.
// It only chooses what to search for first.
func commonness(c byte) int {
	const common = "<>=\"\x00 etaoinsrhldcumfpgwybvk/-,.\r\n0123456789:;"
	if i := strings.IndexByte(common, c); i >= 0 {
		return len(common) - i
	}
	return 0
}

// opening is the literal that parts begin with, nil if there is none.
func opening(parts []*node) []byte {
	var lit []byte
	for _, n := range parts {
		if n.kind != octet {
			break
		}
		size, c := n.set.size()
		if size != 1 {
			break
		}
		lit = append(lit, c)
	}
	return lit
}
