package zeeklog

// ContainerText renders sets and vectors as one text, for writers to places that
// have no lists: the elements as a text log has them, escaped so that they can't
// be taken for separators. Zeek: writers/sqlite/SQLite.cc, AddParams.
type ContainerText struct{ f *textFormat }

// NewContainerText makes one. Bytes beyond ASCII are escaped.
func NewContainerText(setSeparator, unset, empty string) ContainerText {
	// There are no columns; that the separator is escaped is asked for by the writer already.
	return ContainerText{newTextFormat(&ASCII{Separator: setSeparator, SetSeparator: setSeparator, UnsetField: unset, EmptyField: empty})}
}

// Append appends the text of a set or vector.
func (c ContainerText) Append(b []byte, v *Value) []byte {
	if v.Len() == 0 {
		return append(b, c.f.emptyOut[1]...)
	}
	return c.f.appendValue(b, v, 0)
}
