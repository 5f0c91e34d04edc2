package cli

import (
	"errors"

	"github.com/gzeek/gzeek/capture"
)

// openLive opens one interface.
func openLive(ifaces []string, filter string) (capture.Source, error) {
	if len(ifaces) > 1 {
		return nil, errors.New("only one -i is supported; \"any\" captures from all interfaces")
	}
	return capture.OpenLive(ifaces[0], capture.LiveOptions{Filter: filter})
}
