// Package stub is what a deputy has in place of a program: a page of machine code that makes the system
// calls it is told to, and memory that it shares with the agent of its node, by which it is told.
//
// The shared memory is a memfd, mapped by the agent anywhere and by the deputy at Base:
//
//	offset     size       what
//	0          4 KiB      control: the command, its result, who sleeps
//	4 KiB      4 KiB      code (read and execute in the deputy)
//	8 KiB      120 KiB    stack, for the frames of signals
//	128 KiB    256 KiB    Strings: copy of the arguments and environment that /proc shows
//	1 MiB      65 MiB     Staging: what the calls read and write
//
// Each thread of a deputy has such memory, at distances of Stride; all run the code of the first.
//
// A memfd of one page, the doorbell, is shared by all deputies of a node and mapped behind the first thread's
// memory: a stub whose call took so long that the agent stopped looking rings it.
package stub

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

// Where the deputy sees the shared memory. No program is likely to use these addresses; one that passes a
// pointer into them to a call that goes through the memory window gets EFAULT.
const (
	Base = 0x3000_0000_0000 // first address

	codeOffset    = 4 << 10
	stringsOffset = 128 << 10
	stagingOffset = 1 << 20

	// Addresses in the first thread's memory.
	Code        = Base + codeOffset     // the stub's first instruction
	Handler     = Code + handlerOffset  // a signal handler that returns
	Restorer    = Code + restorerOffset // what it returns to
	Strings     = Base + stringsOffset
	StringsSize = 256 << 10
	StagingSize = 65 << 20 // a call of 64 MiB and its structures

	Size = stagingOffset + StagingSize // of the shared memory
	Bell = Base + Size                 // the doorbell's page

	Stride     = 128 << 20                // from the memory of a thread to that of the next
	MaxThreads = 1024                     // of one deputy
	End        = Base + MaxThreads*Stride // first address behind all that the deputy shares

	pageSize = 4096
)

// control is the first page. The stub knows the offsets.
type control struct {
	command  uint32    // 0: number of the last command given; a futex word
	done     uint32    // 4: number of the last command whose result is there
	parked   uint32    // 8: the agent does not look: ring the doorbell. Only the agent writes it
	_        uint32    // 12
	call     uint64    // 16: system call number
	args     [6]uint64 // 24
	result   int64     // 72: value or -errno
	spin     uint32    // 80: turns of PAUSE before the stub sleeps
	sleeping uint32    // 84: the stub waits in the kernel for a command
}

// Memory is the agent's side of the memory that it shares with one thread of a deputy.
type Memory struct {
	fd      int
	base    uint64 // where the deputy sees it
	mapping []byte
	control *control
}

// New makes the shared memory of a thread, to be mapped in place number slot, 0 to MaxThreads-1. The stub spins for so many turns of the PAUSE instruction (some
// 40 to 140 cycles each) before it sleeps.
func New(spin uint32, slot int) (*Memory, error) {
	fd, err := unix.MemfdCreate("deputy", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	m := &Memory{fd: fd, base: Base + uint64(slot)*Stride}
	if err := unix.Ftruncate(fd, Size); err != nil {
		_ = m.Close()
		return nil, fmt.Errorf("size of a deputy's memory: %w", err)
	}
	m.mapping, err = unix.Mmap(fd, 0, Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		_ = m.Close()
		return nil, fmt.Errorf("map a deputy's memory: %w", err)
	}
	m.control = (*control)(unsafe.Pointer(&m.mapping[0]))
	m.control.spin = spin
	page := m.mapping[codeOffset:][:pageSize]
	copy(page, code())
	copy(page[handlerOffset:], handler)
	copy(page[restorerOffset:], restorer)
	return m, nil
}

// FD is the descriptor to map in the deputy.
func (m *Memory) FD() int { return m.fd }

// Base is the address at which the deputy has to map it.
func (m *Memory) Base() uint64 { return m.base }

// StackTop is the end of the thread's stack, an address of the deputy.
func (m *Memory) StackTop() uint64 { return m.base + stringsOffset }

// StagingBase is where the deputy sees Staging.
func (m *Memory) StagingBase() uint64 { return m.base + stagingOffset }

// Close gives the memory up. The deputy keeps its own mapping.
func (m *Memory) Close() error {
	if m.mapping != nil {
		_ = unix.Munmap(m.mapping)
		m.mapping = nil
	}
	return unix.Close(m.fd)
}

// Staging is the agent's view of the memory that calls read and write.
func (m *Memory) Staging() []byte { return m.mapping[stagingOffset:][:StagingSize] }

// Strings is the agent's view of the memory that /proc shows as arguments and environment.
func (m *Memory) Strings() []byte { return m.mapping[stringsOffset:][:StringsSize] }

// Start has the stub make a call. One call is made at a time.
func (m *Memory) Start(call uint64, args [6]uint64) {
	m.control.call = call
	m.control.args = args
	atomic.StoreUint32(&m.control.parked, 0)
	atomic.AddUint32(&m.control.command, 1)
	if atomic.LoadUint32(&m.control.sleeping) != 0 {
		sys.FutexWake(&m.control.command)
	}
}

// Done reports whether the call of the last Start has returned.
func (m *Memory) Done() bool {
	return atomic.LoadUint32(&m.control.done) == atomic.LoadUint32(&m.control.command)
}

// Result is what the call returned: a value, or -errno.
func (m *Memory) Result() int64 { return m.control.result }

// Park asks the stub to ring the doorbell when the call returns. It reports false if the call has returned
// already.
func (m *Memory) Park() bool {
	atomic.SwapUint32(&m.control.parked, 1)
	return !m.Done()
}

// Trim gives the pages of staging back, after a call that used many.
func (m *Memory) Trim() {
	_ = unix.Fallocate(m.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, stagingOffset, StagingSize)
}
