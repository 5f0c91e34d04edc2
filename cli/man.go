package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// manCommand is the hidden command behind `make man`: it writes a page for
// gzeek and one for each of its commands to a folder, from what --help prints.
func manCommand(args []string, std stdio) int {
	if len(args) != 1 {
		return usageError(std, errors.New("__man takes the folder of the pages"))
	}
	pages := map[string]string{"gzeek.1": mainPage()}
	for _, c := range commands() {
		pages["gzeek-"+c.name+".1"] = commandPage(c)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
			return failed(std, err)
		}
	}
	return exitOK
}

// page is text in the man macros, groff_man(7).
type page struct{ bytes.Buffer }

// escape makes text of s wherever it stands.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

func (p *page) title(name string) {
	fmt.Fprintf(p, ".TH %s 1 \"\" \"gzeek %s\" \"User Commands\"\n", strings.ToUpper(escape(name)), escape(version))
}

func (p *page) section(name string) { fmt.Fprintf(p, ".SH %s\n", name) }

// lines are printed as they are.
func (p *page) lines(text string) {
	p.WriteString(".nf\n")
	for line := range strings.Lines(text) {
		p.WriteString(escape(strings.TrimSuffix(line, "\n")) + "\n")
	}
	p.WriteString(".fi\n")
}

// item is a word and what it means.
func (p *page) item(word, text string) {
	fmt.Fprintf(p, ".TP\n%s\n%s\n", word, escape(text))
}

func mainPage() string {
	var p page
	p.title("gzeek")
	p.section("NAME")
	p.WriteString("gzeek \\- Zeek's SMTP monitoring: captures and interfaces to Zeek's logs\n")
	p.section("SYNOPSIS")
	for _, s := range []string{"-r FILE [flags] [policy | option=value]...", "-i INTERFACE [flags] [policy | option=value]...", "COMMAND [arguments]"} {
		fmt.Fprintf(&p, ".B gzeek\n%s\n.br\n", escape(s))
	}
	p.section("DESCRIPTION")
	p.lines(shortHelp)
	p.section("OPTIONS")
	newFlags(&runFlags{}).VisitAll(func(f *pflag.Flag) {
		value, doc := pflag.UnquoteUsage(f)
		word := `\fB\-\-` + escape(f.Name) + `\fR`
		if f.Shorthand != "" {
			word = `\fB\-` + f.Shorthand + `\fR, ` + word
		}
		if value != "" {
			word += ` \fI` + escape(value) + `\fR`
		}
		p.item(word, doc)
	})
	p.section("COMMANDS")
	p.WriteString("Each has a page of its own, gzeek\\-COMMAND(1).\n")
	for _, c := range commands() {
		p.item(`\fB`+escape(c.name)+`\fR`, c.doc)
	}
	p.section("EXIT STATUS")
	p.item("0", "all was read")
	p.item("1", "something went wrong while running; the logs hold what came before")
	p.item("2", "the command line or the configuration is wrong; nothing was done")
	p.section("FILES")
	for _, f := range configPlaces {
		p.item(`\fI`+escape(f)+`\fR`, "options and policies, read in this order")
	}
	p.item(`\fI/run/gzeek/control.sock\fR`, "where gzeek status and gzeek reload ask")
	p.section("ENVIRONMENT")
	p.item("ZEEK_SEED_FILE", "the file of seeds, as with -G")
	p.item("ZEEK_LOG_SUFFIX", "what the names of logs end with, in place of log")
	p.item("GOMEMLIMIT, GOGC", "how Go's garbage collector works; gzeek then leaves it alone")
	p.section("SIGNALS")
	p.item("SIGINT, SIGTERM", "end the run in order: everything that was read is logged")
	p.item("SIGHUP", "reads the configuration files anew (live runs)")
	return p.String()
}

// commandPage is the page of one command: the first line of its help, which
// says how it is called, and the rest as it is.
func commandPage(c command) string {
	var out bytes.Buffer
	c.run([]string{"--help"}, stdio{in: strings.NewReader(""), out: &out, err: &out})
	var p page
	p.title("gzeek-" + c.name)
	p.section("NAME")
	fmt.Fprintf(&p, "gzeek\\-%s \\- %s\n", escape(c.name), escape(c.doc))
	call, rest, _ := strings.Cut(strings.TrimLeft(out.String(), "\n"), "\n")
	if !callsCommand(call) {
		call, rest = "gzeek "+c.name, out.String() // it has no help, and needs none
	}
	p.section("SYNOPSIS")
	p.lines(call)
	p.section("DESCRIPTION")
	p.lines(strings.Trim(rest, "\n") + "\n")
	p.section("SEE ALSO")
	p.WriteString(".BR gzeek (1)\n")
	return p.String()
}

// callsCommand says whether a line is that of a help which says how a command is
// called, if under another name.
func callsCommand(line string) bool {
	words := strings.Fields(line)
	return len(words) > 1 && words[0] == "gzeek" &&
		slices.ContainsFunc(commands(), func(c command) bool { return c.name == words[1] })
}
