package closeprog

import (
	"bytes"
	"unsafe"
)

// endMark ends the program's code: UD2 and a word that no instruction of it contains.
const endMark = "\x0f\x0bclose."

// maxCode bounds the search for the mark; the program has about 200 bytes.
const maxCode = 1024

func program() //nolint:unused // program_amd64.s; never called: it ends with exit_group(2)

func programAddress() uintptr

// code is the machine code of the program, mark included, as it stands in this process.
func code() []byte {
	text := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), programAddress())), maxCode)
	return text[:bytes.Index(text, []byte(endMark))+len(endMark)]
}
