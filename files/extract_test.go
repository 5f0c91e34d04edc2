package files

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gzeek/gzeek/event"
)

func TestSafeName(t *testing.T) {
	long := strings.Repeat("a", 10<<10)
	for _, test := range []struct{ in, want string }{
		{"report.pdf", "report.pdf"},
		{"Übersicht 2024.pdf", "Übersicht 2024.pdf"},
		{"", "_"},
		{".", "_"},
		{"..", "_"},
		{"...", "_"},
		{"/", "_"},
		{"../../etc/passwd", "_._.._etc_passwd"},
		{`..\..\boot.ini`, "_._.._boot.ini"},
		{"/etc/passwd", "_etc_passwd"},
		{"a\x00.exe", "a_.exe"},
		{"a\nb\x1b[2Jc\x7f", "a_b_[2Jc_"},
		{"\u202egpj.exe", "_gpj.exe"},
		{"\xff\xfe", "__"},
		{".bashrc", "_bashrc"},
		{"-rf", "_rf"},
		{"C:\\x", "C__x"},
		{"name. . ", "name"},
		{long + ".exe", strings.Repeat("a", maxName-4) + ".exe"},
		{strings.Repeat("é", maxName), strings.Repeat("é", maxName/2)},
	} {
		if got := SafeName(test.in); got != test.want {
			t.Errorf("SafeName(%.40q) = %.80q, want %.80q", test.in, got, test.want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "\x00", strings.Repeat("ÿ/", 500), ".-. ", "\xe2\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := SafeName(s)
		if got == "" || got == "." || len(got) > maxName || !utf8.ValidString(got) ||
			strings.ContainsAny(got, "/\\\x00") || !filepath.IsLocal(got) || filepath.Base(got) != got {
			t.Errorf("SafeName(%q) = %q", s, got)
		}
		if again := SafeName(got); again != got {
			t.Errorf("not stable: %q, then %q", got, again)
		}
	})
}

// Links inside the extraction folder don't lead out of it.
func TestExtractDoesNotFollowLinksOutOfTheFolder(t *testing.T) {
	s := newStage(t)
	dir := s.opts.FileExtractPrefix
	outside := filepath.Join(filepath.Dir(dir), "outside")
	for _, err := range []error{
		os.Mkdir(dir, 0o755),
		os.WriteFile(outside, []byte("untouched"), 0o644),
		os.Symlink("../outside", filepath.Join(dir, "link")),
		os.Symlink("..", filepath.Join(dir, "up")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, "now 1", "conn C1 1000", "handle C1 T a",
		"on file_new add EXTRACT link 0 missing",
		"on file_new add EXTRACT up/outside 0 missing",
		"data C1 T - evil", "end Fa")
	if got, err := os.ReadFile(outside); err != nil || string(got) != "untouched" {
		t.Errorf("outside = %q, %v", got, err)
	}
	if n := strings.Count(s.out.String(), "reporter_error cannot open"); n != 2 {
		t.Errorf("%d errors reported, want 2:\n%s", n, s.out.String())
	}
}

// A folder that can't be made costs an error, not the run; the other analyzers work on.
func TestExtractWithoutFolder(t *testing.T) {
	s := newStage(t)
	blocked := filepath.Join(t.TempDir(), "blocked")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.opts.FileExtractPrefix = filepath.Join(blocked, "x")
	s.run(t, "now 1", "conn C1 1000", "handle C1 T a",
		"on file_new add EXTRACT a 0 missing", "on file_new add MD5",
		"data C1 T - abc", "end Fa", "drain")
	for _, want := range []string{"reporter_error cannot open", "file_hash Fa md5 900150983cd24fb0d6963f7d28e17f72"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("no %q in:\n%s", want, s.out.String())
		}
	}
}

// However the content is cut and torn, the extracted file holds each octet at its
// place, zeros in the holes, and ends with the last octet that was seen.
func TestExtractKeepsPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		s := newStage(t)
		s.run(t, "now 1", "conn C1 1000", "on file_new add EXTRACT a 0 missing")
		var want []byte
		holes := uint64(0)
		for range 1 + rng.IntN(40) {
			size := rng.IntN(3000)
			if rng.IntN(8) == 0 && len(want) > 0 {
				s.m.Gap(uint64(len(want))+holes, uint64(size), "SMTP", s.conns["C1"], true, "Fa")
				holes += uint64(size)
				continue
			}
			piece := make([]byte, size)
			for i := range piece {
				piece[i] = byte(1 + rng.IntN(255))
			}
			if size > 0 {
				want = append(append(want, make([]byte, holes)...), piece...)
				holes = 0
			}
			s.m.DataIn(piece, "SMTP", s.conns["C1"], true, "Fa", "")
		}
		s.m.EndOfFile("Fa")
		s.ev.Drain()
		got, err := os.ReadFile(filepath.Join(s.opts.FileExtractPrefix, "a"))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("round %d: extracted %d octets, want %d; %v", round, len(got), len(want), err)
		}
	}
}

// FuzzManager does whatever the input says with three ids, and checks that nothing
// breaks, that the limit holds and that the end of the run leaves nothing behind.
func FuzzManager(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add(bytes.Repeat([]byte{0, 9, 1, 60, 2, 200, 7, 3}, 20))
	f.Add([]byte("\x08\x00\x00\xff\x08\x00\x01\xff\x03\x00\x08\x00\x05\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 100
		s := newStage(t)
		s.run(t, "bof 30", "now 1", "conn C1 1000", "conn C2 2000", "handle C1 T a", "handle C2 F a", "handle C2 T b")
		kinds := []string{"stop", "timeout 5", "timeout 0", "remove MD5", "add MD5", "add SHA1",
			"add EXTRACT x 100 missing", "remove EXTRACT x 100 missing", "add DATA_EVENT chunk stream", "add PE"}
		events := []string{"file_new", "file_sniff", "file_gap", "file_timeout", "file_extraction_limit", "file_hash", "file_state_remove", "stream_event"}
		gaps := false // their offsets are wild, and the limit is of octets, not of places
		for len(in) >= 2 {
			op, arg := in[0], in[1]
			in = in[2:]
			conn, dir := s.conns[[]string{"C1", "C2"}[arg&1]], arg&2 == 0
			id := []string{"", "Fa", "Fb", "Fc"}[arg>>2&3]
			switch op % 9 {
			case 0, 1:
				s.m.DataIn(make([]byte, arg), "SMTP", conn, dir, id, []string{"", "", "", "a/b"}[arg>>6])
			case 2:
				gaps = true
				s.m.Gap(uint64(arg), uint64(op), "SMTP", conn, dir, id)
			case 3:
				s.m.EndOfFile(id)
			case 4:
				s.m.EndOfFileBoth("SMTP", conn)
			case 5:
				s.ev.Now += float64(arg)
				s.timers.Advance(s.ev.Now, 300)
			case 6:
				s.ev.Drain()
			case 7:
				s.actions[events[int(arg)%len(events)]] = nil
			case 8:
				name := events[int(arg)%len(events)]
				if len(s.actions[name]) < 3 {
					s.actions[name] = append(s.actions[name], strings.Fields(kinds[int(op/9)%len(kinds)]))
				}
			}
		}
		s.timers.Expire()
		if err := s.m.Terminate(); err != nil {
			t.Error(err)
		}
		if st := s.m.Stats(); st.Current != 0 || s.timers.Len() != 0 {
			t.Errorf("left: %+v, %d timers", st, s.timers.Len())
		}
		if fi, err := os.Stat(filepath.Join(s.opts.FileExtractPrefix, "x")); err == nil && !gaps && fi.Size() > limit {
			t.Errorf("%d octets extracted, the limit is %d", fi.Size(), limit)
		}
	})
}

func (s *stage) run(t testing.TB, cmds ...string) {
	t.Helper()
	for _, cmd := range cmds {
		if err := s.do(strings.Fields(cmd)); err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
	}
}

// quiet is a manager whose handlers do nothing but attach.
func quiet(tb testing.TB, analyzers ...string) *stage {
	s := newStage(tb)
	s.mute = append(s.mute, "file_new", "get_file_handle", "file_over_new_connection", "file_sniff", "file_gap",
		"file_timeout", "file_state_remove", "file_hash", "reporter_error", "stream_event", "chunk_event")
	s.run(tb, "conn C1 1000", "now 1")
	handleBytes := []byte("a")
	s.ev.GetFileHandle.Handle("test", 0, func(e *event.GetFileHandle) { *e.Reply = event.FileHandle{Handle: handleBytes, Set: true} })
	s.ev.FileNew.Handle("test", 0, func(e *event.FileEvent) {
		for _, a := range analyzers {
			if !e.File.Ctl.AddAnalyzer(a, ExtractArgs{Filename: "a"}) {
				tb.Errorf("%s not attached", a)
			}
		}
	})
	s.ev.FileOverNewConnection.Handle("test", 0, func(*event.FileOverNewConnection) {})
	s.ev.FileSniff.Handle("test", 0, func(*event.FileSniff) {})
	s.ev.FileHash.Handle("test", 0, func(*event.FileHash) {})
	s.ev.FileStateRemove.Handle("test", 0, func(*event.FileEvent) {})
	return s
}

func TestNoAllocationPerPiece(t *testing.T) {
	s := quiet(t, "MD5", "SHA1", "SHA256", "EXTRACT", "PE")
	piece := bytes.Repeat([]byte("x"), 57)
	for range 100 {
		s.m.DataIn(piece, "SMTP", s.conns["C1"], true, "Fa", "")
	}
	if n := testing.AllocsPerRun(100, func() {
		s.m.DataIn(piece, "SMTP", s.conns["C1"], true, "Fa", "")
	}); n != 0 {
		t.Errorf("%v allocations a piece", n)
	}
}

func BenchmarkPiece(b *testing.B) {
	for _, bench := range []struct {
		name      string
		size      int
		analyzers []string
	}{
		{"plain/57", 57, nil},
		{"hash-all/57", 57, []string{"MD5", "SHA1"}},
		{"hash-all/4096", 4096, []string{"MD5", "SHA1"}},
		{"extract/57", 57, []string{"EXTRACT"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := quiet(b, bench.analyzers...)
			piece := bytes.Repeat([]byte("x"), bench.size)
			s.m.DataIn(bytes.Repeat(piece, 1+4096/bench.size), "SMTP", s.conns["C1"], true, "Fa", "")
			b.SetBytes(int64(bench.size))
			b.ReportAllocs()
			for b.Loop() {
				s.m.DataIn(piece, "SMTP", s.conns["C1"], true, "Fa", "")
			}
		})
	}
}

func BenchmarkFile(b *testing.B) {
	for _, bench := range []struct {
		name      string
		pieces    int
		analyzers []string
	}{
		{"short", 3, nil},
		{"short/hash-all", 3, []string{"MD5", "SHA1"}},
		{"20k/hash-all", 350, []string{"MD5", "SHA1"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := quiet(b, bench.analyzers...)
			piece := bytes.Repeat([]byte("plain text "), 5)
			b.SetBytes(int64(bench.pieces * len(piece)))
			b.ReportAllocs()
			for b.Loop() {
				id := ""
				for range bench.pieces {
					id = s.m.DataIn(piece, "SMTP", s.conns["C1"], true, id, "")
				}
				s.m.EndOfFile(id)
				s.ev.Drain()
				s.ev.Now++
				s.timers.Advance(s.ev.Now, -1)
			}
		})
	}
}
