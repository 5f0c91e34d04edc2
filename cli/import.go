package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/redef/zeekscript"
)

const importHelp = `gzeek import-redefs FILE.zeek...

turns the @load, redef and option lines of Zeek scripts into a configuration
file on standard output, and lists on standard error what it could not carry
over. - is standard input.

Flags:
`

// importCommand turns Zeek scripts into a configuration file.
func importCommand(args []string, std stdio) int {
	fs := pflag.NewFlagSet("import-redefs", pflag.ContinueOnError)
	strict := fs.Bool("strict", false, "exit with 1 if something could not be carried over")
	help := fs.BoolP("help", "h", false, "print this help")
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		return usageError(std, fmt.Errorf("%w; see gzeek import-redefs --help", err))
	}
	if *help {
		fmt.Fprint(std.out, importHelp, fs.FlagUsages())
		return exitOK
	}
	if fs.NArg() == 0 {
		return usageError(std, errors.New("import-redefs needs scripts: gzeek import-redefs local.zeek"))
	}
	im := scriptImport{out: &bytes.Buffer{}}
	var scripts []script
	for _, name := range fs.Args() {
		s, err := readScript(name, std.in)
		if err != nil {
			return failed(std, err)
		}
		scripts = append(scripts, s)
	}
	if err := im.run(scripts); err != nil {
		return failed(std, err)
	}
	for _, l := range im.left {
		fmt.Fprintf(std.err, "%v: not carried over: %s\n", l.Place, l.Msg)
	}
	if _, err := im.out.WriteTo(std.out); err != nil {
		return failed(std, err)
	}
	fmt.Fprintf(std.err, "gzeek: %d policies and %d settings carried over, %d statements not\n", len(im.load), im.set, len(im.left))
	if *strict && len(im.left) > 0 {
		return exitError
	}
	return exitOK
}

// script is a Zeek script that was read.
type script struct {
	name string
	list []zeekscript.Statement
}

func readScript(name string, stdin io.Reader) (script, error) {
	in, dir := stdin, "."
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return script{}, err
		}
		defer f.Close()
		in, dir = f, filepath.Dir(name)
	}
	text, err := io.ReadAll(io.LimitReader(in, zeekscript.MaxSize+1))
	if err != nil {
		return script{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return script{}, err
	}
	return script{name, zeekscript.Parse(string(text), dir)}, nil
}

// scriptImport is one run of import-redefs.
type scriptImport struct {
	load []string
	set  int
	left []redef.Problem // what could not be carried over
	out  *bytes.Buffer
}

func (im *scriptImport) skip(s script, line int, format string, args ...any) {
	im.left = append(im.left, redef.Problem{Place: redef.Place{File: s.name, Line: line}, Msg: fmt.Sprintf(format, args...)})
}

// run goes over the scripts twice: which options there are is known when the
// policies are.
func (im *scriptImport) run(scripts []script) error {
	for _, s := range scripts {
		for _, st := range s.list {
			if st.Kind == zeekscript.Load {
				im.policy(s, st, scripts)
			}
		}
	}
	keys := listingKeys()
	eng, err := engine.New(engine.Config{Keys: keys, Policies: im.load})
	if err != nil {
		return err
	}
	everywhere, err := engine.New(engine.Config{Keys: keys, Policies: allPolicies()})
	if err != nil {
		return err
	}
	to := eng.Options().NewImporter()
	for _, s := range scripts {
		for _, st := range s.list {
			switch st.Kind {
			case zeekscript.Skipped:
				im.skip(s, st.Line, "%s", st.Why)
			case zeekscript.Set:
				im.option(s, st, to, everywhere.Options())
			}
		}
	}
	slices.SortStableFunc(im.left, func(a, b redef.Problem) int {
		if a.Place.File != b.Place.File {
			return 0 // in the order of the arguments
		}
		return a.Place.Line - b.Place.Line
	})
	fmt.Fprintf(im.out, "# Made by gzeek import-redefs.\n")
	if len(im.load) > 0 {
		fmt.Fprintf(im.out, "\nload = %s\n", tomlList(im.load))
	}
	return to.WriteTOML(im.out)
}

// policy takes one @load.
func (im *scriptImport) policy(s script, st zeekscript.Statement, scripts []script) {
	name := policy.CleanName(st.Name)
	p, ok := policy.Find(name)
	switch {
	case ok && slices.Contains(others, p.Name):
		im.skip(s, st.Line, "@load %s: it replaces base/protocols/smtp, so it needs -b and stands alone", st.Name)
		return
	case ok:
		if !slices.Contains(im.load, p.Name) {
			im.load = append(im.load, p.Name)
		}
		return
	}
	if strings.HasPrefix(st.Name, ".") || strings.HasPrefix(st.Name, "/") {
		if st.Name == "." || slices.ContainsFunc(scripts, func(o script) bool {
			return filepath.Base(strings.TrimSuffix(o.name, ".zeek")) == filepath.Base(name)
		}) {
			return // it is among the arguments
		}
		im.skip(s, st.Line, "@load %s: a script of your own; name it as an argument too", st.Name)
		return
	}
	if hint := insteadOf[name]; hint != "" {
		im.skip(s, st.Line, "@load %s: gzeek has no such policy; %s", st.Name, hint)
		return
	}
	var names []string
	for _, p := range policy.All() {
		// A near name in another folder is another matter.
		if filepath.Dir(p.Name) == filepath.Dir(name) || filepath.Base(p.Name) == filepath.Base(name) {
			names = append(names, p.Name)
		}
	}
	suggestion := ""
	for _, n := range names {
		if redef.Distance(n, name) <= 3 {
			suggestion = "; did you mean " + n + "?"
		}
	}
	im.skip(s, st.Line, "@load %s: gzeek has no such policy%s", st.Name, suggestion)
}

// insteadOf says for scripts that only set options what to write.
var insteadOf = map[string]string{
	"tuning/json-logs": "LogAscii::use_json=T has logs written as JSON",
}

// option takes one setting.
func (im *scriptImport) option(s script, st zeekscript.Statement, to *redef.Importer, everywhere *redef.Registry) {
	name := resolve(st, to.Has)
	if !to.Has(name) {
		other := resolve(st, func(n string) bool { _, ok := everywhere.Lookup(n); return ok })
		if _, ok := everywhere.Lookup(other); ok {
			im.skip(s, st.Line, "%s: it is an option of a policy that the scripts do not load", other)
			return
		}
	}
	at := redef.Place{File: s.name, Line: st.Line}
	if err := to.Set(at, name, st.Op, st.Value); err != nil {
		msg := err.Error()
		if !strings.Contains(msg, name) {
			msg = name + ": " + msg
		}
		im.skip(s, st.Line, "%s", msg)
		return
	}
	im.set++
}

// resolve finds the option that a name means: one of the script's module, else
// a global one.
func resolve(st zeekscript.Statement, has func(string) bool) string {
	name := strings.TrimPrefix(st.Name, "GLOBAL::")
	if st.Module != "" && !strings.Contains(name, "::") && has(st.Module+"::"+name) {
		return st.Module + "::" + name
	}
	return name
}
