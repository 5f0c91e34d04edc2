package zeeklog

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// RotationInfo describes a rotated log. Zeek: Log::RotationInfo and
// Log::RotationFmtInfo.
type RotationInfo struct {
	Writer      string  // "Log::WRITER_ASCII"
	Fname       string  // new name of the file; "" when a name is asked for
	Path        string  // the log's path
	Open, Close float64 // network time in seconds
	Terminating bool    // rotated because the run ends
	// Custom tells that the filter has a postprocessor of its own, which
	// changes the form of the name.
	Custom bool
}

// Postprocessor is called with a rotated file. It tells whether it could do
// its work.
type Postprocessor func(RotationInfo) bool

// A baseTime is what strptime takes for "%H:%M": blanks before the numbers, and
// anything behind them.
var baseTime = regexp.MustCompile(`^ *(2[0-3]|[01]?[0-9]): *([0-5]?[0-9])`)

// parseBaseTime reads log_rotate_base_time, "HH:MM", as seconds of the day;
// -1 for "". Zeek: src/util.cc, parse_rotate_base_time.
func parseBaseTime(s string) (float64, error) {
	if s == "" {
		return -1, nil
	}
	t := baseTime.FindStringSubmatch(s)
	if t == nil {
		return -1, fmt.Errorf("calc_next_rotate(): can't parse rotation base time")
	}
	hour, _ := strconv.Atoi(t[1])
	minute, _ := strconv.Atoi(t[2])
	return float64(hour*3600 + minute*60), nil
}

// untilRotation gives the seconds to the next rotation: at multiples of the
// interval from the base time of the day, or of 1970 without one.
// Zeek: src/util.cc, calc_next_rotate.
func (m *Manager) untilRotation(now, interval float64) float64 {
	if m.baseTime < 0 {
		return math.Floor(now/interval)*interval + interval - now
	}
	// The day begins where the clock would have shown midnight, had it not been
	// changed since: mktime gets tm_isdst of now.
	t := time.Unix(int64(now), 0).In(m.cfg.Location)
	midnight := t.Unix() - int64(t.Hour()*3600+t.Minute()*60+t.Second())
	base := float64(midnight) + m.baseTime
	d := base + math.Ceil((now-base)/interval)*interval - now
	if d > 0 {
		return d
	}
	return interval
}

// arm sets the time of a writer's next rotation.
// Zeek: Manager.cc, InstallRotationTimer.
func (m *Manager) arm(w *writerState) {
	w.due, w.idle = 0, false
	if w.interval == 0 || m.terminating {
		return
	}
	now := m.now()
	if now == 0 {
		// Before the first packet there is no time to count from: Zeek has a
		// timer that only sets the real one.
		w.due, w.idle = 1, true
	} else {
		if w.openTime == 0 {
			w.openTime = now
		}
		w.due = now + m.untilRotation(now, w.interval)
	}
	if m.nextRotation == 0 || w.due < m.nextRotation {
		m.nextRotation = w.due
	}
}

// armed lists the writers whose rotation is due by the given time, the
// earliest first.
func (m *Manager) armed(by float64) []*writerState {
	var due []*writerState
	for _, s := range m.streams {
		for _, w := range s.order {
			if w.due != 0 && w.due <= by {
				due = append(due, w)
			}
		}
	}
	sort.SliceStable(due, func(i, j int) bool { return due[i].due < due[j].due })
	return due
}

// rotateDue rotates every writer whose time has come.
func (m *Manager) rotateDue(now float64) {
	for _, w := range m.armed(now) {
		if !w.idle && !w.disabled {
			if err := m.rotate(w); err != nil {
				m.cfg.Error(err.Error())
			}
		}
		if w.later {
			w.due = now + max(m.cfg.FlushInterval, 0.1)
			continue
		}
		w.openTime = now
		m.arm(w)
	}
	m.nextRotation = 0
	if rest := m.armed(math.Inf(1)); len(rest) > 0 {
		m.nextRotation = rest[0].due
	}
}

// rotateAll rotates every writer that would be rotated some day.
func (m *Manager) rotateAll() error {
	var errs []error
	for _, w := range m.armed(math.Inf(1)) {
		if !w.idle && !w.disabled {
			errs = append(errs, m.rotate(w))
		}
		w.due = 0
	}
	m.nextRotation = 0
	return errors.Join(errs...)
}

// rotate gives the writer's file its final name and calls the postprocessor.
// Zeek: Manager.cc, Rotate and FinishedRotation.
func (m *Manager) rotate(w *writerState) error {
	now := m.now()
	info := RotationInfo{
		Writer: w.key.writer, Path: w.key.path, Open: w.openTime, Close: now,
		Terminating: m.terminating, Custom: w.postprocessor != nil,
	}
	base := m.rotationBase(info)
	lastBase, sameBase := w.lastBase, w.sameBase
	if base == w.lastBase {
		// By size, two files may be opened in one second; none may be lost.
		w.sameBase++
		base = fmt.Sprintf("%s-%d", base, w.sameBase)
	} else {
		w.lastBase, w.sameBase = base, 1
	}
	newName, _, err := w.w.Rotate(base, m.terminating)
	var later *laterError
	if w.later = errors.As(err, &later); w.later {
		w.lastBase, w.sameBase = lastBase, sameBase
		if m.terminating {
			return err
		}
		return nil
	}
	if err != nil {
		w.disabled = true
		return err
	}
	w.openTime = now
	if newName == "" {
		return nil
	}
	info.Fname = newName
	return m.postprocess(w.postprocessor, info)
}

func (m *Manager) postprocess(f Postprocessor, info RotationInfo) error {
	if f == nil {
		f = m.runCommand
	}
	if !f(info) {
		return fmt.Errorf("error rotating %s to %s", info.Path, info.Fname)
	}
	return nil
}

// rotationBase names a rotated file, without its extension, and makes its
// folder. Zeek: Manager.cc, FormatRotationPath; main.zeek, rotation_format_func.
func (m *Manager) rotationBase(info RotationInfo) string {
	var dir, base string
	switch {
	case m.cfg.RotationPath != nil:
		dir, base = m.cfg.RotationPath(info)
	case m.cfg.RotationName != "":
		dir, base = m.cfg.RotationDir, m.rotationName(info)
		if i := strings.LastIndexByte(base, '/'); i >= 0 {
			dir, base = filepath.Join(dir, base[:i]), base[i+1:]
		}
	default:
		dir = m.cfg.RotationDir
		if !info.Custom && (info.Writer == WriterASCII || info.Writer == WriterJSON) {
			base = info.Path + "." + m.strftime(m.cfg.RotationDateFormat, info.Open)
		} else {
			base = info.Path + "-" + m.strftime("%y-%m-%d_%H.%M.%S", info.Open)
		}
	}
	if dir == "" {
		dir = m.cfg.DefaultLogdir
	}
	if dir != "" {
		if err := os.MkdirAll(m.cfg.inDir(dir), 0o777); err != nil {
			m.cfg.Error(fmt.Sprintf("Failed to create dir '%s' returned by Log::rotation_format_func for path %s: %s",
				dir, info.Path, cause(err)))
			dir = ""
		}
	}
	if dir == "" {
		return base
	}
	return dir + "/" + base
}

// A rotationField is what stands in braces in Config.RotationName.
var rotationField = regexp.MustCompile(`\{([^{}:]*)(?::([^{}]*))?\}`)

// CheckRotationName says what is wrong with a Config.RotationName.
func CheckRotationName(name string) error {
	if name == "" {
		return nil
	}
	hasPath := false
	for _, f := range rotationField.FindAllStringSubmatch(name, -1) {
		switch {
		case f[1] == "path" && f[2] == "":
			hasPath = true
		case (f[1] == "open" || f[1] == "close") && f[2] != "":
		default:
			return fmt.Errorf("%s is none of {path}, {open:FORMAT} and {close:FORMAT}", f[0])
		}
	}
	rest := rotationField.ReplaceAllString(name, "x")
	switch {
	case !hasPath:
		return errors.New("there is no {path} in it, so that rotated logs would take each other's names")
	case strings.ContainsAny(rest, "{}\x00"):
		return errors.New("a brace has no partner")
	case !filepath.IsLocal(rest) || strings.HasSuffix(rest, "/"):
		return errors.New("it leads out of the folder of rotated logs, or to no file")
	}
	return nil
}

// rotationName fills Config.RotationName in.
func (m *Manager) rotationName(info RotationInfo) string {
	return rotationField.ReplaceAllStringFunc(m.cfg.RotationName, func(field string) string {
		name, format, _ := strings.Cut(strings.Trim(field, "{}"), ":")
		switch name {
		case "open":
			return m.strftime(format, info.Open)
		case "close":
			return m.strftime(format, info.Close)
		}
		return info.Path
	})
}

// strftime renders a network time in the configured zone. Zeek's function of
// that name takes no text and more than 127 octets for errors (zeek.bif).
func (m *Manager) strftime(format string, t float64) string {
	s := Strftime(format, time.Unix(int64(t), 0).In(m.cfg.Location))
	if s == "" || len(s) > 127 {
		return "<strftime error>"
	}
	return s
}

// warnOfCommands says which postprocessors have failed.
func (m *Manager) warnOfCommands() {
	for _, s := range m.commands.failures() {
		m.cfg.Warn(s)
	}
}

// runCommand is the default postprocessor: a shell command with the new name,
// the path, both times, whether the run ends, and the writer.
// Zeek: main.zeek, run_rotation_postprocessor_cmd.
func (m *Manager) runCommand(info RotationInfo) bool {
	if m.cfg.RotationPostprocessor == "" {
		return true
	}
	return m.run(m.cfg.RotationPostprocessor, info)
}

// Command makes a postprocessor of a filter's own: it runs the shell command
// cmd with the arguments that Log::default_rotation_postprocessor_cmd gets.
func (m *Manager) Command(cmd string) Postprocessor {
	return func(info RotationInfo) bool { return m.run(cmd, info) }
}

func (m *Manager) run(command string, info RotationInfo) bool {
	const form = "%y-%m-%d_%H.%M.%S"
	terminating := "0"
	if info.Terminating {
		terminating = "1"
	}
	line := strings.Join([]string{
		command, shellQuote(info.Fname), shellQuote(info.Path),
		m.strftime(form, info.Open), m.strftime(form, info.Close), terminating,
		strings.TrimPrefix(strings.ToLower(info.Writer), "log::writer_"),
	}, " ")
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir = m.cfg.Dir
	cmd.Env = os.Environ()
	for k, v := range m.cfg.RotationEnv {
		cmd.Env = append(cmd.Env, "ZEEK_ARG_"+k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := m.commands.start(postprocess{cmd, line}); err != nil {
		m.cfg.Error(fmt.Sprintf("cannot run %s: %s", line, err))
		return false
	}
	return true
}

// shellQuote makes a word of s for the shell. Zeek: safe_shell_quote.
func shellQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c == 0 {
			break
		}
		if strings.IndexByte("\"\\$`", c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// RotateLeftovers rotates the logs that an earlier process left open because
// it crashed; shadow files beside them tell which. Call it once at the start,
// before the first row. It does nothing unless
// LogAscii::enable_leftover_log_rotation is set.
// Zeek: writers/ascii/Ascii.cc, RotateLeftoverLogs.
func (m *Manager) RotateLeftovers() error {
	if !m.cfg.ASCII.LeftoverRotation {
		return nil
	}
	dir := m.cfg.inDir(m.cfg.DefaultLogdir)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("failed to open directory '%s' in search of leftover logs: %w", dir, cause(err))
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), shadowPrefix)
		if !ok {
			continue
		}
		l := leftover{name: filepath.Join(dir, name), shadow: filepath.Join(dir, e.Name())}
		if st, err := os.Stat(l.name); err != nil || !st.Mode().IsRegular() {
			// There was a log once; nothing is left to rotate.
			if err := os.Remove(l.shadow); err != nil {
				m.cfg.Error(fmt.Sprintf("cannot unlink stale %s: %s", l.shadow, cause(err)))
			}
			continue
		}
		if err := m.readShadow(&l); err != nil {
			m.cfg.Error(fmt.Sprintf("failed to process leftover log '%s': %s", l.name, err))
			continue
		}
		if err := m.rotateLeftover(l); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) readShadow(l *leftover) error {
	text, err := os.ReadFile(l.shadow)
	if err != nil {
		//lint:ignore ST1005 these are Zeek's words
		return fmt.Errorf("Failed to open %s: %w", l.shadow, cause(err))
	}
	l.ext = "." + m.cfg.Suffix
	if m.cfg.ASCII.GzipLevel > 0 {
		l.ext += ".gz"
	}
	// An extension with a folder in it would lead the log out of its own (Zeek
	// takes it).
	if lines := strings.Split(string(text), "\n"); len(lines) < 2 || strings.Contains(lines[0], "/") {
		m.cfg.Warn(fmt.Sprintf("Found leftover log, '%s', but the associated shadow  file, '%s', required to process it is invalid: using default  for extension (%s) and post_proc_func",
			l.name, l.shadow, l.ext))
	} else {
		l.ext, l.postprocessor = lines[0], lines[1]
	}
	st, err := os.Stat(l.shadow)
	if err != nil {
		return err
	}
	l.open = st.ModTime()
	if st, err = os.Stat(l.name); err != nil {
		return err
	}
	l.close = st.ModTime()
	return nil
}

func (m *Manager) rotateLeftover(l leftover) error {
	var post Postprocessor
	if l.postprocessor != "" {
		if post = m.postprocessors[l.postprocessor]; post == nil {
			m.cfg.Warn(fmt.Sprintf("Could not postprocess log '%s' with intended postprocessor function '%s', proceeding  with the default function",
				l.name, l.postprocessor))
		}
	}
	path := strings.TrimSuffix(filepath.Base(l.name), l.ext)
	if !strings.HasSuffix(l.ext, ".gz") {
		n, err := mend(l.name)
		if err != nil { // a full disk; it is rotated as it is
			m.cfg.Error(fmt.Sprintf("leftover log '%s' may have torn lines: %s", l.name, cause(err)))
		}
		if n > 0 {
			m.cfg.Warn(fmt.Sprintf("leftover log '%s' had half a line: %d octets were cut off", l.name, n))
		}
	}
	info := RotationInfo{
		Writer: WriterASCII, Path: path,
		Open: float64(l.open.Unix()), Close: float64(l.close.Unix()), Custom: post != nil,
	}
	info.Fname = m.cfg.freeName(m.rotationBase(info), l.ext)
	if err := os.Rename(l.name, m.cfg.inDir(info.Fname)); err != nil {
		//lint:ignore ST1005 these are Zeek's words
		return fmt.Errorf("Found leftover/unprocessed log '%s', but failed to rotate it: %w", l.name, cause(err))
	}
	if err := os.Remove(l.shadow); err != nil {
		m.cfg.Warn(fmt.Sprintf("Failed to unlink %s: %s", l.shadow, cause(err)))
	}
	if err := m.postprocess(post, info); err != nil {
		m.cfg.Warn(fmt.Sprintf("Postprocess function '%s' failed for leftover log '%s'", l.postprocessor, l.name))
	}
	return nil
}
