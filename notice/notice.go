package notice

import (
	"net/netip"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice/geoip"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/zeeklog"
)

// Type is a value of Zeek's open enum Notice::Type, with its module:
// "SMTP::Blocklist_Blocked_Host".
type Type = string

// Action is a value of the open enum Notice::Action. Its number decides the
// order in which the column actions is written.
type Action = dict.Enum

// The actions of the base scripts, numbered as Zeek loads them.
var (
	ActionNone       = Action{Number: 0, Name: "Notice::ACTION_NONE"}
	ActionLog        = Action{Number: 1, Name: "Notice::ACTION_LOG"}
	ActionEmail      = Action{Number: 2, Name: "Notice::ACTION_EMAIL"}
	ActionAlarm      = Action{Number: 3, Name: "Notice::ACTION_ALARM"}
	ActionDrop       = Action{Number: 4, Name: "Notice::ACTION_DROP"}
	ActionEmailAdmin = Action{Number: 5, Name: "Notice::ACTION_EMAIL_ADMIN"}
	ActionPage       = Action{Number: 6, Name: "Notice::ACTION_PAGE"}
	ActionAddGeodata = Action{Number: 7, Name: "Notice::ACTION_ADD_GEODATA"}
)

// baseActions is the number of the first action that a policy can declare.
const baseActions = 8

// Port is a port with its protocol.
type Port struct {
	Number uint16
	Proto  event.Proto
}

// Notice is Zeek's Notice::Info. Who raises one sets Note, mostly Msg and Sub,
// and Conn, File, ID, or Src and Dst; the framework fills in the rest. A field
// that is zero is unset, unless said otherwise.
type Notice struct {
	event.Extension

	TS  float64       // seconds since the epoch; 0 is now
	UID string        // the connection's
	ID  *event.ConnID // addresses and ports of the connection

	// Conn and File stand for all that the framework takes from them. What is
	// said of a file's connection overwrites UID and ID.
	Conn *event.Conn
	File *event.File

	FUID         string
	FileMIMEType string
	FileDesc     *string // may be empty and set
	Proto        *event.Proto

	Note     Type
	Msg, Sub string
	// HasMsg and HasSub say that an empty Msg or Sub is set all the same.
	HasMsg, HasSub bool

	Src, Dst netip.Addr
	P        *Port
	N        *uint64

	PeerName, PeerDescr string

	// Actions and EmailDest are sets in Zeek's order; Raise makes empty ones
	// where they are nil.
	Actions   *dict.EnumSet
	EmailDest *dict.StringSet

	// EmailBodySections are put at the end of mails, one paragraph each.
	EmailBodySections []string
	// EmailDelayTokens hold back mails while the set has a member, at most for
	// Notice::max_email_delay.
	EmailDelayTokens *dict.StringSet

	// Identifier tells when two notices of a type are the same for suppression;
	// "" is never suppressed.
	Identifier string
	// SuppressFor is how long to suppress, in seconds; nil is
	// Notice::default_suppression_interval. Set after Notice::policy has begun.
	SuppressFor *float64

	RemoteLocation *geoip.Location

	// arriving are the answers of what holds back mails: they come from other
	// goroutines, and are taken in when a mail is due.
	arriving chan section
}

type section struct{ token, text string }

// HasAction says whether an action is to be taken.
func (n *Notice) HasAction(a Action) bool { return n.Actions.Has(a) }

// columns of Notice::Info in main.zeek. Those of the actions come behind.
func columns() []policy.Column[Notice] {
	cols := []policy.Column[Notice]{
		policy.Time("ts", func(n *Notice) float64 { return n.TS }),
		policy.Text("uid", func(n *Notice) string { return n.UID }),
	}
	cols = append(cols, policy.ConnID(func(n *Notice) *event.ConnID { return n.ID })...)
	return append(cols,
		policy.Text("fuid", func(n *Notice) string { return n.FUID }),
		policy.Text("file_mime_type", func(n *Notice) string { return n.FileMIMEType }),
		policy.String("file_desc", func(n *Notice) (string, bool) {
			if n.FileDesc == nil {
				return "", false
			}
			return *n.FileDesc, true
		}),
		policy.Enum("proto", func(n *Notice) (string, bool) {
			if n.Proto == nil {
				return "", false
			}
			return n.Proto.String(), true
		}),
		policy.Enum("note", func(n *Notice) (string, bool) { return n.Note, true }),
		policy.String("msg", func(n *Notice) (string, bool) { return n.Msg, n.hasMsg() }),
		policy.String("sub", func(n *Notice) (string, bool) { return n.Sub, n.hasSub() }),
		policy.Addr("src", func(n *Notice) netip.Addr { return n.Src }),
		policy.Addr("dst", func(n *Notice) netip.Addr { return n.Dst }),
		policy.Port("p", func(n *Notice) (uint16, bool) {
			if n.P == nil {
				return 0, false
			}
			return n.P.Number, true
		}),
		policy.Count("n", func(n *Notice) (uint64, bool) {
			if n.N == nil {
				return 0, false
			}
			return *n.N, true
		}),
		policy.Text("peer_descr", func(n *Notice) string { return n.PeerDescr }),
		policy.Column[Notice]{Name: "actions", Type: zeeklog.SetOf(zeeklog.Enum), Get: func(n *Notice, v *zeeklog.Value) {
			v.SetEmptySet()
			for a := range n.Actions.All() {
				v.AppendElem().SetEnum(a.Name)
			}
		}},
		policy.StringSet("email_dest", func(n *Notice) *dict.StringSet { return n.EmailDest }),
		policy.Interval("suppress_for", func(n *Notice) (float64, bool) {
			if n.SuppressFor == nil {
				return 0, false
			}
			return *n.SuppressFor, true
		}),
	)
}

func (n *Notice) hasMsg() bool { return n.HasMsg || n.Msg != "" }
func (n *Notice) hasSub() bool { return n.HasSub || n.Sub != "" }
