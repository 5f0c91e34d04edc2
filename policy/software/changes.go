package software

import (
	"fmt"

	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "frameworks/software/version-changes",
		Doc:      "notices when software of interest changes its version",
		Requires: []string{"base/frameworks/notice", "base/frameworks/software"},
		Load:     loadChanges,
	})
}

func loadChanges(c *policy.Context) error {
	notices := policy.Use[*notice.Framework](c)
	note := notices.DeclareType("Software::Software_Version_Change")
	interesting := c.Options.StringSet("Software::interesting_version_changes", nil, "names of software whose changes of version are noticed")
	policy.Use[*Software](c).VersionChange.Handle(c.Policy(), 0, func(e *Change) {
		if !interesting.Has(e.Old.Name) {
			return
		}
		kind := e.Old.Type
		if kind == "" {
			kind = Unknown
		}
		notices.Raise(&notice.Notice{
			Note: note,
			Src:  e.New.Host,
			Msg:  fmt.Sprintf("%.6f %s '%s' version changed from %v to %v", c.Now(), kind, e.Old.Name, e.Old.Version, e.New.Version),
			Sub:  e.New.String(),
		})
	})
	return nil
}
