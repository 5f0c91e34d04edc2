package intel

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

// Info is a record of intel.log, Intel::Info.
type Info struct {
	event.Extension
	TS           float64
	UID          string        // "" is unset
	ID           *event.ConnID // nil is unset
	Seen         *Seen
	Matched      *dict.EnumSet
	Sources      *dict.StringSet
	FUID         string // "" is unset
	FileMIMEType string // "" is unset
	FileDesc     string
	HasFileDesc  bool // it may be empty and set
}

// log writes a match unless a body of Intel::extend_match is against it.
func (f *Framework) log(e *Match) {
	info := &Info{
		TS: f.ctx.Now(), Seen: e.Seen,
		Matched: dict.NewEnumSet(f.ctx.Keys), Sources: dict.NewStringSet(f.ctx.Keys),
	}
	if f.extendMatch.Run(extendArgs{info, e.Seen, e.Items}) {
		f.Log.Write(info)
	}
}

// addFile tells of the file, and takes its connection for that of the match if
// it has exactly one (Zeek: base/frameworks/intel/files.zeek).
func (f *Framework) addFile(info *Info, s *Seen, _ *dict.Set[*Item]) bool {
	if s.File != nil {
		s.FUID = s.File.ID
		if len(s.File.Conns) == 1 {
			s.Conn = s.File.Conns[0]
		}
		if info.FileMIMEType == "" {
			info.FileMIMEType = f.files.Info(s.File).MIMEType
		}
		if !info.HasFileDesc {
			info.FileDesc = f.files.Describe(s.File)
			info.HasFileDesc = true
		}
	}
	if s.FUID != "" {
		info.FUID = s.FUID
	}
	return true
}

// addMatch tells of the connection, and which sources know the indicator.
func (f *Framework) addMatch(info *Info, s *Seen, items *dict.Set[*Item]) bool {
	if s.Conn != nil {
		s.UID = s.Conn.UID
		info.ID = &s.Conn.ID
	}
	if s.UID != "" {
		info.UID = s.UID
	}
	for item := range items.All() {
		info.Sources.Add(item.Meta.Source)
		info.Matched.Add(item.Type)
	}
	return true
}

func columns() []policy.Column[Info] {
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.Text("uid", func(i *Info) string { return i.UID }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return i.ID })...)
	return append(cols,
		policy.String("seen.indicator", func(i *Info) (string, bool) { return i.Seen.Indicator, true }),
		policy.Enum("seen.indicator_type", func(i *Info) (string, bool) { return i.Seen.Type.Name, true }),
		policy.Enum("seen.where", func(i *Info) (string, bool) { return i.Seen.Where.Name, true }),
		policy.Text("seen.node", func(i *Info) string { return i.Seen.Node }),
		policy.Column[Info]{Name: "matched", Type: zeeklog.SetOf(zeeklog.Enum), Get: func(i *Info, v *zeeklog.Value) {
			v.SetEmptySet()
			for t := range i.Matched.All() {
				v.AppendElem().SetEnum(t.Name)
			}
		}},
		policy.StringSet("sources", func(i *Info) *dict.StringSet { return i.Sources }),
		policy.Text("fuid", func(i *Info) string { return i.FUID }),
		policy.Text("file_mime_type", func(i *Info) string { return i.FileMIMEType }),
		policy.String("file_desc", func(i *Info) (string, bool) { return i.FileDesc, i.HasFileDesc }),
	)
}
