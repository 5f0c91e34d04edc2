#include "textflag.h"

// What the lower half of an octet may not be is a matter of its upper half, of
// which there are five kinds: 2 (+ and /), 3 (digits), 4 and 6 (letters up to O),
// 5 and 7 (the others), and those of which no octet is of the alphabet. Each kind
// is a bit; base64Upper is the kind of each upper half, base64Lower the kinds
// that each lower half is wrong for.
DATA base64Upper<>+0(SB)/8, $0x0804080402011010
DATA base64Upper<>+8(SB)/8, $0x1010101010101010
DATA base64Upper<>+16(SB)/8, $0x0804080402011010
DATA base64Upper<>+24(SB)/8, $0x1010101010101010
GLOBL base64Upper<>(SB), RODATA|NOPTR, $32

DATA base64Lower<>+0(SB)/8, $0x1111111111111115
DATA base64Lower<>+8(SB)/8, $0x1a1b1b1b1a131111
DATA base64Lower<>+16(SB)/8, $0x1111111111111115
DATA base64Lower<>+24(SB)/8, $0x1a1b1b1b1a131111
GLOBL base64Lower<>(SB), RODATA|NOPTR, $32

DATA lowerHalf<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL lowerHalf<>(SB), RODATA|NOPTR, $8

// odd makes bad other than zero where an octet of v isn't of the alphabet.
#define odd(v, bad) \
	VPSRLW $4, v, Y4; \
	VPAND Y2, v, v; \
	VPAND Y2, Y4, Y4; \
	VPSHUFB v, Y0, v; \
	VPSHUFB Y4, Y1, Y4; \
	VPAND v, Y4, v; \
	VPOR v, bad, bad

// func linesVectors(p *byte, n, width int) (lines int)
TEXT ·linesVectors(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ width+16(FP), DX
	VMOVDQU base64Lower<>(SB), Y0
	VMOVDQU base64Upper<>(SB), Y1
	VPBROADCASTQ lowerHalf<>(SB), Y2
	XORQ AX, AX
	LEAQ 2(DX), R8   // from a line to the next
	LEAQ -32(DX), R9 // where the last vector of a line is

line:
	CMPQ CX, R8
	JLT done
	CMPW (SI)(DX*1), $0x0a0d
	JNE done
	VPXOR Y5, Y5, Y5
	VMOVDQU (SI)(R9*1), Y3
	odd(Y3, Y5)
	XORQ BX, BX

vector:
	CMPQ BX, R9
	JGE judge
	VMOVDQU (SI)(BX*1), Y3
	odd(Y3, Y5)
	ADDQ $32, BX
	JMP vector

judge:
	VPTEST Y5, Y5
	JNZ done
	INCQ AX
	ADDQ R8, SI
	SUBQ R8, CX
	JMP line

done:
	VZEROUPPER
	MOVQ AX, lines+24(FP)
	RET
