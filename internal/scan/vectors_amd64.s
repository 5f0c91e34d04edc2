#include "textflag.h"

// EACH begins the loop: AX counts through the octets at SI as long as a vector, and
// what is needed in all from there on, ends before theirs. Y3 is the vector.
#define EACH(need) \
	XORQ AX, AX   \
	SUBQ $need, CX \
vector:           \
	CMPQ AX, CX   \
	JGT end       \
	VMOVDQU (SI)(AX*1), Y3

// FIRST ends it: the mask says which of the 32 octets at AX are looked for, and AX is
// where the first one is, or how many octets were looked at.
#define FIRST(mask) \
	VPMOVMSKB mask, BX \
	TESTL BX, BX       \
	JNZ found          \
	ADDQ $32, AX       \
	JMP vector         \
found:                 \
	BSFL BX, BX        \
	ADDQ BX, AX        \
end:                   \
	VZEROUPPER

DATA lineEnds<>+0(SB)/4, $0x0d0d0d0d
DATA lineEnds<>+4(SB)/4, $0x0a0a0a0a
GLOBL lineEnds<>(SB), RODATA|NOPTR, $8

// func lineEndVectors(p *byte, n int) int
TEXT ·lineEndVectors(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VPXOR Y0, Y0, Y0
	VPBROADCASTD lineEnds<>+0(SB), Y1
	VPBROADCASTD lineEnds<>+4(SB), Y2
	EACH(32)
	VPCMPEQB Y3, Y0, Y4
	VPCMPEQB Y3, Y1, Y5
	VPCMPEQB Y3, Y2, Y6
	VPOR Y5, Y4, Y4
	VPOR Y6, Y4, Y4
	FIRST(Y4)
	MOVQ AX, ret+16(FP)
	RET

DATA plainBounds<>+0(SB)/4, $0x20202020  // ' '
DATA plainBounds<>+4(SB)/4, $0x09090909  // '\t'
DATA plainBounds<>+8(SB)/4, $0x3d3d3d3d  // '='
DATA plainBounds<>+12(SB)/4, $0x7f7f7f7f // DEL
GLOBL plainBounds<>(SB), RODATA|NOPTR, $16

// func notPlainVectors(p *byte, n int) int
TEXT ·notPlainVectors(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VPBROADCASTD plainBounds<>+0(SB), Y0
	VPBROADCASTD plainBounds<>+4(SB), Y1
	VPBROADCASTD plainBounds<>+8(SB), Y2
	VPBROADCASTD plainBounds<>+12(SB), Y7
	EACH(32)
	// With a sign, octets beyond ASCII are less than a blank as well.
	VPCMPGTB Y3, Y0, Y4
	VPCMPEQB Y3, Y1, Y5
	VPANDN Y4, Y5, Y4
	VPCMPEQB Y3, Y2, Y5
	VPOR Y5, Y4, Y4
	VPCMPEQB Y3, Y7, Y5
	VPOR Y5, Y4, Y4
	FIRST(Y4)
	MOVQ AX, ret+16(FP)
	RET

DATA digitOrDot<>+0(SB)/4, $0x30303030 // '0'
DATA digitOrDot<>+4(SB)/4, $0x09090909
DATA digitOrDot<>+8(SB)/4, $0x2e2e2e2e // '.'
GLOBL digitOrDot<>(SB), RODATA|NOPTR, $12

// func dotVectors(p *byte, n int) int
TEXT ·dotVectors(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VPBROADCASTD digitOrDot<>+0(SB), Y0
	VPBROADCASTD digitOrDot<>+4(SB), Y1
	VPBROADCASTD digitOrDot<>+8(SB), Y2
	EACH(34)
	VMOVDQU 2(SI)(AX*1), Y4
	VPCMPEQB 1(SI)(AX*1), Y2, Y5
	// A digit less '0' is the smaller one of itself and 9.
	VPSUBB Y0, Y3, Y3
	VPSUBB Y0, Y4, Y4
	VPMINUB Y1, Y3, Y6
	VPMINUB Y1, Y4, Y7
	VPCMPEQB Y3, Y6, Y6
	VPCMPEQB Y4, Y7, Y7
	VPAND Y6, Y5, Y5
	VPAND Y7, Y5, Y5
	FIRST(Y5)
	MOVQ AX, ret+16(FP)
	RET
