// Package sqlite is the log writer Log::WRITER_SQLITE: it writes logs into
// SQLite databases with Zeek's layout. The log smtp becomes the table smtp of
// smtp.sqlite, a row a record, a column a field with its Zeek name.
//
// Unset fields and empty strings are NULL; booleans 0 and 1; addresses, subnets
// and enums text; times and intervals numbers of seconds; sets and vectors one
// text with LogSQLite::set_separator between the elements. The filter's config
// may name another table (tablename).
//
// Where Zeek differs: it commits every row, gzeek when the log is flushed
// (Log::flush_interval) or Log::write_buffer_size rows are in hand; and it cuts
// counts to 32 bits, which gzeek writes whole.
//
// Zeek: src/logging/writers/sqlite/SQLite.cc.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver: SQLite translated to Go, so that no C compiler is needed

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/redef"
	"github.com/gzeek/gzeek/zeeklog"
)

// Writer is the writer's name.
const Writer = "Log::WRITER_SQLITE"

func init() {
	policy.Register(policy.Policy{
		Name:      "writers/sqlite",
		Doc:       "the log writer " + Writer + ": logs as tables of SQLite databases",
		API:       1,
		Component: true,
		Load:      load,
	})
}

// writers are those of one run.
type writers struct {
	setSeparator, unset, empty *redef.String
	synchronous, journal       *redef.Enum
	open                       map[string]*database
}

func load(c *policy.Context) error {
	o := c.Options
	pragma := func(option, typ, prefix string, values ...string) *redef.Enum {
		for i, v := range values {
			values[i] = prefix + v
		}
		return o.Enum(option, typ, values, prefix+"DEFAULT", "what SQLite's PRAGMA "+strings.TrimPrefix(option, "LogSQLite::")+" is set to; DEFAULT leaves it")
	}
	w := &writers{
		open:         map[string]*database{},
		setSeparator: o.String("LogSQLite::set_separator", ",", "between the elements of sets and vectors"),
		unset:        o.String("LogSQLite::unset_field", "-", "for unset elements of vectors"),
		empty:        o.String("LogSQLite::empty_field", "(empty)", "for empty sets and vectors, and empty strings in them"),
		synchronous: pragma("LogSQLite::synchronous", "LogSQLite::SQLiteSynchronous", "LogSQLite::SQLITE_SYNCHRONOUS_",
			"DEFAULT", "OFF", "NORMAL", "FULL", "EXTRA"),
		journal: pragma("LogSQLite::journal_mode", "LogSQLite::SQLiteJournalMode", "LogSQLite::SQLITE_JOURNAL_MODE_",
			"DEFAULT", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"),
	}
	c.RegisterWriter(Writer, w.new)
	return nil
}

// database is an open file. Logs that go to different tables of one file share
// it: SQLite has one writer at a time.
type database struct {
	file  string
	db    *sql.DB
	conn  *sql.Conn
	users int
	rows  int  // since the transaction began
	begun bool // a transaction is open
	most  int  // rows a transaction
}

// busyTimeout is how long a commit waits for others that use the file.
const busyTimeout = 10_000 // ms

func (w *writers) database(file string, most int) (*database, error) {
	if d := w.open[file]; d != nil {
		d.users++
		return d, nil
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: abs, RawQuery: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout)}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	d := &database{file: file, db: db, users: 1, most: most}
	if d.conn, err = db.Conn(context.Background()); err != nil {
		db.Close()
		return nil, err
	}
	for pragma, value := range map[string]*redef.Enum{"synchronous": w.synchronous, "journal_mode": w.journal} {
		if v := value.Get()[strings.LastIndexByte(value.Get(), '_')+1:]; v != "DEFAULT" {
			if err := d.exec("PRAGMA " + pragma + "=" + v); err != nil {
				d.conn.Close()
				db.Close()
				return nil, err
			}
		}
	}
	w.open[file] = d
	return d, nil
}

func (d *database) exec(statement string) error {
	_, err := d.conn.ExecContext(context.Background(), statement)
	return err
}

func (d *database) commit() error {
	if !d.begun {
		return nil
	}
	d.begun, d.rows = false, 0
	return d.exec("COMMIT")
}

// writer is one log.
type writer struct {
	all    *writers
	d      *database
	insert *sql.Stmt
	args   []any
	sets   zeeklog.ContainerText
	text   []byte
}

func (w *writers) new(info zeeklog.WriterInfo) (zeeklog.Writer, error) {
	file := info.File(".sqlite")
	d, err := w.database(file, info.Options.WriteBufferSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	log := &writer{
		all: w, d: d, args: make([]any, len(info.Columns)),
		sets: zeeklog.NewContainerText(w.setSeparator.Get(), w.unset.Get(), w.empty.Get()),
	}
	table := info.Config["tablename"]
	if table == "" {
		table = filepath.Base(info.Path)
	}
	if err := log.prepare(table, info.Columns); err != nil {
		log.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return log, nil
}

// quote writes a name in SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// prepare creates the table, unless it is there, and the statement that inserts.
func (l *writer) prepare(table string, cols []zeeklog.Column) error {
	var create, names, marks []string
	for _, c := range cols {
		create = append(create, quote(c.Name)+" "+columnType(c.Type))
		names = append(names, quote(c.Name))
		marks = append(marks, "?")
	}
	if err := l.d.exec("CREATE TABLE IF NOT EXISTS " + quote(table) + " (\n" + strings.Join(create, ",\n") + "\n)"); err != nil {
		return err
	}
	var err error
	l.insert, err = l.d.conn.PrepareContext(context.Background(), "INSERT INTO "+quote(table)+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(marks, ", ")+")")
	return err
}

// columnType is SQLite::GetTableType.
func columnType(t zeeklog.Type) string {
	switch t.Kind {
	case zeeklog.Bool:
		return "boolean"
	case zeeklog.Int, zeeklog.Count, zeeklog.Port:
		return "integer"
	case zeeklog.Time, zeeklog.Interval, zeeklog.Double:
		return "double precision"
	}
	return "text"
}

// Write implements zeeklog.Writer.
func (l *writer) Write(rec []zeeklog.Value) error {
	for i := range rec {
		l.args[i] = l.param(&rec[i])
	}
	if !l.d.begun {
		if err := l.d.exec("BEGIN IMMEDIATE"); err != nil {
			return l.named(err)
		}
		l.d.begun = true
	}
	if _, err := l.insert.ExecContext(context.Background(), l.args...); err != nil {
		return l.named(err)
	}
	if l.d.rows++; l.d.rows >= l.d.most {
		return l.Flush()
	}
	return nil
}

func (l *writer) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.d.file, err)
}

// param is SQLite::AddParams.
func (l *writer) param(v *zeeklog.Value) any {
	switch v.Kind() {
	case zeeklog.Unset:
		return nil
	case zeeklog.Bool:
		if v.AsBool() {
			return int64(1)
		}
		return int64(0)
	case zeeklog.Int:
		return v.AsInt()
	case zeeklog.Count:
		n := v.AsCount()
		if n > math.MaxInt64 {
			return float64(n) // as SQLite does with such a number
		}
		return int64(n)
	case zeeklog.Port:
		return int64(v.AsPort())
	case zeeklog.Time, zeeklog.Interval, zeeklog.Double:
		return v.AsFloat()
	case zeeklog.Addr:
		l.text = zeeklog.AppendAddr(l.text[:0], v.AsAddr())
		return string(l.text)
	case zeeklog.Subnet:
		p := v.AsSubnet()
		l.text = append(zeeklog.AppendAddr(l.text[:0], p.Addr()), '/')
		return string(strconv.AppendInt(l.text, int64(p.Bits()), 10))
	case zeeklog.Set, zeeklog.Vector:
		l.text = l.sets.Append(l.text[:0], v)
		return string(l.text)
	}
	if s := v.AsString(); s != "" {
		return strings.Clone(s) // the value is borrowed
	}
	return nil
}

// Flush implements zeeklog.Writer.
func (l *writer) Flush() error { return l.named(l.d.commit()) }

// Rotate implements zeeklog.Writer. A database isn't rotated, as in Zeek.
func (l *writer) Rotate(string, bool) (newName, oldName string, err error) { return "", "", l.Flush() }

// Close implements zeeklog.Writer.
func (l *writer) Close() error {
	err := l.Flush()
	if l.insert != nil {
		l.insert.Close()
	}
	if l.d.users--; l.d.users > 0 {
		return err
	}
	delete(l.all.open, l.d.file)
	if cerr := l.d.conn.Close(); err == nil {
		err = l.named(cerr)
	}
	if cerr := l.d.db.Close(); err == nil {
		err = l.named(cerr)
	}
	return err
}
