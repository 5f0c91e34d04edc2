package files

// Options are the options of Zeek that file analysis honours.
type Options struct {
	DefaultFileTimeoutInterval float64 // default_file_timeout_interval, seconds
	DefaultFileBofBufferSize   uint64  // default_file_bof_buffer_size, octets

	// FileExtractPrefix is FileExtract::prefix: the folder of extracted files.
	// It is made when the first file is extracted.
	FileExtractPrefix string
	// FileExtractDefaultLimit is FileExtract::default_limit, octets; 0 is none.
	FileExtractDefaultLimit uint64
	// FileExtractDefaultLimitIncludesMissing is
	// FileExtract::default_limit_includes_missing: gaps count to the limit.
	FileExtractDefaultLimitIncludesMissing bool
}

// DefaultOptions are Zeek's.
func DefaultOptions() Options {
	return Options{
		DefaultFileTimeoutInterval:             120,
		DefaultFileBofBufferSize:               4096,
		FileExtractPrefix:                      "./extract_files/",
		FileExtractDefaultLimit:                104857600,
		FileExtractDefaultLimitIncludesMissing: true,
	}
}
