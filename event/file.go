package event

// File is a file as policies see it: Zeek's record fa_file. The file manager
// refreshes the counters whenever it raises an event of it.
type File struct {
	ID       string // the fuid, "F..."
	ParentID string
	Source   string // "SMTP"
	IsOrig   bool
	// Conns are the connections the file was seen over, in order of first sight.
	Conns           []*Conn
	LastActive      float64
	SeenBytes       uint64
	TotalBytes      uint64 // valid if HasTotal
	HasTotal        bool
	MissingBytes    uint64
	OverflowBytes   uint64
	TimeoutInterval float64 // seconds
	// BofBuffer is the beginning of the file, borrowed; nil until known, and again
	// some time after the file's last event, as Conns then are.
	BofBuffer []byte

	// Ctl is the engine behind the record.
	Ctl FileControl

	slots []any
}

// FileControl is what a policy may ask of the engine behind a file.
type FileControl interface {
	// AddAnalyzer attaches a file analyzer ("MD5", "SHA1", "SHA256", "EXTRACT",
	// "DATA_EVENT"); args depend on it. It reports whether it was attached.
	AddAnalyzer(name string, args any) bool
	// RemoveAnalyzer detaches it.
	RemoveAnalyzer(name string, args any) bool
	// Stop ends the analysis of the file.
	Stop()
	// SetTimeout sets the file's timeout interval in seconds.
	SetTimeout(seconds float64)
}
