package redef

// Subset returns a registry with those options whose names the function picks:
// for listings. They are the same options, not copies.
func (r *Registry) Subset(pick func(name string) bool) *Registry {
	s := &Registry{keys: r.keys, options: map[string]*option{}, enums: r.enums}
	for name, o := range r.options {
		if pick(name) {
			s.options[name] = o
		}
	}
	return s
}

// Suggest is a question to append to a message about a name that nothing has:
// "; did you mean X?", or "" if none of the names is near.
func Suggest(name string, names []string) string { return didYouMean(name, names) }

// Choices lists what can stand for a value of the option where that is a short
// list: T and F, or the values of an enum. It is nil for others.
func (r *Registry) Choices(name string) []string {
	o := r.options[name]
	switch {
	case o == nil:
		return nil
	case o.typ.Kind == KindBool:
		return []string{"T", "F"}
	case o.typ.Kind == KindEnum:
		return o.typ.Enum.Values()
	}
	return nil
}

// TOMLString writes a string as TOML does.
func TOMLString(s string) string { return tomlString(s) }
