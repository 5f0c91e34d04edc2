//go:build !unix

package control

import (
	"errors"
	"net"
	"os"
)

func listenAs(string, os.FileMode) (net.Listener, error) {
	return nil, errors.New("there is none on this system")
}

func openLock(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) }

func lockFile(*os.File) error { return nil }
