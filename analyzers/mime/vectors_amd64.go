package mime

import "golang.org/x/sys/cpu"

// hasVectors says that the functions below may be called.
var hasVectors = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// linesVectors counts the lines in a row at p, of n octets, that have the width
// (32 or more) of octets of the alphabet and end with CRLF, but not beyond some
// 2,000 octets.
//
//go:noescape
func linesVectors(p *byte, n, width int) (lines int)

// decodeVectors decodes such lines, at most so many, whose width is a multiple of
// 4 as well, and returns how many they were. Out has room for the octets of all,
// and for 8 more.
//
//go:noescape
func decodeVectors(out, p *byte, n, width, most int) (lines int)
