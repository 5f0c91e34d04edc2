package redef

import (
	"slices"

	"github.com/BurntSushi/toml"
)

// FileSection is a further table of one file (see LoadFiles), for readers that
// want the place of each key.
type FileSection struct {
	f    *file
	name string
}

// FileSections returns the table of that name of each file that has it, in the
// order of the files.
func (c *Config) FileSections(name string) []FileSection {
	var list []FileSection
	for _, f := range c.files {
		if _, ok := f.root[name]; ok {
			list = append(list, FileSection{f, name})
		}
	}
	return list
}

func (s FileSection) key(key []string) toml.Key { return append(toml.Key{s.name}, key...) }

// Value returns the value of a key below the table, in the types of
// BurntSushi/toml; nil if there is none. Without a key it is the table itself.
func (s FileSection) Value(key ...string) any { return s.f.value(s.key(key)) }

// Place says where the value of a key is written.
func (s FileSection) Place(key ...string) Place { return s.f.place(s.key(key)) }

// Keys lists the keys of the table below a key, in the order of the file.
func (s FileSection) Keys(key ...string) []string {
	prefix := s.key(key)
	var names []string
	for _, k := range s.f.md.Keys() {
		if hasPrefix(k, prefix) && !slices.Contains(names, k[len(prefix)]) {
			names = append(names, k[len(prefix)])
		}
	}
	return names
}
