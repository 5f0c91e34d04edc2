package slab

// Buffers lends out buffers for what is put together for a short while: many
// users share few. Its zero value is ready.
type Buffers struct {
	free [][]byte
	kept int // octets of free
}

const (
	firstBuffer = 256
	keepBuffers = 1 << 20 // octets that are kept for the next users
)

// Take returns an empty buffer, to be appended to.
func (b *Buffers) Take() []byte {
	n := len(b.free)
	if n == 0 {
		return make([]byte, 0, firstBuffer)
	}
	buf := b.free[n-1]
	b.free[n-1] = nil
	b.free = b.free[:n-1]
	b.kept -= cap(buf)
	return buf
}

// Give takes back a buffer that nobody uses any more, nil too.
func (b *Buffers) Give(buf []byte) {
	if n := cap(buf); n > 0 && b.kept+n <= keepBuffers {
		b.free = append(b.free, buf[:0])
		b.kept += n
	}
}
