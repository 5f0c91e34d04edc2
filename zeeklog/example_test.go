package zeeklog_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gzeek/gzeek/zeeklog"
)

// A log is written by a stream; the row is made once and set anew for each
// record.
func Example_write() {
	cfg := zeeklog.DefaultConfig()
	cfg.ASCII.ToStdout = true
	cfg.Stdout = os.Stdout
	cfg.ASCII.JSON = true
	logs := zeeklog.New(cfg)
	stream, err := logs.CreateStream("Greylist::LOG", "greylist", []zeeklog.Column{
		zeeklog.Col("ts", zeeklog.Time), zeeklog.Col("host", zeeklog.Addr), {Name: "rcptto", Type: zeeklog.SetOf(zeeklog.String)},
	})
	if err != nil {
		panic(err)
	}
	row := stream.NewRecord()
	row[0].SetTime(1254722768.219663)
	row[1].SetAddr(netip.MustParseAddr("10.10.1.4"))
	row[2].SetEmptySet()
	row[2].AppendElem().SetString("raj@example.in")
	if err := stream.Write(row); err != nil {
		panic(err)
	}
	if err := logs.Close(); err != nil {
		panic(err)
	}
	// Output: {"ts":1254722768.219663,"host":"10.10.1.4","rcptto":["raj@example.in"]}
}

// A filter beside the default one writes some rows and columns elsewhere.
func ExampleStream_AddFilter() {
	cfg := zeeklog.DefaultConfig()
	cfg.Stdout = os.Stdout
	logs := zeeklog.New(cfg)
	stream, err := logs.CreateStream("Mail::LOG", "mail", []zeeklog.Column{
		zeeklog.Col("ts", zeeklog.Time), zeeklog.Col("from", zeeklog.String), zeeklog.Col("tls", zeeklog.Bool),
	})
	if err != nil {
		panic(err)
	}
	stream.RemoveFilter("default")
	err = stream.AddFilter(zeeklog.Filter{
		Name: "plaintext", Path: "/dev/stdout",
		Predicate: func(row []zeeklog.Value) bool { return !row[2].AsBool() },
		Exclude:   []string{"tls"},
		Config:    map[string]string{"tsv": "T"},
	})
	if err != nil {
		panic(err)
	}
	row := stream.NewRecord()
	for i, from := range []string{"alice@example.org", "bob@example.net"} {
		row[0].SetTime(float64(1700000000 + i))
		row[1].SetString(from)
		row[2].SetBool(i == 0)
		if err := stream.Write(row); err != nil {
			panic(err)
		}
	}
	logs.Close()
	// Output:
	// ts	from
	// 1700000001.000000	bob@example.net
}

const mailLog = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tsmtp\n" +
	"#fields\tts\tid.orig_h\tto\tuser_agent\n#types\ttime\taddr\tset[string]\tstring\n" +
	"1254722768.219663\t10.10.1.4\traj@example.in,b@example.in\t-\n"

// A log is read row by row; values are those of their columns' types.
func ExampleReader() {
	r := zeeklog.NewReader(strings.NewReader(mailLog), zeeklog.ReaderOptions{Name: "smtp.log"})
	for r.Next() {
		rec := r.Record()
		to := rec.Get("to")
		for i := range to.Len() {
			fmt.Println(rec.Get("ts").AsTime().Format(time.RFC3339), rec.Get("id.orig_h").AsAddr(), to.Elem(i).AsString(), rec.Get("user_agent").IsSet())
		}
	}
	fmt.Println(r.Rows(), r.Err())
	// Output:
	// 2009-10-05T06:06:08Z 10.10.1.4 raj@example.in false
	// 2009-10-05T06:06:08Z 10.10.1.4 b@example.in false
	// 1 <nil>
}

// Rows can fill structs.
func ExampleDecoder() {
	type mail struct {
		Time  time.Time  `zeek:"ts"`
		From  netip.Addr `zeek:"id.orig_h"`
		To    []string   `zeek:"to"`
		Agent *string    `zeek:"user_agent"`
	}
	d, err := zeeklog.NewDecoder[mail]()
	if err != nil {
		panic(err)
	}
	r := zeeklog.NewReader(strings.NewReader(mailLog), zeeklog.ReaderOptions{})
	for r.Next() {
		var m mail
		if err := d.Decode(r.Record(), &m); err != nil {
			panic(err)
		}
		fmt.Println(m.Time.UnixMicro(), m.From, m.To, m.Agent)
	}
	// Output: 1254722768219663 10.10.1.4 [raj@example.in b@example.in] <nil>
}
