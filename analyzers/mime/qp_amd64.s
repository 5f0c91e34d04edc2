#include "textflag.h"

DATA qpOctets<>+0(SB)/4, $0x20202020  // ' '
DATA qpOctets<>+4(SB)/4, $0x09090909  // '\t'
DATA qpOctets<>+8(SB)/4, $0x3d3d3d3d  // '='
DATA qpOctets<>+12(SB)/4, $0x7f7f7f7f // DEL
GLOBL qpOctets<>(SB), RODATA|NOPTR, $16

// func plainVectors(p *byte, n int) int
TEXT ·plainVectors(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	VPBROADCASTD qpOctets<>+0(SB), Y0
	VPBROADCASTD qpOctets<>+4(SB), Y1
	VPBROADCASTD qpOctets<>+8(SB), Y2
	VPBROADCASTD qpOctets<>+12(SB), Y7
	XORQ AX, AX
	SUBQ $32, CX

vector:
	CMPQ AX, CX
	JGT end
	VMOVDQU (SI)(AX*1), Y3
	// With a sign, octets beyond ASCII are less than a blank as well.
	VPCMPGTB Y3, Y0, Y4
	VPCMPEQB Y3, Y1, Y5
	VPANDN Y4, Y5, Y4
	VPCMPEQB Y3, Y2, Y5
	VPOR Y5, Y4, Y4
	VPCMPEQB Y3, Y7, Y5
	VPOR Y5, Y4, Y4
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
