package files

import (
	"fmt"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/files"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "frameworks/files/hash-all-files",
		Doc:      "MD5 and SHA1 of every file",
		Requires: []string{"base/frameworks/files"},
		Load: func(c *policy.Context) error {
			p := policy.Use[*Files](c)
			c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) {
				p.AddAnalyzer(e.File, "MD5", nil)
				p.AddAnalyzer(e.File, "SHA1", nil)
			})
			return nil
		},
	})
	policy.Register(policy.Policy{
		Name:     "frameworks/files/extract-all-files",
		Doc:      "writes every file to FileExtract::prefix",
		Requires: []string{"base/frameworks/files"},
		Load: func(c *policy.Context) error {
			p := policy.Use[*Files](c)
			c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) { p.Extract(e.File, "") })
			return nil
		},
	})
}

// loadAnalyzers sets up what base/files/{hash,extract,pe,x509} do around the
// file analyzers. gzeek does not take executables and certificates apart, but
// the analyzers that Zeek attaches to them show in files.log.
func loadAnalyzers(c *policy.Context, p *Files) {
	o := c.Options
	p.limit = o.Count("FileExtract::default_limit", 100<<20, "how many bytes of a file are extracted; 0 is all")
	p.limitMissing = o.Bool("FileExtract::default_limit_includes_missing", true, "missing bytes count against the limit")

	ev, name := c.Events, c.Policy()
	ev.FileHash.Handle(name, 5, func(e *event.FileHash) {
		i := p.Info(e.File)
		switch e.Kind {
		case "md5":
			i.MD5 = e.Hash
		case "sha1":
			i.SHA1 = e.Hash
		case "sha256":
			i.SHA256 = e.Hash
		}
	})
	ev.FileExtractionLimit.Handle(name, 10, func(e *event.FileExtractionLimit) {
		i := p.Info(e.File)
		i.ExtractCutoff = true
		i.ExtractedSize, i.HasExtractedSize = e.Limit, true
	})

	p.RegisterForMIMEType("PE", "application/x-dosexec")
	// Zeek walks a set of tags here, in the order of its dictionary.
	tags := dict.NewEnumSet(c.Keys)
	for _, t := range certificateAnalyzers {
		tags.Add(t)
	}
	for t := range tags.All() {
		p.RegisterForMIMEType(t.Name, certificateTypes...)
	}
	logCerts := o.Bool("X509::log_x509_in_files_log", false, "show certificates in files.log")
	p.Log.Hook(func(i *Info) bool {
		return logCerts.Get() || i.Analyzers == nil || !i.Analyzers.Has("X509")
	})
}

var certificateTypes = []string{"application/x-x509-user-cert", "application/x-x509-ca-cert", "application/pkix-cert"}

// certificateAnalyzers are the analyzers that Zeek attaches to certificates.
var certificateAnalyzers = []dict.Enum{{Number: 0, Name: "X509"}, {Number: 1, Name: "MD5"}, {Number: 2, Name: "SHA1"}, {Number: 3, Name: "SHA256"}}

// Extract attaches the EXTRACT analyzer. An empty name is Zeek's default,
// "extract-TIME-SOURCE-FUID"; a name can't leave the folder.
func (p *Files) Extract(f *event.File, filename string) bool {
	if !p.enabled("EXTRACT") {
		return false // files.log doesn't say then where the file would be
	}
	if filename == "" {
		filename = fmt.Sprintf("extract-%s-%s-%s", zeeklog.AppendCatDouble(nil, f.LastActive), f.Source, f.ID)
	}
	i := p.Info(f)
	i.Extracted, i.HasCutoff = filename, true
	return p.AddAnalyzer(f, "EXTRACT", files.ExtractArgs{
		Filename: filename, Limit: p.limit.Get(), LimitIncludesMissing: p.limitMissing.Get(),
	})
}

func (p *Files) enabled(analyzer string) bool {
	return dpd.AnalyzerEnabled(p.ctx, "Files::ANALYZER_"+analyzer)
}
