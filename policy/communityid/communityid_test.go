package communityid_test

import (
	"net/netip"
	"testing"

	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/notice"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/communityid"
	_ "github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/policytest"
	_ "github.com/gzeek/gzeek/policy/weird"
)

func id(proto event.Proto, number uint8, orig string, op uint16, resp string, rp uint16) event.ConnID {
	return event.ConnID{
		OrigH: netip.MustParseAddr(orig), OrigP: op, RespH: netip.MustParseAddr(resp), RespP: rp, Proto: proto, IPProto: number,
	}
}

// The flows and hashes of the specification's own baselines.
func TestHashesAreThoseOfTheSpecification(t *testing.T) {
	web := id(event.ProtoTCP, 6, "128.232.110.120", 34855, "66.35.250.204", 80)
	for _, c := range []struct {
		id     event.ConnID
		seed   uint16
		base64 bool
		want   string
	}{
		{web, 0, true, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{web, 0, false, "1:2d053da9994af81e45dca0e67afea6e4f3226eb8"},
		{web, 1, true, "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
		{id(event.ProtoTCP, 6, "66.35.250.204", 80, "128.232.110.120", 34855), 0, true, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{id(event.ProtoUDP, 17, "192.168.1.52", 54585, "8.8.8.8", 53), 0, true, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{id(event.ProtoICMP, 1, "192.168.0.89", 8, "192.168.0.1", 0), 0, true, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{id(event.ProtoICMP, 1, "192.168.0.1", 0, "192.168.0.89", 8), 0, true, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{id(event.ProtoICMP, 58, "fe80::200:86ff:fe05:80da", 135, "fe80::260:97ff:fe07:69ea", 136), 0, true, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
		{id(event.ProtoUnknown, 132, "192.168.170.8", 7, "192.168.170.56", 80), 0, true, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	} {
		if got := communityid.ID(&c.id, c.seed, c.base64); got != c.want {
			t.Errorf("%+v, seed %d: %s, want %s", c.id, c.seed, got, c.want)
		}
	}
}

// communityid.bif: one-way ICMP is not turned around; of one address the end
// whose port's lower octet is lower comes first.
func TestWhichEndComesFirst(t *testing.T) {
	hash := func(i event.ConnID) string { return communityid.ID(&i, 0, true) }
	if hash(id(event.ProtoICMP, 1, "10.0.0.1", 3, "10.0.0.2", 1)) == hash(id(event.ProtoICMP, 1, "10.0.0.2", 3, "10.0.0.1", 1)) {
		t.Error("one-way ICMP of both directions has one hash")
	}
	// In the order of the network 0x2100 is 0x0021 to such a machine, and 0x0019 is 0x1900.
	const want = "1:zvqfLC0XnhaKl/xy8xsOeQLvpr0=" // of 0x2100 before 0x0019, by another program
	for _, flow := range []event.ConnID{
		id(event.ProtoTCP, 6, "127.0.0.1", 0x2100, "127.0.0.1", 0x0019), id(event.ProtoTCP, 6, "127.0.0.1", 0x0019, "127.0.0.1", 0x2100),
	} {
		if got := hash(flow); got != want {
			t.Errorf("%+v: %s, want %s", flow, got, want)
		}
	}
}

func TestTheColumnsOfConnAndNotice(t *testing.T) {
	for _, c := range []struct {
		options    []string
		conn, note string
	}{
		{nil, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{[]string{"CommunityID::Notice::enabled=F"}, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "-"},
		{[]string{"CommunityID::seed=65537"}, "1:3V71V58M3Ksw/yuFALMcW0LAHvc=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
		{[]string{"CommunityID::do_base64=F"}, "1:2d053da9994af81e45dca0e67afea6e4f3226eb8", "1:2d053da9994af81e45dca0e67afea6e4f3226eb8"},
	} {
		r := policytest.Start(t, policytest.Config{
			Policies: []string{"base/frameworks/notice", "base/frameworks/analyzer", "frameworks/notice/community-id"}, Options: c.options,
		})
		r.At(1000)
		web := &event.Conn{UID: "C1", ID: id(event.ProtoTCP, 6, "128.232.110.120", 34855, "66.35.250.204", 80)}
		r.Events.NewConnection.Enqueue(event.ConnEvent{Conn: web})
		r.Events.Drain()
		f := policy.Use[*notice.Framework](r.Context)
		f.Raise(&notice.Notice{Note: "Notice::Tally", Conn: web})
		f.Raise(&notice.Notice{Note: "Notice::Tally", Msg: "of no connection", Identifier: "x"})
		r.Events.ConnectionStateRemove.Enqueue(event.ConnEvent{Conn: web})
		r.Events.Drain()
		logs := r.Finish()
		last := func(log string) []string {
			var out []string
			for _, row := range policytest.Rows(logs[log]) {
				out = append(out, row[len(row)-1])
			}
			return out
		}
		if got := last("conn"); len(got) != 1 || got[0] != c.conn {
			t.Errorf("%q: conn.log has %q, want %s", c.options, got, c.conn)
		}
		if got := last("notice"); len(got) != 2 || got[0] != c.note || got[1] != "-" {
			t.Errorf("%q: notice.log has %q, want %s and -", c.options, got, c.note)
		}
	}
}
