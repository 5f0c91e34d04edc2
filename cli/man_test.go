package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestManPagesSayWhatTheHelpSays(t *testing.T) {
	dir := t.TempDir()
	if out, errs, status := gzeek(t, "__man", dir); status != exitOK {
		t.Fatal(out, errs)
	}
	main, err := os.ReadFile(filepath.Join(dir, "gzeek.1"))
	if err != nil {
		t.Fatal(err)
	}
	newFlags(&runFlags{}).VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(main), `\-\-`+escape(f.Name)+`\fR`) {
			t.Errorf("gzeek.1 lacks --%s", f.Name)
		}
	})
	for _, c := range commands() {
		b, err := os.ReadFile(filepath.Join(dir, "gzeek-"+c.name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{".TH ", ".SH SYNOPSIS\n.nf\ngzeek ", escape(c.doc)} {
			if !strings.Contains(string(b), want) {
				t.Errorf("the page of %s lacks %q:\n%.300s", c.name, want, b)
			}
		}
	}
}

// groff says what is wrong with a page.
func TestManPagesAreWellFormed(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("there is no groff to ask")
	}
	dir := t.TempDir()
	if out, errs, status := gzeek(t, "__man", dir); status != exitOK {
		t.Fatal(out, errs)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	cmd := exec.Command(groff, append([]string{"-ww", "-z", "-man", "-Tutf8"}, pages...)...)
	// Lines of help are as wide as they are.
	if b, err := cmd.CombinedOutput(); err != nil || strings.Contains(stripWide(string(b)), "warning") {
		t.Errorf("%v\n%s", err, b)
	}
}

func stripWide(s string) string {
	var keep []string
	for line := range strings.Lines(s) {
		if !strings.Contains(line, "can't break line") && !strings.Contains(line, "cannot break line") {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "")
}
