//go:build !amd64

package mime

const hasVectors = false

func linesVectors(*byte, int, int) int { panic("there are no vectors") }

func decodeVectors(*byte, *byte, int, int, int) int { panic("there are no vectors") }
