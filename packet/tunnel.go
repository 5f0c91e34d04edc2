package packet

func (d *Decoder) ipTunnel(f *frame, b []byte) bool { return false }
func (d *Decoder) gre(f *frame, b []byte) bool      { return false }
func (d *Decoder) udp(f *frame, u UDP)              {}

type addrPair struct{}
type ipTunnel struct{}
type udpTunnel int

func registerUDPTunnels(o *Options) map[uint16]udpTunnel { return nil }
