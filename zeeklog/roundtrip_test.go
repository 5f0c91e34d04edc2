package zeeklog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewrite reads a log value by value and writes it from the values alone. Its
// second result counts rows that came out right only without UTF-8, which no
// header tells of.
func rewrite(t *testing.T, name string, data []byte, opt ReaderOptions) (out []byte, withoutUTF8 int) {
	t.Helper()
	opt.Name = name
	opt.OnProblem = func(p *Problem) { t.Errorf("problem: %s", p) }
	r := NewReader(bytes.NewReader(data), opt)
	var h *Header
	var enc, noUTF8 *Encoder
	for r.Next() {
		rec := r.Record()
		if h != r.Header() {
			h = r.Header()
			enc = NewEncoder(h.ASCII, h.Path, h.Columns)
			out = enc.AppendHeader(out, h.Open)
			o := h.ASCII
			o.UTF8 = false
			noUTF8 = NewEncoder(o, h.Path, h.Columns)
		}
		if h.ASCII.JSON {
			o := h.ASCII
			o.JSONIncludeUnset = bytes.Contains(rec.Bytes(), []byte(":null"))
			enc = NewEncoder(o, "", rec.Columns())
			out = enc.AppendRow(out, rec.Values())
			continue
		}
		start := len(out)
		out = enc.AppendRow(out, rec.Values())
		if !bytes.Equal(out[start:len(out)-1], rec.Bytes()) {
			out = noUTF8.AppendRow(out[:start], rec.Values())
			withoutUTF8++
		}
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
	if r.CloseTime() != "" {
		out = enc.AppendFooter(out, r.CloseTime())
	}
	return out, withoutUTF8
}

// roundTripLogs are the logs in testdata, and with ZEEKLOG_LOGS=GLOB others.
func roundTripLogs(t *testing.T) []string {
	logs, _ := filepath.Glob("testdata/logs/*.log")
	values, _ := filepath.Glob("testdata/values/*.log")
	more, err := filepath.Glob(os.Getenv("ZEEKLOG_LOGS"))
	if err != nil || len(logs) == 0 || len(values) == 0 {
		t.Fatalf("no logs (%v)", err)
	}
	return append(append(logs, values...), more...)
}

func TestWritingWhatWasReadGivesTheSameBytes(t *testing.T) {
	bad, noUTF8 := 0, 0
	logs := roundTripLogs(t)
	for _, name := range logs {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		opt := ReaderOptions{}
		if strings.Contains(name, "nometa") {
			opt.Columns = valueColumns
		}
		got, n := rewrite(t, name, data, opt)
		if n > 0 {
			noUTF8++
		}
		if bytes.Equal(got, data) {
			continue
		}
		if bad++; bad <= 20 {
			g, w := strings.Split(string(got), "\n"), strings.Split(string(data), "\n")
			for i := range w {
				if i >= len(g) || g[i] != w[i] {
					t.Errorf("%s:%d: got %q, want %q", name, i+1, append(g, "")[min(i, len(g))], w[i])
					break
				}
			}
		}
	}
	t.Logf("%d logs, %d differ, %d written without UTF-8", len(logs), bad, noUTF8)
}
