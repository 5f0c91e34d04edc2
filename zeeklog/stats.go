package zeeklog

// LogStats are the counters of one log: of one writer of a stream.
type LogStats struct {
	Stream string // the stream's id, "SMTP::LOG"
	Filter string
	Path   string // "smtp"
	Writer string // "Log::WRITER_ASCII"
	// Lines were handed to the writer since the start, whatever file they are in
	// now.
	Lines uint64
	// Discarded were too large (Log::max_log_record_size), came when the writer
	// had failed, or found no room while the log could not be written.
	Discarded uint64
	// Failed says that the log can't be written: at the moment, or ever again.
	Failed bool
}

// patient is a writer that keeps rows while it can't write them.
type patient interface {
	// waits says that this is so now, and how many rows found no room.
	waits() (now bool, lost uint64)
}

// StreamStats are the counters of one stream.
type StreamStats struct {
	Stream string
	Writes uint64 // records, before filters
}

// Stats gives the counters of all logs that have been opened, in the order of
// their streams.
func (m *Manager) Stats() []LogStats {
	var list []LogStats
	for _, s := range m.streams {
		for _, w := range s.order {
			st := LogStats{
				Stream: s.id, Filter: w.filter, Path: w.key.path, Writer: w.key.writer,
				Lines: w.lines, Discarded: w.discarded, Failed: w.disabled,
			}
			if p, ok := w.w.(patient); ok {
				now, lost := p.waits()
				st.Lines, st.Discarded, st.Failed = st.Lines-lost, st.Discarded+lost, st.Failed || now
			}
			list = append(list, st)
		}
	}
	return list
}

// StreamStats gives the counters of all streams, in their order.
func (m *Manager) StreamStats() []StreamStats {
	list := make([]StreamStats, 0, len(m.streams))
	for _, s := range m.streams {
		list = append(list, StreamStats{Stream: s.id, Writes: s.writes})
	}
	return list
}
