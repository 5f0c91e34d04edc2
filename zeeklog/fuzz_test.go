package zeeklog

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// seedLogs adds the small logs of testdata to a corpus.
func seedLogs(f *testing.F, json bool) {
	logs, _ := filepath.Glob("testdata/logs/*.log")
	for _, l := range logs {
		b, err := os.ReadFile(l)
		if err != nil {
			f.Fatal(err)
		}
		if (b[0] == '{') == json {
			f.Add(b[:min(len(b), 900)])
		}
	}
}

// readTwice reads data, writes what was read, and reads that: the second
// reading must find the same values as the first.
func readTwice(t *testing.T, data []byte) {
	r := NewReader(bytes.NewReader(data), ReaderOptions{MaxLine: 1 << 16})
	for r.Next() {
		rec := r.Record()
		h := r.Header()
		cols := append([]Column(nil), rec.Columns()...)
		opt := h.ASCII
		header := []byte(nil)
		if !opt.JSON {
			std := DefaultConfig().ASCII
			std.UTF8 = opt.UTF8
			if opt != std || h.crlf {
				continue // not every choice of separators can tell all values apart
			}
			for _, c := range cols {
				if bytes.ContainsAny([]byte(c.Name), "\t\n\r\\") {
					return
				}
			}
			header = NewEncoder(opt, "", cols).AppendHeader(nil, "")
		}
		opt.JSONIncludeUnset = true
		first := NewEncoder(opt, h.Path, cols).AppendRow(nil, rec.Values())
		again := NewReader(bytes.NewReader(append(header, first...)), ReaderOptions{})
		if !again.Next() {
			if first[0] == '\n' {
				continue // a single column of an empty name
			}
			t.Fatalf("%q written as %q can't be read: %d problems", rec.Bytes(), first, again.Problems())
		}
		opt.JSONTimestamps = again.Header().ASCII.JSONTimestamps
		second := NewEncoder(opt, h.Path, again.Record().Columns()).AppendRow(nil, again.Record().Values())
		if !bytes.Equal(first, second) {
			t.Fatalf("%q became %q", first, second)
		}
	}
}

func FuzzReadText(f *testing.F) {
	seedLogs(f, false)
	f.Add([]byte("//separator \\x7c\n//fields|a|b\n//types|set[addr]|bool\n10.0.0.1,\\x2d|T\n"))
	f.Fuzz(readTwice)
}

func FuzzReadJSON(f *testing.F) {
	seedLogs(f, true)
	f.Add([]byte(`{"id":{"orig_h":"::1"},"a":[null,1e300,"\ud83d\ude00"],"ts":-1.5e-9}`))
	f.Fuzz(readTwice)
}
