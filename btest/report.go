package btest

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// outcome is how a result is put in words.
func (r *Result) outcome() string {
	var s string
	switch r.Status {
	case Passed:
		s = "ok"
		if r.Test.KnownFailure {
			s += " (but expected to fail)"
		}
	case Skipped:
		return "not available, skipped"
	case Unstable:
		return fmt.Sprintf("ok on retry #%d, unstable", r.Retry)
	default:
		s = "failed"
		if r.Retry > 0 {
			s += fmt.Sprintf(" on retry #%d", r.Retry)
		}
		if r.Test.KnownFailure {
			s += " (expected)"
		}
	}
	return s
}

// diagnostics is what is shown of a test that failed.
func (r *Result) diagnostics(indent string) string {
	var b strings.Builder
	for _, m := range r.Messages {
		fmt.Fprintf(&b, "%s%% %s\n", indent, m)
	}
	for _, f := range []struct{ name, text string }{{".diag", r.Diag}, {".stderr", r.Stderr}} {
		if f.text == "" {
			continue
		}
		fmt.Fprintf(&b, "%s%% cat %s\n", indent, f.name)
		for _, l := range strings.Split(strings.TrimRight(f.text, "\n"), "\n") {
			fmt.Fprintf(&b, "%s%s\n", indent, strings.TrimRight(l, " \t\r"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// printer shows a run on the console.
type printer struct {
	w       io.Writer // where lines go
	bar     *os.File  // a terminal that shows how far the run is; nil for none
	jobs    int
	total   int
	verbose bool
	brief   bool
	all     bool // with bar: lines for tests that pass too
	diag    bool
	diagAll bool
	file    io.Writer // more diagnostics; nil for none
	wait    *bufio.Reader

	done    int
	failed  int
	running []string
	buffers map[string]*strings.Builder // output of tests running beside others
}

func displayName(t *Test, alternative string) string {
	return (&Result{Test: t, Alternative: alternative}).Name()
}

// out gives the place for a test's lines: its own until it ends, if several
// run at a time.
func (p *printer) out(name string) io.Writer {
	if p.jobs < 2 {
		return p.w
	}
	if p.buffers[name] == nil {
		if p.buffers == nil {
			p.buffers = map[string]*strings.Builder{}
		}
		p.buffers[name] = &strings.Builder{}
	}
	return p.buffers[name]
}

// Start implements Events.
func (p *printer) Start(t *Test, alternative string) {
	name := displayName(t, alternative)
	p.running = append(p.running, name)
	if p.verbose {
		fmt.Fprintf(p.out(name), "%s ...\n", name)
	} else if p.lines() && p.jobs < 2 {
		fmt.Fprintf(p.w, "%s ... ", name)
	}
	p.draw()
}

// lines tells whether every test gets a line.
func (p *printer) lines() bool { return !p.brief && p.bar == nil && !p.verbose }

// Command implements Events.
func (p *printer) Command(t *Test, alternative, line string, part int) {
	if !p.verbose {
		return
	}
	suffix := ""
	if part > 1 {
		suffix = fmt.Sprintf(" [part #%d]", part)
	}
	fmt.Fprintf(p.out(displayName(t, alternative)), "  > %s%s\n", line, suffix)
}

// Progress implements Events.
func (p *printer) Progress(t *Test, alternative, message string) {
	name := displayName(t, alternative)
	switch {
	case p.verbose:
		fmt.Fprintf(p.out(name), "  - %s\n", message)
	case p.lines():
		if p.jobs < 2 {
			fmt.Fprintf(p.w, "\n  - %s\n%s ... ", message, name)
		} else {
			fmt.Fprintf(p.out(name), "  - %s\n", message)
		}
	}
	p.draw()
}

// Done implements Events.
func (p *printer) Done(r *Result) {
	name := r.Name()
	w := p.out(name)
	p.done++
	if r.Status == Failed && !r.Test.KnownFailure {
		p.failed++
	}
	for i, n := range p.running {
		if n == name {
			p.running = append(p.running[:i], p.running[i+1:]...)
			break
		}
	}
	p.clear()
	bad := r.Status == Failed || r.Status == Unstable
	switch {
	case p.verbose:
		for _, l := range strings.Split(strings.TrimSpace(r.Verbose), "\n") {
			if l != "" {
				fmt.Fprintf(w, "  > [test-verbose] %s\n", l)
			}
		}
		fmt.Fprintf(w, "... %s %s\n", name, r.outcome())
	case p.lines() && p.jobs < 2:
		fmt.Fprintf(w, "%s\n", r.outcome())
	case p.lines() || bad || (p.bar != nil && p.all):
		fmt.Fprintf(w, "%s ... %s\n", name, r.outcome())
	}
	if show := r.Status == Failed && !r.Test.KnownFailure; (p.diag && show) || p.diagAll {
		io.WriteString(w, r.diagnostics("  "))
	}
	if b := p.buffers[name]; b != nil {
		io.WriteString(p.w, b.String())
		delete(p.buffers, name)
	}
	if p.file != nil && (r.Status != Passed || p.diagAll) {
		fmt.Fprintf(p.file, "%s ... %s\n", name, r.outcome())
		if r.Status == Failed {
			io.WriteString(p.file, r.diagnostics("  "))
		}
	}
	if p.wait != nil && r.Status == Failed {
		fmt.Fprintln(p.w, "<Enter> ...")
		p.wait.ReadString('\n')
	}
	p.draw()
}

// draw shows on the terminal how far the run is.
func (p *printer) draw() {
	if p.bar == nil {
		return
	}
	failed := ""
	if p.failed > 0 {
		failed = fmt.Sprintf(", %d failed", p.failed)
	}
	line := fmt.Sprintf("[%3d%%] %d of %d%s  %s", 100*p.done/max(1, p.total), p.done, p.total, failed, strings.Join(p.running, ", "))
	if len(line) > 79 {
		line = line[:76] + "..."
	}
	fmt.Fprintf(p.bar, "\r\x1b[K%s", line)
}

func (p *printer) clear() {
	if p.bar != nil {
		fmt.Fprint(p.bar, "\r\x1b[K")
	}
}

// junitSuite is a report in JUnit's form.
type junitSuite struct {
	XMLName   xml.Name    `xml:"testsuite"`
	Name      string      `xml:"name,attr"`
	Errors    int         `xml:"errors,attr"`
	Failures  int         `xml:"failures,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Tests     int         `xml:"tests,attr"`
	Hostname  string      `xml:"hostname,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitContext `xml:"failure"`
	Skipped *junitContext `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitContext struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// writeJUnit writes a report for CI.
func writeJUnit(w io.Writer, results []*Result, started time.Time) error {
	host, _ := os.Hostname()
	s := junitSuite{
		Name: "btest", Hostname: host, Tests: len(results), Timestamp: started.Format("2006-01-02T15:04:05"),
		Time: fmt.Sprintf("%.3f", time.Since(started).Seconds()),
	}
	for _, r := range results {
		c := junitCase{Time: fmt.Sprintf("%.3f", r.Duration.Seconds())}
		c.Class, c.Name = r.Name(), r.Name()
		if i := strings.LastIndexByte(r.Test.Name, '.'); i >= 0 {
			c.Class, c.Name = r.Test.Name[:i], r.Name()[i+1:]
		}
		switch {
		case r.Status == Skipped:
			s.Skipped++
			c.Skipped = &junitContext{"skipped", r.diagnostics("  ")}
		case r.Status == Failed && r.Test.KnownFailure:
			// Known failures do not fail the run.
			s.Skipped++
			c.Skipped = &junitContext{"known failure", r.diagnostics("  ")}
		case r.Status == Failed:
			s.Failures++
			c.Failure = &junitContext{"failure", r.diagnostics("  ")}
		case r.Status == Unstable:
			c.Output = r.outcome()
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "    ")
	if err := e.Encode(&s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
