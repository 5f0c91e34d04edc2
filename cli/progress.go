package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gzeek/gzeek/capture"
)

// progress draws how much of a capture has been read, while that takes long.
type progress struct {
	quit chan struct{}
	done chan struct{}
}

const (
	progressAfter = time.Second
	progressEvery = 200 * time.Millisecond
	progressWidth = 40
)

// startProgress begins to draw on w if that is a terminal and the size of the
// capture is known.
func startProgress(src capture.Source, w io.Writer, terminal bool) *progress {
	if !terminal || src.Size() <= 0 {
		return &progress{}
	}
	p := &progress{quit: make(chan struct{}), done: make(chan struct{})}
	go p.draw(src, w)
	return p
}

func (p *progress) draw(src capture.Source, w io.Writer) {
	defer close(p.done)
	wait := time.NewTimer(progressAfter)
	defer wait.Stop()
	drawn := false
	for {
		select {
		case <-p.quit:
			if drawn {
				fmt.Fprintf(w, "\r%*s\r", progressWidth+10, "")
			}
			return
		case <-wait.C:
			share := min(1, float64(src.Pos())/float64(src.Size()))
			n := int(share * progressWidth)
			fmt.Fprintf(w, "\r[%s%s] %3.0f %%", strings.Repeat("#", n), strings.Repeat(".", progressWidth-n), 100*share)
			drawn = true
			wait.Reset(progressEvery)
		}
	}
}

// stop wipes the bar.
func (p *progress) stop() {
	if p.quit != nil {
		close(p.quit)
		<-p.done
	}
}
