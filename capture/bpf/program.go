// Package bpf compiles pcap-filter(7) expressions to classic BPF and runs it.
//
// It knows the part of the language that is about Ethernet (VLAN, MPLS, PPPoE),
// cooked, raw, loopback and PPP captures of IP, ARP and transport protocols,
// and means by it what libpcap means: the tests hold the two together packet
// by packet. It is no optimizer, and it doesn't know 802.11, ATM, SS7, pf and
// other rare link layers: what it can't do is an error that says so.
package bpf

import (
	"encoding/binary"
	"fmt"

	xbpf "golang.org/x/net/bpf"
)

// Program is a compiled filter. It is immutable, so safe for concurrent use.
type Program struct {
	ins []xbpf.RawInstruction
}

// accept is what a program returns for a packet that passes: the number of
// octets of it that are wanted, which is all of them.
const accept = 262144

// All returns a program that lets every packet through.
func All() *Program {
	return &Program{ins: []xbpf.RawInstruction{{Op: opRetK, K: accept}}}
}

// FromRaw takes a program from another compiler, after checking that it can't
// run out of its bounds or forever.
func FromRaw(ins []xbpf.RawInstruction) (*Program, error) {
	if len(ins) == 0 || len(ins) > 1<<16 {
		return nil, fmt.Errorf("a BPF program of %d instructions", len(ins))
	}
	for i, in := range ins {
		left := uint32(len(ins) - i - 1)
		switch in.Op & 7 {
		case classJmp:
			far := max(uint32(in.Jt), uint32(in.Jf))
			if in.Op == opJa {
				far = in.K
			}
			if far >= left {
				return nil, fmt.Errorf("BPF instruction %d jumps out of the program", i)
			}
		case classRet:
		default:
			if left == 0 {
				return nil, fmt.Errorf("the BPF program doesn't end with a return")
			}
			if (in.Op == opLdMem || in.Op == opLdxMem || in.Op == opSt || in.Op == opStx) && in.K >= scratch {
				return nil, fmt.Errorf("BPF instruction %d uses memory cell %d of %d", i, in.K, scratch)
			}
		}
	}
	return &Program{ins: ins}, nil
}

// Raw returns the instructions, for a socket's SetBPF. They aren't to be changed.
func (p *Program) Raw() []xbpf.RawInstruction { return p.ins }

// The instructions, as in the kernel's linux/bpf_common.h.
const (
	classJmp = 5
	classRet = 6
	scratch  = 16

	opLdW    = 0x20
	opLdH    = 0x28
	opLdB    = 0x30
	opLdIndW = 0x40
	opLdIndH = 0x48
	opLdIndB = 0x50
	opLdLen  = 0x80
	opLdxLen = 0x81
	opLdImm  = 0x00
	opLdxImm = 0x01
	opLdMem  = 0x60
	opLdxMem = 0x61
	opLdxMsh = 0xb1
	opSt     = 0x02
	opStx    = 0x03
	opJa     = 0x05
	opJeqK   = 0x15
	opJgtK   = 0x25
	opJgeK   = 0x35
	opJsetK  = 0x45
	opJeqX   = 0x1d
	opJgtX   = 0x2d
	opJgeX   = 0x3d
	opJsetX  = 0x4d
	opAluK   = 0x04
	opAluX   = 0x0c
	opNeg    = 0x84
	opTax    = 0x07
	opTxa    = 0x87
	opRetK   = 0x06
	opRetA   = 0x16
)

// The operations of opAluK and opAluX.
const (
	aluAdd = 0x00
	aluSub = 0x10
	aluMul = 0x20
	aluDiv = 0x30
	aluOr  = 0x40
	aluAnd = 0x50
	aluLsh = 0x60
	aluRsh = 0x70
	aluMod = 0x90
	aluXor = 0xa0
)

// Match runs the program on what was captured of a packet that had wireLen
// octets. As in libpcap, a load beyond the captured octets rejects the packet
// at once, whatever the rest of the expression says.
func (p *Program) Match(data []byte, wireLen uint32) bool {
	var a, x uint32
	var mem [scratch]uint32
	n := uint64(len(data))
	ins := p.ins
	for pc := 0; uint(pc) < uint(len(ins)); pc++ {
		in := &ins[pc]
		k := in.K
		switch in.Op {
		case opRetK:
			return k != 0
		case opRetA:
			return a != 0
		case opLdW, opLdIndW:
			off := uint64(k)
			if in.Op == opLdIndW {
				off += uint64(x)
			}
			if off+4 > n {
				return false
			}
			a = binary.BigEndian.Uint32(data[off:])
		case opLdH, opLdIndH:
			off := uint64(k)
			if in.Op == opLdIndH {
				off += uint64(x)
			}
			if off+2 > n {
				return false
			}
			a = uint32(binary.BigEndian.Uint16(data[off:]))
		case opLdB, opLdIndB:
			off := uint64(k)
			if in.Op == opLdIndB {
				off += uint64(x)
			}
			if off >= n {
				return false
			}
			a = uint32(data[off])
		case opLdLen:
			a = wireLen
		case opLdxLen:
			x = wireLen
		case opLdImm:
			a = k
		case opLdxImm:
			x = k
		case opLdMem:
			a = mem[k%scratch]
		case opLdxMem:
			x = mem[k%scratch]
		case opLdxMsh:
			if uint64(k) >= n {
				return false
			}
			x = uint32(data[k]&15) << 2
		case opSt:
			mem[k%scratch] = a
		case opStx:
			mem[k%scratch] = x
		case opJa:
			pc += int(k)
		case opJeqK:
			pc += jump(in, a == k)
		case opJgtK:
			pc += jump(in, a > k)
		case opJgeK:
			pc += jump(in, a >= k)
		case opJsetK:
			pc += jump(in, a&k != 0)
		case opJeqX:
			pc += jump(in, a == x)
		case opJgtX:
			pc += jump(in, a > x)
		case opJgeX:
			pc += jump(in, a >= x)
		case opJsetX:
			pc += jump(in, a&x != 0)
		case opNeg:
			a = -a
		case opTax:
			x = a
		case opTxa:
			a = x
		default:
			if in.Op&opAluX == opAluX {
				k = x
			} else if in.Op&7 != opAluK {
				return false
			}
			var ok bool
			if a, ok = alu(in.Op&0xf0, a, k); !ok {
				return false
			}
		}
	}
	return false
}

func jump(in *xbpf.RawInstruction, cond bool) int {
	if cond {
		return int(in.Jt)
	}
	return int(in.Jf)
}

// alu is false for a division by zero and what isn't an operation. A shift by
// more than 31 gives 0, as in Go.
func alu(op uint16, a, b uint32) (uint32, bool) {
	switch op {
	case aluAdd:
		return a + b, true
	case aluSub:
		return a - b, true
	case aluMul:
		return a * b, true
	case aluDiv:
		if b == 0 {
			return 0, false
		}
		return a / b, true
	case aluMod:
		if b == 0 {
			return 0, false
		}
		return a % b, true
	case aluOr:
		return a | b, true
	case aluAnd:
		return a & b, true
	case aluXor:
		return a ^ b, true
	case aluLsh:
		return a << b, true
	case aluRsh:
		return a >> b, true
	}
	return 0, false
}

// Limit returns the instructions of a program that accepts at most snaplen
// octets of a packet: a kernel cuts packets to what its filter returns.
func (p *Program) Limit(snaplen uint32) []xbpf.RawInstruction {
	out := make([]xbpf.RawInstruction, len(p.ins))
	copy(out, p.ins)
	for i := range out {
		if out[i].Op == opRetK && out[i].K > snaplen {
			out[i].K = snaplen
		}
	}
	return out
}

// AboutVLAN says whether an expression uses the word "vlan".
func AboutVLAN(expr string) bool {
	toks, err := lex(expr)
	if err != nil {
		return false
	}
	for _, t := range toks {
		if t.kind == tWord && t.text == "vlan" {
			return true
		}
	}
	return false
}
