package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// counting gives so many frames, and then is silent.
type counting struct {
	n, of int
	size  int
	link  func(n int) LinkType
}

func (c *counting) Next(f *Frame) error {
	if c.n == c.of {
		return ErrTimeout
	}
	c.n++
	data := bytes.Repeat([]byte{byte(c.n)}, c.size)
	*f = Frame{Time: float64(c.n), Sec: int64(c.n), Data: data, CapLen: uint32(c.size), WireLen: uint32(c.size), LinkType: Ethernet}
	if c.link != nil {
		f.LinkType = c.link(c.n)
	}
	return nil
}

func (c *counting) ReadBatch(b *Batch) error {
	return copyBatch(b, c.Next, func(*Frame) error { return ErrTimeout })
}

func (c *counting) Stats() Stats { return Stats{Received: uint64(c.n)} }
func (c *counting) Pos() int64   { return 0 }
func (c *counting) Size() int64  { return 0 }
func (c *counting) Close() error { return nil }

// take reads n frames, one by one or in batches.
func take(t *testing.T, src Source, n int, batches bool) {
	t.Helper()
	for range n {
		var f Frame
		var b Batch
		err := error(nil)
		if batches {
			err = src.ReadBatch(&b)
		} else {
			err = src.Next(&f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// recorded are the numbers of the packets of a file, which has to be whole.
func recorded(t *testing.T, name string) (numbers []int) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return nil // not even begun
	}
	fs, err := readBytes(t, b, Options{})
	if err != io.EOF {
		t.Fatalf("the file can't be read: %v", err)
	}
	for _, f := range fs {
		numbers = append(numbers, int(f.Sec))
	}
	return numbers
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

func TestASilentInterfacesPacketsComeToTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.pcap")
	w, err := CreateFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := Record(&counting{of: 3, size: 60}, w, func(s string) { t.Error(s) })
	take(t, r, 3, false)
	r.tried = time.Now().Add(-flushRecorder)
	var f Frame
	if err := r.Next(&f); !errors.Is(err, ErrTimeout) {
		t.Fatal(err)
	}
	if got := recorded(t, name); !slices.Equal(got, upTo(3)) {
		t.Errorf("%v", got)
	}
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
}

func TestPacketsOfAnotherLinkTypeAreLeftOutAndCounted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.pcap")
	w, err := CreateFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	src := &counting{of: 6, size: 60, link: func(n int) LinkType {
		if n%2 == 0 {
			return LinuxSLL
		}
		return Ethernet
	}}
	r := Record(src, w, func(s string) { told = append(told, s) })
	take(t, r, 6, true)
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
	if got := recorded(t, name); !slices.Equal(got, []int{1, 3, 5}) {
		t.Errorf("%v", got)
	}
	if len(told) != 1 || !strings.Contains(told[0], "a frame of link type 113: expected 1") || r.Stats().Unwritten != 3 {
		t.Errorf("told %q, %+v", told, r.Stats())
	}
}

func TestAFileThatCannotBeWrittenAtTheEndIsAnError(t *testing.T) {
	var told []string
	r := Record(&counting{of: 100, size: 1000}, NewWriter(fullDisk{}, "out"), func(s string) { told = append(told, s) })
	take(t, r, 100, false)
	if err := r.Finish(); err == nil || !strings.Contains(err.Error(), "out: can't be written: no space left on device; the last packets are missing there") {
		t.Error(err)
	}
}
