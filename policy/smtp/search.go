package smtp

import "github.com/gzeek/gzeek/extract"

// The searches below are for policies that look at mails: they obey
// max_find_all_string_length and raise the weird of a longer text. What they
// return aliases their argument, and the slices are borrowed until the next
// search.

// EmailAddrs returns the members of extract_email_addrs_set in Zeek's order.
func (p *SMTP) EmailAddrs(s []byte) [][]byte { return p.emailAddrs(s) }

// FirstEmailAddr is extract_first_email_addr, "" if there is no address.
func (p *SMTP) FirstEmailAddr(s []byte) string {
	addr, exceeded := extract.ExtractFirstEmailAddr(s, p.findAllLimit())
	if exceeded {
		p.findAllExceeded("base/utils/email.zeek", emailVecLine, len(s))
	}
	return string(addr)
}

// urlsLine is where find_all_urls searches.
const urlsLine = 34

// defaultURLs is url_regex as Zeek has it (base/utils/urls.zeek). Package
// extract knows it by heart.
const defaultURLs = `/^([a-zA-Z\-]{3,5}):\/\/(-\.)?([^[:blank:]\/?\.#-]+\.?)+(\/[^[:blank:]]*)?/`

// urlsOf returns the additions to the set of find_all_urls_without_scheme.
func (p *SMTP) urlsOf(s []byte) (urls [][]byte, exceeded bool) {
	re := p.urlRegex.Get()
	if re.ExactText() == p.plainURLs {
		return extract.FindAllURLsWithoutScheme(p.scratch[:0], s, p.findAllLimit(), p.order)
	}
	if p.TooLong(s) {
		return nil, true
	}
	urls = p.order(re.AppendFindAll(p.scratch[:0], s))
	for i, u := range urls {
		urls[i] = extract.WithoutScheme(u)
	}
	return urls, false
}

// URLsWithoutScheme returns the members of find_all_urls_without_scheme in
// Zeek's order.
func (p *SMTP) URLsWithoutScheme(s []byte) [][]byte {
	urls, exceeded := p.urlsOf(s)
	if exceeded {
		p.findAllExceeded("base/utils/urls.zeek", urlsLine, len(s))
	}
	p.scratch = urls[:0]
	return p.order(urls)
}

// TooLong says whether a text is too long for a search, which then only raises
// the weird.
func (p *SMTP) TooLong(s []byte) bool { return p.findAllLimit() > 0 && len(s) > p.findAllLimit() }
