package bpf

import (
	"errors"

	xbpf "golang.org/x/net/bpf"
)

// A test is a truth value about a packet: a tree whose leaves load and compare.
type test interface{ isTest() }

type (
	constant bool
	not      struct{ t test }
	// both and either evaluate a first; b's loads don't happen if a decides.
	both   struct{ a, b test }
	either struct{ a, b test }
	// compare loads, masks (unless mask is 0) and compares with a constant.
	compare struct {
		at    place
		size  int
		mask  uint32
		op    uint16 // opJeqK, opJgtK, opJgeK or opJsetK
		value uint32
	}
	// relation compares two computed values.
	relation struct {
		op   uint16
		a, b value
	}
)

func (constant) isTest() {}
func (not) isTest()      {}
func (both) isTest()     {}
func (either) isTest()   {}
func (compare) isTest()  {}
func (relation) isTest() {}

// place is an offset in the packet. If ipHeader isn't negative, the length of
// the IPv4 header that begins there is added.
type place struct {
	off      uint32
	ipHeader int
}

func at(off int) place { return place{uint32(off), -1} }

// A value is a number computed from a packet.
type value interface{ isValue() }

type (
	number uint32
	length struct{} // of the packet on the wire
	load   struct {
		at    place
		index value // added to at, may be nil
		size  int
	}
	arith struct {
		op   uint16
		a, b value
	}
	negate struct{ a value }
)

func (number) isValue() {}
func (length) isValue() {}
func (load) isValue()   {}
func (arith) isValue()  {}
func (negate) isValue() {}

func and(a, b test) test {
	if c, ok := a.(constant); ok {
		if c {
			return b
		}
		return a
	}
	// "a and false" still does a's loads, as libpcap's does.
	if b == constant(true) {
		return a
	}
	return both{a, b}
}

func or(a, b test) test {
	if c, ok := a.(constant); ok {
		if c {
			return a
		}
		return b
	}
	if b == constant(false) {
		return a
	}
	// "ip or not ip" must accept frames too short to tell.
	if opposite(a, b) || opposite(b, a) {
		return constant(true)
	}
	return either{a, b}
}

func opposite(a, b test) bool {
	leaf, ok := a.(compare)
	n, isNot := b.(not)
	return ok && isNot && n.t == test(leaf)
}

func negation(a test) test {
	switch a := a.(type) {
	case constant:
		return !a
	case not:
		return a.t
	}
	return not{a}
}

// assembler lays out instructions whose jumps go to labels, always forward.
type assembler struct {
	ins    []instr
	labels []int // instruction a label stands before
	cells  int   // scratch memory in use
	err    error
}

type instr struct {
	op     uint16
	k      uint32
	jt, jf int // labels, for jumps
}

func (a *assembler) label() int {
	a.labels = append(a.labels, -1)
	return len(a.labels) - 1
}

func (a *assembler) place(l int) { a.labels[l] = len(a.ins) }

func (a *assembler) emit(op uint16, k uint32) { a.ins = append(a.ins, instr{op: op, k: k}) }

func (a *assembler) branch(op uint16, k uint32, jt, jf int) {
	a.ins = append(a.ins, instr{op, k, jt, jf})
}

// assemble compiles a test to a program.
func assemble(t test) (*Program, error) {
	var a assembler
	yes, no := a.label(), a.label()
	a.test(t, yes, no)
	a.place(yes)
	a.emit(opRetK, accept)
	a.place(no)
	a.emit(opRetK, 0)
	if a.err != nil {
		return nil, a.err
	}
	return FromRaw(a.link())
}

func (a *assembler) test(t test, yes, no int) {
	switch t := t.(type) {
	case constant:
		l := no
		if t {
			l = yes
		}
		a.branch(opJa, 0, l, l)
	case not:
		a.test(t.t, no, yes)
	case both:
		next := a.label()
		a.test(t.a, next, no)
		a.place(next)
		a.test(t.b, yes, no)
	case either:
		next := a.label()
		a.test(t.a, yes, next)
		a.place(next)
		a.test(t.b, yes, no)
	case compare:
		a.load(t.at, t.size)
		if t.mask != 0 {
			a.emit(opAluK|aluAnd, t.mask)
		}
		a.branch(t.op, t.value, yes, no)
	case relation:
		cell := a.operands(t.a, t.b)
		if n, ok := t.b.(number); ok {
			a.branch(t.op, uint32(n), yes, no)
			return
		}
		a.emit(opLdxMem, cell)
		a.branch(t.op|8, 0, yes, no)
	}
}

// operands leaves x in the accumulator and y in a cell, unless y is a number.
func (a *assembler) operands(x, y value) uint32 {
	if _, ok := y.(number); ok {
		a.value(x)
		return 0
	}
	a.value(y)
	cell := uint32(a.cells)
	if a.cells++; a.cells > scratch {
		a.err = errors.New("the arithmetic is too deeply nested")
		a.cells--
		return 0
	}
	a.emit(opSt, cell)
	a.value(x)
	a.cells--
	return cell
}

func (a *assembler) value(v value) {
	switch v := v.(type) {
	case number:
		a.emit(opLdImm, uint32(v))
	case length:
		a.emit(opLdLen, 0)
	case negate:
		a.value(v.a)
		a.emit(opNeg, 0)
	case arith:
		cell := a.operands(v.a, v.b)
		if n, ok := v.b.(number); ok {
			a.emit(opAluK|v.op, uint32(n))
			return
		}
		a.emit(opLdxMem, cell)
		a.emit(opAluX|v.op, 0)
	case load:
		if v.index == nil {
			a.load(v.at, v.size)
			return
		}
		a.value(v.index)
		if v.at.ipHeader >= 0 {
			a.emit(opLdxMsh, uint32(v.at.ipHeader))
			a.emit(opAluX|aluAdd, 0)
		}
		a.emit(opTax, 0)
		a.emit(indirect(v.size), v.at.off)
	}
}

func (a *assembler) load(p place, size int) {
	if p.ipHeader >= 0 {
		a.emit(opLdxMsh, uint32(p.ipHeader))
		a.emit(indirect(size), p.off)
		return
	}
	op := uint16(opLdW)
	switch size {
	case 1:
		op = opLdB
	case 2:
		op = opLdH
	}
	a.emit(op, p.off)
}

func indirect(size int) uint16 {
	switch size {
	case 1:
		return opLdIndB
	case 2:
		return opLdIndH
	}
	return opLdIndW
}

// link resolves the labels. A conditional jump reaches 255 instructions; where
// that isn't enough it goes to a longer one that is put behind it.
func (a *assembler) link() []xbpf.RawInstruction {
	n := len(a.ins)
	long := make([]bool, n)
	pos := make([]int, n+1)
	for changed := true; changed; {
		changed = false
		p := 0
		for i := range a.ins {
			pos[i] = p
			if p++; long[i] {
				p += 2
			}
		}
		pos[n] = p
		for i, in := range a.ins {
			if in.op&7 != classJmp || in.op == opJa || long[i] {
				continue
			}
			if max(pos[a.labels[in.jt]], pos[a.labels[in.jf]])-pos[i]-1 > 255 {
				long[i], changed = true, true
			}
		}
	}
	out := make([]xbpf.RawInstruction, 0, pos[n])
	for i, in := range a.ins {
		r := xbpf.RawInstruction{Op: in.op, K: in.k}
		if in.op&7 != classJmp {
			out = append(out, r)
			continue
		}
		jt, jf := pos[a.labels[in.jt]], pos[a.labels[in.jf]]
		switch {
		case in.op == opJa:
			r.K = uint32(jt - len(out) - 1)
			out = append(out, r)
		case long[i]:
			r.Jt, r.Jf = 0, 1
			out = append(out, r)
			out = append(out, xbpf.RawInstruction{Op: opJa, K: uint32(jt - len(out) - 1)})
			out = append(out, xbpf.RawInstruction{Op: opJa, K: uint32(jf - len(out) - 1)})
		default:
			r.Jt, r.Jf = uint8(jt-len(out)-1), uint8(jf-len(out)-1)
			out = append(out, r)
		}
	}
	return out
}
