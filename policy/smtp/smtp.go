// Package smtp is base/protocols/smtp: it puts a record for each mail together
// from the events of the SMTP and MIME analyzers, and writes smtp.log.
//
// Zeek: scripts/base/protocols/smtp/{main,entities,files}.zeek.
//
//	smtp.go      the transaction: commands, replies, when a record is written
//	headers.go   what is taken from the header of a mail
//	entities.go  the parts of a mail, their names and their files
//	columns.go   the columns of smtp.log
package smtp

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/extract"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/conn"
	"github.com/gzeek/gzeek/policy/files"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/policy/weird"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name: "base/protocols/smtp",
		Doc:  "smtp.log: a record for each mail",
		Requires: []string{
			"base/utils/site", "base/protocols/conn/removal-hooks", "base/frameworks/notice/weird",
			"base/frameworks/files", "base/frameworks/analyzer",
		},
		Load: load,
	})
}

// Info is a record of smtp.log, SMTP::Info. Empty strings of optional fields
// are told apart from unset ones by Fields.
type Info struct {
	event.Extension

	TS         float64
	UID        string
	ID         event.ConnID
	TransDepth uint64

	HELO, MailFrom      Field
	RcptTo              *dict.StringSet // nil is unset
	Date, From          Field
	To, CC              *dict.StringSet // nil is unset
	ReplyTo, MsgID      Field
	InReplyTo, Subject  Field
	XOriginatingIP      netip.Addr // invalid is unset
	LastReply           Field
	Path                []netip.Addr
	UserAgent           Field
	TLS                 bool
	FUIDs               []string
	Entity              *Entity // the part that is being read, nil between parts
	RFC822MsgFUID       string  // "" is unset
	processReceivedFrom bool
	hasClientActivity   bool
	processHeaders      bool
	entityCount         uint64
	received            [2]received // the last Received field, and the one before

	room struct {
		path  [2]netip.Addr
		fuids [2]string
	}
}

// FirstReceived is the value of the last Received field so far: the one that was
// added first.
func (i *Info) FirstReceived() Field { return i.received[0].field() }

// SecondReceived is the value of the one before it.
func (i *Info) SecondReceived() Field { return i.received[1].field() }

// received is the value of a field that may come many times, of which most are
// seen by nobody: it is a string only once somebody asks for it.
type received struct {
	set, made bool
	text      []byte
	value     string
}

func (r *received) field() Field {
	if r.set && !r.made {
		r.value, r.made = string(r.text), true
	}
	return Field{r.value, r.set}
}

// gotReceived takes a Received field.
func (p *SMTP) gotReceived(i *Info, value []byte) {
	i.received[0], i.received[1] = i.received[1], i.received[0]
	r := &i.received[0]
	r.text = p.buffers.Append(r.text[:0], value)
	r.set, r.made, r.value = true, false, ""
}

// settle gives back the room of a record that is done.
func (p *SMTP) settle(i *Info) {
	for k := range i.received {
		r := &i.received[k]
		if r.set && !r.made {
			r.value, r.made = p.text.String(r.text), true
		}
		p.buffers.Give(r.text)
		r.text = nil
	}
}

func (p *SMTP) field(b []byte) Field { return Field{p.text.String(b), true} }

// Field is an optional string.
type Field struct {
	Value string
	Set   bool
}

// State is what is kept for a connection across its mails, SMTP::State.
type State struct {
	HELO                Field
	MessagesTransferred uint64
	MIMEDepth           uint64

	mailFromSeen, rcptToSeen bool
	invalidTransactions      uint64
	bdatLast                 bool
	analyzer                 event.AnalyzerID // 0 is unset
	removalHooked            bool
}

// SMTP is the service of this policy.
type SMTP struct {
	Log *policy.Stream[Info]

	// InfoSlots and EntitySlots hand out the fields that other policies add to
	// Info and Entity.
	InfoSlots, EntitySlots event.Slots

	ctx     *policy.Context
	site    *site.Site
	removal *conn.Removal
	weirds  *weird.Weirds
	files   *files.Files
	order   extract.Order

	info   event.Slot[*Info]
	state  event.Slot[*State]
	infos  slab.Of[Info]
	states slab.Of[State]
	parts  slab.Of[Entity]
	sets   slab.Of[dict.StringSet]
	slots  dict.StringSlots
	paths  slab.Of[netip.Addr]
	fuids  slab.Of[string]
	text   slab.Text
	// buffers are lent to the Received fields of open mails.
	buffers slab.Buffers
	// removed is removedConn, made once.
	removed func(*event.Conn)

	pathCapture *redef.Enum
	validate    *redef.Bool
	maxInvalid  *redef.Count
	rfc822Files *redef.Bool
	maxFindAll  *redef.Int
	urlRegex    *redef.Pattern
	plainURLs   string // text of url_regex by default

	scratch [][]byte
}

func load(c *policy.Context) error {
	o := c.Options
	p := &SMTP{
		ctx:     c,
		site:    policy.Use[*site.Site](c),
		removal: policy.Use[*conn.Removal](c),
		weirds:  policy.Use[*weird.Weirds](c),
		files:   policy.Use[*files.Files](c),
		order:   extract.DictOrder(c.Keys),
		info:    event.NewSlot[*Info](&c.Events.ConnSlots),
		state:   event.NewSlot[*State](&c.Events.ConnSlots),

		pathCapture: site.HostOption(o, "SMTP::mail_path_capture", site.AllHosts, "how far the path of Received headers is followed"),
		validate:    o.Bool("SMTP::mail_transaction_validation", true, "raise a weird for RCPT and DATA out of order"),
		maxInvalid:  o.Count("SMTP::max_invalid_mail_transactions", 25, "disable the analyzer after so many of them; 0 never does"),
		rfc822Files: o.Bool("SMTP::enable_rfc822_msg_file_analysis", false, "each mail as a whole is a file too"),
		maxFindAll:  o.Int("max_find_all_string_length", 10000, "a longer string is not searched for addresses; 0 is no limit"),
		urlRegex:    o.Pattern("url_regex", defaultURLs, "what URLs in mails look like, for frameworks/intel/seen/smtp-url-extraction"),
	}
	p.plainURLs = p.urlRegex.Get().ExactText() // before options are set
	p.Log = policy.NewStream(c, "SMTP::LOG", "smtp", "SMTP::log_smtp", columns()...)
	p.removed = p.removedConn
	policy.Provide(c, p)

	ev, name := c.Events, c.Policy()
	ev.AnalyzerConfirmationInfo.Handle(name, 0, func(e *event.AnalyzerConfirmation) {
		if e.Name == "SMTP" && e.Conn != nil {
			_, st := p.session(e.Conn)
			st.analyzer = e.AID
		}
	})
	ev.SMTPRequest.Handle(name, 5, p.request)
	ev.SMTPReply.Handle(name, 5, func(e *event.SMTPReply) {
		i, _ := p.session(e.Conn)
		const code = 20 + len(" ")
		b := strconv.AppendUint(p.text.Room(code+len(e.Msg)), e.Code, 10)
		b = append(append(b, ' '), e.Msg...)
		if i.LastReply.Value != string(b) { // many are the same
			i.LastReply = Field{p.text.Take(b), true}
		}
	})
	ev.SMTPReply.Handle(name, -5, p.replied)
	ev.SMTPStartTLS.Handle(name, 5, func(e *event.ConnEvent) {
		if i, ok := p.info.Get(e.Conn); ok {
			i.TLS, i.hasClientActivity = true, true
		}
	})
	p.loadHeaders(ev, name)
	p.loadEntities(ev, name)
	return nil
}

// Info returns the connection's record, and whether there is one: c$smtp.
func (p *SMTP) Info(c *event.Conn) (*Info, bool) { return p.info.Get(c) }

// State returns the connection's state, and whether there is one: c$smtp_state.
func (p *SMTP) State(c *event.Conn) (*State, bool) { return p.state.Get(c) }

// session returns record and state of a connection, and makes them if need be
// (set_smtp_session).
func (p *SMTP) session(c *event.Conn) (*Info, *State) {
	st, ok := p.state.Get(c)
	if !ok {
		st = p.states.New()
		p.state.Set(c, st)
	}
	i, ok := p.info.Get(c)
	if !ok {
		i = p.begin(c, st)
	}
	return i, st
}

// begin makes a new record (new_smtp_log). Its depth counts the mail that is
// about to come.
func (p *SMTP) begin(c *event.Conn, st *State) *Info {
	i := p.infos.New()
	i.TS = p.ctx.Now()
	i.UID = c.UID
	i.ID = c.ID
	i.TransDepth = st.MessagesTransferred + 1
	i.HELO = st.HELO
	i.Path = append(i.room.path[:0], c.ID.RespH, c.ID.OrigH)
	i.FUIDs = i.room.fuids[:0]
	i.processReceivedFrom, i.processHeaders = true, true
	p.info.Set(c, i)
	if !st.removalHooked {
		st.removalHooked = true
		p.removal.Register(c, p.removed)
	}
	return i
}

func (p *SMTP) removedConn(c *event.Conn) {
	i, ok := p.info.Get(c)
	st, has := p.state.Get(c)
	if ok && has {
		p.message(c, i, st)
	}
}

// message writes the record if a client has done anything, and begins a new
// one (smtp_message).
func (p *SMTP) message(c *event.Conn, i *Info, st *State) *Info {
	if !i.hasClientActivity {
		return i
	}
	p.settle(i)
	p.Log.Write(i)
	return p.begin(c, st)
}

func (p *SMTP) request(e *event.SMTPRequest) {
	i, st := p.session(e.Conn)
	switch e.Command {
	case "HELO", "EHLO":
		st.HELO = p.field(e.Arg)
		i.HELO = st.HELO
	case "RCPT":
		if !hasFoldedPrefix(e.Arg, "to:") {
			return
		}
		p.begun(&i.RcptTo)
		for _, a := range p.emailAddrs(e.Arg) {
			i.RcptTo.Add(p.text.String(deleteORCPT(a)))
		}
		i.hasClientActivity = true
		st.rcptToSeen = true
		if p.validate.Get() && !st.mailFromSeen {
			p.transactionInvalid(e.Conn, st, "rcpt to missing mail from")
		}
	case "MAIL":
		if !hasFoldedPrefix(e.Arg, "from:") {
			return
		}
		// The server's answer to the last message may have been missed.
		i = p.message(e.Conn, i, st)
		from, exceeded := extract.ExtractFirstEmailAddr(e.Arg, p.findAllLimit())
		if exceeded {
			p.findAllExceeded("base/utils/email.zeek", emailVecLine, len(e.Arg))
		}
		if len(from) > 0 {
			i.MailFrom = p.field(from)
		}
		i.hasClientActivity = true
		st.mailFromSeen, st.rcptToSeen = true, false
	case "DATA", "BDAT":
		if p.validate.Get() && !st.rcptToSeen {
			p.transactionInvalid(e.Conn, st, "data missing rcpt to")
		}
		if e.Command == "BDAT" && bytes.HasSuffix(e.Arg, []byte(" LAST")) {
			st.mailFromSeen, st.rcptToSeen, st.bdatLast = false, false, true
		}
	case ".":
		st.mailFromSeen, st.rcptToSeen = false, false
	}
}

// begun sees to it that there is a set.
func (p *SMTP) begun(set **dict.StringSet) {
	if *set == nil {
		*set = p.sets.New()
		p.slots.Init(*set, p.ctx.Keys)
	}
}

// replied writes the record when the server has answered the end of a message,
// whatever it said. Every line of that answer counts as a message.
func (p *SMTP) replied(e *event.SMTPReply) {
	i, st := p.session(e.Conn)
	if e.Cmd == "." || !e.ContResp && e.Cmd == "BDAT" && st.bdatLast {
		st.MessagesTransferred++
		st.bdatLast = false
		if p.message(e.Conn, i, st) == i { // it hasn't begun a new one
			p.begin(e.Conn, st)
		}
	}
}

func (p *SMTP) transactionInvalid(c *event.Conn, st *State, addl string) {
	c.Ctl.Weird("smtp_mail_transaction_invalid", addl, "SMTP")
	st.invalidTransactions++
	if max := p.maxInvalid.Get(); max > 0 && st.invalidTransactions > max && st.analyzer != 0 {
		c.Ctl.Weird("smtp_excessive_invalid_mail_transactions", "", "SMTP")
		if c.Ctl.DisableAnalyzer(st.analyzer) {
			st.analyzer = 0
		}
	}
}

// hasFoldedPrefix says whether b begins with a prefix of lower-case letters,
// in any case.
func hasFoldedPrefix(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// emailAddrs returns the members of extract_email_addrs_set in their order.
func (p *SMTP) emailAddrs(s []byte) [][]byte {
	addrs, exceeded := extract.ExtractEmailAddrsSet(p.scratch[:0], s, p.findAllLimit(), p.order)
	if exceeded {
		p.findAllExceeded("base/utils/email.zeek", emailSetLine, len(s))
	}
	p.scratch = addrs[:0]
	return p.order(addrs)
}

// deleteORCPT removes /ORCPT=rfc822;?/ wherever it stands.
func deleteORCPT(b []byte) []byte {
	const orcpt = "ORCPT=rfc822"
	if bytes.IndexByte(b, '=') < 0 {
		return b // the usual address
	}
	i := bytes.Index(b, []byte(orcpt))
	if i < 0 {
		return b
	}
	out := append([]byte(nil), b[:i]...)
	b = bytes.TrimPrefix(b[i+len(orcpt):], []byte(";"))
	return append(out, deleteORCPT(b)...)
}

// Where the searches stand in Zeek's script; the weird names the place.
const (
	emailVecLine  = 11
	emailSetLine  = 28
	emailMIMELine = 61
)

// findAllLimit is max_find_all_string_length, 0 without a limit.
func (p *SMTP) findAllLimit() int { return int(p.maxFindAll.Get()) }

// findAllExceeded raises the net weird of a search in too long a string
// (strings.bif, exceeds_max_string_length).
func (p *SMTP) findAllExceeded(script string, line, n int) {
	p.ctx.Weirds.Net("max_find_all_string_length_exceeded",
		policy.ScriptPath(script)+", line "+strconv.Itoa(line)+": length "+strconv.Itoa(n)+
			" exceeded "+strconv.FormatInt(p.maxFindAll.Get(), 10)+"(from constant max_find_all_string_length", "")
}
