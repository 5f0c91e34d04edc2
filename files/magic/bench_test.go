package magic

import (
	"bytes"
	"strings"
	"testing"
)

// benchHeads are full heads of 4096 octets, as the file manager offers them.
func benchHeads() map[string][]byte {
	fill := func(begin, more string) []byte {
		return []byte((begin + strings.Repeat(more, 4096/len(more)+1))[:4096])
	}
	return map[string][]byte{
		"text": fill("Hello Bob,\r\n\r\n", "the minutes of last week's meeting are attached; please read section 4.\r\n"),
		"html": fill("<!DOCTYPE html>\r\n<html>", "<p class=\"x\">the minutes of last week's meeting</p>\r\n"),
		"pdf":  fill("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "1 0 obj << /Type /Catalog >> endobj\n"),
		"docx": fill("PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00"+strings.Repeat("\x00", 16)+"[Content_Types].xml", "\x8f\x02\xd3PK\x03\x04"),
		"xml":  fill("<?xml version=\"1.0\"?>\n", "<item><name>minutes</name></item>\n"),
		// The rules for markup may neither stop nor skip.
		"hostile": fill("<?xml version=\"1.0\"?>\n", "<item> text ?> <!-- --> </item>\n"),
		"binary":  bytes.Repeat([]byte("\x81\xc2\x00\x13\xfe\x90\x55"), 586)[:4096],
	}
}

func BenchmarkBest(b *testing.B) {
	m := newMatcher(b)
	for name, head := range benchHeads() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				m.Best(head)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
