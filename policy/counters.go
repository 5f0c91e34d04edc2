package policy

// Counters are what a run has counted so far and what it holds now: Zeek's
// get_net_stats, get_conn_stats and their kin.
type Counters struct {
	Packets, Bytes uint64 // read; octets on the wire
	Link, Dropped  uint64 // seen and lost by the kernel, live only
	// PacketTime is the stamp of the packet in work, 0 without one.
	PacketTime float64

	TCP, UDP, ICMP, Timers, Files  Tally
	EventsQueued, EventsDispatched uint64

	// Octets that wait to be put together: of streams, of fragments, and of what
	// protocol detection looks at.
	ReassemTCP, ReassemFragments, ReassemUnknown uint64
	// Acks are acknowledgements of data on established connections, Gaps those of
	// them that acknowledge what was never seen.
	Acks, Gaps uint64
	// Memory is the most that the process ever had resident, in octets.
	Memory uint64
}

// Tally is how many there are and ever were.
type Tally struct {
	Now   int
	Total uint64
}

// Counters returns the counters. It goes through all connections: don't call it
// for every packet.
func (c *Context) Counters() Counters { return c.counters() }

// SetCounters is for the engine: it gives the counters.
func (c *Context) SetCounters(fn func() Counters) { c.counters = fn }

// Filter is the BPF expression that packets were let through by.
func (c *Context) Filter() string { return c.filter }

// SetFilter is for the engine: it gives the expression.
func (c *Context) SetFilter(expr string) { c.filter = expr }
