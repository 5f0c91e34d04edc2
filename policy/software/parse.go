package software

import (
	"bytes"
	"sync"

	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/pattern"
)

// Description is what a version string says, Software::Description.
type Description struct {
	Name    string
	Version Version
}

// Parser takes version strings apart (Software::parse). The zero Parser is
// ready; its patterns are compiled when they are needed. It is safe for
// concurrent use.
type Parser struct {
	once sync.Once
	*patterns
}

type patterns struct {
	browser, pixel, slash   *pattern.Pattern
	escape                  *pattern.Pattern
	version                 *pattern.Pattern // a number with what separates it from the name
	separator, separatorEnd *pattern.Pattern
	numberEdge, numbers     *pattern.Pattern
	inParens, parens        *pattern.Pattern
	rest                    *pattern.Pattern
	browsers                []browser
}

func newPatterns() *patterns {
	p := pattern.MustCompile
	return &patterns{
		browser:      p(`/^(Mozilla|Opera)\/[0-9]+\./`),
		pixel:        p(`/A\/[0-9\.]*\/Google\/Pixel/`),
		slash:        p(`/\//`),
		escape:       p(`/\\x/`),
		version:      p(`/([\/\-_]|( [\(v]+))?[0-9\-\._, ]{2,}/`),
		separator:    p(`/([\/\-_]|( [\(v]+))/`),
		separatorEnd: p(`/([\/\-_]|( [\(v]+))$/`),
		numberEdge:   p(`/^[\/\-\._v\(]/`),
		numbers:      p(`/[\-\._,\[\(\{ ]/`),
		inParens:     p(`/^[[:blank:]]*\([a-zA-Z0-9\-\._[:blank:]]*\)/`),
		parens:       p(`/[\(\)]/`),
		rest:         p(`/[\-\._,;\[\]\(\)\{\} ]/`),
		browsers:     browsers(),
	}
}

// alternateNames are the names under which the same software is logged.
var alternateNames = map[string]string{"Flash Player": "Flash"}

// Parse takes a version string apart. It is a heuristic: there is always a
// result, and what it means depends on the string.
func (p *Parser) Parse(unparsed string) Description {
	p.once.Do(func() { p.patterns = newPatterns() })
	return p.parse([]byte(unparsed))
}

func (p *patterns) parse(s []byte) Description {
	if p.browser.MatchAnywhere(s) {
		return p.parseBrowser(s)
	}
	if p.pixel.MatchAnywhere(s) {
		return p.parsePixel(s)
	}
	var d Description
	// Some analyzers hand over text in which octets were made legible.
	clean := extract.UnescapeURI(p.escape.Gsub(s, []byte("%")))
	parts := p.version.AppendSplit(nil, clean, true, 1)
	name := p.name(parts[0])
	if other, ok := alternateNames[name]; ok {
		name = other
	}
	d.Name = name
	if len(parts) >= 2 {
		d.Version = p.numbersOf(parts[1], parts[2])
	}
	return d
}

// name cleans what stands before the version.
func (p *patterns) name(s []byte) string {
	if p.separatorEnd.MatchAnywhere(s) {
		// Not the one at the end but the first one is taken out, wherever it is.
		s = extract.Strip(p.separator.Sub(s, nil))
	}
	return string(extract.Strip(bytes.TrimPrefix(s, []byte("("))))
}

// numbersOf reads the version proper and what follows it.
func (p *patterns) numbersOf(version, rest []byte) Version {
	var v Version
	version = extract.Strip(version)
	if p.numberEdge.MatchAnywhere(version) {
		version = extract.Strip(p.numberEdge.Sub(version, nil))
	}
	for i, n := range p.numbers.AppendSplit(nil, version, false, 3) {
		if i < len(v.Numbers) && len(n) > 0 {
			v.Numbers[i] = Number{extract.ExtractCount(n, true), true}
		}
	}
	if len(rest) > 0 && !bytes.Equal(rest, []byte(")")) {
		v.Addl, v.HasAddl = p.addl(rest), true
	}
	return v
}

// addl finds a word in what follows a version: what is in parentheses, or else
// the first of the first three pieces that isn't empty.
func (p *patterns) addl(rest []byte) string {
	if p.inParens.MatchAnywhere(rest) {
		return string(p.parens.AppendSplit(nil, rest, false, 2)[1])
	}
	pieces := p.rest.AppendSplit(nil, rest, false, 3)
	for _, piece := range pieces[:min(len(pieces), 3)] {
		if len(piece) > 0 {
			return string(extract.Strip(piece))
		}
	}
	return string(extract.Strip(rest))
}

// parsePixel reads the agent of Google's phones, ".../A/13/Google/Pixel...":
// the second field is the version.
func (p *patterns) parsePixel(s []byte) Description {
	d := Description{Name: "Android (Google Pixel)"}
	version := p.slash.Split(s)[1]
	if bytes.IndexByte(version, '.') >= 0 {
		d.Version = p.parse(version).Version
	} else {
		d.Version = major(extract.ExtractCount(version, true))
	}
	return d
}

func major(n uint64) Version { return Version{Numbers: [4]Number{{n, true}}} }
