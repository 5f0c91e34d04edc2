#include "textflag.h"

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
	XORQ AX, AX
	SUBQ $34, CX

vector:
	CMPQ AX, CX
	JGT end
	VMOVDQU (SI)(AX*1), Y3
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
	VPMOVMSKB Y5, BX
	TESTL BX, BX
	JNZ found
	ADDQ $32, AX
	JMP vector

found:
	BSFL BX, BX
	ADDQ BX, AX

end:
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET
