// Package slab takes many small values out of few allocations: for records of
// which each connection, mail or file needs one.
//
// Nothing is given back. A block lives as long as any value of it, so blocks
// are small: one record that stays for long keeps a few kilobytes of others, and
// all that these point to. So a value must not point to what has values of other
// blocks in turn, or has to forget it once it is done: one that is alive would
// keep all that ever were, from block to block.
// A type of this package belongs to one goroutine; its zero value is ready.
package slab

import "unsafe"

// blockBytes is about how large the blocks of Of are.
const blockBytes = 4 << 10

// Of gives out zero values of T.
type Of[T any] struct{ free []T }

// New returns a value.
func (s *Of[T]) New() *T { return &s.Slice(1)[0] }

// Slice returns n values in a row, which can't grow in place.
func (s *Of[T]) Slice(n int) []T {
	if n > len(s.free) {
		var t T
		s.free = make([]T, max(n, blockBytes/int(max(unsafe.Sizeof(t), 1))))
	}
	v := s.free[:n:n]
	s.free = s.free[n:]
	return v
}

// Append is append, which takes the room for growing from s.
func (s *Of[T]) Append(list []T, v T) []T {
	if len(list) == cap(list) {
		list = append(s.Slice(2 * max(len(list), 1))[:0], list...)
	}
	return append(list, v)
}

// Text gives out strings.
type Text struct{ block []byte }

// The size of a Text's blocks, and from which length on a string has a block of
// its own.
const (
	textBlock = 4 << 10
	ownBlock  = 1 << 10
)

// String copies b.
func (t *Text) String(b []byte) string { return t.Take(append(t.Room(len(b)), b...)) }

// Room returns an empty slice with a capacity of at least n octets, to be filled
// by appending and handed to Take.
func (t *Text) Room(n int) []byte {
	if n >= ownBlock {
		return make([]byte, 0, n)
	}
	if n > cap(t.block)-len(t.block) {
		t.block = make([]byte, 0, textBlock)
	}
	return t.block[len(t.block):]
}

// Take makes a string of what was appended to the slice that Room returned last.
// b isn't changed any more.
func (t *Text) Take(b []byte) string {
	text := unsafe.SliceData(b)
	if room := t.block[len(t.block):cap(t.block)]; len(b) <= len(room) && text == unsafe.SliceData(room) {
		t.block = t.block[:len(t.block)+len(b)]
	} // else it has a block of its own, or has outgrown the room
	return unsafe.String(text, len(b))
}
