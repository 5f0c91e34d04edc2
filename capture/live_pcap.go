//go:build libpcap && cgo

package capture

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcap"
)

// HaveLibpcap says whether this build listens and compiles filters with libpcap.
const HaveLibpcap = true

// pcapLive listens with libpcap, through gopacket.
type pcapLive struct {
	name   string
	h      *pcap.Handle
	link   LinkType
	number uint64
	stats  Stats
	last   pcap.Stats // libpcap's counters are of 32 bits and wrap
	bytes  atomic.Int64
	err    error
}

func openPcap(iface string, opts LiveOptions) (Source, error) {
	fail := func(err error) (Source, error) {
		return nil, &Error{File: iface, Offset: -1, Problem: "can't listen", Err: err}
	}
	in, err := pcap.NewInactiveHandle(iface)
	if err != nil {
		return fail(err)
	}
	defer in.CleanUp()
	if err := in.SetSnapLen(opts.Snaplen); err != nil {
		return fail(err)
	}
	if err := in.SetPromisc(!opts.NoPromiscuous); err != nil {
		return fail(err)
	}
	if err := in.SetTimeout(opts.Timeout); err != nil {
		return fail(err)
	}
	if err := in.SetBufferSize(opts.BufferMB << 20); err != nil {
		return fail(err)
	}
	h, err := in.Activate()
	if err != nil {
		// gopacket doesn't export the value of PCAP_ERROR_PERM_DENIED.
		if err.Error() == "Permission Denied" {
			err = denied(notPermitted)
		}
		return fail(err)
	}
	if opts.Filter != "" && opts.Filter != MatchAll {
		if err := h.SetBPFFilter(opts.Filter); err != nil {
			h.Close()
			return nil, &FilterError{Expr: opts.Filter, Err: err}
		}
	}
	return &pcapLive{name: iface, h: h, link: LinkType(h.LinkType())}, nil
}

func (p *pcapLive) Next(f *Frame) error {
	if p.err != nil {
		return p.err
	}
	data, ci, err := p.h.ZeroCopyReadPacketData()
	if err != nil {
		return p.fail(err)
	}
	p.fill(f, data, ci)
	return nil
}

func (p *pcapLive) fill(f *Frame, data []byte, ci gopacket.CaptureInfo) {
	p.number++
	sec, usec := ci.Timestamp.Unix(), int64(ci.Timestamp.Nanosecond()/1000)
	*f = Frame{Time: float64(sec) + float64(usec)/1e6, Sec: sec, Usec: usec, Data: data[:len(data):len(data)],
		CapLen: uint32(len(data)), WireLen: uint32(ci.Length), LinkType: p.link, Number: p.number, File: p.name}
	p.stats.count(f)
	p.bytes.Add(int64(len(data)))
}

func (p *pcapLive) fail(err error) error {
	switch {
	case err == pcap.NextErrorTimeoutExpired:
		return ErrTimeout
	case errors.Is(err, io.EOF):
		p.err = io.EOF
	default:
		cause := err
		if e := p.h.Error(); e != nil && err == pcap.NextErrorReadError {
			cause = e
		}
		p.Stats() // as long as libpcap may be asked
		p.err = &Error{File: p.name, Offset: -1, Problem: "can't read further", Err: cause}
	}
	return p.err
}

func (p *pcapLive) ReadBatch(b *Batch) error {
	// libpcap can't be asked whether more is there, but for its timeout: a batch
	// is what one frame brought, unless more come without waiting.
	return copyBatch(b, p.Next, func(*Frame) error { return ErrTimeout })
}

func (p *pcapLive) Stats() Stats {
	if p.h != nil && p.err == nil {
		if st, err := p.h.Stats(); err == nil {
			p.stats.Link += uint64(uint32(st.PacketsReceived) - uint32(p.last.PacketsReceived))
			p.stats.Dropped += uint64(uint32(st.PacketsDropped) - uint32(p.last.PacketsDropped))
			p.last = *st
		}
	}
	return p.stats
}

func (p *pcapLive) Pos() int64  { return p.bytes.Load() }
func (p *pcapLive) Size() int64 { return 0 }

func (p *pcapLive) Close() error {
	if p.err == nil {
		p.Stats()
		p.err = io.EOF
	}
	p.h.Close()
	return nil
}
