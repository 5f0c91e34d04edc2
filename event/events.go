package event

// ConnEvent is an event whose only parameter is the connection.
type ConnEvent struct{ Conn *Conn }

// TunnelChange is tunnel_changed: the tunnels that now enclose the connection,
// innermost last. Conn.Tunnels still holds the old ones.
type TunnelChange struct {
	Conn    *Conn
	Tunnels []Tunnel
}

// ContentGap says that octets of one side were acknowledged but never seen.
type ContentGap struct {
	Conn   *Conn
	IsOrig bool
	Seq    uint64 // relative; the first octet of payload is 1
	Length uint64
}

// SMTPRequest is a command of the client.
type SMTPRequest struct {
	Conn    *Conn
	IsOrig  bool
	Command string
	Arg     []byte
}

// SMTPReply is one line of a reply.
type SMTPReply struct {
	Conn     *Conn
	IsOrig   bool
	Code     uint64
	Cmd      string // the command it answers; ">" for the banner, "." for the end of data
	Msg      []byte
	ContResp bool // more lines follow
}

// SMTPData is one line of a message, without dot stuffing.
type SMTPData struct {
	Conn   *Conn
	IsOrig bool
	Data   []byte
}

// SMTPUnexpected is something out of the protocol's order.
type SMTPUnexpected struct {
	Conn   *Conn
	IsOrig bool
	Msg    string
	Detail []byte
}

// MIMEOneHeader is one header field of an entity, folded lines joined.
type MIMEOneHeader struct {
	Conn   *Conn
	Header MIMEHeader
}

// MIMEHeader is Zeek's mime_header_rec.
type MIMEHeader struct {
	OriginalName []byte
	Name         []byte // upper case
	Value        []byte
}

// MIMEAllHeaders is the header block of one entity.
type MIMEAllHeaders struct {
	Conn    *Conn
	Headers []MIMEHeader
}

// MIMEEvent is mime_event: a deviation from the MIME format.
type MIMEEvent struct {
	Conn      *Conn
	EventType string
	Detail    []byte
}

// Weird is a deviation that the engine noticed. Conn is set for conn_weird,
// File for file_weird; Orig and Resp for flow_weird; none for net_weird.
type Weird struct {
	Conn   *Conn
	File   *File
	Flow   ConnID // addresses only, for flow_weird
	Name   string
	Addl   string
	Source string
}

// AnalyzerConfirmation is analyzer_confirmation_info.
type AnalyzerConfirmation struct {
	Name string // "SMTP"
	Conn *Conn
	AID  AnalyzerID
}

// AnalyzerViolation is analyzer_violation_info, and analyzer_failed.
type AnalyzerViolation struct {
	Name   string
	Conn   *Conn
	AID    AnalyzerID
	Reason string
	Data   []byte // nil without any
}

// FileHandle receives the answer of a get_file_handle handler.
type FileHandle struct {
	Handle []byte
	Set    bool
}

// GetFileHandle asks which file the data belongs to.
type GetFileHandle struct {
	Tag    string // analyzer name, "SMTP"
	Conn   *Conn
	IsOrig bool
	Reply  *FileHandle
}

// FileEvent is an event whose only parameter is the file.
type FileEvent struct{ File *File }

// FileOverNewConnection says that a file is seen over a connection for the first time.
type FileOverNewConnection struct {
	File   *File
	Conn   *Conn
	IsOrig bool
}

// FileMetadata is fa_metadata, what sniffing found.
type FileMetadata struct {
	MIMEType  string // "" if unknown
	MIMETypes []FileMatch
	Inferred  bool
}

// FileMatch is one matching signature.
type FileMatch struct {
	Strength int
	MIME     string
}

// FileSniff is file_sniff.
type FileSniff struct {
	File *File
	Meta FileMetadata
}

// FileGap is file_gap.
type FileGap struct {
	File   *File
	Offset uint64
	Len    uint64
}

// FileHash is file_hash: Kind is "md5", "sha1" or "sha256".
type FileHash struct {
	File *File
	Kind string
	Hash string // lower-case hex
}

// FileExtractionLimit is file_extraction_limit.
type FileExtractionLimit struct {
	File  *File
	Args  any
	Limit uint64
	Len   uint64
}

// Reporter is reporter_error, reporter_warning and reporter_info.
type Reporter struct {
	Time     float64
	Msg      string
	Location string
}

// Events are the events that the engine itself raises, one field each, named
// as in Zeek.
type Events struct {
	*Queue

	ZeekInit        *Topic[struct{}]
	ZeekDone        *Topic[struct{}]
	NetworkTimeInit *Topic[struct{}]
	NetDone         *Topic[struct{}]

	NewConnection          *Topic[ConnEvent]
	ConnectionAttempt      *Topic[ConnEvent]
	ConnectionEstablished  *Topic[ConnEvent]
	PartialConnection      *Topic[ConnEvent]
	ConnectionPartialClose *Topic[ConnEvent]
	ConnectionFinished     *Topic[ConnEvent]
	ConnectionHalfFinished *Topic[ConnEvent]
	ConnectionRejected     *Topic[ConnEvent]
	ConnectionReset        *Topic[ConnEvent]
	ConnectionPending      *Topic[ConnEvent]
	ConnectionTimeout      *Topic[ConnEvent]
	ConnectionReused       *Topic[ConnEvent]
	ConnectionFlipped      *Topic[ConnEvent]
	ConnectionStateRemove  *Topic[ConnEvent]
	TunnelChanged          *Topic[TunnelChange]
	ContentGap             *Topic[ContentGap]

	SMTPRequest    *Topic[SMTPRequest]
	SMTPReply      *Topic[SMTPReply]
	SMTPData       *Topic[SMTPData]
	SMTPUnexpected *Topic[SMTPUnexpected]
	SMTPStartTLS   *Topic[ConnEvent]

	MIMEBeginEntity *Topic[ConnEvent]
	MIMEOneHeader   *Topic[MIMEOneHeader]
	MIMEAllHeaders  *Topic[MIMEAllHeaders]
	MIMEEndEntity   *Topic[ConnEvent]
	MIMEEvent       *Topic[MIMEEvent]

	ConnWeird *Topic[Weird]
	FlowWeird *Topic[Weird]
	NetWeird  *Topic[Weird]
	FileWeird *Topic[Weird]

	AnalyzerConfirmationInfo *Topic[AnalyzerConfirmation]
	AnalyzerViolationInfo    *Topic[AnalyzerViolation]
	AnalyzerFailed           *Topic[AnalyzerViolation]

	GetFileHandle         *Topic[GetFileHandle]
	FileNew               *Topic[FileEvent]
	FileOverNewConnection *Topic[FileOverNewConnection]
	FileSniff             *Topic[FileSniff]
	FileGap               *Topic[FileGap]
	FileTimeout           *Topic[FileEvent]
	FileHash              *Topic[FileHash]
	FileExtractionLimit   *Topic[FileExtractionLimit]
	FileStateRemove       *Topic[FileEvent]

	ReporterInfo    *Topic[Reporter]
	ReporterWarning *Topic[Reporter]
	ReporterError   *Topic[Reporter]

	// ConnSlots and FileSlots hand out the fields that policies add to
	// connection and fa_file.
	ConnSlots, FileSlots Slots
}

// NewEvents declares the engine's events on a new queue.
func NewEvents() *Events {
	q := NewQueue()
	conn := func(name string) *Topic[ConnEvent] { return Declare[ConnEvent](q, name, "c: connection") }
	file := func(name string) *Topic[FileEvent] { return Declare[FileEvent](q, name, "f: fa_file") }
	reporter := func(name string) *Topic[Reporter] {
		return Declare[Reporter](q, name, "t: time", "msg: string", "location: string")
	}
	e := &Events{Queue: q}
	e.ZeekInit = Declare[struct{}](q, "zeek_init")
	e.ZeekDone = Declare[struct{}](q, "zeek_done")
	e.NetworkTimeInit = Declare[struct{}](q, "network_time_init")
	e.NetDone = Declare[struct{}](q, "net_done", "t: time")

	e.NewConnection = conn("new_connection")
	e.ConnectionAttempt = conn("connection_attempt")
	e.ConnectionEstablished = conn("connection_established")
	e.PartialConnection = conn("partial_connection")
	e.ConnectionPartialClose = conn("connection_partial_close")
	e.ConnectionFinished = conn("connection_finished")
	e.ConnectionHalfFinished = conn("connection_half_finished")
	e.ConnectionRejected = conn("connection_rejected")
	e.ConnectionReset = conn("connection_reset")
	e.ConnectionPending = conn("connection_pending")
	e.ConnectionTimeout = conn("connection_timeout")
	e.ConnectionReused = conn("connection_reused")
	e.ConnectionFlipped = conn("connection_flipped")
	e.ConnectionStateRemove = conn("connection_state_remove")
	e.TunnelChanged = Declare[TunnelChange](q, "tunnel_changed", "c: connection", "e: EncapsulatingConnVector")
	e.ContentGap = Declare[ContentGap](q, "content_gap", "c: connection", "is_orig: bool", "seq: count", "length: count")

	e.SMTPRequest = Declare[SMTPRequest](q, "smtp_request", "c: connection", "is_orig: bool", "command: string", "arg: string")
	e.SMTPReply = Declare[SMTPReply](q, "smtp_reply", "c: connection", "is_orig: bool", "code: count", "cmd: string", "msg: string", "cont_resp: bool")
	e.SMTPData = Declare[SMTPData](q, "smtp_data", "c: connection", "is_orig: bool", "data: string")
	e.SMTPUnexpected = Declare[SMTPUnexpected](q, "smtp_unexpected", "c: connection", "is_orig: bool", "msg: string", "detail: string")
	e.SMTPStartTLS = conn("smtp_starttls")

	e.MIMEBeginEntity = conn("mime_begin_entity")
	e.MIMEOneHeader = Declare[MIMEOneHeader](q, "mime_one_header", "c: connection", "h: mime_header_rec")
	e.MIMEAllHeaders = Declare[MIMEAllHeaders](q, "mime_all_headers", "c: connection", "hlist: mime_header_list")
	e.ConnSlots.perBlock, e.FileSlots.perBlock = connsPerBlock, filesPerBlock
	e.MIMEEndEntity = conn("mime_end_entity")
	e.MIMEEvent = Declare[MIMEEvent](q, "mime_event", "c: connection", "event_type: string", "detail: string")

	e.ConnWeird = Declare[Weird](q, "conn_weird", "name: string", "c: connection", "addl: string", "source: string")
	e.FlowWeird = Declare[Weird](q, "flow_weird", "name: string", "src: addr", "dst: addr", "addl: string", "source: string")
	e.NetWeird = Declare[Weird](q, "net_weird", "name: string", "addl: string", "source: string")
	e.FileWeird = Declare[Weird](q, "file_weird", "name: string", "f: fa_file", "addl: string", "source: string")

	e.AnalyzerConfirmationInfo = Declare[AnalyzerConfirmation](q, "analyzer_confirmation_info", "atype: AllAnalyzers::Tag", "info: AnalyzerConfirmationInfo")
	e.AnalyzerViolationInfo = Declare[AnalyzerViolation](q, "analyzer_violation_info", "atype: AllAnalyzers::Tag", "info: AnalyzerViolationInfo")
	e.AnalyzerFailed = Declare[AnalyzerViolation](q, "analyzer_failed", "ts: time", "atype: AllAnalyzers::Tag", "info: AnalyzerViolationInfo")

	e.GetFileHandle = Declare[GetFileHandle](q, "get_file_handle", "tag: Analyzer::Tag", "c: connection", "is_orig: bool")
	e.FileNew = file("file_new")
	e.FileOverNewConnection = Declare[FileOverNewConnection](q, "file_over_new_connection", "f: fa_file", "c: connection", "is_orig: bool")
	e.FileSniff = Declare[FileSniff](q, "file_sniff", "f: fa_file", "meta: fa_metadata")
	e.FileGap = Declare[FileGap](q, "file_gap", "f: fa_file", "offset: count", "len: count")
	e.FileTimeout = file("file_timeout")
	e.FileHash = Declare[FileHash](q, "file_hash", "f: fa_file", "kind: string", "hash: string")
	e.FileExtractionLimit = Declare[FileExtractionLimit](q, "file_extraction_limit", "f: fa_file", "args: any", "limit: count", "len: count")
	e.FileStateRemove = file("file_state_remove")

	e.ReporterInfo = reporter("reporter_info")
	e.ReporterWarning = reporter("reporter_warning")
	e.ReporterError = reporter("reporter_error")
	return e
}
