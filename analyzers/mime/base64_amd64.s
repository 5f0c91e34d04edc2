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

// What is added to an octet gives its value; it depends on the upper half, and /
// is apart from + (in the place before it).
DATA base64Value<>+0(SB)/8, $0xb9b9bfbf04131000
DATA base64Value<>+8(SB)/8, $0x0000000000000000
DATA base64Value<>+16(SB)/8, $0xb9b9bfbf04131000
DATA base64Value<>+24(SB)/8, $0x0000000000000000
GLOBL base64Value<>(SB), RODATA|NOPTR, $32

// Where the three octets of each group are, and then those of each half.
DATA base64Octets<>+0(SB)/8, $0x090a040506000102
DATA base64Octets<>+8(SB)/8, $0xffffffff0c0d0e08
DATA base64Octets<>+16(SB)/8, $0x090a040506000102
DATA base64Octets<>+24(SB)/8, $0xffffffff0c0d0e08
GLOBL base64Octets<>(SB), RODATA|NOPTR, $32

DATA base64Halves<>+0(SB)/8, $0x0000000100000000
DATA base64Halves<>+8(SB)/8, $0x0000000400000002
DATA base64Halves<>+16(SB)/8, $0x0000000600000005
DATA base64Halves<>+24(SB)/8, $0x0000000700000007
GLOBL base64Halves<>(SB), RODATA|NOPTR, $32

DATA base64Slash<>+0(SB)/8, $0x2f2f2f2f2f2f2f2f
GLOBL base64Slash<>(SB), RODATA|NOPTR, $8

// Two values of 6 bits make 12, two of these 24.
DATA base64Pair<>+0(SB)/8, $0x0140014001400140
GLOBL base64Pair<>(SB), RODATA|NOPTR, $8
DATA base64Group<>+0(SB)/8, $0x0001100000011000
GLOBL base64Group<>(SB), RODATA|NOPTR, $8

// wrong makes each octet of v other than zero that isn't of the alphabet, and the
// others zero.
#define wrong(v) \
	VPSRLW $4, v, Y4; \
	VPAND Y2, v, v; \
	VPAND Y2, Y4, Y4; \
	VPSHUFB v, Y0, v; \
	VPSHUFB Y4, Y1, Y4; \
	VPAND v, Y4, v

// func linesVectors(p *byte, n, width int) (lines int)
//
// Nearly always all lines are good up to the first that has another width. So
// these are looked at as one text at first: if they have as many octets that
// aren't of the alphabet as they have line ends, there is nothing else in them.
TEXT ·linesVectors(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ width+16(FP), DX
	VMOVDQU base64Lower<>(SB), Y0
	VMOVDQU base64Upper<>(SB), Y1
	VPBROADCASTQ lowerHalf<>(SB), Y2
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	LEAQ 2(DX), R8   // from a line to the next
	LEAQ -32(DX), R9 // where the last vector of a line is

	// Lines by their ends alone: AX are their octets, R10 how many there are. No more
	// than that, since who asks again behind each odd line would have all of a large
	// segment looked at each time; and the sums below have room for 255 vectors.
	XORQ AX, AX
	XORQ R10, R10
	MOVQ CX, R11
	CMPQ R11, $2048
	JLE ends
	MOVQ $2048, R11

ends:
	LEAQ (AX)(R8*1), BX
	CMPQ BX, R11
	JGT text
	CMPW -2(SI)(BX*1), $0x0a0d
	JNE text
	MOVQ BX, AX
	INCQ R10
	JMP ends

text:
	TESTQ R10, R10
	JZ none
	XORQ BX, BX
	LEAQ -32(AX), R11

block:
	CMPQ BX, R11
	JGT rest
	VMOVDQU (SI)(BX*1), Y3
	wrong(Y3)
	VPCMPEQB Y6, Y3, Y5
	VPSUBB Y5, Y7, Y7
	ADDQ $32, BX
	JMP block

rest:
	// Of the last vector the octets that were not counted.
	VMOVDQU (SI)(R11*1), Y3
	wrong(Y3)
	VPCMPEQB Y6, Y3, Y5
	VPMOVMSKB Y5, R12
	MOVQ BX, CX
	SUBQ R11, CX // as many octets were
	SHRQ CX, R12
	POPCNTL R12, R12
	VPSADBW Y6, Y7, Y7
	VEXTRACTI128 $1, Y7, X5
	VPADDQ X5, X7, X7
	VPSRLDQ $8, X7, X5
	VPADDQ X5, X7, X7
	VMOVQ X7, BX
	ADDQ R12, BX
	LEAQ (BX)(R10*2), BX
	CMPQ BX, AX
	JNE oneByOne
	VZEROUPPER
	MOVQ R10, lines+24(FP)
	RET

none:
	VZEROUPPER
	MOVQ $0, lines+24(FP)
	RET

oneByOne:
	MOVQ n+8(FP), CX
	XORQ AX, AX

line:
	CMPQ CX, R8
	JLT done
	CMPW (SI)(DX*1), $0x0a0d
	JNE done
	VPXOR Y5, Y5, Y5
	VMOVDQU (SI)(R9*1), Y3
	wrong(Y3)
	VPOR Y3, Y5, Y5
	XORQ BX, BX

vector:
	CMPQ BX, R9
	JGE judge
	VMOVDQU (SI)(BX*1), Y3
	wrong(Y3)
	VPOR Y3, Y5, Y5
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

// decode writes what 32 octets decode to at out, and 8 octets behind; it makes Y5
// other than zero where one isn't of the alphabet.
#define decode(in, out) \
	VMOVDQU in, Y3; \
	VPSRLW $4, Y3, Y4; \
	VPAND Y2, Y3, Y12; \
	VPAND Y2, Y4, Y4; \
	VPSHUFB Y12, Y0, Y12; \
	VPSHUFB Y4, Y1, Y13; \
	VPAND Y12, Y13, Y12; \
	VPOR Y12, Y5, Y5; \
	VPCMPEQB Y3, Y6, Y12; \
	VPADDB Y4, Y12, Y12; \
	VPSHUFB Y12, Y7, Y12; \
	VPADDB Y12, Y3, Y3; \
	VPMADDUBSW Y8, Y3, Y3; \
	VPMADDWD Y9, Y3, Y3; \
	VPSHUFB Y10, Y3, Y3; \
	VPERMD Y3, Y11, Y3; \
	VMOVDQU Y3, out

// func decodeVectors(out, p *byte, n, width, most int) (lines int)
TEXT ·decodeVectors(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ width+24(FP), DX
	MOVQ most+32(FP), R10
	VMOVDQU base64Lower<>(SB), Y0
	VMOVDQU base64Upper<>(SB), Y1
	VPBROADCASTQ lowerHalf<>(SB), Y2
	VPBROADCASTQ base64Slash<>(SB), Y6
	VMOVDQU base64Value<>(SB), Y7
	VPBROADCASTQ base64Pair<>(SB), Y8
	VPBROADCASTQ base64Group<>(SB), Y9
	VMOVDQU base64Octets<>(SB), Y10
	VMOVDQU base64Halves<>(SB), Y11
	XORQ AX, AX
	LEAQ 2(DX), R8    // from a line to the next
	LEAQ -32(DX), R9  // where the last vector of a line is
	MOVQ DX, R11
	SHRQ $2, R11
	LEAQ (R11)(R11*2), R11 // what a line decodes to
	LEAQ -24(R11), R12     // and where that of the last vector is

row:
	CMPQ AX, R10
	JGE end
	CMPQ CX, R8
	JLT end
	CMPW (SI)(DX*1), $0x0a0d
	JNE end
	VPXOR Y5, Y5, Y5
	XORQ BX, BX
	MOVQ DI, R13

part:
	CMPQ BX, R9
	JGE last
	decode((SI)(BX*1), (R13))
	ADDQ $32, BX
	ADDQ $24, R13
	JMP part

last:
	// It writes over what the one before has written behind its octets.
	decode((SI)(R9*1), (DI)(R12*1))
	VPTEST Y5, Y5
	JNZ end
	INCQ AX
	ADDQ R8, SI
	SUBQ R8, CX
	ADDQ R11, DI
	JMP row

end:
	VZEROUPPER
	MOVQ AX, lines+40(FP)
	RET
