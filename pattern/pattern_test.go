package pattern

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
)

func mustParse(t testing.TB, text string) *Pattern {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func TestTextIsAsZeekPrintsIt(t *testing.T) {
	for in, want := range map[string]string{
		"/foo/":         "/^?(foo)$?/",
		"/foo/i":        "/(?i:^?(foo)$?)/",
		"/f.o/is":       "/(?s:(?i:^?(f.o)$?))/",
		"/f.o/si":       "/(?s:(?i:^?(f.o)$?))/",
		"/a/ | /b/":     "/^?((^?(a)$?)|(^?(b)$?))$?/",
		"/a/ & /b/":     "/^?((^?(a)$?)(^?(b)$?))$?/",
		"/a/|/b/ & /c/": "/^?((^?(a)$?)|(^?((^?(b)$?)(^?(c)$?))$?))$?/",
	} {
		if got := mustParse(t, in).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	p, err := Add(mustParse(t, "/a/"), mustParse(t, "/b/"))
	if err != nil || p.String() != "/(^?(^?(b)$?)$?)|(^?(^?(a)$?)$?)/" {
		t.Errorf("+=: %v %v", p, err)
	}
	if got := mustParse(t, "/x/").AnywhereText(); got != `^?(.|\n)*(x)` {
		t.Errorf("anywhere: %s", got)
	}
}

func TestWhatIsEqualToAPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, input string
		equal          bool
	}{
		{"/abc/i", "aBC", true},
		{`/\x41/i`, "a", false}, // escapes keep their case
		{`/"ab"/i`, "AB", false},
		{"/[a-c]+/i", "aBc", true},
		{`/[\x41]/i`, "a", true}, // but not in a class
		{"/(?i:a(?i:b)c)/", "ABc", true},
		{"/(?i:a(?i:b)c)/", "ABC", false}, // the first end is the end
		{"/[a](?i:[a])/", "aA", false},    // the first reading of a class is remembered
		{"/(?i:[a])[a]/", "AA", true},
		{"/[a](?i:a)/", "aA", false},
		{"/a.c/", "a\nc", false},
		{"/a.c/s", "a\nc", true},
		{"/[^a]/", "\n", true},
		{`/\101\x42\n/`, "AB\n", true},
		{`/\1019/`, "A9", true},
		{`/\1017/`, "A", true}, // any number of octal digits is read, three count
		{`/\X41/`, "X", true},
		{`/\d/`, "d", true},
		{"/[]a]+/", "a]", true},
		{"/[^]]/", "a", true},
		{"/[a-]+/", "a-", true},
		{"/[[:ALPHA:][:digit:]]+/", "a1", true},
		{`/"a\"*"/`, `a"*`, true},
		{"/(|a)b/", "b", true},
		{"/a{0}b/", "b", true},
		{"/a{2,}/", "a", false},
		{"/a{2,}/", "aaaa", true},
		{"/a{2,3}/", "aaaa", false},
		{"/a)(b/", "ab", true},  // the text is wrapped as text,
		{"/a)|(b/", "b", false}, // so that here only a may follow the beginning
		{"/a/ & /b/", "ab", true},
		{"/^a$/ | /b/", "a", true},
		{"(/a/ | /b/) & /c/", "bc", true},
		{"/()/", "", true},
	} {
		if got := mustParse(t, c.pattern).MatchExactly([]byte(c.input)); got != c.equal {
			t.Errorf("%q == %s: %v", c.input, c.pattern, got)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for in, want := range map[string]int{
		"":             0,
		"a":            0,
		"//":           1,
		"/a":           2,
		"/a/x":         3,
		"/a/ii":        4,
		"/a/ /b/":      4,
		"/a/ |":        5,
		"/a/ | /b{2/":  10,
		"/a{3,2}/":     2,
		"/[b-a]/":      2,
		"/[[:nope:]]/": 2,
		"/[a/":         3,
		`/a"b/`:        4,
		"/x*|*/":       4,
		`/\x4g/`:       1,
		`/\777/`:       1,
		"/[a-Z]/i":     2,
		"/(a/":         3,
		"/a\n/":        2,
		"(/a/":         4,
		"/a{name}/":    3,
	} {
		_, err := Parse(in)
		var s *SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: %v", in, err)
		} else if s.Offset != want {
			t.Errorf("%q: offset %d, want %d (%v)", in, s.Offset, want, err)
		}
	}
}

func TestHostilePatternsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"states":      "/((a{200}){200}){200}/",
		"of nothing":  "/((((){1000}){1000}){1000}){1000}/",
		"count":       "/a{99999999999}/",
		"nesting":     "/" + strings.Repeat("(", 50000) + strings.Repeat(")", 50000) + "/",
		"parentheses": strings.Repeat("(", 50000) + "/a/",
		"text":        "/" + strings.Repeat("a", maxText+1) + "/",
		"parts":       "/a/" + strings.Repeat("|/a/", maxText/4),
	} {
		if _, err := Parse(text); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrefixFirstAndLast(t *testing.T) {
	p := mustParse(t, "/^ab*|b$/")
	for _, c := range []struct {
		in       string
		bol, eol bool
		want     int
	}{
		{"abbc", true, true, 3}, {"abbc", false, true, -1}, {"b", false, true, 1}, {"b", false, false, -1}, {"", true, true, -1},
	} {
		if got := p.MatchPrefix([]byte(c.in), c.bol, c.eol); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	q := mustParse(t, "/[0-9]+/")
	if got := string(q.FindFirst([]byte("ab12c345"))); got != "12" {
		t.Errorf("find_first: %q", got)
	}
	if got := string(q.FindLast([]byte("ab12c345"))); got != "5" {
		t.Errorf("find_last: %q", got)
	}
	if got := q.FindLast([]byte("none")); len(got) != 0 {
		t.Errorf("find_last: %q", got)
	}
	if before, after, ok := q.Cut([]byte("a1b2")); string(before) != "a" || string(after) != "b2" || !ok {
		t.Errorf("Cut: %q %q %v", before, after, ok)
	}
}

func TestCacheIsBoundedAndBeginsAnew(t *testing.T) {
	// The n-th octet from the end decides: 2^16 states if all were kept.
	p := mustParse(t, "/(a|b)*a(a|b){15}/")
	in := make([]byte, 60000)
	x := uint32(1)
	for i := range in {
		x = x*1664525 + 1013904223
		in[i] = 'a' + byte(x>>31)
	}
	for end := len(in) - 4; end < len(in); end++ {
		if got, want := p.MatchExactly(in[:end]), in[end-16] == 'a'; got != want {
			t.Fatalf("%d: %v", end, got)
		}
	}
	if p.exact.bytes > maxCacheBytes {
		t.Errorf("the cache holds %d bytes", p.exact.bytes)
	}
}

func TestOnePatternServesManyGoroutines(t *testing.T) {
	p := mustParse(t, "/(a|b)*a(a|b){9}|[0-9]+x/")
	in := bytes.Repeat([]byte("abbabaaabbab12x"), 50)
	want := len(mustParse(t, p.String()).FindAll(in))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := len(p.FindAll(in)); got != want {
					t.Errorf("%d matches, want %d", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// slowFind is the definition of the search: every offset, the longest match.
func slowFind(p *Pattern, s []byte, everywhere bool) (list [][]byte) {
	bol := true
	for i := 0; i < len(s); {
		if n := p.MatchPrefix(s[i:], bol, true); n > 0 {
			list = append(list, s[i:i+n])
			i += n
			continue
		}
		i++
		bol = everywhere
	}
	return list
}

// checkSearch holds the search from the end equal to the plain one.
func checkSearch(t testing.TB, p *Pattern, s []byte) {
	t.Helper()
	for _, everywhere := range []bool{true, false} {
		for _, hostile := range []bool{true, false} {
			q := p.search(s, everywhere)
			if hostile {
				q.wasted = 1 << 40
			}
			var got [][]byte
			for {
				start, end, ok := q.next()
				if !ok {
					break
				}
				got = append(got, s[start:end])
			}
			want := slowFind(p, s, everywhere)
			if !bytes.Equal(bytes.Join(got, []byte{'|'}), bytes.Join(want, []byte{'|'})) || len(got) != len(want) {
				t.Fatalf("%v in %q (everywhere %v, from the end %v): %q, want %q", p, s, everywhere, hostile, got, want)
			}
		}
	}
}

func TestSearchFromTheEndFindsTheSame(t *testing.T) {
	for _, a := range loadAnswers(t).Patterns {
		checkSearch(t, mustParse(t, "/"+string(octets(a.Pattern))+"/"), octets(a.Input))
	}
	long := bytes.Repeat([]byte("aab abc,ac ab\n"), 40)
	for _, text := range []string{"/a|a.*x/", "/^a|b$/", "/(a|ab)(c|bcd)*/", "/[^,]+,[^,]*/", "/a*b/ | /^aab/"} {
		checkSearch(t, mustParse(t, text), long)
	}
}

// With work that grows by the square of the input, each of these would run into
// the test's own time limit.
func TestHostileInputsTakeTimeInProportion(t *testing.T) {
	for text, in := range map[string][]byte{
		"/[^,]+@[^,]+/": bytes.Repeat([]byte("a"), 1<<19),
		"/a|a.*x/":      bytes.Repeat([]byte("a"), 1<<19),
		"/(a*)*b/":      bytes.Repeat([]byte("a"), 1<<19),
	} {
		p := mustParse(t, text)
		p.FindAll(in)
		p.Split(in)
		p.Gsub(in, []byte("y"))
		p.FindLast(in)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("/(a|b)*a(a|b){2}/i | /[^x-z]$/", []byte("abba xyz"))
	f.Add(`/"[":\x41\101[[:alpha:]]{2,}/ & /(?i:q)/s`, []byte("[:AAabQ"))
	f.Add("/^[]a-]+|()/", []byte("]a-"))
	f.Fuzz(func(t *testing.T, text string, s []byte) {
		if len(text) > 200 || len(s) > 300 {
			return
		}
		p, err := Parse(text)
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(p.exact.n.states) > 2000 {
			return
		}
		checkSearch(t, p, s)
		if p.MatchExactly(s) && p.MatchPrefix(s, true, true) != len(s) {
			t.Fatalf("%v == %q, but it is no prefix of itself", p, s)
		}
		// Wrapping is textual: /a)|(b/ is a pattern, but another one once it is
		// wrapped again.
		inner := strings.TrimSuffix(strings.TrimPrefix(p.exactText, exactPrefix), exactSuffix)
		if _, _, err := parseRegexp(inner, false); err == nil {
			if again, err := Compile(p.exactText); err == nil && again.MatchExactly(s) != p.MatchExactly(s) {
				t.Fatalf("%v does not survive its own text over %q", p, s)
			}
		}
		p.FindFirst(s)
		p.FindLast(s)
	})
}

func BenchmarkMatchAnywhere(b *testing.B) {
	p := MustCompile(`/spamhaus\.org\// | /sophos\.com\/security\// | /spamcop\.net\/bl/ | /dyndns\.com\/.*spam/`)
	in := []byte("550 5.7.1 Service unavailable; client [192.0.2.1] blocked using a list that nobody knows; see http://example.org/why")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		p.MatchAnywhere(in)
	}
}

func BenchmarkSplit(b *testing.B) {
	p := MustCompile(`/:[[:blank:]]*/`)
	in := []byte("Subject: a line of a header as they come")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		p.Cut(in)
	}
}
