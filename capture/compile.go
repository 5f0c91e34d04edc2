//go:build !(libpcap && cgo)

package capture

import "github.com/gzeek/gzeek/capture/bpf"

// compile makes a filter without libpcap.
func compile(expr string, link LinkType) (*bpf.Program, error) {
	return bpf.Compile(expr, int(link))
}
