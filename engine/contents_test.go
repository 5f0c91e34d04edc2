package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// contentsOf runs a capture with Conn::default_extract and returns what the two
// files of the only connection hold, and the rows of the logs.
func contentsOf(t *testing.T, capture string) (orig, resp string, logs map[string][][]string) {
	t.Helper()
	dir := t.TempDir()
	logs = logsWith(t, capture, "Conn::default_extract=T", "Conn::extraction_prefix="+dir+"/seen")
	var got [2]string
	for i, end := range []string{"orig.dat", "resp.dat"} {
		names, err := filepath.Glob(filepath.Join(dir, "seen_*_"+end))
		if err != nil || len(names) != 1 {
			t.Fatalf("files of one connection, %s: %q %v", end, names, err)
		}
		b, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		got[i] = string(b)
	}
	return got[0], got[1], logs
}

func TestContentsOfConnectionsAreWrittenDown(t *testing.T) {
	orig, resp, logs := contentsOf(t, "dialog-pipe-quit")
	if !strings.HasPrefix(orig, "EHLO ") || !strings.Contains(orig, "\r\n.\r\n") || !strings.HasSuffix(orig, "QUIT\r\n") {
		t.Errorf("the client sent %q", orig)
	}
	if !strings.HasPrefix(resp, "220 ") || strings.Count(resp, "\r\n250 ") < 3 {
		t.Errorf("the server sent %q", resp)
	}
	for name, data := range map[string]string{"orig_bytes": orig, "resp_bytes": resp} {
		if n := column(t, logs["conn"], name)[0]; n != fmt.Sprint(len(data)) {
			t.Errorf("%s is %s, recorded are %d", name, n, len(data))
		}
	}
}

// As in Zeek a hole is noted where the peer acknowledges it before anything
// above it, and at the end of the connection.
func TestContentsNoteWhatIsMissing(t *testing.T) {
	orig, _, _ := contentsOf(t, "tcp-fin-then-data")
	if before, after, ok := strings.Cut(orig, "\n<<gap 1>>\n"); !ok || before == "" || after == "" {
		t.Errorf("the file holds %q", orig)
	}
}

// Data that is kept for the files takes another way through reassembly.
func TestRecordingContentsChangesNoLog(t *testing.T) {
	for _, dir := range []string{"tcp-", "rand-", "R-"} {
		captures, err := filepath.Glob(filepath.Join(baselines, dir+"*"))
		if err != nil || len(captures) == 0 {
			t.Fatalf("no captures %s (%v)", dir, err)
		}
		for _, c := range captures[:min(len(captures), 12)] {
			name := filepath.Base(c)
			want := logsWith(t, name)
			got := logsWith(t, name, "Conn::default_extract=T", "Conn::extraction_prefix="+t.TempDir()+"/c")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the logs differ", name)
			}
		}
	}
}
