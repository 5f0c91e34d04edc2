package packet

import "golang.org/x/sys/cpu"

// hasVectors says that sumVectors may be called.
var hasVectors = cpu.X86.HasAVX2

// sumVectors adds the words of n octets at p, 64 or a multiple of it, as onesSum
// does.
//
//go:noescape
func sumVectors(p *byte, n int) uint64
