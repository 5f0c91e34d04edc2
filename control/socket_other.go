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

func lockFile(*os.File) error { return nil }
