// Package closeprog is the program whose system calls ipxbench measures: it does close(-1) a number of
// times, reads the time stamp counter before and after each, and writes what it saw to its standard
// output. It runs as any program does, so the same file gives the cost of a local call and, with its body
// on another node, of a remote one (thesis 5.1.1).
//
// It is a static single-threaded x86-64 ELF executable without a C library or a Go runtime, so that
// nothing runs beside what is measured. Its system calls, in this order: clock_gettime, close (count times),
// clock_gettime, write (until all is written), exit_group.
//
// What it writes is its header and its samples, all little-endian:
//
//	 0  magic          8 bytes "closes\x00\x01"
//	 8  count          u64: calls, and samples that follow
//	16  start          struct timespec: CLOCK_MONOTONIC before the first call
//	32  first          u64: counter after start was read
//	40  last           u64: counter before end was read
//	48  end            struct timespec: CLOCK_MONOTONIC after the last call
//	64  samples        count u64: cycles that each close took
//
// The two times and the two counters calibrate the counter of the machine that the body ran on.
package closeprog

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// MaxCount is the largest number of calls that an Image makes: 8 bytes a sample keep it at 128 MiB.
const MaxCount = 1 << 24

// Virtual addresses of the two segments; the second is HEADER in program_amd64.s.
const (
	textAddress = 0x400000
	dataAddress = 0x600000
)

const (
	fileHeaderLen    = 64 // Elf64_Ehdr
	programHeaderLen = 56 // Elf64_Phdr
	pageLen          = 4096
)

// Image is the executable file that does count calls.
func Image(count int) ([]byte, error) {
	if count < 1 || count > MaxCount {
		return nil, fmt.Errorf("closeprog: %d calls: at least 1 and at most %d", count, MaxCount)
	}
	text := code()
	textLen := uint64(fileHeaderLen + 3*programHeaderLen + len(text))
	dataOffset := (textLen + pageLen - 1) / pageLen * pageLen

	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a Buffer takes everything

	// Elf64_Ehdr (elf(5)).
	b.WriteString("\x7fELF\x02\x01\x01") // 64 bits, little-endian, version 1
	b.Write(make([]byte, 9))
	le(uint16(2))  // ET_EXEC
	le(uint16(62)) // EM_X86_64
	le(uint32(1))
	le(uint64(textAddress + fileHeaderLen + 3*programHeaderLen)) // entry point
	le(uint64(fileHeaderLen))                                    // program headers
	le(uint64(0))                                                // no section headers
	le(uint32(0))
	le(uint16(fileHeaderLen))
	le([]uint16{programHeaderLen, 3, 0, 0, 0})

	segment := func(kind, flags uint32, offset, address, fileLen, memLen uint64) { // Elf64_Phdr
		le([]uint32{kind, flags})
		le([]uint64{offset, address, address, fileLen, memLen, pageLen})
	}
	const (
		load, gnuStack       = 1, 0x6474e551
		execute, write, read = 1, 2, 4
	)
	segment(load, read|execute, 0, textAddress, textLen, textLen)
	segment(load, read|write, dataOffset, dataAddress, headerLen, headerLen+8*uint64(count))
	segment(gnuStack, read|write, 0, 0, 0, 0)

	b.Write(text)
	b.Write(make([]byte, int(dataOffset)-b.Len()))
	b.WriteString(magic)
	le(uint64(count))
	b.Write(make([]byte, headerLen-16))
	return b.Bytes(), nil
}
