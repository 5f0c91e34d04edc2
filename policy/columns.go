package policy

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/zeeklog"
)

// The functions below make columns of the usual types. A getter's second
// result, where it has one, says whether the field is set.

// Time is a column of seconds since the epoch.
func Time[R any](name string, get func(*R) float64) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Time), func(r *R, v *zeeklog.Value) { v.SetTime(get(r)) }}
}

// Interval is a column of seconds.
func Interval[R any](name string, get func(*R) (float64, bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Interval), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetInterval(x)
		}
	}}
}

// Count is a column of an unsigned number.
func Count[R any](name string, get func(*R) (uint64, bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Count), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetCount(x)
		}
	}}
}

// Bool is a column of a truth value.
func Bool[R any](name string, get func(*R) (val, ok bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Bool), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetBool(x)
		}
	}}
}

// String is a column of a string; the empty string counts as set.
func String[R any](name string, get func(*R) (string, bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.String), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetString(x)
		}
	}}
}

// Text is a column of a string that is unset when it is empty.
func Text[R any](name string, get func(*R) string) Column[R] {
	return String(name, func(r *R) (string, bool) { s := get(r); return s, s != "" })
}

// Enum is a column of an enum, with its module.
func Enum[R any](name string, get func(*R) (string, bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Enum), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetEnum(x)
		}
	}}
}

// Addr is a column of an address; the zero Addr is unset.
func Addr[R any](name string, get func(*R) netip.Addr) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Addr), func(r *R, v *zeeklog.Value) {
		if x := get(r); x.IsValid() {
			v.SetAddr(x)
		}
	}}
}

// Port is a column of a port.
func Port[R any](name string, get func(*R) (uint16, bool)) Column[R] {
	return Column[R]{name, zeeklog.T(zeeklog.Port), func(r *R, v *zeeklog.Value) {
		if x, ok := get(r); ok {
			v.SetPort(x)
		}
	}}
}

// ConnID is the four columns of a connection's id; nil is unset.
func ConnID[R any](get func(*R) *event.ConnID) []Column[R] {
	orig := func(r *R) netip.Addr {
		if id := get(r); id != nil {
			return id.OrigH
		}
		return netip.Addr{}
	}
	resp := func(r *R) netip.Addr {
		if id := get(r); id != nil {
			return id.RespH
		}
		return netip.Addr{}
	}
	return []Column[R]{
		Addr("id.orig_h", orig),
		Port("id.orig_p", func(r *R) (uint16, bool) {
			if id := get(r); id != nil {
				return id.OrigP, true
			}
			return 0, false
		}),
		Addr("id.resp_h", resp),
		Port("id.resp_p", func(r *R) (uint16, bool) {
			if id := get(r); id != nil {
				return id.RespP, true
			}
			return 0, false
		}),
	}
}

// StringSet is a column of a set of strings in dictionary order; nil is unset.
func StringSet[R any](name string, get func(*R) *dict.StringSet) Column[R] {
	return Column[R]{name, zeeklog.SetOf(zeeklog.String), func(r *R, v *zeeklog.Value) {
		s := get(r)
		if s == nil {
			return
		}
		v.SetEmptySet()
		s.Each(func(x string) bool {
			v.AppendElem().SetString(x)
			return true
		})
	}}
}
