package btest

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain makes the test's program answer to the helpers' names, as gzeek does.
func TestMain(m *testing.M) {
	if f := Helper(filepath.Base(os.Args[0])); f != nil {
		os.Exit(f(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// suite writes files and gives the folder. A btest.cfg is added if there is
// none.
func suite(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if files["btest.cfg"] == "" {
		files["btest.cfg"] = "[btest]\nTestDirs = tests\n"
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// btest runs the command in a folder and wants its exit status.
func btest(t *testing.T, want int, dir string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	args = append([]string{"-c", filepath.Join(dir, "btest.cfg")}, args...)
	if got := Main(args, strings.NewReader(""), &out, &out); got != want {
		t.Errorf("%q: status %d, want %d\n%s", args, got, want, out.String())
	}
	return out.String()
}

func TestCommandsDecideByTheirStatus(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/good.sh":          "# @TEST-EXEC: true\n# @TEST-EXEC-FAIL: false\n",
		"tests/bad.sh":           "# @TEST-EXEC: echo why >&2; exit 3\n# @TEST-EXEC: touch $TEST_BASE/went-on\n",
		"tests/wrong.sh":         "# @TEST-EXEC-FAIL: true\n",
		"tests/known.sh":         "# @TEST-KNOWN-FAILURE: a bug\n# @TEST-EXEC: false\n",
		"tests/skip.sh":          "# @TEST-REQUIRES: false\n# @TEST-EXEC: false\n",
		"tests/ignore.sh":        "# @TEST-IGNORE\n",
		"tests/no/x.sh":          "no test at all",
		"tests/no/.btest-ignore": "",
	})
	got := btest(t, 1, dir, "-d")
	want := `tests.bad ... failed
  % 'echo why >&2; exit 3' failed unexpectedly (exit code 3)
  % cat .stderr
  why

tests.good ... ok
tests.known ... failed (expected)
tests.skip ... not available, skipped
tests.wrong ... failed
  % 'true' succeeded unexpectedly (exit code 0)
3 of 5 tests failed (with 1 expected to fail), 1 skipped
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if fileExists(filepath.Join(dir, "went-on")) {
		t.Error("a test went on after a command that failed")
	}
	if got := btest(t, 1, dir, "-r", "-q"); got != "tests.bad ... failed\ntests.wrong ... failed\n" {
		t.Errorf("rerun: %q", got)
	}
	if got := btest(t, 0, dir, "tests.good", "tests/known.sh"); !strings.Contains(got, "1 of 2 tests failed (with 1 expected to fail)") {
		t.Errorf("only expected failures: %q", got)
	}
	if got := btest(t, 1, dir, "-F", "-b"); !strings.Contains(got, "aborted") || strings.Contains(got, "tests.wrong") {
		t.Errorf("stop at the first: %q", got)
	}
}

func TestEnvironmentOfCommands(t *testing.T) {
	dir := suite(t, map[string]string{
		"btest.cfg": "[btest]\nTestDirs = tests\n[environment]\nfrom_cfg=%(testbase)s/x\nTICK=`echo a b`\nPERCENT=100%%\n",
		"tests/a.sh": "# @TEST-PORT: P1\n# @TEST-PORT: P2\n" +
			"# @TEST-EXEC: test $FROM_CFG = $TEST_BASE/x && test \"$TICK\" = 'a b' && test $PERCENT = 100%\n" +
			"# @TEST-EXEC: test $TEST_NAME = tests.a && test $TEST_MODE = TEST && test $TEST_PART = 1\n" +
			"# @TEST-EXEC: test %DIR/a.sh -nt /dev/null || test -f %DIR/a.sh\n" +
			"# @TEST-EXEC: cmp %INPUT %DIR/a.sh && test $(dirname %INPUT) = $(pwd)\n" +
			"# @TEST-EXEC: test $P1 != $P2 && echo $P1 | grep -q '^[0-9]*/tcp$'\n" +
			"# @TEST-EXEC: test $TEST_BASELINE = $TEST_BASE/Baseline/tests.a\n",
	})
	btest(t, 0, dir, "-d")
	if fileExists(filepath.Join(dir, ".tmp", "tests.a")) {
		t.Error("the test's folder is left")
	}
	btest(t, 0, dir, "-t")
	if !fileExists(filepath.Join(dir, ".tmp", "tests.a", ".log")) {
		t.Error("-t keeps nothing")
	}
	if fileExists(filepath.Join(dir, "Baseline", "tests.a")) {
		t.Error("an empty folder of baselines is left")
	}
}

func TestSeveralTestsAndFilesInOneFile(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/many.sh": "# @TEST-EXEC: cat %INPUT dir/f >out\n# @TEST-EXEC: btest-diff out\none\n" +
			"@TEST-START-FILE dir/f\nof all\n@TEST-END-FILE\n# @TEST-START-NEXT\ntwo\n# @TEST-EXEC: false\n# @TEST-START-NEXT\nthree\n",
		"tests/parts.sh":   "# @TEST-EXEC: basename %INPUT >>out\n",
		"tests/parts.sh#2": "# @TEST-EXEC: basename %INPUT >>out; test $TEST_PART = 2\n# @TEST-EXEC: btest-diff out\n",
	})
	if got := btest(t, 0, dir, "-l"); got != "tests.many\ntests.many-2\ntests.many-3\ntests.parts\n" {
		t.Errorf("list %q", got)
	}
	btest(t, 0, dir, "-U")
	for name, want := range map[string]string{
		"tests.many-2/out": "two\n# @TEST-EXEC: false\nof all\n", "tests.many-3/out": "three\nof all\n", "tests.parts/out": "parts.sh\nparts.sh#2\n",
	} {
		b, err := os.ReadFile(filepath.Join(dir, "Baseline", name))
		if err != nil || string(b) != baselineHeader+"\n"+want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	btest(t, 0, dir, "-j", "3", "-d")
	if got := btest(t, 0, dir, "tests.many-2"); got != "tests.many-2 ... ok\nall 1 tests successful\n" {
		t.Errorf("one by name: %q", got)
	}
}

func TestDiffWithBaselines(t *testing.T) {
	canon := "#!/bin/sh\nsed 's/[0-9][0-9]*/N/g'\n"
	dir := suite(t, map[string]string{
		"btest.cfg":               "[btest]\nTestDirs = tests\n[environment]\nTEST_DIFF_CANONIFIER=%(testbase)s/canon\n",
		"canon":                   canon,
		"tests/new.sh":            "# @TEST-EXEC: echo run 12 >o\n# @TEST-EXEC: btest-diff o\n# @TEST-EXEC: touch $TEST_BASE/on\n",
		"tests/old.sh":            "# @TEST-EXEC: echo run 12 >o\n# @TEST-EXEC: btest-diff o\n",
		"Baseline/tests.old/o":    "run 99\n", // not canonical, as old versions left it
		"tests/other.sh":          "# @TEST-EXEC: printf 'a\\nb\\n' >o\n# @TEST-EXEC: btest-diff o\n",
		"Baseline/tests.other/o":  baselineHeader + "\na\nc\n",
		"tests/binary.sh":         "# @TEST-EXEC: printf '12\\0' >o\n# @TEST-EXEC: btest-diff --binary o\n",
		"Baseline/tests.binary/o": "12\x00",
		"tests/none.sh":           "# @TEST-EXEC: btest-diff nosuch\n",
	})
	got := btest(t, 1, dir, "-d")
	for _, w := range []string{
		"tests.binary ... ok\n", "tests.old ... ok\n", "tests.new ... failed\n", "  test-diff: no baseline found.\n",
		"  -c\n  +b\n", "  btest-diff: input nosuch does not exist.\n", "3 of 5 tests failed\n",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not in\n%s", w, got)
		}
	}
	if !fileExists(filepath.Join(dir, "on")) {
		t.Error("a missing baseline ended the test")
	}
	btest(t, 0, dir, "-U", "tests/new.sh", "tests/other.sh")
	btest(t, 0, dir, "tests/new.sh", "tests/other.sh")
	if b, _ := os.ReadFile(filepath.Join(dir, "Baseline/tests.new/o")); string(b) != baselineHeader+"\nrun N\n" {
		t.Errorf("baseline %q", b)
	}
}

func TestAlternatives(t *testing.T) {
	dir := suite(t, map[string]string{
		"btest.cfg": "[btest]\nTestDirs = tests\n[environment-x]\nwhich=x\nBTEST_BASELINE_DIR=%(testbase)s/Other:%(testbase)s/Baseline\n" +
			"[substitution-x]\nprint=echo substituted\n[filter-x]\ncat=%(testbase)s/filter\n",
		"filter":             "#!/bin/sh\nsed s/text/filtered/ \"$1\" >\"$2\"\n",
		"tests/both.sh":      "# @TEST-EXEC: test \"$TEST_NAME\" = tests.both\n",
		"tests/only.sh":      "# @TEST-ALTERNATIVE: x\n# @TEST-EXEC: print >o; grep -q '^substituted$' o && test $WHICH = x\n# @TEST-EXEC: cat %INPUT | grep -q '^filtered'\n# @TEST-EXEC: btest-diff o\ntext\n",
		"tests/not.sh":       "# @TEST-NOT-ALTERNATIVE: x\n# @TEST-EXEC: true\n",
		"tests/default.sh":   "# @TEST-ALTERNATIVE: default\n# @TEST-EXEC: true\n",
		"Other/tests.only/o": baselineHeader + "\nsubstituted\n",
	})
	if got := btest(t, 0, dir); got != "tests.both ... ok\ntests.default ... ok\ntests.not ... ok\nall 3 tests successful\n" {
		t.Errorf("default: %q", got)
	}
	if got := btest(t, 0, dir, "-d", "-a", "x"); got != "tests.both [x] ... ok\ntests.only [x] ... ok\nall 2 tests successful\n" {
		t.Errorf("x: %q", got)
	}
	if got := btest(t, 0, dir, "-a", "-,x", "tests.both"); got != "tests.both ... ok\ntests.both [x] ... ok\nall 2 tests successful\n" {
		t.Errorf("both: %q", got)
	}
}

func TestGroups(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/a.sh": "# @TEST-GROUP: one\n# @TEST-EXEC: true\n",
		"tests/b.sh": "# @TEST-GROUP: two\n# @TEST-GROUP: one\n# @TEST-EXEC: true\n",
		"tests/c.sh": "# @TEST-EXEC: true\n",
	})
	for groups, want := range map[string]string{"one": "tests.a\ntests.b\n", "-two": "tests.a\ntests.c\n", "-": "tests.c\n"} {
		if got := btest(t, 0, dir, "-l", "-g", groups); got != want {
			t.Errorf("%s: %q", groups, got)
		}
	}
}

func TestTestsOfASetDoNotRunAtTheSameTime(t *testing.T) {
	files := map[string]string{}
	for _, n := range []string{"a", "b", "c", "d"} {
		files["tests/"+n+".sh"] = "# @TEST-SERIALIZE: set\n# @TEST-EXEC: mkdir $TEST_BASE/lock\n# @TEST-EXEC: sleep 0.05\n# @TEST-EXEC: rmdir $TEST_BASE/lock\n"
	}
	btest(t, 0, suite(t, files), "-d", "-j4")
}

func TestInitializersFinalizersTeardowns(t *testing.T) {
	dir := suite(t, map[string]string{
		"btest.cfg": "[btest]\nTestDirs = tests\nInitializer=echo init >>$TEST_BASE/$TEST_NAME; echo\nFinalizer=echo fini >>$TEST_BASE/$TEST_NAME; echo\n" +
			"Teardown=echo down $TEST_FAILED $TEST_LAST_RETCODE >>$TEST_BASE/$TEST_NAME; echo\nPartInitializer=echo part >>$TEST_BASE/$TEST_NAME; echo\n",
		"tests/good.sh": "# @TEST-EXEC: echo run >>$TEST_BASE/$TEST_NAME\n",
		"tests/bad.sh":  "# @TEST-EXEC: exit 7\n",
	})
	btest(t, 1, dir)
	for name, want := range map[string]string{"tests.good": "init\npart\nrun\nfini\ndown 0\n", "tests.bad": "init\npart\ndown 1 7\n"} {
		if b, _ := os.ReadFile(filepath.Join(dir, name)); string(b) != want {
			t.Errorf("%s: %q, want %q", name, b, want)
		}
	}
}

func TestRetriesFindUnstableTests(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/flaky.sh": "# @TEST-EXEC: test -e $TEST_BASE/again || { touch $TEST_BASE/again; false; }\n",
	})
	if got := btest(t, 0, dir, "-z", "2"); got != "tests.flaky ... ok on retry #1, unstable\n0 tests successful, 1 unstable\n" {
		t.Errorf("got %q", got)
	}
}

func TestBackgroundProcesses(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/ok.sh":   "# @TEST-EXEC: btest-bg-run one 'echo $PWD; true'\n# @TEST-EXEC: btest-bg-wait 5\n# @TEST-EXEC: grep -q /one$ one/.stdout\n",
		"tests/bad.sh":  "# @TEST-EXEC: btest-bg-run one exit 4\n# @TEST-EXEC: btest-bg-wait 5\n",
		"tests/late.sh": "# @TEST-EXEC: btest-bg-run one 'sleep 100; echo'\n# @TEST-EXEC: btest-bg-wait 1\n",
		"tests/kill.sh": "# @TEST-EXEC: btest-bg-run one 'sleep 101; echo'\n# @TEST-EXEC: btest-bg-wait -k 1\n# @TEST-EXEC: test $(cat one/.exitcode) = 15\n",
	})
	got := btest(t, 1, dir, "-d", "-j", "4")
	for _, w := range []string{
		"tests.ok ... ok", "tests.kill ... ok", "failed with exitcode 4: exit 4", "The following processes did not terminate:\n  \n  sleep 100; echo",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not in\n%s", w, got)
		}
	}
}

func TestJUnitReport(t *testing.T) {
	dir := suite(t, map[string]string{
		"tests/a.sh": "# @TEST-EXEC: true\n", "tests/b.sh": "# @TEST-EXEC: echo '<&>' >&2; false\n", "tests/c.sh": "# @TEST-REQUIRES: false\n# @TEST-EXEC: true\n",
	})
	file := filepath.Join(dir, "out.xml")
	btest(t, 1, dir, "-x", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s junitSuite
	if err := xml.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 3 || s.Failures != 1 || s.Skipped != 1 || s.Cases[1].Failure == nil || !strings.Contains(s.Cases[1].Failure.Text, "<&>") || s.Cases[1].Name != "b" {
		t.Errorf("got %s", b)
	}
}

func TestBadSuitesAreToldOf(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no command":        {map[string]string{"tests/a": "nothing"}, "mandatory keyword '@TEST-EXEC'"},
		"end without start": {map[string]string{"tests/a": "# @TEST-EXEC: true\n@TEST-END-FILE\n"}, "unexpected @TEST-END-FILE"},
		"file outside":      {map[string]string{"tests/a": "# @TEST-EXEC: true\n@TEST-START-FILE ../../x\n@TEST-END-FILE\n"}, "names no file of the test"},
		"twice":             {map[string]string{"tests/a": "# @TEST-EXEC: true\n# @TEST-SERIALIZE: a\n# @TEST-SERIALIZE: b\n"}, "defined multiple times"},
		"next in parts":     {map[string]string{"tests/a": "# @TEST-EXEC: true\n# @TEST-START-NEXT\n", "tests/a#2": "# @TEST-EXEC: true\n"}, "split across parts"},
		"macro":             {map[string]string{"btest.cfg": "[btest]\nTestDirs=%(nosuch)s\n"}, "unknown macro %(nosuch)s"},
		"percent":           {map[string]string{"btest.cfg": "[btest]\nTestDirs=100%\n"}, "'%' must be followed"},
		"version":           {map[string]string{"btest.cfg": "[btest]\nMinVersion=9.1\n"}, "requires at least BTest 9.1"},
		"syntax":            {map[string]string{"btest.cfg": "TestDirs=a\n"}, "before the first section"},
		"ports":             {map[string]string{"btest.cfg": "[btest]\nPortRange=9-1\n"}, "invalid PortRange"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := btest(t, 1, suite(t, c.files)); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	dir := suite(t, map[string]string{})
	if got := btest(t, 1, dir, "nosuch"); !strings.Contains(got, "cannot read") {
		t.Errorf("got %q", got)
	}
	if got := btest(t, 0, dir); got != "no tests to execute\n" {
		t.Errorf("got %q", got)
	}
	if got := btest(t, 1, dir, "--nosuch"); !strings.Contains(got, "unknown option --nosuch") {
		t.Errorf("got %q", got)
	}
}

func TestArgumentsAreReadAsBTestDoes(t *testing.T) {
	for _, c := range []struct {
		args string
		want func(*options) bool
	}{
		{"-j 4 x", func(o *options) bool { return o.jobs == 4 && slices.Equal(o.operands, []string{"x"}) }},
		{"-j4 -dv", func(o *options) bool { return o.jobs == 4 && o.diag && o.verbose }},
		{"-j x", func(o *options) bool { return o.jobs >= 1 && slices.Equal(o.operands, []string{"x"}) }},
		{"--jobs=3 --config=c", func(o *options) bool { return o.jobs == 3 && o.config == "c" }},
		{"-j 4 -u", func(o *options) bool { return o.jobs == 1 && o.mode == ModeInteractive }},
		{"-- -d", func(o *options) bool { return !o.diag && slices.Equal(o.operands, []string{"-d"}) }},
	} {
		o, err := parseArgs(strings.Fields(c.args))
		if err != nil || !c.want(o) {
			t.Errorf("%s: %+v, %v", c.args, o, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"smtp", "tools"} {
		tests, _ := filepath.Glob(dir + "/*.btest")
		for _, name := range tests {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(name, string(b))
		}
	}
	f.Add("a/b.sh#2", "# @TEST-EXEC: x\n@TEST-START-FILE f\n@TEST-START-NEXT\n@TEST-END-FILE\n@TEST-START-NEXT")
	k := newKeywords("@TEST-")
	f.Fuzz(func(t *testing.T, name, text string) {
		tests, err := k.parse(name, text)
		if err != nil {
			return
		}
		for i, x := range tests {
			if len(x.parts) != 1 || len(x.parts[0].commands) == 0 || x.number != i+1 {
				t.Fatalf("%q: %+v", text, x)
			}
			for _, f := range x.files {
				if !filepath.IsLocal(f.name) {
					t.Fatalf("file %q", f.name)
				}
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	b, err := os.ReadFile("btest.cfg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add("[a]\nx=%(y)s\ny=%(x)s\n z\n")
	f.Fuzz(func(t *testing.T, text string) {
		ini, err := parseINI([]byte(strings.ReplaceAll(text, "`", "")))
		if err != nil {
			return
		}
		for s := range ini.sections {
			ini.items(s)
		}
	})
}
