package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var (
	le binary.ByteOrder = binary.LittleEndian
	be binary.ByteOrder = binary.BigEndian
)

// readAll copies what a source gives.
func readAll(s Source) ([]Frame, error) {
	var out []Frame
	for {
		var f Frame
		if err := s.Next(&f); err != nil {
			return out, err
		}
		f.Data = bytes.Clone(f.Data)
		out = append(out, f)
	}
}

func readBytes(t *testing.T, data []byte, opts Options) ([]Frame, error) {
	t.Helper()
	s, err := NewReader(bytes.NewReader(data), "test", opts)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return readAll(s)
}

// show is one line a frame: time, captured and wire length, link type, data.
func show(fs []Frame) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "%d.%06d %d/%d %d %q\n", f.Sec, f.Usec, f.CapLen, f.WireLen, f.LinkType, f.Data)
	}
	return b.String()
}

func TestPcapVariants(t *testing.T) {
	abc := []byte("abc")
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"little-endian microseconds", cat(pcapHeader(le, magicMicro, 65535, 1), pcapRecord(le, 5, 999999, 60, abc)), "5.999999 3/60 1 \"abc\"\n"},
		{"big-endian microseconds", cat(pcapHeader(be, magicMicro, 65535, 1), pcapRecord(be, 5, 6, 60, abc)), "5.000006 3/60 1 \"abc\"\n"},
		{"nanoseconds are cut, not rounded", cat(pcapHeader(le, magicNano, 65535, 1), pcapRecord(le, 5, 1999, 60, abc)), "5.000001 3/60 1 \"abc\"\n"},
		{"big-endian nanoseconds", cat(pcapHeader(be, magicNano, 65535, 1), pcapRecord(be, 5, 999999999, 60, abc)), "5.999999 3/60 1 \"abc\"\n"},
		{"raw IP has another number in files", pcapHeaderAnd(le, 101, abc), "0.000000 3/3 12 \"abc\"\n"},
		{"link type 12 is raw IP too", pcapHeaderAnd(le, 12, abc), "0.000000 3/3 12 \"abc\"\n"},
		{"frame check sequence bits aren't link type", pcapHeaderAnd(le, 0x14000001, abc), "0.000000 3/3 1 \"abc\"\n"},
		{"a header alone has no packets", pcapHeader(le, magicMicro, 65535, 1), ""},
		{"empty records are given to the caller", cat(pcapHeader(le, magicMicro, 65535, 1), pcapRecord(le, 1, 0, 60, nil), pcapRecord(le, 2, 0, 0, abc)), "1.000000 0/60 1 \"\"\n2.000000 3/0 1 \"abc\"\n"},
		{"seconds are signed when not swapped", cat(pcapHeader(le, magicMicro, 65535, 1), pcapRecord(le, 0xfffffff0, 7, 3, abc)), "-16.000007 3/3 1 \"abc\"\n"},
		{"seconds are unsigned when swapped", cat(pcapHeader(be, magicMicro, 65535, 1), pcapRecord(be, 0xfffffff0, 7, 3, abc)), "4294967280.000007 3/3 1 \"abc\"\n"},
		{"more than the snap length is cut off", cat(pcapHeader(le, magicMicro, 2, 1), pcapRecord(le, 1, 0, 60, abc), pcapRecord(le, 2, 0, 60, []byte("de"))), "1.000000 2/60 1 \"ab\"\n2.000000 2/60 1 \"de\"\n"},
		{"snap length 0 is none", cat(pcapHeader(le, magicMicro, 0, 1), pcapRecord(le, 1, 0, 60, abc)), "1.000000 3/60 1 \"abc\"\n"},
		{"version 2.2 has the lengths swapped", cat(pcapHeaderVersion(le, magicMicro, 2, 2, 65535, 1), swapped(pcapRecord(le, 1, 0, 60, abc))), "1.000000 3/60 1 \"abc\"\n"},
		{"version 2.3 may have them swapped", cat(pcapHeaderVersion(le, magicMicro, 2, 3, 65535, 1), swapped(pcapRecord(le, 1, 0, 60, abc)), pcapRecord(le, 2, 0, 60, abc)), "1.000000 3/60 1 \"abc\"\n2.000000 3/60 1 \"abc\"\n"},
		{"version 543.0 of DG/UX", cat(pcapHeaderVersion(le, magicMicro, 543, 0, 65535, 1), swapped(pcapRecord(le, 1, 0, 60, abc))), "1.000000 3/60 1 \"abc\"\n"},
		{"longer record headers of old Linux", cat(pcapHeader(le, magicKuznetzov, 65535, 1), pcapRecord(le, 1, 0, 60, abc)[:16], make([]byte, 8), abc), "1.000000 3/60 1 \"abc\"\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs, err := readBytes(t, tc.data, Options{})
			if err != io.EOF {
				t.Errorf("ended with %v", err)
			}
			if got := show(fs); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}

func pcapHeaderAnd(o binary.ByteOrder, link uint32, data []byte) []byte {
	return cat(pcapHeader(o, magicMicro, 65535, link), pcapRecord(o, 0, 0, uint32(len(data)), data))
}

func swapped(rec []byte) []byte {
	return cat(rec[:8], rec[12:16], rec[8:12], rec[16:])
}

func TestPcapNG(t *testing.T) {
	tsresol := func(v byte) []byte { return ngOption(le, 9, []byte{v}) }
	offset := func(v int64) []byte { return ngOption(le, 14, binary.LittleEndian.AppendUint64(nil, uint64(v))) }
	end := ngOption(le, 0, nil)
	abc := []byte("abc")
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"microseconds are the default", cat(ngSection(le), ngIface(le, 1, 0), ngEnhanced(le, 0, 5000007, 60, abc)), "5.000007 3/60 1 \"abc\"\n"},
		{"big-endian", cat(ngSection(be), ngIface(be, 1, 0), ngEnhanced(be, 0, 5000007, 60, abc)), "5.000007 3/60 1 \"abc\"\n"},
		{"nanoseconds are cut", cat(ngSection(le), ngIface(le, 1, 0, tsresol(9), end), ngEnhanced(le, 0, 5_000_001_999, 60, abc)), "5.000001 3/60 1 \"abc\"\n"},
		{"milliseconds", cat(ngSection(le), ngIface(le, 1, 0, tsresol(3), end), ngEnhanced(le, 0, 5_001, 60, abc)), "5.001000 3/60 1 \"abc\"\n"},
		{"seconds", cat(ngSection(le), ngIface(le, 1, 0, tsresol(0), end), ngEnhanced(le, 0, 5, 60, abc)), "5.000000 3/60 1 \"abc\"\n"},
		{"powers of two", cat(ngSection(le), ngIface(le, 1, 0, tsresol(0x80|20), end), ngEnhanced(le, 0, 5<<20|1<<19, 60, abc)), "5.500000 3/60 1 \"abc\"\n"},
		{"the finest power of two", cat(ngSection(le), ngIface(le, 1, 0, tsresol(0x80|63), end), ngEnhanced(le, 0, 1<<63|1<<62, 60, abc)), "1.500000 3/60 1 \"abc\"\n"},
		{"offset", cat(ngSection(le), ngIface(le, 1, 0, offset(100), end), ngEnhanced(le, 0, 5000007, 60, abc)), "105.000007 3/60 1 \"abc\"\n"},
		{"negative offset", cat(ngSection(le), ngIface(le, 1, 0, offset(-10), end), ngEnhanced(le, 0, 5000007, 60, abc)), "-5.000007 3/60 1 \"abc\"\n"},
		{"simple blocks have no time and the snap length's data", cat(ngSection(le), ngIface(le, 1, 2), ngSimple(le, 60, abc[:2])), "0.000000 2/60 1 \"ab\"\n"},
		{"obsolete blocks", cat(ngSection(le), ngIface(le, 1, 0), ngOld(le, 0, 5000007, 60, abc)), "5.000007 3/60 1 \"abc\"\n"},
		{"unknown blocks are passed over", cat(ngSection(le), ngBlock(le, 0x0bad, abc), ngIface(le, 1, 0), ngBlock(le, 5, abc), ngEnhanced(le, 0, 0, 3, abc)), "0.000000 3/3 1 \"abc\"\n"},
		{"interfaces with their own link type, resolution and snap length", cat(ngSection(le), ngIface(le, 1, 100), ngIface(le, 101, 10, tsresol(9), end),
			ngEnhanced(le, 1, 1_000_000_000, 9, abc), ngEnhanced(le, 0, 2_000_000, 9, abc)), "1.000000 3/9 12 \"abc\"\n2.000000 3/9 1 \"abc\"\n"},
		{"sections with their own interfaces and byte order", cat(ngSection(le), ngIface(le, 1, 0), ngEnhanced(le, 0, 1, 3, abc),
			ngSection(be), ngIface(be, 113, 0), ngEnhanced(be, 0, 2, 3, abc)), "0.000001 3/3 1 \"abc\"\n0.000002 3/3 113 \"abc\"\n"},
		{"no packets", cat(ngSection(le), ngIface(le, 1, 0)), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs, err := readBytes(t, tc.data, Options{})
			if err != io.EOF {
				t.Errorf("ended with %v", err)
			}
			if got := show(fs); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}

func TestTimeIsSecondsPlusMicrosecondsOverAMillion(t *testing.T) {
	fs, err := readBytes(t, cat(pcapHeader(le, magicMicro, 65535, 1), pcapRecord(le, 1352718265, 222457, 3, []byte("abc"))), Options{})
	if err != io.EOF || len(fs) != 1 {
		t.Fatal(fs, err)
	}
	sec, usec := 1352718265.0, 222457.0
	if fs[0].Time != sec+usec/1e6 {
		t.Errorf("%.9f", fs[0].Time)
	}
}

// The .packets files are what libpcap 1.10.3 reads of these captures.
func TestReadsWhatLibpcapReads(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pcap")
	if len(files) < 8 {
		t.Fatalf("only %d captures", len(files))
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			ref, err := os.Open(strings.TrimSuffix(name, ".pcap") + ".packets")
			if err != nil {
				t.Fatal(err)
			}
			defer ref.Close()
			s, err := OpenFile(name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			fs, end := readAll(s)
			lines := bufio.NewScanner(ref)
			lines.Scan() // link type and snap length
			i := 0
			for ; lines.Scan(); i++ {
				if strings.HasPrefix(lines.Text(), "err ") {
					var e *Error
					if !errors.As(end, &e) || e.File != name || e.Offset == 0 || e.Expected == "" {
						t.Errorf("libpcap ends with %q, we with %v", lines.Text(), end)
					}
					end = io.EOF
					break
				}
				if i >= len(fs) {
					t.Fatalf("only %d packets", i)
				}
				f := fs[i]
				if got := fmt.Sprintf("%d %d %d %d", f.Sec, f.Usec, f.CapLen, f.WireLen); got != lines.Text() {
					t.Fatalf("packet %d: %s, want %s", i+1, got, lines.Text())
				}
				if f.Number != uint64(i+1) {
					t.Errorf("packet %d has number %d", i+1, f.Number)
				}
			}
			if i != len(fs) || end != io.EOF {
				t.Errorf("%d packets instead of %d, then %v", len(fs), i, end)
			}
		})
	}
}

func TestBrokenFilesSayWhereAndWhat(t *testing.T) {
	good := cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 3, []byte("abc")))
	ng := cat(ngSection(le), ngIface(le, 1, 100))
	for _, tc := range []struct {
		name   string
		data   []byte
		frames int
		want   string
	}{
		{"zero length", nil, 0, "test: at offset 0: is empty: expected a capture file"},
		{"three octets", good[:3], 0, "test: at offset 0: is truncated after 3 octets: expected a capture file"},
		{"cut header", good[:20], 0, "test: at offset 0: truncated file header: expected 24 octets of pcap header, found 20"},
		{"foreign", []byte("From: a@b\r\n"), 0, "test: at offset 0: unknown format (it begins with 46 72 6f 6d): expected a capture file"},
		{"log", []byte("#separator \\x09"), 0, "test: at offset 0: a Zeek log: expected a capture file"},
		{"bzip2", []byte("BZh91AY"), 0, "compressed with bzip2"},
		{"snoop", []byte("snoop\x00\x00\x00"), 0, "snoop"},
		{"version", pcapHeaderVersion(le, magicMicro, 3, 0, 1, 1), 0, "pcap file of version 3.0: expected version 2.4"},
		{"link type", pcapHeader(le, magicMicro, 1, 0x00010001), 0, "link type 0x00010001: expected 0 in its reserved bits"},
		{"unknown link type", pcapHeader(le, magicMicro, 1, 20), 0, "at offset 0: link type 20: expected one that libpcap knows, like 1 (Ethernet)"},
		{"cut packet header", cat(good, good[24:34]), 1, "test: at offset 43, packet 2: truncated packet header: expected 16 octets, found 10"},
		{"cut packet", cat(good, good[24:42]), 1, "test: at offset 43, packet 2: truncated packet: expected 19 octets (16 of header, 3 of data), found 18"},
		{"too long packet", cat(good, le32(1, 0, 262145, 3), make([]byte, 300000)), 1, "test: at offset 43, packet 2: captured length 262145: expected at most 262144"},
		{"cut behind the snap length", cat(good, le32(1, 0, 200, 200), make([]byte, 150)), 1, "at offset 43, packet 2: truncated packet"},

		{"ng: cut section", ng[:16], 0, "at offset 0: truncated block: expected 28 octets, found 16"},
		{"ng: bad magic", cat([]byte{10, 13, 13, 10}, le32(28, 7, 0, 0, 0, 0)), 0, "at offset 0: no section header block of pcapng"},
		{"ng: no interface", ngSection(le), 0, "at offset 28: the file ends: expected an interface description block"},
		{"ng: packet before interface", cat(ngSection(le), ngEnhanced(le, 0, 0, 3, []byte("abc"))), 0, "packet block before any interface"},
		{"ng: cut block", cat(ng, ngEnhanced(le, 0, 0, 3, []byte("abc")), ngEnhanced(le, 0, 0, 3, []byte("abc"))[:30]), 1, "at offset 84: truncated block: expected 36 octets, found 30"},
		{"ng: odd length", cat(ng, le32(6, 33), make([]byte, 64)), 0, "at offset 48: block of length 33"},
		{"ng: huge length", cat(ng, le32(6, 0xfffffff0), make([]byte, 64)), 0, "at offset 48: block of length 4294967280"},
		{"ng: trailer differs", cat(ng, le32(6, 32), make([]byte, 64)), 0, "block of length 32 with 0 in its trailer"},
		{"ng: unknown interface", cat(ng, ngEnhanced(le, 1, 0, 3, []byte("abc"))), 0, "packet 1: packet of interface 1: expected one of the 1 described"},
		{"ng: beyond the snap length", cat(ng, ngEnhanced(le, 0, 0, 300, make([]byte, 101))), 0, "captured length 101: expected at most the snap length, 100"},
		{"ng: beyond the block", cat(ng, ngBlock(le, blockEnhanced, cat(le32(0, 0, 0, 50, 50), make([]byte, 8)))), 0, "captured length 50 in a block with 8 octets of data"},
		{"ng: version", ngBlock(le, blockSection, cat(le32(byteOrderMagic, 2, 0, 0))), 0, "pcapng section of version 2.0"},
		{"ng: interfaces of another section", cat(ng, ngSection(le), ngEnhanced(le, 0, 0, 3, []byte("abc"))), 0, "expected one of the 0 described"},
		{"ng: unknown link type", cat(ngSection(le), ngIface(le, 98, 0)), 0, "link type 98: expected one that libpcap knows"},
		{"ng: resolution too fine", cat(ngSection(le), ngIface(le, 1, 0, ngOption(le, 9, []byte{20}))), 0, "if_tsresol of 10^-20"},

		{"gzip: cut", gz(good)[:20], 0, "damaged gzip data: the compressed file is truncated"},
		{"gzip: header", []byte{0x1f, 0x8b, 99, 99, 99, 99}, 0, "damaged gzip data"},
		{"gzip twice", gz(gz(good)), 0, "compressed more than once"},
		{"gzip: empty", gz(nil), 0, "is empty when decompressed"},
		{"zstd: cut", zs(good)[:12], 0, "damaged zstd data"},
		{"gzip: packet cut inside", gz(good[:42]), 0, "at offset 24, packet 1: truncated packet: expected 19 octets (16 of header, 3 of data), found 18"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs, err := readBytes(t, tc.data, Options{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if len(fs) != tc.frames {
				t.Errorf("%d whole packets were given", len(fs))
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %s\nwant %s", err, tc.want)
			}
		})
	}
}

// What Zeek 8.0.9 with libpcap 1.10.3 reads a capture of, by trying all of these.
func TestLinkTypesThatLibpcapKnowsAreRead(t *testing.T) {
	refused := func(link uint32) bool {
		return 2 <= link && link <= 5 || link == 13 || link == 14 || link == 17 || link == 18 || 20 <= link && link <= 49 ||
			52 <= link && link <= 98 || link >= 290
	}
	for link := range uint32(400) {
		_, err := readBytes(t, pcapHeader(le, magicMicro, 100, link), Options{})
		if (err != io.EOF) != refused(link) {
			t.Errorf("link type %d: %v", link, err)
		}
	}
}

func le32(vs ...uint32) []byte {
	var b []byte
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zs(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func TestCompressionIsFoundByContent(t *testing.T) {
	plain := cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 3, []byte("abc")), pcapRecord(le, 2, 0, 3, []byte("def")))
	const want = "1.000000 3/3 1 \"abc\"\n2.000000 3/3 1 \"def\"\n"
	for name, data := range map[string][]byte{
		"gzip":              gz(plain),
		"two gzip members":  cat(gz(plain[:30]), gz(plain[30:])),
		"zstd":              zs(plain),
		"two zstd frames":   cat(zs(plain[:30]), zs(plain[30:])),
		"zstd, skip before": cat([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, zs(plain)),
	} {
		fs, err := readBytes(t, data, Options{})
		if err != io.EOF || show(fs) != want {
			t.Errorf("%s: %v\n%s", name, err, show(fs))
		}
	}
}

func TestMissingFileAndDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		filepath.Join(dir, "no.pcap"): "no.pcap: can't be opened: no such file or directory",
		dir:                           ": is a directory: expected a capture file",
	} {
		_, err := OpenFile(name, Options{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenFile(filepath.Join(dir, "no.pcap"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error("the cause is hidden")
	}
}

func TestErrorsAreFinal(t *testing.T) {
	s, err := NewReader(bytes.NewReader(cat(pcapHeader(le, magicMicro, 100, 1), []byte("abc"))), "test", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	first := s.Next(&f)
	var b Batch
	if again := s.Next(&f); again != first || s.ReadBatch(&b) != first {
		t.Errorf("%v, then %v", first, again)
	}
	s.Close()
	s, _ = NewReader(bytes.NewReader(pcapHeaderAnd(le, 1, []byte("abc"))), "test", Options{})
	s.Close()
	if err := s.Next(&f); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSeriesIsOneRun(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a", cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 3, []byte("abc")), pcapRecord(le, 2, 0, 3, []byte("def"))))
	b := write(t, dir, "b", gz(cat(ngSection(be), ngIface(be, 101, 0), ngEnhanced(be, 0, 1e6, 3, []byte("ghi")))))
	c := write(t, dir, "c", pcapHeader(le, magicMicro, 100, 1))
	s, err := OpenFiles(Options{}, a, b, c, a)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := readAll(s)
	if err != io.EOF {
		t.Fatal(err)
	}
	if got := show(fs); got != "1.000000 3/3 1 \"abc\"\n2.000000 3/3 1 \"def\"\n1.000000 3/3 12 \"ghi\"\n1.000000 3/3 1 \"abc\"\n2.000000 3/3 1 \"def\"\n" {
		t.Error(got)
	}
	for i, f := range fs {
		if f.Number != uint64(i+1) || f.File != []string{a, a, b, a, a}[i] {
			t.Errorf("packet %d: %d of %s", i+1, f.Number, f.File)
		}
	}
	if st := s.Stats(); st.Received != 5 || st.Bytes != 15 {
		t.Errorf("%+v", st)
	}
	if s.Pos() != s.Size() || s.Size() == 0 {
		t.Errorf("%d of %d", s.Pos(), s.Size())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	s, _ = OpenFiles(Options{}, a, b, c, a)
	var bt Batch
	n := uint64(0)
	for s.ReadBatch(&bt) == nil {
		for _, f := range bt.Frames {
			if n++; f.Number != n {
				t.Errorf("batch: packet %d has number %d", n, f.Number)
			}
		}
	}
	if n != 5 {
		t.Errorf("%d packets in batches", n)
	}
	s.Close()
}

func TestSeriesGivesAllBeforeABadFile(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a", pcapHeaderAnd(le, 1, []byte("abc")))
	bad := write(t, dir, "bad", []byte("bad file"))
	s, err := OpenFiles(Options{}, a, bad, a)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fs, err := readAll(s)
	var e *Error
	if len(fs) != 1 || !errors.As(err, &e) || e.File != bad {
		t.Errorf("%d packets, %v", len(fs), err)
	}
	if _, err := OpenFiles(Options{}, bad, a); err == nil {
		t.Error("a bad first file is found late")
	}
	if _, err := OpenFiles(Options{}); err == nil {
		t.Error("no file is no error")
	}
}

// chunked is a large capture with packets of very different length.
func chunked() []byte {
	data := pcapHeader(le, magicMicro, 262144, 1)
	for i := 0; i < 400; i++ {
		n := (i * i * 37) % 3000
		if i%97 == 5 {
			n = 262144
		}
		p := bytes.Repeat([]byte{byte(i)}, n)
		data = append(data, pcapRecord(le, uint32(i), 0, uint32(n), p)...)
	}
	return data
}

func TestBatchesHoldTheSameFramesAndKeepThem(t *testing.T) {
	data := chunked()
	want, err := readBytes(t, data, Options{})
	if err != io.EOF || len(want) != 400 {
		t.Fatal(len(want), err)
	}
	for name, r := range map[string]io.Reader{
		"whole blocks":  bytes.NewReader(data),
		"short reads":   iotest.HalfReader(bytes.NewReader(data)),
		"data with EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		s, err := NewReader(r, "test", Options{})
		if err != nil {
			t.Fatal(err)
		}
		var kept []*Batch
		for {
			b := new(Batch)
			if err := s.ReadBatch(b); err != nil {
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			kept = append(kept, b)
		}
		var got []Frame
		for _, b := range kept {
			got = append(got, b.Frames...)
		}
		for i := range got {
			got[i].File = want[0].File
		}
		if !reflect.DeepEqual(normal(got), normal(want)) {
			t.Errorf("%s: %d frames in %d batches differ", name, len(got), len(kept))
		}
		if len(kept) < 3 {
			t.Errorf("%s: only %d batches", name, len(kept))
		}
	}
}

func normal(fs []Frame) []Frame {
	for i := range fs {
		if fs[i].Data == nil {
			fs[i].Data = []byte{}
		}
	}
	return fs
}

func TestOneReusedBatchAndNextMixed(t *testing.T) {
	data := chunked()
	want, _ := readBytes(t, data, Options{})
	s, err := NewReader(bytes.NewReader(data), "test", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b Batch
	i := 0
	check := func(f Frame) {
		if f.Number != want[i].Number || f.Offset != want[i].Offset || !bytes.Equal(f.Data, want[i].Data) {
			t.Fatalf("packet %d differs", i+1)
		}
		i++
	}
	for {
		if err := s.ReadBatch(&b); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Frames {
			check(f)
		}
		var f Frame
		if s.Next(&f) == nil {
			check(f)
		}
	}
	if i != len(want) {
		t.Errorf("%d of %d", i, len(want))
	}
}

func TestReadErrorOfTheDiskIsTold(t *testing.T) {
	data := pcapHeaderAnd(le, 1, []byte("abc"))
	s, err := NewReader(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errors.New("disk on fire"))), "test", Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := readAll(s)
	if len(fs) != 1 || err == io.EOF || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("%d packets, %v", len(fs), err)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	var buf bytes.Buffer
	buf.Write(pcapHeader(le, magicMicro, 2000, 1))
	for i := 0; i < 50000; i++ {
		buf.Write(pcapRecord(le, uint32(i), 0, 100, make([]byte, 100)))
	}
	s, err := NewReader(&buf, "test", Options{Filter: "not tcp port 25"})
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	if err := s.Next(&f); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(40000, func() {
		if err := s.Next(&f); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

// zeros is an endless stream of empty records.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	clear(p)
	n := min(int64(len(p)), z.n)
	z.n -= n
	return int(n), nil
}

func TestDecompressionBombIsStreamed(t *testing.T) {
	const size = 256 << 20 // of empty records, 16 octets each
	for _, kind := range []string{"gzip", "zstd"} {
		var packed bytes.Buffer
		var w io.WriteCloser
		if kind == "gzip" {
			w, _ = gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		} else {
			w, _ = zstd.NewWriter(&packed)
		}
		w.Write(pcapHeader(le, magicMicro, 2000, 1))
		if _, err := io.Copy(w, &zeros{size}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := NewReader(&packed, "bomb", Options{})
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		n := 0
		for err = s.Next(&f); err == nil; err = s.Next(&f) {
			n++
		}
		s.Close()
		runtime.ReadMemStats(&after)
		if err != io.EOF || n != size/16 {
			t.Errorf("%s: %d records, %v", kind, n, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
			t.Errorf("%s: %d MB were allocated", kind, got>>20)
		}
		if s.Stats().Received != 0 {
			t.Errorf("%s: empty records are counted", kind)
		}
	}
}

func TestNFLogOfAnotherByteOrderIsSwapped(t *testing.T) {
	nflog := []byte{2, 0, 0, 5, 0, 5, 0, 1, 'x', 0, 0, 0, 0, 8, 0, 9, 1, 2, 3, 4}
	fs, err := readBytes(t, pcapHeaderAnd(be, 239, nflog), Options{})
	if err != io.EOF || len(fs) != 1 {
		t.Fatal(err)
	}
	want := []byte{2, 0, 0, 5, 5, 0, 1, 0, 'x', 0, 0, 0, 8, 0, 9, 0, 1, 2, 3, 4}
	if !bytes.Equal(fs[0].Data, want) {
		t.Errorf("% x", fs[0].Data)
	}
	fs, _ = readBytes(t, pcapHeaderAnd(le, 239, nflog), Options{})
	if !bytes.Equal(fs[0].Data, nflog) {
		t.Errorf("own order: % x", fs[0].Data)
	}
}

func FuzzReader(f *testing.F) {
	good := cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 3, []byte("abc")), pcapRecord(le, 2, 0, 3, []byte("def")))
	f.Add(good)
	f.Add(cat(pcapHeader(be, magicNano, 0, 239), pcapRecord(be, 1, 0, 8, []byte("\x02\x00\x00\x05\x00\x05\x00\x01"))))
	f.Add(cat(pcapHeader(le, magicKuznetzov, 65535, 1), make([]byte, 60)))
	f.Add(cat(ngSection(le), ngIface(le, 1, 100, ngOption(le, 9, []byte{0x80 | 63}), ngOption(le, 14, make([]byte, 8))),
		ngEnhanced(le, 0, 1, 3, []byte("abc")), ngSimple(le, 3, []byte("abc")), ngOld(le, 0, 1, 3, []byte("abc")),
		ngSection(be), ngIface(be, 239, 0), ngEnhanced(be, 0, 1, 3, []byte("abc"))))
	f.Add(gz(good))
	f.Add(zs(good))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := NewReader(bytes.NewReader(data), "fuzz", Options{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("opening: %T %v", err, err)
			}
			return
		}
		var all []Frame
		var end error
		for len(all) < 10000 {
			var fr Frame
			if end = s.Next(&fr); end != nil {
				break
			}
			if int(fr.CapLen) != len(fr.Data) || fr.Number != uint64(len(all)+1) {
				t.Fatalf("%+v", fr)
			}
			fr.Data = bytes.Clone(fr.Data)
			all = append(all, fr)
		}
		s.Close()
		if end == nil {
			return
		}
		var e *Error
		if end != io.EOF && !errors.As(end, &e) {
			t.Fatalf("reading: %T %v", end, end)
		}
		// In batches, with other cuts between reads, the same comes out.
		s, err = NewReader(iotest.OneByteReader(bytes.NewReader(data)), "fuzz", Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var b Batch
		n := 0
		for err = s.ReadBatch(&b); err == nil; err = s.ReadBatch(&b) {
			for _, fr := range b.Frames {
				if !reflect.DeepEqual(normal([]Frame{fr}), normal(all[n:n+1])) {
					t.Fatalf("frame %d differs", n)
				}
				n++
			}
		}
		if n != len(all) || err.Error() != end.Error() {
			t.Fatalf("%d frames and %v, not %d and %v", n, err, len(all), end)
		}
	})
}
