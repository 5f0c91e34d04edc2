package zeeklog

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// TimestampFormat is how JSON logs write times.
type TimestampFormat uint8

// Zeek's JSON::TimestampFormat.
const (
	TSEpoch          TimestampFormat = iota // seconds since 1970, JSON::TS_EPOCH
	TSMillis                                // whole milliseconds, JSON::TS_MILLIS
	TSMillisUnsigned                        // JSON::TS_MILLIS_UNSIGNED
	TSISO8601                               // JSON::TS_ISO8601
)

var timestampNames = [...]string{"JSON::TS_EPOCH", "JSON::TS_MILLIS", "JSON::TS_MILLIS_UNSIGNED", "JSON::TS_ISO8601"}

// String gives Zeek's name: "JSON::TS_EPOCH".
func (f TimestampFormat) String() string { return timestampNames[f] }

// ParseTimestampFormat reads Zeek's name.
func ParseTimestampFormat(s string) (TimestampFormat, error) {
	for i, n := range timestampNames {
		if n == s {
			return TimestampFormat(i), nil
		}
	}
	//lint:ignore ST1005 these are Zeek's words
	return 0, fmt.Errorf("Invalid JSON timestamp format: %s", s)
}

// ASCII holds the options of Zeek's ASCII writer, LogAscii::*.
type ASCII struct {
	Separator        string          // separator
	SetSeparator     string          // set_separator
	EmptyField       string          // empty_field
	UnsetField       string          // unset_field
	MetaPrefix       string          // meta_prefix
	IncludeMeta      bool            // include_meta
	UTF8             bool            // enable_utf_8
	JSON             bool            // use_json
	JSONTimestamps   TimestampFormat // json_timestamps
	JSONIncludeUnset bool            // json_include_unset_fields
	GzipLevel        int             // gzip_level, 0 to 9
	GzipExtension    string          // gzip_file_extension
	ToStdout         bool            // output_to_stdout
	LeftoverRotation bool            // enable_leftover_log_rotation

	// TSV writes one line of column names as the only header; Zeek has it as
	// the key "tsv" of a filter's config.
	TSV bool
}

// set changes one option by the key it has in a filter's config table.
// Zeek: writers/ascii/Ascii.cc, InitFilterOptions. Unknown keys are ignored
// there and here.
func (a *ASCII) set(key, value string) error {
	var err error
	flag := func(dst *bool) {
		switch value {
		case "T":
			*dst = true
		case "F":
			*dst = false
		default:
			err = fmt.Errorf("invalid value for '%s', must be a string and either \"T\" or \"F\"", key)
		}
	}
	switch key {
	case "tsv":
		flag(&a.TSV)
	case "use_json":
		flag(&a.JSON)
	case "enable_utf_8":
		flag(&a.UTF8)
	case "output_to_stdout":
		flag(&a.ToStdout)
	case "json_include_unset_fields":
		flag(&a.JSONIncludeUnset)
	case "gzip_level":
		n, convErr := strconv.Atoi(value)
		if convErr != nil || n < 0 || n > 9 {
			return fmt.Errorf("invalid value for 'gzip_level', must be a number between 0 and 9")
		}
		a.GzipLevel = n
	case "separator":
		a.Separator = value
	case "set_separator":
		a.SetSeparator = value
	case "empty_field":
		a.EmptyField = value
	case "unset_field":
		a.UnsetField = value
	case "meta_prefix":
		a.MetaPrefix = value
	case "gzip_file_extension":
		a.GzipExtension = value
	case "json_timestamps":
		a.JSONTimestamps, err = ParseTimestampFormat(value)
	}
	return err
}

// Config configures a Manager. Start from [DefaultConfig]: the zero Config is
// not Zeek's defaults.
type Config struct {
	// ASCII holds LogAscii::*. Zeek takes its separators from Log::separator
	// and so on when the scripts are loaded; a later change of those has no
	// effect, so they are not here.
	ASCII ASCII

	// Dir is what relative paths are relative to; "" is the working folder.
	Dir string
	// Suffix is the extension of ASCII logs. "" takes the environment
	// variable ZEEK_LOG_SUFFIX, or "log".
	Suffix string
	// Stdout is where output_to_stdout and the path /dev/stdout lead; nil is os.Stdout.
	Stdout io.Writer
	// Location is the zone of #open, #close and file names; nil is time.Local.
	Location *time.Location

	LocalLogging  bool   // Log::enable_local_logging
	DefaultWriter string // Log::default_writer
	DefaultLogdir string // Log::default_logdir

	// ExtraFilters are added to every new stream behind its default filter.
	// {Name: "json", Writer: WriterJSON} writes JSON beside the text logs.
	ExtraFilters []Filter

	// DefaultFieldNameMap is Log::default_field_name_map.
	DefaultFieldNameMap map[string]string
	DefaultScopeSep     string // Log::default_scope_sep
	DefaultExtPrefix    string // Log::default_ext_prefix
	// DefaultExt are the columns that Log::default_ext_func returns, with
	// constant values or a function of the path.
	DefaultExt []ExtField

	RotationInterval      float64           // Log::default_rotation_interval, seconds; 0 is never
	RotationDir           string            // Log::default_rotation_dir
	RotationDateFormat    string            // Log::default_rotation_date_format, strftime
	RotationPostprocessor string            // Log::default_rotation_postprocessor_cmd
	RotationEnv           map[string]string // Log::default_rotation_postprocessor_cmd_env
	RotateBaseTime        string            // log_rotate_base_time, "HH:MM"
	// RotationName names rotated files in place of what Zeek does, with
	// {path}, {open:FORMAT} and {close:FORMAT} (strftime), without the
	// extension: "{open:%Y-%m-%d}/{path}.{open:%H:%M:%S}-{close:%H:%M:%S}". See
	// [CheckRotationName]. "" is Zeek's name.
	RotationName string
	// RotationPath replaces Log::rotation_format_func if not nil, and
	// RotationName.
	RotationPath func(RotationInfo) (dir, base string)
	// RotationSize rotates a file that has grown to so many bytes (before
	// compression), checked after each row. Zeek has no such option. 0 is
	// never. A filter may have another one.
	RotationSize int64

	// KeepRotated puts a number into the name of a rotated log rather than
	// replacing the file of another run that has it. Zeek replaces it.
	KeepRotated bool

	// SyncRotated brings a log to the disk before it gets its final name, and at its
	// end. SyncInterval does that with open ones, beside the run, when so many
	// seconds have gone by; 0 is never. Zeek has neither.
	SyncRotated  bool
	SyncInterval float64

	WriteBufferSize  int     // Log::write_buffer_size, rows
	FlushInterval    float64 // Log::flush_interval, seconds of network time
	MaxLogRecordSize int     // Log::max_log_record_size, bytes

	// NetworkTime gives the time of the packet being processed, 0 before the
	// first. nil is a clock that [Manager.Tick] sets.
	NetworkTime func() float64
	// WallClock gives the time for #open and #close; nil is time.Now.
	WallClock func() time.Time

	// Warn and Error get what Zeek's reporter would: one sentence, without a
	// newline. Nil drops them (errors come back from the calls as well).
	Warn  func(string)
	Error func(string)
	// Weird is told of records larger than MaxLogRecordSize, which are
	// dropped: name "log_record_too_large", the stream's id as addl.
	Weird func(name, addl string)

	health *health // of the manager's writers

	syncFile func(*os.File) error
}

// WriterASCII and WriterNone are the names of the built-in writers.
// WriterJSON writes what WriterASCII writes with use_json, to PATH.json, so
// that one filter beside the default one gives both; Zeek doesn't have it.
const (
	WriterASCII = "Log::WRITER_ASCII"
	WriterNone  = "Log::WRITER_NONE"
	WriterJSON  = "Log::WRITER_JSON"
)

// BuiltInWriters are the writers that need not be registered.
var BuiltInWriters = []string{WriterASCII, WriterNone, WriterJSON}

// DefaultConfig gives the defaults of Zeek 8.0.9.
func DefaultConfig() Config {
	return Config{
		ASCII: ASCII{
			Separator: "\t", SetSeparator: ",", EmptyField: "(empty)", UnsetField: "-",
			MetaPrefix: "#", IncludeMeta: true, UTF8: true, GzipExtension: "gz",
		},
		LocalLogging:       true,
		DefaultWriter:      WriterASCII,
		DefaultScopeSep:    ".",
		DefaultExtPrefix:   "_",
		RotationDateFormat: "%Y-%m-%d-%H-%M-%S",
		RotateBaseTime:     "0:00",
		WriteBufferSize:    1000,
		FlushInterval:      1,
		MaxLogRecordSize:   64 << 20,
	}
}

// fill completes a Config with what nil and "" stand for.
func (c *Config) fill() {
	if c.Suffix == "" {
		c.Suffix = os.Getenv("ZEEK_LOG_SUFFIX")
	}
	if c.Suffix == "" {
		c.Suffix = "log"
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Location == nil {
		c.Location = time.Local
	}
	if c.WallClock == nil {
		c.WallClock = time.Now
	}
	if c.Warn == nil {
		c.Warn = func(string) {}
	}
	if c.Error == nil {
		c.Error = func(string) {}
	}
	if c.Weird == nil {
		c.Weird = func(string, string) {}
	}
	if c.syncFile == nil {
		c.syncFile = (*os.File).Sync
	}
	if c.DefaultWriter == "" {
		c.DefaultWriter = WriterASCII
	}
	if c.WriteBufferSize <= 0 {
		c.WriteBufferSize = 1
	}
}
