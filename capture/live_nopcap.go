//go:build !(libpcap && cgo)

package capture

import "errors"

// HaveLibpcap says whether this build listens and compiles filters with libpcap.
const HaveLibpcap = false

func openPcap(iface string, _ LiveOptions) (Source, error) {
	return nil, &Error{File: iface, Offset: -1, Problem: "can't listen",
		Err: errors.New("this gzeek was built without libpcap; install its headers (apt-get install libpcap-dev) and build with: go build -tags libpcap ... or, on Linux, listen on " + afPacketPrefix + iface)}
}

// pcapLive is no source of this build.
type pcapLive struct{ Source }
