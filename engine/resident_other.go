//go:build !unix

package engine

func mostResident() uint64 { return heapFromSystem() }
