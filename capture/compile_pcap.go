//go:build libpcap && cgo

package capture

import (
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"
	xbpf "golang.org/x/net/bpf"

	"github.com/gzeek/gzeek/capture/bpf"
)

// compile makes a filter with libpcap, which knows the whole language.
func compile(expr string, link LinkType) (*bpf.Program, error) {
	// Two cases go to our own compiler: gopacket's link types end at 255, and
	// libpcap asks for other address families in BSD loopback files than here,
	// where it isn't told about a file.
	if link > 255 || link == Null || link == Loop {
		return bpf.Compile(expr, int(link))
	}
	ins, err := pcap.CompileBPFFilter(layers.LinkType(link), int(maxSnaplen(link)), expr)
	if err != nil {
		return nil, err
	}
	raw := make([]xbpf.RawInstruction, len(ins))
	for i, in := range ins {
		raw[i] = xbpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return bpf.FromRaw(raw)
}
