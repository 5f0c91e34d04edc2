package conn

import (
	"testing"
	"unsafe"
)

// A scan has a million of them at a time.
func TestAConnectionFitsItsSizeClass(t *testing.T) {
	if n := unsafe.Sizeof(tcpConn{}); n > 1408 {
		t.Errorf("a tcpConn has %d octets, the allocator's next class is 1536", n)
	}
}
