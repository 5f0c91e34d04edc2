package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// logsWith reads a capture with options and returns the logs, rows only.
func logsWith(t *testing.T, capture string, args ...string) map[string][][]string {
	t.Helper()
	dir := t.TempDir()
	runEngine(t, dir, capturesOf(t, capture), args)
	return readLogs(t, dir)
}

// readLogs reads the logs of a folder, rows only, the columns' names first.
func readLogs(t *testing.T, dir string) map[string][][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	logs := map[string][][]string{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		for line := range strings.Lines(string(b)) {
			if f, ok := strings.CutPrefix(line, "#fields\t"); ok {
				rows = append(rows, strings.Split(strings.TrimSuffix(f, "\n"), "\t"))
			} else if !strings.HasPrefix(line, "#") {
				rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
			}
		}
		logs[strings.TrimSuffix(filepath.Base(n), ".log")] = rows
	}
	return logs
}

// column returns the values of a column, in the order of the rows.
func column(t *testing.T, rows [][]string, name string) []string {
	t.Helper()
	if len(rows) == 0 {
		return nil
	}
	i := slices.Index(rows[0], name)
	if i < 0 {
		t.Fatalf("no column %s", name)
	}
	var values []string
	for _, r := range rows[1:] {
		values = append(values, r[i])
	}
	return values
}

func TestAnalyzersAreTurnedOffAndOn(t *testing.T) {
	const smtp, size = "Analyzer::ANALYZER_SMTP", "Analyzer::ANALYZER_CONNSIZE"
	for _, c := range []struct {
		args             []string
		service, packets bool
	}{
		{nil, true, true},
		{[]string{"Analyzer::disabled_analyzers+={" + smtp + "}"}, false, true},
		{[]string{"Analyzer::disabled_analyzers+={AllAnalyzers::ANALYZER_ANALYZER_SMTP}"}, false, true},
		{[]string{"Analyzer::disabled_analyzers+={" + size + "}"}, true, false},
		{[]string{"Analyzer::disable_all=T"}, false, false},
		{[]string{"Analyzer::disable_all=T", "Analyzer::requested_analyzers+={" + smtp + "}"}, true, false},
		{[]string{"Analyzer::disable_all=T", "Analyzer::requested_analyzers+={" + smtp + "," + size + "}"}, true, true},
		{[]string{"Analyzer::disabled_analyzers+={" + smtp + "}", "Analyzer::requested_analyzers+={" + smtp + "}"}, true, true},
	} {
		logs := logsWith(t, "dialog-pipe-quit", c.args...)
		service := slices.Contains(column(t, logs["conn"], "service"), "smtp")
		if service != c.service || (len(logs["smtp"]) > 0) != c.service {
			t.Errorf("%q: SMTP is recognised: %v, and logged: %v", c.args, service, len(logs["smtp"]) > 0)
		}
		if packets := !slices.Contains(column(t, logs["conn"], "orig_pkts"), "-"); packets != c.packets {
			t.Errorf("%q: packets are counted: %v", c.args, packets)
		}
	}
}

func TestAFileIsNotSaidToBeExtractedIfNothingExtracts(t *testing.T) {
	prefix := "FileExtract::prefix=" + t.TempDir()
	for _, c := range []struct {
		args      []string
		extracted bool
	}{
		{nil, true},
		{[]string{"Analyzer::disabled_analyzers+={Files::ANALYZER_EXTRACT}"}, false},
	} {
		rows := logsWith(t, "dialog-pipe-quit", append(c.args, "frameworks/files/extract-all-files", prefix)...)["files"]
		if len(rows) == 0 {
			t.Fatal("the capture has no file")
		}
		for _, name := range []string{"extracted", "extracted_cutoff"} {
			if set := !slices.Contains(column(t, rows, name), "-"); set != c.extracted {
				t.Errorf("%q: %s is set: %v", c.args, name, set)
			}
		}
	}
}

// bro-2011 stands for base/protocols/smtp, and knows no handles of files.
func TestFilesOfAnAnalyzerWithoutHandlesHaveOnesByTime(t *testing.T) {
	logs := logsWith(t, "dialog-pipe-quit", "-b", "bro-2011", "base/frameworks/files", "base/frameworks/reporter")
	if ids := column(t, logs["files"], "fuid"); len(ids) == 0 {
		t.Error("no files")
	}
	got := column(t, logs["reporter"], "message")
	if want := []string{"get_file_handle() handler missing for Analyzer::ANALYZER_SMTP"}; !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
	if got := column(t, logs["reporter"], "level"); !slices.Equal(got, []string{"Reporter::WARNING"}) {
		t.Errorf("levels %q", got)
	}
}

// base/init-bare.zeek and base/init-frameworks-and-bifs.zeek: what a bare Zeek has
// without being asked, and what it has not.
func TestABareRunHasWhatABareZeekLoads(t *testing.T) {
	const file = "ts fuid uid id.orig_h id.orig_p id.resp_h id.resp_p source depth analyzers mime_type filename duration local_orig is_orig " +
		"seen_bytes total_bytes missing_bytes overflow_bytes timedout parent_fuid"
	for _, c := range []struct {
		capture, policies, logs string
		files                   string // columns of files.log
		service                 string
	}{
		{capture: "dialog-pipe-quit"},
		{capture: "dialog-pipe-quit", policies: "base/frameworks/notice"},
		{capture: "dialog-pipe-quit", policies: "base/protocols/smtp", logs: "files smtp", files: file},
		{capture: "dialog-pipe-quit", policies: "base/protocols/conn", logs: "conn", service: "-"},
		{capture: "dialog-pipe-quit", policies: "base/protocols/smtp base/protocols/conn", logs: "conn files smtp", files: file, service: "smtp"},
		{capture: "dialog-pipe-quit", policies: "bro-2011", logs: "files smtp", files: file},
		{capture: "dialog-pipe-quit", policies: "base/protocols/smtp frameworks/files/hash-all-files frameworks/files/extract-all-files", logs: "files smtp",
			files: file + " md5 sha1 sha256 extracted extracted_cutoff extracted_size"},
		{capture: "dialog-pipe-quit", policies: "base/files/extract base/files/x509 base/protocols/smtp", logs: "files smtp",
			files: file + " extracted extracted_cutoff extracted_size md5 sha1 sha256"},
		{capture: "tcp-port-client-25-no-syn", policies: "base/protocols/conn", logs: "conn", service: "-"},
	} {
		args := append([]string{"-b", "FileExtract::prefix=" + t.TempDir()}, strings.Fields(c.policies)...)
		logs := logsWith(t, c.capture, args...)
		if got := strings.Join(slices.Sorted(maps.Keys(logs)), " "); got != c.logs {
			t.Errorf("%s, %q: logs %q, want %q", c.capture, c.policies, got, c.logs)
		}
		if rows := logs["files"]; len(rows) > 0 && strings.Join(rows[0], " ") != c.files {
			t.Errorf("%s, %q: files.log has %q, want %q", c.capture, c.policies, rows[0], c.files)
		}
		if got := column(t, logs["conn"], "service"); c.service != "" && !slices.Contains(got, c.service) {
			t.Errorf("%s, %q: services %q, want %s", c.capture, c.policies, got, c.service)
		}
	}
}

// The ports that scripts add to likely_server_ports as they are loaded.
func TestABareRunKnowsFewLikelyServers(t *testing.T) {
	for _, c := range []struct {
		args []string
		port string // of the originator
	}{
		{[]string{"-b", "base/protocols/conn"}, "25"}, // the first who is seen
		{[]string{"-b", "base/protocols/conn", "base/protocols/smtp"}, ""},
		{nil, ""},
	} {
		for _, got := range column(t, logsWith(t, "tcp-port-client-25-no-syn", c.args...)["conn"], "id.orig_p") {
			if (got == "25") != (c.port == "25") {
				t.Errorf("%q: the originator's port is %s", c.args, got)
			}
		}
	}
}

func TestConnectionsOfAServiceAreKeptAsLongAsSaid(t *testing.T) {
	plain := len(column(t, logsWith(t, "dialog-pipe-quit")["conn"], "uid"))
	short := len(column(t, logsWith(t, "dialog-pipe-quit", "Conn::analyzer_inactivity_timeouts+={[Analyzer::ANALYZER_SMTP]=1usec}")["conn"], "uid"))
	if short <= plain {
		t.Errorf("%d connections, %d with the shortest timeout for SMTP", plain, short)
	}
}

func TestWeirdsAreSilencedFromTheStart(t *testing.T) {
	rows := logsWith(t, "R-gosmtp-chunking")["weird"]
	names := column(t, rows, "name")
	if len(names) == 0 {
		t.Fatal("the capture has no weird")
	}
	id := column(t, rows, "id.orig_h")[0] + ":" + column(t, rows, "id.orig_p")[0] + " > " +
		column(t, rows, "id.resp_h")[0] + ":" + column(t, rows, "id.resp_p")[0]
	quiet := column(t, logsWith(t, "R-gosmtp-chunking", `Weird::weird_ignore+={["`+names[0]+`","`+id+`"]}`)["weird"], "name")
	if len(quiet) != len(names)-1 {
		t.Errorf("weirds %q, with one silenced %q", names, quiet)
	}
}

func TestMailOnOtherPortsIsFoundWithoutReassemblyFromTheStart(t *testing.T) {
	want, got := logsWith(t, "R-aiosmtpd-421"), logsWith(t, "R-aiosmtpd-421", "dpd_reassemble_first_packets=F")
	if len(want["smtp"]) < 2 || column(t, want["conn"], "id.resp_p")[0] == "25" {
		t.Fatal("the capture has no mail on another port")
	}
	for _, log := range []string{"smtp", "conn"} {
		if !slices.EqualFunc(want[log], got[log], slices.Equal) {
			t.Errorf("%s.log is\n%q, not\n%q", log, got[log], want[log])
		}
	}
}

func TestTheCommandLinesFilterComesBeforeTheOthers(t *testing.T) {
	if logs := logsWith(t, "dialog-pipe-quit", "cmd_line_bpf_filter=port 26"); len(logs["conn"]) > 0 {
		t.Error("packets were read that the filter leaves out")
	}
}

func TestCapturesWithoutDataAreToldOf(t *testing.T) {
	const filtered = "only TCP control packets"
	warned := func(capture string, args ...string) bool {
		return slices.ContainsFunc(column(t, logsWith(t, capture, args...)["reporter"], "message"),
			func(m string) bool { return strings.Contains(m, filtered) })
	}
	const control = "(tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0) and len <= 80"
	for _, c := range []struct {
		args []string
		want bool
	}{
		{nil, false},
		{[]string{"cmd_line_bpf_filter=" + control}, true},
		{[]string{"cmd_line_bpf_filter=" + control, "FilteredTraceDetection::enable=F"}, false},
	} {
		if got := warned("dialog-pipe-quit", c.args...); got != c.want {
			t.Errorf("%q: warned: %v", c.args, got)
		}
	}
}

func TestLogsAreRotatedBySize(t *testing.T) {
	dir := t.TempDir()
	runEngine(t, dir, capturesOf(t, "rand-00"), []string{"Log::rotation_size=400", "Log::rotation_name={open:%Y}/{path}.{open:%S}-{close:%S}"})
	old, err := filepath.Glob(filepath.Join(dir, "20*", "conn.*-*.log"))
	if err != nil || len(old) < 2 {
		t.Errorf("rotated logs: %q (%v)", old, err)
	}
}

func TestVLANsInKeysChangeNothingWithoutVLANs(t *testing.T) {
	plain := logsWith(t, "dialog-pipe-quit")
	keyed := logsWith(t, "dialog-pipe-quit", "ConnKey::factory=ConnKey::CONNKEY_VLAN_FIVETUPLE")
	for _, log := range []string{"conn", "smtp"} {
		if len(plain[log]) < 2 || len(keyed[log]) != len(plain[log]) {
			t.Errorf("%s.log has %d rows, %d with the VLANs in the keys", log, len(plain[log])-1, len(keyed[log])-1)
		}
	}
}
