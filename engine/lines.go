package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/config"
	"github.com/gzeek/gzeek/redef"
)

// lineFiles are the files of Config::config_files, as they were read last.
//
// Zeek: scripts/base/frameworks/config/input.zeek, input/readers/config/Config.cc.
// There a thread reads them at some time near the start; here they are read before
// the first packet, so that equal runs write equal logs.
type lineFiles map[string]*lineFile

type lineFile struct {
	info   fs.FileInfo       // of what was read, nil before
	told   bool              // that it can't be read
	values map[string]string // by option
}

// readLines reads the files that have changed and sets the options that they name.
func (e *Engine) readLines() {
	log, ok := policy.Lookup[*config.Changes](e.ctx)
	if !ok {
		return
	}
	for _, path := range log.Files() {
		if e.lineFiles == nil {
			e.lineFiles = make(lineFiles)
		}
		f := e.lineFiles[path]
		if f == nil {
			f = &lineFile{}
			e.lineFiles[path] = f
		}
		lines, changed := e.changedLines(path, f)
		if !changed {
			continue
		}
		changes, problems := e.registry.SetLines(lines)
		for _, p := range problems {
			e.warn(p.String() + "; the line is ignored")
		}
		e.liveSettings()
		for i := range changes {
			log.Changed(&changes[i])
		}
		e.events.Drain()
	}
}

// changedLines reads a file, if it has changed, and returns the lines that say
// something new.
func (e *Engine) changedLines(path string, f *lineFile) (news []redef.Line, changed bool) {
	info, err := os.Stat(path)
	if err == nil && f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) {
		return nil, false
	}
	var lines []redef.Line
	var problems redef.Problems
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file") // another may have no end
	} else {
		lines, problems, err = redef.ReadLines(path)
	}
	if err != nil {
		if !f.told {
			e.warn(fmt.Sprintf("Config::config_files: %s: %v", path, err))
		}
		f.told = true
		return nil, false
	}
	f.info, f.told = info, false
	for _, p := range problems {
		e.warn(p.String() + "; the line is ignored")
	}
	values := make(map[string]string)
	for _, l := range lines {
		old, ok := values[l.Name]
		if !ok {
			old, ok = f.values[l.Name]
		}
		if !ok || old != l.Value {
			news = append(news, l)
		}
		values[l.Name] = l.Value
	}
	f.values = values
	return slices.Clip(news), true
}
