package redef

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gzeek/gzeek/seed"
)

func fixedKeys() *seed.Keys { return seed.New([seed.Count]uint32{1, 2, 3}) }

type zeekOption struct{ name, kind, typ, def string }

// zeeks lists the options of options.tsv whose types options here can have.
func zeeks(t testing.TB) []zeekOption {
	t.Helper()
	f, err := os.Open("testdata/options.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	// Values of no use as options: records, hooks, files.
	skip := regexp.MustCompile(`^(Analyzer::disabling_analyzer|Files::AnalyzerArgs|Files::Info|Intel::DataStore|Intel::MinDataStore|fa_file|file of string)$`)
	var list []zeekOption
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		c := strings.SplitN(sc.Text(), "\t", 4)
		if strings.HasPrefix(c[0], "#") || skip.MatchString(c[2]) {
			continue
		}
		list = append(list, zeekOption{c[0], c[1], c[2], c[3]})
	}
	if len(list) < 270 {
		t.Fatalf("only %d options", len(list))
	}
	return list
}

var enumLike = regexp.MustCompile(`[A-Za-z_]+(::[A-Za-z0-9_]+)+|[A-Z]+_[A-Z_]+`)

// declareZeeks declares all options of Zeek with their defaults.
func declareZeeks(t testing.TB, r *Registry, list []zeekOption) {
	t.Helper()
	for e, values := range map[string][]string{
		"Host":                  {"LOCAL_HOSTS", "REMOTE_HOSTS", "ALL_HOSTS", "NO_HOSTS"},
		"JSON::TimestampFormat": {"TS_EPOCH", "TS_MILLIS", "TS_ISO8601"},
		"Notice::Type":          {"Notice::Tally", "SMTP::Blocklist_Error_Message", "SMTP::Blocklist_Blocked_Host"},
		"Weird::Action":         nil,
		"Log::Writer":           nil,
		"Log::PrintLogType":     nil,
		"AllAnalyzers::Tag":     nil,
		"Analyzer::Tag":         nil,
		"Files::Tag":            {"Files::ANALYZER_MD5"},
		"PacketAnalyzer::Tag":   nil,
		"ConnKey::Tag":          nil,
		"Signatures::Action":    nil,
		"pkt_profile_modes":     nil,
	} {
		r.EnumType(e).Add(values...)
	}
	for _, o := range list {
		typ, err := r.ParseType(o.typ)
		if err != nil {
			t.Fatalf("%s: %v", o.name, err)
		}
		if typ.String() != o.typ {
			t.Errorf("%s: type %s, want %s", o.name, typ, o.typ)
		}
		text := o.def
		// The enums have the values that occur, in any order.
		for _, x := range append(slices.Clone(typ.Index), typ, typ.Yield) {
			if x != nil && x.Kind == KindEnum {
				for _, v := range enumLike.FindAllString(text, -1) {
					if !strings.HasPrefix(v, "_") && !strings.HasSuffix(v, "_") {
						x.Enum.Add(v)
					}
				}
			}
		}
		ev := &evaluation{r: r, values: map[*option]any{}}
		var once any // patterns take long to compile
		def := func() any {
			if typ.Kind == KindString {
				return text
			}
			if once != nil {
				return once
			}
			p := parser{ev: ev, text: quoteStrings(typ, text)}
			v, err := p.whole(typ)
			if err != nil {
				t.Fatalf("%s: %v", o.name, err)
			}
			if typ.Kind == KindPattern {
				once = v
			}
			return v
		}
		declare(r, o.name, typ, "doc", def, func(v any) any { return v })
	}
}

var item = regexp.MustCompile(`[^,{}\[\]=]+`)

// quoteStrings turns what Zeek prints, where strings have no quotes, into what it
// reads.
func quoteStrings(t *Type, text string) string {
	isString := func(x *Type) bool { return x != nil && x.Kind == KindString }
	switch {
	case isString(t.Yield) && t.Kind == KindVector, t.Kind == KindSet && isString(t.Index[0]):
		return item.ReplaceAllStringFunc(text, quote)
	case t.Kind == KindTable && (isString(t.Index[0]) || isString(t.Yield)):
		return regexp.MustCompile(`\[([^\]]*)\] = ([^,}]*)`).ReplaceAllStringFunc(text, func(s string) string {
			m := regexp.MustCompile(`\[([^\]]*)\] = ([^,}]*)`).FindStringSubmatch(s)
			if isString(t.Index[0]) {
				m[1] = quote(m[1])
			}
			if isString(t.Yield) {
				m[2] = quote(m[2])
			}
			return "[" + m[1] + "] = " + m[2]
		})
	}
	return text
}

func quote(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return s
	}
	return string(appendQuoted(nil, s))
}

// normal makes printed values comparable: the list was made with other seeds, so
// its sets have another order, and line ends became blanks.
func normal(t *Type, s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if t.Kind != KindSet && t.Kind != KindTable {
		return s
	}
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}"))
	elements := regexp.MustCompile(`, (?:\[|)`).Split(s, -1)
	for i := range elements {
		elements[i] = strings.TrimPrefix(strings.TrimSpace(elements[i]), "[")
	}
	slices.Sort(elements)
	return strings.Join(elements, "; ")
}

func TestZeeksDefaultsAreReadAndPrintedAsByZeek(t *testing.T) {
	r := New(fixedKeys())
	list := zeeks(t)
	declareZeeks(t, r, list)
	for _, z := range list {
		o := r.options[z.name]
		info, _ := r.Lookup(z.name)
		got, want := normal(o.typ, info.Value), normal(o.typ, z.def)
		if z.typ == "pattern" {
			// Printed is what it was compiled to, and that compiled again has
			// another layer.
			want = "/^?(" + strings.Trim(z.def, "/") + ")$?/"
		}
		if got != want {
			t.Errorf("%s: printed\n%s, want\n%s", z.name, got, want)
		}
		if info.Live != (z.kind == "option") || info.Changed || info.Type != z.typ || info.Origin.String() != "default" {
			t.Errorf("%s: %+v", z.name, info)
		}
	}
}

// other gives for a type a value that no default has, on the command line and in
// TOML, and a wrong one for each.
func other(t *Type) (arg, toml, printed, badArg, badTOML string) {
	switch t.Kind {
	case KindBool:
		return "", "", "", "yes", "1"
	case KindCount:
		return "77", "77", "77", "-1", "-1"
	case KindInt:
		return "-77", "-77", "-77", "1.5", "1.5"
	case KindDouble:
		return "2.5", "2.5", "2.5", "5sec", `"x"`
	case KindInterval:
		return "90 secs", `"1.5min"`, "1.0 min 30.0 secs", "90", `"90"`
	case KindString:
		return `a\x41 b`, `"aA b"`, "aA b", `a"b`, "1"
	case KindPort:
		return "99/udp", `"99/udp"`, "99/udp", "99", "99"
	case KindAddr:
		return "1.2.3.4", `"1.2.3.4"`, "1.2.3.4", "1.2.3", `"1.2.3"`
	case KindSubnet:
		return "1.2.0.0/16", `"1.2.3.4/16"`, "1.2.0.0/16", "1.2.3.4", `"1.2.3.4"`
	case KindPattern:
		return "/a/ | /b/i", `"/a/ | /b/i"`, `/^?((^?(a)$?)|((?i:^?(b)$?)))$?/`, "/a(/", `"a"`
	case KindEnum:
		v := t.Enum.values[len(t.Enum.values)-1].full
		return v, `"` + v + `"`, v, "None_Such", "3"
	case KindVector:
		a, m, p, bad, badT := other(t.Yield)
		if t.Yield.Kind == KindString {
			a, bad = `"aA b"`, "1"
		}
		return "vector(" + a + ")", "[" + m + "]", "[" + p + "]", "[" + bad + "]", "[" + badT + "]"
	case KindSet, KindTable:
		var as, ms, ps []string
		bad := ""
		for _, x := range t.Index {
			a, m, p, b, _ := other(x)
			if x.Kind == KindString {
				a, b = `"aA b"`, "1"
			}
			as, ms, ps, bad = append(as, a), append(ms, m), append(ps, p), b
		}
		a, m, p := strings.Join(as, ","), strings.Join(ms, ","), strings.Join(ps, ", ")
		if len(as) > 1 {
			a, m, p = "["+a+"]", "["+m+"]", "["+p+"]"
		}
		if t.Kind == KindSet {
			return "{" + a + "}", "[" + m + "]", "{\n" + p + "\n}", "{" + bad + "}", "{x = 1}"
		}
		ya, ym, yp, ybad, ybadT := other(t.Yield)
		switch t.Yield.Kind {
		case KindString:
			ya, ybad = `"aA b"`, "1"
		case KindBool:
			ya, ym, yp = "T", "true", "T"
		}
		return "{[" + a + "]=" + ya + "}", "{" + m + " = " + ym + "}", "{\n[" + p + "] = " + yp + "\n}",
			"{[" + a + "]=" + ybad + "}", "{" + m + " = " + ybadT + "}"
	}
	panic(t.String())
}

func TestEachOptionIsSetByArgumentAndTOMLAndWrongValuesAreRefused(t *testing.T) {
	r := New(fixedKeys())
	list := zeeks(t)
	declareZeeks(t, r, list)
	dir := t.TempDir()
	write := func(text string) *Config {
		path := filepath.Join(dir, "c.toml")
		os.WriteFile(path, []byte(text), 0o600)
		c, err := LoadFiles([]string{path})
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		return c
	}
	for _, z := range list {
		o := r.options[z.name]
		arg, tml, want, badArg, badTOML := other(o.typ)
		if o.typ.Kind == KindBool {
			arg, tml, want = "T", "true", "T"
			if z.def == "T" {
				arg, tml, want = "F", `"F"`, "F"
			}
		}
		module, name := "GLOBAL", z.name
		if i := strings.LastIndex(name, "::"); i >= 0 {
			module, name = `"`+name[:i]+`"`, name[i+2:]
		}
		table := "[redef." + module + "]\n" + name + " = "
		for how, set := range map[string]func() error{
			"argument": func() error { return r.Apply(nil, z.name+"="+arg) },
			"TOML":     func() error { return r.Apply(write(table + tml)) },
		} {
			if err := set(); err != nil {
				t.Errorf("%s by %s: %v", z.name, how, err)
				continue
			}
			if info, _ := r.Lookup(z.name); info.Value != want || info.Changed != (normal(o.typ, want) != normal(o.typ, info.Default)) {
				t.Errorf("%s by %s: %+v, want %q", z.name, how, info, want)
			}
		}
		if err := r.Apply(nil, z.name+"="+badArg); err == nil {
			t.Errorf("%s=%s was taken", z.name, badArg)
		} else if !strings.HasPrefix(err.Error(), "command line: "+z.name) {
			t.Errorf("%v", err)
		}
		if err := r.Apply(write(table + badTOML)); err == nil {
			t.Errorf("%s%s was taken", table, badTOML)
		} else if !strings.Contains(err.Error(), "c.toml:2:") || !strings.Contains(err.Error(), z.name+": ") {
			t.Errorf("%v", err)
		}
	}
}

// The command lines of the shared cases.
func TestCommandLinesOfTheCasesAreTaken(t *testing.T) {
	b, err := os.ReadFile("testdata/args.json")
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	if err := json.Unmarshal(b, &args); err != nil || len(args) < 50 {
		t.Fatal(err, len(args))
	}
	r := New(fixedKeys())
	declareZeeks(t, r, zeeks(t))
	r.Pattern("SMTP::bl_error_messages", "/x/", "of the seed's script")
	for _, a := range args {
		if err := r.Apply(nil, a); err != nil {
			t.Error(err)
		}
	}
	// And each has the effect that Zeek's has.
	for arg, want := range map[string]string{
		"LogAscii::set_separator=|":                               "LogAscii::set_separator |",
		"LogAscii::set_separator=\\t":                             "LogAscii::set_separator \t",
		"LogAscii::meta_prefix=//":                                "LogAscii::meta_prefix //",
		"LogAscii::unset_field=":                                  "LogAscii::unset_field ",
		"Conn::port_inactivity_timeouts={[25/tcp]=3sec}":          "Conn::port_inactivity_timeouts {\n[25/tcp] = 3.0 secs\n}",
		"Intel::read_files+={\"a b\"}":                            "Intel::read_files {\na b\n}",
		"tcp_close_delay=1min30sec":                               "",
		"tcp_close_delay=1min + 30sec":                            "tcp_close_delay 1.0 min 30.0 secs",
		"tcp_close_delay=2*1.5 hrs":                               "tcp_close_delay 3.0 hrs",
		"Intel::item_expiration=-1min":                            "Intel::item_expiration -1.0 min",
		"Notice::default_suppression_interval=1 day":              "Notice::default_suppression_interval 1.0 day",
		"SMTP::suspicious_origination_networks={[2001:db8::]/32}": "SMTP::suspicious_origination_networks {\n2001:db8::/32\n}",
		"ignore_checksums_nets=set(10.0.0.0/8)":                   "ignore_checksums_nets {\n10.0.0.0/8\n}",
		"GLOBAL::bits_per_uid=64":                                 "bits_per_uid 64",
		"bits_per_uid=0x40":                                       "bits_per_uid 64",
		"bits_per_uid=2*(16+16)":                                  "bits_per_uid 64",
		"bits_per_uid=2*(16+16":                                   "",
		"bits_per_uid=16-17":                                      "",
		"bits_per_uid=18446744073709551616":                       "",
		"bits_per_uid+=1":                                         "",
		"bits_per_uid":                                            "",
		"bits_per_uid=":                                           "",
		"=5":                                                      "",
		"bits_per_uid*=2":                                         "",
		"LogAscii::json_timestamps=TS_MILLIS":                     "LogAscii::json_timestamps JSON::TS_MILLIS",
		"Site::neighbor_nets=Site::local_nets":                    "Site::neighbor_nets " + mustInfo(r, "Site::local_nets").Value,
		"default_notice_thresholds=[1,2]":                         "default_notice_thresholds [1, 2]",
		"default_notice_thresholds=vector()":                      "default_notice_thresholds []",
		"pkt_profile_freq=1":                                      "pkt_profile_freq 1.0",
		"Weird::weird_do_not_ignore_repeats={}":                   "Weird::weird_do_not_ignore_repeats {\n\n}",
		"Site::local_nets+=10.0.0.0/8":                            "",
		"Site::local_nets={10.0.0.0/33}":                          "",
		"digest_salt=x\\":                                         "",
	} {
		err := r.Apply(nil, arg)
		name, value, ok := strings.Cut(want, " ")
		if (err == nil) != ok {
			t.Errorf("%s: %v", arg, err)
		} else if got := mustInfo(r, name).Value; ok && got != value {
			t.Errorf("%s: %q, want %q", arg, got, value)
		}
	}
}

func mustInfo(r *Registry, name string) Info {
	i, _ := r.Lookup(name)
	return i
}

func TestAPrefixOfIPv6HasTheIPv4AddressesInIt(t *testing.T) {
	for arg, want := range map[string]int{
		"{[::]/0}": 2, "{[::]/0,0.0.0.0/0}": 2, "{[2001:db8::]/32}": 1, "{10.0.0.0/8}": 1, "{[::]/80}": 2, "{[::]/90}": 1,
	} {
		r := New(fixedKeys())
		s := r.SubnetSet("M::nets", nil, "d")
		r.SubnetSet("M::nets", nil, "") // another one that uses it
		if err := r.Apply(nil, "M::nets="+arg); err != nil {
			t.Fatal(err)
		}
		if got := s.Get(); len(got) != want {
			t.Errorf("%s: %v", arg, got)
		}
	}
}
