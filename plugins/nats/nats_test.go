package nats_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/engine/enginetest"
	"github.com/gzeek/gzeek/policy/policytest"
	"github.com/gzeek/gzeek/seed"
	"github.com/gzeek/gzeek/zeeklog"

	"github.com/gzeek/gzeek/plugins/nats"
)

const mails = "../../testdata/baselines/R-postfix-submission-nodemailer/input.pcap"

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func startServer(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server doesn't start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// collect subscribes to everything below zeek.
func collect(t *testing.T, url string) *client.Subscription {
	t.Helper()
	c, err := client.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	sub, err := c.SubscribeSync("zeek.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return sub
}

func next(t *testing.T, sub *client.Subscription) (subject, text string) {
	t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	return m.Subject, string(m.Data)
}

func TestEveryRowIsPublished(t *testing.T) {
	s := startServer(t, server.Options{})
	sub := collect(t, s.ClientURL())
	e, err := engine.New(engine.Config{
		Settings: []string{"Log::default_writer=Log::WRITER_NATS", "LogNATS::url=" + s.ClientURL()},
		Keys:     seed.New([seed.Count]uint32{}), Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.OpenFiles(capture.Options{}, mails)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := e.Run(context.Background(), src); err != nil {
		t.Fatal(err)
	}

	text, err := enginetest.Run{Captures: []string{mails}, Settings: []string{"LogAscii::use_json=T"}}.Do()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	want := map[string]string{}
	for log, lines := range text.Logs {
		want["zeek."+log] = lines
		rows += strings.Count(lines, "\n")
	}
	got := map[string]string{}
	for range rows {
		subject, line := next(t, sub)
		got[subject] += line + "\n"
	}
	for subject, lines := range want {
		if got[subject] != lines {
			t.Errorf("%s:\n%s\nnot\n%s", subject, got[subject], lines)
		}
	}
	if len(want) < 3 {
		t.Errorf("only %d logs", len(want))
	}
}

// open makes a writer without a run. What it warns of goes to warnings.
func open(t *testing.T, warnings chan<- string, config map[string]string, settings ...string) (zeeklog.Writer, error) {
	t.Helper()
	r := policytest.Start(t, policytest.Config{Policies: []string{"writers/nats"}, Options: settings})
	cfg := zeeklog.DefaultConfig()
	cfg.Warn = func(s string) { warnings <- s }
	return r.Writers()[nats.Writer](zeeklog.WriterInfo{
		Stream: "T::LOG", Filter: "default", Path: "t", Config: config, Options: &cfg,
		Columns: []zeeklog.Column{{Name: "n", Type: zeeklog.T(zeeklog.Count)}},
	})
}

func write(t *testing.T, w zeeklog.Writer, n uint64) {
	t.Helper()
	var row [1]zeeklog.Value
	row[0].SetCount(n)
	if err := w.Write(row[:]); err != nil {
		t.Fatal(err)
	}
}

func TestAnOutageDropsWhatDoesNotFitAndTheRestArrives(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that both servers have
	if err != nil {
		t.Fatal(err)
	}
	opts := server.Options{Port: l.Addr().(*net.TCPAddr).Port, JetStream: true, StoreDir: t.TempDir()}
	l.Close()
	first := startServer(t, opts)
	// The server keeps what comes, so that it does not matter who is back first.
	if _, err := stream(t, first).AddStream(&client.StreamConfig{Name: "ZEEK", Subjects: []string{"zeek.>"}}); err != nil {
		t.Fatal(err)
	}
	warnings := make(chan string, 100)
	w, err := open(t, warnings, map[string]string{"subject": "zeek.test"}, "LogNATS::url="+first.ClientURL(), "LogNATS::buffer_size=1000")
	if err != nil {
		t.Fatal(err)
	}
	first.Shutdown()
	first.WaitForShutdown()
	waitFor(t, warnings, "is lost")
	for n := range uint64(1000) {
		write(t, w, n)
	}
	waitFor(t, warnings, "are dropped")

	sub, err := stream(t, startServer(t, opts)).SubscribeSync("zeek.>", client.DeliverAll())
	if err != nil {
		t.Fatal(err)
	}
	// The client comes back by itself, with what it has kept.
	if subject, line := next(t, sub); subject != "zeek.test" || line != `{"n":0}` {
		t.Errorf("%s %s", subject, line)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "rows were dropped") {
		t.Errorf("Close says %v", err)
	}
}

func stream(t *testing.T, s *server.Server) client.JetStreamContext {
	t.Helper()
	c, err := client.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	js, err := c.JetStream(client.MaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func waitFor(t *testing.T, warnings <-chan string, part string) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case s := <-warnings:
			if strings.Contains(s, part) {
				return
			}
		case <-limit:
			t.Fatalf("nobody says that rows or the connection %s", part)
		}
	}
}

func TestNoServerAndNoSubjectAreErrors(t *testing.T) {
	warnings := make(chan string, 100)
	_, err := open(t, warnings, nil, "LogNATS::url=nats://127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "LogNATS::url") {
		t.Errorf("error %v", err)
	}
	s := startServer(t, server.Options{})
	for _, subject := range []string{"a b", "a..b", "a.*", ">"} {
		if _, err := open(t, warnings, map[string]string{"subject": subject}, "LogNATS::url="+s.ClientURL()); err == nil {
			t.Errorf("subject %q is taken", subject)
		}
	}
}
