package magic

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"
)

// head is one line of testdata/mime_types.json.gz: what Zeek 8.0.9 answered.
type head struct {
	Name string
	Data []byte `json:"base64"`
	Type string
}

func readHeads(tb testing.TB) []head {
	tb.Helper()
	f, err := os.Open("testdata/mime_types.json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	var heads []head
	if err := json.NewDecoder(z).Decode(&heads); err != nil {
		tb.Fatal(err)
	}
	return heads
}

func newMatcher(tb testing.TB) *Matcher {
	tb.Helper()
	m, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestBestIsWhatZeekAnswers(t *testing.T) {
	m := newMatcher(t)
	heads := readHeads(t)
	if len(heads) < 300 {
		t.Fatalf("only %d heads", len(heads))
	}
	for _, h := range heads {
		want := h.Type
		if want == "<unknown>" {
			want = ""
		}
		if got := m.Best(h.Data); got != want {
			t.Errorf("%s: %q is %q, want %q", h.Name, h.Data, got, want)
		}
	}
}
