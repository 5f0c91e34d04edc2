package alignment

import (
	"slices"
	"testing"

	"github.com/gzeek/gzeek/engine/enginetest"
)

func baseline(name string) string { return "../../testdata/baselines/" + name + "/input.pcap" }

// In the first captures senders differ; the mails of the last, a real server's,
// are aligned. They stand in the order of their times.
func TestLogs(t *testing.T) {
	enginetest.Run{
		Captures: []string{baseline("dialog-data-421"), baseline("link-eth"), baseline("R-postfix-several-mails")},
		Policies: []string{"site/sender-alignment"},
	}.Compare(t, "testdata", "smtp", "notice")
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings []string
		want     string
	}{
		{"relaxed", nil, "-\nnone\naligned\naligned\naligned\n"},
		{"domains", []string{`SenderAlignment::ignored_domains={"example.com"}`}, "-\nignored\nignored\nignored\nignored\n"},
		{"nets", []string{"SenderAlignment::ignored_nets={192.0.2.0/24}"}, "-\nignored\naligned\naligned\naligned\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := enginetest.Run{
				Captures: []string{baseline("dialog-data-421"), baseline("R-postfix-several-mails")},
				Policies: []string{"site/sender-alignment"}, Settings: c.settings,
			}.Do()
			if err != nil {
				t.Fatal(err)
			}
			if got := enginetest.Columns(res.Logs["smtp"], "alignment"); got != c.want {
				t.Errorf("alignment:\n%s", got)
			}
		})
	}
}

func TestAuthors(t *testing.T) {
	for _, c := range []struct {
		field string
		want  []string
	}{
		{"a@example.com", []string{"example.com"}},
		{`"A, B" <a@Example.COM.>`, []string{"example.com"}},
		{"a@example.com (A)", []string{"example.com"}},
		{"a@example.com, b@example.net, c@example.com", []string{"example.com", "example.net"}},
		{"=?utf-8?q?=C5=BDofie?= <z@example.net>", []string{"example.net"}},
		{"Пётр <пётр@почта.example>", []string{"xn--80a1acny.example"}},
		{"x\xffy <a@b.example>", []string{"b.example"}},
		{"undisclosed", nil},
		{"<>", nil},
		{"", nil},
		{"a@[192.0.2.1]", nil},
	} {
		if got := authors(c.field); !slices.Equal(got, c.want) {
			t.Errorf("authors(%q) = %q", c.field, got)
		}
	}
}

func TestOrganization(t *testing.T) {
	for d, want := range map[string]string{
		"mail.example.com": "example.com", "a.b.example.co.uk": "example.co.uk", "co.uk": "co.uk", "localhost": "localhost",
	} {
		if got := organization(d); got != want {
			t.Errorf("organization(%q) = %q", d, got)
		}
	}
}

// Whatever a header says, there is an answer.
func FuzzAuthors(f *testing.F) {
	for _, s := range []string{"a@example.com", "=?utf-8?b?Zm9v?= <a@b>", "a@b, c@d", "<<>>@@", "group: a@b, c@d;", "\xff@\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range authors(s) {
			if d == "" {
				t.Error("an empty domain")
			}
			organization(d)
		}
	})
}
