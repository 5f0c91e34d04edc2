package software

import (
	"cmp"
	"strconv"
	"strings"
)

// Version is a version in numbers, Software::Version. Any of its parts may be
// missing.
type Version struct {
	Numbers [4]Number // major, minor, minor2, minor3
	Addl    string    // "beta2"
	HasAddl bool
}

// Number is an optional part of a version.
type Number struct {
	Value uint64
	Set   bool
}

// Compare is Software::cmp_versions: negative when v is older than w, 0 when
// they are equal. What is missing is older than anything.
func (v *Version) Compare(w *Version) int {
	for i, a := range v.Numbers {
		if c := compare(a.Set, w.Numbers[i].Set, cmp.Compare(a.Value, w.Numbers[i].Value)); c != 0 {
			return c
		}
	}
	return compare(v.HasAddl, w.HasAddl, strings.Compare(v.Addl, w.Addl))
}

// compare orders two optional values; both says how they compare when both are
// there.
func compare(a, b bool, both int) int {
	switch {
	case a && b:
		return both
	case a:
		return 1
	case b:
		return -1
	}
	return 0
}

// String is the version as notices show it, "1.2.3.4-beta2"
// (software_fmt_version).
func (v *Version) String() string {
	b := make([]byte, 0, 32)
	for i, n := range v.Numbers {
		if i > 0 && n.Set {
			b = append(b, '.')
		}
		if i == 0 || n.Set {
			b = strconv.AppendUint(b, n.Value, 10)
		}
	}
	if v.HasAddl {
		b = append(append(b, '-'), v.Addl...)
	}
	return string(b)
}

// String is name and version (software_fmt).
func (i *Info) String() string { return i.Name + " " + i.Version.String() }
