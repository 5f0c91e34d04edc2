package soak

import (
	"fmt"
	"math/rand/v2"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"
)

// mail is one that was sent.
type mail struct {
	from       string    // its sender, which no other one has
	begin, end time.Time // of its connection
}

// senders send mails until they are stopped.
type senders struct {
	stop chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	sent []mail
	errs []error
}

func startSenders(n int) *senders {
	s := &senders{stop: make(chan struct{})}
	for i := range n {
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			for n := 0; ; n++ {
				select {
				case <-s.stop:
					return
				case <-time.After(time.Duration(rnd.IntN(50)) * time.Millisecond):
				}
				s.note(session(fmt.Sprintf("s%d-%d", i, n), servers[rnd.IntN(len(servers))], 1+rnd.IntN(3), rnd))
			}
		}()
	}
	return s
}

func (s *senders) note(mails []mail, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, mails...)
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// finish ends them after their last mails.
func (s *senders) finish(t *testing.T) []mail {
	t.Helper()
	close(s.stop)
	s.wg.Wait()
	for _, err := range s.errs {
		t.Error("a mail was not sent:", err)
	}
	return s.sent
}

// session sends some mails over one connection.
func session(name, addr string, mails int, rnd *rand.Rand) (sent []mail, err error) {
	begin := time.Now()
	c, err := smtp.Dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Hello("client.soak.example"); err != nil {
		return nil, err
	}
	for i := range mails {
		from := fmt.Sprintf("%s-%d@soak.example", name, i)
		if err := one(c, from, 100+rnd.IntN(20000)); err != nil {
			return nil, err
		}
		sent = append(sent, mail{from: from, begin: begin})
	}
	if err := c.Quit(); err != nil {
		return nil, err
	}
	end := time.Now()
	for i := range sent {
		sent[i].end = end
	}
	return sent, nil
}

func one(c *smtp.Client, from string, size int) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt("postmaster@mx.soak.example"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	body := strings.Repeat("All work and no play makes the sensor a dull box.\r\n", size/51+1)
	if _, err := fmt.Fprintf(w, "From: %s\r\nTo: postmaster@mx.soak.example\r\nSubject: soak\r\nMessage-ID: <%s>\r\n\r\n%s", from, from, body); err != nil {
		return err
	}
	return w.Close()
}

// send sends mails to both servers and returns them.
func send(t *testing.T, name string, sessions int) (sent []mail) {
	t.Helper()
	return sendTo(t, servers, name, sessions)
}

// sendTo sends mails to these servers.
func sendTo(t *testing.T, servers []string, name string, sessions int) (sent []mail) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range sessions {
		m, err := session(fmt.Sprintf("%s%d", name, i), servers[i%len(servers)], 2, rnd)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m...)
	}
	return sent
}

// logged counts the lines of smtp.log by sender.
func logged(t *testing.T, dir string) map[string]int {
	t.Helper()
	lines := map[string]int{}
	for _, r := range rows(t, dir, "smtp") {
		if r["mailfrom"] != "-" {
			lines[r["mailfrom"]]++
		}
	}
	return lines
}

// wantOnce says that each mail is in exactly one line.
func wantOnce(t *testing.T, dir string, mails []mail) {
	t.Helper()
	lines := logged(t, dir)
	wrong := 0
	for _, m := range mails {
		if n := lines[m.from]; n != 1 {
			if wrong++; wrong <= 10 {
				t.Errorf("the mail of %s is in %d lines", m.from, n)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d mails are not in exactly one line", wrong, len(mails))
	}
}
