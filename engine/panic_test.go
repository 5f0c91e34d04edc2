package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
)

func TestAPanicEndsInAnErrorAndClosedLogs(t *testing.T) {
	for workers, where := range map[int]string{1: "packet 49: ", 2: ""} {
		dir := t.TempDir()
		e, err := engine.New(engine.Config{Dir: dir, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		// Two captures: a connection is logged when the other one's time comes.
		src, err := capture.OpenFiles(capture.Options{}, capturesOf(t, "block-several-in-session"), capturesOf(t, "dialog-pipe-quit"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		_, err = e.Run(context.Background(), &reloads{Source: src, at: 50, call: func() { panic("a slip") }})
		if err == nil || !strings.HasPrefix(err.Error(), where) || !strings.Contains(err.Error(), "a slip") {
			t.Fatalf("%d workers: the run ended with %v", workers, err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "smtp.log"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n < 9 || !strings.Contains(string(b), "\n#close\t") {
			t.Errorf("%d workers, smtp.log:\n%s", workers, b)
		}
	}
}
