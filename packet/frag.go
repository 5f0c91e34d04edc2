package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/gzeek/gzeek/timer"
)

// Bounds on fragments beyond which Zeek finds them weird.
const (
	minAcceptableFragment = 64
	maxAcceptableFragment = 64000
)

// maxFragmentOctets bounds what all waiting fragments hold, with an allowance
// for each.
const (
	maxFragmentOctets = 512 << 20
	fragmentAllowance = 256
)

// fragmentKey is what fragments of one datagram share; not the protocol.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
}

type fragments map[fragmentKey]*reassembly

// reassembly is a datagram that waits for its fragments. The octets that came
// first win.
//
// A datagram is bounded by the range of offsets (the end of a fragment is below
// 128 KiB). Zeek bounds the number of datagrams by frag_timeout only; here
// fragments that would exceed maxFragmentOctets take their datagram with them.
//
// Zeek: Frag.cc, FragReassembler; Reassem.cc for the blocks.
type reassembly struct {
	key       fragmentKey
	header    []byte // of the fragment that came first, without a fragment header
	nextProto uint8
	size      int // end of the datagram, 0 while unknown
	blocks    []fragmentBlock
	held      int // octets of the budget
	timer     timer.Timer

	datagram []byte // header and data, once it is complete
}

type fragmentBlock struct {
	seq  int
	data []byte
}

func (b *fragmentBlock) upper() int { return b.seq + len(b.data) }

// nextFragment adds a fragment to its datagram. pkt is the packet from its IP
// header on, at least h.TotalLen octets. The caller drops the reassembly once its datagram is
// there and was analyzed.
func (d *Decoder) nextFragment(time float64, h *IPHeader, fr *fragmentInfo, pkt []byte) *reassembly {
	key := fragmentKey{h.Src, h.Dst, fr.id}
	r := d.frags[key]
	if r == nil || r.datagram != nil {
		r = &reassembly{key: key, nextProto: h.NextProto}
		r.header = bytes.Clone(pkt[:unfragmented(h)])
		d.frags[key] = r
		if d.opts.FragTimeout != 0 {
			r.timer.Do = timer.Func(func(float64, bool) { d.forget(r) })
			d.timers.Add(&r.timer, time+d.opts.FragTimeout)
		}
	}
	if cost := h.TotalLen + fragmentAllowance; d.fragOctets+cost <= maxFragmentOctets {
		r.held += cost
		d.fragOctets += cost
		d.addFragment(r, h, fr, pkt)
	} else {
		d.dropFragments(r)
	}
	return r
}

// unfragmented is the length of the headers without the fragment header of IPv6.
func unfragmented(h *IPHeader) int {
	if h.Version == 6 {
		return h.HdrLen - 8
	}
	return h.HdrLen
}

func (d *Decoder) forget(r *reassembly) {
	d.fragOctets -= r.held
	r.held = 0
	if d.frags[r.key] == r {
		delete(d.frags, r.key)
	}
}

// dropFragments ends a reassembly whose datagram was analyzed.
func (d *Decoder) dropFragments(r *reassembly) {
	d.forget(r)
	d.timers.Cancel(&r.timer)
}

func (d *Decoder) addFragment(r *reassembly, h *IPHeader, fr *fragmentInfo, pkt []byte) {
	weird := func(name string) { d.weirds.Flow(h.Src, h.Dst, name, "", "") }
	if h.Version == 4 {
		if r.header[9] != h.NextProto || int(r.header[0]&15)*4 != h.HdrLen {
			weird("fragment_protocol_inconsistency")
		}
	} else if h.NextProto != r.nextProto || unfragmented(h) != len(r.header) {
		weird("fragment_protocol_inconsistency")
	}
	if fr.df {
		weird("fragment_with_DF")
	}
	total := h.TotalLen
	if total < h.HdrLen { // an empty length field, with ignore_checksums
		weird("fragment_protocol_inconsistency")
		return
	}
	upper := fr.offset + total - h.HdrLen
	if fr.offset == 0 {
		r.nextProto = h.NextProto
	}
	if !fr.more {
		if r.size == 0 {
			r.size = upper
		} else if upper != r.size {
			weird("fragment_size_inconsistency")
			r.size = max(r.size, upper)
		}
	} else if total < minAcceptableFragment {
		weird("excessively_small_fragment")
	}
	if upper > maxAcceptableFragment {
		weird("excessively_large_fragment")
	}
	if r.size != 0 && upper > r.size {
		// Not the last fragment, but it goes beyond the one that was.
		weird("fragment_size_inconsistency")
		r.size = upper
	}
	if data := pkt[h.HdrLen:total]; len(data) > 0 {
		d.insertFragment(r, fr.offset, data)
		d.complete(r)
	}
}

// headerWeird raises a weird with the addresses of the first fragment's header.
// Zeek looks at that header anew for it, so the weirds of its extension headers
// come again.
func (d *Decoder) headerWeird(r *reassembly, name string) {
	var h IPHeader
	if r.header[0]>>4 == 4 {
		parseIPv4(&h, r.header)
	} else {
		var c ip6Chain
		d.parseIPv6(&h, &c, r.header)
	}
	d.weirds.Flow(h.Src, h.Dst, name, "", "")
}

// insertFragment keeps the parts of data that no block has yet, and raises a
// weird for each block that overlaps it.
func (d *Decoder) insertFragment(r *reassembly, seq int, data []byte) {
	upper := seq + len(data)
	n := len(r.blocks)
	if n == 0 || r.blocks[n-1].upper() <= seq {
		r.blocks = append(r.blocks, fragmentBlock{seq, bytes.Clone(data)})
		return
	}
	// All weirds come before anything is stored.
	i, _ := slices.BinarySearchFunc(r.blocks, seq, func(b fragmentBlock, s int) int {
		if b.upper() <= s {
			return -1
		}
		return 1
	})
	for _, b := range r.blocks[i:] {
		if upper <= b.seq {
			break
		}
		from, to := max(seq, b.seq), min(upper, b.upper())
		if bytes.Equal(b.data[from-b.seq:to-b.seq], data[from-seq:to-seq]) {
			d.headerWeird(r, "fragment_overlap")
		} else {
			d.headerWeird(r, "fragment_inconsistency")
		}
	}
	for seq < upper {
		if i == len(r.blocks) || upper <= r.blocks[i].seq {
			r.blocks = slices.Insert(r.blocks, i, fragmentBlock{seq, bytes.Clone(data)})
			return
		}
		b := &r.blocks[i]
		if seq < b.seq {
			head := b.seq - seq
			end := b.upper()
			r.blocks = slices.Insert(r.blocks, i, fragmentBlock{seq, bytes.Clone(data[:head])})
			i++
			if upper <= end {
				return
			}
			data, seq = data[end-seq:], end
		} else {
			if upper <= b.upper() {
				return
			}
			data, seq = data[b.upper()-seq:], b.upper()
		}
		i++
	}
}

// complete assembles the datagram if all of it is there.
func (d *Decoder) complete(r *reassembly) {
	if len(r.blocks) == 0 || r.blocks[0].seq > 0 || r.size == 0 {
		return
	}
	// The end of what is contiguous from the start.
	k := 1
	for k < len(r.blocks) && r.blocks[k-1].upper() == r.blocks[k].seq {
		k++
	}
	upper := r.blocks[k-1].upper()
	switch {
	case k < len(r.blocks):
		if upper < r.size {
			return // a hole
		}
		// Something lies beyond the end of the datagram: fragments of two of
		// them, probably. What is contiguous is analyzed.
		d.headerWeird(r, "fragment_size_inconsistency")
		r.size = upper
	case upper > r.size:
		d.headerWeird(r, "fragment_size_inconsistency")
		r.size = upper
	case upper < r.size:
		return
	}
	pkt := make([]byte, 0, len(r.header)+r.size)
	pkt = append(pkt, r.header...)
	for _, b := range r.blocks[:k] {
		pkt = append(pkt, b.data...)
	}
	// The length fields hold 16 bits; a datagram beyond that is seen with the
	// wrapped length.
	if pkt[0]>>4 == 4 {
		binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
	} else {
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
	}
	r.blocks = nil
	r.datagram = pkt
	d.timers.Cancel(&r.timer)
}
