package zeeklog

import "unsafe"

// bytesAsString looks at b as a string without copying; b must not change
// while the string is used.
func bytesAsString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
