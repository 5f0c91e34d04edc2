// Package smtp follows a mail session in both directions and tells what client
// and server say: commands, replies, and the mails through package mime.
//
// It judges nothing: what is out of order is told (smtp_unexpected), and the
// rest goes on as best it can. Records of transactions are the business of the
// policies.
//
// Zeek: src/analyzer/protocol/smtp/SMTP.cc, BDAT.cc.
package smtp

import (
	"bytes"
	"strconv"

	"github.com/gzeek/gzeek/analyzers"
	"github.com/gzeek/gzeek/analyzers/contentline"
	"github.com/gzeek/gzeek/analyzers/mime"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
)

// Name is the analyzer's tag.
const Name = "SMTP"

// rfc822 is the type of a whole mail as a file.
const rfc822 = "message/rfc822"

// Options are the analyzer's options, by their names in Zeek.
type Options struct {
	// BDATMaxLineLength is SMTP::bdat_max_line_length in octets: a longer line
	// of a BDAT chunk is cut.
	BDATMaxLineLength uint64
	// EnableRFC822MsgFileAnalysis is SMTP::enable_rfc822_msg_file_analysis:
	// each mail as a whole is a file, too.
	EnableRFC822MsgFileAnalysis bool
	// MIME holds the limits of MIME parsing.
	MIME mime.Options
}

// DefaultOptions returns Zeek's defaults.
func DefaultOptions() Options {
	return Options{BDATMaxLineLength: 4096, MIME: mime.DefaultOptions()}
}

// state is where the session is. The numbers show in smtp_unexpected.
type state uint8

const (
	connected    state = iota // before the banner
	initiated                 // EHLO or HELO expected
	notAvailable              // the server does not want
	ready                     // MAIL expected
	mailOK                    // RCPT expected
	rcptOK                    // RCPT or DATA expected
	inData                    // lines of a mail
	afterData                 // the reply to a mail expected
	inAuth                    // answers to AUTH's questions
	inTLS                     // not SMTP any more
	quit                      // nothing expected
	afterGap                  // something was missed, a reply expected
	gapRecovery               // that reply has come
	inBDAT                    // octets of a mail
)

// maxPending is how many commands may wait for replies behind the first.
const maxPending = 1000

// Analyzer parses one connection. It implements analyzers.Analyzer.
type Analyzer struct {
	host   analyzers.Host
	events *event.Events
	files  mime.Files
	opts   *Options
	maker  *Factory

	orig, resp *contentline.Splitter // nil before the first octet, see splitter
	flags      contentline.Flags
	raw        bool                           // after STARTTLS: octets come as they are, not as lines
	tls        func(data []byte, isOrig bool) // where they go then

	state     state
	respSends bool     // TURN has reversed the roles
	replying  uint64   // code of the reply that more lines belong to, or 0
	replied   command  // what the last reply answered
	first     command  // the command that the next reply answers
	pending   commands // those behind

	mail     *mime.Mail // nil between mails
	bdat     *bdat      // nil unless chunks are expected
	skipData bool
	fileID   string // of the mail as a whole, "" without
	conn     *event.Conn

	text []byte // a detail on its way into an event

	slow bool // for tests: each line is taken by itself
}

var _ analyzers.Analyzer = (*Analyzer)(nil)

// Factory makes the analyzers of a run. It belongs to one goroutine, with all
// that it makes.
type Factory struct {
	files   mime.Files
	opts    *Options
	buffers slab.Buffers

	// What is done, for others.
	mails     []*mime.Mail
	analyzers []*Analyzer
	splitters []*contentline.Splitter

	newAnalyzers slab.Of[Analyzer]
	newSplitters slab.Of[contentline.Splitter]
}

// keepMails is how many are kept at most: enough for some hundred mails at a time.
const keepMails = 256

// NewFactory returns a factory. Opts are read at any time; nil means the
// defaults.
func NewFactory(files mime.Files, opts *Options) *Factory {
	if opts == nil {
		o := DefaultOptions()
		opts = &o
	}
	return &Factory{files: files, opts: opts}
}

// New returns an analyzer for the connection of host.
func (f *Factory) New(host analyzers.Host) *Analyzer {
	// Splitters and a mail are made when they are needed: most of many
	// connections at a time are scans.
	var a *Analyzer
	if n := len(f.analyzers); n > 0 {
		a = f.analyzers[n-1]
		f.analyzers = f.analyzers[:n-1]
	} else {
		a = f.newAnalyzers.New()
	}
	*a = Analyzer{
		host: host, events: host.Events(), files: f.files, opts: f.opts, maker: f,
		state: initiated, first: connEstablishment, replied: noCommand,
	}
	return a
}

// recycle takes back an analyzer that is done, with its splitters. They forget
// their connection: what is used again must not keep those that had it before.
func (f *Factory) recycle(a *Analyzer) {
	for _, s := range [2]*contentline.Splitter{a.orig, a.resp} {
		if s == nil {
			continue
		}
		s.Release()
		if len(f.splitters) < 2*keepAnalyzers {
			f.splitters = append(f.splitters, s)
		}
	}
	*a = Analyzer{}
	if len(f.analyzers) < keepAnalyzers {
		f.analyzers = append(f.analyzers, a)
	}
}

// keepAnalyzers is how many are kept at most.
const keepAnalyzers = 1024

func (f *Factory) splitter() *contentline.Splitter {
	n := len(f.splitters)
	if n == 0 {
		return f.newSplitters.New()
	}
	s := f.splitters[n-1]
	f.splitters = f.splitters[:n-1]
	return s
}

// mail returns a mail for the connection of host.
func (f *Factory) mail(host analyzers.Host) *mime.Mail {
	n := len(f.mails)
	if n == 0 {
		return mime.NewMail(host, f.files, Name, &f.opts.MIME, &f.buffers)
	}
	m := f.mails[n-1]
	f.mails = f.mails[:n-1]
	m.Reset(host)
	return m
}

// keep takes back a mail that is done.
func (f *Factory) keep(m *mime.Mail) {
	if len(f.mails) < keepMails {
		m.Reset(nil)
		f.mails = append(f.mails, m)
	}
}

// Name returns "SMTP".
func (a *Analyzer) Name() string { return Name }

// SkipData stops smtp_data until the next mail: Zeek's skip_smtp_data.
func (a *Analyzer) SkipData() { a.skipData = true }

// DeliverStream takes the next octets of one side.
func (a *Analyzer) DeliverStream(data []byte, isOrig bool) {
	if a.raw {
		a.deliver(data, isOrig)
		return
	}
	a.splitter(isOrig).Deliver(data)
}

// EndpointEOF says that the side sends nothing more.
func (a *Analyzer) EndpointEOF(isOrig bool) { a.splitter(isOrig).EndpointEOF() }

// ConnectionFinished ends an open mail when both sides have closed.
func (a *Analyzer) ConnectionFinished(half bool) {
	if !half && a.mail.IsOpen() {
		a.endData()
	}
}

// ConnectionReset changes nothing: more may come, e.g. if the RST was ignored.
func (a *Analyzer) ConnectionReset() {}

// Done ends an open mail. The analyzer is another connection's after it.
func (a *Analyzer) Done() {
	if a.mail.IsOpen() {
		a.endData()
	}
	a.maker.recycle(a)
}

// Undelivered takes note of a gap. On either side it may have swallowed what
// decides how to go on (the 354, the dot), so an open mail ends.
func (a *Analyzer) Undelivered(seq uint64, n int, isOrig bool) {
	if n <= 0 {
		return
	}
	if a.events.SMTPUnexpected.Wanted() {
		t := append(a.text[:0], "seq = "...)
		t = strconv.AppendUint(t, seq, 10)
		t = append(t, ", len = "...)
		a.text = strconv.AppendInt(t, int64(n), 10)
		a.unexpected(isOrig, "content gap", a.text)
	}
	if a.state == inData || a.state == inBDAT {
		if a.mail.IsOpen() {
			a.mail.Gap(n)
		}
		a.endData()
	}
	a.pending.clear()
	a.first, a.replied = noCommand, noCommand
	a.state = afterGap
}

func (a *Analyzer) splitter(isOrig bool) *contentline.Splitter {
	s := &a.resp
	if isOrig {
		s = &a.orig
	}
	if *s == nil {
		*s = a.maker.splitter()
		(*s).Init(a.host, (*lines)(a), &a.flags, &a.maker.buffers, isOrig)
	}
	return *s
}

// lines is the analyzer as its splitters see it.
type lines Analyzer

// DeliverLine takes a line, or octets of a BDAT chunk.
func (l *lines) DeliverLine(data []byte, isOrig bool) {
	(*Analyzer)(l).deliver(data, isOrig)
}

// Skim takes lines of a mail of which nobody needs the octets (see
// [mime.Mail.Skim], which leaves lines that begin with a dot alone).
func (l *lines) Skim(data []byte, isOrig bool) int {
	a := (*Analyzer)(l)
	if !a.maySkim(isOrig) {
		return 0
	}
	return a.mail.Skim(data)
}

// SkimCut is Skim for data that begin within a line.
func (l *lines) SkimCut(begun, data []byte, isOrig bool) int {
	a := (*Analyzer)(l)
	if !a.maySkim(isOrig) {
		return 0
	}
	return a.mail.SkimCut(begun, data)
}

// maySkim says that lines of that direction only concern the mail.
func (a *Analyzer) maySkim(isOrig bool) bool {
	return a.state == inData && isOrig != a.respSends && a.bdat == nil && a.mail.IsOpen() && a.fileID == "" &&
		!(a.events.SMTPData.Wanted() && !a.skipData) && !a.slow
}

// deliver takes a line, or what came as it is. What is left of the octets in
// which STARTTLS was answered still comes as lines, since a splitter has them.
// Zeek: SMTP.cc, DeliverStream.
func (a *Analyzer) deliver(line []byte, isOrig bool) {
	if a.state == inTLS {
		a.tls(line, isOrig)
		return
	}
	isSender := isOrig != a.respSends
	if isSender && a.bdat != nil && len(line) > 0 {
		if line = a.deliverChunk(line, isOrig); len(line) == 0 {
			return
		}
	}
	// Splitters leave no line ends in lines; octets after STARTTLS may hold
	// some, if a gap has made the analyzer read them.
	if a.raw {
		if whole := line; bytes.HasSuffix(line, []byte{'\r'}) {
			line = bytes.TrimRight(line, "\r")
			a.unexpected(isSender, "more than one <CR> at the end of line", whole)
		}
		if bytes.ContainsAny(line, "\r\n") {
			a.unexpected(isSender, "Bare <CR> or <LF> appears in the middle of line", line)
		}
	}
	switch {
	case !isSender:
		a.reply(line, isOrig)
	case a.state == afterGap:
		// A command or a line of a mail: nobody can tell.
	case a.state == inData:
		a.dataLine(line, isOrig)
	case a.state == inAuth:
		a.push(authAnswer)
		a.request(authAnswer, "**", line, isOrig)
	default:
		a.commandLine(line, isOrig)
	}
}

// dataLine takes a line of a mail, or its end.
func (a *Analyzer) dataLine(line []byte, isOrig bool) {
	if len(line) > 0 && line[0] == '.' {
		if len(line) == 1 {
			a.push(endOfData)
			a.request(endOfData, ".", line, isOrig)
			return
		}
		line = line[1:]
	}
	if !a.mail.IsOpen() {
		// The mail ended with the connection, but the connection goes on.
		a.beginData(isOrig, inData)
	}
	a.mail.Deliver(line, true)
	if a.fileID != "" {
		a.wholeMail(line)
		a.wholeMail([]byte("\r\n"))
	}
	if t := a.events.SMTPData; t.Wanted() && !a.skipData {
		t.Enqueue(event.SMTPData{Conn: a.host.Conn(), IsOrig: isOrig, Data: a.events.Bytes(line)})
	}
}

// commandLine takes a line that has to begin with a command word.
func (a *Analyzer) commandLine(line []byte, isOrig bool) {
	cmd, known, n := firstWord(line)
	if cmd == noCommand {
		if a.events.SMTPUnexpected.Wanted() {
			for n < len(line) && !endsWord(line[n]) {
				n++
			}
			a.unexpected(true, "unknown command", line[:n])
		}
		return
	}
	a.push(cmd)
	a.request(cmd, known, skipBlanks(line[n:]), isOrig)
}

// request raises smtp_request for a command and does what it says. Of the end
// of a mail, the events of the mail come first, so that they are between the
// two requests. Zeek: SMTP.cc, ProcessLine.
func (a *Analyzer) request(cmd command, word string, arg []byte, isOrig bool) {
	if cmd == endOfData {
		a.asked(cmd, isOrig)
	}
	if a.events.SMTPRequest.Wanted() {
		a.requestEvent(word, arg)
	}
	switch {
	case cmd == bdatCmd:
		if !a.beginChunk(arg, isOrig) {
			return
		}
	case a.bdat != nil:
		a.weird("smtp_missing_bdat_last_chunk", "")
		a.endData()
	}
	if cmd != endOfData {
		a.asked(cmd, isOrig)
	}
}

// requestEvent confirms the analyzer: it is the sign that this is SMTP.
func (a *Analyzer) requestEvent(word string, arg []byte) {
	a.host.Confirm()
	if t := a.events.SMTPRequest; t.Wanted() {
		t.Enqueue(event.SMTPRequest{
			Conn: a.host.Conn(), IsOrig: !a.respSends, Command: word, Arg: a.events.Bytes(arg),
		})
	}
}

// reply takes a line of the server. Zeek: SMTP.cc, ProcessLine.
func (a *Analyzer) reply(line []byte, isOrig bool) {
	code := replyCode(line)
	if code == 0 {
		a.unexpected(false, "reply code out of range", line)
		if len(line) == 0 {
			line = nil
		}
		a.host.Violation("reply code -1 out of range", line)
		return
	}
	if a.replying != 0 && a.replying != code {
		a.unexpected(false, "reply code does not match the continuing reply", line)
		a.replying = 0
	}
	if a.replying == 0 {
		a.newReply(code, isOrig)
	}
	text := line[3:]
	a.replying = 0
	if len(text) > 0 && text[0] == '-' {
		a.replying = code
		text = text[1:]
	}
	if t := a.events.SMTPReply; t.Wanted() {
		t.Enqueue(event.SMTPReply{
			Conn: a.host.Conn(), IsOrig: isOrig, Code: code, Cmd: a.replied.inReply(),
			Msg: a.events.Bytes(skipBlanks(text)), ContResp: a.replying != 0,
		})
	}
}

// replyCode returns the code of a reply line, 0 if there is none in range.
func replyCode(line []byte) uint64 {
	if len(line) < 3 {
		return 0
	}
	code := uint64(0)
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0
		}
		code = code*10 + uint64(c-'0')
	}
	if code < 100 || code > 599 {
		return 0
	}
	return code
}

// newReply finds the command that a reply answers. Zeek: SMTP.cc, NewReply.
func (a *Analyzer) newReply(code uint64, isOrig bool) {
	if a.state == afterGap {
		// Servers don't talk into a mail: from here on lines are commands.
		a.state = gapRecovery
		a.requestEvent(unknown, nil)
	}
	a.replied = a.first
	a.first = a.pending.pop()
	a.answered(a.replied, code, isOrig)
}

// push puts a command into the queue of those that await a reply.
func (a *Analyzer) push(cmd command) {
	if a.first == noCommand {
		a.first = cmd
		return
	}
	if a.pending.len() == maxPending {
		a.weird("smtp_excessive_pending_cmds", "")
		a.pending.clear()
	}
	a.pending.push(cmd)
}

// startTLS: nothing of what follows is SMTP.
func (a *Analyzer) startTLS() {
	a.state = inTLS
	a.raw = true
	a.tls = a.host.StartTLS()
	if t := a.events.SMTPStartTLS; t.Wanted() {
		t.Enqueue(event.ConnEvent{Conn: a.host.Conn()})
	}
}

// beginData begins a mail.
func (a *Analyzer) beginData(isOrig bool, s state) {
	a.state = s
	a.skipData = false
	if a.mail.IsOpen() {
		a.weird("smtp_nested_mail_transaction", "")
		a.mail.Done()
	}
	if a.mail == nil {
		a.mail = a.maker.mail(a.host)
	}
	a.mail.Begin(isOrig)
	a.flags.Skim = true
	if a.opts.EnableRFC822MsgFileAnalysis {
		a.fileID = a.wholeMail(nil)
	}
}

// endData ends a mail, and what is left of its chunks.
func (a *Analyzer) endData() {
	if b := a.bdat; b != nil {
		if b.remaining > 0 {
			a.weird("smtp_bdat_remaining_at_end_data", "")
			a.splitter(true).SetPlainDelivery(0)
			a.splitter(false).SetPlainDelivery(0)
		}
		b.done()
		a.bdat = nil
	}
	a.flags.Skim = false
	if a.mail.IsOpen() {
		a.mail.Done()
		a.maker.keep(a.mail)
		a.mail = nil
	} else {
		a.weird("smtp_unmatched_end_of_data", "")
	}
	if a.fileID != "" {
		a.files.EndOfFile(a.fileID)
		a.fileID = ""
	}
}

// wholeMail adds to the file that the mail as a whole is. Its direction is
// always the originator's, as in Zeek (Rfc822MsgDataIn).
func (a *Analyzer) wholeMail(data []byte) string {
	// The record is refreshed only when a handle is asked for (see mime).
	if a.conn == nil || a.fileID == "" {
		a.conn = a.host.Conn()
	}
	return a.files.DataIn(data, Name, a.conn, true, a.fileID, rfc822)
}

// unexpected raises smtp_unexpected. bySender says who is at fault.
func (a *Analyzer) unexpected(bySender bool, msg string, detail []byte) {
	if t := a.events.SMTPUnexpected; t.Wanted() {
		t.Enqueue(event.SMTPUnexpected{
			Conn: a.host.Conn(), IsOrig: bySender != a.respSends, Msg: msg, Detail: a.events.Bytes(detail),
		})
	}
}

func (a *Analyzer) weird(name, addl string) { a.host.Weird(name, addl, Name) }

func skipBlanks(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}
