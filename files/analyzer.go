package files

import (
	"errors"
	"fmt"
)

// analyzer works on the content of one file. The methods that return bool
// report whether the analyzer wants more; false detaches it.
type analyzer interface {
	// deliverStream takes the next octets, borrowed. It may get none.
	deliverStream(f *file, data []byte) bool
	// deliverChunk takes the same octets with their place.
	deliverChunk(f *file, data []byte, offset uint64) bool
	undelivered(f *file, offset, n uint64) bool
	endOfFile(f *file) bool
	// release gives up what the analyzer holds; nothing is called after it.
	release(m *Manager)
}

// passive is an analyzer that ignores everything; others embed it for what they
// don't care about. By itself it stands for the analyzers that Zeek attaches to
// mailed files and whose findings gzeek doesn't log.
type passive struct{}

func (passive) deliverStream(*file, []byte) bool        { return true }
func (passive) deliverChunk(*file, []byte, uint64) bool { return true }
func (passive) undelivered(*file, uint64, uint64) bool  { return true }
func (passive) endOfFile(*file) bool                    { return true }
func (passive) release(*Manager)                        {}

// key tells analyzers of one file apart. args are comparable: newAnalyzer sees
// to it.
type key struct {
	name string
	args any
}

type attached struct {
	analyzer
	key      key
	caughtUp bool // has had the first pieces
	skip     bool // wants nothing more
	gone     bool // detached, while the set is being visited
}

type change struct {
	a   *attached // to attach; nil: detach
	key key
}

// analyzerSet holds what is attached to a file, in the order of attachment.
// Wishes to attach or detach wait in changes until the file applies them
// (AnalyzerSet.cc).
type analyzerSet struct {
	list     []*attached
	changes  []change
	visiting int
}

// empty says that nothing is attached, nor waits for it.
func (s *analyzerSet) empty() bool { return len(s.list) == 0 && len(s.changes) == 0 }

func (s *analyzerSet) find(k key) *attached {
	for _, a := range s.list {
		if !a.gone && a.key == k {
			return a
		}
	}
	return nil
}

// apply carries out the wishes, in their order.
func (s *analyzerSet) apply(f *file) {
	if len(s.changes) == 0 {
		return
	}
	for i := 0; i < len(s.changes); i++ {
		c := s.changes[i]
		a := s.find(c.key)
		switch {
		case c.a == nil:
			if a != nil {
				a.gone = true
			}
		case a != nil: // already there
			c.a.release(f.m)
		default:
			s.list = append(s.list, c.a)
		}
	}
	clear(s.changes)
	s.changes = s.changes[:0]
	s.compact(f.m)
}

// compact drops what is detached. An analyzer that is being visited mustn't lose
// its state under its feet.
func (s *analyzerSet) compact(m *Manager) {
	if s.visiting > 0 {
		return
	}
	kept := s.list[:0]
	for _, a := range s.list {
		if a.gone {
			a.release(m)
			continue
		}
		kept = append(kept, a)
	}
	clear(s.list[len(kept):])
	s.list = kept
}

// clear releases everything.
func (s *analyzerSet) clear(m *Manager) {
	for _, c := range s.changes {
		if c.a != nil {
			c.a.release(m)
		}
	}
	for _, a := range s.list {
		a.release(m)
	}
	clear(s.changes)
	clear(s.list)
	s.changes, s.list, s.visiting = s.changes[:0], s.list[:0], 0
}

func (s *analyzerSet) detach(k key) { s.changes = append(s.changes, change{key: k}) }

// maxJoining bounds how many analyzers that were attached in the course of a
// visit take part in it. The others begin with the next: a handler that attaches
// one whenever one ends would otherwise never come to an end.
const maxJoining = 64

// reach returns how far a visit goes that began with the given number.
func (s *analyzerSet) reach(first int) int { return min(len(s.list), first+maxJoining) }

// deliverStream feeds all analyzers. One that has had nothing yet first gets the
// pieces of the file's beginning that came before these octets: behind of them.
// An analyzer attached later still misses what lay between.
func (s *analyzerSet) deliverStream(f *file, data []byte, behind int) {
	s.visiting++
	for i, first := 0, len(s.list); i < s.reach(first); i++ {
		a := s.list[i]
		if !a.caughtUp {
			start := 0
			for _, end := range f.ends[:behind] {
				s.feed(f, a, f.bof[start:end])
				start = end
			}
			a.caughtUp = true
		}
		s.feed(f, a, data)
	}
	s.visiting--
}

func (s *analyzerSet) feed(f *file, a *attached, data []byte) {
	if !a.skip && !a.deliverStream(f, data) {
		a.skip = true
		s.detach(a.key)
	}
}

func (s *analyzerSet) deliverChunk(f *file, data []byte, offset uint64) {
	s.visiting++
	for i, first := 0, len(s.list); i < s.reach(first); i++ {
		if a := s.list[i]; !a.skip && !a.deliverChunk(f, data, offset) {
			a.skip = true
			s.detach(a.key)
		}
	}
	s.visiting--
}

func (s *analyzerSet) undelivered(f *file, offset, n uint64) {
	s.visiting++
	for i, first := 0, len(s.list); i < s.reach(first); i++ {
		if a := s.list[i]; !a.undelivered(f, offset, n) {
			s.detach(a.key)
		}
	}
	s.visiting--
}

func (s *analyzerSet) endOfFile(f *file) {
	s.visiting++
	for i, first := 0, len(s.list); i < s.reach(first); i++ {
		if a := s.list[i]; !a.endOfFile(f) {
			s.detach(a.key)
		}
	}
	s.visiting--
}

// BuiltIn says whether the package itself has a file analyzer of that name.
func BuiltIn(name string) bool {
	switch name {
	case "MD5", "SHA1", "SHA256", "EXTRACT", "DATA_EVENT", "PE", "X509", "OCSP_REQUEST", "OCSP_REPLY":
		return true
	}
	return false
}

// knownAnalyzer says whether there is a file analyzer of that name.
func (m *Manager) knownAnalyzer(name string) bool { return BuiltIn(name) || m.more[name] != nil }

// normalArgs checks args and leaves what tells analyzers of one name apart.
func normalArgs(name string, args any) (any, error) {
	switch name {
	case "EXTRACT":
		a, ok := args.(ExtractArgs)
		if !ok {
			return nil, fmt.Errorf("EXTRACT takes ExtractArgs, not %T", args)
		}
		if a.Filename == "" {
			return nil, errors.New("EXTRACT without extract_filename")
		}
		return a, nil
	case "DATA_EVENT":
		a, ok := args.(DataEventArgs)
		if !ok {
			return nil, fmt.Errorf("DATA_EVENT takes DataEventArgs, not %T", args)
		}
		if a.ChunkEvent == nil && a.StreamEvent == nil {
			return nil, errors.New("DATA_EVENT without an event")
		}
		return a, nil
	}
	return nil, nil
}

// newAnalyzer makes an analyzer; nil if it can't be had.
func (m *Manager) newAnalyzer(name string, args any) analyzer {
	switch name {
	case "EXTRACT":
		return m.newExtract(args.(ExtractArgs))
	case "DATA_EVENT":
		return dataEvent{args: args.(DataEventArgs)}
	case "PE", "X509", "OCSP_REQUEST", "OCSP_REPLY":
		return passive{}
	}
	if h := m.newHash(name); h != nil {
		return h
	}
	return nil
}

// control is a policy's hold on a file: by id, so it is without effect once the
// file has ended, and then works for the next file of the same id (Manager.cc,
// LookupFile).
type control struct {
	m  *Manager
	id string
}

// AddAnalyzer implements [event.FileControl]. It is attached when the handlers
// that run now have returned, or with the next octets.
func (c *control) AddAnalyzer(name string, args any) bool {
	m := c.m
	f := m.lookup(c.id)
	if f == nil || f.done || m.disabled[name] {
		return false
	}
	given := args
	args, err := normalArgs(name, args)
	if err != nil {
		m.reportError(err.Error())
	}
	var a analyzer
	switch {
	case err != nil:
	case BuiltIn(name):
		a = m.newAnalyzer(name, args)
	default:
		a = m.newAdded(f, name, given)
	}
	if a == nil {
		m.reportError(fmt.Sprintf("[%s] Failed file analyzer %s instantiation", c.id, name))
		return false
	}
	k := key{name, args}
	f.set.changes = append(f.set.changes, change{a: &attached{analyzer: a, key: k}, key: k})
	return true
}

// RemoveAnalyzer implements [event.FileControl].
func (c *control) RemoveAnalyzer(name string, args any) bool {
	f := c.m.lookup(c.id)
	if f == nil || f.done {
		return false
	}
	args, err := normalArgs(name, args)
	if err != nil {
		return false
	}
	k := key{name, args}
	f.set.detach(k)
	return f.set.find(k) != nil
}

// Stop implements [event.FileControl]: Files::stop. No event of the file is
// raised any more, not even its last, and its content is dropped.
func (c *control) Stop() {
	if f := c.m.lookup(c.id); f != nil {
		f.ignored = true
	}
}

// SetTimeout implements [event.FileControl]: Files::set_timeout_interval. In a
// handler of file_timeout a positive one prolongs the file.
func (c *control) SetTimeout(seconds float64) {
	f := c.m.lookup(c.id)
	if f == nil {
		return
	}
	if seconds > 0 {
		f.postpone = true
	}
	f.rec.TimeoutInterval = seconds
}

// SetExtractionLimit implements [ExtractionControl].
func (c *control) SetExtractionLimit(args any, limit uint64) bool {
	f := c.m.lookup(c.id)
	if f == nil {
		return false
	}
	args, err := normalArgs("EXTRACT", args)
	if err != nil {
		return false
	}
	a := f.set.find(key{"EXTRACT", args})
	if a == nil {
		return false
	}
	a.analyzer.(*extract).limit = limit
	return true
}
