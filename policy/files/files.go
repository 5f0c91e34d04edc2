// Package files is the file analysis framework's policy: files.log, and the
// policies that hash and extract files.
//
// Zeek: scripts/base/frameworks/files/main.zeek, base/files/{hash,extract}/
// main.zeek, policy/frameworks/files/*.zeek.
package files

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/files",
		Doc:      "files.log: a record for each file that travels in the mail",
		Requires: []string{"base/utils/site"},
		Load:     load,
	})
}

// Info is a record of files.log, Files::Info.
type Info struct {
	event.Extension
	TS                       float64
	FUID                     string
	UID                      string
	ID                       event.ConnID // of the connection in the row
	HasID                    bool
	Source                   string
	Depth                    uint64
	Analyzers                *dict.StringSet
	MIMEType                 string // "" is unset
	Filename                 string
	HasFilename              bool
	Duration                 float64
	LocalOrig, HasLocal      bool
	IsOrig                   bool
	Seen, Total              uint64
	HasTotal                 bool
	Missing, Overflow        uint64
	TimedOut                 bool
	ParentFUID               string // "" is unset
	MD5, SHA1, SHA256        string // "" is unset
	Extracted                string // "" is unset
	HasCutoff, ExtractCutoff bool
	ExtractedSize            uint64
	HasExtractedSize         bool
}

// Handles computes file handles for one protocol analyzer:
// Files::ProtoRegistration.
type Handles struct {
	// Handle appends the handle of the file that the connection carries now in
	// one direction.
	Handle func(dst []byte, c *event.Conn, isOrig bool) []byte
	// Describe says in words what a file is, for notices.
	Describe func(f *event.File) string
}

// Files is the service of this policy.
type Files struct {
	Log *policy.Stream[Info]

	// InfoSlots hands out the fields that other policies add to Info.
	InfoSlots event.Slots

	ctx       *policy.Context
	site      *site.Site
	info      event.Slot[*Info]
	infos     slab.Of[Info]
	protocols map[string]Handles
	byMIME    map[string][]string // analyzers that a type attaches
	auto      *redef.Bool
	handle    []byte
	warned    map[string]bool

	limit        *redef.Count
	limitMissing *redef.Bool
}

func load(c *policy.Context) error {
	p := &Files{
		ctx:       c,
		site:      policy.Use[*site.Site](c),
		info:      event.NewSlot[*Info](&c.Events.FileSlots),
		protocols: make(map[string]Handles),
		byMIME:    make(map[string][]string),
		warned:    make(map[string]bool),
		auto: c.Options.Bool("Files::analyze_by_mime_type_automatically", true,
			"attach the analyzers that are registered for a file's type"),
		// Of the engine; an attached EXTRACT takes them with it.
		limit:        c.Options.Count("FileExtract::default_limit", 100<<20, "how many bytes of a file are extracted; 0 is all"),
		limitMissing: c.Options.Bool("FileExtract::default_limit_includes_missing", true, "missing bytes count against the limit"),
		Log:          policy.NewStream(c, "Files::LOG", "files", "Files::log_files", columns()...),
	}
	policy.Provide(c, p)
	ev, name := c.Events, c.Policy()
	ev.GetFileHandle.Handle(name, 5, p.getHandle)
	ev.FileNew.Handle(name, 10, func(e *event.FileEvent) { p.set(e.File) })
	ev.FileOverNewConnection.Handle(name, 10, func(e *event.FileOverNewConnection) {
		i := p.set(e.File)
		if p.site.HasLocal() {
			host := e.Conn.ID.RespH
			if e.File.IsOrig {
				host = e.Conn.ID.OrigH
			}
			i.HasLocal, i.LocalOrig = true, p.site.IsLocal(host)
		}
	})
	ev.FileSniff.Handle(name, 10, p.sniff)
	ev.FileTimeout.Handle(name, 10, func(e *event.FileEvent) { p.set(e.File).TimedOut = true })
	ev.FileStateRemove.Handle(name, 10, func(e *event.FileEvent) { p.set(e.File) })
	ev.FileStateRemove.Handle(name, -10, p.write)
	return nil
}

// Register names who knows the handles of a protocol analyzer's files.
func (p *Files) Register(analyzer string, h Handles) { p.protocols[analyzer] = h }

// RegisterForMIMEType attaches a file analyzer to every file of a type.
func (p *Files) RegisterForMIMEType(analyzer string, types ...string) {
	for _, t := range types {
		p.byMIME[t] = append(p.byMIME[t], analyzer)
	}
}

// Describe says what a file is, "" if nobody knows (Files::describe).
func (p *Files) Describe(f *event.File) string {
	if h, ok := p.protocols[f.Source]; ok && h.Describe != nil {
		return h.Describe(f)
	}
	return ""
}

// Info returns the file's record of files.log; it exists from file_new on.
func (p *Files) Info(f *event.File) *Info {
	i, ok := p.info.Get(f)
	if !ok {
		i = p.infos.New()
		i.TS, i.FUID = f.LastActive, f.ID
		p.info.Set(f, i)
	}
	return i
}

// AddAnalyzer attaches a file analyzer and notes it in the log
// (Files::add_analyzer).
func (p *Files) AddAnalyzer(f *event.File, name string, args any) bool {
	if !p.enabled(name) {
		return false
	}
	i := p.Info(f)
	if i.Analyzers == nil {
		i.Analyzers = dict.NewStringSet(p.ctx.Keys)
	}
	i.Analyzers.Add(name)
	return f.Ctl.AddAnalyzer(name, args)
}

// set refreshes the record (the function set_info of Zeek's script).
func (p *Files) set(f *event.File) *Info {
	i := p.Info(f)
	i.ParentFUID = f.ParentID
	i.Source = f.Source
	i.Duration = f.LastActive - i.TS
	i.Seen, i.Missing, i.Overflow = f.SeenBytes, f.MissingBytes, f.OverflowBytes
	i.Total, i.HasTotal = f.TotalBytes, f.HasTotal
	i.IsOrig = f.IsOrig
	return i
}

func (p *Files) getHandle(e *event.GetFileHandle) {
	h, ok := p.protocols[e.Tag]
	if ok {
		p.handle = h.Handle(p.handle[:0], e.Conn, e.IsOrig)
	} else {
		p.handle = p.fallbackHandle(e)
	}
	e.Reply.Handle, e.Reply.Set = p.handle, true
}

// fallbackHandle is the handle where nobody knows the files of an analyzer, with
// a warning the first time: what begins in one direction of a connection at one
// time is one file.
func (p *Files) fallbackHandle(e *event.GetFileHandle) []byte {
	tag := dpd.Tag(e.Tag)
	if !p.warned[e.Tag] {
		p.warned[e.Tag] = true
		p.ctx.Warning("get_file_handle() handler missing for %s", tag)
	}
	dir := "F"
	if e.IsOrig {
		dir = "T"
	}
	b := append(p.handle[:0], tag+"-fallback-"+e.Conn.UID+"-"+dir+"-"...)
	return zeeklog.AppendCatDouble(b, p.ctx.Now())
}

func (p *Files) sniff(e *event.FileSniff) {
	i := p.set(e.File)
	if e.Meta.MIMEType == "" {
		return
	}
	i.MIMEType = e.Meta.MIMEType
	if p.auto.Get() {
		for _, a := range p.byMIME[i.MIMEType] {
			p.AddAnalyzer(e.File, a, nil)
		}
	}
}

// inOrder are a file's connections in the order of Zeek's table of them,
// fa_file$conns.
func (p *Files) inOrder(conns []*event.Conn) []*event.Conn {
	if len(conns) < 2 {
		return conns
	}
	t := dict.NewTable[event.ConnID, *event.Conn](p.ctx.Keys, hashConnID)
	for _, c := range conns {
		t.Set(c.ID, c)
	}
	ordered := make([]*event.Conn, 0, len(conns))
	for _, c := range t.All() {
		ordered = append(ordered, c)
	}
	return ordered
}

// hashConnID hashes a conn_id as the index of a table. Its last two fields have a
// default, and so count as optional; ctx, the last, has no fields of its own
// (CompHash.cc; init-bare.zeek, conn_id).
func hashConnID(keys *seed.Keys, id event.ConnID) uint32 {
	var b [96]byte
	return dict.Key(b[:0]).Addr(id.OrigH).Port(id.OrigP, id.Proto).Addr(id.RespH).Port(id.RespP, id.Proto).
		Optional(true).Count(uint64(id.IPProto)).Optional(true).Hash(keys)
}

// write logs the file once for each connection it was seen over.
func (p *Files) write(e *event.FileEvent) {
	i := p.Info(e.File)
	for k, c := range p.inOrder(e.File.Conns) {
		row := i
		if k > 0 {
			cp := *i
			row = &cp
		}
		row.UID, row.ID, row.HasID = c.UID, c.ID, true
		p.Log.Write(row)
	}
	if len(e.File.Conns) == 0 {
		p.Log.Write(i)
	}
}

func columns() []policy.Column[Info] {
	count := func(name string, get func(*Info) uint64) policy.Column[Info] {
		return policy.Count(name, func(i *Info) (uint64, bool) { return get(i), true })
	}
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.Text("fuid", func(i *Info) string { return i.FUID }),
		policy.Text("uid", func(i *Info) string { return i.UID }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID {
		if !i.HasID {
			return nil
		}
		return &i.ID
	})...)
	return append(cols,
		policy.Text("source", func(i *Info) string { return i.Source }),
		count("depth", func(i *Info) uint64 { return i.Depth }),
		policy.StringSet("analyzers", func(i *Info) *dict.StringSet {
			if i.Analyzers == nil {
				return noAnalyzers
			}
			return i.Analyzers
		}),
		policy.Text("mime_type", func(i *Info) string { return i.MIMEType }),
		policy.String("filename", func(i *Info) (string, bool) { return i.Filename, i.HasFilename }),
		policy.Interval("duration", func(i *Info) (float64, bool) { return i.Duration, true }),
		policy.Bool("local_orig", func(i *Info) (bool, bool) { return i.LocalOrig, i.HasLocal }),
		policy.Bool("is_orig", func(i *Info) (bool, bool) { return i.IsOrig, true }),
		count("seen_bytes", func(i *Info) uint64 { return i.Seen }),
		policy.Count("total_bytes", func(i *Info) (uint64, bool) { return i.Total, i.HasTotal }),
		count("missing_bytes", func(i *Info) uint64 { return i.Missing }),
		count("overflow_bytes", func(i *Info) uint64 { return i.Overflow }),
		policy.Bool("timedout", func(i *Info) (bool, bool) { return i.TimedOut, true }),
		policy.Text("parent_fuid", func(i *Info) string { return i.ParentFUID }),
	)
}

// noAnalyzers is the set of a file without any: its order needs no keys.
var noAnalyzers = new(dict.StringSet)
