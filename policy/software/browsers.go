package software

import "github.com/gzeek/gzeek/pattern"

// browser is one rule for strings that begin like those of web browsers, which
// all claim to be others. The first rule whose pattern is found decides.
type browser struct {
	when *pattern.Pattern
	name string
	// at finds the part that holds the version. The first one found counts.
	at []*pattern.Pattern
	// named takes the name from that part too.
	named bool
	// adjust replaces what was found where that isn't all.
	adjust func(p *patterns, s []byte, d *Description)
}

// browsers are the rules in the order of Zeek's parse_mozilla.
func browsers() []browser {
	p := pattern.MustCompile
	versionNumber := p(`/Version\/[0-9\.]*/`)
	opera := p(`/Opera [0-9\.]*$/`)
	edge := p(`/Edge\/[0-9\.]*/`)
	mozilla := p(`/(Firefox|Netscape|Thunderbird)\/[0-9\.]*/`)
	chrome := p(`/Chrome\/[0-9\.]*/`)
	air := p(`/AdobeAIR\/[0-9\.]*/`)
	webKit := p(`/AppleWebKit\/[0-9\.]*/`)
	mobile := p(`/ Mobile\/?.* Safari/`)
	operaMobile := p(`/Opera M(ini|obi)/`)
	slashOrBlank := p(`/[\/ ]/`)
	list := func(p ...*pattern.Pattern) []*pattern.Pattern { return p }

	return []browser{
		{when: opera, name: "Opera", at: list(opera)},
		{when: p(`/ MSIE |Trident\//`), name: "MSIE", at: list(p(`/MSIE [0-9]{1,2}\.*[0-9]*b?[0-9]*/`)), adjust: tridents()},
		{when: p(`/Edge\//`), name: "Edge", at: list(edge)},
		{when: p(`/Version\/.*Safari\//`), name: "Safari", at: list(versionNumber),
			adjust: func(_ *patterns, s []byte, d *Description) {
				if versionNumber.MatchAnywhere(s) && mobile.MatchAnywhere(s) {
					d.Version.Addl, d.Version.HasAddl = "Mobile", true
				}
			}},
		{when: mozilla, name: unknownBrowser, at: list(mozilla), named: true},
		{when: p(`/Chrome\/.*Safari\//`), name: "Chrome", at: list(chrome)},
		{when: p(`/^Opera\/.*Opera M(ini|obi)\//s`), name: unknownBrowser, at: list(versionNumber, p(`/Opera Mini\/[0-9\.]*/`)),
			adjust: func(_ *patterns, s []byte, d *Description) { d.Name = string(operaMobile.FindFirst(s)) }},
		{when: p(`/^Opera\//`), name: "Opera", at: list(versionNumber)},
		{when: p(`/Flash%20Player/`), name: "Flash",
			adjust: func(pt *patterns, s []byte, d *Description) {
				if fields := slashOrBlank.Split(s); len(fields) > 1 {
					d.Version = pt.parse(fields[1]).Version
				}
			}},
		{when: air, name: "AdobeAIR", at: list(air)},
		{when: webKit, name: "Unspecified WebKit", at: list(webKit)},
		{when: p(`/ Java\/[0-9]\./`), name: "Java", at: list(p(`/Java\/[0-9\._]*/`))},
	}
}

const unknownBrowser = "<unknown browser>"

// tridents are the versions of MSIE that hide behind those of its engine.
func tridents() func(*patterns, []byte, *Description) {
	engines := []*pattern.Pattern{
		pattern.MustCompile(`/Trident\/4\.0/`), pattern.MustCompile(`/Trident\/5\.0/`),
		pattern.MustCompile(`/Trident\/6\.0/`), pattern.MustCompile(`/Trident\/7\.0/`),
	}
	return func(_ *patterns, s []byte, d *Description) {
		for i, e := range engines {
			if e.MatchAnywhere(s) {
				d.Version = major(uint64(8 + i))
				d.Version.Numbers[1] = Number{0, true}
				return
			}
		}
	}
}

func (p *patterns) parseBrowser(s []byte) Description {
	d := Description{Name: unknownBrowser}
	for i := range p.browsers {
		b := &p.browsers[i]
		if !b.when.MatchAnywhere(s) {
			continue
		}
		d.Name = b.name
		for _, at := range b.at {
			if parts := at.AppendSplit(nil, s, true, 1); len(parts) > 1 {
				part := p.parse(parts[1])
				d.Version = part.Version
				if b.named {
					d.Name = part.Name
				}
				break
			}
		}
		if b.adjust != nil {
			b.adjust(p, s, &d)
		}
		break
	}
	return d
}
