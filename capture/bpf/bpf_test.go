package bpf

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	xbpf "golang.org/x/net/bpf"
)

type packet struct {
	data []byte
	wire uint32
}

func unpack(t testing.TB, name string) io.Reader {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func packets(t testing.TB, link string) []packet {
	t.Helper()
	d, err := io.ReadAll(unpack(t, "testdata/link"+link+".pcap.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var out []packet
	for d = d[24:]; len(d) > 0; {
		n := binary.LittleEndian.Uint32(d[8:])
		out = append(out, packet{d[16 : 16+n], binary.LittleEndian.Uint32(d[12:])})
		d = d[16+n:]
	}
	return out
}

// better are expressions where we don't follow libpcap 1.10.3.
var better = map[string]string{
	"byte 12 & 8": "that version forgets to load the byte",
	"byte 12 | 0": "that version forgets to load the byte",
}

// The table holds what libpcap 1.10.3 makes of each expression: "error", or
// a digit a packet. A third of the packets is cut short, some are damaged.
func TestMatchesWhatLibpcapMatches(t *testing.T) {
	all := map[string][]packet{}
	n := 0
	sc := bufio.NewScanner(unpack(t, "testdata/libpcap-1.10.3.tsv.gz"))
	for sc.Scan() {
		link, rest, _ := strings.Cut(sc.Text(), "\t")
		expr, want, _ := strings.Cut(rest, "\t")
		if better[expr] != "" {
			continue
		}
		n++
		file := link
		if all[file] == nil {
			all[file] = packets(t, link)
		}
		dlt, _ := strconv.Atoi(link)
		if dlt == 101 {
			dlt = dltRaw
		}
		p, err := Compile(expr, dlt)
		if (err != nil) != (want == "error") {
			t.Errorf("link type %s: %s: libpcap says %.20q, we say %v", link, expr, want, err)
			continue
		}
		if err != nil {
			continue
		}
		var got strings.Builder
		for _, pk := range all[file] {
			if p.Match(pk.data, pk.wire) {
				got.WriteByte('1')
			} else {
				got.WriteByte('0')
			}
		}
		if got.String() != want {
			t.Errorf("link type %s: %s:\n got %s\nwant %s", link, expr, got.String(), want)
		}
	}
	if n < 1000 {
		t.Errorf("only %d expressions", n)
	}
}

func TestLongJumps(t *testing.T) {
	var hosts []string
	for i := 0; i < 300; i++ {
		hosts = append(hosts, fmt.Sprintf("host 10.0.%d.%d", i/200, i%200))
	}
	p, err := Compile("("+strings.Join(hosts, " or ")+") and tcp port 25", dltEther)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		last  byte
		port  byte
		match bool
	}{{0, 25, true}, {99, 25, true}, {99, 26, false}, {100, 25, false}} {
		b := make([]byte, 60)
		copy(b[12:], []byte{8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 1, tc.last, 1, 2, 3, 4, 0x80, 0, 0, tc.port})
		if tc.last == 0 {
			b[28] = 0
		}
		if got := p.Match(b, 60); got != tc.match {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func TestExamplesMean(t *testing.T) {
	eth := make([]byte, 60)
	copy(eth[12:], []byte{8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 168, 1, 2, 0x80, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2})
	for expr, want := range map[string]bool{
		"":                             true,
		"port 25":                      true,
		"port smtp":                    true,
		"src port 25":                  false,
		"net 10.0.0.0/8":               true,
		"src net 192.168":              false,
		"tcp[tcpflags] & tcp-syn != 0": true,
		"tcp[13] & 16 != 0":            false,
		"ip6":                          false,
		"not arp":                      true,
		"portrange 20-30":              true,
		"portrange 30-20":              true,
		"udp or tcp and port 25":       true,
		"tcp or udp and port 53":       false, // "and" binds no tighter than "or"
		"len = 60":                     true,
	} {
		p, err := Compile(expr, dltEther)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
		} else if got := p.Match(eth, 60); got != want {
			t.Errorf("%q: %v", expr, got)
		}
	}
}

func TestErrorsSayWhat(t *testing.T) {
	for expr, want := range map[string]string{
		"port":                     "ends too early",
		"tcp port 25 25":           `syntax error at "25" (position 13)`,
		"port nosuchservice":       `unknown port "nosuchservice"`,
		"geneve":                   `"geneve" isn't supported without libpcap`,
		"wlan type mgt":            "isn't supported without libpcap",
		"host 1.2.3.4/33":          "syntax error",
		"net 10.0.0.1/8":           "non-network bits set",
		"tcp[0:3] = 1":             "data size must be 1, 2, or 4",
		"len / 0 = 1":              "division by zero",
		"port 99999":               "greater than maximum 65535",
		"ip broadcast":             "netmask not known",
		"port 25 \x00":             "illegal character",
		"ether host 1.2.3.4":       "modifier applied",
		"tcp host 1.2.3.4":         "'tcp' modifier applied to host",
		"1:2:3":                    "neither an IPv6 nor an Ethernet address",
		strings.Repeat("(", 600):   "nested more than",
		strings.Repeat("x", 1<<17): "longer than",
		"outbound":                 "isn't recorded",
	} {
		if _, err := Compile(expr, dltEther); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", expr, err, want)
		}
	}
	if _, err := Compile("tcp", 105); err == nil || !strings.Contains(err.Error(), "link type 105") {
		t.Errorf("802.11: %v", err)
	}
}

func TestForeignProgramsAreChecked(t *testing.T) {
	for name, ins := range map[string][]xbpf.RawInstruction{
		"empty":       {},
		"no return":   {{Op: opLdLen}},
		"jump":        {{Op: opJeqK, Jt: 1}, {Op: opRetK}},
		"far jump":    {{Op: opJa, K: 1}, {Op: opRetK}},
		"backwards":   {{Op: opJa, K: 0xffffffff}, {Op: opRetK}},
		"memory cell": {{Op: opSt, K: 16}, {Op: opRetK}},
	} {
		if _, err := FromRaw(ins); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzCompile(f *testing.F) {
	sc := bufio.NewScanner(unpack(f, "testdata/libpcap-1.10.3.tsv.gz"))
	for i := 0; sc.Scan(); i++ {
		if p := strings.Split(sc.Text(), "\t"); p[0] == "1" && i%5 == 0 {
			f.Add(p[1], []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x08\x00\x45\x00\x00\x28"), uint16(1))
		}
	}
	f.Add("ip6 or port (25 or 26)", []byte("\x60"), uint16(12))
	f.Fuzz(func(t *testing.T, expr string, data []byte, link uint16) {
		if mayLookUp(expr) {
			return
		}
		p, err := Compile(expr, int(link))
		if err != nil {
			return
		}
		got := p.Match(data, uint32(len(data)))
		// The same program means the same to an independent machine.
		ins, ok := xbpf.Disassemble(p.Raw())
		if !ok {
			t.Fatalf("%q: instructions that nobody knows", expr)
		}
		vm, err := xbpf.NewVM(ins)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		for _, in := range p.Raw() {
			if in.Op == opNeg {
				return // it doesn't know this one
			}
			if op := in.Op; op == opAluX|aluLsh || op == opAluX|aluRsh {
				return
			}
		}
		n, err := vm.Run(data)
		if err == nil && (n != 0) != got {
			t.Fatalf("%q: %v, but x/net/bpf says %d", expr, got, n)
		}
	})
}

// mayLookUp keeps fuzzing from asking name servers.
func mayLookUp(expr string) bool {
	toks, err := lex(expr)
	if err != nil {
		return false
	}
	for _, t := range toks {
		if t.kind == tEsc || t.kind == tWord && !protocols[t.text] && !keywords[t.text] && !unknown[t.text] && !reOp.MatchString(t.text) {
			return true
		}
	}
	return false
}

func BenchmarkMatch(b *testing.B) {
	ps := packets(b, "1")
	p, err := Compile("tcp port 25 or tcp port 587", dltEther)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Match(ps[i%len(ps)].data, ps[i%len(ps)].wire)
	}
}
