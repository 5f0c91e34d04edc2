package zeekscript

import "strings"

// tokenKind is what a token is.
type tokenKind uint8

const (
	end       tokenKind = iota
	word                // a name or keyword, with its module
	constant            // a string, pattern, number, address
	punct               // one character, or an operator
	directive           // @load and its like; what follows on the line is not read
	bad                 // text says what is wrong
)

type token struct {
	kind  tokenKind
	text  string
	line  int
	start int // offset in the text
}

// lexer cuts a script into tokens. It doesn't cut finely: digits, colons and
// dots stay together, since who reads values does that by their type.
type lexer struct {
	text string
	pos  int
	line int
	// operand says that an operand came last, so that a slash divides and
	// begins no pattern.
	operand bool
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// space goes over white space and comments.
func (l *lexer) space() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == '\n':
			l.line++
			l.pos++
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.pos++
		case c == '#':
			n := strings.IndexByte(l.text[l.pos:], '\n')
			if n < 0 {
				n = len(l.text) - l.pos
			}
			l.pos += n
		default:
			return
		}
	}
}

func (l *lexer) next() token {
	l.space()
	t := token{kind: end, line: l.line, start: l.pos}
	if l.pos >= len(l.text) {
		return t
	}
	c := l.text[l.pos]
	switch {
	case c == '"':
		return l.quoted(t)
	case c == '/' && !l.operand:
		return l.pattern(t)
	case c == '@':
		l.pos++
		l.word()
		for strings.HasPrefix(l.text[l.pos:], "-") { // @load-sigs
			l.pos++
			l.word()
		}
		t.kind = directive
		l.operand = true
	case isWordByte(c):
		t.kind = constant
		if c < '0' || c > '9' {
			t.kind = word
		}
		l.word()
		// Of words, these have an operand behind them, all others are one.
		switch l.text[t.start:l.pos] {
		case "in", "return", "case", "print":
			l.operand = false
		default:
			l.operand = true
		}
	default:
		t.kind = punct
		l.pos++
		if (c == '+' || c == '-') && l.pos < len(l.text) && l.text[l.pos] == '=' {
			l.pos++
		} else if (c == '=' || c == '!') && l.pos < len(l.text) && l.text[l.pos] == '=' {
			l.pos++ // a comparison, lest it be taken for an assignment
		}
		l.operand = c == ')' || c == ']' || c == '}'
	}
	t.text = l.text[t.start:l.pos]
	return t
}

// word goes over letters and digits, and :: between them. Single colons and dots
// belong to it where they are part of an address or a number.
func (l *lexer) word() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case isWordByte(rest[0]):
			l.pos++
		case strings.HasPrefix(rest, "::") && len(rest) > 2 && isWordByte(rest[2]):
			l.pos += 2
		case rest[0] == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			l.pos++
		default:
			return
		}
	}
}

// quoted reads a string constant, which ends on its line.
func (l *lexer) quoted(t token) token {
	for i := l.pos + 1; i < len(l.text) && l.text[i] != '\n'; i++ {
		switch l.text[i] {
		case '\\':
			i++
			if i < len(l.text) && l.text[i] == '\n' {
				i-- // as if the string ended there
			}
		case '"':
			t.kind, t.text = constant, l.text[l.pos:i+1]
			l.pos = i + 1
			l.operand = true
			return t
		}
	}
	return l.unfinished(t, "a string has no end on its line")
}

// pattern reads /.../ with its flags. Where it doesn't end on its line, the
// slash is one by itself.
func (l *lexer) pattern(t token) token {
	for i := l.pos + 1; i < len(l.text) && l.text[i] != '\n'; i++ {
		switch l.text[i] {
		case '\\':
			if i+1 < len(l.text) && l.text[i+1] != '\n' {
				i++
			}
		case '/':
			i++
			for i < len(l.text) && (l.text[i] == 'i' || l.text[i] == 's') {
				i++
			}
			t.kind, t.text = constant, l.text[l.pos:i]
			l.pos = i
			l.operand = true
			return t
		}
	}
	return l.unfinished(t, "a pattern has no end on its line")
}

// unfinished leaves out the rest of a line.
func (l *lexer) unfinished(t token, why string) token {
	l.restOfLine()
	t.kind, t.text = bad, why
	l.operand = true
	return t
}

// restOfLine goes to the end of the line and returns what it went over.
func (l *lexer) restOfLine() string {
	s, _, _ := strings.Cut(l.text[l.pos:], "\n")
	l.pos += len(s)
	return s
}

// rest returns what follows on the line, without a comment.
func (l *lexer) rest() string {
	s, _, _ := strings.Cut(l.restOfLine(), "#")
	return strings.TrimSpace(s)
}

// atAttribute says whether the & that came last begins an attribute: a name
// follows at once. In patterns & joins two, which begin with a slash.
func (l *lexer) atAttribute() bool {
	return l.pos < len(l.text) && l.text[l.pos] >= 'a' && l.text[l.pos] <= 'z'
}
