package pattern

// Signature is the regular expression of a signature's payload condition. It is anchored to the beginning of the stream, and
// its dot takes newlines. It is immutable and safe for concurrent use. Zeek: RE.cc (CompileSet, RE_Match_State),
// RuleMatcher.cc.
type Signature struct{ m *dfa }

// CompileSignature compiles re, which stands in no slashes. An error is a [*SyntaxError].
func CompileSignature(re string) (*Signature, error) {
	// Unlike a script's patterns the text is read for itself: /a)(b/ is an error.
	if _, _, err := parseRegexp(re, true); err != nil {
		return nil, err
	}
	m, err := compileForward("^?("+re+")", true)
	if err != nil {
		err.Offset = min(max(err.Offset-3, 0), len(re))
		return nil, err
	}
	return &Signature{m: m}, nil
}

// Stream matches one stream of octets, given in pieces, against a signature. It belongs to one goroutine. The zero value is
// not usable; a Stream can be copied, and the copy goes on by itself.
type Stream struct {
	m       *dfa
	d       *dfaState
	matched bool
}

// Stream begins a stream. A signature that matches nothing at all has matched already.
func (s *Signature) Stream() Stream {
	st := Stream{m: s.m}
	d := s.m.start.Load()
	if st.matched = d.flags&flagAccept != 0; !st.matched {
		st.step(d, symBOL)
	} else {
		st.d = s.m.dead
	}
	return st
}

func (s *Stream) step(d *dfaState, sym int) {
	s.d = s.m.to(d, s.m.n.classOf[sym])
	s.matched = s.matched || s.d.flags&flagAccept != 0
}

// Feed reads the next piece and says whether the signature has matched, now or before. It keeps nothing of chunk and does not
// allocate, the growth of the shared automaton apart.
func (s *Stream) Feed(chunk []byte) bool {
	if s.matched {
		return true
	}
	d, classOf := s.d, &s.m.n.classOf
	for _, c := range chunk {
		if d.flags != 0 {
			break
		}
		d = s.m.to(d, classOf[c])
	}
	s.d = d
	s.matched = d.flags&flagAccept != 0
	return s.matched
}

// End says that the stream is over, for $, and returns what Feed returns. Nothing is to be fed afterwards.
func (s *Stream) End() bool {
	if !s.matched && s.d.flags&flagDead == 0 {
		s.step(s.d, symEOL)
	}
	return s.matched
}

// Matched says whether the signature has matched.
func (s *Stream) Matched() bool { return s.matched }

// Dead says whether nothing that could still come would be a match.
func (s *Stream) Dead() bool { return !s.matched && s.d.flags&flagDead != 0 }
