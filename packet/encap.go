package packet

// SameEncap says whether two stacks of tunnels are the same ones. Both
// directions of an IP, GRE or VXLAN tunnel count as one tunnel. Two empty stacks
// differ from nothing.
//
// Zeek: TunnelEncapsulation.h, operator== of EncapsulatingConn and
// EncapsulationStack.
func SameEncap(a, b []Encap) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameTunnel(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func sameTunnel(a, b *Encap) bool {
	if a.Type != b.Type || a.UID != b.UID || a.Proto != b.Proto {
		return false
	}
	straight := a.Src == b.Src && a.Dst == b.Dst
	reversed := a.Src == b.Dst && a.Dst == b.Src
	switch a.Type {
	case TunnelIP, TunnelGRE:
		return straight || reversed
	case TunnelVXLAN:
		// The responder's port stays the well-known one in both directions.
		return a.DstPort == b.DstPort && (straight || reversed)
	}
	return straight && a.SrcPort == b.SrcPort && a.DstPort == b.DstPort
}
