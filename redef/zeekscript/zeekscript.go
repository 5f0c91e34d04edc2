// Package zeekscript finds in a Zeek script what sets options: @load, redef,
// option and const lines. Everything else of the language it only steps over,
// and says what that was.
//
// It knows of Zeek's syntax where tokens and statements end, and nothing of
// types: the text of a value is for package redef to read.
//
// Source in Zeek: scan.l (tokens), parse.y (statements).
package zeekscript

import (
	"fmt"
	"strings"
)

// Kind is what a statement does.
type Kind uint8

// The kinds of statements.
const (
	Load    Kind = iota + 1 // @load Name
	Set                     // redef, option or const: Name Op Value
	Skipped                 // anything else; Why says what it is
)

// Statement is one statement of a script.
type Statement struct {
	Kind Kind
	Line int // from 1
	// Name is the script to load, or the option. Names stand as they are
	// written; Module is the module they are looked up in, "" for GLOBAL.
	Name, Module string
	Op           string // "=", "+=" or "-="
	// Value is the expression on one line, without comments and attributes.
	Value string
	// Why says of a skipped statement why it can't be carried over.
	Why string
}

// MaxSize bounds a script.
const MaxSize = 4 << 20

// Parse returns the statements of a script in order. dir is what @DIR stands
// for. It never fails: what it doesn't understand is Skipped.
func Parse(text, dir string) []Statement {
	if len(text) > MaxSize {
		return []Statement{{Kind: Skipped, Line: 1, Why: fmt.Sprintf("the script is larger than %d MiB", MaxSize>>20)}}
	}
	p := &parser{lexer: lexer{text: text, line: 1}, dir: dir}
	p.next()
	for p.tok.kind != end {
		p.statement()
	}
	if p.conditions > 0 {
		p.skipped(p.tok.line, "an @if has no @endif")
	}
	return p.list
}

type parser struct {
	lexer
	tok        token
	dir        string
	module     string
	exports    int // open "export {"
	conditions int // open @if
	list       []Statement
}

func (p *parser) next() { p.tok = p.lexer.next() }

func (p *parser) skipped(line int, format string, args ...any) {
	p.list = append(p.list, Statement{Kind: Skipped, Line: line, Why: fmt.Sprintf(format, args...)})
}

// add appends a statement that counts, unless a condition decides about it.
func (p *parser) add(s Statement, what string) {
	if p.conditions > 0 {
		p.skipped(s.Line, "%s stands under an @if, which gzeek does not evaluate", what)
		return
	}
	p.list = append(p.list, s)
}

func (p *parser) statement() {
	first := p.tok
	switch {
	case first.kind == directive:
		p.directive()
	case first.kind == punct && first.text == ";":
		p.next()
	case first.kind == punct && first.text == "}" && p.exports > 0:
		p.exports--
		p.next()
	case first.kind != word:
		p.skipped(first.line, "%q begins no statement", clip(first.text))
		p.toEnd(false)
	default:
		p.next()
		p.declaration(first)
	}
}

func (p *parser) declaration(first token) {
	switch first.text {
	case "module":
		p.module = ""
		if p.tok.kind == word && p.tok.text != "GLOBAL" {
			p.module = p.tok.text
		}
		p.toEnd(false)
	case "export":
		if p.tok.text == "{" {
			p.exports++
			p.next()
		}
	case "redef":
		switch p.tok.text {
		case "enum", "record":
			kind := p.tok.text
			p.next()
			p.skipped(first.line, "redef %s %s: it extends a type of scripts", kind, clip(p.tok.text))
			p.toEnd(false)
			return
		}
		p.assignment(first)
	case "option", "const":
		p.assignment(first)
	case "event", "function", "hook":
		name := p.tok.text
		p.skipped(first.line, "%s %s: gzeek runs no script code", first.text, clip(name))
		p.toEnd(true)
	case "global", "type":
		p.skipped(first.line, "%s %s: gzeek has no scripts that would use it", first.text, clip(p.tok.text))
		p.toEnd(false)
	default:
		p.skipped(first.line, "%s ...: gzeek runs no script code", clip(first.text))
		p.toEnd(true)
	}
}

// toEnd goes behind the statement's semicolon, or also behind the brace that
// closes its body.
func (p *parser) toEnd(body bool) { p.toEndFrom(0, body) }

// toEndFrom is toEnd from within so many brackets.
func (p *parser) toEndFrom(depth int, body bool) {
	for ; p.tok.kind != end; p.next() {
		switch {
		case p.tok.kind == directive && depth == 0:
			return // a statement that has no end of its own
		case p.tok.kind == directive:
			p.condition(p.tok.text)
		case p.tok.kind != punct:
		case p.tok.text == ";" && depth == 0:
			p.next()
			return
		case strings.Contains("({[", p.tok.text):
			depth++
		case strings.Contains(")}]", p.tok.text):
			if depth == 0 && p.tok.text == "}" && p.exports > 0 {
				return // the end of the export around it
			}
			depth = max(depth-1, 0)
			if body && depth == 0 && p.tok.text == "}" {
				p.next()
				return
			}
		}
	}
}

// assignment reads NAME [: TYPE] [=|+=|-=] VALUE [&ATTRIBUTES];
func (p *parser) assignment(first token) {
	name := p.tok
	what := first.text + " " + clip(name.text)
	fail := func(format string, args ...any) {
		p.skipped(first.line, "%s: %s", what, fmt.Sprintf(format, args...))
		p.toEnd(false)
	}
	if name.kind != word {
		fail("a name should follow")
		return
	}
	p.next()
	if p.tok.kind == punct && p.tok.text == "[" {
		fail("it sets one element; write %s += { [...] = ... };", clip(name.text))
		return
	}
	// A type holds no operator outside of brackets, except in attributes.
	depth := 0
	for p.tok.kind != end && p.tok.text != ";" && !(depth == 0 && p.isOperator()) {
		if p.tok.kind == punct && strings.Contains("({[", p.tok.text) {
			depth++
		} else if p.tok.kind == punct && strings.Contains(")}]", p.tok.text) {
			depth--
		}
		p.next()
	}
	if !p.isOperator() {
		fail("it sets no value")
		return
	}
	s := Statement{Kind: Set, Line: first.line, Name: name.text, Module: p.module, Op: p.tok.text}
	p.next()
	why := p.value(&s)
	switch {
	case why != "":
		p.skipped(first.line, "%s: %s", what, why)
	case first.text == "const" && !strings.Contains(s.Why, "&redef"):
		p.skipped(first.line, "%s: it is a constant of the script, without &redef", what)
	default:
		s.Why = ""
		p.add(s, what)
	}
}

func (p *parser) isOperator() bool {
	return p.tok.kind == punct && (p.tok.text == "=" || p.tok.text == "+=" || p.tok.text == "-=")
}

// value puts the text of the expression together, up to the semicolon; the
// attributes behind it go to Why for the moment. It returns what is wrong.
func (p *parser) value(s *Statement) string {
	var b, attributes strings.Builder
	depth := 0
	gap := p.tok.start // no space in front
	out := &b
	for ; ; p.next() {
		t := p.tok
		switch t.kind {
		case end:
			return "there is no ; at its end"
		case directive:
			switch t.text {
			case "@DIR":
				t.kind, t.text = constant, quote(p.dir)
			default:
				p.condition(t.text)
				p.rest()
				p.next()
				p.toEndFrom(depth, false)
				return clip(t.text) + " inside of the value, which gzeek does not evaluate"
			}
		case bad:
			why := t.text
			p.toEnd(false)
			return why
		}
		if t.kind == punct {
			switch {
			case t.text == ";" && depth == 0:
				p.next()
				s.Value, s.Why = b.String(), attributes.String()
				if s.Value == "" {
					return "there is no value behind the " + s.Op
				}
				return ""
			case t.text == "&" && depth == 0 && p.atAttribute():
				out = &attributes
			case strings.Contains("({[", t.text):
				depth++
			case strings.Contains(")}]", t.text):
				if depth == 0 {
					p.toEnd(false)
					return clip(t.text) + " closes nothing"
				}
				depth--
			}
		}
		// "set (a)" is "set(a)" for who reads it.
		if t.start > gap && out.Len() > 0 && !(t.text == "(" && endsInContainer(out.String())) {
			out.WriteByte(' ')
		}
		out.WriteString(t.text)
		gap = p.pos
	}
}

func endsInContainer(s string) bool {
	return strings.HasSuffix(s, "set") || strings.HasSuffix(s, "table") || strings.HasSuffix(s, "vector")
}

// directive reads a line that begins with @.
func (p *parser) directive() {
	t := p.tok
	if p.condition(t.text) {
		if t.text != "@else" && t.text != "@endif" {
			p.skipped(t.line, "%s %s: conditions are not evaluated", t.text, clip(p.rest()))
		} else if t.text == "@else" {
			p.rest()
		}
		p.next()
		return
	}
	arg := p.rest()
	switch {
	case t.text == "@load" && arg != "":
		p.add(Statement{Kind: Load, Line: t.line, Name: strings.Trim(arg, `"`)}, "@load "+clip(arg))
	case t.text == "@load":
		p.skipped(t.line, "@load: a name should follow")
	default:
		p.skipped(t.line, "%s %s: gzeek has nothing like it", clip(t.text), clip(arg))
	}
	p.next()
}

// condition counts conditions that begin and end, and says whether it was one.
func (p *parser) condition(name string) bool {
	switch name {
	case "@if", "@ifdef", "@ifndef":
		p.conditions++
	case "@endif":
		p.conditions = max(p.conditions-1, 0)
	case "@else":
	default:
		return false
	}
	return true
}

// clip keeps what was read short enough for a message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// quote writes a string constant.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
}
