package extract

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/pattern"
)

// What is written by hand here stands for a pattern in a script of Zeek. The functions of this file are the scripts, with the
// patterns; the tests hold both equal.

var (
	emailAddr   = pattern.MustCompile(`/(^|[<,:[:blank:]])[^<,:[:blank:]@]+"@"[^>,;[:blank:]]+([>,;[:blank:]]|$)/`)
	emailStrip  = pattern.MustCompile(`/[<>,:;[:blank:]]/`)
	mimeAddr    = pattern.MustCompile(`/(\"[^"]*\")?[^,]+@[^,]+/`)
	url         = pattern.MustCompile(`/^([a-zA-Z\-]{3,5}):\/\/(-\.)?([^[:blank:]\/?\.#-]+\.?)+(\/[^[:blank:]]*)?/`)
	urlScheme   = pattern.MustCompile(`/^([a-zA-Z\-]{3,5})(:\/\/)/`)
	digits      = pattern.MustCompile(`/[0-9]+/`)
	nameSpec    = pattern.MustCompile(`/^.*[nN][aA][mM][eE][[:blank:]]*\*?=[[:blank:]]*/`)
	beginsQuote = pattern.MustCompile(`/^\"/`)
	aQuote      = pattern.MustCompile(`/\"/`)
	hasLanguage = pattern.MustCompile("/^[a-zA-Z0-9\\!#$%&+-^_`{}~]+'[a-zA-Z0-9\\!#$%&+-^_`{}~]*'/")
	language    = pattern.MustCompile(`/^.+'.*'/`)
)

func emailsByPattern(s []byte) (list [][]byte) {
	for _, m := range emailAddr.FindAll(s) {
		list = append(list, emailStrip.Gsub(m, nil))
	}
	return list
}

func mimeByPattern(s []byte) (list [][]byte) {
	for _, m := range mimeAddr.FindAll(s) {
		list = append(list, Strip(m))
	}
	return list
}

func urlsWithoutSchemeByPattern(s []byte) (list [][]byte) {
	for _, m := range url.FindAll(s) {
		list = append(list, urlScheme.Sub(m, nil))
	}
	return list
}

func ipsByPattern(s []byte, wrapping bool) (list [][]byte) {
	parts := ipAddr().SplitAll(s)
	for i := 1; i < len(parts); i += 2 {
		if IsValidIP(parts[i]) && (!wrapping || wrapped(parts[i-1], parts[i+1])) {
			list = append(list, parts[i])
		}
	}
	return list
}

// v4ByDots reads digits and dots.
func v4ByDots(s string) (octets [4]byte, valid bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return octets, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return octets, false
		}
		octets[i] = byte(n)
	}
	return octets, true
}

// toCount reads digits; what is too large is the largest number.
func toCount(digits []byte) uint64 {
	n, _ := strconv.ParseUint(string(digits), 10, 64)
	return n
}

func countByPattern(s []byte, first bool) uint64 {
	if first {
		if parts := digits.AppendSplit(nil, s, true, 1); len(parts) > 1 {
			return toCount(parts[1])
		}
		return 0
	}
	if parts := digits.SplitAll(s); len(parts) > 1 {
		return toCount(parts[len(parts)-2])
	}
	return 0
}

func filenameByPattern(s []byte) []byte {
	name := nameSpec.Sub(s, nil)
	if beginsQuote.MatchAnywhere(name) {
		name = aQuote.AppendSplit(nil, name, false, 2)[1]
	}
	if hasLanguage.MatchAnywhere(name) {
		name = language.Sub(name, nil)
	}
	return UnescapeURI(name)
}

func equalLists(t testing.TB, what string, s []byte, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s(%q) = %q, by the pattern: %q", what, s, got, want)
	}
}

func checkEqual(t testing.TB, s []byte) {
	t.Helper()
	before := bytes.Clone(s)

	vec, _ := ExtractEmailAddrsVec(nil, s, 0)
	equalLists(t, "extract_email_addrs_vec", s, vec, emailsByPattern(s))
	set, _ := ExtractEmailAddrsSet(nil, s, 0, nil)
	equalLists(t, "extract_email_addrs_set", s, set, vec)
	if first, _ := ExtractFirstEmailAddr(s, 0); len(vec) > 0 && !bytes.Equal(first, vec[0]) || len(vec) == 0 && first != nil {
		t.Errorf("extract_first_email_addr(%q) = %q", s, first)
	}
	mime, _ := SplitMIMEEmailAddresses(nil, s, 0, nil)
	equalLists(t, "split_mime_email_addresses", s, mime, mimeByPattern(s))
	urls, _ := FindAllURLs(nil, s, 0)
	equalLists(t, "find_all_urls", s, urls, url.FindAll(s))
	bare, _ := FindAllURLsWithoutScheme(nil, s, 0, nil)
	equalLists(t, "find_all_urls_without_scheme", s, bare, urlsWithoutSchemeByPattern(s))
	for _, first := range []bool{true, false} {
		if got, want := ExtractCount(s, first), countByPattern(s, first); got != want {
			t.Errorf("extract_count(%q, %v) = %d, by the pattern: %d", s, first, got, want)
		}
	}
	if got, want := ExtractFilenameFromContentDisposition(s), filenameByPattern(s); !bytes.Equal(got, want) {
		t.Errorf("extract_filename_from_content_disposition(%q) = %q, by the pattern: %q", s, got, want)
	}
	for _, wrapping := range []bool{true, false} {
		equalLists(t, "extract_ip_addresses", s, ExtractIPAddresses(nil, s, wrapping), ipsByPattern(s, wrapping))
	}
	if octets, valid, ok := plainV4(s); ok {
		if want, wantValid := v4ByDots(string(s)); valid != wantValid || valid && octets != want {
			t.Errorf("plainV4(%q) = %v, %v, by its dots %v, %v", s, octets, valid, want, wantValid)
		}
	}
	if !bytes.Equal(s, before) {
		t.Fatalf("the input %q was changed into %q", before, s)
	}
}

var alphabets = []string{
	"a@<>,;: \t\"",
	"a@,\" ",
	"ab@.<>,\"\n",
	"http://a.b-?#/ \n",
	"a:/-.",
	"nameNAME*='\" \t%41uzq",
	"0123456789 ab.-+",
	"0123:.af[](){} ",
	"01:2a:",
}

func TestHandWrittenEqualsPattern(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	n := 60000
	if testing.Short() {
		n = 5000
	}
	buf := make([]byte, 0, 64)
	for range n {
		letters := alphabets[r.IntN(len(alphabets))]
		buf = buf[:0]
		for range r.IntN(40) {
			if r.IntN(50) == 0 {
				buf = append(buf, byte(r.IntN(256)))
			} else {
				buf = append(buf, letters[r.IntN(len(letters))])
			}
		}
		checkEqual(t, buf)
		if t.Failed() {
			return
		}
	}
}

func FuzzHandWrittenEqualsPattern(f *testing.F) {
	for _, s := range []string{
		"Bob <bob@example.com>, \"Doe, J\" <jd@example.org>; x@y",
		"Mr \"Doe, J\" <a@b>,\"a,b@c,\"d@e",
		"see http://-.a.b/c?d and longscheme://x..y/z",
		"attachment; name=a; filename*=utf-8'en'it%27s%20%u00e9%%41'x",
		"from x ([192.0.2.1]) by 00:1A:2b:3c:4d:5e with ::ffff:1.2.3.4",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) > 4096 {
			return
		}
		checkEqual(t, s)
	})
}
