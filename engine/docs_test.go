package engine_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/seed"
)

var update = flag.Bool("update", false, "write the generated parts of docs/ anew")

// bro2011 can't be loaded beside base/protocols/smtp.
const bro2011 = "bro-2011"

// everything is an engine with all policies that go together, for listings.
func everything(t *testing.T) *engine.Engine {
	t.Helper()
	var names []string
	for _, p := range policy.All() {
		if p.Name != bro2011 {
			names = append(names, p.Name)
		}
	}
	return listed(t, false, names)
}

func listed(t *testing.T, bare bool, policies []string) *engine.Engine {
	t.Helper()
	keys, err := seed.Load(filepath.Join(baselines, "random.seed"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{Keys: keys, Dir: t.TempDir(), Bare: bare, Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// generated holds the part of a page between two marks equal to what a test
// makes, or writes it there.
func generated(t *testing.T, page, name, want string) {
	t.Helper()
	path := filepath.Join("..", "docs", page)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- %s: made by go test ./engine -update -->\n", name), fmt.Sprintf("<!-- end of %s -->\n", name)
	i, j := bytes.Index(text, []byte(begin)), bytes.Index(text, []byte(end))
	if i < 0 || j < i {
		t.Fatalf("docs/%s has no marks for %s", page, name)
	}
	i += len(begin)
	if string(text[i:j]) == want {
		return
	}
	if !*update {
		t.Fatalf("docs/%s is not what the program does: run go test ./engine -update\n%s", page, diff([]byte(want), text[i:j]))
	}
	text = slices.Concat(text[:i], []byte(want), text[j:])
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// cell makes a text fit into a table of Markdown.
func cell(s string, limit int) string {
	if s == "\t" {
		return `\t`
	}
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return strings.ReplaceAll(s, "|", `\|`)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "`", "'") + "`"
}

// inOrder sorts the elements of a set or table, one a line.
func inOrder(s string) string {
	if !strings.HasPrefix(s, "{") {
		return s
	}
	var elems []string
	for _, l := range strings.Split(strings.Trim(s, "{}"), "\n") {
		if l = strings.TrimSuffix(strings.TrimSpace(l), ","); l != "" {
			elems = append(elems, l)
		}
	}
	slices.Sort(elems)
	return "{ " + strings.Join(elems, ", ") + " }"
}

func TestTheOptionsPageListsWhatIsHonoured(t *testing.T) {
	var b strings.Builder
	b.WriteString("| option | type | default | live | what it does |\n|---|---|---|---|---|\n")
	all := everything(t).Options().Options()
	for _, o := range listed(t, true, []string{bro2011}).Options().Options() {
		if !slices.ContainsFunc(all, func(x redef.Info) bool { return x.Name == o.Name }) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b redef.Info) int { return strings.Compare(a.Name, b.Name) })
	for _, o := range all {
		if o.Doc == "" {
			t.Errorf("%s has no documentation", o.Name)
		}
		live := ""
		if o.Live {
			live = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", o.Name, code(cell(o.Type, 60)), code(cell(inOrder(o.Default), 70)), live, cell(o.Doc, 200))
	}
	generated(t, "options.md", "honoured options", b.String())
}

func TestDefaultsAreThoseOfZeek(t *testing.T) {
	f, err := os.Open("../redef/testdata/options.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	// Sets print in the order of their keys.
	sorted := func(s string) string {
		w := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == ',' })
		slices.Sort(w)
		return strings.Join(w, " ")
	}
	e, n := everything(t), 0
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) < 4 {
			continue
		}
		o, ok := e.Options().Lookup(c[0])
		if !ok || differentDefaults[c[0]] {
			continue
		}
		n++
		want := strings.Join(c[3:], "\t")
		if o.Type != c[2] || sorted(o.Default) != sorted(want) {
			t.Errorf("%s: %s = %q, Zeek has %s = %q", c[0], o.Type, o.Default, c[2], want)
		}
	}
	if n < 100 {
		t.Errorf("only %d options compared", n)
	}
}

// differentDefaults print otherwise, and act the same.
var differentDefaults = map[string]bool{
	"Site::local_nets": true, // Zeek adds private address space, so does gzeek without showing it
	"Weird::actions":   true, // without those that gzeek can't raise
	// A tab, which the list of Zeek's options shows as a space.
	"LogAscii::separator": true,
}

// zeekOptions are the names of all options of Zeek 8.0.9.
func zeekOptions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../redef/zeek_options.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(line, "#") {
			names = append(names, name)
		}
	}
	return names
}

func TestTheOptionsPageSaysWhyTheRestIsNotHonoured(t *testing.T) {
	e := everything(t)
	why := map[string]string{}
	for _, r := range notHonoured {
		for _, n := range strings.Fields(r.options) {
			if why[n] != "" {
				t.Errorf("%s has two reasons", n)
			}
			why[n] = r.reason
		}
	}
	for _, name := range zeekOptions(t) {
		_, honoured := e.Options().Lookup(name)
		switch {
		case honoured && why[name] != "":
			t.Errorf("%s is honoured, yet there is a reason why not", name)
		case !honoured && why[name] == "":
			t.Errorf("%s is not honoured: implement it, or say why", name)
		}
		delete(why, name)
	}
	for _, name := range slices.Sorted(maps.Keys(why)) {
		t.Errorf("%s is no option of Zeek", name)
	}
	var b strings.Builder
	b.WriteString("| why not | options |\n|---|---|\n")
	for _, r := range notHonoured {
		names := strings.Fields(r.options)
		slices.Sort(names)
		fmt.Fprintf(&b, "| %s | `%s` |\n", r.reason, strings.Join(names, "`, `"))
	}
	generated(t, "options.md", "other options", b.String())
}

// notHonoured are the options of Zeek that gzeek doesn't have, by the reason.
// What is said of Zeek was looked up in the source of 8.0.9.
var notHonoured = []struct{ reason, options string }{
	{"of other protocols, which gzeek doesn't analyse", `
		Gnutella::max_header_length Gnutella::max_line_length GridFTP::max_time GridFTP::size_threshold GridFTP::skip_data
		NCP::max_frame_size direct_login_prompts dns_max_compression_chain_depth dns_max_queries dns_session_timeout
		dns_skip_addl dns_skip_all_addl dns_skip_all_auth dns_skip_auth http_entity_data_delivery_size
		login_failure_msgs login_non_failure_msgs login_prompts login_success_msgs login_timeouts
		netbios_ssn_session_timeout rpc_max_pending_calls rpc_timeout skip_authentication skip_http_data truncate_http_URI
		Intel::enable_x509_ext_subject_alternative_name`},
	{"without effect in Zeek 8.0.9: its code never reads the value, or reads it only where nothing follows from it", `
		DPD::max_violations non_analyzed_lifetime tcp_reassembler_ports_orig tcp_reassembler_ports_resp use_conn_size_analyzer
		packet_filter_default`},
	{"without effect in Zeek 8.0.9: Manager::IsDisabled looks it up by a count, which a table of tags never has", `
		Files::disable`},
	{"without effect in Zeek 8.0.9 on SMTP: of undelivered data it gives the signatures only what they were given already (TCP_Reassembler::MatchUndelivered)", `
		tcp_match_undelivered`},
	{"without effect in Zeek 8.0.9 on the command line: the ASCII writer takes its values when the scripts are read; set `LogAscii::*`", `
		Log::empty_field Log::separator Log::set_separator Log::unset_field`},
	{"only for events that no policy here handles (contents, retransmissions, thresholds)", `
		ConnThreshold::generic_packet_thresholds ignore_keep_alive_rexmit tcp_content_delivery_ports_orig tcp_content_delivery_ports_resp tcp_max_old_segments udp_content_deliver_all_orig
		udp_content_deliver_all_resp udp_content_delivery_ports_orig udp_content_delivery_ports_resp
		udp_content_delivery_ports_use_resp udp_content_ports`},
	{"signatures: gzeek has the two of SMTP built in and no engine for others", `
		Signatures::actions Signatures::count_thresholds Signatures::horiz_scan_thresholds Signatures::ignored_ids
		Signatures::summary_interval Signatures::vert_scan_thresholds sig_max_group_size signature_files`},
	{"SMTP hands over the octets of a file in their order, so that there is nothing to reassemble", `
		Files::enable_reassembler Files::reassembly_buffer_size`},
	{"of logs that gzeek doesn't write (tunnel.log, unknown_protocols.log, signatures.log, print.log and others)", `
		IP::protocol_names Log::print_log_path Log::print_to_log Tunnel::expiration_interval
		UnknownProtocol::first_bytes_count UnknownProtocol::sampling_duration UnknownProtocol::sampling_rate
		UnknownProtocol::sampling_threshold`},
	{"for scripts that others write: nothing that gzeek has asks for it", `
		Site::local_zones Site::neighbor_zones default_notice_thresholds mmdb_asn_db discarder_maxlen`},
	{"a type, a hook or a store that Zeek's scripts declare, not a value to set", `
		Analyzer::disabling_analyzer Files::AnalyzerArgs Files::Info fa_file Intel::data_store Intel::min_data_store`},
	{"clusters and remote logging: gzeek is one process", `
		Log::default_max_delay_interval Log::default_max_delay_queue_size Log::enable_remote_logging
		Log::scp_rotation_date_format Log::sftp_rotation_date_format global_hash_seed`},
	{"a flag or a file of gzeek's own does it: `-i`, `-w`", `
		interfaces record_all_packets`},
	{"of how Zeek reads packets or measures itself; no log shows it", `
		Pcap::bufsize_offline_bytes Pcap::non_fd_timeout
		allow_network_time_forward exit_only_after_terminate expensive_profiling_multiple packet_source_inactivity_timeout
		pkt_profile_file pkt_profile_freq pkt_profile_mode profiling_file profiling_interval running_under_test
		watchdog_interval`},
}

func TestTheLogsPageListsStreamsAndColumns(t *testing.T) {
	var b strings.Builder
	usual := map[string]bool{}
	for _, s := range listed(t, false, nil).Streams() {
		usual[s.ID()] = true
	}
	streams := everything(t).Streams()
	slices.SortFunc(streams, func(a, b policy.DeclaredStream) int { return strings.Compare(a.Path(), b.Path()) })
	for _, s := range streams {
		by := ""
		if !usual[s.ID()] {
			by = ", of a policy that is not loaded by default"
		}
		fmt.Fprintf(&b, "### %s.log\n\n`%s`%s\n\n", s.Path(), s.ID(), by)
		for i, c := range s.Columns() {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "`%s` %s", c.Name, c.Type)
		}
		b.WriteString("\n\n")
	}
	generated(t, "logs.md", "streams", b.String())
}
