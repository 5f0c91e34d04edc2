// Package cli is the command gzeek: its flags and commands. It is a package, so
// that a program with more policies is the same command (gzeek build).
package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// version is set by the build.
var version = "unknown"

// Exit statuses.
const (
	exitOK    = 0
	exitError = 1 // something went wrong while running
	exitUsage = 2 // the command line or the configuration is wrong; nothing was done
)

// command is a word that may stand first.
type command struct {
	name string
	doc  string
	run  func(args []string, std stdio) int
}

// stdio are the streams of a command.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

func commands() []command {
	all := append([]command{
		{"policies", "lists the policies that can be loaded; with names, or --json, what each does", policiesCommand},
		{"build", "builds a gzeek with more policies, log writers or analyzers", buildCommand},
		{"new-policy", "writes a policy to start from, with its test", newPolicyCommand},
		{"redefs", "lists the options with values, origins and docs; --toml writes a file to start from", redefsCommand},
		{"options", "is redefs by another name", redefsCommand},
		{"completion", "prints what makes bash, zsh or fish complete words", completionCommand},
		{"status", "asks a running gzeek how it is doing", statusCommand},
		{"reload", "has a running gzeek read its options anew", reloadCommand},
		{"check", "says whether a configuration is valid, without running", checkCommand},
		{"import-redefs", "turns the redef and @load lines of Zeek scripts into a configuration file", importCommand},
		{"version", "prints the version", func(_ []string, std stdio) int {
			printVersion(std)
			return exitOK
		}},
	}, logCommands()...)
	slices.SortFunc(all, func(a, b command) int { return strings.Compare(a.name, b.name) })
	return all
}

// Main runs the command with the arguments and the standard streams of the
// process, and returns its exit status.
func Main() int {
	std := stdio{os.Stdin, os.Stdout, os.Stderr}
	if f := nickname(os.Args[0]); f != nil {
		return f(os.Args[1:], std)
	}
	return run(os.Args[1:], std)
}

func run(args []string, std stdio) int {
	if len(args) == 0 {
		fmt.Fprint(std.out, shortHelp)
		return exitOK
	}
	if args[0] == "__complete" { // for shells, so no one sees it
		return completeCommand(args[1:], std)
	}
	if args[0] == "__man" { // for make man
		return manCommand(args[1:], std)
	}
	for _, c := range commands() {
		if args[0] == c.name {
			return c.run(args[1:], std)
		}
	}
	return runCommand(args, std)
}

const shortHelp = `gzeek writes the logs of Zeek's SMTP monitoring.

  gzeek -r mail.pcap                     read a capture, write the logs here
  gzeek -r mail.pcap protocols/smtp/blocklists Site::local_nets+={10.0.0.0/8}
                                         with a policy more, and an option
  gzeek cut uid from to subject <smtp.log
                                         take columns out of a log

gzeek --help lists the flags, gzeek policies what can be loaded, gzeek options
what can be set.
`
