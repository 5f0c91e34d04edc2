//go:build !linux

package privilege

import "errors"

// Drop is for Linux alone: elsewhere the rest of gzeek isn't made for running as
// root.
func Drop(u *User) error {
	if u == nil {
		return nil
	}
	return errors.New("--user needs Linux: start gzeek as that user")
}
