#include "textflag.h"

DATA lineEnds<>+0(SB)/4, $0x0d0d0d0d
DATA lineEnds<>+4(SB)/4, $0x0a0a0a0a
GLOBL lineEnds<>(SB), RODATA|NOPTR, $8

// func plainVectors(p *byte, n int) int
TEXT ·plainVectors(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VPXOR Y0, Y0, Y0
	VPBROADCASTD lineEnds<>+0(SB), Y1
	VPBROADCASTD lineEnds<>+4(SB), Y2
	XORQ AX, AX
	SUBQ $32, CX

vector:
	CMPQ AX, CX
	JGT end
	VMOVDQU (SI)(AX*1), Y3
	VPCMPEQB Y3, Y0, Y4
	VPCMPEQB Y3, Y1, Y5
	VPCMPEQB Y3, Y2, Y6
	VPOR Y5, Y4, Y4
	VPOR Y6, Y4, Y4
	VPMOVMSKB Y4, BX
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
