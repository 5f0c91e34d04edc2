package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gzeek/gzeek/capture"
	"github.com/gzeek/gzeek/engine"
	"github.com/gzeek/gzeek/internal/mailgen"
)

// BenchmarkRun reads generated mail traffic from a file and writes the logs:
// the whole run but for the start of the process.
func BenchmarkRun(b *testing.B) {
	for _, profile := range []string{mailgen.Main, mailgen.Small, mailgen.Conns} {
		b.Run(profile, func(b *testing.B) {
			params, err := mailgen.Defaults(profile)
			if err != nil {
				b.Fatal(err)
			}
			params.Size = 32 << 20
			path := filepath.Join(b.TempDir(), "mail.pcap")
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			stats, err := mailgen.Generate(f, params)
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(stats.Bytes)
			b.ReportAllocs()
			for b.Loop() {
				e, err := engine.New(engine.Config{Dir: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				src, err := capture.OpenFiles(capture.Options{}, path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Run(context.Background(), src); err != nil {
					b.Fatal(err)
				}
				src.Close()
			}
			b.ReportMetric(float64(stats.Packets)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
