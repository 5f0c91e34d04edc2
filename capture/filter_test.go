package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// Zeek 8.0.9: base/frameworks/packet-filter/main.zeek, build.
func TestFiltersAreCombinedAsInZeek(t *testing.T) {
	type table = map[string]string
	for _, tc := range []struct {
		parts FilterParts
		want  string
	}{
		{FilterParts{}, "ip or not ip"},
		{FilterParts{Capture: table{"a": "port 25"}}, "port 25"},
		{FilterParts{Capture: table{"b": "udp", "a": "port 25"}}, "(port 25) or (udp)"},
		{FilterParts{Capture: table{"a": "1", "b": "2", "c": "3"}}, "((1) or (2)) or (3)"},
		{FilterParts{Restrict: table{"x": "not host 1.2.3.4"}}, "(ip or not ip) and (not host 1.2.3.4)"},
		{FilterParts{Capture: table{"a": "1", "b": "2"}, Restrict: table{"x": "3", "y": "4"}}, "((1) or (2)) and ((3) and (4))"},
		{FilterParts{Capture: table{"a": ""}, Restrict: table{"x": "3"}}, "3"},
		{FilterParts{Default: "ip", Restrict: table{"x": "3"}}, "(ip) and (3)"},
		{FilterParts{Default: "ip", Ports: []string{"port 25", "port 26"}}, "(port 25) or (port 26)"},
		{FilterParts{Capture: table{"a": "1"}, Ports: []string{"2", "3"}}, "(1) or ((2) or (3))"},
		{FilterParts{Unrestricted: "u"}, "(u) or (ip or not ip)"},
		{FilterParts{Capture: table{"a": "1"}, Unrestricted: "u", Restricted: "vlan"}, "(vlan) and ((u) or (1))"},
	} {
		if got := tc.parts.Combine(); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.parts, got, tc.want)
		}
	}
}

func TestABadFilterIsNamed(t *testing.T) {
	p := FilterParts{Capture: map[string]string{"mail": "tcp port 25"}, Restrict: map[string]string{"site": "no such thing"}}
	err := p.Explain(&FilterError{Expr: p.Combine(), Err: errors.New("syntax error")})
	var fe *FilterError
	if !errors.As(err, &fe) || !strings.HasPrefix(err.Error(), `restrict_filters["site"]: can't compile the packet filter "no such thing": `) {
		t.Errorf("%v", err)
	}
}

// tcpTo is an Ethernet frame with a SYN to the port.
func tcpTo(port byte) []byte {
	b := make([]byte, 60)
	copy(b[12:], []byte{8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x80, 0, 0, port})
	return b
}

func TestFilterDropsAndCounts(t *testing.T) {
	data := cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 60, tcpTo(25)), pcapRecord(le, 2, 0, 60, tcpTo(80)), pcapRecord(le, 3, 0, 60, tcpTo(25)))
	s, err := NewReader(bytes.NewReader(data), "test", Options{Filter: "tcp port 25"})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := readAll(s)
	if err != io.EOF || len(fs) != 2 || fs[0].Number != 1 || fs[1].Number != 3 {
		t.Errorf("%v %+v", err, fs)
	}
	if st := s.Stats(); st.Received != 2 || st.Filtered != 1 || st.Bytes != 120 {
		t.Errorf("%+v", st)
	}
}

func TestFilterFollowsTheLinkType(t *testing.T) {
	ip := tcpTo(25)[14:54]
	data := cat(ngSection(le), ngIface(le, 1, 0), ngIface(le, 101, 0),
		ngEnhanced(le, 0, 1, 60, tcpTo(25)), ngEnhanced(le, 1, 2, 40, ip),
		ngEnhanced(le, 0, 3, 60, tcpTo(80)), ngEnhanced(le, 1, 4, 40, tcpTo(80)[14:54]))
	fs, err := readBytes(t, data, Options{Filter: "dst port 25"})
	if err != io.EOF || len(fs) != 2 || fs[0].LinkType != Ethernet || fs[1].LinkType != Raw {
		t.Errorf("%v %+v", err, fs)
	}
}

func TestFilterUsesTheLengthOnTheWire(t *testing.T) {
	data := cat(pcapHeader(le, magicMicro, 100, 1), pcapRecord(le, 1, 0, 1000, tcpTo(25)), pcapRecord(le, 2, 0, 60, tcpTo(25)))
	fs, err := readBytes(t, data, Options{Filter: "greater 500"})
	if err != io.EOF || len(fs) != 1 || fs[0].WireLen != 1000 {
		t.Errorf("%v %+v", err, fs)
	}
}

func TestBadFilterIsToldWhenOpening(t *testing.T) {
	_, err := NewReader(bytes.NewReader(pcapHeader(le, magicMicro, 100, 1)), "test", Options{Filter: "port http80x"})
	var fe *FilterError
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), `"port http80x"`) {
		t.Errorf("%v", err)
	}
	if _, err := NewReader(bytes.NewReader(pcapHeader(le, magicMicro, 100, 1)), "test", Options{Filter: "tcp port"}); err == nil {
		t.Error("syntax error is accepted")
	}
}

func TestNFLogIsNotFiltered(t *testing.T) {
	fs, err := readBytes(t, pcapHeaderAnd(le, 239, []byte("abc")), Options{Filter: "tcp port 25"})
	if err != io.EOF || len(fs) != 1 {
		t.Errorf("%v %+v", err, fs)
	}
}

func TestWriterIsReadBack(t *testing.T) {
	for _, link := range []uint32{1, 101, 113} {
		in := cat(pcapHeader(le, magicNano, 100, link), pcapRecord(le, 1, 2999, 60, []byte("abc")), pcapRecord(le, 0xfffffff0, 0, 9, nil))
		fs, err := readBytes(t, in, Options{})
		if err != io.EOF {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := NewWriter(&out, "out")
		for i := range fs {
			if err := w.Write(&fs[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := cat(pcapHeader(le, magicMicro, 262144, link), pcapRecord(le, 1, 2, 60, []byte("abc")), pcapRecord(le, 0xfffffff0, 0, 9, nil))
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("link type %d:\n% x\n% x", link, out.Bytes(), want)
		}
	}
}

func TestWriterRefusesASecondLinkType(t *testing.T) {
	w := NewWriter(io.Discard, "out")
	if err := w.Write(&Frame{LinkType: Ethernet}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&Frame{LinkType: Raw}); err == nil {
		t.Error("accepted")
	}
}

func TestWriterWithoutFramesMakesAReadableFile(t *testing.T) {
	name := t.TempDir() + "/out.pcap"
	w, err := CreateFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(name)
	if fs, err := readBytes(t, b, Options{}); err != io.EOF || len(fs) != 0 {
		t.Errorf("%v %v", fs, err)
	}
	if _, err := CreateFile(t.TempDir() + "/no/out.pcap"); err == nil {
		t.Error("a missing folder is no error")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWriterTellsAFullDisk(t *testing.T) {
	w := NewWriter(fullDisk{}, "out")
	w.Write(&Frame{LinkType: Ethernet, Data: []byte("abc")})
	if err := w.Flush(); err == nil || !strings.Contains(err.Error(), "out: can't be written: no space left") {
		t.Errorf("%v", err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close forgets it")
	}
}
