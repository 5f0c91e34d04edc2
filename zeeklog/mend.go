package zeeklog

import (
	"bufio"
	"bytes"
	"io"
	"os"
)

// A lost machine leaves a log as far as its blocks came to the disk: ext4 and XFS
// write them when they like, and know of a file's length when any block behind
// others was written. What is missing reads as zeros, at the end or, seldom, in
// between. Rows never hold several zeros in a row: they are escaped.
const (
	// holeLength is how many zeros are a hole.
	holeLength = 8
	// holeReach is how far from the end holes are looked for: more than a kernel
	// leaves unwritten (vm.dirty_expire_centisecs, 30 s).
	holeReach = 256 << 20
)

// mend makes a log that a crash left one of whole lines, and returns how many
// octets that took.
func mend(name string) (int64, error) {
	cut, err := cutTornLine(name)
	if err != nil {
		return cut, err
	}
	torn, err := cutHoles(name)
	return cut + torn, err
}

// cutHoles takes the lines out that have a hole in them. The file is replaced by
// another one, so that a crash while that is made changes nothing.
func cutHoles(name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from := max(st.Size()-holeReach, 0)
	hole, err := findHole(io.NewSectionReader(f, from, st.Size()-from))
	if err != nil || hole < 0 {
		return 0, err
	}
	whole, err := lineStart(f, from+hole)
	if err != nil {
		return 0, err
	}
	tmp := name + ".mending"
	out, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, st.Mode().Perm())
	if err != nil {
		return 0, err
	}
	size, err := copyWhole(out, f, whole, st.Size())
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		os.Remove(tmp)
		return 0, err
	}
	return st.Size() - size, nil
}

// findHole returns where a hole begins, -1 without one.
func findHole(r io.Reader) (int64, error) {
	buf := make([]byte, 1<<20)
	zeros, at := 0, int64(0)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			at++
			if c != 0 {
				zeros = 0
			} else if zeros++; zeros == holeLength {
				return at - holeLength, nil
			}
		}
		if err == io.EOF {
			return -1, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// lineStart returns where the line begins that has the octet at off.
func lineStart(f io.ReaderAt, off int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for off > 0 {
		n := min(off, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], off-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return off - n + int64(i) + 1, nil
		}
		off -= n
	}
	return 0, nil
}

// copyWhole copies the first octets of f, and behind them lines without a hole. It
// returns the length of out. Lines may be as long as they like.
func copyWhole(out, f *os.File, whole, end int64) (int64, error) {
	if _, err := io.Copy(out, io.NewSectionReader(f, 0, whole)); err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	in := bufio.NewReaderSize(io.NewSectionReader(f, whole, end-whole), 1<<20)
	line, at, zeros, torn := whole, whole, 0, false // of out
	for {
		c, err := in.ReadByte()
		if err == io.EOF {
			return at, w.Flush()
		}
		if err != nil {
			return 0, err
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		torn = torn || zeros == holeLength
		if err := w.WriteByte(c); err != nil {
			return 0, err
		}
		if at++; c != '\n' {
			continue
		}
		if torn {
			if err := backTo(out, w, line); err != nil {
				return 0, err
			}
			at, torn = line, false
		}
		line = at
	}
}

// backTo forgets what was written to out through w behind an offset.
func backTo(out *os.File, w *bufio.Writer, off int64) error {
	if err := w.Flush(); err != nil {
		return err
	}
	if err := out.Truncate(off); err != nil {
		return err
	}
	_, err := out.Seek(off, io.SeekStart)
	return err
}
