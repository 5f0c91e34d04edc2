package capture

import (
	"bytes"
	"strings"
	"time"
)

// LiveOptions say how to listen. Zero values mean Zeek's defaults.
type LiveOptions struct {
	// Filter is a pcap-filter(7) expression; the kernel applies it.
	Filter string
	// Snaplen is how much is taken of a packet, Pcap::snaplen: 9216.
	Snaplen int
	// BufferMB is the kernel's buffer in MiB, Pcap::bufsize: 128.
	BufferMB int
	// RingMB is the same for AF_PACKET, AF_Packet::buffer_size; 0 is BufferMB.
	RingMB int
	// NoPromiscuous takes only what is addressed to this machine.
	NoPromiscuous bool
	// Timeout is how long Next waits before it returns ErrTimeout, so that
	// timers can run and signals be seen: 20 ms.
	Timeout time.Duration
	// Fanout shares an interface's packets between all AF_PACKET sources of this
	// number, in this process and others; 0 doesn't share. FanoutMode says how,
	// and FanoutDefrag has the kernel put fragments together before (only for
	// the choice), so that they follow their flow.
	Fanout       uint16
	FanoutMode   FanoutMode
	FanoutDefrag bool
	// Workers is for OpenInterfaces: how many goroutines share the work. With 0
	// and 1 a single interface is read by who calls Next.
	Workers int
	// Ahead is called for each batch, by the goroutine that reads the interface,
	// and may set Frame.Ahead; nil for nothing. It is not called where who calls
	// Next reads.
	Ahead func(*Batch)
	// Reopen is for OpenInterfaces: an interface that fails is opened again, and
	// this is how long it takes at most until that is tried once more. With 0 its
	// failure is an error.
	Reopen time.Duration
	// Warn hears of an interface that fails, and that is read again; nil is
	// nobody. It is called by the goroutine that reads.
	Warn func(string)

	downToo bool // open an interface that is down: it is read once it is up
}

// FanoutMode is how the kernel shares packets, AF_Packet::fanout_mode.
type FanoutMode int

// By the flow's hash, by the core that received the packet, by the card's queue.
const (
	FanoutHash FanoutMode = iota
	FanoutCPU
	FanoutQueue
)

func (o LiveOptions) withDefaults() LiveOptions {
	if o.Snaplen <= 0 {
		o.Snaplen = 9216
	}
	o.Snaplen = min(o.Snaplen, int(maxSnaplen(Ethernet)))
	if o.BufferMB <= 0 {
		o.BufferMB = 128
	}
	if o.RingMB <= 0 {
		o.RingMB = o.BufferMB
	}
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Millisecond
	}
	return o
}

const afPacketPrefix = "af_packet::"

const notPermitted = "not permitted; it needs root or the capability cap_net_raw"

// OpenLive listens on an interface. "af_packet::eth0" reads the kernel's ring
// directly, which needs Linux but no libpcap; other names are libpcap's ("any"
// too) and need a build with it.
func OpenLive(iface string, opts LiveOptions) (Source, error) {
	opts = opts.withDefaults()
	if name, ok := strings.CutPrefix(iface, afPacketPrefix); ok {
		return openAFPacket(iface, name, opts)
	}
	return openPcap(iface, opts)
}

// copyBatch makes a batch of a live source's frames, which can't stay where
// they are: as many as are there at once and fit. first waits, more doesn't.
func copyBatch(b *Batch, first, more func(*Frame) error) error {
	b.Frames = b.Frames[:0]
	if b.buf == nil {
		b.buf = make([]byte, blockSize)
	}
	used := 0
	next := first
	for len(b.Frames) < maxBatch {
		var f Frame
		if err := next(&f); err != nil {
			if len(b.Frames) > 0 {
				return nil // it comes again
			}
			return err
		}
		next = more
		f.Ahead = nil // its memory stays behind
		if used+len(f.Data) <= len(b.buf) {
			n := copy(b.buf[used:], f.Data)
			f.Data = b.buf[used : used+n : used+n]
			used += n
			b.Frames = append(b.Frames, f)
			continue
		}
		// The last one gets memory of its own.
		f.Data = bytes.Clone(f.Data)
		b.Frames = append(b.Frames, f)
		break
	}
	return nil
}
