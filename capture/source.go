package capture

import "io"

// Frame is one captured packet, as it lies in the capture.
type Frame struct {
	// Time is the stamp in seconds since 1970, as Zeek derives it: whole
	// seconds plus microseconds/1e6. Finer resolutions are cut to microseconds,
	// as libpcap does unless told otherwise. It may be negative.
	Time float64
	// Sec and Usec are what Time was made of. A damaged capture may hold a Usec
	// outside of 0..999999.
	Sec, Usec int64

	// Data are the captured octets, len(Data) == CapLen. They are borrowed from
	// the source until its next call (or its batch's next use) and must not be
	// written to.
	Data []byte
	// CapLen is what was captured, WireLen what the packet had on the wire.
	// Either may be 0, for which Zeek raises empty_pcap_header, and WireLen may
	// be less than CapLen in a strange capture.
	CapLen, WireLen uint32
	LinkType        LinkType

	// Number counts the packets of the run from 1, also those that a filter
	// drops.
	Number uint64
	// File and Offset say where the record begins, for messages: Offset counts
	// octets of the (decompressed) file. Live frames have the interface and 0.
	File   string
	Offset int64
	// Ahead is what LiveOptions.Ahead noted of the frame, nil otherwise; it is
	// valid as long as Data.
	Ahead any
}

// Source gives frames in the order of the capture.
type Source interface {
	// Next and ReadBatch are two ways to read on; a run uses either, so what wraps
	// a source has to wrap both.
	//
	// Next fills f with the next frame that passes the filter. It returns io.EOF
	// after the last one and an *Error when the capture can't be read further;
	// both are final. A live source may return ErrTimeout, which isn't.
	Next(f *Frame) error
	// ReadBatch fills b with some frames, at least one unless it returns an
	// error. The frames belong to b: they stay valid until b is used again, so
	// that batches may wander between goroutines.
	ReadBatch(b *Batch) error
	Stats() Stats
	// Pos and Size count octets of the files as they lie on the disk, for a
	// progress bar. Size is 0 where it isn't known (standard input, interfaces).
	Pos() int64
	Size() int64
	io.Closer
}

// Batch is a number of frames together with the memory that they point into.
// The zero value is ready for use; use it again to save that memory.
type Batch struct {
	Frames []Frame
	// Notes are for LiveOptions.Ahead: its memory, to be used again.
	Notes any
	buf   []byte
}

// Stats are counts since a source was opened.
type Stats struct {
	Received uint64 // packets handed out; Zeek doesn't count those of length 0
	Bytes    uint64 // their octets on the wire
	Filtered uint64 // packets of a file that the filter dropped
	Link     uint64 // packets seen by the kernel, live only
	Dropped  uint64 // packets lost by the kernel, live only
	// Unwritten are packets that a Recorder's file had no room for.
	Unwritten uint64
}

func (s *Stats) add(o Stats) {
	s.Received += o.Received
	s.Bytes += o.Bytes
	s.Filtered += o.Filtered
	s.Link += o.Link
	s.Dropped += o.Dropped
}

func (s *Stats) count(f *Frame) {
	if f.CapLen == 0 || f.WireLen == 0 {
		return
	}
	s.Received++
	s.Bytes += uint64(f.WireLen)
}

// LinkType is a DLT_ value: what libpcap on Linux and so Zeek calls a link
// type. It differs from the number in the file for raw IP (12, not 101).
type LinkType int

// The link types that Zeek has an analyzer for, and their likes.
const (
	Null           LinkType = 0
	Ethernet       LinkType = 1
	PPP            LinkType = 9
	FDDI           LinkType = 10
	Raw            LinkType = 12
	PPPSerial      LinkType = 50
	IEEE80211      LinkType = 105
	Loop           LinkType = 108
	LinuxSLL       LinkType = 113
	IEEE80211Radio LinkType = 127
	IPv4           LinkType = 228
	IPv6           LinkType = 229
	DBus           LinkType = 231
	NFLog          LinkType = 239
	USBPcap        LinkType = 249
	LinuxSLL2      LinkType = 276
	EBHSCR         LinkType = 279
)

// fileLinkType maps the LINKTYPE_ value of a file to its DLT_ value, and
// toFileLinkType back. All others are equal, on Linux.
func fileLinkType(v uint32) LinkType {
	switch v {
	case 100:
		return 11 // ATM_RFC1483
	case 101:
		return Raw
	case 102:
		return 15 // SLIP_BSDOS
	case 103:
		return 16 // PPP_BSDOS
	}
	return LinkType(v)
}

func toFileLinkType(l LinkType) uint32 {
	switch l {
	case 11:
		return 100
	case Raw:
		return 101
	case 15:
		return 102
	case 16:
		return 103
	}
	return uint32(l)
}

// known says whether libpcap knows the link type: it compiles a filter for it, as Zeek
// has it do for each capture, be it an empty one (gencode.c, init_linktype, of libpcap
// 1.10.3; the lower numbers are of single types, the upper ones of a range).
func (l LinkType) known() bool {
	switch l {
	case Null, Ethernet, 6, 7, 8, PPP, FDDI, 11, Raw, 15, 16, 19, PPPSerial, 51, 99:
		return true
	}
	return 104 <= l && l <= 289
}

// expectedLink is what an unknown one should have been.
const expectedLink = "one that libpcap knows, like 1 (Ethernet)"

// maxSnaplen is the longest packet that libpcap believes in.
func maxSnaplen(l LinkType) uint32 {
	switch l {
	case DBus:
		return 128 << 20
	case EBHSCR:
		return 8 << 20
	case USBPcap:
		return 1 << 20
	}
	return 262144
}

// snapshot is the limit that a file's own snap length sets: 0 and values that
// can't be an int mean "no limit".
func snapshot(l LinkType, snaplen uint32) uint32 {
	if snaplen == 0 || snaplen > 1<<31-1 {
		return maxSnaplen(l)
	}
	return snaplen
}
