// Package attachments is the policy site/attachment-denylist: it notices mails
// with files of types that a site doesn't want, by what the content is and by
// what the name says, and marks them in files.log.
package attachments

import (
	"path"
	"strings"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "site/attachment-denylist",
		Doc:      "notices of attachments that are not wanted, by type or name",
		API:      1,
		Requires: []string{"base/frameworks/files", "base/protocols/smtp", "base/frameworks/notice"},
		Load:     load,
	})
}

// deniedTypes and deniedExtensions are programs, and what runs programs when it
// is opened.
var (
	deniedTypes = []string{"application/x-dosexec", "application/x-executable", "application/x-mach-o-executable",
		"application/java-archive", "application/x-java-applet"}
	deniedExtensions = []string{"bat", "chm", "cmd", "com", "cpl", "exe", "hta", "img", "iso", "jar", "js", "jse", "lnk",
		"msi", "pif", "ps1", "scr", "vbe", "vbs", "vhd", "wsf", "xll"}
)

type denylist struct {
	files             *files.Files
	notices           *notice.Framework
	types, extensions *redef.StringSet
	deniedType        notice.Type
	deniedName        notice.Type
	reason            event.Slot[string] // of files.Info
}

func load(c *policy.Context) error {
	o := c.Options
	f := policy.Use[*files.Files](c)
	d := &denylist{
		files:      f,
		notices:    policy.Use[*notice.Framework](c),
		types:      o.StringSet("Attachments::denied_types", deniedTypes, "MIME types of content that is not wanted").Live(),
		extensions: o.StringSet("Attachments::denied_extensions", deniedExtensions, "ends of file names that are not wanted, in small letters").Live(),
		reason:     event.NewSlot[string](&f.InfoSlots),
	}
	d.deniedType = d.notices.DeclareType("Attachments::Denied_Type")
	d.deniedName = d.notices.DeclareType("Attachments::Denied_Name")

	// Behind base/frameworks/files (10) and base/protocols/smtp (5), which note
	// the type and the name.
	c.Events.FileOverNewConnection.Handle(c.Policy(), 0, d.named)
	c.Events.FileSniff.Handle(c.Policy(), 0, d.sniffed)
	f.Log.AddColumn(policy.Text("denied", func(i *files.Info) string {
		r, _ := d.reason.Get(i)
		return r
	}))
	return nil
}

func (d *denylist) named(e *event.FileOverNewConnection) {
	i := d.files.Info(e.File)
	if e.File.Source != "SMTP" || !i.HasFilename {
		return
	}
	// What Windows opens is decided by the last extension; dots and blanks
	// behind it don't count.
	name := strings.ToLower(strings.TrimRight(i.Filename, ". "))
	if ext := strings.TrimPrefix(path.Ext(name), "."); ext != "" && d.extensions.Has(ext) {
		d.deny(e.File, d.deniedName, "name", "attachment with the name "+i.Filename)
	}
}

func (d *denylist) sniffed(e *event.FileSniff) {
	if e.File.Source == "SMTP" && d.types.Has(e.Meta.MIMEType) {
		d.deny(e.File, d.deniedType, "type", "attachment of type "+e.Meta.MIMEType)
	}
}

func (d *denylist) deny(f *event.File, note notice.Type, reason, msg string) {
	i := d.files.Info(f)
	if r, ok := d.reason.Get(i); ok && r != reason {
		reason = r + "," + reason
	}
	d.reason.Set(i, reason)
	d.notices.Raise(&notice.Notice{Note: note, File: f, Msg: msg, Identifier: f.ID})
}
