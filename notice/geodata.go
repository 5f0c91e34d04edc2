package notice

import (
	"github.com/gzeek/gzeek/notice/geoip"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/actions/add-geodata",
		Doc:      "ACTION_ADD_GEODATA: where the remote address is",
		Requires: []string{"base/frameworks/notice/main", "base/utils/site"},
		Load:     loadGeodata,
	})
}

func loadGeodata(c *policy.Context) error {
	f := policy.Use[*Framework](c)
	db := geoip.Use(c)
	types := f.typeSet("Notice::lookup_location_types", "types whose remote address is looked up")
	for _, col := range locationColumns() {
		f.AddColumn(col)
	}
	f.OnPolicy(10, func(n *Notice) bool {
		if types.Has(n.Note) {
			n.Actions.Add(ActionAddGeodata)
		}
		return true
	})
	// Early, for bodies that want to use it.
	f.OnNotice(10, func(n *Notice) bool {
		if !n.HasAction(ActionAddGeodata) || !f.site.HasLocal() || n.RemoteLocation != nil {
			return true
		}
		if n.Src.IsValid() && !f.site.IsLocal(n.Src) {
			loc := db.Lookup(n.Src)
			n.RemoteLocation = &loc
		} else if n.Dst.IsValid() && !f.site.IsLocal(n.Dst) {
			loc := db.Lookup(n.Dst)
			n.RemoteLocation = &loc
		}
		return true
	})
	return nil
}

func locationColumns() []policy.Column[Notice] {
	text := func(name string, get func(*geoip.Location) *string) policy.Column[Notice] {
		return policy.String("remote_location."+name, func(n *Notice) (string, bool) {
			if n.RemoteLocation == nil || get(n.RemoteLocation) == nil {
				return "", false
			}
			return *get(n.RemoteLocation), true
		})
	}
	number := func(name string, get func(*geoip.Location) *float64) policy.Column[Notice] {
		return policy.Column[Notice]{Name: "remote_location." + name, Type: zeeklog.T(zeeklog.Double), Get: func(n *Notice, v *zeeklog.Value) {
			if n.RemoteLocation != nil && get(n.RemoteLocation) != nil {
				v.SetDouble(*get(n.RemoteLocation))
			}
		}}
	}
	return []policy.Column[Notice]{
		text("country_code", func(l *geoip.Location) *string { return l.CountryCode }),
		text("region", func(l *geoip.Location) *string { return l.Region }),
		text("city", func(l *geoip.Location) *string { return l.City }),
		number("latitude", func(l *geoip.Location) *float64 { return l.Latitude }),
		number("longitude", func(l *geoip.Location) *float64 { return l.Longitude }),
	}
}
