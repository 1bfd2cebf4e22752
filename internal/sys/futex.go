package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// futex(2) operations, on words that processes share.
const (
	futexWait = 0
	futexWake = 1
)

// FutexWait sleeps while the word has the value, until it is woken or a signal comes.
func FutexWait(word *uint32, value uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(value), 0, 0, 0)
}

// FutexWake wakes one that sleeps on the word.
func FutexWake(word *uint32) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, 1, 0, 0, 0)
}
