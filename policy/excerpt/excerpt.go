// Package excerpt is protocols/smtp/entities-excerpt: it keeps the beginning of
// a part's body with the part, for other policies; no log shows it.
//
// Zeek looks for it when file_new is handled. At that time the beginning of the
// file is mostly not known yet, and the excerpt stays empty; so it is here.
//
// Zeek: scripts/policy/protocols/smtp/entities-excerpt.zeek.
package excerpt

import (
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/smtp"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "protocols/smtp/entities-excerpt",
		Doc:      "the beginning of the body of each part of a mail, for other policies",
		Requires: []string{"base/protocols/smtp"},
		Load:     load,
	})
}

// Excerpts is the service of this policy.
type Excerpts struct {
	smtp    *smtp.SMTP
	length  *redef.Count
	excerpt event.Slot[string] // of smtp.Entity
}

func load(c *policy.Context) error {
	s := policy.Use[*smtp.SMTP](c)
	x := &Excerpts{
		smtp:    s,
		length:  c.Options.Count("SMTP::default_entity_excerpt_len", 0, "how many bytes of each part's body are kept"),
		excerpt: event.NewSlot[string](&s.EntitySlots),
	}
	policy.Provide(c, x)
	c.Events.FileNew.Handle(c.Policy(), 5, x.fileNew)
	return nil
}

// Of returns the excerpt of a part, "" without one.
func (x *Excerpts) Of(e *smtp.Entity) string {
	s, _ := x.excerpt.Get(e)
	return s
}

func (x *Excerpts) fileNew(e *event.FileEvent) {
	if e.File.Source != "SMTP" || e.File.BofBuffer == nil || x.length.Get() == 0 {
		return
	}
	b := e.File.BofBuffer
	b = b[:min(uint64(len(b)), x.length.Get())]
	for _, c := range e.File.Conns {
		i, ok := x.smtp.Info(c)
		if !ok {
			continue
		}
		if i.Entity == nil {
			panic(event.ScriptError{Msg: "field value missing (SMTP::c$smtp$entity)"})
		}
		x.excerpt.Set(i.Entity, string(b))
	}
}
