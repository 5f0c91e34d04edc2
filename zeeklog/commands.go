package zeeklog

import (
	"fmt"
	"os/exec"
	"sync"
)

// maxCommands is how many postprocessors run at a time, maxQueued how many may
// wait for their turn: with so many something is wrong, and no more are run.
const (
	maxCommands = 8
	maxQueued   = 1000
)

// commands runs postprocessors. Nobody waits for one but the end of a run:
// compressing a large log takes longer than packets can wait (Zeek puts an "&"
// behind the command: zeek.bif, do_system).
type commands struct {
	wg      sync.WaitGroup
	mu      sync.Mutex
	running int
	queue   []postprocess
	said    []string // of those that failed
}

// postprocess is one of them; line is what it is called in messages.
type postprocess struct {
	*exec.Cmd
	line string
}

// start runs a command, or puts it into the queue.
func (c *commands) start(cmd postprocess) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.running < maxCommands:
		c.running++
		c.wg.Go(func() { c.work(cmd) })
	case len(c.queue) < maxQueued:
		c.queue = append(c.queue, cmd)
	default:
		return fmt.Errorf("%d others wait already", maxQueued)
	}
	return nil
}

func (c *commands) work(cmd postprocess) {
	for more := true; more; {
		err := cmd.Run()
		c.mu.Lock()
		if err != nil && len(c.said) < maxQueued {
			// Zeek doesn't look at the command's status; a failure that nobody
			// hears of is a common complaint, so at least warn.
			c.said = append(c.said, fmt.Sprintf("rotation postprocessor '%s': %s", cmd.line, err))
		}
		if more = len(c.queue) > 0; more {
			cmd = c.queue[0]
			c.queue = c.queue[:copy(c.queue, c.queue[1:])]
		} else {
			c.running--
		}
		c.mu.Unlock()
	}
}

// failures gives what is to be said, once.
func (c *commands) failures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said
	c.said = nil
	return said
}
