package software

import (
	"encoding/json"
	"os"
	"testing"
)

// octets turns a string of the reference, one character an octet, into octets.
func octets(t *testing.T, s string) string {
	t.Helper()
	var b []byte
	for _, r := range s {
		if r > 0xff {
			return s // the vectors hold text
		}
		b = append(b, byte(r))
	}
	return string(b)
}

type parsed struct {
	Input   string    `json:"input"`
	Name    string    `json:"name"`
	Version []*uint64 `json:"version"`
	Addl    *string   `json:"addl"`
}

func reference(t testing.TB, file string) []parsed {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var list []parsed
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no reference in " + file)
	}
	return list
}

func TestVersionsAreTakenApartAsZeekDoes(t *testing.T) {
	var p Parser
	for _, file := range []string{"software.json", "vectors.json"} {
		for _, want := range reference(t, file) {
			input := octets(t, want.Input)
			got := p.Parse(input)
			if got.Name != octets(t, want.Name) {
				t.Errorf("%s: %q: name %q, Zeek has %q", file, input, got.Name, want.Name)
			}
			for i, n := range want.Version {
				g := got.Version.Numbers[i]
				if (n != nil) != g.Set || n != nil && *n != g.Value {
					t.Errorf("%s: %q: number %d is %v", file, input, i, g)
				}
			}
			addl := ""
			if want.Addl != nil {
				addl = octets(t, *want.Addl)
			}
			if got.Version.Addl != addl {
				t.Errorf("%s: %q: addl %q, Zeek has %q", file, input, got.Version.Addl, addl)
			}
			if file == "vectors.json" && got.Version.HasAddl != (want.Addl != nil) {
				t.Errorf("%s: %q: addl set: %v", file, input, got.Version.HasAddl)
			}
		}
	}
}

func TestMissingPartsAreOlder(t *testing.T) {
	v := func(addl string, n ...int) *Version {
		var v Version
		for i, x := range n {
			if x >= 0 {
				v.Numbers[i] = Number{uint64(x), true}
			}
		}
		v.Addl, v.HasAddl = addl, addl != ""
		return &v
	}
	ascending := []*Version{
		v(""), v("a"), v("", -1, 2), v("", 1), v("beta", 1), v("", 1, 0), v("", 1, 0, -1, 1), v("", 1, 0, 0), v("", 1, 2), v("a", 1, 2), v("b", 1, 2), v("", 2),
	}
	for i, a := range ascending {
		for j, b := range ascending {
			got := a.Compare(b)
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v and %v compare as %d", a, b, got)
			}
		}
	}
}

func TestVersionsArePrintedWithAZeroForAMissingMajorOne(t *testing.T) {
	for _, c := range []struct {
		v    Version
		want string
	}{
		{Version{}, "0"},
		{Version{Numbers: [4]Number{{1, true}, {2, true}, {3, true}, {4, true}}, Addl: "b5", HasAddl: true}, "1.2.3.4-b5"},
		{Version{Numbers: [4]Number{{}, {2, true}}}, "0.2"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.v, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range reference(f, "software.json") {
		f.Add(r.Input)
	}
	var p Parser
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<12 {
			return
		}
		d := p.Parse(s)
		if v := d.Version; v.Addl != "" && !v.HasAddl {
			t.Errorf("%q: addl %q without being set", s, v.Addl)
		}
		if d != p.Parse(s) {
			t.Errorf("%q gives two results", s)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var p Parser
	p.Parse("")
	b.ReportAllocs()
	for b.Loop() {
		p.Parse("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Thunderbird/115.3.1")
	}
}
