//go:build !linux

package cli

// useHugePages does something on Linux only.
func useHugePages() uint64 { return 0 }
