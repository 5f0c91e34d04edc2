package pattern

// The scanner is a set of start states, as in Zeek's: what a character means depends on whether it stands in the open, in
// quotes, in a class or in braces. Two flags ((?i: and (?s:) are changed by tokens as they are read and by the parser as it
// closes their groups; they are not nested: the first closing parenthesis of such a group ends them for everything that
// follows. Zeek: re-scan.l.

type tokenKind uint8

const (
	tokEOF        tokenKind = iota
	tokChar                 // value: the symbol
	tokNumber               // value: the number
	tokClass                // a class that was seen before, whole; value: index of its set
	tokNamed                // [:name:] in a class; value: index into namedClasses
	tokIgnoreCase           // (?i:
	tokSingleLine           // (?s:
	tokPunct                // value: the character
)

type token struct {
	kind  tokenKind
	value int
	pos   int // offset in the text
}

func (t token) is(c byte) bool { return t.kind == tokPunct && t.value == int(c) }

type scanState uint8

const (
	inOpen scanState = iota
	inQuote
	inClassStart
	inClass
	inBraces
)

type scanner struct {
	text  string
	pos   int
	state scanState

	ignoreCase bool
	singleLine bool

	// classes remembers each bracket expression by its spelling. The first reading counts: /(?i:[a])[a]/ ignores case in
	// both places, /[a](?i:[a])/ in none. Zeek: RE.h, LookupCCL.
	classes map[string]int
	// pending is the spelling of the class that is being read for the first time.
	pending string

	sets     []symbolSet // every set of the pattern, once
	setIndex map[symbolSet]int

	err *SyntaxError
}

// fail records the first error; scanning goes on to an end so that the parser needs no second way out.
func (s *scanner) fail(pos int, msg string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: pos, Msg: msg}
	}
}

func (s *scanner) next() token {
	if s.err != nil || s.pos >= len(s.text) {
		switch {
		case s.err != nil:
		case s.state == inQuote:
			s.fail(s.pos, `the quoted string does not end; expected "`)
		case s.state == inClass || s.state == inClassStart:
			s.fail(s.pos, "the character class does not end; expected ]")
		}
		return token{kind: tokEOF, pos: s.pos}
	}
	pos := s.pos
	c := s.text[pos]
	if c == '\\' && s.state != inBraces {
		if v, n, ok := s.escape(pos); ok {
			s.pos += n
			if s.state == inClassStart {
				s.state = inClass
			}
			return token{tokChar, v, pos}
		} else if s.err != nil {
			return token{kind: tokEOF, pos: pos}
		}
	}
	switch s.state {
	case inOpen:
		return s.nextOpen(pos, c)
	case inQuote:
		s.pos++
		if c == '"' {
			s.state = inOpen
			return token{tokPunct, '"', pos}
		}
		return token{tokChar, int(c), pos}
	case inBraces:
		return s.nextInBraces(pos, c)
	}
	return s.nextInClass(pos, c)
}

func (s *scanner) nextOpen(pos int, c byte) token {
	switch c {
	case '^', '$', '|', '*', '+', '?', '.', ')', '}':
		s.pos++
		return token{tokPunct, int(c), pos}
	case '"':
		s.pos++
		s.state = inQuote
		return token{tokPunct, '"', pos}
	case '(':
		if pos+3 < len(s.text) && s.text[pos+1] == '?' && s.text[pos+3] == ':' {
			switch s.text[pos+2] | 0x20 { // the scanner ignores case in its own keywords
			case 'i':
				s.pos += 4
				s.ignoreCase = true
				return token{kind: tokIgnoreCase, pos: pos}
			case 's':
				s.pos += 4
				s.singleLine = true
				return token{kind: tokSingleLine, pos: pos}
			}
		}
		s.pos++
		return token{tokPunct, '(', pos}
	case '{':
		s.pos++
		if s.pos < len(s.text) && isDigit(s.text[s.pos]) {
			s.state = inBraces
		}
		return token{tokPunct, '{', pos}
	case '[':
		if n := classSpan(s.text[pos:]); n > 0 {
			return s.class(pos, s.text[pos:pos+n], pos+n)
		}
	}
	s.pos++
	if s.ignoreCase && isAlpha(c) {
		return s.letter(pos, c)
	}
	return token{tokChar, int(c), pos}
}

// letter reads a letter whose case is ignored. Zeek rewrites it as a class of one letter, so that it shares the memory of
// classes: in /[a](?i:a)/ case counts in both.
func (s *scanner) letter(pos int, c byte) token {
	spelling := "[" + string(c)
	if i, ok := s.classes[spelling]; ok {
		return token{tokClass, i, pos}
	}
	var set symbolSet
	set.add(int(c))
	set.add(int(c ^ 0x20))
	i := s.setOf(set)
	s.classes[spelling] = i
	return token{tokClass, i, pos}
}

func (s *scanner) setOf(set symbolSet) int {
	i, ok := s.setIndex[set]
	if !ok {
		i = len(s.sets)
		s.sets = append(s.sets, set)
		s.setIndex[set] = i
	}
	return i
}

// class is at a bracket expression whose opening and content, but not its ], are spelling.
func (s *scanner) class(pos int, spelling string, end int) token {
	if i, ok := s.classes[spelling]; ok {
		if end >= len(s.text) || s.text[end] != ']' {
			s.fail(pos, "the character class does not end; expected ]")
			return token{kind: tokEOF, pos: pos}
		}
		s.pos = end + 1
		return token{tokClass, i, pos}
	}
	s.pending = spelling
	s.pos++
	s.state = inClassStart
	return token{tokPunct, '[', pos}
}

// classSpan is the length of a bracket expression without its ], or 0 if there is none. The first character may be anything,
// ] too, but [^]] is "not" and then a ], of which only "[^" is the spelling: two classes that begin so are the same to Zeek.
func classSpan(t string) int {
	i := 1
	for i < len(t) {
		switch {
		case t[i] == '\\':
			n := escapeSpan(t[i:])
			if n == 0 {
				if i == 1 {
					return 0
				}
				return i
			}
			i += n
		case t[i] == '[' && namedSpan(t[i:]) > 0:
			i += namedSpan(t[i:])
		case t[i] == ']' && i > 1:
			return i
		default:
			i++
		}
	}
	if i == 1 {
		return 0
	}
	return i
}

// namedSpan is the length of [:letters:] at the beginning of t, else 0.
func namedSpan(t string) int {
	if len(t) < 5 || t[1] != ':' {
		return 0
	}
	i := 2
	for i < len(t) && isAlpha(t[i]) {
		i++
	}
	if i > 2 && i+1 < len(t) && t[i] == ':' && t[i+1] == ']' {
		return i + 2
	}
	return 0
}

func (s *scanner) nextInClass(pos int, c byte) token {
	if c == '[' {
		if n := namedSpan(s.text[pos:]); n > 0 {
			s.pos += n
			s.state = inClass
			name := lower(s.text[pos+2 : pos+n-2])
			for i := range namedClasses {
				if namedClasses[i].name == name {
					return token{tokNamed, i, pos}
				}
			}
			s.fail(pos, "unknown character class [:"+name+":]; expected one of "+namedClassNames())
			return token{kind: tokEOF, pos: pos}
		}
	}
	s.pos++
	more := s.pos < len(s.text)
	if s.state == inClassStart {
		if c == '^' && more {
			if n := s.text[s.pos]; n != '-' && n != ']' {
				s.state = inClass
			}
			return token{tokPunct, '^', pos}
		}
		s.state = inClass
		return token{tokChar, int(c), pos}
	}
	switch {
	case c == ']':
		s.state = inOpen
		return token{tokPunct, ']', pos}
	case c == '-' && more && s.text[s.pos] != ']':
		return token{tokPunct, '-', pos}
	}
	return token{tokChar, int(c), pos}
}

func (s *scanner) nextInBraces(pos int, c byte) token {
	switch {
	case isDigit(c):
		v := 0
		for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
			if v = v*10 + int(s.text[s.pos]-'0'); v > maxStates {
				s.err = &SyntaxError{Offset: pos, Msg: "the repetition count is too large", tooLarge: true}
				return token{kind: tokEOF, pos: pos}
			}
			s.pos++
		}
		return token{tokNumber, v, pos}
	case c == ',':
		s.pos++
		return token{tokPunct, ',', pos}
	case c == '}':
		s.pos++
		s.state = inOpen
		return token{tokPunct, '}', pos}
	}
	s.fail(pos, "bad character in a repetition; expected a digit, a comma or }")
	return token{kind: tokEOF, pos: pos}
}

// escapeSpan is the length of the escape sequence at the beginning of t, 0 if nothing follows the backslash.
func escapeSpan(t string) int {
	if len(t) < 2 {
		return 0
	}
	if c := t[1]; c >= '0' && c <= '7' {
		i := 2
		for i < len(t) && t[i] >= '0' && t[i] <= '7' {
			i++
		}
		return i
	}
	if t[1]|0x20 == 'x' && len(t) >= 4 && isHex(t[2]) && isHex(t[3]) {
		return 4
	}
	return 2
}

// escape reads the escape sequence at pos. What it spans and what it means are two questions: any number of octal digits is
// swallowed and three count; \X41 is swallowed whole and is an X, as only the scanner ignores case. Zeek: util.cc,
// expand_escape.
func (s *scanner) escape(pos int) (value, n int, ok bool) {
	t := s.text[pos:]
	n = escapeSpan(t)
	if n == 0 {
		return 0, 0, false
	}
	switch c := t[1]; c {
	case 'b':
		return '\b', n, true
	case 'f':
		return '\f', n, true
	case 'n':
		return '\n', n, true
	case 'r':
		return '\r', n, true
	case 't':
		return '\t', n, true
	case 'a':
		return '\a', n, true
	case 'v':
		return '\v', n, true
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v := 0
		for i := 1; i < n && i <= 3; i++ {
			v = v<<3 | int(t[i]-'0')
		}
		// Above 255 the numbers of the two extra symbols are reached, as in Zeek: \400 is the beginning.
		if v >= numSymbols && v != symEpsilon {
			s.fail(pos, "octal escape above \\377")
			return 0, 0, false
		}
		return v, n, true
	case 'x':
		if n != 4 {
			s.fail(pos, "bad hexadecimal escape; expected \\x and two hexadecimal digits")
			return 0, 0, false
		}
		return hexValue(t[2])<<4 | hexValue(t[3]), n, true
	default:
		return int(c), n, true
	}
}

// The classes of C's locale, over ASCII alone.
var namedClasses = [...]struct {
	name string
	has  func(c byte) bool
}{
	{"alnum", func(c byte) bool { return isAlpha(c) || isDigit(c) }},
	{"alpha", isAlpha},
	{"blank", func(c byte) bool { return c == ' ' || c == '\t' }},
	{"cntrl", func(c byte) bool { return c < 0x20 || c == 0x7f }},
	{"digit", isDigit},
	{"graph", func(c byte) bool { return c > 0x20 && c < 0x7f }},
	{"print", func(c byte) bool { return c >= 0x20 && c < 0x7f }},
	{"punct", func(c byte) bool { return c > 0x20 && c < 0x7f && !isAlpha(c) && !isDigit(c) }},
	{"space", func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }},
	{"xdigit", isHex},
	{"lower", func(c byte) bool { return c >= 'a' && c <= 'z' }},
	{"upper", func(c byte) bool { return c >= 'A' && c <= 'Z' }},
}

func namedClassNames() string {
	list := ""
	for i := range namedClasses {
		if i > 0 {
			list += ", "
		}
		list += namedClasses[i].name
	}
	return list
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func hexValue(c byte) int {
	if isDigit(c) {
		return int(c - '0')
	}
	return int(c|0x20-'a') + 10
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
