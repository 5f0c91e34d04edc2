//go:build !unix

package cli

import "time"

// monotonic is for systemd.
func monotonic() time.Duration { return 0 }
