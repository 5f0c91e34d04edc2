package logtools

import (
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/gzeek/gzeek/zeeklog"
)

// parquetSink writes Parquet: one column per column of the log, all optional,
// times as timestamps in microseconds, sets and vectors as lists.
type parquetSink struct {
	out  io.Writer
	w    *parquet.GenericWriter[any]
	cols []zeeklog.Column
	rows []parquet.Row
	lost func(column string) // told of values that don't fit their column
}

// orderedGroup is a group whose fields keep their order; parquet.Group sorts
// them by name.
type orderedGroup struct {
	parquet.Group
	order []string
}

func (g orderedGroup) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.order, a.Name()) - slices.Index(g.order, b.Name())
	})
	return fields
}

func parquetNode(k zeeklog.Kind) parquet.Node {
	switch k {
	case zeeklog.Bool:
		return parquet.Leaf(parquet.BooleanType)
	case zeeklog.Count:
		return parquet.Uint(64)
	case zeeklog.Int:
		return parquet.Int(64)
	case zeeklog.Double, zeeklog.Interval:
		return parquet.Leaf(parquet.DoubleType)
	case zeeklog.Time:
		return parquet.Timestamp(parquet.Microsecond)
	case zeeklog.Port:
		return parquet.Uint(16)
	}
	return parquet.String()
}

func (s *parquetSink) begin(path string, cols []zeeklog.Column) error {
	if s.w != nil {
		if len(cols) != len(s.cols) {
			return errNewColumns
		}
		return nil // values that don't fit the old type are counted as lost
	}
	s.cols = slices.Clone(cols)
	g := orderedGroup{Group: parquet.Group{}}
	for _, c := range cols {
		node := parquetNode(c.Type.Kind)
		if c.Type.IsContainer() {
			node = parquet.List(parquet.Optional(parquetNode(c.Type.Elem)))
		}
		g.Group[c.Name] = parquet.Optional(node)
		g.order = append(g.order, c.Name)
	}
	if path == "" {
		path = "log"
	}
	s.w = parquet.NewGenericWriter[any](s.out, parquet.NewSchema(path, g), parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(200000))
	return nil
}

// parquetValue turns a value into one of the column's type; a value that the
// type can't hold becomes null.
func parquetValue(k zeeklog.Kind, v *zeeklog.Value) (parquet.Value, bool) {
	switch k {
	case zeeklog.Bool:
		return parquet.BooleanValue(v.AsBool()), v.Kind() == zeeklog.Bool
	case zeeklog.Count:
		return parquet.Int64Value(int64(v.AsCount())), v.Kind() == zeeklog.Count
	case zeeklog.Int:
		return parquet.Int64Value(v.AsInt()), v.Kind() == zeeklog.Int || v.Kind() == zeeklog.Count
	case zeeklog.Double, zeeklog.Interval:
		switch v.Kind() {
		case zeeklog.Double, zeeklog.Interval, zeeklog.Count, zeeklog.Int:
			return parquet.DoubleValue(v.AsFloat()), true
		}
		return parquet.Value{}, false
	case zeeklog.Time:
		return parquet.Int64Value(v.AsTime().UnixMicro()), v.Kind() == zeeklog.Time
	case zeeklog.Port:
		return parquet.Int32Value(int32(v.AsPort())), v.Kind() == zeeklog.Port
	}
	return parquet.ByteArrayValue(zeeklog.AppendPrintable(nil, string(v.AppendText(nil)))), v.IsSet()
}

func (s *parquetSink) row(rec []zeeklog.Value) error {
	var row parquet.Row
	for i := range rec {
		v := &rec[i]
		t := s.cols[i].Type
		if !t.IsContainer() {
			if !v.IsSet() {
				row = append(row, parquet.NullValue().Level(0, 0, i))
			} else if p, ok := parquetValue(t.Kind, v); ok {
				row = append(row, p.Level(0, 1, i))
			} else {
				s.lost(s.cols[i].Name)
				row = append(row, parquet.NullValue().Level(0, 0, i))
			}
			continue
		}
		switch {
		case !v.IsSet():
			row = append(row, parquet.NullValue().Level(0, 0, i))
		case v.Kind() != zeeklog.Set && v.Kind() != zeeklog.Vector:
			s.lost(s.cols[i].Name)
			row = append(row, parquet.NullValue().Level(0, 0, i))
		case v.Len() == 0:
			row = append(row, parquet.NullValue().Level(0, 1, i))
		default:
			for j := range v.Len() {
				p, ok := parquetValue(t.Elem, v.Elem(j))
				def := 3
				if !ok && v.Elem(j).IsSet() {
					s.lost(s.cols[i].Name)
				}
				if !ok || !v.Elem(j).IsSet() {
					p, def = parquet.NullValue(), 2
				}
				row = append(row, p.Level(min(j, 1), def, i))
			}
		}
	}
	if s.rows = append(s.rows, row); len(s.rows) < 1000 {
		return nil
	}
	return s.flush()
}

func (s *parquetSink) flush() error {
	_, err := s.w.WriteRows(s.rows)
	s.rows = s.rows[:0]
	return err
}

func (s *parquetSink) end() error {
	if s.w == nil {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	return s.w.Close()
}
