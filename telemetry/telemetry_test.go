package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/conn"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/telemetry"
	"github.com/gzeek/gzeek/zeeklog"
)

// run answers with what it holds.
type run struct {
	status engine.Status
	err    error
}

func (r *run) Status(context.Context) (engine.Status, error) { return r.status, r.err }

func counted() engine.Status {
	return engine.Status{
		Taken: time.Now(), Started: time.Now(), NetworkTime: 1.5e9,
		Capture: capture.Stats{Received: 60, Bytes: 5370, Link: 64, Dropped: 4, Filtered: 1},
		Interfaces: []capture.Interface{
			{Name: "tap0", Failures: 2, Unread: 90 * time.Second, Link: 60, Dropped: 4},
			{Name: "tap1", Problem: "tap1: the interface is down", Failures: 1, Unread: 5 * time.Second, Link: 4},
		},
		Conns: conn.Stats{Created: 9, MaxAtATime: 5, TCP: conn.Tally{Now: 2, Total: 5}, UDP: conn.Tally{Total: 3}}, Connections: 3,
		Streams: []zeeklog.StreamStats{{Stream: "SMTP::LOG", Writes: 8}, {Stream: "Analyzer::Logging::LOG", Writes: 1}},
		Logs: []zeeklog.LogStats{{Stream: "SMTP::LOG", Filter: "default", Path: "smtp", Writer: "Log::WRITER_ASCII",
			Lines: 7, Discarded: 1}},
	}
}

func TestMetricsHaveZeeksNamesAndLabels(t *testing.T) {
	reg := telemetry.NewRegistry(&run{status: counted()}, "1.2.3")
	want := `
# HELP gzeek_interface_failures_total Total number of times that the interface could not be read any more.
# TYPE gzeek_interface_failures_total counter
gzeek_interface_failures_total{interface="tap0"} 2
gzeek_interface_failures_total{interface="tap1"} 1
# HELP gzeek_interface_unread_seconds_total Total time in which the interface could not be read.
# TYPE gzeek_interface_unread_seconds_total counter
gzeek_interface_unread_seconds_total{interface="tap0"} 90
gzeek_interface_unread_seconds_total{interface="tap1"} 5
# HELP gzeek_interface_up Whether the interface is read: 0 while its link is down, or it can't be opened.
# TYPE gzeek_interface_up gauge
gzeek_interface_up{interface="tap0"} 1
gzeek_interface_up{interface="tap1"} 0
# HELP zeek_active_sessions Connections that are open now.
# TYPE zeek_active_sessions gauge
zeek_active_sessions{protocol="icmp"} 0
zeek_active_sessions{protocol="tcp"} 2
zeek_active_sessions{protocol="udp"} 0
zeek_active_sessions{protocol="unknown"} 1
# HELP zeek_log_stream_writes_total Total number of log writes for the given stream.
# TYPE zeek_log_stream_writes_total counter
zeek_log_stream_writes_total{module="Analyzer::Logging",stream="Analyzer::Logging::LOG"} 1
zeek_log_stream_writes_total{module="SMTP",stream="SMTP::LOG"} 8
# HELP zeek_log_writer_discarded_writes_total Total number of log writes discarded due to size limitations, or because the writer failed.
# TYPE zeek_log_writer_discarded_writes_total counter
zeek_log_writer_discarded_writes_total{filter_name="default",module="SMTP",path="smtp",stream="SMTP::LOG",writer="Log::WRITER_ASCII"} 1
# HELP zeek_log_writer_writes_total Total number of log writes passed to a concrete log writer not vetoed by stream or filter policies.
# TYPE zeek_log_writer_writes_total counter
zeek_log_writer_writes_total{filter_name="default",module="SMTP",path="smtp",stream="SMTP::LOG",writer="Log::WRITER_ASCII"} 7
# HELP zeek_net_dropped_packets_total Total number of packets that the kernel dropped before they could be read.
# TYPE zeek_net_dropped_packets_total counter
zeek_net_dropped_packets_total 4
# HELP zeek_net_received_packets_total Total number of packets received.
# TYPE zeek_net_received_packets_total counter
zeek_net_received_packets_total 60
# HELP zeek_total_sessions_total Total number of connections.
# TYPE zeek_total_sessions_total counter
zeek_total_sessions_total{protocol="icmp"} 0
zeek_total_sessions_total{protocol="tcp"} 5
zeek_total_sessions_total{protocol="udp"} 3
zeek_total_sessions_total{protocol="unknown"} 1
`
	err := testutil.GatherAndCompare(reg, strings.NewReader(want), "gzeek_interface_up", "gzeek_interface_failures_total",
		"gzeek_interface_unread_seconds_total", "zeek_active_sessions", "zeek_log_stream_writes_total",
		"zeek_log_writer_discarded_writes_total", "zeek_log_writer_writes_total", "zeek_net_dropped_packets_total",
		"zeek_net_received_packets_total", "zeek_total_sessions_total")
	if err != nil {
		t.Error(err)
	}
}

// promlint knows Prometheus' rules for names; Zeek has a gauge or two of its own.
func TestMetricsAreWellFormed(t *testing.T) {
	problems, err := testutil.GatherAndLint(telemetry.NewRegistry(&run{status: counted()}, "1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestARunThatDoesNotAnswerIsDownAndKeepsItsNumbers(t *testing.T) {
	reg := telemetry.NewRegistry(&run{status: counted(), err: context.DeadlineExceeded}, "1")
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP gzeek_up Whether the run answered: 0 when it hangs, starts or ends.
# TYPE gzeek_up gauge
gzeek_up 0
# HELP zeek_total_sessions_total Total number of connections.
# TYPE zeek_total_sessions_total counter
zeek_total_sessions_total{protocol="icmp"} 0
zeek_total_sessions_total{protocol="tcp"} 5
zeek_total_sessions_total{protocol="udp"} 3
zeek_total_sessions_total{protocol="unknown"} 1
`), "gzeek_up", "zeek_total_sessions_total"); err != nil {
		t.Error(err)
	}
	// One that has never answered has no numbers: zeros would be wrong.
	reg = telemetry.NewRegistry(&run{err: context.DeadlineExceeded}, "1")
	if n, err := testutil.GatherAndCount(reg, "zeek_total_sessions_total"); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestLogsWithoutEndAreFewTimeSeries(t *testing.T) {
	s := counted()
	s.Logs = nil
	for i := range 1000 {
		s.Logs = append(s.Logs, zeeklog.LogStats{Stream: "SMTP::LOG", Filter: "split", Path: fmt.Sprint("smtp_", i), Writer: "w", Lines: 1})
	}
	reg := telemetry.NewRegistry(&run{status: s}, "1")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "zeek_log_writer_writes_total" {
			continue
		}
		sum := 0.0
		for _, m := range f.Metric {
			sum += m.GetCounter().GetValue()
		}
		if len(f.Metric) != 201 || sum != 1000 {
			t.Errorf("%d series, %v lines", len(f.Metric), sum)
		}
		return
	}
	t.Error("no such metric")
}

func TestTheServerServesAndEnds(t *testing.T) {
	r := &run{status: counted()}
	s, err := telemetry.Listen("127.0.0.1:0", telemetry.Handler(r, telemetry.NewRegistry(r, "1")))
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + s.Addr().String()
	get := func(path string) (int, string) {
		t.Helper()
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, "\nzeek_net_received_packets_total 60\n") || !strings.Contains(body, "\nprocess_start_time_seconds ") {
		t.Errorf("/metrics: %d\n%s", code, body)
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\ntap1: the interface is down\n" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	if code, _ := get("/"); code != 404 {
		t.Errorf("/: %d", code)
	}
	if _, err := telemetry.Listen(s.Addr().String(), nil); err == nil {
		t.Error("two servers have one address")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("it answers behind its end")
	}
}

func TestARunThatReadsNoInterfaceIsNotHealthy(t *testing.T) {
	r := &run{status: counted()}
	r.status.Interfaces = r.status.Interfaces[1:]
	w := httptest.NewRecorder()
	telemetry.Handler(r, telemetry.NewRegistry(r, "1")).ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != 503 || w.Body.String() != "no interface is read\ntap1: the interface is down\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestARunThatHangsIsNotHealthy(t *testing.T) {
	r := &run{status: counted(), err: context.DeadlineExceeded}
	s, err := telemetry.Listen("127.0.0.1:0", telemetry.Handler(r, telemetry.NewRegistry(r, "1")))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	res, err := http.Get("http://" + s.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 503 || string(b) != "the run does not answer\n" {
		t.Errorf("%d %q", res.StatusCode, b)
	}
}

// The page for operators lists exactly the metrics that there are.
func TestTheMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/live.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, there []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(g?zeek_\\w+)").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
	}
	families, err := telemetry.NewRegistry(&run{status: counted()}, "1").Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.GetName(), "zeek_") {
			there = append(there, f.GetName())
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, there) {
		t.Errorf("docs/live.md lists\n%s\nthere are\n%s", strings.Join(listed, "\n"), strings.Join(there, "\n"))
	}
}
