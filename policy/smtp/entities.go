package smtp

import (
	"bytes"
	"strconv"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/policy/weird"
	"github.com/gzeek/gzeek/zeeklog"
)

// Entity is a part of a mail, SMTP::Entity.
type Entity struct {
	event.Extension
	Filename    string
	HasFilename bool
}

func (p *SMTP) loadEntities(ev *event.Events, name string) {
	ev.MIMEBeginEntity.Handle(name, 10, func(e *event.ConnEvent) {
		if i, ok := p.info.Get(e.Conn); ok {
			i.Entity = p.parts.New()
		}
		if st, ok := p.state.Get(e.Conn); ok {
			st.MIMEDepth++
		}
	})
	ev.MIMEOneHeader.Handle(name, 5, p.entityHeader)
	ev.MIMEEndEntity.Handle(name, 5, func(e *event.ConnEvent) {
		if i, ok := p.info.Get(e.Conn); ok {
			i.Entity = nil
		}
	})
	ev.FileOverNewConnection.Handle(name, 5, p.describeFile)
	ev.FileOverNewConnection.Handle(name, 5, p.noteFile)
	p.files.Register("SMTP", files.Handles{Handle: p.fileHandle, Describe: p.describe})
}

// entityHeader finds the name of a part's file; the later of the two headers
// wins.
func (p *SMTP) entityHeader(e *event.MIMEOneHeader) {
	i, ok := p.info.Get(e.Conn)
	if !ok {
		return
	}
	if i.Entity == nil {
		// The end of the part was seen after its record was written.
		id := e.Conn.ID
		p.weirds.Weird(&weird.Info{TS: p.ctx.Now(), Name: "missing_SMTP_entity", UID: e.Conn.UID, ID: &id, Source: "SMTP"})
		return
	}
	var named bool
	switch string(e.Header.Name) {
	case "CONTENT-DISPOSITION":
		named = hasParameter(e.Header.Value, "filename", true)
	case "CONTENT-TYPE":
		named = hasParameter(e.Header.Value, "name", false)
	}
	if named {
		i.Entity.Filename = p.text.String(extract.ExtractFilenameFromContentDisposition(e.Header.Value))
		i.Entity.HasFilename = true
	}
}

// hasParameter looks for a parameter's name in lower case, blanks, a star if
// that is allowed, and "=", anywhere in a header value.
func hasParameter(value []byte, name string, star bool) bool {
	for i := 0; i+len(name) < len(value); i++ {
		if !hasFoldedPrefix(value[i:], name) {
			continue
		}
		rest := bytes.TrimLeft(value[i+len(name):], " \t")
		if star {
			rest = bytes.TrimPrefix(rest, []byte("*"))
		}
		if len(rest) > 0 && rest[0] == '=' {
			return true
		}
	}
	return false
}

func (p *SMTP) describeFile(e *event.FileOverNewConnection) {
	i, ok := p.info.Get(e.Conn)
	if e.File.Source != "SMTP" || !ok {
		return
	}
	f := p.files.Info(e.File)
	if i.Entity != nil && i.Entity.HasFilename {
		f.Filename, f.HasFilename = i.Entity.Filename, true
	}
	if st, ok := p.state.Get(e.Conn); ok {
		f.Depth = st.MIMEDepth
	}
}

// noteFile puts the file's id into the mail's record. If the mail as a whole is
// a file too, that is the first one, and the parent of the others.
func (p *SMTP) noteFile(e *event.FileOverNewConnection) {
	i, ok := p.info.Get(e.Conn)
	if !ok || i.TLS {
		return
	}
	i.FUIDs = p.fuids.Append(i.FUIDs, e.File.ID)
	if !p.rfc822Files.Get() {
		return
	}
	if i.RFC822MsgFUID == "" {
		i.RFC822MsgFUID = e.File.ID
	} else if e.File.ParentID == "" {
		e.File.ParentID = i.RFC822MsgFUID
	}
}

// fileHandle tells the parts of the mails of a connection apart
// (SMTP::get_file_handle). Zeek concatenates without separators.
func (p *SMTP) fileHandle(dst []byte, c *event.Conn, _ bool) []byte {
	i, ok := p.info.Get(c)
	if !ok {
		panic(event.ScriptError{Msg: "field value missing (SMTP::c$smtp)"})
	}
	st, _ := p.state.Get(c)
	dst = append(dst, "Analyzer::ANALYZER_SMTP"...)
	dst = zeeklog.AppendCatDouble(dst, c.StartTime)
	dst = strconv.AppendUint(dst, i.TransDepth, 10)
	dst = append(dst, i.RFC822MsgFUID...)
	return strconv.AppendUint(dst, st.MIMEDepth, 10)
}

// describe says from whom to whom a file goes (SMTP::describe).
func (p *SMTP) describe(f *event.File) string {
	if len(f.Conns) == 0 {
		return ""
	}
	i, ok := p.info.Get(f.Conns[0])
	if !ok {
		panic(event.ScriptError{Msg: "field value missing (SMTP::c$smtp)"})
	}
	return i.describe()
}

func (i *Info) describe() string {
	if !i.MailFrom.Set || i.RcptTo == nil {
		return ""
	}
	s := i.MailFrom.Value + " -> "
	for to := range i.RcptTo.All() {
		s += to
		break
	}
	if n := i.RcptTo.Len(); n > 1 {
		s += " (plus " + strconv.Itoa(n-1) + " others)"
	}
	if sub := i.Subject.Value; i.Subject.Set && len(sub) > 20 {
		s += ": " + sub[:21] + "..."
	}
	return s
}
