// Package config writes config.log: what changed among the options while a run
// went on.
//
// Zeek: scripts/base/frameworks/config/{main,input}.zeek.
package config

import (
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/frameworks/config",
		Doc:  "files that set options while running, config.log",
		Load: load,
	})
}

// Info is a record of config.log, Config::Info.
type Info struct {
	TS       float64
	ID       string
	Old, New string
	Location string // "" is unset
}

// Changes is the service of this policy: it logs changes.
type Changes struct {
	Log *policy.Stream[Info]
	ctx *policy.Context

	files *redef.StringSet
}

// Files are the files that set options while running: Config::config_files. The
// engine reads them.
func (c *Changes) Files() []string { return c.files.Get() }

// Changed logs a change that was made.
func (c *Changes) Changed(ch *redef.Change) {
	c.Log.Write(&Info{TS: c.ctx.Now(), ID: ch.Name, Old: ch.OldLogged, New: ch.NewLogged, Location: ch.Place.String()})
}

func load(c *policy.Context) error {
	str := func(get func(*Info) string) func(*Info) (string, bool) {
		return func(i *Info) (string, bool) { return get(i), true }
	}
	files := c.Options.StringSet("Config::config_files", nil, "files of lines with the name of an option and a value, which are read at the start and whenever they change")
	policy.Provide(c, &Changes{ctx: c, files: files, Log: policy.NewStream(c, "Config::LOG", "config", "Config::log_config",
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.String("id", str(func(i *Info) string { return i.ID })),
		policy.String("old_value", str(func(i *Info) string { return i.Old })),
		policy.String("new_value", str(func(i *Info) string { return i.New })),
		policy.Text("location", func(i *Info) string { return i.Location }),
	)})
	return nil
}
