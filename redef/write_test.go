package redef

import (
	"strings"
	"testing"
)

func TestWrittenTOMLGivesTheOptionsAgain(t *testing.T) {
	list := zeeks(t)
	r := New(fixedKeys())
	declareZeeks(t, r, list)
	var args []string
	for _, z := range list {
		if o := r.options[z.name]; o.typ.Kind != KindBool {
			arg, _, _, _, _ := other(o.typ)
			args = append(args, z.name+"="+arg)
		} else {
			args = append(args, z.name+"="+map[string]string{"T": "F", "F": "T"}[z.def])
		}
	}
	args = append(args, `digest_salt=\x01 \"é\\`)
	for _, set := range [][]string{nil, args} {
		if err := r.Apply(nil, set...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.WriteTOML(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if set == nil { // everything is a comment; take the marks off
			for _, l := range strings.Split(text, "\n") {
				if l != "" && l[0] != '#' && l[0] != '[' {
					t.Errorf("a default is set: %s", l)
				}
			}
			lines := strings.Split(text, "\n")
			for i, l := range lines {
				if i > 0 && strings.HasPrefix(lines[i-1], "# doc (") {
					lines[i] = strings.TrimPrefix(l, "# ")
				}
			}
			text = strings.Join(lines, "\n")
		}
		r2 := New(fixedKeys())
		declareZeeks(t, r2, list)
		if err := r2.Apply(load(t, text)); err != nil {
			t.Fatal(err)
		}
		for _, i := range r.Options() {
			got := mustInfo(r2, i.Name)
			if i.Type != "pattern" && normal(r.options[i.Name].typ, got.Value) != normal(r.options[i.Name].typ, i.Value) {
				t.Errorf("%s: %q, want %q", i.Name, got.Value, i.Value)
			}
			if got.Origin.Line == 0 && (set == nil || i.Changed) {
				t.Errorf("%s is not in the file", i.Name)
			}
		}
	}
}

func TestStringsThatTOMLCannotHoldAreLeftOut(t *testing.T) {
	r := New(fixedKeys())
	r.String("x", "a", "doc")
	if err := r.Apply(nil, `x=\xff`); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.WriteTOML(&b); err != nil || !strings.Contains(b.String(), "# x: its value") {
		t.Error(err, b.String())
	}
}
