package intel

import (
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/redef"
)

// input are the indicator files of a run.
type input struct {
	files            *redef.StringSet
	prefix           *redef.String // Intel::path_prefix
	readerPrefix     *redef.String // InputAscii::path_prefix
	separator, unset *redef.String
	state            map[string]fileState
}

// fileState tells whether a file has changed since it was read.
type fileState struct {
	modified time.Time
	size     int64
	info     fs.FileInfo // for os.SameFile
}

func (f *Framework) initInput() {
	o := f.ctx.Options
	f.input = input{
		files:        o.StringSet("Intel::read_files", nil, "files of indicators, with tabs between the columns"),
		prefix:       o.String("Intel::path_prefix", "", "folder of the files whose names are not absolute"),
		readerPrefix: o.String("InputAscii::path_prefix", "", "folder of input files whose names are not absolute"),
		separator:    o.String("InputAscii::separator", "\t", "between the columns of input files"),
		unset:        o.String("InputAscii::unset_field", "-", "for unset fields of input files"),
		state:        make(map[string]fileState),
	}
	// In Zeek the lines come as events after zeek_init, and before the first
	// packet if processing waits for them.
	f.ctx.Events.ZeekInit.Handle(f.ctx.Policy(), math.MinInt32, func(*struct{}) {
		if err := f.Reread(); err != nil {
			panic(event.ScriptError{Msg: err.Error()})
		}
		if f.ctx.Live {
			f.keepReading()
		}
	})
}

// rereadEvery is how often a live run looks whether the files have changed, in
// seconds: Zeek's reader does with each heartbeat of its thread
// (Threading::heartbeat_interval).
const rereadEvery = 1

// keepReading takes in what changes in the files while a live run goes on. What
// is wrong in them is reported and leaves the old indicators in place.
func (f *Framework) keepReading() {
	f.ctx.Schedule(rereadEvery, func() {
		if err := f.Reread(); err != nil {
			f.ctx.Error("%v", err)
		}
		f.keepReading()
	})
}

// paths are the files to read, in Zeek's order.
func (f *Framework) paths() []string {
	under := func(folder, name string) string {
		if folder == "" || strings.HasPrefix(name, "/") {
			return name
		}
		return strings.TrimRight(folder, "/") + "/" + name
	}
	var paths []string
	for _, name := range f.input.files.Get() {
		paths = append(paths, under(f.input.readerPrefix.Get(), under(f.input.prefix.Get(), name)))
	}
	return paths
}

// format is that of the files of this run.
func (f *Framework) format() *format {
	fm := &format{separator: '\t', unset: f.input.unset.Get(), types: f.names.types, wheres: f.names.wheres, fields: f.fields}
	if s := f.input.separator.Get(); s != "" {
		fm.separator = s[0]
	}
	return fm
}

// Reread reads the files of Intel::read_files that are new or have changed, and
// inserts what they hold; as in Zeek what is no longer in them stays. It is
// called between two packets. A file that is missing or wrong changes nothing:
// its old indicators stay, and the error, of type redef.Problems, says what is
// wrong in which lines. At the start it is called by itself.
func (f *Framework) Reread() error {
	var problems redef.Problems
	var read [][]Item
	format := f.format()
	for _, path := range f.paths() {
		st, changed := f.changed(path)
		if !changed {
			continue
		}
		items, err := format.readFile(path)
		f.input.state[path] = st // a wrong file is reported once, not all the time
		if ps, ok := err.(redef.Problems); ok {
			problems = append(problems, ps...)
			continue
		}
		read = append(read, items)
	}
	for _, items := range read {
		for i := range items {
			f.ReadEntry.Call(&items[i])
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// changed says whether a file is to be read, and what it is like now.
func (f *Framework) changed(path string) (fileState, bool) {
	old, known := f.input.state[path]
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, !known || old.info != nil
	}
	now := fileState{info.ModTime(), info.Size(), info}
	return now, !known || old.info == nil || !now.modified.Equal(old.modified) || now.size != old.size || !os.SameFile(now.info, old.info)
}
