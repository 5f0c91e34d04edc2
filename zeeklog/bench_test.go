package zeeklog

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
)

// smtpLike is a stream with the columns and a row as in smtp.log.
func smtpLike(tb testing.TB, change func(*Config)) (*Manager, *Stream, []Value) {
	cfg := DefaultConfig()
	cfg.Dir = tb.TempDir()
	change(&cfg)
	m := New(cfg)
	cols := []Column{
		Col("ts", Time), Col("uid", String), Col("id.orig_h", Addr), Col("id.orig_p", Port), Col("id.resp_h", Addr),
		Col("id.resp_p", Port), Col("trans_depth", Count), Col("helo", String), Col("mailfrom", String),
		{"rcptto", SetOf(String)}, Col("date", String), Col("from", String), {"to", SetOf(String)}, {"cc", SetOf(String)},
		Col("reply_to", String), Col("msg_id", String), Col("in_reply_to", String), Col("subject", String),
		Col("x_originating_ip", Addr), Col("first_received", String), Col("second_received", String),
		Col("last_reply", String), {"path", VectorOf(Addr)}, Col("user_agent", String), Col("tls", Bool), {"fuids", VectorOf(String)},
	}
	s, err := m.CreateStream("SMTP::LOG", "smtp", cols)
	if err != nil {
		tb.Fatal(err)
	}
	r := s.NewRecord()
	r[0].SetTime(1254722768.219663)
	r[1].SetString("C1qe8w3QHRF2N5tVV5")
	r[2].SetAddr(netip.MustParseAddr("10.10.1.4"))
	r[3].SetPort(1470)
	r[4].SetAddr(netip.MustParseAddr("2001:db8::25"))
	r[5].SetPort(25)
	r[6].SetCount(1)
	r[7].SetString("GP")
	r[8].SetString("gurpartap@patriots.in")
	r[9].SetEmptySet()
	r[9].AppendElem().SetString("raj_deol2002in@yahoo.co.in")
	r[10].SetString("Mon, 5 Oct 2009 11:36:07 +0530")
	r[11].SetString("\"Gurpartap Singh\" <gurpartap@patriots.in>")
	r[12].SetEmptySet()
	r[12].AppendElem().SetString("<raj_deol2002in@yahoo.co.in>")
	r[15].SetString("<000301ca4581$ef9e57f0$cedb07d0$@in>")
	r[17].SetString("Größe der SMTP-Nachricht")
	r[21].SetString("250 OK id=1Mugho-0003Dg-Un")
	r[22].SetEmptyVector()
	r[22].AppendElem().SetAddr(netip.MustParseAddr("74.53.140.153"))
	r[22].AppendElem().SetAddr(netip.MustParseAddr("10.10.1.4"))
	r[23].SetString("Microsoft Office Outlook 12.0")
	r[24].SetBool(false)
	r[25].SetEmptyVector()
	r[25].AppendElem().SetString("FmFp351N5nhsMmAfQg")
	return m, s, r
}

func BenchmarkWrite(b *testing.B) {
	for name, change := range map[string]func(*Config){
		"tsv":  func(*Config) {},
		"json": func(c *Config) { c.ASCII.JSON = true },
		"gzip": func(c *Config) { c.ASCII.GzipLevel = 6 },
	} {
		b.Run(name, func(b *testing.B) {
			m, s, r := smtpLike(b, change)
			if err := s.Write(r); err != nil {
				b.Fatal(err)
			}
			w := s.order[0].w.(*asciiWriter)
			before := w.size()
			if err := s.Write(r); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(w.size() - before)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Write(r); err != nil {
					b.Fatal(err)
				}
			}
			m.Close()
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, change := range map[string]func(*Config){
		"tsv":  func(*Config) {},
		"json": func(c *Config) { c.ASCII.JSON = true },
	} {
		m, s, r := smtpLike(b, change)
		for range 10000 {
			if err := s.Write(r); err != nil {
				b.Fatal(err)
			}
		}
		dir := m.cfg.Dir
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		data, err := os.ReadFile(dir + "/smtp.log")
		if err != nil {
			b.Fatal(err)
		}
		for _, all := range []bool{true, false} {
			sub := name + "/split"
			if all {
				sub = name + "/values"
			}
			b.Run(sub, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					rd := NewReader(bytes.NewReader(data), ReaderOptions{})
					for rd.Next() {
						if all {
							rd.Record().Values()
						}
					}
					if rd.Rows() != 10000 {
						b.Fatal(rd.Err())
					}
				}
			})
		}
	}
}

func BenchmarkReadGzip(b *testing.B) {
	m, s, r := smtpLike(b, func(c *Config) { c.ASCII.GzipLevel = 6 })
	for i := range 20000 {
		r[0].SetTime(1700000000 + float64(i)*1.37)
		r[4].SetCount(uint64(i * 7919))
		if err := s.Write(r); err != nil {
			b.Fatal(err)
		}
	}
	dir := m.cfg.Dir
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	var size int64
	for b.Loop() {
		f, err := Open(dir+"/smtp.log.gz", ReaderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		size = 0
		for f.Next() {
			f.Record().Values()
			size += int64(len(f.Record().Bytes())) + 1
		}
		if f.Rows() != 20000 {
			b.Fatal(f.Err())
		}
		f.Close()
	}
	b.SetBytes(size)
}
