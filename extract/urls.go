package extract

import "bytes"

var (
	schemeSeparator = []byte("://")
	// notInHost ends a label of the authority; a dot may follow a label once.
	notInHost = classOf(" \t/?.#-")
)

// nextURL finds the first match of url_regex (urls.zeek) at or after pos: three to five letters or hyphens, "://", an optional
// "-.", labels each with at most one dot behind it, and a path up to the next blank. find_all signals a beginning at each
// offset, so that its ^ holds anywhere.
func nextURL(s []byte, pos int) (start, authority, end int, ok bool) {
	for at := pos; ; {
		i := bytes.Index(s[at:], schemeSeparator)
		if i < 0 {
			return 0, 0, 0, false
		}
		colon := at + i
		at = colon + len(schemeSeparator)
		start = colon
		for start > pos && colon-start < 5 && (isAlpha(s[start-1]) || s[start-1] == '-') {
			start--
		}
		if colon-start < 3 {
			continue
		}
		end = at
		if bytes.HasPrefix(s[end:], []byte("-.")) {
			end += 2
		}
		labels := end
		for end < len(s) && (!notInHost[s[end]] || s[end] == '.' && end > labels && s[end-1] != '.') {
			end++
		}
		if end == labels {
			continue
		}
		if end < len(s) && s[end] == '/' {
			for end < len(s) && s[end] != ' ' && s[end] != '\t' {
				end++
			}
		}
		return start, at, end, true
	}
}

// FindAllURLs is find_all_urls: the additions to the set it returns, appended to dst. They alias s.
func FindAllURLs(dst [][]byte, s []byte, maxLen int) (additions [][]byte, exceeded bool) {
	if exceeds(s, maxLen) {
		return dst, true
	}
	for pos := 0; ; {
		start, _, end, ok := nextURL(s, pos)
		if !ok {
			return dst, false
		}
		dst = append(dst, s[start:end:end])
		pos = end
	}
}

// FindAllURLsWithoutScheme is find_all_urls_without_scheme: the additions to the set it returns, appended to dst; order is
// that of the set of find_all_urls.
func FindAllURLsWithoutScheme(dst [][]byte, s []byte, maxLen int, order Order) (additions [][]byte, exceeded bool) {
	from := len(dst)
	dst, exceeded = FindAllURLs(dst, s, maxLen)
	return each(dst, from, order, WithoutScheme), exceeded
}

// WithoutScheme is what find_all_urls_without_scheme does with each URL: it takes a scheme of three to five letters or hyphens
// off its beginning. It aliases url. Under another url_regex a URL need not have one.
func WithoutScheme(url []byte) []byte {
	n := 0
	for n < len(url) && n <= 5 && (isAlpha(url[n]) || url[n] == '-') {
		n++
	}
	if n >= 3 && n <= 5 && bytes.HasPrefix(url[n:], schemeSeparator) {
		return url[n+len(schemeSeparator):]
	}
	return url
}
