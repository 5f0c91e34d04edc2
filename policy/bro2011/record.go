package bro2011

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

// Info is the record of a mail, and a row of smtp.log. A text that is nil is
// unset, an empty one is not; a set that is nil is unset.
type Info struct {
	event.Extension

	TS   float64 // seconds since the epoch
	UID  string
	Conn *event.Conn // its id is read when the row is written: the record shares it

	HELO           []byte
	MailFrom       []byte
	RcptTo         *dict.StringSet
	Date           []byte
	From           []byte
	To             *dict.StringSet
	ReplyTo        []byte
	MsgID          []byte
	InReplyTo      []byte
	Subject        []byte
	XOriginatingIP netip.Addr // invalid is unset
	FirstReceived  []byte
	SecondReceived []byte
	LastReply      []byte // the last error of the server
	Files          *dict.StringSet
	Path           []netip.Addr // from the server backwards
	UserAgent      []byte

	InHeaders           bool   // the header of a message is being read
	ProcessReceivedFrom bool   // Received fields still extend the path
	CurrentHeader       string // name of the field that a folded line continues, upper case
	Done                bool   // written; the connection's next event begins a new record

	held int // octets in sets and path
}

// State is what a connection keeps from mail to mail.
type State struct {
	HELO                []byte // nil is unset
	MessagesTransferred uint64
	// PendingMessages is a set of records that the script declares and never
	// touches.
	PendingMessages []*Info
}

// maxHeld is how much a record collects in its sets and path, and in a text that
// goes on over many lines: nothing above Log::max_log_record_size's default is
// written, so that what is beyond it need not be kept.
const maxHeld = 64<<20 + 1

// keep copies b, which is borrowed; the copy is never nil.
func keep(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

// addTo adds a copy of elem to a set, which it makes if need be.
func (s *script) addTo(i *Info, set **dict.StringSet, elem []byte) {
	if *set == nil {
		*set = dict.NewStringSet(s.ctx.Keys)
	}
	if i.held > maxHeld {
		return
	}
	if (*set).Add(string(elem)) {
		i.held += len(elem) + 1
	}
}

// extend appends a blank and more to a text, the `+=` of the script. If the field
// is not set that is a run-time error, which ends the handler.
func extend(text *[]byte, field string, more []byte) {
	if *text == nil {
		panic(event.ScriptError{Msg: "field value missing (c$smtp$" + field + ")"})
	}
	if len(*text) <= maxHeld {
		*text = append(append(*text, ' '), more...)
	}
}

func columns() []policy.Column[Info] {
	text := func(name string, get func(*Info) []byte) policy.Column[Info] {
		return policy.Column[Info]{Name: name, Type: zeeklog.T(zeeklog.String), Get: func(i *Info, v *zeeklog.Value) {
			if b := get(i); b != nil {
				v.SetBytes(b)
			}
		}}
	}
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.TS }),
		policy.String("uid", func(i *Info) (string, bool) { return i.UID, true }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return &i.Conn.ID })...)
	return append(cols,
		text("helo", func(i *Info) []byte { return i.HELO }),
		text("mailfrom", func(i *Info) []byte { return i.MailFrom }),
		policy.StringSet("rcptto", func(i *Info) *dict.StringSet { return i.RcptTo }),
		text("date", func(i *Info) []byte { return i.Date }),
		text("from", func(i *Info) []byte { return i.From }),
		policy.StringSet("to", func(i *Info) *dict.StringSet { return i.To }),
		text("reply_to", func(i *Info) []byte { return i.ReplyTo }),
		text("msg_id", func(i *Info) []byte { return i.MsgID }),
		text("in_reply_to", func(i *Info) []byte { return i.InReplyTo }),
		text("subject", func(i *Info) []byte { return i.Subject }),
		policy.Addr("x_originating_ip", func(i *Info) netip.Addr { return i.XOriginatingIP }),
		text("first_received", func(i *Info) []byte { return i.FirstReceived }),
		text("second_received", func(i *Info) []byte { return i.SecondReceived }),
		text("last_reply", func(i *Info) []byte { return i.LastReply }),
		policy.StringSet("files", func(i *Info) *dict.StringSet { return i.Files }),
		policy.Column[Info]{Name: "path", Type: zeeklog.VectorOf(zeeklog.Addr), Get: func(i *Info, v *zeeklog.Value) {
			v.SetEmptyVector()
			for _, a := range i.Path {
				v.AppendElem().SetAddr(a)
			}
		}},
		text("user_agent", func(i *Info) []byte { return i.UserAgent }),
	)
}
