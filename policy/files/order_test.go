package files

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/seed"
)

// base/frameworks/files/main.zeek: the rows of a file that was seen over several
// connections come in the order of a table[conn_id]. The bytes of its index are
// put together here octet by octet, as CompHash.cc does.
func TestRowsOfAFileComeInTheOrderOfItsTableOfConnections(t *testing.T) {
	keys := seed.New([seed.Count]uint32{1, 2, 3})
	byHand := func(_ *seed.Keys, id event.ConnID) uint32 {
		b := make([]byte, 65)
		orig, resp := id.OrigH.As16(), id.RespH.As16()
		copy(b, orig[:])
		binary.LittleEndian.PutUint64(b[16:], 0x10000+uint64(id.OrigP)) // tcp
		copy(b[24:], resp[:])
		binary.LittleEndian.PutUint64(b[40:], 0x10000+uint64(id.RespP))
		b[48] = 1 // proto is there
		binary.LittleEndian.PutUint64(b[56:], 6)
		b[64] = 1 // ctx is there, and has nothing
		return uint32(keys.Hash64(b))
	}
	p := &Files{ctx: &policy.Context{Keys: keys}}
	table := dict.NewTable[event.ConnID, *event.Conn](keys, byHand)
	var conns []*event.Conn
	for i := range 9 {
		c := &event.Conn{UID: fmt.Sprint("C", i), ID: event.ConnID{
			OrigH: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), OrigP: 40000, RespH: netip.MustParseAddr("2001:db8::1"), RespP: 25,
			Proto: event.ProtoTCP, IPProto: 6,
		}}
		conns = append(conns, c)
		table.Set(c.ID, c)
		var want []*event.Conn
		for _, c := range table.All() {
			want = append(want, c)
		}
		if got := p.inOrder(conns); !slices.Equal(got, want) {
			t.Errorf("%d connections: %v, want %v", i+1, got, want)
		}
	}
	if slices.Equal(p.inOrder(conns), conns) {
		t.Error("the order of arrival, by nine connections, is no order of a table")
	}
}
