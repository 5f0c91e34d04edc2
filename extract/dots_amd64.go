package extract

import "golang.org/x/sys/cpu"

// hasVectors says that dotVectors may be called.
var hasVectors = cpu.X86.HasAVX2

// dotVectors returns where the first digit of the n octets at p is that a dot and a digit follow, or, without any, how many it
// has looked at: all but some 33.
//
//go:noescape
func dotVectors(p *byte, n int) int
