#include "textflag.h"

// The loop of a deputy: position-independent machine code that is copied into the shared memory of a
// deputy (see code.go), never run in this program. It waits for a command, makes the system call that it
// names, stores the result, and waits again.
//
//	R12  the control page      offsets: see control in memory.go
//	R13  the doorbell word
//
// It uses no stack. SYSCALL destroys RCX and R11 and keeps the rest.
TEXT ·loop(SB), NOSPLIT|NOFRAME, $0
next:
	MOVL 4(R12), DX    // done: the number of the last command
	MOVL 80(R12), CX   // turns to spin
spin:
	MOVL (R12), AX
	CMPL AX, DX
	JNE  run
	PAUSE
	SUBL $1, CX
	JG   spin

	MOVL $1, AX
	XCHGL AX, 84(R12)  // sleeping; a full barrier, then the futex looks at the command word again
sleep:
	MOVL $202, AX      // futex(command, FUTEX_WAIT, done, no timeout)
	MOVQ R12, DI
	XORL SI, SI
	XORL R10, R10
	SYSCALL
	MOVL (R12), AX
	CMPL AX, DX
	JEQ  sleep
	MOVL $0, 84(R12)

run:
	MOVQ 16(R12), AX
	MOVQ 24(R12), DI
	MOVQ 32(R12), SI
	MOVQ 40(R12), DX
	MOVQ 48(R12), R10
	MOVQ 56(R12), R8
	MOVQ 64(R12), R9
	SYSCALL
	MOVQ AX, 72(R12)
	MOVL (R12), AX
	XCHGL AX, 4(R12)   // done = command; a full barrier before parked is read
	CMPL 8(R12), $0
	JEQ  next

	LOCK               // parked stays: the agent may wait for the next call by now
	ADDL $1, (R13)
	MOVL $202, AX      // futex(doorbell, FUTEX_WAKE, 1)
	MOVQ R13, DI
	MOVL $1, SI
	MOVL $1, DX
	SYSCALL
	JMP  next

	// end marks the end of the code.
	BYTE $0x0f; BYTE $0x0b
	BYTE $'d'; BYTE $'e'; BYTE $'p'; BYTE $'u'; BYTE $'t'; BYTE $'y'; BYTE $'.'; BYTE $'.'

// func address() unsafe.Pointer: where the loop begins.
TEXT ·address(SB), NOSPLIT, $0-8
	LEAQ ·loop(SB), AX
	MOVQ AX, ret+0(FP)
	RET
