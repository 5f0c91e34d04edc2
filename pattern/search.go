package pattern

// The string functions. Zeek tries the pattern at every offset from left to right and takes the longest match; an empty match
// is none. Two kinds differ in what ^ is to them: split, sub and gsub signal the beginning at the beginning of the input only
// (and, for as long as matches follow each other from there without a gap, behind each of them too); find signals it at every
// offset, so that ^ holds anywhere. $ holds at the end of the input alone.

// search finds matches from left to right.
type search struct {
	m   *dfa
	p   *Pattern
	s   []byte
	pos int
	bol bool
	// everywhere: the beginning is signalled at each offset.
	everywhere bool

	// wasted counts octets read that became no part of a match. Beyond a multiple of the input's length the input is read once
	// from its end, to know where matches begin and where going on is vain.
	wasted int
	// begins has the flags of the reverse automaton for each offset; ahead its state at every aheadStep-th.
	begins []uint8
	ahead  []*dfaState
}

const aheadStep = 64

func (p *Pattern) search(s []byte, everywhere bool) search {
	return search{m: p.exact, p: p, s: s, bol: true, everywhere: everywhere}
}

// next returns the next match that is not empty.
func (q *search) next() (start, end int, ok bool) {
	for q.pos < len(q.s) {
		if q.begins != nil {
			flag := flagMatchHere
			if q.bol {
				flag = flagMatchHereBOL
			}
			if q.begins[q.pos]&flag == 0 {
				q.miss()
				continue
			}
		} else if q.wasted > 4*len(q.s)+512 {
			q.readFromEnd()
			continue
		}
		n, read := 0, 0
		if q.ahead != nil {
			n = q.longestAhead()
		} else {
			n, read = q.m.longest(q.s[q.pos:], q.bol, true)
			q.wasted += read - max(n, 0)
		}
		if n > 0 {
			start = q.pos
			q.pos += n
			return start, q.pos, true
		}
		q.miss()
	}
	return 0, 0, false
}

func (q *search) miss() {
	q.pos++
	q.bol = q.everywhere
}

func (q *search) readFromEnd() {
	m := q.p.reverseDFA()
	n := len(q.s)
	q.begins = make([]uint8, n)
	q.ahead = make([]*dfaState, n/aheadStep+1)
	d := m.start.Load()
	for i := n; ; {
		if i%aheadStep == 0 {
			q.ahead[i/aheadStep] = d
		}
		if i--; i < q.pos {
			return
		}
		d = m.to(d, m.n.classOf[q.s[i]])
		q.begins[i] = d.flags
	}
}

// longestAhead is longest, but stops soon after no longer match can come.
func (q *search) longestAhead() int {
	m := q.m
	d := m.start.Load()
	if q.bol {
		if d = m.to(d, m.n.classOf[symBOL]); d.flags&flagDead != 0 {
			return -1
		}
	}
	length := -1
	for i := q.pos; i < len(q.s); i++ {
		if i%aheadStep == 0 && i > q.pos && disjoint(d.states, q.ahead[i/aheadStep].states) {
			return length
		}
		d = m.to(d, m.n.classOf[q.s[i]])
		if d.flags&flagDead != 0 {
			return length
		}
		if d.flags&flagAccept != 0 {
			length = i + 1 - q.pos
		}
	}
	if m.to(d, m.n.classOf[symEOL]).flags&flagAccept != 0 {
		return len(q.s) - q.pos
	}
	return length
}

// disjoint: both ascend.
func disjoint(a, b []int32) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			return false
		}
	}
	return true
}

// Split is split_string: the parts of s between matches. The parts alias s.
func (p *Pattern) Split(s []byte) [][]byte { return p.AppendSplit(nil, s, false, 0) }

// Split1 is split_string1: s cut at its first match, or s alone. The parts alias s. [Pattern.Cut] does it without a slice.
func (p *Pattern) Split1(s []byte) [][]byte { return p.AppendSplit(nil, s, false, 1) }

// SplitAll is split_string_all: parts and matches, in turn, beginning and ending with a part. They alias s.
func (p *Pattern) SplitAll(s []byte) [][]byte { return p.AppendSplit(nil, s, true, 0) }

// AppendSplit is split_string_n: it splits at most max times (0: no limit), with the matches among the parts if withMatches,
// and appends to dst. The parts alias s.
func (p *Pattern) AppendSplit(dst [][]byte, s []byte, withMatches bool, max int) [][]byte {
	q := p.search(s, false)
	from := 0
	for splits := 0; max == 0 || splits < max; splits++ {
		start, end, ok := q.next()
		if !ok {
			break
		}
		dst = append(dst, s[from:start:start])
		if withMatches {
			dst = append(dst, s[start:end:end])
		}
		from = end
	}
	return append(dst, s[from:])
}

// Cut is split_string1 without a slice: what is before and after the first match. If there is none, before is s. Both alias s.
func (p *Pattern) Cut(s []byte) (before, after []byte, found bool) {
	q := p.search(s, false)
	start, end, ok := q.next()
	if !ok {
		return s, nil, false
	}
	return s[:start:start], s[end:], true
}

// Sub is sub: s with its first match replaced. The result may be s itself or a part of it.
func (p *Pattern) Sub(s, repl []byte) []byte { return p.replace(s, repl, false) }

// Gsub is gsub: s with all matches replaced. If there is no match the result is s itself, else it is new.
func (p *Pattern) Gsub(s, repl []byte) []byte { return p.replace(s, repl, true) }

func (p *Pattern) replace(s, repl []byte, all bool) []byte {
	q := p.search(s, false)
	start, end, ok := q.next()
	if !ok {
		return s
	}
	if !all && start == 0 && len(repl) == 0 {
		return s[end:]
	}
	dst := make([]byte, 0, len(s)-(end-start)+len(repl))
	from := 0
	for ok {
		dst = append(append(dst, s[from:start]...), repl...)
		from = end
		if !all {
			break
		}
		start, end, ok = q.next()
	}
	return append(dst, s[from:]...)
}

// FindAll is find_all_ordered, without the limit on the length of s, which is for the caller to apply: all matches from left
// to right. They alias s. Zeek does not return from a search with a pattern that matches nothing at some offset; here such an
// offset has no match.
//
// find_all is the set of these, its members put in in this order.
func (p *Pattern) FindAll(s []byte) [][]byte { return p.AppendFindAll(nil, s) }

// AppendFindAll is FindAll appending to dst.
func (p *Pattern) AppendFindAll(dst [][]byte, s []byte) [][]byte {
	q := p.search(s, true)
	for {
		start, end, ok := q.next()
		if !ok {
			return dst
		}
		dst = append(dst, s[start:end:end])
	}
}

// FindFirst is find_first: the leftmost match, or nothing. It aliases s. A pattern that can match nothing is satisfied with
// what is at the very beginning.
func (p *Pattern) FindFirst(s []byte) []byte {
	if p.matchesNothing() {
		if len(s) == 0 {
			return nil
		}
		n := p.MatchPrefix(s, true, true)
		return s[:n:n]
	}
	q := p.search(s, true)
	start, end, _ := q.next()
	return s[start:end:end]
}

// FindLast is find_last: the match that begins last, or nothing. It aliases s.
func (p *Pattern) FindLast(s []byte) []byte {
	if len(s) == 0 {
		return nil
	}
	i := len(s) - 1
	if !p.matchesNothing() {
		m := p.reverseDFA()
		d := m.start.Load()
		for i = len(s); ; {
			if i--; i < 0 {
				return nil
			}
			if d = m.to(d, m.n.classOf[s[i]]); d.flags&flagMatchHereBOL != 0 {
				break
			}
		}
	}
	n := p.MatchPrefix(s[i:], true, true)
	return s[i : i+max(n, 0) : i+max(n, 0)]
}

// matchesNothing says whether the pattern matches the empty string where the beginning is signalled.
func (p *Pattern) matchesNothing() bool {
	m := p.exact
	return m.to(m.start.Load(), m.n.classOf[symBOL]).flags&flagAccept != 0
}
