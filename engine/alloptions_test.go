package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/redef"
)

// Each option that a run with all policies has takes its own value back, and
// refuses one of a wrong type, from the command line. The values of all types,
// and TOML, are tested in package redef.
func TestEveryOptionTakesItsValueAndRefusesAWrongOne(t *testing.T) {
	e := everything(t)
	var policies []string
	policies = append(policies, e.Loaded()...)
	opts := e.Options().Options()
	if len(opts) < 150 {
		t.Fatalf("only %d options", len(opts))
	}
	var right, wrong []string
	wrongNames := map[string]bool{}
	for _, o := range opts {
		literal := o.Literal
		if o.Type == "string" {
			literal = strings.ReplaceAll(strings.Trim(literal, `"`), `\"`, `"`)
		}
		right = append(right, o.Name+"="+literal)
		bad := "{[}"
		if o.Type == "string" {
			bad = `"`
		}
		wrong = append(wrong, o.Name+"="+bad)
		wrongNames[o.Name] = true
	}
	made, err := engine.New(engine.Config{Policies: policies, Settings: right})
	if err != nil {
		t.Fatalf("with their own values:\n%v", err)
	}
	for _, o := range made.Options().Options() {
		// A pattern that is compiled again has another layer.
		if inOrder(o.Value) != inOrder(o.Default) && o.Type != "pattern" {
			t.Errorf("%s is %s, not the default any more", o.Name, o.Literal)
		}
	}
	var ps redef.Problems
	if _, err := engine.New(engine.Config{Policies: policies, Settings: wrong}); !errors.As(err, &ps) {
		t.Fatalf("wrong values: %v", err)
	}
	for _, p := range ps {
		name, _, _ := strings.Cut(p.Msg, ": ")
		delete(wrongNames, name)
	}
	for n := range wrongNames {
		t.Errorf("%s took a wrong value", n)
	}
}
