package engine

import (
	// The built-in policies register themselves.
	_ "github.com/gzeek/gzeek/notice"
	_ "github.com/gzeek/gzeek/policy/blocklists"
	_ "github.com/gzeek/gzeek/policy/bro2011"
	_ "github.com/gzeek/gzeek/policy/captureloss"
	_ "github.com/gzeek/gzeek/policy/communityid"
	_ "github.com/gzeek/gzeek/policy/conn"
	_ "github.com/gzeek/gzeek/policy/dpd"
	_ "github.com/gzeek/gzeek/policy/dumpevents"
	_ "github.com/gzeek/gzeek/policy/excerpt"
	_ "github.com/gzeek/gzeek/policy/files"
	_ "github.com/gzeek/gzeek/policy/intel"
	_ "github.com/gzeek/gzeek/policy/misc"
	_ "github.com/gzeek/gzeek/policy/packetfilter"
	_ "github.com/gzeek/gzeek/policy/site"
	_ "github.com/gzeek/gzeek/policy/smtp"
	_ "github.com/gzeek/gzeek/policy/software"
	_ "github.com/gzeek/gzeek/policy/stats"
	_ "github.com/gzeek/gzeek/policy/suspicious"
	_ "github.com/gzeek/gzeek/policy/weird"
)

// DefaultPolicies are loaded unless a run is bare: what of Zeek's
// base/init-default.zeek gzeek has, in its order.
var DefaultPolicies = []string{
	"base/misc/timers",
	"base/frameworks/config",
	"base/utils/site",
	"base/frameworks/notice",
	"base/frameworks/notice/weird",
	"base/frameworks/analyzer",
	"base/frameworks/software",
	"base/frameworks/intel",
	"base/frameworks/reporter",
	"base/protocols/conn",
	"base/protocols/conn/contents",
	"base/frameworks/files",
	"base/protocols/smtp",
	"base/files/pe",
	"base/files/hash",
	"base/files/extract",
	"base/files/x509",
	"base/misc/find-checksum-offloading",
	"base/misc/find-filtered-trace",
}

// BarePolicies are loaded in a bare run (-b), before those that are named: what
// of Zeek's base/init-bare.zeek and base/init-frameworks-and-bifs.zeek gzeek has.
// What is known of files is logged, and what violates its protocol; nothing is
// told of connections, weirds and notices.
var BarePolicies = []string{
	"base/protocols/conn/removal-hooks",
	"base/frameworks/config",
	"base/frameworks/analyzer",
	"base/frameworks/files",
}

// LivePolicies are loaded beside them for interfaces: what Zeek does for files,
// too, but nobody asks of a capture.
var LivePolicies = []string{"base/frameworks/packet-filter"}
