package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
)

// policiesCommand lists what can be loaded.
func policiesCommand(args []string, std stdio) int {
	for _, p := range policy.All() {
		mark := ' '
		if slices.Contains(engine.DefaultPolicies, p.Name) {
			mark = '*'
		}
		fmt.Fprintf(std.out, "%c %-44s %s\n", mark, p.Name, p.Doc)
	}
	fmt.Fprintln(std.out, "\n* loaded by default, -b leaves them out")
	return exitOK
}

// optionsCommand lists the options of the policies that the arguments load,
// with the values that the arguments and configuration files give them.
func optionsCommand(args []string, std stdio) int {
	var f runFlags
	fs := newFlags(&f)
	changed := fs.Bool("changed", false, "only options that are not at their default")
	all := fs.Bool("all", false, "load every policy, to see the options of all")
	if err := fs.Parse(args); err != nil {
		return usageError(std, explainFlag(err))
	}
	cfg, err := configure(&f, fs.Args())
	if err != nil {
		return usageError(std, err)
	}
	if *all {
		for _, p := range policy.All() {
			if p.Name != "bro-2011" { // it excludes base/protocols/smtp
				cfg.Policies = append(cfg.Policies, p.Name)
			}
		}
	}
	eng, err := engine.New(*cfg)
	if err != nil {
		return usageError(std, explainPolicy(err))
	}
	for _, o := range eng.Options().Options() {
		if *changed && !o.Changed {
			continue
		}
		printOption(std, o)
	}
	return exitOK
}

func printOption(std stdio, o redef.Info) {
	mark := ""
	if o.Changed {
		mark = fmt.Sprintf("  (default %s)", strings.Join(strings.Fields(o.Default), " "))
	}
	fmt.Fprintf(std.out, "%s: %s = %s%s\n    %s\n", o.Name, o.Type, o.Literal, mark, o.Doc)
}
