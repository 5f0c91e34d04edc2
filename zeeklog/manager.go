package zeeklog

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Manager is Zeek's Log framework: the streams of one run and their writers.
type Manager struct {
	cfg     Config
	writers map[string]WriterFactory
	streams []*Stream // in order of creation
	byID    map[string]*Stream
	hooks   []func(id string, rec []Value) bool

	postprocessors map[string]Postprocessor
	commands       commands
	syncer         syncer
	networkTime    float64 // what Tick said last
	nextFlush      float64
	baseTime       float64 // log_rotate_base_time in seconds, -1 for none
	nextRotation   float64 // earliest rotation of any writer, 0 for none
	terminating    bool    // the run ends: nothing is armed any more
	closed         bool
}

// New makes a Manager. See [DefaultConfig].
func New(cfg Config) *Manager {
	cfg.fill()
	cfg.health = newHealth(&cfg)
	m := &Manager{
		cfg: cfg,
		writers: map[string]WriterFactory{
			WriterASCII: newASCIIWriter,
			WriterJSON:  newJSONWriter,
			WriterNone:  newNoneWriter,
		},
		byID:           map[string]*Stream{},
		postprocessors: map[string]Postprocessor{},
	}
	var err error
	if m.baseTime, err = parseBaseTime(cfg.RotateBaseTime); err != nil {
		cfg.Error(err.Error())
	}
	return m
}

// RegisterWriter makes a writer available to filters by name, like
// "Log::WRITER_SQLITE". It replaces one of the same name.
func (m *Manager) RegisterWriter(name string, f WriterFactory) { m.writers[name] = f }

// RegisterPostprocessor makes a postprocessor known by the name that shadow
// files hold, so that a log left over by a crash gets the one it was meant for.
func (m *Manager) RegisterPostprocessor(name string, f Postprocessor) { m.postprocessors[name] = f }

// SetRotation changes Config.RotationDir and Config.RotationEnv, which are
// options that may change while running. Call it from the goroutine that writes.
func (m *Manager) SetRotation(dir string, env map[string]string) {
	m.cfg.RotationDir, m.cfg.RotationEnv = dir, env
}

// Writers lists the names of the known writers, in no order.
func (m *Manager) Writers() []string {
	var names []string
	for n := range maps.Keys(m.writers) {
		names = append(names, n)
	}
	return names
}

// AddPolicyHook adds a handler of Zeek's hook Log::log_stream_policy: it sees
// every row of every stream, may change it, and vetoes it by returning false.
// All hooks run, and those of the filters too, even after a veto.
func (m *Manager) AddPolicyHook(f func(id string, rec []Value) bool) { m.hooks = append(m.hooks, f) }

// now is the network time.
func (m *Manager) now() float64 {
	if m.cfg.NetworkTime != nil {
		return m.cfg.NetworkTime()
	}
	return m.networkTime
}

// CreateStream makes a stream with its default filter, and the extra ones of
// the configuration. id is Zeek's, like
// "SMTP::LOG"; path is the name of the log, "" derives it from the id.
// cols is copied.
func (m *Manager) CreateStream(id, path string, cols []Column) (*Stream, error) {
	if len(cols) == 0 {
		return nil, fmt.Errorf("%s: logged record type does not have any &log attributes", id)
	}
	if old := m.byID[id]; old != nil {
		// Zeek drops the old stream, with its filters.
		if err := m.RemoveStream(id); err != nil {
			return nil, err
		}
	}
	s := &Stream{m: m, id: id, path: path, enabled: true, writers: map[writerKey]*writerState{}}
	if err := s.AddColumns(cols...); err != nil {
		return nil, err
	}
	for _, f := range append([]Filter{{Name: "default"}}, m.cfg.ExtraFilters...) {
		if err := s.AddFilter(f); err != nil {
			return nil, err
		}
	}
	m.streams = append(m.streams, s)
	m.byID[id] = s
	return s, nil
}

// Stream finds a stream by its id; nil if there is none.
func (m *Manager) Stream(id string) *Stream { return m.byID[id] }

// Streams lists all streams in order of creation.
func (m *Manager) Streams() []*Stream { return m.streams }

// RemoveStream closes a stream's writers and forgets it.
func (m *Manager) RemoveStream(id string) error {
	s := m.byID[id]
	if s == nil {
		return fmt.Errorf("no stream %s", id)
	}
	delete(m.byID, id)
	for i := range m.streams {
		if m.streams[i] == s {
			m.streams = append(m.streams[:i], m.streams[i+1:]...)
			break
		}
	}
	s.enabled = false
	return s.close()
}

// Flush hands on every row that writers hold back.
func (m *Manager) Flush() error {
	m.warnOfCommands()
	var errs []error
	for _, s := range m.streams {
		errs = append(errs, s.Flush())
	}
	return errors.Join(append(errs, m.syncOnTime())...)
}

// Lost counts the rows that found no room while a log could not be written.
func (m *Manager) Lost() uint64 { return m.cfg.health.total }

// Failing says whether a log can't be written at the moment.
func (m *Manager) Failing() bool { return len(m.cfg.health.bad) > 0 }

// Tick tells that network time, in seconds since 1970, has come to t: writers
// are flushed and rotated when it is time. It is cheap when nothing is due;
// call it once per packet, before anything is written at that time.
func (m *Manager) Tick(t float64) {
	m.networkTime = t
	if m.nextRotation != 0 && t >= m.nextRotation {
		m.rotateDue(t)
	}
	if t >= m.nextFlush {
		if m.nextFlush != 0 {
			if err := m.Flush(); err != nil {
				m.cfg.Error(err.Error())
			}
		}
		m.nextFlush = t + m.cfg.FlushInterval
	}
}

// Expire rotates what is to be rotated, as the run ends: Zeek does so when it
// expires its timers, before the connections that are still open are logged.
// Rows that come later go to files that stay under their plain name.
// Zeek: src/zeek-setup.cc, done_with_network.
func (m *Manager) Expire() error {
	if m.terminating {
		return nil
	}
	m.terminating = true
	return m.rotateAll()
}

// Close ends every log with its #close line, in order of the streams, waits for
// the commands that rotated logs were handed to, and gives all errors. It calls [Manager.Expire] if nobody did. Later writes are
// dropped.
func (m *Manager) Close() error {
	if m.closed {
		return nil
	}
	errs := []error{m.Expire()}
	m.closed = true
	m.syncer.wg.Wait()
	for _, s := range m.streams {
		errs = append(errs, s.close())
	}
	m.commands.wg.Wait()
	m.warnOfCommands()
	return errors.Join(errs...)
}

// defaultPath derives a log's name from the stream's id: Notice::LOG is
// "notice", Notice::ALARM_LOG "notice_alarm", KnownHosts::LOG "known_hosts".
// Zeek: base/frameworks/logging/main.zeek, default_path_func.
func defaultPath(id string) string {
	module, name, ok := strings.Cut(id, "::")
	if !ok {
		return strings.ToLower(id)
	}
	if name == "LOG" {
		return snakeCase(module)
	}
	return strings.ToLower(module) + "_" + strings.ToLower(strings.TrimSuffix(name, "_LOG"))
}

// snakeCase puts "_" before a capital that follows something else and after
// which small letters come. As in Zeek, only two places are looked at.
func snakeCase(s string) string {
	var b strings.Builder
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	breaks := 0
	for i := 0; i < len(s); i++ {
		if i > 0 && upper(s[i]) && !upper(s[i-1]) && breaks < 2 {
			b.WriteByte('_')
			breaks++
		}
		b.WriteByte(s[i])
	}
	return strings.ToLower(b.String())
}
