package seed

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

type vector struct {
	ID, Kind string
	Input    json.RawMessage
	Output   json.RawMessage
}

func vectors(t testing.TB, kinds ...string) []vector {
	t.Helper()
	var all []vector
	readJSON(t, "vectors.json", &all)
	var out []vector
	for _, v := range all {
		for _, k := range kinds {
			if v.Kind == k {
				out = append(out, v)
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("no vectors of %v", kinds)
	}
	return out
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t testing.TB, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func testKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := Load("testdata/random.seed")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestUIDsAreZeeks(t *testing.T) {
	for _, v := range vectors(t, "uid_sequence") {
		ids := NewIDs(testKeys(t), 96)
		for i, want := range get[[]string](t, v.Output) {
			if got := ids.NextUID(); got != want {
				t.Errorf("uid %d: %s, want %s", i, got, want)
			}
		}
	}
}

func TestUniqueIDsAreZeeks(t *testing.T) {
	ids := NewIDs(testKeys(t), 96)
	for _, v := range vectors(t, "unique_id") {
		if got, want := ids.UniqueID("X"), get[string](t, v.Output); got != want {
			t.Errorf("%s: %s, want %s", v.ID, got, want)
		}
	}
	for _, v := range vectors(t, "unique_id_from") {
		n, _ := strconv.Atoi(get[string](t, v.Input))
		want := get[string](t, v.Output)
		if got, err := ids.UniqueIDFrom(n, ""); got != want || err != nil {
			t.Errorf("%s: %s, want %s (%v)", v.ID, got, want, err)
		}
	}
	var u struct {
		C   []string            `json:"unique_id_C"`
		F   []string            `json:"unique_id_from_1_F"`
		FNV [][]json.RawMessage `json:"fnv1a32"`
	}
	readJSON(t, "ids.json", &u)
	ids = NewIDs(testKeys(t), 96)
	for i, want := range u.C {
		if got := ids.UniqueID("C"); got != want {
			t.Errorf("unique_id %d: %s, want %s", i, got, want)
		}
	}
	for i, want := range u.F {
		if got, err := ids.UniqueIDFrom(1, "F"); got != want || err != nil {
			t.Errorf("unique_id_from %d: %s, want %s", i, got, want)
		}
	}
	if len(u.FNV) == 0 {
		t.Error("no fnv1a32")
	}
	for _, x := range u.FNV {
		s, want := get[string](t, x[0]), get[uint32](t, x[1])
		var b []byte // one character is one octet
		for _, r := range s {
			b = append(b, byte(r))
		}
		if got := FNV1a32(b); got != want {
			t.Errorf("fnv1a32(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestUniqueIDsAreCutAt19Characters(t *testing.T) {
	ids := NewIDs(testKeys(t), 96)
	if got := ids.UniqueID("0123456789abc"); len(got) != 19 || !strings.HasPrefix(got, "0123456789abc") {
		t.Errorf("got %q", got)
	}
	if got := ids.UniqueID("0123456789012345678901234"); got != "0123456789012345678" {
		t.Errorf("got %q", got)
	}
	if _, err := ids.UniqueIDFrom(9990, ""); err == nil {
		t.Error("the pool 9990 was taken")
	}
	if _, err := ids.UniqueIDFrom(-11, ""); err == nil {
		t.Error("the pool -11 was taken")
	}
}

func TestHashesAreZeeks(t *testing.T) {
	k := testKeys(t)
	for _, v := range vectors(t, "siphash64") {
		b, _ := hex.DecodeString(get[struct{ Hex string }](t, v.Input).Hex)
		want, _ := strconv.ParseUint(get[string](t, v.Output), 16, 64)
		if got := k.Hash64(b); got != want || k.Hash64String(string(b)) != want {
			t.Errorf("%s: %x, want %x", v.ID, got, want)
		}
	}
	for _, v := range vectors(t, "highwayhash128") {
		b, _ := hex.DecodeString(get[struct{ Hex string }](t, v.Input).Hex)
		w := k.StaticHash128(b)
		got := []string{strconv.FormatUint(w[0], 16), strconv.FormatUint(w[1], 16)}
		if want := get[[]string](t, v.Output); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", v.ID, got, want)
		}
	}
	for _, v := range vectors(t, "hash") {
		f := strings.SplitN(get[string](t, v.Input), " ", 2)
		want := get[string](t, v.Output)
		switch f[0] {
		case "fnv1a32":
			if f[1] == "1.2.3.4" { // an address, hashed with its type; FNV1a32 is for strings
				continue
			}
			if got := strconv.FormatUint(uint64(FNV1a32([]byte(f[1]))), 10); got != want {
				t.Errorf("%s: %s, want %s", v.ID, got, want)
			}
		case "md5_hmac":
			var parts [][]byte
			if f[1] != "empty" {
				for p := range strings.SplitSeq(f[1], ",") {
					parts = append(parts, []byte(p))
				}
			}
			if got := k.HMACMD5(parts...); got != want {
				t.Errorf("%s: %s, want %s", v.ID, got, want)
			}
		case "fnv1a64": // no policy asks for it
		default:
			t.Errorf("unknown hash %s", f[0])
		}
	}
}

func TestFileIDsAreZeeks(t *testing.T) {
	for _, v := range vectors(t, "fuid") {
		in := get[struct {
			Handle, Salt string
			Bits         uint64
		}](t, v.Input)
		k := Random() // file ids do not depend on the seed
		k.SetDigestSalt(in.Salt)
		if got, want := NewIDs(k, in.Bits).FileID([]byte(in.Handle)), get[string](t, v.Output); got != want {
			t.Errorf("%s: %s, want %s", v.ID, got, want)
		}
	}
	ids := NewIDs(Random(), 96)
	if got := ids.FileID([]byte("abc")); got != "FlhW9v4TZdOWTkuN96" {
		t.Errorf("abc: %s", got)
	}
	if got := ids.FileID(nil); got != "" {
		t.Errorf("empty handle: %q", got)
	}
}

func TestFewerBitsGiveShorterUIDs(t *testing.T) {
	k := testKeys(t)
	for _, bits := range []uint64{0, 1, 32, 64, 65, 128, 1 << 40} {
		if got := NewIDs(k, bits).NextUID(); len(got) > maxUID || got[0] != 'C' {
			t.Errorf("%d bits: %q", bits, got)
		}
	}
	// With 64 bits the second word is not drawn and rendered as 0.
	if got := NewIDs(k, 64).NextUID(); !strings.HasSuffix(got, "0") {
		t.Errorf("64 bits: %q", got)
	}
}

func TestBadSeedsAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s")
	for text, want := range map[string]string{
		"1 2 3":                       "a seed has 21 numbers, but there are only 3",
		"":                            "only 0",
		"1 2 x":                       `number 3, "x", is not a decimal number`,
		"1 -2":                        `number 2, "-2", is not`,
		"1 4294967296":                "number 2, 4294967296, is 2^32 or more",
		strings.Repeat("9", 100000):   "number 1",
		strings.Repeat(" ", 1<<17):    "only 0",
		strings.Repeat("\x00", 70000): "number 1",
	} {
		os.WriteFile(file, []byte(text), 0o600)
		_, err := Load(file)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%.20q: %v", text, err)
		}
		if err != nil && len(err.Error()) > 300+len(file) {
			t.Errorf("%.20q: error of %d bytes", text, len(err.Error()))
		}
	}
	for _, path := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSeedIsChosenAsZeekDoes(t *testing.T) {
	text, _ := os.ReadFile("testdata/random.seed")
	env := map[string]string{}
	getenv := func(n string) string { return env[n] }
	want := NewIDs(testKeys(t), 96).NextUID()
	check := func(what, file string, fixed bool) {
		t.Helper()
		k, err := Choose(file, getenv)
		if err != nil || k.Fixed() != fixed || (NewIDs(k, 96).NextUID() == want) != fixed {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("no seed", "", false)
	check("-G", "testdata/random.seed", true)
	env["ZEEK_SEED_FILE"] = "testdata/random.seed"
	check("ZEEK_SEED_FILE", "", true)
	env["ZEEK_SEED_VALUES"] = string(text)
	if _, err := Choose("", getenv); err == nil {
		t.Error("two seeds were taken")
	}
	delete(env, "ZEEK_SEED_FILE")
	check("ZEEK_SEED_VALUES", "", true)
	if _, err := Choose("testdata/random.seed", getenv); err == nil {
		t.Error("two seeds were taken")
	}
}

func TestSavedSeedRepeatsTheRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	k := Random()
	if err := k.Save(file); err != nil {
		t.Fatal(err)
	}
	again, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := NewIDs(k, 96).NextUID(), NewIDs(again, 96).NextUID(); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestIDsCostOneAllocation(t *testing.T) {
	ids := NewIDs(testKeys(t), 96)
	handle := []byte("Analyzer::ANALYZER_SMTP1667894457.35418611")
	if n := testing.AllocsPerRun(100, func() { ids.NextUID() }); n > 1 {
		t.Errorf("NextUID: %v", n)
	}
	if n := testing.AllocsPerRun(100, func() { ids.FileID(handle) }); n > 1 {
		t.Errorf("FileID: %v", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1 2 3")
	f.Add(strings.Repeat("7 ", 21))
	f.Add("4294967296\n")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := Parse("x", text); (k == nil) == (err == nil) {
			t.Error("neither keys nor error")
		}
	})
}

func BenchmarkNextUID(b *testing.B) {
	ids := NewIDs(testKeys(b), 96)
	b.ReportAllocs()
	for b.Loop() {
		ids.NextUID()
	}
}
