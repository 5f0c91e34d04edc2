package engine_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"
)

// turnEnd stands between what one side and the other say in a fuzzed session.
const turnEnd = "\x00\x00"

// frames makes the packets of a session: the server begins, and each side's turn
// is cut into segments.
func frames(script []byte, cuts *rand.Rand) []capture.Frame {
	var list []capture.Frame
	seq := [2]uint32{5000, 0xfffffff0}
	usec := int64(0)
	send := func(from int, flags byte, payload []byte) {
		usec += 1000
		b := make([]byte, 54, 54+len(payload))
		b[12], b[13] = 8, 0
		ip, tcp := b[14:], b[34:]
		ip[0], ip[8], ip[9] = 0x45, 64, 6
		binary.BigEndian.PutUint16(ip[2:], uint16(40+len(payload)))
		hosts, ports := [2][4]byte{{10, 0, 0, 25}, {10, 0, 0, 99}}, [2]uint16{25, 40000}
		copy(ip[12:], hosts[from][:])
		copy(ip[16:], hosts[1-from][:])
		binary.BigEndian.PutUint16(tcp, ports[from])
		binary.BigEndian.PutUint16(tcp[2:], ports[1-from])
		binary.BigEndian.PutUint32(tcp[4:], seq[from])
		if flags&16 != 0 {
			binary.BigEndian.PutUint32(tcp[8:], seq[1-from])
		}
		tcp[12], tcp[13], tcp[14] = 5<<4, flags, 255
		b = append(b, payload...)
		seq[from] += uint32(len(payload))
		if flags&3 != 0 { // SYN and FIN count
			seq[from]++
		}
		list = append(list, capture.Frame{Sec: 1700000000 + usec/1e6, Usec: usec % 1e6, Time: 1700000000 + float64(usec)/1e6,
			LinkType: capture.Ethernet, Data: b, CapLen: uint32(len(b)), WireLen: uint32(len(b)), Number: uint64(len(list) + 1)})
	}
	send(client, 2, nil)
	send(server, 18, nil)
	send(client, 16, nil)
	from := server
	for turn := range bytes.SplitSeq(script, []byte(turnEnd)) {
		for len(turn) > 0 {
			n := min(1400, len(turn))
			if cuts != nil {
				n = min(1+cuts.IntN(1+cuts.IntN(200)), len(turn))
			}
			send(from, 24, turn[:n])
			turn = turn[n:]
		}
		from = 1 - from
		send(from, 16, nil)
	}
	send(client, 17, nil)
	send(server, 17, nil)
	send(client, 16, nil)
	return list
}

func capturedBytes(t *testing.T, list []capture.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w := capture.NewWriter(&b, "fuzz")
	for i := range list {
		if err := w.Write(&list[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// whole runs an engine over a capture, and fails for whatever gzeek itself does
// wrong: a panic, a decoder that gave up, a log that can't be read back.
func whole(t *testing.T, input []byte, cfg engine.Config) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cfg.Dir, cfg.Workers = dir, 1
	cfg.Settings = append(slices.Clone(cfg.Settings), "FileExtract::prefix="+dir+"/extracted/")
	cfg.OnHandlerError = func(e event.HandlerError) {
		if e.Stack != nil {
			t.Errorf("%v\n%s", e, e.Stack)
		}
	}
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.NewReader(bytes.NewReader(input), "fuzz", capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	sum, err := e.Run(t.Context(), src)
	if err != nil || sum.Undecoded != 0 {
		t.Fatalf("%v, %+v", err, sum)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := zeeklog.NewReader(bytes.NewReader(b), zeeklog.ReaderOptions{})
		for r.Next() {
		}
		if r.Err() != nil || r.Problems() > 0 {
			t.Fatalf("%s can't be read: %v, %d problems\n%s", name, r.Err(), r.Problems(), b)
		}
	}
	return dir
}

// FuzzSession has both sides of a mail session say anything, with every policy
// listening. However that is cut into segments, the mails are the same.
func FuzzSession(f *testing.F) {
	f.Add([]byte(strings.Join(session, turnEnd)), uint64(1))
	f.Add([]byte(strings.Join([]string{"220 x", "EHLO a\r\nMAIL FROM:<a@b>\r\n", "250 ok\r\n554 blocked using zen.spamhaus.org; http://www.spamhaus.org/query/bl?ip=10.0.0.99\r\n"}, turnEnd)), uint64(2))
	f.Add([]byte(strings.Join([]string{"220 x\r\n", "BDAT 10 LAST\r\nSubject: a", "250 ok\r\n", "BDAT 5\r\nabcde"}, turnEnd)), uint64(3))
	f.Add([]byte(strings.Join([]string{"220 x\r\n", "STARTTLS\r\n", "220 go\r\n", "\x16\x03\x01\x00\x04\x01\x00"}, turnEnd)), uint64(4))
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		f.Fatal(err)
	}
	var names []string
	for _, p := range policy.All() {
		if p.Name != bro2011 {
			names = append(names, p.Name)
		}
	}
	settings := []string{"ignore_checksums=T", "Site::local_nets+={10.0.0.0/8}", "SMTP::default_entity_excerpt_len=20"}
	f.Fuzz(func(t *testing.T, script []byte, cuts uint64) {
		if len(script) > 20000 {
			return
		}
		plain := capturedBytes(t, frames(script, nil))
		cut := capturedBytes(t, frames(script, rand.New(rand.NewPCG(cuts, 1))))
		all := engine.Config{Keys: keys, Settings: settings, Policies: names}
		whole(t, cut, engine.Config{Keys: keys, Bare: true, Settings: settings[:1], Policies: []string{bro2011}})
		want, got := whole(t, plain, all), whole(t, cut, all)
		if logged(want, "analyzer") || logged(got, "analyzer") {
			return // what violates the protocol is left alone from the next packet on
		}
		for _, log := range []string{"smtp", "files"} {
			if a, b := rowsWithoutTimes(t, want, log), rowsWithoutTimes(t, got, log); a != b {
				t.Errorf("%s.log depends on segments:\n%s\n%s", log, a, b)
			}
		}
	})
}

func logged(dir, log string) bool {
	_, err := os.Stat(filepath.Join(dir, log+".log"))
	return err == nil
}

// FuzzPackets has anything come in as packets, with every policy listening.
func FuzzPackets(f *testing.F) {
	for _, name := range []string{"block-several-in-session", "dialog-pipe-quit"} {
		src, err := capture.OpenFiles(capture.Options{}, filepath.Join(baselines, name, "input.pcap"))
		if err != nil {
			f.Fatal(err)
		}
		var all []byte
		var fr capture.Frame
		for src.Next(&fr) == nil && len(all) < 4000 {
			all = binary.BigEndian.AppendUint16(all, uint16(len(fr.Data)))
			all = append(all, fr.Data...)
		}
		src.Close()
		f.Add(uint16(1), all)
	}
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		f.Fatal(err)
	}
	// Of the numbers below 104 those that packets are decoded of; others are refused.
	low := []capture.LinkType{capture.Null, capture.Ethernet, capture.PPP, capture.FDDI, capture.Raw, capture.PPPSerial}
	f.Fuzz(func(t *testing.T, number uint16, data []byte) {
		link := capture.LinkType(104 + number%186)
		if int(number) < len(low) {
			link = low[number]
		}
		var list []capture.Frame
		for len(data) > 2 && len(list) < 500 {
			n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			list = append(list, capture.Frame{Sec: 1700000000 + int64(len(list)), LinkType: link,
				Data: data[2 : 2+n], CapLen: uint32(n), WireLen: uint32(n)})
			data = data[2+n:]
		}
		if len(list) == 0 {
			return
		}
		whole(t, capturedBytes(t, list), engine.Config{Keys: keys, Settings: []string{"ignore_checksums=T"}, Policies: []string{"misc/dump-events"}})
	})
}

// FuzzLogSection has log sections say anything: they are refused, or a run with
// them works.
func FuzzLogSection(f *testing.F) {
	f.Add("[log.smtp.filter.outbound]\npath = \"out\"\nwhere = 'helo != nil && len(rcptto) > 0 && id.orig_h startsWith \"10.\"'\n")
	f.Add("[log.smtp.filter.default]\nexclude = [\"fuids\"]\n[log.smtp.ext]\nsensor = \"mx1\"\nsite = 7\n")
	f.Add("[log.weird]\nenabled = false\n[log.conn.filter.x]\npath = \"y\"\nwhere = 'duration / orig_bytes > 1 or ts in [1, 2]'\nconfig = { tsv = \"T\" }\n")
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		f.Fatal(err)
	}
	var packets bytes.Buffer
	w := capture.NewWriter(&packets, "session")
	for _, fr := range frames([]byte(strings.Join(session, turnEnd)), nil) {
		if err := w.Write(&fr); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "postprocessor") || strings.ContainsAny(text, "/.~") && strings.Contains(text, "..") {
			return // it would run programs, or write elsewhere
		}
		path := filepath.Join(t.TempDir(), "gzeek.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := redef.LoadFiles([]string{path}, engine.LogSection)
		if err != nil || len(files.Load) > 0 {
			return
		}
		cfg := engine.Config{Keys: keys, Files: files, Dir: t.TempDir(), Workers: 1}
		e, err := engine.New(cfg)
		if err != nil {
			return
		}
		src, err := capture.NewReader(bytes.NewReader(packets.Bytes()), "fuzz", capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		// A log may have a name that no file can have; that is told, no more.
		if sum, err := e.Run(t.Context(), src); err != nil && strings.Contains(err.Error(), "please report") {
			t.Fatalf("%v, %+v", err, sum)
		}
	})
}
