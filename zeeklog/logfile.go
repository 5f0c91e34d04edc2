package zeeklog

import (
	"bytes"
	"io"
	"os"
)

// logFile is what rows are added to. While it can't be written to (the disk is
// full), it keeps what it was given, and it never ends in half a line for longer
// than the system call takes that brought it there.
//
// A process that is killed in such a call can still leave half a line behind:
// Linux looks for a fatal signal at every page of a write (mm/filemap.c,
// generic_perform_write). cutTornLine is for that.
type logFile struct {
	out  io.Writer
	f    *os.File // out, if it can be truncated
	wait []byte   // what out hasn't got
	size int64    // octets of out
	// blocks says that wait is compressed, and so of a piece.
	blocks bool
}

// flush hands on what waits.
func (l *logFile) flush() error {
	if len(l.wait) == 0 {
		return nil
	}
	n, err := l.out.Write(l.wait)
	if err != nil && l.f != nil {
		n = l.cutBack(n)
	}
	l.size += int64(n)
	l.wait = l.wait[:copy(l.wait, l.wait[n:])]
	return err
}

// cutBack takes the half line off that a write of n octets has left, and
// returns how many of them stay.
func (l *logFile) cutBack(n int) int {
	whole := 0
	if !l.blocks {
		whole = bytes.LastIndexByte(l.wait[:n], '\n') + 1
	}
	if whole == n || l.truncate(l.size+int64(whole)) != nil {
		return n // the rest of the line comes with the next write
	}
	return whole
}

// truncate shortens the file, which needs no space on the disk.
func (l *logFile) truncate(size int64) error {
	if err := l.f.Truncate(size); err != nil {
		return err
	}
	_, err := l.f.Seek(size, io.SeekStart)
	return err
}

// cutTornLine cuts a file that a killed process or a lost machine has left
// behind its last whole line, and returns how many octets that took: half a
// line, or the zeros of blocks whose content never came to the disk.
func cutTornLine(name string) (int64, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end := st.Size()
	for buf := make([]byte, 64<<10); end > 0; {
		n := min(end, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], end-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			end -= n - int64(i) - 1
			break
		}
		end -= n
	}
	if end == st.Size() {
		return 0, nil
	}
	return st.Size() - end, f.Truncate(end)
}
