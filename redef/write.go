package redef

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteTOML writes a configuration file to start from: every option by module,
// with doc and type; those at their default as comments that show it.
func (r *Registry) WriteTOML(w io.Writer) error {
	b := bufio.NewWriter(w)
	modules := map[string][]*option{}
	for _, name := range slices.Sorted(maps.Keys(r.options)) {
		m := "GLOBAL"
		if i := strings.LastIndex(name, "::"); i >= 0 {
			m = name[:i]
		}
		modules[m] = append(modules[m], r.options[name])
	}
	for i, m := range slices.Sorted(maps.Keys(modules)) {
		if i > 0 {
			b.WriteByte('\n')
		}
		key := m
		if strings.Contains(m, "::") {
			key = tomlString(m)
		}
		fmt.Fprintf(b, "[redef.%s]\n", key)
		for _, o := range modules[m] {
			mark := "# "
			if literal(o.value) != literal(o.def()) {
				mark = ""
			}
			live := ""
			if o.live {
				live = ", may change while running"
			}
			fmt.Fprintf(b, "\n# %s (%v%s)\n", strings.Join(strings.Fields(o.doc), " "), o.typ, live)
			if v, ok := tomlValue(o.typ, o.value); ok {
				fmt.Fprintf(b, "%s%s = %s\n", mark, base(o.name), v)
			} else {
				fmt.Fprintf(b, "# %s: its value holds octets that TOML cannot\n", base(o.name))
			}
		}
	}
	return b.Flush()
}

// tomlValue writes a value such that fromTOML reads it. TOML holds text only, so
// some strings cannot be written.
func tomlValue(t *Type, v any) (string, bool) {
	list := func(yield *Type, each func(func(any))) (string, bool) {
		var parts []string
		all := true
		each(func(x any) {
			s, ok := tomlValue(yield, x)
			parts, all = append(parts, s), all && ok
		})
		return "[" + strings.Join(parts, ", ") + "]", all
	}
	switch t.Kind {
	case KindBool:
		return strconv.FormatBool(v.(bool)), true
	case KindCount:
		if n := v.(uint64); n > 1<<63-1 {
			return tomlString(literal(v)), true // TOML's integers end there
		}
		return literal(v), true
	case KindInt:
		return literal(v), true
	case KindDouble:
		return tomlString(literal(v)), true
	case KindString:
		return tomlString(v.(string)), utf8.ValidString(v.(string))
	case KindVector:
		return list(t.Yield, func(add func(any)) {
			for _, x := range v.([]any) {
				add(x)
			}
		})
	case KindSet:
		if len(t.Index) == 1 {
			return list(t.Index[0], func(add func(any)) {
				for _, e := range v.(*container).d.All() {
					add(e.index[0])
				}
			})
		}
	}
	return tomlString(literal(v)), true
}

// tomlString is a basic string of TOML.
func tomlString(s string) string {
	b := []byte{'"'}
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return string(append(b, '"'))
}
