package zeeklog

// Encoder renders one log, header, rows and footer, without writing it
// anywhere: the ASCII writer uses it, and so do tools that write what they
// have read.
type Encoder struct {
	opt    ASCII
	path   string
	cols   []Column
	format rowFormat
}

// rowFormat turns rows into lines, without the newline.
type rowFormat interface {
	appendRow(b []byte, rec []Value) []byte
}

// NewEncoder makes an encoder for a log with the given path and columns.
// ToStdout, GzipLevel and the like are of no concern to it.
func NewEncoder(opt ASCII, path string, cols []Column) *Encoder {
	e := &Encoder{opt: opt, path: path, cols: cols}
	if opt.JSON {
		e.format = newJSONFormat(&opt, cols)
	} else {
		e.format = newTextFormat(&opt)
	}
	return e
}

// Columns gives the columns of the log; not to be changed.
func (e *Encoder) Columns() []Column { return e.cols }

// AppendHeader appends the header lines. open is the text of the #open line;
// the line is left out if open is "".
func (e *Encoder) AppendHeader(b []byte, open string) []byte {
	if e.opt.JSON || !e.opt.IncludeMeta {
		return b
	}
	var names, types []byte
	for i, c := range e.cols {
		if i > 0 {
			names = append(names, e.opt.Separator...)
			types = append(types, e.opt.Separator...)
		}
		names = append(names, c.Name...)
		types = append(types, c.Type.String()...)
	}
	if e.opt.TSV {
		return append(append(b, names...), '\n')
	}
	b = append(b, e.opt.MetaPrefix...)
	b = append(b, "separator "...) // always a blank here
	b = append(appendHeaderText(b, e.opt.Separator), '\n')
	b = e.appendMeta(b, "set_separator", appendHeaderText(nil, e.opt.SetSeparator))
	b = e.appendMeta(b, "empty_field", appendHeaderText(nil, e.opt.EmptyField))
	b = e.appendMeta(b, "unset_field", appendHeaderText(nil, e.opt.UnsetField))
	b = e.appendMeta(b, "path", appendHeaderText(nil, e.path))
	if open != "" {
		b = e.appendMeta(b, "open", []byte(open))
	}
	b = e.appendMeta(b, "fields", names)
	return e.appendMeta(b, "types", types)
}

func (e *Encoder) appendMeta(b []byte, key string, value []byte) []byte {
	b = append(b, e.opt.MetaPrefix...)
	b = append(b, key...)
	b = append(b, e.opt.Separator...)
	b = append(b, value...)
	return append(b, '\n')
}

// AppendRow appends one row with its newline; rec has a value per column.
func (e *Encoder) AppendRow(b []byte, rec []Value) []byte {
	start := len(b)
	b = e.format.appendRow(b, rec)
	b = append(b, '\n')
	if p := e.opt.MetaPrefix; len(b)-start >= len(p) && string(b[start:start+len(p)]) == p {
		// The row must not be taken for a header line.
		first := b[start]
		b = append(b, 0, 0, 0)
		copy(b[start+4:], b[start+1:])
		appendHexByte(b[start:start:start+4], first)
	}
	return b
}

// AppendFooter appends the #close line.
func (e *Encoder) AppendFooter(b []byte, close string) []byte {
	if e.opt.JSON || !e.opt.IncludeMeta || e.opt.TSV {
		return b
	}
	return e.appendMeta(b, "close", []byte(close))
}
