package zeeklog

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// Decoder fills structs from rows. Fields say their column by a tag:
//
//	type Mail struct {
//		Time  time.Time  `zeek:"ts"`
//		Orig  netip.Addr `zeek:"id.orig_h"`
//		To    []string   `zeek:"to"`
//		Agent *string    `zeek:"user_agent"` // nil if unset
//	}
//
// Fields may be string, []byte, bool, any integer or float, time.Time,
// time.Duration, netip.Addr, netip.Prefix, slices of these, and pointers to
// these. A column that is unset or missing leaves the zero value; pointers and
// slices are nil then, while an empty set gives a slice of length 0. A struct
// within the struct is flattened; with a tag, its columns begin with the tag
// and a dot.
type Decoder[T any] struct {
	fields []structField
	layout []Column // that at holds for
	at     []int    // column of each field, -1 for none
}

type structField struct {
	column string
	index  []int
}

// NewDecoder makes a decoder; it fails if T is no struct or has a field that
// no column fits.
func NewDecoder[T any]() (*Decoder[T], error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("zeeklog: %s is no struct", t)
	}
	fields, err := structFields(t, "", nil)
	if err != nil {
		return nil, err
	}
	return &Decoder[T]{fields: fields}, nil
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	addrType     = reflect.TypeFor[netip.Addr]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	bytesType    = reflect.TypeFor[[]byte]()
)

func structFields(t reflect.Type, prefix string, index []int) ([]structField, error) {
	var out []structField
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("zeek")
		at := append(index[:len(index):len(index)], i)
		if f.Type.Kind() == reflect.Struct && !isScalarType(f.Type) && tag != "-" {
			if !f.IsExported() && !f.Anonymous {
				continue
			}
			inner := prefix
			if tagged {
				inner += tag + "."
			}
			more, err := structFields(f.Type, inner, at)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		if !tagged || tag == "-" {
			continue
		}
		if !f.IsExported() {
			return nil, fmt.Errorf("zeeklog: field %s has a tag but is not exported", f.Name)
		}
		if !decodable(f.Type) {
			return nil, fmt.Errorf("zeeklog: field %s: no column fits %s", f.Name, f.Type)
		}
		out = append(out, structField{prefix + tag, at})
	}
	return out, nil
}

func isScalarType(t reflect.Type) bool {
	return t == timeType || t == addrType || t == prefixType
}

func decodable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer || (t.Kind() == reflect.Slice && t != bytesType) {
		t = t.Elem()
	}
	if isScalarType(t) || t == bytesType {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// Decode fills dst from a row; what it fills doesn't borrow from the row. An
// error names the first column whose value doesn't fit; the other fields are
// filled all the same.
func (d *Decoder[T]) Decode(rec *Record, dst *T) error {
	d.place(rec.Columns())
	s := reflect.ValueOf(dst).Elem()
	var first error
	for i, f := range d.fields {
		v := s.FieldByIndex(f.index)
		if d.at[i] < 0 {
			v.SetZero()
			continue
		}
		if err := fill(v, rec.Value(d.at[i])); err != nil && first == nil {
			first = fmt.Errorf("%s:%d: column %s: %w", rec.r.opt.Name, rec.number, f.column, err)
		}
	}
	return first
}

// place finds the columns of the fields, if the layout is another one.
func (d *Decoder[T]) place(cols []Column) {
	if d.at != nil && sameNames(d.layout, cols) {
		return
	}
	d.layout = append(d.layout[:0], cols...)
	d.at = d.at[:0]
	for _, f := range d.fields {
		at := -1
		for i := range cols {
			if cols[i].Name == f.column {
				at = i
				break
			}
		}
		d.at = append(d.at, at)
	}
}

func sameNames(a, b []Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// fill sets one field of a struct.
func fill(dst reflect.Value, v *Value) error {
	t := dst.Type()
	if !v.IsSet() {
		dst.SetZero()
		return nil
	}
	if t.Kind() == reflect.Pointer {
		p := reflect.New(t.Elem())
		if err := fill(p.Elem(), v); err != nil {
			dst.SetZero()
			return err
		}
		dst.Set(p)
		return nil
	}
	if t.Kind() == reflect.Slice && t != bytesType {
		if v.kind != Set && v.kind != Vector {
			return misfit(t, v)
		}
		out := reflect.MakeSlice(t, v.Len(), v.Len())
		for i := range v.Len() {
			if err := fill(out.Index(i), v.Elem(i)); err != nil {
				return err
			}
		}
		dst.Set(out)
		return nil
	}
	dst.SetZero()
	switch {
	case t == timeType:
		if v.kind != Time {
			return misfit(t, v)
		}
		dst.Set(reflect.ValueOf(v.AsTime()))
		return nil
	case t == addrType:
		if v.kind != Addr {
			return misfit(t, v)
		}
		dst.Set(reflect.ValueOf(v.AsAddr()))
		return nil
	case t == prefixType:
		if v.kind != Subnet {
			return misfit(t, v)
		}
		dst.Set(reflect.ValueOf(v.AsSubnet()))
		return nil
	case t == bytesType:
		if !isText(v) {
			return misfit(t, v)
		}
		dst.SetBytes([]byte(v.str))
		return nil
	case t == durationType:
		if v.kind != Interval {
			return misfit(t, v)
		}
		dst.SetInt(int64(v.AsDuration()))
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		if v.kind != Bool {
			return misfit(t, v)
		}
		dst.SetBool(v.AsBool())
	case reflect.String:
		if isText(v) {
			dst.SetString(strings.Clone(v.str))
		} else {
			var tmp [64]byte
			dst.SetString(string(v.AppendText(tmp[:0])))
		}
	case reflect.Float32, reflect.Float64:
		if !isNumber(v) {
			return misfit(t, v)
		}
		dst.SetFloat(v.AsFloat())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := v.AsInt()
		if (v.kind != Int && v.kind != Count && v.kind != Port) || dst.OverflowInt(n) || (v.kind == Count && v.num > math.MaxInt64) {
			return misfit(t, v)
		}
		dst.SetInt(n)
	default:
		n := v.AsCount()
		if (v.kind != Int && v.kind != Count && v.kind != Port) || dst.OverflowUint(n) || (v.kind == Int && int64(v.num) < 0) {
			return misfit(t, v)
		}
		dst.SetUint(n)
	}
	return nil
}

func isText(v *Value) bool {
	switch v.kind {
	case String, Enum, Func, File, Pattern:
		return true
	}
	return false
}

func isNumber(v *Value) bool {
	switch v.kind {
	case Count, Int, Double, Time, Interval, Port:
		return true
	}
	return false
}

func misfit(t reflect.Type, v *Value) error {
	var tmp [64]byte
	return fmt.Errorf("%s %q does not fit %s", v.kind, v.AppendText(tmp[:0]), t)
}

// AppendText appends the value for people and for comparisons: as in a TSV
// log, but strings raw, elements joined by commas, and nothing for unset.
func (v *Value) AppendText(b []byte) []byte {
	switch {
	case v.kind == Unset:
		return b
	case isText(v):
		return append(b, v.str...)
	case v.kind == Set || v.kind == Vector:
		for i := range v.elems {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.elems[i].AppendText(b)
		}
		return b
	}
	return appendPlain(b, v)
}
