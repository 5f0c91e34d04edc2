package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// benchFile writes a pcap of about size octets: segments of mail and acks.
func benchFile(b *testing.B, size int) string {
	b.Helper()
	var buf bytes.Buffer
	buf.Write(pcapHeader(binary.LittleEndian, magicMicro, 262144, 1))
	pkt := make([]byte, 1514)
	copy(pkt[12:], []byte{8, 0, 0x45})
	for i := 0; buf.Len() < size; i++ {
		n := len(pkt)
		if i%3 == 2 {
			n = 66
		}
		buf.Write(pcapRecord(binary.LittleEndian, uint32(i/1000), uint32(i%1000), uint32(n), pkt[:n]))
	}
	name := filepath.Join(b.TempDir(), "bench.pcap")
	if err := os.WriteFile(name, buf.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return name
}

func benchRead(b *testing.B, opts Options, batch bool) {
	const size = 256 << 20
	name := benchFile(b, size)
	b.SetBytes(size)
	b.ReportAllocs()
	var packets int
	for b.Loop() {
		s, err := OpenFile(name, opts)
		if err != nil {
			b.Fatal(err)
		}
		var f Frame
		var bt Batch
		for {
			if batch {
				err = s.ReadBatch(&bt)
				packets += len(bt.Frames)
			} else if err = s.Next(&f); err == nil {
				packets++
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
}

func BenchmarkPcapNext(b *testing.B)  { benchRead(b, Options{}, false) }
func BenchmarkPcapBatch(b *testing.B) { benchRead(b, Options{}, true) }
func BenchmarkPcapFilter(b *testing.B) {
	benchRead(b, Options{Filter: "tcp port 25 or tcp port 587"}, false)
}
