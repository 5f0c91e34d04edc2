package notice

import (
	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/seed"
)

// Suppression is the event Notice::begin_suppression: notices of this type and
// identifier are suppressed until TS + SuppressFor.
type Suppression struct {
	TS          float64 // seconds since the epoch
	SuppressFor float64 // seconds
	Note        Type
	Identifier  string
}

// Suppressed is the event Notice::suppressed.
type Suppressed struct{ Notice *Notice }

// suppressKey is the index of the table of what is being suppressed.
type suppressKey struct {
	note       int // number of the type
	identifier string
}

func hashSuppressKey(keys *seed.Keys, k suppressKey) uint32 {
	var b [128]byte
	return dict.Key(b[:0]).Enum(k.note).String(k.identifier).Hash(keys)
}

// suppressing holds until when. Zeek has it as a table whose entries are up at
// once (&create_expire=0secs), with an expire function that tells how long they
// are to stay: so an entry goes when the table is looked through after its time,
// up to table_expire_interval later, and until then it suppresses.
type suppressing struct {
	f     *Framework
	table *dict.Expiring[suppressKey, float64]
}

func newSuppressing(f *Framework) *suppressing {
	c := f.ctx
	s := &suppressing{f: f, table: dict.NewExpiring[suppressKey, float64](c.Keys, hashSuppressKey, c, dict.CreateExpire, 0)}
	s.table.OnExpire = func(_ suppressKey, until *float64) float64 { return max(*until-c.Now(), 0) }
	c.Expire(s.table)
	f.BeginSuppression = event.Declare[Suppression](c.Events.Queue, "Notice::begin_suppression",
		"ts: time", "suppress_for: interval", "note: Notice::Type", "identifier: string")
	f.Suppressed = event.Declare[Suppressed](c.Events.Queue, "Notice::suppressed", "n: Notice::Info")
	f.BeginSuppression.Handle(c.Policy(), 0, func(e *Suppression) {
		s.table.Set(suppressKey{f.number(e.Note), e.Identifier}, e.TS+e.SuppressFor)
	})
	return s
}

func (s *suppressing) has(n *Notice) bool {
	return n.Identifier != "" && s.table.Has(suppressKey{s.f.number(n.Note), n.Identifier})
}

// begin suppresses further notices like n unless there is nothing to suppress.
func (s *suppressing) begin(n *Notice) {
	if n.Identifier == "" || *n.SuppressFor == 0 || s.has(n) {
		return
	}
	s.f.BeginSuppression.Enqueue(Suppression{TS: n.TS, SuppressFor: *n.SuppressFor, Note: n.Note, Identifier: n.Identifier})
	s.table.Set(suppressKey{s.f.number(n.Note), n.Identifier}, n.TS+*n.SuppressFor)
}
