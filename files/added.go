package files

import "github.com/gzeek/gzeek/event"

// Analyzer works on the content of one file. It is how others add analyzers to
// those of this package; see [Config]. The methods that return bool report
// whether it wants more; false detaches it.
type Analyzer interface {
	// Deliver takes the next octets, borrowed for the call. It may get none.
	Deliver(data []byte) (more bool)
	// Gap says that n octets from offset on were never seen.
	Gap(offset, n uint64) (more bool)
	// End says that the file has ended. It isn't called of an analyzer that
	// wanted no more, nor of one whose file is dropped.
	End()
}

// NewAnalyzer makes the analyzer of a file that a policy attaches one to. args
// are those of event.FileControl.AddAnalyzer.
type NewAnalyzer func(f *event.File, args any) (Analyzer, error)

// added is an analyzer of others. There is at most one of a name for a file,
// whatever its arguments.
type added struct {
	passive
	Analyzer
}

// newAdded returns nil if nobody has added an analyzer of that name, or if it
// can't be made.
func (m *Manager) newAdded(f *file, name string, args any) analyzer {
	make := m.more[name]
	if make == nil {
		return nil
	}
	a, err := make(&f.rec.File, args)
	if err != nil {
		m.reportError(name + ": " + err.Error())
		return nil
	}
	return added{Analyzer: a}
}

func (a added) deliverStream(_ *file, data []byte) bool    { return a.Deliver(data) }
func (a added) undelivered(_ *file, offset, n uint64) bool { return a.Gap(offset, n) }

func (a added) endOfFile(*file) bool {
	a.End()
	return false
}
