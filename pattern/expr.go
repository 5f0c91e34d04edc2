package pattern

// Parse compiles a pattern as a user writes it in a script: /a/, /a/i, /a/s, /a/is, several of them joined by | (either) and &
// (one followed by the other, binding tighter), and parentheses. An error is a [*SyntaxError], whose offset counts in text.
// Zeek: scan.l (<RE>), parse.y, RE.cc (matcher_merge).
func Parse(text string) (*Pattern, error) {
	e := exprParser{text: text}
	t := e.or()
	if e.err == nil && e.skip() < len(text) {
		e.fail(e.pos, "found something after the pattern; expected |, & or the end")
	}
	if e.err != nil {
		return nil, e.err
	}
	p, err := compileTexts(t.exact, t.anywhere)
	if err != nil {
		// Each part compiled, so only the whole can be too large.
		err.Offset = 0
		return nil, err
	}
	return p, nil
}

type texts struct{ exact, anywhere string }

type exprParser struct {
	text  string
	pos   int
	depth int
	err   *SyntaxError
}

func (e *exprParser) fail(pos int, msg string) {
	if e.err == nil {
		e.err = &SyntaxError{Offset: pos, Msg: msg}
	}
}

// skip goes over white space and returns where it stands.
func (e *exprParser) skip() int {
	for e.pos < len(e.text) && (e.text[e.pos] == ' ' || e.text[e.pos] >= '\t' && e.text[e.pos] <= '\r') {
		e.pos++
	}
	return e.pos
}

func (e *exprParser) at(c byte) bool {
	return e.err == nil && e.skip() < len(e.text) && e.text[e.pos] == c
}

func (e *exprParser) or() texts {
	t := e.and()
	for e.at('|') {
		e.pos++
		t = e.merge(t, "|", e.and())
	}
	return t
}

func (e *exprParser) and() texts {
	t := e.primary()
	for e.at('&') {
		e.pos++
		t = e.merge(t, "", e.primary())
	}
	return t
}

func (e *exprParser) merge(p texts, op string, q texts) texts {
	if e.err != nil {
		return p
	}
	if len(p.exact)+len(q.exact) > maxText {
		e.err = &SyntaxError{Offset: e.pos, Msg: "the text of the patterns together is too long", tooLarge: true}
		return p
	}
	t := mergedText(p.exact, op, q.exact)
	return texts{exactPrefix + t + exactSuffix, anywherePrefix + t + anywhereSuffix}
}

func (e *exprParser) primary() texts {
	switch {
	case e.at('('):
		if e.depth++; e.depth > maxNesting {
			e.err = &SyntaxError{Offset: e.pos, Msg: "too many parentheses in each other", tooLarge: true}
			return texts{}
		}
		e.pos++
		t := e.or()
		if !e.at(')') {
			e.fail(e.pos, "expected )")
		}
		e.pos++
		e.depth--
		return t
	case e.at('/'):
		return e.literal()
	}
	e.fail(e.pos, "expected a pattern between slashes, as /regular expression/")
	return texts{}
}

func (e *exprParser) literal() texts {
	e.pos++
	start := e.pos
	for e.pos < len(e.text) && e.text[e.pos] != '/' {
		switch c := e.text[e.pos]; {
		case c == '\n' || c == '\r':
			e.fail(e.pos, "the pattern is not ended before the end of the line; expected /")
			return texts{}
		case c == '\\' && e.pos+1 < len(e.text) && e.text[e.pos+1] != '\n' && e.text[e.pos+1] != '\r':
			e.pos++
		}
		e.pos++
	}
	if e.pos >= len(e.text) {
		e.fail(len(e.text), "the pattern does not end; expected /")
		return texts{}
	}
	re := e.text[start:e.pos]
	e.pos++
	if re == "" {
		e.fail(start, "the pattern is empty; expected a regular expression between the slashes")
		return texts{}
	}
	ignoreCase, singleLine := false, false
	for ; e.pos < len(e.text); e.pos++ {
		var mode *bool
		switch e.text[e.pos] {
		case 'i':
			mode = &ignoreCase
		case 's':
			mode = &singleLine
		default:
			if c := e.text[e.pos]; isAlpha(c) || isDigit(c) || c == '_' {
				e.fail(e.pos, "unknown mode of a pattern; expected i or s")
				return texts{}
			}
		}
		if mode == nil {
			break
		}
		if *mode {
			e.fail(e.pos, "the mode of the pattern stands twice")
			return texts{}
		}
		*mode = true
	}
	t, before := literalTexts(re, ignoreCase, singleLine)
	// Zeek compiles each part before it joins them: /(a/ | /b)/ is two errors.
	if _, _, err := parseRegexp(t.exact, false); err != nil {
		err.Offset = start + min(max(err.Offset-before, 0), len(re))
		e.err = err
	}
	return t
}

// literalTexts also says how many octets of the texts are before re.
func literalTexts(re string, ignoreCase, singleLine bool) (t texts, before int) {
	t = texts{exactPrefix + re + exactSuffix, anywherePrefix + re + anywhereSuffix}
	before = len(exactPrefix)
	if ignoreCase {
		t = texts{"(?i:" + t.exact + ")", "(?i:" + t.anywhere + ")"}
		before += 4
	}
	if singleLine {
		t = texts{"(?s:" + t.exact + ")", "(?s:" + t.anywhere + ")"}
		before += 4
	}
	return t, before
}
