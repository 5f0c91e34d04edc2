package slab

import "math/bits"

// Buffers lends out buffers for what is put together for a short while: many
// users share few. Who needs a larger one gives back the one it had, so that
// small things don't sit in large buffers while large things grow anew. Its zero
// value is ready.
type Buffers struct {
	free [bufferSizes][][]byte // of firstBuffer octets, of twice as many, and so on
	kept int                   // octets of free
}

const (
	firstBuffer = 256
	bufferSizes = 13      // up to 1 MB; larger ones are nobody's
	keepBuffers = 1 << 20 // octets that are kept for the next users
)

// Append is append for a buffer that came from Append, or nil.
func (b *Buffers) Append(buf, data []byte) []byte {
	n := len(buf) + len(data)
	if n <= cap(buf) {
		return append(buf, data...)
	}
	larger := append(b.take(n), buf...)
	b.Give(buf)
	return append(larger, data...)
}

// sizeOf returns the place in free of the smallest buffers of n octets.
func sizeOf(n int) int { return bits.Len(uint(max(n, 1)-1) / firstBuffer) }

func (b *Buffers) take(n int) []byte {
	size := sizeOf(n)
	if size >= bufferSizes {
		return make([]byte, 0, n+n/4)
	}
	last := len(b.free[size]) - 1
	if last < 0 {
		return make([]byte, 0, firstBuffer<<size)
	}
	buf := b.free[size][last]
	b.free[size][last] = nil
	b.free[size] = b.free[size][:last]
	b.kept -= cap(buf)
	return buf
}

// Give takes back a buffer that nobody uses any more, nil too.
func (b *Buffers) Give(buf []byte) {
	n := cap(buf)
	if n == 0 || b.kept+n > keepBuffers {
		return
	}
	if size := sizeOf(n); size < bufferSizes && n == firstBuffer<<size {
		b.free[size] = append(b.free[size], buf[:0])
		b.kept += n
	}
}
