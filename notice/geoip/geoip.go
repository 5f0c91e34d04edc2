// Package geoip tells where an address is, from a MaxMind database: Zeek's
// lookup_location. Without a database nothing is known about any address, and
// that is reported once.
//
// Zeek: src/MMDB.cc (LocDB), mmdb.bif.
package geoip

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	maxminddb "github.com/oschwald/maxminddb-golang"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

// Location is Zeek's geo_location; nil is unset.
type Location struct {
	CountryCode *string // ISO 3166, two letters
	Region      *string // ISO code of the largest subdivision
	City        *string // English name
	Latitude    *float64
	Longitude   *float64
}

// DB is the location database of a run. It is opened at the first lookup and
// opened anew when its file changes. It belongs to the run's goroutine.
type DB struct {
	ctx       *policy.Context
	dir       *redef.String
	city      *redef.String
	country   *redef.String
	fallbacks *redef.StringVector
	stale     *redef.Interval

	path     string // what was opened or tried last
	reader   *maxminddb.Reader
	info     os.FileInfo
	checked  float64 // network time of the last look at the file
	reported bool

	// Zeek writes at most 20 messages in 5 minutes.
	messages     int
	messagesFrom float64
}

// Use returns the run's database, and declares its options at the first call.
func Use(c *policy.Context) *DB {
	if db, ok := policy.Lookup[*DB](c); ok {
		return db
	}
	o := c.Options
	db := &DB{
		ctx:     c,
		dir:     o.String("mmdb_dir", "", "folder of the MaxMind databases"),
		city:    o.String("mmdb_city_db", "GeoLite2-City.mmdb", "file name of the city database"),
		country: o.String("mmdb_country_db", "GeoLite2-Country.mmdb", "file name of the country database"),
		fallbacks: o.StringVector("mmdb_dir_fallbacks",
			[]string{"/usr/share/GeoIP", "/var/lib/GeoIP", "/usr/local/share/GeoIP", "/usr/local/var/GeoIP"},
			"folders of the databases if mmdb_dir has none"),
		stale: o.Interval("mmdb_stale_check_interval", 300, "how often a database is checked for being replaced; negative is never"),
	}
	policy.Provide(c, db)
	c.Events.ZeekDone.Handle(c.Policy(), -1000, func(*struct{}) { db.close() })
	return db
}

// record is what is read of an entry; other databases' types don't matter.
type record struct {
	Country struct {
		ISOCode *string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		ISOCode *string `maxminddb:"iso_code"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names struct {
			EN *string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// Lookup returns what is known of an address.
func (db *DB) Lookup(a netip.Addr) Location {
	if !db.ensureOpen() {
		return Location{}
	}
	var r record
	err := db.reader.Lookup(a.Unmap().AsSlice(), &r)
	if wrongType := (maxminddb.UnmarshalTypeError{}); errors.As(err, &wrongType) {
		err = nil // a field of another type counts as missing
	}
	if err != nil {
		db.message("MaxMind DB lookup location error [" + err.Error() + "]")
		db.close()
		return Location{}
	}
	loc := Location{
		CountryCode: r.Country.ISOCode,
		City:        r.City.Names.EN,
		Latitude:    r.Location.Latitude,
		Longitude:   r.Location.Longitude,
	}
	if len(r.Subdivisions) > 0 {
		loc.Region = r.Subdivisions[0].ISOCode
	}
	return loc
}

func (db *DB) ensureOpen() bool {
	now := db.ctx.Now()
	due := now-db.checked >= max(db.stale.Get(), 0)
	ok := true
	switch {
	case db.path == "":
		db.checked = now
		ok = db.openConfigured()
	case db.reader == nil:
		// A failed lookup closed it, or there was none: Zeek tries the last
		// path again each time, here it is tried when a check is due.
		ok = due && db.open(db.path)
		if due {
			db.checked = now
		}
	case due && db.stale.Get() >= 0:
		db.checked = now
		if db.changed() {
			db.message("Closing stale MaxMind DB [" + db.path + "]")
			ok = db.open(db.path)
		}
	}
	if !ok && !db.reported {
		db.reported = true
		db.ctx.Error("Failed to open GeoIP location database")
	}
	return ok
}

// openConfigured looks in mmdb_dir for either database, then for the city
// database in all fallbacks, then for the country database.
func (db *DB) openConfigured() bool {
	if dir := db.dir.Get(); dir != "" {
		if db.open(filepath.Join(dir, db.city.Get())) || db.open(filepath.Join(dir, db.country.Get())) {
			return true
		}
	}
	for _, name := range []string{db.city.Get(), db.country.Get()} {
		for _, dir := range db.fallbacks.Get() {
			if db.open(filepath.Join(dir, name)) {
				return true
			}
		}
	}
	return false
}

func (db *DB) open(path string) bool {
	db.close()
	db.path = path
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	r, err := maxminddb.Open(path)
	if err != nil {
		db.message("Failed to open MaxMind DB: " + path + " [" + err.Error() + "]")
		return false
	}
	db.reader, db.info = r, info
	return true
}

func (db *DB) close() {
	if db.reader != nil {
		// It was opened for reading: there is nothing that closing could lose.
		_ = db.reader.Close()
		db.reader = nil
		db.reported = false
	}
}

func (db *DB) changed() bool {
	info, err := os.Stat(db.path)
	if err != nil {
		return true
	}
	switch {
	case !os.SameFile(info, db.info):
		db.message("Inode change detected for MaxMind DB [" + db.path + "]")
		return true
	case !info.ModTime().Equal(db.info.ModTime()):
		db.message("Modification time change detected for MaxMind DB [" + db.path + "]")
		return true
	}
	return false
}

func (db *DB) message(text string) {
	now := db.ctx.Now()
	if now > db.messagesFrom+300 {
		db.messages, db.messagesFrom = 0, now
	}
	if db.messages < 20 {
		db.messages++
		db.ctx.Events.ReporterInfo.Enqueue(event.Reporter{Time: now, Msg: text})
	}
}
