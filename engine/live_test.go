//go:build linux

package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
)

// A real server on loopback refuses a real client's mail because of a block
// list: gzeek, which listens there, writes the notice and mails it.
func TestRejectionOnAnInterfaceIsNoticedAndMailed(t *testing.T) {
	dir := t.TempDir()
	sendmail, mail := filepath.Join(dir, "sendmail"), filepath.Join(dir, "mail.txt")
	script := "#!/bin/sh\n{ echo \"args: $*\"; cat; } >> " + mail + "\n"
	if err := os.WriteFile(sendmail, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	src, err := capture.OpenLive("af_packet::lo", capture.LiveOptions{Filter: fmt.Sprintf("tcp port %d", port)})
	if err != nil {
		t.Skipf("can't capture here: %v", err)
	}
	defer src.Close()

	e, err := engine.New(engine.Config{
		Dir: dir, Live: true,
		Policies: []string{"protocols/smtp/blocklists"},
		Settings: []string{
			"ignore_checksums=T", // loopback does not fill them in
			"Notice::sendmail=" + sendmail,
			"Notice::mail_dest=soc@example.org",
			"Notice::emailed_types+={SMTP::Blocklist_Blocked_Host}",
			"tcp_close_delay=0sec",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	done := make(chan error, 1)
	go func() {
		_, err := e.Run(ctx, src)
		done <- err
	}()
	go serveRejections(l)
	if err := sendRejected(l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	// The policy runs in the other goroutine: what it writes is what shows.
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if b, _ := os.ReadFile(mail); strings.Contains(string(b), "Blocklist_Blocked_Host") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for file, wants := range map[string][]string{
		"mail.txt":   {"To: soc@example.org", "Blocklist_Blocked_Host", "127.0.0.1 is on an SMTP block list"},
		"notice.log": {"SMTP::Blocklist_Blocked_Host\t127.0.0.1 is on an SMTP block list", "Notice::ACTION_EMAIL", "soc@example.org"},
		"smtp.log":   {"live@example.org", "221 bye"},
		"conn.log":   {"\tsmtp\t"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, b)
			}
		}
	}
}

// serveRejections is an SMTP server that refuses every recipient.
func serveRejections(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			r := bufio.NewReader(c)
			fmt.Fprint(c, "220 mx.example.net ESMTP\r\n")
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
				case "RCPT":
					fmt.Fprint(c, "550 blocked, [127.0.0.1] is listed, see http://www.spamhaus.org/query/bl?ip=127.0.0.1\r\n")
				case "QUIT":
					fmt.Fprint(c, "221 bye\r\n")
					return
				default:
					fmt.Fprint(c, "250 ok\r\n")
				}
			}
		}()
	}
}

// sendRejected is a client that tries to send one mail.
func sendRejected(addr string) error {
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	for _, say := range []string{"", "EHLO client.example.org", "MAIL FROM:<live@example.org>", "RCPT TO:<x@example.net>", "QUIT"} {
		if say != "" {
			if _, err := fmt.Fprint(c, say+"\r\n"); err != nil {
				return err
			}
		}
		if _, err := r.ReadString('\n'); err != nil {
			return err
		}
	}
	return nil
}
