package files

import (
	"fmt"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/weird"
)

// File.cc, DeliverChunk: what lies beyond the last offset is cut off and reported.
func TestContentBeyondTheLastOffsetIsWeird(t *testing.T) {
	s := newStage(t)
	s.run(t, "now 1", "conn C1 1000")
	s.m.weirds = weird.NewSampler(s.ev, &s.timers)
	var got []string
	s.ev.FileWeird.Handle("test", 0, func(e *event.Weird) {
		got = append(got, fmt.Sprint(e.File.ID, e.Name, e.Addl, e.Source))
	})
	s.m.Gap(0, ^uint64(0)-2, "SMTP", s.conns["C1"], true, "Fa")
	s.m.DataIn([]byte("hello"), "SMTP", s.conns["C1"], true, "Fa", "")
	rec := s.m.LookupFile("Fa")
	s.m.EndOfFile("Fa")
	s.ev.Drain()
	if want := fmt.Sprint("Fa", "file_offset_overflow", "offset=fffffffffffffffd len=5", "SMTP"); len(got) != 1 || got[0] != want {
		t.Errorf("weirds %q, want %q", got, want)
	}
	if rec.SeenBytes != 2 {
		t.Errorf("seen %d, want 2", rec.SeenBytes)
	}
}

// What a handler keeps of a file is not touched by the files that follow.
func TestRecordOutlivesItsFile(t *testing.T) {
	s := newStage(t)
	s.run(t, "now 1", "conn C1 1000", "conn C2 2000")
	var kept []*event.File
	s.ev.FileStateRemove.Handle("test", -1, func(e *event.FileEvent) { kept = append(kept, e.File) })
	s.run(t, "data C1 T Fa first", "end Fa", "data C2 F Fb second", "end Fb", "data C1 T Fc -", "end Fc", "drain")
	for i, want := range []string{"Fa C1 true first 5", "Fb C2 false second 6", "Fc C1 true  0"} {
		f := kept[i]
		if got := fmt.Sprint(f.ID, " ", f.Conns[0].UID, " ", f.IsOrig, " ", string(f.BofBuffer), " ", f.SeenBytes); got != want {
			t.Errorf("record %d: %q, want %q", i, got, want)
		}
		if f.Ctl.AddAnalyzer("MD5", nil) {
			t.Errorf("record %d: an analyzer was attached to a file that has ended", i)
		}
	}
}

// The record of an ended file steers the file that now has its id, as in Zeek,
// where all calls go by id.
func TestControlGoesByID(t *testing.T) {
	s := newStage(t)
	s.run(t, "now 1", "conn C1 1000", "data C1 T Fa first")
	old := s.m.LookupFile("Fa")
	s.run(t, "end Fa", "data C1 T Fa second")
	old.Ctl.SetTimeout(7)
	if now := s.m.LookupFile("Fa"); now == old || now.TimeoutInterval != 7 || old.TimeoutInterval != 120 {
		t.Errorf("timeouts: old %v, new %v", old.TimeoutInterval, now.TimeoutInterval)
	}
}

// Defaults of a record's fields are looked up when the record is made (Type.cc,
// RecordType::AddField; Val.cc, RecordVal): fa_file's two are the file's own.
func TestAFileKeepsTheOptionsThatItBeganWith(t *testing.T) {
	s := newStage(t)
	m := s.start()
	s.run(t, "now 1", "conn C1 1000", "data C1 T Fa 0123456789")
	m.SetDefaults(Options{DefaultFileTimeoutInterval: 7, DefaultFileBofBufferSize: 4})
	if n := m.Collecting("Fa"); n != 4096-10 {
		t.Errorf("%d octets to collect, want as many as before", n)
	}
	s.run(t, "data C1 T Fa 0123456789", "data C1 T Fb 0123456789")
	for id, want := range map[string]struct {
		timeout float64
		bof     string
	}{"Fa": {120, ""}, "Fb": {7, "0123456789"}} {
		f := m.LookupFile(id)
		if f.TimeoutInterval != want.timeout || string(f.BofBuffer) != want.bof {
			t.Errorf("%s: %v and %q, want %v and %q", id, f.TimeoutInterval, f.BofBuffer, want.timeout, want.bof)
		}
	}
}

func TestAnalyzersAreTurnedOffAndOn(t *testing.T) {
	m := newStage(t).start()
	for _, step := range []struct {
		what      string
		got, want bool
	}{
		{"SHA1 at first", m.AnalyzerEnabled("SHA1"), true},
		{"turning it off", m.DisableAnalyzer("SHA1"), true},
		{"SHA1 then", m.AnalyzerEnabled("SHA1"), false},
		{"turning it on", m.EnableAnalyzer("SHA1"), true},
		{"SHA1 again", m.AnalyzerEnabled("SHA1"), true},
		{"an unknown one", m.AnalyzerEnabled("NONSENSE"), false},
		{"turning that on", m.EnableAnalyzer("NONSENSE"), false},
	} {
		if step.got != step.want {
			t.Errorf("%s: %t, want %t", step.what, step.got, step.want)
		}
	}
}
