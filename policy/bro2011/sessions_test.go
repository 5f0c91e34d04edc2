package bro2011

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/event"
	_ "github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/weird"
	"github.com/gzeek/gzeek/seed"
)

// Each session is what a capture raised as events in Zeek 8.0.9 (events.log, and
// conn.log for the addresses), with the logs that the script of 2011 wrote there.
func TestRecordedSessionsGiveTheLogsOfTheScript(t *testing.T) {
	keys, err := seed.Load("testdata/random.seed")
	if err != nil {
		t.Fatal(err)
	}
	sessions := readSessions(t)
	if len(sessions) < 50 {
		t.Fatalf("%d sessions", len(sessions))
	}
	for _, name := range slices.Sorted(maps.Keys(sessions)) {
		files := sessions[name]
		t.Run(name, func(t *testing.T) {
			logs := replay(t, keys, files, nil)
			for _, log := range []string{"smtp", "notice"} {
				want := policytest.WithoutTimes(files[log])
				if logs[log] != want {
					t.Errorf("%s.log:\n%s\nwant\n%s", log, logs[log], want)
				}
			}
		})
	}
}

// readSessions reads testdata/sessions.tar.gz: NAME/LOG.log. With GZEEK_CASES it
// reads a folder of the reference instead.
func readSessions(t *testing.T) map[string]map[string]string {
	all := map[string]map[string]string{}
	put := func(name, log, text string) {
		if all[name] == nil {
			all[name] = map[string]string{}
		}
		all[name][log] = text
	}
	if dir := os.Getenv("GZEEK_CASES"); dir != "" {
		runs, _ := filepath.Glob(filepath.Join(dir, "*", "bro-2011"))
		for _, run := range runs {
			c := filepath.Dir(run)
			events, err := os.ReadFile(filepath.Join(c, "events", "events.log"))
			if err != nil {
				continue
			}
			conns, _ := os.ReadFile(filepath.Join(c, "only", "conn.log"))
			put(filepath.Base(c), "events", string(events))
			put(filepath.Base(c), "conn", string(conns))
			for _, log := range []string{"smtp", "notice"} {
				if b, err := os.ReadFile(filepath.Join(run, log+".log")); err == nil {
					put(filepath.Base(c), log, string(b))
				}
			}
		}
		return all
	}
	f, err := os.Open("testdata/sessions.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			put(filepath.Dir(h.Name), strings.TrimSuffix(filepath.Base(h.Name), ".log"), string(b))
		}
	}
}

// replay raises the events of a session.
func replay(t *testing.T, keys *seed.Keys, files map[string]string, options []string) map[string]string {
	run := policytest.Start(t, policytest.Config{Policies: []string{"bro-2011"}, Bare: true, Keys: keys, Options: options})
	conns := map[string]*event.Conn{}
	for _, f := range policytest.Rows(files["conn"]) {
		conns[f[1]] = &event.Conn{UID: f[1], ID: event.ConnID{
			OrigH: netip.MustParseAddr(f[2]), OrigP: port(t, f[3]),
			RespH: netip.MustParseAddr(f[4]), RespP: port(t, f[5]), Proto: event.ProtoTCP, IPProto: 6,
		}}
	}
	ev := run.Events
	last := ""
	for _, f := range policytest.Rows(files["events"]) {
		if f[0] != last { // another packet
			ev.Drain()
			ev.Drain()
			ts, err := strconv.ParseFloat(f[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			run.At(ts)
			last = f[0]
		}
		c, args := conns[f[1]], arguments(f[3])
		switch f[2] {
		case "smtp_request":
			ev.SMTPRequest.Enqueue(event.SMTPRequest{Conn: c, IsOrig: args[0] == "T", Command: args[1], Arg: []byte(args[2])})
		case "smtp_reply":
			code, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ev.SMTPReply.Enqueue(event.SMTPReply{Conn: c, IsOrig: args[0] == "T", Code: code, Cmd: args[2], Msg: []byte(args[3]), ContResp: args[4] == "T"})
		case "smtp_data":
			ev.SMTPData.Enqueue(event.SMTPData{Conn: c, IsOrig: args[0] == "T", Data: []byte(args[1])})
		case "connection_state_remove":
			if c != nil {
				ev.ConnectionStateRemove.Enqueue(event.ConnEvent{Conn: c})
			}
		}
	}
	return run.Finish()
}

func port(t *testing.T, s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// arguments takes the column args apart.
func arguments(column string) []string {
	parts := strings.Split(column, ",")
	for i, p := range parts {
		if p == "(empty)" {
			p = ""
		}
		var b bytes.Buffer
		for k := 0; k < len(p); k++ {
			if p[k] == '\\' && k+1 < len(p) && p[k+1] == '\\' {
				b.WriteByte('\\')
				k++
			} else if p[k] == '\\' && k+3 < len(p) && p[k+1] == 'x' {
				n, err := strconv.ParseUint(p[k+2:k+4], 16, 8)
				if err != nil {
					b.WriteByte(p[k])
					continue
				}
				b.WriteByte(byte(n))
				k += 3
			} else {
				b.WriteByte(p[k])
			}
		}
		parts[i] = b.String()
	}
	return parts
}
