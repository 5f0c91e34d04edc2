//go:build !amd64

package extract

const hasVectors = false

func dotVectors(*byte, int) int { panic("there are no vectors") }
