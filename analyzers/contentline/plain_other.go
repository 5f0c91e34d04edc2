//go:build !amd64

package contentline

const hasVectors = false

func plainVectors(*byte, int) int { panic("there are no vectors") }
