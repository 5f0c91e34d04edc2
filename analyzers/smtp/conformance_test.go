package smtp

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

var (
	casesDir = flag.String("cases", "", "folder of reference cases (NAME/input.pcap, NAME/events/events.log) to compare with")
	caseGlob = flag.String("case", "dialog-*,mime-*", "which of them")
	keepCase = flag.Bool("keep", false, "write them into testdata")
)

// TestReferenceCases plays whole captures. It knows just enough TCP for
// most captures; the others are left to the tests of the whole program.
func TestReferenceCases(t *testing.T) {
	if *casesDir == "" {
		t.Skip("no -cases")
	}
	var dirs []string
	for _, g := range strings.Split(*caseGlob, ",") {
		m, _ := filepath.Glob(filepath.Join(*casesDir, g))
		dirs = append(dirs, m...)
	}
	slices.Sort(dirs)
	skipped := 0
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			conns, err := readCapture(filepath.Join(dir, "input.pcap"))
			if why := disabledByPolicy[filepath.Base(dir)]; why != "" {
				err = fmt.Errorf("%s", why)
			}
			if err != nil {
				skipped++
				t.Skip(err)
			}
			want, err := readEvents(filepath.Join(dir, "events", "events.log"))
			if err != nil {
				t.Skip(err)
			}
			if len(conns) != 1 {
				compareEach(t, conns, want.of)
				return
			}
			got := run(conns[0], nil)
			compare(t, got.recorder.lines, want.all)
			if weirds, err := readWeirds(filepath.Join(dir, "only", "weird.log")); err == nil {
				compare(t, firstWeirds(got.host.weirds), weirds)
			}
			if *keepCase && !t.Failed() {
				s := session{comment: []string{"# Reference case " + filepath.Base(dir) + "."}, steps: conns[0], want: got.told()}
				s.write(t, filepath.Join("testdata", filepath.Base(dir)+".txt"))
			}
		})
	}
	t.Logf("%d of %d not compared", skipped, len(dirs))
}

// disabledByPolicy are cases in which a policy that is not here disables the
// analyzer.
var disabledByPolicy = map[string]string{
	"dialog-codes-rcpt":      "more than 25 invalid transactions",
	"dialog-invalid-26":      "more than 25 invalid transactions",
	"dialog-invalid-60":      "more than 25 invalid transactions",
	"dialog-invalid-data-40": "more than 25 invalid transactions",
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := 0; i < max(len(got), len(want)); i++ {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			at := func(l []string) string { return strings.Join(l[min(i, len(l)):min(i+4, len(l))], "\n\t") }
			t.Fatalf("event %d of %d, %d wanted:\ngot\t%.2000s\nwant\t%.2000s", i, len(got), len(want), at(got), at(want))
		}
	}
}

// compareEach finds for each connection one with the same events.
func compareEach(t *testing.T, conns [][]step, want map[string][]string) {
	t.Helper()
	for i, steps := range conns {
		got := slices.DeleteFunc(run(steps, nil).recorder.lines, isFileEvent)
		found := len(got) == 0
		for uid, lines := range want {
			if !found && slices.Equal(got, lines) {
				found = true
				delete(want, uid)
			}
		}
		if !found {
			t.Errorf("connection %d: Zeek has none with these events:\n\t%.3000s", i, strings.Join(got, "\n\t"))
		}
	}
	for uid, lines := range want {
		t.Errorf("%s is missing:\n\t%.3000s", uid, strings.Join(lines, "\n\t"))
	}
}

// events are those events of an events.log that the analyzer raises.
type events struct {
	all []string
	of  map[string][]string // by connection, without those of files
}

func isFileEvent(line string) bool { return strings.HasPrefix(line, "file_") }

func readEvents(path string) (events, error) {
	e := events{of: map[string][]string{}}
	rows, err := readLog(path)
	for _, col := range rows {
		uid, name, args := col[1], col[2], col[3]
		switch {
		case name == "file_new":
			args = ""
		case name == "file_state_remove":
			_, seen, _ := strings.Cut(args, ",")
			args = " " + seen
		case strings.HasPrefix(name, "mime_"), strings.HasPrefix(name, "smtp_"):
			if name == "mime_begin_entity" || name == "mime_end_entity" || name == "smtp_starttls" {
				args = ""
			} else {
				args = " " + ascii(args)
			}
			e.of[uid] = append(e.of[uid], name+args)
		default:
			continue
		}
		e.all = append(e.all, name+args)
	}
	return e, err
}

func ascii(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// readWeirds returns the rows of a weird.log that the analyzer is the cause of.
func readWeirds(path string) ([]string, error) {
	rows, err := readLog(path)
	var weirds []string
	for _, col := range rows {
		name, addl, source := col[6], col[7], col[10]
		own := source == "CONTENTLINE" || source == "SMTP_BDAT" || name == "base64_illegal_encoding" ||
			source == "SMTP" && !policyWeird[name]
		if addl == "-" {
			addl = ""
		}
		if source == "-" {
			source = ""
		}
		if own {
			weirds = append(weirds, strings.TrimSpace(name+" ["+addl+"] "+source))
		}
	}
	return weirds, err
}

// policyWeird are raised by policies in the name of SMTP.
var policyWeird = map[string]bool{
	"missing_SMTP_entity": true, "smtp_mail_transaction_invalid": true,
	"smtp_excessive_invalid_mail_transactions": true,
}

// firstWeirds keeps the first of each name, as weird.log does.
func firstWeirds(all []string) []string {
	var first []string
	seen := map[string]bool{}
	for _, w := range all {
		name, _, _ := strings.Cut(w, " ")
		if !seen[name] {
			seen[name] = true
			first = append(first, w)
		}
	}
	return first
}

func readLog(path string) (rows [][]string, err error) {
	text, err := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if line[0] != '#' {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
	}
	return rows, err
}

// tcpConn is a connection of a capture.
type tcpConn struct {
	first, next       [2]uint32 // sequence numbers: of the SYN, expected; client's first
	held              [2][]segment
	started, finished [2]bool
	closed            bool
	steps             []step
}

type segment struct {
	seq  uint32
	data []byte
}

func readCapture(path string) (conns [][]step, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		return nil, err
	}
	table := map[string]*tcpConn{}
	var all []*tcpConn
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.NoCopy)
		tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if tcp == nil {
			continue
		}
		src, dst := p.NetworkLayer().NetworkFlow().Endpoints()
		a := fmt.Sprint(src, tcp.SrcPort, dst, tcp.DstPort)
		b := fmt.Sprint(dst, tcp.DstPort, src, tcp.SrcPort)
		c := table[a]
		side := 0
		if c == nil {
			if c = table[b]; c != nil {
				side = 1
			}
		}
		if c == nil {
			if !tcp.SYN || tcp.ACK {
				return nil, fmt.Errorf("connection without a beginning")
			}
			if tcp.DstPort != 25 && tcp.DstPort != 587 {
				return nil, fmt.Errorf("port %v", tcp.DstPort)
			}
			c = &tcpConn{}
			table[a] = c
			all = append(all, c)
		}
		if err := c.packet(tcp, side, payload(p, tcp)); err != nil {
			return nil, err
		}
	}
	for _, c := range all {
		c.steps = append(c.steps, step{op: "done"})
		conns = append(conns, c.steps)
	}
	return conns, nil
}

// payload is without what Ethernet pads.
func payload(p gopacket.Packet, tcp *layers.TCP) []byte {
	data := tcp.Payload
	if ip, ok := p.NetworkLayer().(*layers.IPv4); ok {
		n := int(binary.BigEndian.Uint16(ip.Contents[2:])) - len(ip.Contents) - len(tcp.Contents)
		if n >= 0 && n < len(data) {
			data = data[:n]
		}
	}
	return data
}

func (c *tcpConn) packet(tcp *layers.TCP, side int, data []byte) error {
	if tcp.SYN {
		c.first[side], c.next[side], c.started[side] = tcp.Seq, tcp.Seq+1, true
		return nil
	}
	if !c.started[side] {
		return fmt.Errorf("data before the SYN")
	}
	if tcp.ACK && !tcp.RST {
		c.acked(1-side, tcp.Ack)
	}
	if len(data) > 0 && !c.closed {
		c.held[side] = append(c.held[side], segment{tcp.Seq, slices.Clone(data)})
		c.deliver(side)
	}
	if tcp.RST && !c.closed {
		c.steps = append(c.steps, step{op: "eof", isOrig: side == 0}, step{op: "reset"})
		c.closed = true
	}
	if tcp.FIN && !c.finished[side] {
		if len(c.held[side]) > 0 || tcp.Seq+uint32(len(data)) != c.next[side] {
			return fmt.Errorf("the end is out of order")
		}
		c.finished[side] = true
		c.next[side]++
		c.steps = append(c.steps, step{op: "eof", isOrig: side == 0})
		if c.finished[1-side] && !c.closed {
			c.steps = append(c.steps, step{op: "finished"})
			c.closed = true
		}
	}
	return nil
}

// deliver makes steps of what is in order.
func (c *tcpConn) deliver(side int) {
	slices.SortStableFunc(c.held[side], func(a, b segment) int { return int(int32(a.seq - b.seq)) })
	for len(c.held[side]) > 0 {
		s := c.held[side][0]
		skip := int32(c.next[side] - s.seq)
		if skip < 0 {
			return
		}
		c.held[side] = c.held[side][1:]
		if int(skip) < len(s.data) {
			data := s.data[skip:]
			c.next[side] += uint32(len(data))
			c.steps = append(c.steps, step{op: "data", isOrig: side == 0, data: data})
		}
	}
}

// acked makes gaps of what the other side has but the capture has not.
func (c *tcpConn) acked(side int, ack uint32) {
	for c.started[side] && int32(ack-c.next[side]) > 0 && !c.finished[side] && !c.closed {
		end := ack
		if h := c.held[side]; len(h) > 0 && int32(end-h[0].seq) > 0 {
			end = h[0].seq
		}
		c.steps = append(c.steps, step{
			op: "gap", isOrig: side == 0, seq: uint64(c.next[side] - c.first[side]), n: int(end - c.next[side]),
		})
		c.next[side] = end
		c.deliver(side)
	}
}
