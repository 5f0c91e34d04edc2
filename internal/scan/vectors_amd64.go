package scan

import "golang.org/x/sys/cpu"

// hasVectors says that the functions below may be called. They look at whole
// vectors only: each returns where the first octet is that it looks for, or,
// without any, how many of the n octets at p it has looked at.
var hasVectors = cpu.X86.HasAVX2

const vector = 32

//go:noescape
func lineEndVectors(p *byte, n int) int

//go:noescape
func notPlainVectors(p *byte, n int) int

// dotVectors finds digits that a dot and a digit follow.
//
//go:noescape
func dotVectors(p *byte, n int) int
