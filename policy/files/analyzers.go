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
	register := func(name, doc, requires string, load func(*policy.Context, *Files)) {
		policy.Register(policy.Policy{
			Name: name, Doc: doc, Requires: []string{requires},
			Load: func(c *policy.Context) error {
				load(c, policy.Use[*Files](c))
				return nil
			},
		})
	}
	const base = "base/frameworks/files"
	register("base/files/hash", "the hashes of files in files.log", base, loadHash)
	register("base/files/extract", "files.log says where the content of a file was written to", base, loadExtract)
	register("base/files/pe", "names executables in files.log as Zeek does", base, func(_ *policy.Context, p *Files) {
		p.RegisterForMIMEType("PE", "application/x-dosexec")
	})
	register("base/files/x509", "names and hashes certificates as Zeek does; files.log is without them", "base/files/hash", loadX509)

	register("frameworks/files/hash-all-files", "MD5 and SHA1 of every file", "base/files/hash", func(c *policy.Context, p *Files) {
		c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) {
			p.AddAnalyzer(e.File, "MD5", nil)
			p.AddAnalyzer(e.File, "SHA1", nil)
		})
	})
	register("frameworks/files/extract-all-files", "writes every file to FileExtract::prefix", "base/files/extract", func(c *policy.Context, p *Files) {
		c.Events.FileNew.Handle(c.Policy(), 0, func(e *event.FileEvent) { p.Extract(e.File, "") })
	})
}

// loadHash is base/files/hash/main.zeek.
func loadHash(c *policy.Context, p *Files) {
	c.Events.FileHash.Handle(c.Policy(), 5, func(e *event.FileHash) {
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
	p.Log.AddColumn(policy.Text("md5", func(i *Info) string { return i.MD5 }))
	p.Log.AddColumn(policy.Text("sha1", func(i *Info) string { return i.SHA1 }))
	p.Log.AddColumn(policy.Text("sha256", func(i *Info) string { return i.SHA256 }))
}

// loadExtract is base/files/extract/main.zeek.
func loadExtract(c *policy.Context, p *Files) {
	c.Events.FileExtractionLimit.Handle(c.Policy(), 10, func(e *event.FileExtractionLimit) {
		i := p.Info(e.File)
		i.ExtractCutoff = true
		i.ExtractedSize, i.HasExtractedSize = e.Limit, true
	})
	p.Log.AddColumn(policy.Text("extracted", func(i *Info) string { return i.Extracted }))
	p.Log.AddColumn(policy.Bool("extracted_cutoff", func(i *Info) (bool, bool) { return i.ExtractCutoff, i.HasCutoff }))
	p.Log.AddColumn(policy.Count("extracted_size", func(i *Info) (uint64, bool) { return i.ExtractedSize, i.HasExtractedSize }))
}

// loadX509 is base/files/x509/main.zeek, so far as it shows without taking
// certificates apart: the analyzers that it attaches to them.
func loadX509(c *policy.Context, p *Files) {
	// Zeek walks a set of tags here, in the order of its dictionary.
	tags := dict.NewEnumSet(c.Keys)
	for _, t := range certificateAnalyzers {
		tags.Add(t)
	}
	for t := range tags.All() {
		p.RegisterForMIMEType(t.Name, certificateTypes...)
	}
	logCerts := c.Options.Bool("X509::log_x509_in_files_log", false, "show certificates in files.log")
	p.Log.Hook(func(i *Info) bool {
		return logCerts.Get() || i.Analyzers == nil || !i.Analyzers.Has("X509")
	})
}

var certificateTypes = []string{"application/x-x509-user-cert", "application/x-x509-ca-cert", "application/pkix-cert"}

// certificateAnalyzers are the analyzers that Zeek attaches to certificates.
var certificateAnalyzers = []dict.Enum{{Number: 0, Name: "X509"}, {Number: 1, Name: "MD5"}, {Number: 2, Name: "SHA1"}, {Number: 3, Name: "SHA256"}}

// Extract attaches the EXTRACT analyzer. An empty name is Zeek's default,
// "extract-TIME-SOURCE-FUID"; a name can't leave the folder. files.log tells of
// it if base/files/extract is loaded.
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
