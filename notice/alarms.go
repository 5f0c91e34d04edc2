package notice

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/frameworks/notice/actions/pp-alarms",
		Doc:      "a summary of alarms, mailed at intervals",
		Requires: []string{"base/frameworks/notice/main"},
		Load:     loadAlarmSummary,
	})
}

// loadRawAlarmMail has notice_alarm.log mailed as it is once a day, in live
// runs that have a mail_dest (Notice::log_mailing_postprocessor). The summary
// below takes its place unless that is switched off.
func loadRawAlarmMail(f *Framework) {
	f.ctx.Events.ZeekInit.Handle(f.ctx.Policy(), 5, func(*struct{}) {
		if !f.ctx.Live || f.opt.mailDest.Get() == "" {
			return
		}
		day := 24 * 3600.0
		f.alarmFilter(zeeklog.Filter{
			Name: "alarm-mail", Path: "alarm-mail", Writer: zeeklog.WriterASCII, Interval: &day,
			Postprocessor: func(info zeeklog.RotationInfo) bool {
				if err := f.mailFile("Log Contents: "+info.Fname, f.opt.mailDest.Get(), info.Fname); err != nil {
					f.ctx.Error("%v", err)
				}
				return true
			},
			PostprocessorName: "Notice::log_mailing_postprocessor",
		})
	})
}

func (f *Framework) alarmFilter(filter zeeklog.Filter) {
	if err := f.ctx.Logs.Stream("Notice::ALARM_LOG").AddFilter(filter); err != nil {
		panic(event.ScriptError{Msg: err.Error()})
	}
}

// mailFile sends a file as a mail, and removes it once it is sent.
func (f *Framework) mailFile(subject, dest, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := append([]byte(f.EmailHeaders(subject, dest)), content...)
	f.mail.add(mailJob{command: f.opt.sendmail.Get() + " -t -oi", text: text, done: func() { os.Remove(path) }})
	return nil
}

// alarmSummary is pp-alarms.zeek: each alarm is written to alarm-mail.txt in a
// form for people; when the alarm log rotates, the file is mailed.
type alarmSummary struct {
	f        *Framework
	pretty   *redef.Bool
	dest     *redef.String
	flagNets *redef.SubnetSet
	force    *redef.Bool
	interval *redef.Interval

	// The file is written to by name lookups too.
	mu      sync.Mutex
	file    *os.File
	lookups sync.WaitGroup
}

const alarmSummaryFile = "alarm-mail.txt"

// alarmSummaryWriter is the writer of the summary's filter. It writes nothing:
// that it rotates is all that is wanted of it.
const alarmSummaryWriter = "Notice::ALARM_SUMMARY"

func loadAlarmSummary(c *policy.Context) error {
	o := c.Options
	p := &alarmSummary{
		f:        policy.Use[*Framework](c),
		pretty:   o.Bool("Notice::pretty_print_alarms", true, "alarms are mailed in a form for people, not as a log"),
		dest:     o.String("Notice::mail_dest_pretty_printed", "", "where summaries of alarms are mailed to; empty is Notice::mail_dest"),
		flagNets: o.SubnetSet("Notice::flag_nets", nil, "networks whose addresses mark an alarm in summaries"),
		force:    o.Bool("Notice::force_email_summaries", false, "write summaries of alarms in any case"),
		interval: o.Interval("Log::default_mail_alarms_interval", 0, "how often summaries of alarms are mailed, 0 is never"),
	}
	c.Events.ZeekInit.Handle(c.Policy(), 0, func(*struct{}) {
		if !p.wanted() {
			return
		}
		c.Logs.RegisterWriter(alarmSummaryWriter, func(zeeklog.WriterInfo) (zeeklog.Writer, error) { return summaryWriter{}, nil })
		interval := p.interval.Get()
		p.f.alarmFilter(zeeklog.Filter{
			Name: "alarm-mail", Path: "alarm-mail", Writer: alarmSummaryWriter, Interval: &interval,
			Postprocessor:     func(info zeeklog.RotationInfo) bool { p.send(info); return true },
			PostprocessorName: "Notice::pp_postprocessor",
		})
	})
	c.Events.ZeekDone.Handle(c.Policy(), -10, func(*struct{}) { p.close() })
	p.f.OnNotice(-5, func(n *Notice) bool {
		if n.HasAction(ActionAlarm) && p.wanted() {
			if err := p.write(n); err != nil {
				c.Error("%v", err)
			}
		}
		return true
	})
	return nil
}

type summaryWriter struct{}

func (summaryWriter) Write([]zeeklog.Value) error                 { return nil }
func (summaryWriter) Flush() error                                { return nil }
func (summaryWriter) Close() error                                { return nil }
func (summaryWriter) Rotate(string, bool) (string, string, error) { return os.DevNull, os.DevNull, nil }

func (p *alarmSummary) wanted() bool {
	return p.force.Get() || p.pretty.Get() && p.f.ctx.Live && (p.f.opt.mailDest.Get() != "" || p.dest.Get() != "")
}

// write adds an alarm, with the names of its addresses in live runs.
func (p *alarmSummary) write(n *Notice) error {
	if p.file == nil {
		file, err := os.Create(alarmSummaryFile)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.file = file
		p.mu.Unlock()
	}
	a := p.describe(n)
	switch {
	case !a.host1.IsValid():
		return p.put(a, "", "")
	case !p.f.ctx.Live:
		return p.put(a, "<skipped>", "<skipped>")
	}
	p.lookups.Add(1)
	go func() {
		defer p.lookups.Done()
		name1 := lookupForSummary(a.host1)
		name2 := ""
		if a.host2.IsValid() {
			name2 = lookupForSummary(a.host2)
		}
		// The file's errors come up again when it is closed.
		_ = p.put(a, name1, name2)
	}()
	return nil
}

// alarm is what is written of a notice.
type alarm struct {
	line1, line2, line3 string
	host1, host2        netip.Addr
}

func (p *alarmSummary) describe(n *Notice) alarm {
	var a alarm
	who := ""
	switch {
	case n.ID != nil:
		a.host1, a.host2 = n.ID.OrigH, n.ID.RespH
		who = fmt.Sprintf("%s:%d/%s -> %s:%d/%s", policy.FmtAddr(n.ID.OrigH), n.ID.OrigP, n.ID.Proto, policy.FmtAddr(n.ID.RespH), n.ID.RespP, n.ID.Proto)
	case n.Src.IsValid() && n.Dst.IsValid():
		a.host1, a.host2 = n.Src, n.Dst
		who = policy.FmtAddr(n.Src) + " -> " + policy.FmtAddr(n.Dst)
	case n.Src.IsValid():
		a.host1 = n.Src
		who = policy.FmtAddr(n.Src)
		if n.P != nil {
			who += fmt.Sprintf(":%d/%s", n.P.Number, n.P.Proto)
		}
	}
	if n.UID != "" {
		who += fmt.Sprintf(" (uid %s)", n.UID)
	}
	flag := " "
	if p.flagged(a.host1) || p.flagged(a.host2) {
		flag = ">"
	}
	now := time.Unix(int64(p.f.ctx.Now()), 0)
	a.line1 = fmt.Sprintf(">%s %s %s %s", flag, zeeklog.Strftime("%Y-%m-%d-%H:%M:%S", now), n.Note, who)
	a.line2 = "   " + n.Msg
	if n.hasSub() {
		a.line3 = "   " + n.Sub
	}
	if l := n.RemoteLocation; l != nil && l.CountryCode != nil {
		a.line1 += fmt.Sprintf(" (remote location %s)", *l.CountryCode)
	}
	return a
}

func (p *alarmSummary) flagged(a netip.Addr) bool {
	if !a.IsValid() {
		a = netip.IPv4Unspecified() // what Zeek has for no address
	}
	for _, net := range p.flagNets.Get() {
		if net.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// put writes an alarm; name1 and name2 are what its addresses are called.
func (p *alarmSummary) put(a alarm, name1, name2 string) error {
	var b strings.Builder
	printLine(&b, a.line1)
	printLine(&b, a.line2)
	if a.line3 != "" {
		printLine(&b, a.line3)
	}
	resolved := ""
	if a.host1.IsValid() {
		resolved = fmt.Sprintf("   # %s = %s", policy.FmtAddr(a.host1), name1)
	}
	if a.host2.IsValid() {
		resolved += fmt.Sprintf("  %s = %s", policy.FmtAddr(a.host2), name2)
	}
	if resolved != "" {
		printLine(&b, resolved)
	}
	b.WriteByte('\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.file.WriteString(b.String())
	return err
}

// printLine is Zeek's print: octets that are not printable are written as \xhh.
func printLine(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\n')
}

// send ends the summary and mails it. Without a destination the file stays.
func (p *alarmSummary) send(info zeeklog.RotationInfo) {
	if p.file == nil {
		return
	}
	p.lookups.Wait()
	if _, err := p.file.WriteString(automatically); err != nil {
		p.f.ctx.Error("%v", err)
	}
	p.close()
	dest := p.dest.Get()
	if dest == "" {
		dest = p.f.opt.mailDest.Get()
	}
	if dest == "" {
		return
	}
	clock := func(t float64) string { return zeeklog.Strftime("%H:%M:%S", time.Unix(int64(t), 0)) }
	subject := fmt.Sprintf("Alarm summary from %s-%s", clock(info.Open), clock(info.Close))
	content, err := os.ReadFile(alarmSummaryFile)
	if err != nil {
		p.f.ctx.Error("%v", err)
		return
	}
	os.Remove(alarmSummaryFile)
	text := append([]byte(p.f.EmailHeaders(subject, dest)+"\n"), content...)
	p.f.mail.send(p.f.opt.sendmail.Get()+" -t -oi", text)
}

func (p *alarmSummary) close() {
	p.lookups.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return
	}
	if err := p.file.Close(); err != nil {
		p.f.ctx.Error("%v", err)
	}
	p.file = nil
}

func lookupForSummary(a netip.Addr) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, a.Unmap().String())
	switch {
	case ctx.Err() != nil:
		return "(dns timeout)"
	case err != nil || len(names) == 0:
		return unknownName
	}
	return strings.TrimSuffix(names[0], ".")
}

// unknownName is what Zeek's lookup_addr has for an address without a name.
const unknownName = "<???>"
