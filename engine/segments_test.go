package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/gzeek/gzeek/capture"
)

// A session is what both sides say in turns; the server begins.
var session = []string{
	"220 mx.example.net ESMTP\r\n",
	"EHLO client.example.org\r\n",
	"250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
	"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nDATA\r\n",
	"250 ok\r\n250 ok\r\n550 no such user\r\n354 go ahead\r\n",
	"Received: from a (b [192.0.2.7])\r\n by c; Mon, 1 Jan 2024\r\nSubject: cut\r\n and folded\r\nTo: b@example.net,\r\n\tc@example.net\r\n" +
		"Content-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\n\r\n..a dot\r\n--x\r\nContent-Type: text/html; name=a.html\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\nPGh0bWw+PGJvZHk+aGVsbG8gd29ybGQ8L2JvZHk+PC9odG1sPg==\r\n--x--\r\n.\r\n",
	"250 queued\r\n",
	"MAIL FROM:<>\r\n", "250 ok\r\n", "RCPT TO:<d@example.net>\r\n", "554 no\r\n", "QUIT\r\n", "221 bye\r\n",
}

// However the same bytes are cut into segments, in whatever order they arrive
// and however often: the mails and the files are the same. Only times differ.
func TestMailsDoNotDependOnSegments(t *testing.T) {
	want := logsOf(t, sessionCapture(t, nil))
	if strings.Count(want, "\n") < 4 || !strings.Contains(want, "cut and folded") {
		t.Fatalf("the plain session gives\n%s", want)
	}
	for seed := range uint64(60) {
		if got := logsOf(t, sessionCapture(t, rand.New(rand.NewPCG(seed, 7)))); got != want {
			t.Fatalf("cut with seed %d:\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// logsOf returns the rows of smtp.log and files.log without times.
func logsOf(t *testing.T, pcap string) string {
	t.Helper()
	dir := runCapture(t, pcap)
	return rowsWithoutTimes(t, dir, "smtp") + rowsWithoutTimes(t, dir, "files")
}

// runCapture runs the default policies, unless args say otherwise, and returns the
// folder with the logs.
func runCapture(t *testing.T, pcap string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	runEngine(t, dir, pcap, args)
	return dir
}

// rowsWithoutTimes are the rows of a log, "" if there is none.
func rowsWithoutTimes(t *testing.T, dir, log string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, log+".log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	drop := map[string]bool{"ts": true, "duration": true, "extracted": true} // its name has a time
	var out strings.Builder
	var fields []string
	for line := range strings.SplitSeq(string(b), "\n") {
		if f, ok := strings.CutPrefix(line, "#fields\t"); ok {
			fields = strings.Split(f, "\t")
		}
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		for i, v := range strings.Split(line, "\t") {
			if !drop[fields[i]] {
				fmt.Fprintf(&out, "%s=%s ", fields[i], v)
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// wire makes the frames of one connection.
type wire struct {
	t    *testing.T
	w    *capture.Writer
	usec int64
	seq  [2]uint32 // next of server and client
}

const server, client = 0, 1

func (w *wire) send(from int, seq uint32, payload []byte, set func(*layers.TCP)) {
	hosts := [2]net.IP{{10, 0, 0, 25}, {10, 0, 0, 99}}
	macs := [2]net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}
	ports := [2]layers.TCPPort{25, 40000}
	to := 1 - from
	eth := &layers.Ethernet{SrcMAC: macs[from], DstMAC: macs[to], EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: hosts[from], DstIP: hosts[to]}
	tcp := &layers.TCP{SrcPort: ports[from], DstPort: ports[to], Seq: seq, Ack: w.seq[to], ACK: true, Window: 65535}
	if set != nil {
		set(tcp)
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		w.t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, eth, ip, tcp, gopacket.Payload(payload)); err != nil {
		w.t.Fatal(err)
	}
	data := append([]byte(nil), buf.Bytes()...)
	if n := 60 - len(data); n > 0 {
		data = append(data, make([]byte, n)...)
	}
	w.usec += 1000
	f := &capture.Frame{
		Sec: 1700000000 + w.usec/1e6, Usec: w.usec % 1e6, LinkType: capture.Ethernet,
		Data: data, CapLen: uint32(len(data)), WireLen: uint32(len(data)),
	}
	if err := w.w.Write(f); err != nil {
		w.t.Fatal(err)
	}
}

// say sends one turn of a side: in one segment, or cut, shuffled and repeated
// at random.
func (w *wire) say(from int, text string, r *rand.Rand) {
	type piece struct{ from, to int }
	pieces := []piece{{0, len(text)}}
	if r != nil {
		pieces = nil
		for at := 0; at < len(text); {
			n := min(1+r.IntN(1+r.IntN(120)), len(text)-at)
			pieces = append(pieces, piece{at, at + n})
			at += n
		}
		for range r.IntN(4) { // overlaps: the same bytes again, cut otherwise
			a := r.IntN(len(text))
			pieces = append(pieces, piece{a, min(len(text), a+1+r.IntN(60))})
		}
		r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	}
	for _, p := range pieces {
		w.send(from, w.seq[from]+uint32(p.from), []byte(text[p.from:p.to]), nil)
	}
	w.seq[from] += uint32(len(text))
	w.send(1-from, w.seq[1-from], nil, nil)
}

func sessionCapture(t *testing.T, r *rand.Rand) string { return turnsCapture(t, session, r) }

// turnsCapture is a capture of one connection, in which the sides speak in turns;
// the server begins.
func turnsCapture(t *testing.T, turns []string, r *rand.Rand) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "session.pcap")
	cw, err := capture.CreateFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, w: cw, seq: [2]uint32{5000, 0xfffffff0}} // the client's numbers wrap
	w.send(client, w.seq[client], nil, func(tcp *layers.TCP) { tcp.SYN, tcp.ACK, tcp.Ack = true, false, 0 })
	w.seq[client]++
	w.send(server, w.seq[server], nil, func(tcp *layers.TCP) { tcp.SYN = true })
	w.seq[server]++
	w.send(client, w.seq[client], nil, nil)
	for i, text := range turns {
		from := server
		if i%2 == 1 {
			from = client
		}
		w.say(from, text, r)
	}
	for _, side := range []int{client, server} {
		w.send(side, w.seq[side], nil, func(tcp *layers.TCP) { tcp.FIN = true })
		w.seq[side]++
	}
	w.send(client, w.seq[client], nil, nil)
	if err := cw.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
