// Package conn is base/protocols/conn: conn.log, inactivity timeouts by port,
// and the hook that ends per-connection work of other policies in time.
//
// Zeek: scripts/base/protocols/conn/{main,inactivity,removal-hooks}.zeek.
package conn

import (
	"bytes"
	"strings"

	"github.com/gzeek/gzeek/dict"
	"github.com/gzeek/gzeek/event"
	"github.com/gzeek/gzeek/internal/slab"
	"github.com/gzeek/gzeek/policy"
	"github.com/gzeek/gzeek/policy/dpd"
	"github.com/gzeek/gzeek/policy/site"
	"github.com/gzeek/gzeek/zeeklog"
)

func init() {
	policy.Register(policy.Policy{
		Name:     "base/protocols/conn",
		Doc:      "conn.log: a record for each connection, when it ends",
		Requires: []string{"base/utils/site", "base/protocols/conn/removal-hooks", "base/protocols/conn/contents"},
		Load:     load,
	})
	policy.Register(policy.Policy{
		Name: "base/protocols/conn/removal-hooks",
		Doc:  "lets policies end their work when a connection goes away, before it is logged",
		Load: loadRemoval,
	})
}

// Info is a record of conn.log, Conn::Info. Conn is the connection's own
// record, which is final when the log is written.
type Info struct {
	event.Extension
	Conn *event.Conn

	Service              string // "" is unset
	LocalOrig, LocalResp bool
	HasLocal             bool
	MissedBytes          uint64
	TunnelParents        *dict.StringSet // nil is unset
}

// Conns is the service of this policy: others add columns to its log.
type Conns struct {
	Log *policy.Stream[Info]

	// InfoSlots hands out the fields that other policies add to Info.
	InfoSlots event.Slots

	ctx  *policy.Context
	site *site.Site
	info event.Slot[*Info]

	services map[string]string // the lower case of names
	// noSizes says that packets are not counted: CONNSIZE is off.
	noSizes bool
}

func load(c *policy.Context) error {
	p := &Conns{
		ctx:  c,
		site: policy.Use[*site.Site](c),
		info: event.NewSlot[*Info](&c.Events.ConnSlots),
		Log:  policy.NewStream[Info](c, "Conn::LOG", "conn", "Conn::log_conn"),

		services: make(map[string]string),
	}
	for _, col := range p.columns() {
		p.Log.AddColumn(col)
	}
	policy.Provide(c, p)
	ev, name := c.Events, c.Policy()
	ev.ZeekInit.Handle(name, 0, func(*struct{}) { p.noSizes = !dpd.AnalyzerEnabled(c, "Analyzer::ANALYZER_CONNSIZE") })
	ev.NewConnection.Handle(name, 100, func(e *event.ConnEvent) { p.begin(e.Conn) })
	ev.ContentGap.Handle(name, 5, func(e *event.ContentGap) { p.get(e.Conn).MissedBytes += e.Length })
	ev.TunnelChanged.Handle(name, 5, p.tunnelChanged)
	ev.ConnectionFlipped.Handle(name, 5, func(e *event.ConnEvent) {
		if i, ok := p.info.Get(e.Conn); ok {
			p.locate(i)
		}
	})
	ev.ConnectionStateRemove.Handle(name, 5, func(e *event.ConnEvent) {
		i := p.get(e.Conn)
		i.Service = p.service(e.Conn.Service)
	})
	ev.ConnectionStateRemove.Handle(name, -5, func(e *event.ConnEvent) { p.Log.Write(p.get(e.Conn)) })
	loadInactivity(c)
	return nil
}

// service is how a log names services. Nearly all connections have one, out of
// few.
func (p *Conns) service(s event.Services) string {
	if len(s) != 1 {
		return strings.ToLower(strings.Join(s, ","))
	}
	lower, ok := p.services[s[0]]
	if !ok {
		lower = strings.ToLower(s[0])
		p.services[s[0]] = lower
	}
	return lower
}

// get returns the connection's record. A handler that needs it before
// new_connection has run fails, as in Zeek.
func (p *Conns) get(c *event.Conn) *Info {
	i, ok := p.info.Get(c)
	if !ok {
		panic(event.ScriptError{Msg: "field value missing (Conn::c$conn)"})
	}
	return i
}

func (p *Conns) begin(c *event.Conn) {
	i := &Info{Conn: c} // by itself, see event.Slots
	p.info.Set(c, i)
	if n := len(c.Tunnels); n > 0 {
		p.addParent(i, c.Tunnels[n-1].UID)
	}
	if p.site.HasLocal() {
		p.locate(i)
	}
}

func (p *Conns) locate(i *Info) {
	i.HasLocal = true
	i.LocalOrig, i.LocalResp = p.site.IsLocal(i.Conn.ID.OrigH), p.site.IsLocal(i.Conn.ID.RespH)
}

func (p *Conns) addParent(i *Info, uid string) {
	if i.TunnelParents == nil {
		i.TunnelParents = dict.NewStringSet(p.ctx.Keys)
	}
	i.TunnelParents.Add(uid)
}

func (p *Conns) tunnelChanged(e *event.TunnelChange) {
	if n := len(e.Tunnels); n > 0 {
		p.addParent(p.get(e.Conn), e.Tunnels[n-1].UID)
	}
	e.Conn.Tunnels = e.Tunnels
}

func (p *Conns) columns() []policy.Column[Info] {
	count := func(name string, get func(c *event.Conn) uint64) policy.Column[Info] {
		return policy.Count(name, func(i *Info) (uint64, bool) { return get(i.Conn), !p.noSizes })
	}
	bytesOf := func(name string, get func(c *event.Conn) uint64) policy.Column[Info] {
		return policy.Count(name, func(i *Info) (uint64, bool) { return get(i.Conn), i.Conn.Duration > 0 })
	}
	cols := []policy.Column[Info]{
		policy.Time("ts", func(i *Info) float64 { return i.Conn.StartTime }),
		policy.String("uid", func(i *Info) (string, bool) { return i.Conn.UID, true }),
	}
	cols = append(cols, policy.ConnID(func(i *Info) *event.ConnID { return &i.Conn.ID })...)
	return append(cols,
		policy.Enum("proto", func(i *Info) (string, bool) { return i.Conn.ID.Proto.String(), true }),
		policy.Text("service", func(i *Info) string { return i.Service }),
		policy.Interval("duration", func(i *Info) (float64, bool) { return i.Conn.Duration, i.Conn.Duration > 0 }),
		bytesOf("orig_bytes", func(c *event.Conn) uint64 { return c.Orig.Size }),
		bytesOf("resp_bytes", func(c *event.Conn) uint64 { return c.Resp.Size }),
		policy.String("conn_state", func(i *Info) (string, bool) { return state(i.Conn), true }),
		policy.Bool("local_orig", func(i *Info) (bool, bool) { return i.LocalOrig, i.HasLocal }),
		policy.Bool("local_resp", func(i *Info) (bool, bool) { return i.LocalResp, i.HasLocal }),
		policy.Count("missed_bytes", func(i *Info) (uint64, bool) { return i.MissedBytes, true }),
		policy.Column[Info]{Name: "history", Type: zeeklog.T(zeeklog.String), Get: func(i *Info, v *zeeklog.Value) {
			if len(i.Conn.History) > 0 {
				v.SetBytes(i.Conn.History)
			}
		}},
		count("orig_pkts", func(c *event.Conn) uint64 { return c.Orig.NumPkts }),
		count("orig_ip_bytes", func(c *event.Conn) uint64 { return c.Orig.NumBytesIP }),
		count("resp_pkts", func(c *event.Conn) uint64 { return c.Resp.NumPkts }),
		count("resp_ip_bytes", func(c *event.Conn) uint64 { return c.Resp.NumBytesIP }),
		policy.StringSet("tunnel_parents", func(i *Info) *dict.StringSet { return i.TunnelParents }),
		policy.Count("ip_proto", func(i *Info) (uint64, bool) { return uint64(i.Conn.ID.IPProto), true }),
	)
}

// The endpoint states of TCP that conn_state tells apart (TCP_INACTIVE ...).
const (
	tcpInactive = iota
	tcpSynSent
	tcpSynAckSent
	tcpPartial
	tcpEstablished
	tcpClosed
	tcpReset
)

// state is the function conn_state of Zeek's script, tests in its order.
func state(c *event.Conn) string {
	o, r := c.Orig.State, c.Resp.State
	switch c.ID.Proto {
	case event.ProtoUDP:
		return [2][2]string{{"OTH", "SHR"}, {"S0", "SF"}}[o&1][r&1]
	case event.ProtoTCP:
	default:
		return "OTH"
	}
	inactive := func(s int) bool { return s == tcpInactive || s == tcpPartial }
	switch {
	case r == tcpReset:
		switch {
		case o == tcpSynSent, o == tcpSynAckSent, o == tcpReset && c.Orig.Size == 0 && c.Resp.Size == 0:
			return "REJ"
		case inactive(o):
			return "RSTRH"
		}
		return "RSTR"
	case o == tcpReset:
		if !inactive(r) {
			return "RSTO"
		}
		if synThenReset(c.History) {
			return "RSTOS0"
		}
		return "OTH"
	case r == tcpClosed && o == tcpClosed:
		return "SF"
	case o == tcpClosed:
		if inactive(r) {
			return "SH"
		}
		return "S2"
	case r == tcpClosed:
		if inactive(o) {
			return "SHR"
		}
		return "S3"
	case o == tcpSynSent && r == tcpInactive:
		return "S0"
	case o == tcpEstablished && r == tcpEstablished:
		return "S1"
	}
	return "OTH"
}

// synThenReset is the pattern /\^?S[^HAFGIQ]*R.*/ on the whole history.
func synThenReset(h []byte) bool {
	h = bytes.TrimPrefix(h, []byte("^"))
	if len(h) == 0 || h[0] != 'S' {
		return false
	}
	for _, b := range h[1:] {
		if b == 'R' {
			return true
		}
		if bytes.IndexByte([]byte("HAFGIQ"), b) >= 0 {
			return false
		}
	}
	return false
}

// Removal is the service of base/protocols/conn/removal-hooks.
type Removal struct {
	ctx   *policy.Context
	hooks event.Slot[*[]removal]
	lists slab.Of[[]removal]
	first slab.Of[removal] // room for the first of each list
}

// removal is a function to call, and the policy that has asked for it.
type removal struct {
	policy string
	fn     func(*event.Conn)
}

func loadRemoval(c *policy.Context) error {
	r := &Removal{ctx: c, hooks: event.NewSlot[*[]removal](&c.Events.ConnSlots)}
	policy.Provide(c, r)
	c.Events.ConnectionStateRemove.Handle(c.Policy(), -3, func(e *event.ConnEvent) {
		if hooks, ok := r.hooks.Get(e.Conn); ok {
			for _, h := range *hooks {
				c.Events.Guard(h.policy, "Conn::RemovalHook", func() { h.fn(e.Conn) })
			}
			clear(*hooks) // what they refer to is not to live as long as others of their block
		}
	})
	return nil
}

// Register calls fn when the connection is removed, in connection_state_remove
// at priority -3: Conn::register_removal_hook. A policy registers once a
// connection.
func (r *Removal) Register(c *event.Conn, fn func(*event.Conn)) {
	hooks, ok := r.hooks.Get(c)
	if !ok {
		hooks = r.lists.New()
		*hooks = r.first.Slice(1)[:0]
		r.hooks.Set(c, hooks)
	}
	*hooks = append(*hooks, removal{r.ctx.Policy(), fn})
}
