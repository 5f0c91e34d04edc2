package extract

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/seed"
)

func load(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// octets undoes the files' way of writing octets as the first 256 characters.
func octets(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func texts(parts [][]byte) []string {
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

// sorted is a set as the files write it.
func sorted(additions [][]byte) []string {
	list := texts(additions)
	slices.Sort(list)
	return slices.Compact(list)
}

func TestEmailAddressesAreZeeks(t *testing.T) {
	var cases []struct {
		Input, First   string
		Vec, Set, MIME []string
	}
	load(t, "email_addresses.json", &cases)
	if len(cases) != 250 {
		t.Fatalf("%d cases, want 250", len(cases))
	}
	for _, c := range cases {
		in := octets(c.Input)
		first, _ := ExtractFirstEmailAddr(in, 0)
		if got := texts([][]byte{first})[0]; got != c.First {
			t.Errorf("extract_first_email_addr(%q) = %q, Zeek: %q", c.Input, got, c.First)
		}
		vec, _ := ExtractEmailAddrsVec(nil, in, 0)
		if got := texts(vec); !slices.Equal(got, c.Vec) {
			t.Errorf("extract_email_addrs_vec(%q) = %q, Zeek: %q", c.Input, got, c.Vec)
		}
		set, _ := ExtractEmailAddrsSet(nil, in, 0, nil)
		if got := sorted(set); !slices.Equal(got, c.Set) {
			t.Errorf("extract_email_addrs_set(%q) = %q, Zeek: %q", c.Input, got, c.Set)
		}
		mime, _ := SplitMIMEEmailAddresses(nil, in, 0, nil)
		if got := sorted(mime); !slices.Equal(got, c.MIME) {
			t.Errorf("split_mime_email_addresses(%q) = %q, Zeek: %q", c.Input, got, c.MIME)
		}
	}
}

func TestIPAddressesAreZeeks(t *testing.T) {
	var cases []struct {
		Input       string
		IPs, Noport []string
		Valid       bool
	}
	load(t, "ip_addresses.json", &cases)
	if len(cases) != 292 {
		t.Fatalf("%d cases, want 292", len(cases))
	}
	for _, c := range cases {
		in := octets(c.Input)
		if got := texts(ExtractIPAddresses(nil, in, false)); !slices.Equal(got, c.IPs) {
			t.Errorf("extract_ip_addresses(%q) = %q, Zeek: %q", c.Input, got, c.IPs)
		}
		if got := texts(ExtractIPAddresses(nil, in, true)); !slices.Equal(got, c.Noport) {
			t.Errorf("extract_ip_addresses(%q, T) = %q, Zeek: %q", c.Input, got, c.Noport)
		}
		if got := IsValidIP(in); got != c.Valid {
			t.Errorf("is_valid_ip(%q) = %v", c.Input, got)
		}
	}
}

// The vectors hold sets in the order in which Zeek visits them, which depends on the whole chain of sets.
func TestVectorsAreZeeksInZeeksOrder(t *testing.T) {
	var file struct {
		Numbers [seed.Count]uint32 `json:"seed_numbers"`
		Vectors []struct {
			ID, Kind, Input string
			Output          []string
		}
	}
	load(t, "vectors.json", &file)
	if len(file.Vectors) != 110 {
		t.Fatalf("%d vectors, want 110", len(file.Vectors))
	}
	order := DictOrder(seed.New(file.Numbers))
	for _, v := range file.Vectors {
		in := octets(v.Input)
		var got [][]byte
		switch v.Kind {
		case "extract_ip_addresses":
			got = ExtractIPAddresses(nil, in, false)
		case "extract_ip_addresses_wrapped":
			got = ExtractIPAddresses(nil, in, true)
		case "extract_email_addrs_vec":
			got, _ = ExtractEmailAddrsVec(nil, in, 0)
		case "extract_email_addrs_set":
			got, _ = ExtractEmailAddrsSet(nil, in, 0, order)
			got = order(got)
		case "split_mime_email_addresses":
			got, _ = SplitMIMEEmailAddresses(nil, in, 0, order)
			got = order(got)
		case "find_all_urls":
			got, _ = FindAllURLs(nil, in, 0)
			got = order(got)
		case "find_all_urls_without_scheme":
			got, _ = FindAllURLsWithoutScheme(nil, in, 0, order)
			got = order(got)
		default:
			t.Fatalf("%s: unknown kind %s", v.ID, v.Kind)
		}
		if g := texts(got); !slices.Equal(g, v.Output) {
			t.Errorf("%s: %s(%q) = %q, Zeek: %q", v.ID, v.Kind, v.Input, g, v.Output)
		}
	}
}
