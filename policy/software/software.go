// Package software is the software framework, base/frameworks/software: it
// takes versions apart, remembers what runs on which host, and writes
// software.log when something new or something else runs there.
//
// It also holds protocols/smtp/software, which finds mail clients and webmail
// servers in the header of mails, and frameworks/software/version-changes.
// Nothing else here looks at packets: policies that see software call Found.
//
// Zeek: scripts/base/frameworks/software/main.zeek,
// scripts/policy/protocols/smtp/software.zeek,
// scripts/policy/frameworks/software/version-changes.zeek.
//
//	software.go  what was found, and what of it is new
//	version.go   versions, their order and their text
//	parse.go     what a version string says
//	browsers.go  the same for strings in the manner of web browsers
//	mail.go      protocols/smtp/software
//	changes.go   frameworks/software/version-changes
package software

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/software",
		Doc:      "software.log: what runs on which host, when it is new or has another version",
		Requires: []string{"base/utils/site"},
		Load:     load,
	})
}

// A Type says what kind of software was found. It is a name of Zeek's open enum
// Software::Type: "SMTP::MAIL_CLIENT".
type Type = string

// Unknown is the type of software of which nothing is known.
const Unknown Type = "Software::UNKNOWN"

// Info is a record of software.log, Software::Info. Who found something sets
// Host and Unparsed, or Host, Name and Version.
type Info struct {
	event.Extension

	TS   float64    // seconds since the epoch; 0 is now
	Host netip.Addr // where it runs
	// HostPort is the port of server software, 0 without one.
	HostPort uint16
	Type     Type // "" is Unknown
	// Name and Unparsed count as set with the empty string if HasName or
	// HasUnparsed say so.
	Name        string
	HasName     bool
	Version     *Version // nil is unset
	Unparsed    string
	HasUnparsed bool
	// ForceLog has it logged wherever it is and however often it was seen.
	ForceLog bool
}

// Change is Software::version_change: another version of a software runs on a
// host than before.
type Change struct{ Old, New *Info }

// Software is the service of this policy.
type Software struct {
	Log *policy.Stream[Info]

	// New, Register and VersionChange are the events of that name. Who enqueues
	// New or Register has something looked at without the test of Found.
	New           *event.Topic[Found]
	Register      *event.Topic[Found]
	VersionChange *event.Topic[Change]

	ctx      *policy.Context
	site     *site.Site
	tracking *redef.Enum
	parser   Parser

	// tracked is by host, then by name.
	tracked *dict.Expiring[netip.Addr, map[string]*Info]
	parsed  *dict.Expiring[string, Description]
}

// Found is the argument of the events New and Register.
type Found struct{ Info *Info }

const (
	day       = 24 * 3600 // seconds
	parsedFor = 65        // seconds
)

func load(c *policy.Context) error {
	s := &Software{
		ctx:      c,
		site:     policy.Use[*site.Site](c),
		tracking: site.HostOption(c.Options, "Software::asset_tracking", site.LocalHosts, "hosts whose software is tracked"),
		Log:      policy.NewStream(c, "Software::LOG", "software", "Software::log_software", columns()...),
		// The order is that of Zeek's declarations: timers are armed in it.
		tracked: dict.NewExpiring[netip.Addr, map[string]*Info](c.Keys, dict.HashAddr, c, dict.CreateExpire, day),
		parsed:  dict.NewExpiring[string, Description](c.Keys, dict.HashString, c, dict.ReadExpire, parsedFor),
	}
	c.Expire(s.tracked)
	c.Expire(s.parsed)
	q := c.Events.Queue
	s.New = event.Declare[Found](q, "Software::new", "info: Software::Info")
	s.Register = event.Declare[Found](q, "Software::register", "info: Software::Info")
	s.VersionChange = event.Declare[Change](q, "Software::version_change", "old: Software::Info", "new: Software::Info")
	s.New.Handle(c.Policy(), 0, func(e *Found) { s.describe(e.Info) })
	s.Register.Handle(c.Policy(), 0, func(e *Found) { s.register(e.Info) })
	policy.Provide(c, s)
	return nil
}

// Found takes note of software, if it runs on a host that is tracked, and says
// whether it does. The framework keeps info. It is logged two rounds of the
// event queue later.
func (s *Software) Found(info *Info) bool {
	if !info.ForceLog && !s.site.Matches(info.Host, site.Host(s.tracking.Get())) {
		return false
	}
	if info.TS == 0 {
		info.TS = s.ctx.Now()
	}
	switch {
	case info.Version != nil && info.Name == "" && !info.HasName:
		s.ctx.Error("Required field name not present in Software::found")
		return false
	case info.Version == nil && info.Unparsed == "" && !info.HasUnparsed:
		s.ctx.Error("No unparsed version string present in Info record with version in Software::found")
		return false
	}
	s.New.Enqueue(Found{info})
	return true
}

func (s *Software) describe(info *Info) {
	if info.Version == nil {
		d := s.parse(info.Unparsed)
		info.HasUnparsed = true
		info.Name, info.HasName = d.Name, true
		info.Version = &d.Version
	}
	s.Register.Enqueue(Found{info})
}

// parse remembers results for a while: the same clients come again.
func (s *Software) parse(unparsed string) Description {
	if s.parsed.Has(unparsed) {
		d, _ := s.parsed.Get(unparsed)
		return d
	}
	d := s.parser.Parse(unparsed)
	s.parsed.Set(unparsed, d)
	return d
}

// register logs what is new on its host, or has another version than before.
// Port and type play no part in that.
func (s *Software) register(info *Info) {
	host := dict.Addr(info.Host)
	on, ok := s.tracked.Get(host)
	if !ok {
		on = make(map[string]*Info, 1)
		s.tracked.Set(host, on)
	}
	if old, ok := on[info.Name]; ok {
		if old.Version.Compare(info.Version) != 0 {
			s.VersionChange.Enqueue(Change{old, info})
		} else if !info.ForceLog {
			return
		}
	}
	on[info.Name] = info
	s.Log.Write(info)
}

func columns() []policy.Column[Info] {
	number := func(name string, i int) policy.Column[Info] {
		return policy.Count("version."+name, func(r *Info) (uint64, bool) {
			if r.Version == nil {
				return 0, false
			}
			n := r.Version.Numbers[i]
			return n.Value, n.Set
		})
	}
	return []policy.Column[Info]{
		policy.Time("ts", func(r *Info) float64 { return r.TS }),
		policy.Addr("host", func(r *Info) netip.Addr { return r.Host }),
		policy.Port("host_p", func(r *Info) (uint16, bool) { return r.HostPort, r.HostPort != 0 }),
		policy.Enum("software_type", func(r *Info) (string, bool) {
			if r.Type == "" {
				return Unknown, true
			}
			return r.Type, true
		}),
		policy.String("name", func(r *Info) (string, bool) { return r.Name, r.HasName || r.Name != "" }),
		number("major", 0),
		number("minor", 1),
		number("minor2", 2),
		number("minor3", 3),
		policy.String("version.addl", func(r *Info) (string, bool) {
			if r.Version == nil {
				return "", false
			}
			return r.Version.Addl, r.Version.HasAddl
		}),
		policy.String("unparsed_version", func(r *Info) (string, bool) { return r.Unparsed, r.HasUnparsed || r.Unparsed != "" }),
	}
}
