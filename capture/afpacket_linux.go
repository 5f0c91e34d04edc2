package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gzeek/gzeek/capture/bpf"
)

// afPacket reads the ring of a packet socket, TPACKET_V3 of
// Documentation/networking/packet_mmap.rst: the kernel fills blocks of the
// mapped memory, hands each over by a flag, and gets it back by the same flag.
type afPacket struct {
	name     string
	fd       int
	ring     []byte
	block    int // the one we hold or wait for
	held     bool
	left     uint32 // packets of it not given yet
	at       uint32 // where the next one begins in it
	loopback bool
	link     LinkType
	timeout  time.Duration
	user     *bpf.Program // a filter that the kernel can't apply
	number   uint64
	stats    Stats
	bytes    atomic.Int64
	err      error
}

const (
	// ringBlock is small because the kernel closes a block after the timeout whatever
	// is in it: a run that doesn't read for a while has lost packets once all blocks
	// hold a few each. 512 of them are 5 s in 128 MiB. A packet has to fit.
	ringBlock = 1 << 18
	// Offsets in a block's header and a packet's, struct tpacket_block_desc and
	// tpacket3_hdr.
	blockStatus = 8
	blockCount  = 12
	blockFirst  = 16
	hdrNext     = 0
	hdrSec      = 4
	hdrNsec     = 8
	hdrSnaplen  = 12
	hdrLen      = 16
	hdrStatus   = 20
	hdrMac      = 24
	hdrVLAN     = 32
	hdrTPID     = 36
	hdrSize     = 48
	sllType     = 10 // behind it, in struct sockaddr_ll
	outgoing    = 4

	vlanTag = 4
)

func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

func openAFPacket(name, iface string, opts LiveOptions) (_ Source, err error) {
	a := &afPacket{name: name, fd: -1, timeout: opts.Timeout}
	defer func() {
		if err != nil {
			a.release()
			var fe *FilterError
			if !errors.As(err, &fe) {
				err = &Error{File: name, Offset: -1, Problem: "can't listen", Err: err}
			}
		}
	}()
	// Protocol 0: nothing comes in before all is set up. Who may not listen hears so
	// whether the interface is there or not.
	a.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil, denied(notPermitted)
		}
		return nil, os.NewSyscallError("socket", err)
	}
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("no interface %q", iface)
	}
	if ifi.Flags&net.FlagUp == 0 && !opts.downToo {
		return nil, errors.New("the interface is down")
	}
	if err := a.linkType(iface); err != nil {
		return nil, err
	}
	if err := a.setup(ifi.Index, opts); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *afPacket) linkType(iface string) error {
	ifr, err := unix.NewIfreq(iface)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(a.fd, unix.SIOCGIFHWADDR, ifr); err != nil {
		return os.NewSyscallError("SIOCGIFHWADDR", err)
	}
	switch t := ifr.Uint16(); t {
	case unix.ARPHRD_ETHER:
		a.link = Ethernet
	case unix.ARPHRD_LOOPBACK:
		a.link, a.loopback = Ethernet, true
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP, unix.ARPHRD_TUNNEL, unix.ARPHRD_SIT:
		a.link = Raw
	default:
		return fmt.Errorf("its hardware type %d is unknown here; libpcap may know it", t)
	}
	return nil
}

func (a *afPacket) setup(index int, opts LiveOptions) error {
	if err := unix.SetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return os.NewSyscallError("PACKET_VERSION", err)
	}
	// Room to put a VLAN tag back that the card took off.
	if err := unix.SetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_RESERVE, vlanTag); err != nil {
		return os.NewSyscallError("PACKET_RESERVE", err)
	}
	if a.loopback {
		// What this machine sends to itself would come twice. Kernels before 4.20
		// don't know the option: see frame.
		unix.SetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	if err := a.filter(opts); err != nil {
		return err
	}
	if err := a.mapRing(opts); err != nil {
		return err
	}
	if !opts.NoPromiscuous {
		m := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(a.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return os.NewSyscallError("PACKET_ADD_MEMBERSHIP", err)
		}
	}
	if err := unix.Bind(a.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if opts.Fanout != 0 {
		return a.join(opts)
	}
	return nil
}

// join has the socket share the interface's packets with others of its group.
func (a *afPacket) join(opts LiveOptions) error {
	mode := [...]int{unix.PACKET_FANOUT_HASH, unix.PACKET_FANOUT_CPU, unix.PACKET_FANOUT_QM}[opts.FanoutMode]
	if opts.FanoutDefrag {
		mode |= unix.PACKET_FANOUT_FLAG_DEFRAG
	}
	set := func(mode int) error {
		return unix.SetsockoptInt(a.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, int(opts.Fanout)|mode<<16)
	}
	if a.loopback && set(mode|unix.PACKET_FANOUT_FLAG_IGNORE_OUTGOING) == nil {
		return nil
	}
	return os.NewSyscallError("PACKET_FANOUT", set(mode))
}

// filter attaches the filter; its result is also what cuts packets to the snap
// length. VLAN tags that the card took off aren't in the packet when the kernel
// filters, so an expression about them is applied here, where they are back.
func (a *afPacket) filter(opts LiveOptions) error {
	prog := bpf.All()
	if opts.Filter != "" && opts.Filter != MatchAll {
		p, err := compile(opts.Filter, a.link)
		if err != nil {
			return &FilterError{Expr: opts.Filter, Err: err}
		}
		if bpf.AboutVLAN(opts.Filter) {
			a.user = p
		} else {
			prog = p
		}
	}
	raw := prog.Limit(uint32(opts.Snaplen))
	if len(raw) > 4096 {
		return &FilterError{Expr: opts.Filter, Err: fmt.Errorf("%d instructions, the kernel takes 4096", len(raw))}
	}
	ins := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		ins[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(ins)), Filter: &ins[0]}
	if err := unix.SetsockoptSockFprog(a.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return os.NewSyscallError("SO_ATTACH_FILTER", err)
	}
	return nil
}

func (a *afPacket) mapRing(opts LiveOptions) error {
	// A smaller ring is better than none where memory is short.
	for mb := opts.RingMB; ; mb /= 2 {
		req := unix.TpacketReq3{Block_size: ringBlock, Block_nr: uint32(mb) * (1 << 20 / ringBlock), Frame_size: 2048,
			Frame_nr: uint32(mb) * (1 << 20 / 2048), Retire_blk_tov: uint32(max(opts.Timeout.Milliseconds()/2, 1))}
		err := unix.SetsockoptTpacketReq3(a.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req)
		if errors.Is(err, unix.ENOMEM) && mb > 4 {
			continue
		}
		if err != nil {
			return os.NewSyscallError("PACKET_RX_RING", err)
		}
		a.ring, err = unix.Mmap(a.fd, 0, mb<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return os.NewSyscallError("mmap", err)
	}
}

// status is shared with the kernel.
func (a *afPacket) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&a.ring[a.block*ringBlock+blockStatus]))
}

// wait gets the next block with packets in it.
func (a *afPacket) wait(block bool) error {
	deadline := time.Now().Add(a.timeout)
	for {
		if a.held {
			atomic.StoreUint32(a.status(), unix.TP_STATUS_KERNEL)
			a.held = false
			a.block = (a.block + 1) % (len(a.ring) / ringBlock)
		}
		if atomic.LoadUint32(a.status())&unix.TP_STATUS_USER != 0 {
			b := a.ring[a.block*ringBlock:][:ringBlock]
			a.held = true
			a.left = binary.NativeEndian.Uint32(b[blockCount:])
			a.at = binary.NativeEndian.Uint32(b[blockFirst:])
			if a.left > 0 {
				return nil
			}
			continue
		}
		left := time.Until(deadline)
		if !block {
			return ErrTimeout
		}
		if left <= 0 {
			return a.silent()
		}
		fds := []unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(left.Milliseconds())+1)
		if err != nil && err != unix.EINTR {
			return a.fail(os.NewSyscallError("poll", err))
		}
		if n > 0 && fds[0].Revents&unix.POLLERR != 0 {
			// An interface that is down may come up again, and the socket with it.
			if e, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && e != 0 && unix.Errno(e) != unix.ENETDOWN {
				return a.fail(unix.Errno(e))
			}
		}
		if n > 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLNVAL) != 0 {
			return a.fail(errors.New("the socket was closed"))
		}
	}
}

// silent is for a timeout without a packet. The kernel takes the socket off an
// interface that is deleted, or moved to another network namespace.
func (a *afPacket) silent() error {
	if sa, err := unix.Getsockname(a.fd); err == nil {
		if ll, ok := sa.(*unix.SockaddrLinklayer); ok && ll.Ifindex < 0 {
			return a.fail(errors.New("the interface is gone"))
		}
	}
	return ErrTimeout
}

func (a *afPacket) fail(err error) error {
	a.err = &Error{File: a.name, Offset: -1, Problem: "can't read further", Err: err}
	return a.err
}

func (a *afPacket) Next(f *Frame) error { return a.next(f, true) }

func (a *afPacket) next(f *Frame, block bool) error {
	for {
		if a.err != nil {
			return a.err
		}
		if a.left == 0 {
			if err := a.wait(block); err != nil {
				return err
			}
		}
		b := a.ring[a.block*ringBlock:][:ringBlock]
		h := b[a.at:]
		ne := binary.NativeEndian
		a.left--
		next := ne.Uint32(h[hdrNext:])
		ok := a.frame(f, h)
		a.at += next
		if ok {
			a.stats.count(f)
			a.bytes.Add(int64(f.CapLen))
			return nil
		}
	}
}

// frame takes the packet at h, unless it isn't wanted.
func (a *afPacket) frame(f *Frame, h []byte) bool {
	ne := binary.NativeEndian
	// What this machine sends to itself is seen a second time, coming in.
	if a.loopback && h[hdrSize+sllType] == outgoing {
		return false
	}
	mac, n := uint32(ne.Uint16(h[hdrMac:])), ne.Uint32(h[hdrSnaplen:])
	wire := ne.Uint32(h[hdrLen:])
	if st := ne.Uint32(h[hdrStatus:]); st&unix.TP_STATUS_VLAN_VALID != 0 && a.link == Ethernet && n >= 12 && mac >= hdrSize+vlanTag {
		tpid := uint16(0x8100)
		if st&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			tpid = ne.Uint16(h[hdrTPID:])
		}
		mac -= vlanTag
		copy(h[mac:mac+12], h[mac+vlanTag:])
		binary.BigEndian.PutUint16(h[mac+12:], tpid)
		binary.BigEndian.PutUint16(h[mac+14:], uint16(ne.Uint32(h[hdrVLAN:])))
		n += vlanTag
		wire += vlanTag
	}
	data := h[mac : mac+n : mac+n]
	a.number++
	if a.user != nil && !a.user.Match(data, wire) {
		a.stats.Filtered++
		return false
	}
	sec, usec := int64(ne.Uint32(h[hdrSec:])), int64(ne.Uint32(h[hdrNsec:])/1000)
	*f = Frame{Time: float64(sec) + float64(usec)/1e6, Sec: sec, Usec: usec, Data: data,
		CapLen: n, WireLen: wire, LinkType: a.link, Number: a.number, File: a.name}
	return true
}

func (a *afPacket) ReadBatch(b *Batch) error {
	return copyBatch(b, a.Next, func(f *Frame) error { return a.next(f, false) })
}

// Stats counts as libpcap does: Link includes what was dropped.
func (a *afPacket) Stats() Stats {
	if a.fd >= 0 {
		// Reading resets the kernel's counters.
		if st, err := unix.GetsockoptTpacketStatsV3(a.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			a.stats.Link += uint64(st.Packets)
			a.stats.Dropped += uint64(st.Drops)
		}
	}
	return a.stats
}

func (a *afPacket) Pos() int64  { return a.bytes.Load() }
func (a *afPacket) Size() int64 { return 0 }

func (a *afPacket) Close() error {
	a.Stats()
	if a.err == nil {
		a.err = io.EOF
	}
	return a.release()
}

func (a *afPacket) release() error {
	var err error
	if a.ring != nil {
		err = unix.Munmap(a.ring)
		a.ring, a.left = nil, 0
	}
	if a.fd >= 0 {
		if e := unix.Close(a.fd); err == nil {
			err = e
		}
		a.fd = -1
	}
	return err
}
