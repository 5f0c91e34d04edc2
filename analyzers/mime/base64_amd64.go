package mime

import "golang.org/x/sys/cpu"

// hasVectors says that linesVectors may be called.
var hasVectors = cpu.X86.HasAVX2

// linesVectors counts the lines in a row at p, of n octets, that have the width
// (32 or more) of octets of the alphabet and end with CRLF.
//
//go:noescape
func linesVectors(p *byte, n, width int) (lines int)
