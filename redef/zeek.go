package redef

import (
	_ "embed"
	"strings"
	"sync"
)

// zeekOptions lists the options of Zeek 8.0.9: name, kind (redef: before the
// start, option: while running too), type.
//
//go:embed zeek_options.tsv
var zeekOptions string

// zeekKinds gives the kind of each of Zeek's options.
var zeekKinds = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, 300)
	for line := range strings.Lines(zeekOptions) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 {
			m[f[0]] = f[1]
		}
	}
	return m
})
