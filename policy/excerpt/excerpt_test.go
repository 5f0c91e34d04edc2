package excerpt

import (
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	_ "github.com/gzeek/gzeek/policy/dpd" // required by base/protocols/smtp
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/policy/smtp"
)

func TestAPartKeepsTheBeginningOfItsBody(t *testing.T) {
	for _, c := range []struct{ length, source, body, want string }{
		{"0", "SMTP", "body", ""},
		{"3", "SMTP", "body", "bod"},
		{"64", "SMTP", "body", "body"},
		{"64", "HTTP", "body", ""},
	} {
		var s *smtp.SMTP
		var x *Excerpts
		r := policytest.Start(t, policytest.Config{
			Policies: []string{"protocols/smtp/entities-excerpt"},
			Options:  []string{"SMTP::default_entity_excerpt_len=" + c.length},
			Loaded: func(ctx *policy.Context) {
				s, x = policy.Use[*smtp.SMTP](ctx), policy.Use[*Excerpts](ctx)
			},
		})
		r.At(1000)
		conn := &event.Conn{ID: event.ConnID{Proto: event.ProtoTCP}}
		file := &event.File{ID: "F1", Source: c.source, BofBuffer: []byte(c.body), Conns: []*event.Conn{conn}}
		r.Events.SMTPRequest.Enqueue(event.SMTPRequest{Conn: conn, IsOrig: true, Command: "MAIL", Arg: []byte("FROM:<a@b.c>")})
		r.Events.MIMEBeginEntity.Enqueue(event.ConnEvent{Conn: conn})
		r.Events.FileNew.Enqueue(event.FileEvent{File: file})
		r.Events.Drain()
		i, _ := s.Info(conn)
		if got := x.Of(i.Entity); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
		// Between parts there is nothing to keep it with: the body ends there.
		r.Events.MIMEEndEntity.Enqueue(event.ConnEvent{Conn: conn})
		r.Events.FileNew.Enqueue(event.FileEvent{File: file})
		r.Events.Drain()
		if failed := len(r.Errors) > 0; failed != (c.want != "") {
			t.Errorf("%+v: %v", c, r.Errors)
		}
	}
}
