//go:build !linux

package capture

import "errors"

func openAFPacket(name, _ string, _ LiveOptions) (Source, error) {
	return nil, &Error{File: name, Offset: -1, Problem: "can't listen", Err: errors.New("AF_PACKET is Linux's")}
}
