package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
)

// ErrTimeout says that a live source had nothing within its read timeout.
var ErrTimeout = errors.New("no packet within the timeout")

// Error says why a capture can't be read (further).
type Error struct {
	File string // as the user named it, "-" for standard input
	// Offset is where the header, record or block begins that can't be read, in
	// octets of the (decompressed) file; -1 if the file couldn't be opened.
	Offset int64
	// Record is the number of the packet record that can't be read, from 1; 0
	// for what isn't a packet.
	Record uint64
	// Problem is what was found, Expected what should have been there (or "").
	Problem, Expected string
	// Err is the cause from below, or nil.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File == "-" {
		b.WriteString("standard input")
	} else {
		b.WriteString(e.File)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, ": at offset %d", e.Offset)
	}
	if e.Record > 0 {
		fmt.Fprintf(&b, ", packet %d", e.Record)
	}
	if e.Problem != "" {
		b.WriteString(": " + e.Problem)
	}
	if e.Expected != "" {
		b.WriteString(": expected " + e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// bare takes the name off an error of package os: Error has it already.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// panicked is the cause of an Error that a panic of gzeek's own code became.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// broken is the Error of a source whose reading panicked with value. It is to be
// made where the panic is recovered.
func broken(name string, value any) error {
	return &Error{File: name, Offset: -1, Problem: "an error in gzeek, please report it", Err: &panicked{value, debug.Stack()}}
}

// guarded calls f, and makes an Error of a panic.
func guarded(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = broken(name, r)
		}
	}()
	return f()
}

// denied is an error about privileges: errors.Is says that it is fs.ErrPermission.
type denied string

func (d denied) Error() string { return string(d) }

func (denied) Is(target error) bool { return target == fs.ErrPermission }
