//go:build !amd64

package scan

const (
	hasVectors = false
	vector     = 32
)

func lineEndVectors(*byte, int) int { panic("there are no vectors") }

func notPlainVectors(*byte, int) int { panic("there are no vectors") }

func dotVectors(*byte, int) int { panic("there are no vectors") }
