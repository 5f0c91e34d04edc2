package zeeklog

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// lookInterval is how often a log that is written to is looked for.
const lookInterval = time.Second

// dropRemoved forgets a file that is no longer where it was opened, so that the
// next rows begin a new one: what is written to a file without a name is lost, and
// one that somebody has moved away is theirs. An empty file in its place, as
// logrotate makes it, is taken.
func (w *asciiWriter) dropRemoved() {
	f := w.onDisk()
	if f == nil {
		return
	}
	w.looked = time.Now()
	mine, err := f.Stat()
	if err != nil {
		return
	}
	o := w.info.Options
	there, err := os.Stat(o.inDir(w.name))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err == nil && !os.SameFile(mine, there) && there.Size() == 0:
	default:
		return
	}
	o.Error(fmt.Sprintf("%s was removed or moved away while it was written, a new one is begun", w.name))
	if !w.file.blocks && !w.ended {
		w.buf = append(w.file.wait, w.buf...) // what it hasn't got
	}
	if err := w.closeFile(); err != nil {
		o.Error(err.Error())
	}
}
