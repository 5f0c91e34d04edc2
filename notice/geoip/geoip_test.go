package geoip_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/gzeek/gzeek/notice/geoip"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/site"
)

// database is a MaxMind database of IPv4 in which 192.0.2.1 alone is known: a
// search tree of 32 nodes, the record, the metadata (MaxMind DB format 2.0).
func database(country string) []byte {
	var b bytes.Buffer
	addr := netip.MustParseAddr("192.0.2.1").As4()
	const nodes, nothing = 32, 32
	for depth := range nodes {
		next := uint32(depth + 1)
		if depth == nodes-1 {
			next = nodes + 16 // the first record
		}
		left, right := uint32(nothing), next
		if addr[depth/8]>>(7-depth%8)&1 == 0 {
			left, right = next, uint32(nothing)
		}
		for _, r := range []uint32{left, right} {
			b.Write([]byte{byte(r >> 16), byte(r >> 8), byte(r)})
		}
	}
	b.Write(make([]byte, 16))
	mapOf(&b, 4)
	text(&b, "country")
	mapOf(&b, 1)
	text(&b, "iso_code")
	text(&b, country)
	text(&b, "city")
	mapOf(&b, 1)
	text(&b, "names")
	mapOf(&b, 1)
	text(&b, "en")
	text(&b, "Town")
	text(&b, "subdivisions")
	b.Write([]byte{1, 4}) // an array of one
	mapOf(&b, 1)
	text(&b, "iso_code")
	text(&b, "RG")
	text(&b, "location")
	mapOf(&b, 1)
	text(&b, "latitude")
	b.WriteByte(3<<5 | 8)
	b.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(51.5)))

	b.WriteString("\xab\xcd\xefMaxMind.com")
	mapOf(&b, 5)
	for _, m := range []struct {
		name string
		n    uint16
	}{{"node_count", nodes}, {"record_size", 24}, {"ip_version", 4}, {"binary_format_major_version", 2}} {
		text(&b, m.name)
		b.Write([]byte{5<<5 | 2, byte(m.n >> 8), byte(m.n)})
	}
	text(&b, "database_type")
	text(&b, "Test-City")
	return b.Bytes()
}

func mapOf(b *bytes.Buffer, n byte) { b.WriteByte(7<<5 | n) }

func text(b *bytes.Buffer, s string) {
	if len(s) < 29 {
		b.WriteByte(2<<5 | byte(len(s)))
	} else {
		b.Write([]byte{2<<5 | 29, byte(len(s) - 29)})
	}
	b.WriteString(s)
}

func start(t *testing.T, options ...string) (*policytest.Run, *geoip.DB) {
	var db *geoip.DB
	r := policytest.Start(t, policytest.Config{Policies: []string{"base/utils/site"}, Options: options,
		Loaded: func(c *policy.Context) { db = geoip.Use(c) }})
	r.At(1000)
	return r, db
}

func TestLocationsComeFromTheCityDatabaseOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "GeoLite2-City.mmdb"), database("XX"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, db := start(t, "mmdb_dir="+dir)
	loc := db.Lookup(netip.MustParseAddr("192.0.2.1"))
	if loc.CountryCode == nil || *loc.CountryCode != "XX" || *loc.Region != "RG" || *loc.City != "Town" || *loc.Latitude != 51.5 || loc.Longitude != nil {
		t.Errorf("location %+v", loc)
	}
	if loc := db.Lookup(netip.MustParseAddr("192.0.2.2")); loc != (geoip.Location{}) {
		t.Errorf("location %+v", loc)
	}
	r.Finish()
	if len(r.Reported) > 0 {
		t.Errorf("reported %q", r.Reported)
	}
}

func TestAReplacedDatabaseIsOpenedAnewWhenItIsDue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "GeoLite2-Country.mmdb")
	replace := func(country string) {
		if err := os.WriteFile(path+".new", database(country), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	replace("XX")
	r, db := start(t, "mmdb_dir="+filepath.Dir(path))
	for _, step := range []struct {
		at   float64
		want string
	}{{1000, "XX"}, {1299, "XX"}, {1300, "YY"}} {
		r.At(step.at)
		if got := *db.Lookup(netip.MustParseAddr("192.0.2.1")).CountryCode; got != step.want {
			t.Errorf("at %v: %s, want %s", step.at, got, step.want)
		}
		replace("YY")
	}
	r.Finish()
}

func TestWithoutADatabaseNothingIsKnownAndThatIsReportedOnce(t *testing.T) {
	r, db := start(t, "mmdb_dir="+t.TempDir(), `mmdb_dir_fallbacks=vector("`+t.TempDir()+`")`)
	for range 3 {
		if loc := db.Lookup(netip.MustParseAddr("192.0.2.1")); loc != (geoip.Location{}) {
			t.Errorf("location %+v", loc)
		}
	}
	r.Finish()
	if len(r.Reported) != 1 || r.Reported[0] != "Failed to open GeoIP location database" {
		t.Errorf("reported %q", r.Reported)
	}
}
