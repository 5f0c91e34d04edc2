package contentline

import "golang.org/x/sys/cpu"

// hasVectors says that plainVectors may be called.
var hasVectors = cpu.X86.HasAVX2

// plainVectors returns where the first CR, LF or NUL of the n octets at p is, or,
// without any, how many it has looked at: all but 31 at most.
//
//go:noescape
func plainVectors(p *byte, n int) int
