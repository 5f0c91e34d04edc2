//go:build !amd64

package packet

const hasVectors = false

func sumVectors(*byte, int) uint64 { panic("there are no vectors") }
