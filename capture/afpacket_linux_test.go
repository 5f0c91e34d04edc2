package capture

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAFPacketPutsTheVLANTagBack(t *testing.T) {
	pkt := tcpTo(25)
	h := make([]byte, 96, 96+len(pkt))
	ne := binary.NativeEndian
	ne.PutUint32(h[hdrSec:], 7)
	ne.PutUint32(h[hdrNsec:], 1999)
	ne.PutUint32(h[hdrSnaplen:], uint32(len(pkt)))
	ne.PutUint32(h[hdrLen:], 1000)
	ne.PutUint16(h[hdrMac:], 96)
	ne.PutUint32(h[hdrVLAN:], 0x2064)
	h = append(h, pkt...)
	a := &afPacket{name: "test", link: Ethernet}
	var f Frame
	if !a.frame(&f, bytes.Clone(h)) || !bytes.Equal(f.Data, pkt) || f.WireLen != 1000 || f.Sec != 7 || f.Usec != 1 {
		t.Errorf("without a tag: %+v", f)
	}
	for _, tc := range []struct {
		status uint32
		tpid   uint16
	}{
		{unix.TP_STATUS_VLAN_VALID, 0x8100},
		{unix.TP_STATUS_VLAN_VALID | unix.TP_STATUS_VLAN_TPID_VALID, 0x88a8},
	} {
		g := bytes.Clone(h)
		ne.PutUint32(g[hdrStatus:], tc.status)
		ne.PutUint16(g[hdrTPID:], 0x88a8)
		want := cat(pkt[:12], binary.BigEndian.AppendUint16(nil, tc.tpid), []byte{0x20, 0x64}, pkt[12:])
		if !a.frame(&f, g) || !bytes.Equal(f.Data, want) || f.WireLen != 1004 || int(f.CapLen) != len(want) {
			t.Errorf("status %#x: %+v", tc.status, f)
		}
	}
	a.loopback = true
	h[hdrSize+sllType] = outgoing
	if a.frame(&f, h) {
		t.Error("loopback packets are seen twice")
	}
}
