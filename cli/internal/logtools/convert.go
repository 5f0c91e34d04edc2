package logtools

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gzeek/gzeek/zeeklog"
)

// layoutRows is how many rows are looked at for columns before the first one
// is written; only JSON logs have columns that a later row brings.
const layoutRows = 10000

// Convert is the command "gzeek convert".
func Convert(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTool("convert", `gzeek convert [flags] [FILE...]

Turns logs, text or JSON, into another format: tsv (Zeek's text logs), json,
csv or parquet. Without FILE it reads the standard input. Logs may be
compressed, and so is what it writes to a name that ends with .gz or .zst.
`, stdin, stdout, stderr)
	out := t.flags.String("o", "-", "write to this file")
	to := t.flags.String("to", "", "format: tsv, json, csv, parquet (default: by the name of the file written, else json for text and tsv for JSON)")
	times := t.flags.String("times", "epoch", "times in JSON and CSV: epoch, millis, iso8601")
	unset := t.flags.Bool("unset", false, "write unset columns as null in JSON")
	path := t.flags.String("path", "", "#path of a text log (default: that of the first log, or its file's name)")
	names, status := t.parse(args)
	if status >= 0 {
		return status
	}
	opt := zeeklog.DefaultConfig().ASCII
	opt.JSONIncludeUnset = *unset
	switch *times {
	case "epoch":
	case "millis":
		opt.JSONTimestamps = zeeklog.TSMillis
	case "iso8601", "iso":
		opt.JSONTimestamps = zeeklog.TSISO8601
	default:
		return t.usageError("unknown form of times %q", *times)
	}
	if *to == "" {
		*to = formatOf(*out)
	}
	switch *to {
	case "", "tsv", "json", "csv", "parquet":
	default:
		return t.usageError("unknown format %q", *to)
	}
	c := &converter{t: t, opt: opt, to: *to, path: *path, out: *out}
	err := c.run(inputs(names))
	if e := c.finish(err == nil); err == nil {
		err = e
	}
	if err != nil {
		return t.fail(err)
	}
	return t.status()
}

// converter is convert at work.
type converter struct {
	t    *tool
	opt  zeeklog.ASCII
	to   string
	path string
	out  string

	file    *os.File
	packer  io.WriteCloser
	sink    rowSink
	layout  layout
	waiting [][]zeeklog.Value // rows whose columns are being collected
	waitFor []*layout         // the layouts that these were placed by
	started bool
	scratch []zeeklog.Value
}

func (c *converter) run(names []string) error {
	for _, name := range names {
		f, err := c.t.open(name)
		if err != nil {
			return err
		}
		err = c.read(f, name)
		f.close()
		if err != nil {
			return err
		}
	}
	return c.start()
}

func (c *converter) read(f *logFile, name string) error {
	for f.Next() {
		rec := f.Record()
		h := rec.Header()
		if c.path == "" {
			if c.path = h.Path; c.path == "" {
				c.path = pathOfFile(name)
			}
		}
		if c.to == "" {
			if c.to = "json"; h.ASCII.JSON {
				c.to = "tsv"
			}
		}
		grown, widened := c.layout.add(rec)
		if !c.started {
			row := make([]zeeklog.Value, len(c.layout.cols))
			c.placeCopy(row, rec)
			c.waiting = append(c.waiting, row)
			c.waitFor = append(c.waitFor, &layout{index: c.layout.index})
			if len(c.waiting) >= layoutRows {
				if err := c.start(); err != nil {
					return err
				}
			}
			continue
		}
		if grown || widened {
			if err := c.sink.begin(c.path, c.layout.cols); err != nil {
				return err
			}
			c.scratch = make([]zeeklog.Value, len(c.layout.cols))
		}
		c.layout.place(c.scratch, rec)
		if err := c.sink.row(c.scratch); err != nil {
			return err
		}
	}
	return f.Err()
}

func (c *converter) placeCopy(row []zeeklog.Value, rec *zeeklog.Record) {
	for i, col := range rec.Columns() {
		row[c.layout.index[col.Name]].CopyFrom(rec.Value(i))
	}
}

// start writes what has waited for the columns to be known.
func (c *converter) start() error {
	if c.started {
		return nil
	}
	c.started = true
	if err := c.openSink(); err != nil {
		return err
	}
	if len(c.layout.cols) == 0 {
		return nil
	}
	if err := c.sink.begin(c.path, c.layout.cols); err != nil {
		return err
	}
	c.scratch = make([]zeeklog.Value, len(c.layout.cols))
	for i, row := range c.waiting {
		for j := range c.scratch {
			c.scratch[j].SetUnset()
		}
		for name, at := range c.waitFor[i].index {
			c.scratch[c.layout.index[name]] = row[at]
		}
		if err := c.sink.row(c.scratch); err != nil {
			return err
		}
	}
	c.waiting, c.waitFor = nil, nil
	c.scratch = make([]zeeklog.Value, len(c.layout.cols))
	return nil
}

func (c *converter) openSink() error {
	w := c.t.stdout
	if c.out != "-" {
		f, err := os.Create(c.out)
		if err != nil {
			return err
		}
		c.file, w = f, f
		switch {
		case strings.HasSuffix(c.out, ".gz"):
			c.packer = gzip.NewWriter(f)
		case strings.HasSuffix(c.out, ".zst"):
			z, err := zstd.NewWriter(f)
			if err != nil {
				return err
			}
			c.packer = z
		}
		if c.packer != nil {
			w = c.packer
		}
	}
	switch c.to {
	case "csv":
		c.sink = newCSVSink(w, c.opt.JSONTimestamps == zeeklog.TSISO8601)
	case "parquet":
		c.sink = &parquetSink{out: w, lost: func(column string) {
			c.t.told(fmt.Sprintf("column %s: a value does not fit the type of the column", column))
		}}
	default:
		c.opt.JSON = c.to == "json"
		c.sink = &logSink{out: w, opt: c.opt, now: time.Now}
	}
	return nil
}

// finish closes what is open; a file that failed stays, but is told of.
func (c *converter) finish(ok bool) error {
	var err error
	if c.sink != nil && ok {
		err = c.sink.end()
	}
	if c.packer != nil {
		if e := c.packer.Close(); err == nil {
			err = e
		}
	}
	if c.file != nil {
		if e := c.file.Close(); err == nil {
			err = e
		}
		if !ok || err != nil {
			fmt.Fprintf(c.t.stderr, "%s: %s is incomplete\n", c.t.name, c.out)
		}
	}
	return err
}

// pathOfFile gives the log's path that a file's name begins with: "conn" for
// conn.2023-11-14-10-00-00.log.gz and conn.10:00:00-11:00:00.log.
func pathOfFile(name string) string {
	if name == "-" {
		return "log"
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	path, _, _ := strings.Cut(name, ".")
	if path == "" {
		return "log"
	}
	return path
}
