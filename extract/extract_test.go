package extract

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gzeek/gzeek/seed"
)

func TestFilenameOfContentDisposition(t *testing.T) {
	for in, want := range map[string]string{
		`attachment; filename="a b.txt"; size=1`:    "a b.txt",
		`attachment; filename=foo.txt; size=1`:      "foo.txt; size=1",
		`attachment; filename*=utf-8'en'it%27s%20x`: "it's x",
		`attachment; filename*=u'e'it's%20x`:        "s x",
		`attachment; filename=a; NAME = "b"`:        "b",
		`attachment; filename="never ended`:         "never ended",
		`attachment; filename="`:                    "",
		`attachment; filename=`:                     "",
		`attachment`:                                "attachment",
		`inline; name="a%41.txt"`:                   "aA.txt",
		"inline; name=a\nb; name=c":                 "a\nb; name=c",
		`attachment; filename="=?utf-8?Q?x=20y?="`:  "=?utf-8?Q?x=20y?=",
		`attachment; filename*0=a`:                  "attachment; filename*0=a",
	} {
		if got := string(ExtractFilenameFromContentDisposition([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestUnescapeURI(t *testing.T) {
	for in, want := range map[string]string{
		"":        "",
		"plain":   "plain",
		"%41%4a":  "AJ",
		"a%":      "a%",
		"a%4":     "a%4",
		"a%%":     "a%%", // cut short before the doubled sign is seen
		"%%41":    "A",
		"%%%41z":  "Az",
		"%zz1":    "%zz1",
		"%u00e9x": "\xe9x",
		"%u20ac":  "\x20\xac",
		"%u20a":   "%u20a",
		"%q%41":   "%qA",
		"100%25":  "100%",
	} {
		if got := string(UnescapeURI([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseAddrIsToAddr(t *testing.T) {
	for in, want := range map[string]string{
		"1.2.3.4":                     "1.2.3.4",
		"010.020.030.040":             "10.20.30.40",
		" 1. 2.+3.4":                  "1.2.3.4",
		"4294967297.2.3.4":            "1.2.3.4",
		"99999999999999999999.2.3.4":  "",
		"-99999999999999999999.2.3.4": "0.2.3.4",
		"1.2.3":                       "",
		"1.2.3.4.5":                   "",
		"1.2.3.256":                   "",
		"1.2.3.-1":                    "",
		"":                            "",
		"::1":                         "::1",
		"::ffff:1.2.3.4":              "1.2.3.4",
		"1:2:3:4:5:6:7::":             "1:2:3:4:5:6:7:0",
		"1:2:3:4:5:6:7:8::":           "",
		"fe80::1%eth0":                "",
		"::1.2.3.04":                  "",
		"12345::":                     "",
		"a":                           "",
	} {
		got, ok := ParseAddr([]byte(in))
		if want == "" {
			if ok || got != netip.IPv6Unspecified() {
				t.Errorf("%q: %v, want none", in, got)
			}
			continue
		}
		if !ok || got != netip.MustParseAddr(want) {
			t.Errorf("%q: %v %v, want %v", in, got, ok, want)
		}
	}
	if !IsValidIP([]byte("1.2.3.4\x00junk")) || IsValidIP([]byte("1.2.3\x00.4")) {
		t.Error("is_valid_ip reads beyond a NUL")
	}
}

func TestLimitOfFindAllIsReported(t *testing.T) {
	at := bytes.Repeat([]byte("a@b,"), DefaultMaxFindAllStringLength/4)
	over := append(bytes.Clone(at), 'x')
	type find func(s []byte, max int) (n int, exceeded bool)
	for name, fn := range map[string]find{
		"vec":   func(s []byte, max int) (int, bool) { l, e := ExtractEmailAddrsVec(nil, s, max); return len(l), e },
		"set":   func(s []byte, max int) (int, bool) { l, e := ExtractEmailAddrsSet(nil, s, max, nil); return len(l), e },
		"first": func(s []byte, max int) (int, bool) { a, e := ExtractFirstEmailAddr(s, max); return len(a), e },
		"mime": func(s []byte, max int) (int, bool) {
			l, e := SplitMIMEEmailAddresses(nil, s, max, nil)
			return len(l), e
		},
	} {
		if n, exceeded := fn(at, DefaultMaxFindAllStringLength); n == 0 || exceeded {
			t.Errorf("%s: %d found, exceeded %v at the limit", name, n, exceeded)
		}
		if n, exceeded := fn(over, DefaultMaxFindAllStringLength); n != 0 || !exceeded {
			t.Errorf("%s: %d found, exceeded %v above the limit", name, n, exceeded)
		}
		if n, exceeded := fn(over, 0); n == 0 || exceeded {
			t.Errorf("%s: %d found, exceeded %v without a limit", name, n, exceeded)
		}
	}
	if l, exceeded := FindAllURLsWithoutScheme(nil, bytes.Repeat([]byte("http://a "), 2000), 10000, nil); len(l) != 0 || !exceeded {
		t.Error("find_all_urls knows no limit")
	}
}

func TestResultsAreAppended(t *testing.T) {
	dst := [][]byte{[]byte("kept")}
	order := DictOrder(seed.New([seed.Count]uint32{1, 2, 3}))
	addrs, _ := ExtractEmailAddrsSet(dst, []byte("<a@b>,<c@d>,<a@b>,<e@f>"), 0, order)
	if len(addrs) != 4 || string(addrs[0]) != "kept" {
		t.Errorf("%q", addrs)
	}
}

func TestCaseOfASCIIAlone(t *testing.T) {
	if got := string(ToLower([]byte("AZ\xc9[@"))); got != "az\xc9[@" {
		t.Errorf("to_lower: %q", got)
	}
	if got := string(Strip([]byte(" \t\v\r\n a b\f"))); got != "a b" {
		t.Errorf("strip: %q", got)
	}
	if got := Strip([]byte("   ")); len(got) != 0 {
		t.Errorf("strip: %q", got)
	}
}

func TestCountsAreTheLargestAtMost(t *testing.T) {
	if got := ExtractCount([]byte("a18446744073709551616"), true); got != 1<<64-1 {
		t.Errorf("extract_count: %d", got)
	}
}

// Hostile texts that make trying at every offset quadratic. Each is what a line of a mail can hold.
// With work that grows by the square of the text, this would run into the test's
// own time limit.
func TestHostileTextsTakeTimeInProportion(t *testing.T) {
	const n = 1 << 20
	texts := map[string][]byte{
		"no end of groups":  bytes.Repeat([]byte("1:"), n/2),
		"eight and more":    bytes.Repeat([]byte("1:2:3:4:5:6:7:8:"), n/16),
		"no at":             bytes.Repeat([]byte("a"), n),
		"only at":           bytes.Repeat([]byte("@"), n),
		"quotes":            bytes.Repeat([]byte(`"`), n),
		"quotes and commas": bytes.Repeat([]byte(`",`), n/2),
		"at and quotes":     append([]byte(`"a@b,`), bytes.Repeat([]byte(`a@b,`), n/4)...),
		"schemes":           bytes.Repeat([]byte("http://"), n/7),
		"apostrophes":       append([]byte("name="), bytes.Repeat([]byte("a'"), n/2)...),
		"names":             bytes.Repeat([]byte("name="), n/5),
		"digits and dots":   bytes.Repeat([]byte("1."), n/2),
		"percents":          bytes.Repeat([]byte("%"), n),
	}
	for _, s := range texts {
		ExtractEmailAddrsVec(nil, s, 0)
		SplitMIMEEmailAddresses(nil, s, 0, nil)
		FindAllURLs(nil, s, 0)
		ExtractFilenameFromContentDisposition(s)
		ExtractIPAddresses(nil, s, true)
	}
}

func TestHandWrittenDoesNotAllocate(t *testing.T) {
	in := []byte(`"Doe, J" <jd@example.org>, b@example.com`)
	received := []byte("from mx.example.org (mx.example.org [192.0.2.7]) by mail.example.com with ESMTP id 42; Mon, 1 Jan 2024 10:00:00 +0000")
	dst := make([][]byte, 0, 16)
	order := DictOrder(seed.Random())
	for name, fn := range map[string]func(){
		"order": func() { SplitMIMEEmailAddresses(dst, in, 0, order) },
		"vec":   func() { ExtractEmailAddrsVec(dst, in, 0) },
		"set":   func() { ExtractEmailAddrsSet(dst, in, 0, nil) },
		"mime":  func() { SplitMIMEEmailAddresses(dst, in, 0, nil) },
		"ip":    func() { ExtractIPAddresses(dst, received, true) },
		"url":   func() { FindAllURLs(dst, in, 0) },
	} {
		if a := testing.AllocsPerRun(100, fn); a != 0 {
			t.Errorf("%s: %v allocations", name, a)
		}
	}
}

var received = []byte("from mx.example.org (mx.example.org [192.0.2.7]) by mail.example.com (Postfix) with ESMTPS id 4F2B31C0D5; Mon, 1 Jan 2024 10:00:00 +0000 (UTC)")

func BenchmarkExtractIPAddressesOfReceived(b *testing.B) {
	dst := make([][]byte, 0, 16)
	b.SetBytes(int64(len(received)))
	b.ReportAllocs()
	for b.Loop() {
		ExtractIPAddresses(dst, received, true)
	}
}

var toHeader = []byte(`"Doe, Jane" <jane.doe@example.org>, Bob <bob@example.com>, carol@example.net`)

func BenchmarkEmailAddrsOfHeader(b *testing.B) {
	dst := make([][]byte, 0, 16)
	b.Run("vec", func(b *testing.B) {
		b.SetBytes(int64(len(toHeader)))
		for b.Loop() {
			ExtractEmailAddrsVec(dst, toHeader, 10000)
		}
	})
	b.Run("mime", func(b *testing.B) {
		b.SetBytes(int64(len(toHeader)))
		for b.Loop() {
			SplitMIMEEmailAddresses(dst, toHeader, 10000, nil)
		}
	})
	b.Run("vec-by-pattern", func(b *testing.B) {
		b.SetBytes(int64(len(toHeader)))
		for b.Loop() {
			emailAddr.AppendFindAll(dst, toHeader)
		}
	})
	b.Run("mime-by-pattern", func(b *testing.B) {
		b.SetBytes(int64(len(toHeader)))
		for b.Loop() {
			mimeAddr.AppendFindAll(dst, toHeader)
		}
	})
}

func BenchmarkFilename(b *testing.B) {
	v := []byte(`attachment; filename="report%20of%20the%20year.pdf"; size=12345`)
	b.ReportAllocs()
	for b.Loop() {
		ExtractFilenameFromContentDisposition(v)
	}
}

func TestV4IsFoundAsByThePattern(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	alphabet := []byte("0123456789011225556..........[] a:")
	found := 0
	check := func(s []byte) {
		if mayHoldIPv6(s) {
			return
		}
		for _, wrapping := range []bool{true, false} {
			got := extractV4(nil, s, wrapping)
			equalLists(t, "extract_ip_addresses", s, got, ipsByPattern(s, wrapping))
			found += len(got)
		}
	}
	for range 200000 {
		s := make([]byte, rng.IntN(40))
		for i := range s {
			s[i] = alphabet[rng.IntN(len(alphabet))]
		}
		if check(s); t.Failed() {
			return
		}
	}
	if found < 10000 {
		t.Errorf("only %d addresses", found)
	}
	for _, s := range []string{"", ".", "...", "1.2.3.4", "1256.1.1.1", "9125.1.1.1", "1.2.3.256", "1.2.3.4.5.6.7.8", "1.2.3.4567", "300.1.2.3.4", "1.2.3.", ".1.2.3.4"} {
		check([]byte(s))
	}
}

func TestTheSchemeIsTakenOffURLsThatHaveOne(t *testing.T) {
	for url, want := range map[string]string{
		"http://a.b/c": "a.b/c", "a-b://c": "c", "-----://": "", "abc://d://e": "d://e",
		"ab://c": "ab://c", "abcdef://g": "abcdef://g", "ht1p://a": "ht1p://a", "mailto:a@b": "mailto:a@b", "abc:/": "abc:/", "abc": "abc", "": "",
	} {
		if got := string(WithoutScheme([]byte(url))); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}
