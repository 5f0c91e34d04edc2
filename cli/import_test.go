package cli

import (
	"os"
	"strings"
	"testing"
)

// imported runs import-redefs on a script and holds the file that comes out
// against check.
func imported(t *testing.T, script string) (toml, left string) {
	t.Helper()
	inFolder(t, map[string]string{"local.zeek": script, "out.toml": ""})
	out, errs, status := gzeek(t, "import-redefs", "local.zeek")
	if status != exitOK {
		t.Fatal(status, errs)
	}
	if err := os.WriteFile("out.toml", []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := gzeek(t, "check", "--no-config", "--config", "out.toml"); status != exitOK {
		t.Errorf("the file isn't valid: %s\n%s", errs, out)
	}
	lines := strings.SplitAfter(errs, "\n")
	return out, strings.Join(lines[:len(lines)-2], "")
}

func TestImportedSettings(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"redef ignore_checksums = T;", "[redef.GLOBAL]\n# local.zeek:1\nignore_checksums = true\n"},
		{"redef bits_per_uid = 0x40 + 2;", "bits_per_uid = 66\n"},
		{"redef tcp_inactivity_timeout = 1hr + 5 min;", "tcp_inactivity_timeout = \"3900sec\"\n"},
		{"redef LogAscii::empty_field = \"a#\" + \"\\\"b\";", "empty_field = \"a#\\\"b\"\n"},
		{"module SMTP; redef mail_path_capture = LOCAL_HOSTS;", "[redef.SMTP]\n# local.zeek:1\nmail_path_capture = \"LOCAL_HOSTS\"\n"},
		{"module SMTP; redef ignore_checksums = T;", "[redef.GLOBAL]\n"},
		{"redef GLOBAL::ignore_checksums = T;", "[redef.GLOBAL]\n"},
		{"option SMTP::mail_path_capture = NO_HOSTS &redef;", "mail_path_capture = \"NO_HOSTS\"\n"},
		{"redef LogAscii::json_timestamps = JSON::TS_ISO8601;", "json_timestamps = \"JSON::TS_ISO8601\"\n"},
		{"redef Site::local_nets += { 10.0.0.0/8 };\nredef Site::local_nets += set([2001:db8::]/32);", "[redef_add.Site]\n# local.zeek:1, local.zeek:2\nlocal_nets = ["},
		{"redef likely_server_ports -= { 80/tcp };\nredef likely_server_ports += { 2525/tcp };", "[redef_remove.GLOBAL]\n# local.zeek:1, local.zeek:2\nlikely_server_ports = [\"80/tcp\"]\n"},
		{"redef likely_server_ports = { 80/tcp, 25/tcp };\nredef likely_server_ports -= { 80/tcp };", "[redef.GLOBAL]\n# local.zeek:1, local.zeek:2\nlikely_server_ports = [\"25/tcp\"]\n"},
		{"redef ignore_checksums_nets += { 10.0.0.0/8 }; redef ignore_checksums_nets -= { 10.0.0.0/8 };", "[redef.GLOBAL]\n# local.zeek:1, local.zeek:1\nignore_checksums_nets = []\n"},
		{"redef Weird::actions += { [\"a\"] = Weird::ACTION_IGNORE, };", "[redef_add.Weird]\n# local.zeek:1\nactions = \"{[\\\"a\\\"] = Weird::ACTION_IGNORE}\"\n"},
		{"@load protocols/smtp/blocklists\nredef SMTP::blocklist_error_messages += /a;b#/i;\nredef SMTP::blocklist_error_messages += /c/;",
			"[redef_add.SMTP]\n# local.zeek:2, local.zeek:3\nblocklist_error_messages = \"/a;b#/i | /c/\"\n"},
		{"@load protocols/smtp/blocklists\nredef SMTP::blocklist_error_messages = /a/ | /b/;", "[redef.SMTP]\n# local.zeek:2\nblocklist_error_messages = \"/a/ | /b/\"\n"},
		{"@load policy/protocols/smtp/software.zeek\n@load protocols/smtp/software\n", "load = [\n  \"protocols/smtp/software\",\n]\n"},
		{"redef Intel::read_files += { @DIR + \"/i.dat\" };", "/i.dat\"]\n"},
	} {
		t.Run(c.script, func(t *testing.T) {
			toml, left := imported(t, c.script)
			if !strings.Contains(toml, c.want) || left != "" {
				t.Errorf("%s\n%swant %s", left, toml, c.want)
			}
		})
	}
}

func TestWhatCannotBeImportedIsListed(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"\nredef SMTP::mail_path_captur = T;", "local.zeek:2: not carried over: there is no option SMTP::mail_path_captur; did you mean SMTP::mail_path_capture?"},
		{"redef HTTP::default_capture_password = T;", "HTTP::default_capture_password"},
		{"redef SMTP::blocklist_error_messages += /a/;", "SMTP::blocklist_error_messages: it is an option of a policy that the scripts do not load"},
		{"redef digest_salt = fmt(\"%s\", x);", "digest_salt"},
		{"redef ignore_checksums = 5;", "ignore_checksums: \"5\" is not a bool"},
		{"redef ignore_checksums += T;", "ignore_checksums: is of type bool"},
		{"redef LogAscii::empty_field = \"\\xff\";", "octets that TOML cannot"},
		{"event zeek_init()\n{ print 1; }", "local.zeek:1: not carried over: event zeek_init"},
		{"@load misc/loaded-scripts", "@load misc/loaded-scripts: gzeek has no such policy\n"},
		{"@load protocols/smtp/blocklist", "did you mean protocols/smtp/blocklists?"},
		{"@load tuning/json-logs", "LogAscii::use_json=T"},
		{"@load ./mine", "name it as an argument too"},
		{"@load bro-2011", "stands alone"},
		{"redef ignore_checksums = T", "there is no ;"},
	} {
		t.Run(c.script, func(t *testing.T) {
			toml, left := imported(t, c.script)
			if !strings.Contains(left, c.want) || strings.Count(left, "\n") != 1 {
				t.Errorf("%q, want %q", left, c.want)
			}
			if toml != "# Made by gzeek import-redefs.\n" {
				t.Errorf("%s", toml)
			}
		})
	}
}

func TestARefusedSettingLeavesTheOthers(t *testing.T) {
	toml, left := imported(t, "redef Site::local_nets += { 10.0.0.0/8 };\nredef Site::local_nets += { 10.0.0.0/80 };\nredef Site::local_nets += { 10.1.0.0/16 };\n")
	if strings.Count(left, "\n") != 1 || !strings.Contains(toml, "10.0.0.0/8") || !strings.Contains(toml, "10.1.0.0/16") {
		t.Error(left, toml)
	}
}

func TestStrictImportFails(t *testing.T) {
	inFolder(t, map[string]string{"local.zeek": "event x() { }"})
	if _, _, status := gzeek(t, "import-redefs", "--strict", "local.zeek"); status != exitError {
		t.Error(status)
	}
	if _, _, status := gzeek(t, "import-redefs", "none.zeek"); status != exitError {
		t.Error(status)
	}
	if _, _, status := gzeek(t, "import-redefs"); status != exitUsage {
		t.Error(status)
	}
}
