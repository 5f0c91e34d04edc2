// Package communityid names connections by the hash that other tools compute of
// the same flow, too: the column community_id of conn.log and notice.log.
//
// Zeek: scripts/policy/protocols/conn/community-id-logging.zeek,
// scripts/policy/frameworks/notice/community-id.zeek, src/communityid.bif.
// Specification: https://github.com/corelight/community-id-spec, version 1.
package communityid

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/conn"
	"github.com/gzeek/gzeek/redef"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "protocols/conn/community-id-logging",
		Doc:      "community_id in conn.log: the hash by which other tools know a connection",
		Requires: []string{"base/protocols/conn"},
		Load:     load,
	})
	policy.Register(policy.Policy{
		Name:     "frameworks/notice/community-id",
		Doc:      "community_id in notice.log",
		Requires: []string{"base/protocols/conn", "base/frameworks/notice", "protocols/conn/community-id-logging"},
		Load:     loadNotice,
	})
}

// IDs is the service of protocols/conn/community-id-logging.
type IDs struct {
	id       event.Slot[string]
	seed     *redef.Count
	inBase64 *redef.Bool
}

func load(c *policy.Context) error {
	p := &IDs{
		id:       event.NewSlot[string](&c.Events.ConnSlots),
		seed:     c.Options.Count("CommunityID::seed", 0, "goes into the hash; other tools must have the same, below 65536").Live(),
		inBase64: c.Options.Bool("CommunityID::do_base64", true, "the hash in base64; in hexadecimal digits otherwise").Live(),
	}
	policy.Provide(c, p)
	policy.Use[*conn.Conns](c).Log.AddColumn(policy.String("community_id", func(i *conn.Info) (string, bool) { return p.id.Get(i.Conn) }))
	c.Events.NewConnection.Handle(c.Policy(), 5, func(e *event.ConnEvent) {
		p.id.Set(e.Conn, ID(&e.Conn.ID, uint16(p.seed.Get()), p.inBase64.Get()))
	})
	return nil
}

func loadNotice(c *policy.Context) error {
	f, ids := policy.Use[*notice.Framework](c), policy.Use[*IDs](c)
	enabled := c.Options.Bool("CommunityID::Notice::enabled", true, "fill in the column community_id of notice.log").Live()
	id := event.NewSlot[string](&f.Slots)
	f.AddColumn(policy.String("community_id", func(n *notice.Notice) (string, bool) { return id.Get(n) }))
	f.OnNotice(0, func(n *notice.Notice) bool {
		if enabled.Get() && n.Conn != nil {
			if text, ok := ids.id.Get(n.Conn); ok {
				id.Set(n, text)
			}
		}
		return true
	})
	return nil
}

// Numbers of IP protocols.
const (
	icmp, tcp, udp, icmp6, sctp = 1, 6, 17, 58, 132
)

// ID is the builtin community_id_v1: "1:" and the hash of the flow.
func ID(id *event.ConnID, seed uint16, inBase64 bool) string {
	orig, resp := id.OrigH.Unmap().AsSlice(), id.RespH.Unmap().AsSlice()
	v6 := len(orig) == 16
	if v6 != (len(resp) == 16) { // of an address that is mapped, and one that isn't
		o, r := id.OrigH.As16(), id.RespH.As16()
		orig, resp, v6 = o[:], r[:], true
	}
	proto, ports, oneWay := byte(id.IPProto), true, false
	switch id.Proto {
	case event.ProtoTCP:
		proto = tcp
	case event.ProtoUDP:
		proto = udp
	case event.ProtoICMP:
		if proto = icmp; v6 {
			proto = icmp6
		}
		_, oneWay = event.ICMPCounterpart(v6, uint8(id.OrigP), uint8(id.RespP))
	default:
		ports = proto == sctp
	}
	a, b := id.OrigP, id.RespP
	if !oneWay && !before(orig, a, resp, b) {
		orig, resp, a, b = resp, orig, b, a
	}
	var room [40]byte
	h := binary.BigEndian.AppendUint16(room[:0], seed)
	h = append(append(h, orig...), resp...)
	h = append(h, proto, 0)
	if ports {
		h = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(h, a), b)
	}
	sum := sha1.Sum(h)
	if inBase64 {
		return "1:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return "1:" + hex.EncodeToString(sum[:])
}

// before orders the ends of a flow. Zeek compares ports in the order of the
// network as numbers of the machine (addr_port_canon_lt), which on all machines
// of today turns their octets around; it shows between ports of one address.
func before(a []byte, p uint16, b []byte, q uint16) bool {
	if c := bytes.Compare(a, b); c != 0 {
		return c < 0
	}
	return bits.ReverseBytes16(p) < bits.ReverseBytes16(q)
}
