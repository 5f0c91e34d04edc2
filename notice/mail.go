package notice

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/timer"
)

// delayedMail is the event Notice::delay_sending_email.
type delayedMail struct {
	notice *Notice
	dest   string
	extend bool
	last   bool // the run ends
}

func loadMail(f *Framework) {
	f.mail = &mailer{}
	f.delayed = event.Declare[delayedMail](f.ctx.Events.Queue, "Notice::delay_sending_email",
		"n: Notice::Info", "dest: string", "extend: bool")
	f.delayed.Handle(f.ctx.Policy(), 0, func(m *delayedMail) { f.sendOrDelay(*m) })
	f.ctx.Events.ZeekDone.Handle(f.ctx.Policy(), -100, func(*struct{}) {
		f.mail.wait()
		f.reportMailErrors()
	})
}

// EmailTo sends the notice to dest (Notice::email_notice_to), but only in a live
// run. extend asks for the notice's body sections, and to wait while it has delay
// tokens.
func (f *Framework) EmailTo(n *Notice, dest string, extend bool) {
	f.sendOrDelay(delayedMail{notice: n, dest: dest, extend: extend})
}

func (f *Framework) sendOrDelay(m delayedMail) {
	if !f.ctx.Live || m.dest == "" {
		return
	}
	n := m.notice
	n.takeArrived()
	if m.extend && n.EmailDelayTokens.Len() > 0 {
		if n.TS+f.opt.maxEmailDelay.Get() > f.ctx.Now() && !m.last {
			f.delay(m)
			return
		}
		f.ctx.Events.ReporterInfo.Enqueue(event.Reporter{
			Time: f.ctx.Now(),
			Msg:  fmt.Sprintf("Notice email delay tokens weren't released in time (%s).", describeSet(n.EmailDelayTokens.Elements())),
		})
	}
	f.reportMailErrors()
	f.mail.send(f.opt.sendmail.Get()+" -t -oi", f.mailText(m))
}

// delay has the mail looked at again in a second. Zeek loses what waits when the
// run ends; here it goes out as it is.
func (f *Framework) delay(m delayedMail) {
	t := &timer.Timer{}
	t.Do = timer.Func(func(_ float64, expiring bool) {
		m.last = expiring
		f.delayed.Enqueue(m)
	})
	f.ctx.Timers.Add(t, f.ctx.Now()+1)
}

// EmailHeaders returns the headers of a mail, each with its newline; what
// follows begins with an empty line (Notice::email_headers).
func (f *Framework) EmailHeaders(subject, dest string) string {
	o := &f.opt
	s := "From: " + o.mailFrom.Get() + "\n" +
		"Subject: " + o.mailSubjectPrefix.Get() + " " + subject + "\n" +
		"To: " + dest + "\n" +
		"User-Agent: Zeek/" + zeekVersion + "\n"
	if r := o.replyTo.Get(); r != "" {
		s += "Reply-To: " + r + "\n"
	}
	return s
}

// zeekVersion is whose mails these look like.
const zeekVersion = "8.0.9"

func (f *Framework) mailText(m delayedMail) []byte {
	n := m.notice
	var b bytes.Buffer
	b.WriteString(f.EmailHeaders(n.Note, m.dest))
	fmt.Fprintf(&b, "\nMessage: %s\n", n.Msg)
	if n.hasSub() {
		fmt.Fprintf(&b, "Sub-message: %s\n", n.Sub)
	}
	b.WriteByte('\n')
	if n.FileDesc != nil {
		fmt.Fprintf(&b, "File Description: %s\n", *n.FileDesc)
	}
	if n.FileMIMEType != "" {
		fmt.Fprintf(&b, "File MIME Type: %s\n", n.FileMIMEType)
	}
	if n.FileDesc != nil || n.FileMIMEType != "" {
		b.WriteByte('\n')
	}
	if id := n.ID; id != nil {
		fmt.Fprintf(&b, "Connection: %s:%d -> %s:%d\n", policy.FmtAddr(id.OrigH), id.OrigP, policy.FmtAddr(id.RespH), id.RespP)
		if n.UID != "" {
			fmt.Fprintf(&b, "Connection uid: %s\n", n.UID)
		}
	} else if n.Src.IsValid() {
		fmt.Fprintf(&b, "Address: %s\n", policy.FmtAddr(n.Src))
	}
	if m.extend {
		b.WriteString("\nEmail Extensions\n----------------\n")
		for _, s := range n.EmailBodySections {
			b.WriteString(s + "\n")
		}
	}
	b.WriteString(automatically)
	return b.Bytes()
}

const automatically = "\n\n--\n[Automatically generated]\n\n"

// Defer holds back the notice's mails until text, which is called on another
// goroutine, has returned what is to be added to their bodies; at most for
// Notice::max_email_delay. It is meant for bodies of Notice::notice above
// priority -5.
func (f *Framework) Defer(n *Notice, token string, text func() string) {
	if n.arriving == nil {
		n.arriving = make(chan section, 16)
	}
	n.EmailDelayTokens.Add(token)
	arriving := n.arriving
	go func() {
		s := section{token, text()}
		select {
		case arriving <- s:
		default: // nobody has looked for long
		}
	}()
}

func (n *Notice) takeArrived() {
	for n.arriving != nil {
		select {
		case s := <-n.arriving:
			n.EmailBodySections = append(n.EmailBodySections, s.text)
			n.EmailDelayTokens.Delete(s.token)
		default:
			return
		}
	}
}

func (f *Framework) reportMailErrors() {
	for _, err := range f.mail.takeErrors() {
		f.ctx.Error("%v", err)
	}
}

// mailer hands mails to a program, one after the other, on a goroutine that
// exists while there are any. Zeek waits for each; here packets don't.
type mailer struct {
	mu      sync.Mutex
	queue   []mailJob
	running bool
	idle    sync.WaitGroup
	errs    []error
}

type mailJob struct {
	command string // for the shell
	text    []byte
	done    func() // after success; may be nil
}

const (
	maxMails    = 256
	mailTimeout = time.Minute
)

func (m *mailer) send(command string, text []byte) { m.add(mailJob{command: command, text: text}) }

func (m *mailer) add(job mailJob) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= maxMails {
		m.fail(fmt.Errorf("a mail was not sent because %d wait for %q", len(m.queue), job.command))
		return
	}
	m.queue = append(m.queue, job)
	if !m.running {
		m.running = true
		m.idle.Add(1)
		go m.run()
	}
}

func (m *mailer) run() {
	defer m.idle.Done()
	for {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.running = false
			m.mu.Unlock()
			return
		}
		job := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()

		err := pipe(job)
		if err == nil && job.done != nil {
			job.done()
		}
		if err != nil {
			m.mu.Lock()
			m.fail(fmt.Errorf("a mail was not sent: %s: %w", job.command, err))
			m.mu.Unlock()
		}
	}
}

func pipe(job mailJob) error {
	ctx, cancel := context.WithTimeout(context.Background(), mailTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", job.command)
	cmd.Stdin = bytes.NewReader(job.text)
	cmd.WaitDelay = time.Second
	return cmd.Run()
}

// fail is called with the lock held.
func (m *mailer) fail(err error) {
	if len(m.errs) < maxMails {
		m.errs = append(m.errs, err)
	}
}

func (m *mailer) takeErrors() []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := m.errs
	m.errs = nil
	return errs
}

func (m *mailer) wait() { m.idle.Wait() }

// describeSet is a set as Zeek's fmt("%s") shows it.
func describeSet(elems []string) string {
	s := "{\n"
	for i, e := range elems {
		if i > 0 {
			s += ",\n"
		}
		s += e
	}
	return s + "\n}"
}
