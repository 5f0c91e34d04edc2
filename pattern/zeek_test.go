package pattern

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// zeekAnswer is what Zeek 8.0.9 itself answered; nil: it did not return.
type zeekAnswer struct {
	Pattern  string   `json:"pattern"`
	Input    string   `json:"input"`
	Eq       *bool    `json:"eq"`
	In       *bool    `json:"in"`
	Sub      *string  `json:"sub"`
	Gsub     *string  `json:"gsub"`
	Split1   []string `json:"split1"`
	Split    []string `json:"split"`
	SplitAll []string `json:"splitall"`
	FindAll  []string `json:"findall"`
}

type zeekAnswers struct {
	Refused  []string     `json:"refused"`
	Patterns []zeekAnswer `json:"patterns"`
}

func loadAnswers(t testing.TB) zeekAnswers {
	t.Helper()
	f, err := os.Open("testdata/patterns.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var a zeekAnswers
	if err := json.NewDecoder(z).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// octets undoes the files' way of writing octets as the first 256 characters.
func octets(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func asText(parts [][]byte) []string {
	list := make([]string, 0, len(parts))
	for _, p := range parts {
		r := make([]rune, len(p))
		for i, c := range p {
			r[i] = rune(c)
		}
		list = append(list, string(r))
	}
	return list
}

func TestPatternsAnswerAsZeek(t *testing.T) {
	answers := loadAnswers(t)
	if len(answers.Patterns) != 1546 {
		t.Fatalf("%d answers, want 1546", len(answers.Patterns))
	}
	repl := []byte("<&>")
	for _, a := range answers.Patterns {
		p, err := Parse("/" + string(octets(a.Pattern)) + "/")
		if err != nil {
			t.Errorf("/%s/: %v", a.Pattern, err)
			continue
		}
		in := octets(a.Input)
		check := func(what string, got []string, want []string, known bool) {
			if known && !slices.Equal(got, want) {
				t.Errorf("/%s/ %s %q: %q, Zeek: %q", a.Pattern, what, a.Input, got, want)
			}
		}
		if got := p.MatchExactly(in); got != *a.Eq {
			t.Errorf("/%s/ == %q: %v", a.Pattern, a.Input, got)
		}
		if got := p.MatchAnywhere(in); got != *a.In {
			t.Errorf("/%s/ in %q: %v", a.Pattern, a.Input, got)
		}
		check("sub", asText([][]byte{p.Sub(in, repl)}), []string{*a.Sub}, true)
		check("gsub", asText([][]byte{p.Gsub(in, repl)}), []string{*a.Gsub}, true)
		check("split_string1", asText(p.Split1(in)), a.Split1, true)
		check("split_string", asText(p.Split(in)), a.Split, true)
		check("split_string_all", asText(p.SplitAll(in)), a.SplitAll, true)
		check("find_all_ordered", asText(p.FindAll(in)), a.FindAll, a.FindAll != nil)
	}
}

func TestPatternsThatZeekRefusesAreRefused(t *testing.T) {
	for _, re := range loadAnswers(t).Refused {
		if _, err := Parse("/" + re + "/"); err == nil {
			t.Errorf("/%s/ was taken", re)
		}
		if _, err := Compile(re); err == nil {
			t.Errorf("Compile(%q) took it", re)
		}
	}
}
