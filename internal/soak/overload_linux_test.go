package soak

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gzeek/gzeek/capture"
)

// A process that is stopped takes nothing at all: what doesn't fit into the
// kernel's buffer is dropped, and all of it is accounted for.
func TestPacketsBeyondCapacityAreCounted(t *testing.T) {
	if !inside(t) {
		return
	}
	link(t)
	one := []string{"af_packet::tap1"}
	overload(t, one)
	overload(t, one, "--workers=2")
	overload(t, one, "--workers=4")
	overload(t, []string{"af_packet::tap1", "af_packet::tap1", "af_packet::tap1"})
}

func overload(t *testing.T, taps []string, args ...string) {
	dir := t.TempDir()
	p := listen(t, dir, taps, append(args, "-f", "udp and dst port 9", "misc/stats", "AF_Packet::buffer_size=2097152")...)
	// stats.log counts from when a run has begun.
	eventually(t, "packet_filter.log is written", func() bool { return len(rows(t, dir, "packet_filter")) == 1 })
	const bursts, each = 5, 10000
	for range bursts {
		p.signal(syscall.SIGSTOP)
		flood(t, each)
		flood(t, each)
		p.signal(syscall.SIGCONT)
		flood(t, each)
	}
	said := p.stop()
	st := rows(t, dir, "stats")
	processed, dropped, link := total(t, st, "pkts_proc"), total(t, st, "pkts_dropped"), total(t, st, "pkts_link")
	const sent = 3 * bursts * each
	peak := p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	fmt.Printf("overload, %d times the interface %v: %d packets sent, %d processed, %d dropped by the kernel; %d MB of memory at most\n",
		len(taps), args, sent, processed, dropped, peak)
	if dropped == 0 || processed+dropped != sent || link != sent {
		t.Errorf("sent %d: processed %d, dropped %d, %d on the link", sent, processed, dropped, link)
	}
	if peak > 150 {
		t.Errorf("%d MB of memory", peak)
	}
	if want := fmt.Sprintf("warning: %d packets were lost", dropped); !strings.Contains(strings.Join(said, "\n"), want) {
		t.Errorf("said %q, not %q", said, want)
	}
}

// Two interfaces can't be of one group: each has its own.
func TestWorkersShareSeveralInterfaces(t *testing.T) {
	if !inside(t) {
		return
	}
	link(t)
	for _, args := range [][]string{{"--workers=5"}, {"AF_Packet::fanout_id=7"}} {
		dir := t.TempDir()
		p := listen(t, dir, []string{"af_packet::tap1", "af_packet::tap2"}, args...)
		mails := send(t, "m", 30)
		p.stop()
		wantOnce(t, dir, mails)
	}
}

// flood sends datagrams to a port where nobody listens, as fast as it can.
func flood(t *testing.T, n int) {
	t.Helper()
	c, err := net.ListenPacket("udp4", ":0") // unconnected: it hears of no refusal
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	to := &net.UDPAddr{IP: net.IPv4(10, 77, 1, 2), Port: 9}
	for range n {
		if _, err := c.WriteTo(make([]byte, 1000), to); err != nil {
			t.Fatal(err)
		}
	}
}

// What had been on the wire before the signal comes into the logs, even though
// nothing of it had been read.
func TestACleanStopDrainsWhatWaits(t *testing.T) {
	if !inside(t) {
		return
	}
	link(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		dir := t.TempDir()
		p := listen(t, dir, taps)
		p.signal(syscall.SIGSTOP)
		mails := send(t, "m", 30)
		p.signal(s)
		p.signal(syscall.SIGCONT)
		<-p.done
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: %v, %q", s, err, p.said)
		}
		wantOnce(t, dir, mails)
		if r := rows(t, dir, "packet_filter"); len(r) != 1 || r[0]["filter"] != "ip or not ip" || r[0]["init"] != "T" {
			t.Errorf("packet_filter.log: %v", r)
		}
	}
}

func TestAFullDiskIsToldAndLosesNoMail(t *testing.T) {
	if !inside(t) {
		return
	}
	link(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no small disk can be made here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_FORCE)
	p := listen(t, dir, taps, "Log::default_rotation_interval=5sec")
	mails := send(t, "before", 20)
	eventually(t, "the first mails are in the log", func() bool { return len(logged(t, dir)) == len(mails) })
	ballast := filepath.Join(dir, "ballast")
	os.WriteFile(ballast, bytes.Repeat([]byte{1}, 4<<20), 0o644) // as much as fits
	during := send(t, "during", 40)
	const full, again = "logs can't be written", "logs are written again"
	eventually(t, "the full disk is told", func() bool { return p.saying(full) == 1 })
	if p.saying(again) > 0 {
		t.Error("it is over too early")
	}
	rows(t, dir, "smtp") // whole lines only
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told that it is over", func() bool { return p.saying(again) == 1 })
	mails = append(append(mails, during...), send(t, "after", 20)...)
	said := p.stop()
	if strings.Count(strings.Join(said, "\n"), full) != 1 {
		t.Errorf("said %q", said)
	}
	wantOnce(t, dir, mails)
}

// A capture of connections that keep a megabyte each above a hole.
func TestMemoryHasALimit(t *testing.T) {
	dir := t.TempDir()
	const conns = 200
	file := filepath.Join(dir, "holes.pcap")
	writeHoles(t, file, conns)
	run := func(args ...string) (logs string, peak int64) {
		logs = t.TempDir()
		cmd := exec.Command(program(t), append([]string{"--no-config", "-C", "-r", file}, args...)...)
		cmd.Dir = logs
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return logs, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	}
	free, without := run()
	limited, with := run("--max-memory", "96M")
	fmt.Printf("memory: %d connections with 1 MB above a hole take %d MB, with --max-memory 96M %d MB\n", conns, without, with)
	if with > 150 || without < conns {
		t.Errorf("%d MB with a limit of 96, %d without", with, without)
	}
	for _, logs := range []string{free, limited} {
		uids, clients := map[string]int{}, map[string]bool{}
		for _, r := range rows(t, logs, "conn") {
			uids[r["uid"]]++
			clients[r["id.orig_h"]] = true
		}
		// What was given up in its middle begins anew.
		if len(clients) != conns || logs == free && len(uids) != conns {
			t.Errorf("conn.log has %d connections of %d clients", len(uids), len(clients))
		}
		for uid, n := range uids {
			if n != 1 {
				t.Errorf("%s is logged %d times", uid, n)
			}
		}
	}
	given := 0
	for _, r := range rows(t, limited, "weird") {
		if r["name"] == "connection_given_up" {
			given++
		}
	}
	told := rows(t, limited, "reporter")
	if given == 0 || len(told) == 0 || told[0]["level"] != "Reporter::WARNING" || !strings.HasPrefix(told[0]["message"], "memory is short (--max-memory 96 MB): gave up ") {
		t.Errorf("%d weirds; reporter.log: %v", given, told)
	}
	if rows(t, free, "reporter") != nil {
		t.Error("a run without a limit reports")
	}
}

// writeHoles makes a capture: in each connection a line that is acknowledged,
// a hole, and a megabyte above it.
func writeHoles(t *testing.T, file string, conns int) {
	t.Helper()
	w, err := capture.CreateFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now := 0
	packet := func(conn int, fromClient bool, flags byte, seq, ack uint32, data []byte) {
		now++
		b := make([]byte, 14+20+20+len(data))
		copy(b[12:], []byte{8, 0, 0x45})
		be := binary.BigEndian
		be.PutUint16(b[16:], uint16(40+len(data)))
		b[22], b[23] = 64, 6
		client, server := []byte{10, 0, byte(conn >> 8), byte(conn)}, []byte{10, 1, 0, 25}
		from, to, fromPort, toPort := client, server, uint16(40000), uint16(25)
		if !fromClient {
			from, to, fromPort, toPort = to, from, toPort, fromPort
		}
		copy(b[26:], from)
		copy(b[30:], to)
		be.PutUint16(b[34:], fromPort)
		be.PutUint16(b[36:], toPort)
		be.PutUint32(b[38:], seq)
		be.PutUint32(b[42:], ack)
		b[46], b[47] = 5<<4, flags
		be.PutUint16(b[48:], 65535)
		copy(b[54:], data)
		f := capture.Frame{Sec: 1e9, Usec: int64(now), Data: b, CapLen: uint32(len(b)), WireLen: uint32(len(b)), LinkType: capture.Ethernet}
		if err := w.Write(&f); err != nil {
			t.Fatal(err)
		}
	}
	line := []byte("EHLO client.soak.example\r\n")
	for c := range conns {
		packet(c, true, 0x02, 1000, 0, nil)
		packet(c, false, 0x12, 5000, 1001, nil)
		packet(c, true, 0x10, 1001, 5001, line)
		packet(c, false, 0x10, 5001, 1001+uint32(len(line)), nil)
		for seq := uint32(2000); seq < 2000+1<<20; seq += 32 << 10 {
			packet(c, true, 0x10, seq, 5001, bytes.Repeat([]byte{'x'}, 32<<10))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
