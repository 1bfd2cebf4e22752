package stub

import (
	"bytes"
	"unsafe"
)

// address returns where the machine code of a deputy begins; see loop_amd64.s.
func address() unsafe.Pointer

// codeLimit is more than the loop's length; within it the end mark is found.
const codeLimit = 1024

var endMark = []byte("\x0f\x0bdeputy..")

// code returns the loop's machine code.
func code() []byte {
	text := unsafe.Slice((*byte)(address()), codeLimit)
	return text[:bytes.Index(text, endMark)]
}

var instruction = []byte{0x0f, 0x05}

// Instruction is the address, in a deputy, of the syscall instruction that makes the calls.
func Instruction() uint64 {
	text := code()
	text = text[:bytes.LastIndex(text, instruction)] // without the one that rings
	return Code + uint64(bytes.LastIndex(text, instruction))
}

// Behind the loop stands what a caught signal runs: nothing, and the way back.
const (
	handlerOffset  = codeLimit
	restorerOffset = handlerOffset + 16
)

var (
	handler  = []byte{0xc3}                          // RET
	restorer = []byte{0xb8, 15, 0, 0, 0, 0x0f, 0x05} // MOVL $15, AX (rt_sigreturn); SYSCALL
)
