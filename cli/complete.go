package cli

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

// completionCommand prints a script for a shell.
func completionCommand(args []string, std stdio) int {
	names := slices.Sorted(maps.Keys(completions))
	if len(args) != 1 {
		return usageError(std, fmt.Errorf("completion takes one of %s", strings.Join(names, ", ")))
	}
	if args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(std.out, completionHelp)
		return exitOK
	}
	script, ok := completions[args[0]]
	if !ok {
		return usageError(std, fmt.Errorf("there is no completion for %q, only for %s%s", args[0], strings.Join(names, ", "), redef.Suggest(args[0], names)))
	}
	fmt.Fprint(std.out, script)
	return exitOK
}

const completionHelp = `gzeek completion bash|zsh|fish

prints what makes the shell complete gzeek's commands, flags, policies and
options:

  bash   gzeek completion bash >/etc/bash_completion.d/gzeek
  zsh    gzeek completion zsh >"${fpath[1]}/_gzeek"
  fish   gzeek completion fish >~/.config/fish/completions/gzeek.fish
`

// completions are the scripts. They ask "gzeek __complete WORD..." for the
// words, so they know none themselves and needn't be renewed.
var completions = map[string]string{
	"bash": `# bash completion of gzeek
_gzeek() {
    local i word line whole="" glued=""
    local -a words=()
    COMPREPLY=()
    # bash cuts words at : and = (COMP_WORDBREAKS); put them together again.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 1)) && [[ $word == [:=]* || $glued == *[:=] ]] &&
            [[ -z $COMP_LINE || $COMP_LINE == *"$glued$word"* ]] && [[ -n $word || ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]]; then
            glued+=$word
            words[${#words[@]}-1]=$glued
        else
            glued=$word
            words+=("$word")
        fi
    done
    # What stands before the piece that bash replaces must not be said again.
    whole=$glued
    word=${COMP_WORDS[COMP_CWORD]}
    if [[ $word != *[!:=]* ]]; then
        word=""
    fi
    whole=${whole%"$word"}
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        COMPREPLY+=("${line#"$whole"}")
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    # Behind NAME= a value follows, so no space.
    if [[ ${#COMPREPLY[@]} -ge 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null || :
    fi
    return 0
}
complete -o default -F _gzeek gzeek
`,
	"zsh": `#compdef gzeek
# zsh completion of gzeek
_gzeek() {
    local line word
    local -a names values
    for line in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        [[ -n $word ]] || continue
        # Behind NAME= a value follows, so no space.
        if [[ $word == *= ]]; then
            values+=("$word")
        else
            names+=("$word")
        fi
    done
    if (( ${#names} + ${#values} == 0 )); then
        _files
        return
    fi
    (( ${#names} )) && compadd -- "${names[@]}"
    (( ${#values} )) && compadd -S '' -- "${values[@]}"
    return 0
}
if [[ $funcstack[1] == _gzeek ]]; then
    _gzeek "$@"
else
    compdef _gzeek gzeek
fi
`,
	"fish": `# fish completion of gzeek
function __gzeek_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l found ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c gzeek -f -a '(__gzeek_complete)'
`,
}

// candidate is a word that may stand where the cursor is.
type candidate struct{ word, doc string }

// completeCommand is the hidden command behind completion: its arguments are
// the words behind "gzeek" up to the cursor, of which the last, maybe empty, is
// to be completed. It prints candidates, each with a tab and its doc; none where
// files are to be named, which shells know best.
func completeCommand(args []string, std stdio) int {
	if len(args) == 0 {
		args = []string{""}
	}
	cur := args[len(args)-1]
	for _, c := range candidates(args[:len(args)-1], cur) {
		if strings.HasPrefix(c.word, cur) {
			doc, _, _ := strings.Cut(c.doc, "\n")
			fmt.Fprintf(std.out, "%s\t%s\n", c.word, doc)
		}
	}
	return exitOK
}

// candidates are the words that may follow the ones before.
func candidates(before []string, cur string) []candidate {
	if len(before) > 0 {
		switch before[0] {
		case "completion":
			if len(before) == 1 {
				return plain(slices.Sorted(maps.Keys(completions)))
			}
			return nil
		case "policies":
			list := []candidate{{"--json", "all of it, for programs"}}
			for _, p := range policy.All() {
				list = append(list, candidate{p.Name, p.Doc})
			}
			return list
		case "build":
			if strings.HasPrefix(cur, "-") {
				return flagCandidates(buildFlags(&buildArgs{}))
			}
			return nil
		case "new-policy":
			if strings.HasPrefix(cur, "-") {
				return flagCandidates(newPolicyFlags(&newPolicyArgs{}))
			}
			return nil
		case "redefs", "options":
			return redefsCandidates(before[1:], cur)
		case "check":
			return runCandidates(before[1:], cur, newFlags(&runFlags{}))
		case "status", "reload":
			if strings.HasPrefix(cur, "-") {
				return []candidate{{"--control", "the socket is at PATH"}, {"--json", "print the answer as JSON"}, {"--help", "print this help"}}
			}
			return nil
		case "import-redefs":
			if strings.HasPrefix(cur, "-") {
				return []candidate{{"--strict", "exit with 1 if something could not be carried over"}, {"--help", "print this help"}}
			}
			return nil
		}
		for _, c := range commands() {
			if c.name == before[0] {
				return nil // tools for logs: files
			}
		}
	}
	list := runCandidates(before, cur, newFlags(&runFlags{}))
	if len(before) == 0 && !strings.HasPrefix(cur, "-") {
		var first []candidate
		for _, c := range commands() {
			first = append(first, candidate{c.name, c.doc})
		}
		list = append(first, list...)
	}
	return list
}

func plain(words []string) []candidate {
	var list []candidate
	for _, w := range words {
		list = append(list, candidate{word: w})
	}
	return list
}

// redefsCandidates adds the names of options, which are patterns too.
func redefsCandidates(before []string, cur string) []candidate {
	fs := newFlags(&runFlags{})
	redefsFlags(fs)
	list := runCandidates(before, cur, fs)
	for _, c := range list {
		if name, ok := strings.CutSuffix(c.word, "="); ok {
			list = append(list, candidate{name, c.doc})
		}
	}
	return list
}

// runCandidates are flags, policies and options, as a run takes them.
func runCandidates(before []string, cur string, fs *pflag.FlagSet) []candidate {
	flag, prefix := flagWithValue(before, cur, fs)
	switch {
	case flag != nil && flag.Name == "iface":
		var list []candidate
		interfaces, _ := net.Interfaces() // without, there is nothing to offer
		for _, i := range interfaces {
			list = append(list, candidate{prefix + i.Name, "interface"})
		}
		return list
	case flag != nil && flag.Name == "log-format":
		return plain(logFormats)
	case flag != nil:
		return nil
	case strings.HasPrefix(cur, "-"):
		return flagCandidates(fs)
	}
	// Values are offered when the name stands; before that there are too many.
	name, _, setting := strings.Cut(cur, "=")
	if setting {
		return valueCandidates(strings.TrimRight(name, "+-"), name+"=")
	}
	var list []candidate
	for _, p := range policy.All() {
		list = append(list, candidate{p.Name, p.Doc})
	}
	for _, o := range allOptions() {
		list = append(list, candidate{o.Name + "=", o.Doc})
	}
	return list
}

// flagWithValue finds the flag whose value the cursor is in: behind "-i" or in
// "--iface=". prefix is what of the word isn't value.
func flagWithValue(before []string, cur string, fs *pflag.FlagSet) (flag *pflag.Flag, prefix string) {
	if name, _, ok := strings.Cut(cur, "="); ok && strings.HasPrefix(name, "--") {
		if f := fs.Lookup(name[2:]); f != nil {
			return f, name + "="
		}
	}
	if len(before) == 0 {
		return nil, ""
	}
	last := before[len(before)-1]
	var f *pflag.Flag
	if name, ok := strings.CutPrefix(last, "--"); ok {
		f = fs.Lookup(name)
	} else if len(last) > 1 && last[0] == '-' {
		f = fs.ShorthandLookup(last[len(last)-1:]) // -Cr
	}
	if f == nil || f.NoOptDefVal != "" {
		return nil, ""
	}
	return f, ""
}

func flagCandidates(fs *pflag.FlagSet) []candidate {
	var list []candidate
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		_, doc := pflag.UnquoteUsage(f)
		list = append(list, candidate{"--" + f.Name, doc})
		if f.Shorthand != "" {
			list = append(list, candidate{"-" + f.Shorthand, doc})
		}
	})
	return list
}

// everyOption makes registries that together have the options of all policies.
func everyOption() ([]*redef.Registry, error) {
	var list []*redef.Registry
	for _, cfg := range []engine.Config{{Policies: allPolicies()}, {Bare: true, Policies: others}} {
		eng, err := engine.New(cfg)
		if err != nil {
			return nil, errors.Join(errors.New("the policies don't go together"), err)
		}
		list = append(list, eng.Options())
	}
	return list, nil
}

// allOptions are the options of all policies by name.
func allOptions() []redef.Info {
	regs, err := everyOption()
	if err != nil {
		return nil // a shell is no place for errors
	}
	byName := map[string]redef.Info{}
	for _, r := range regs {
		for _, o := range r.Options() {
			byName[o.Name] = o
		}
	}
	var list []redef.Info
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}

// valueCandidates are the values of an option that has few.
func valueCandidates(name, prefix string) []candidate {
	regs, err := everyOption()
	if err != nil {
		return nil
	}
	for _, r := range regs {
		var list []candidate
		for _, v := range r.Choices(name) {
			list = append(list, candidate{prefix + v, ""})
		}
		if list != nil {
			return list
		}
	}
	return nil
}
